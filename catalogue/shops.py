"""Shops in which customers fetch what they ordered: where they are, and what lies there now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalogue.domain.model import Text
from catalogue.domain.search import folded
from catalogue.domain.sourcing import PartnerKind
from catalogue.models import Supplier
from catalogue.selectors import sources_of
from commerce.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class Shop:
    code: str
    name: str
    line1: str
    postcode: str
    city: str
    hours: tuple[Text, ...]


def shops(*, near: str = "") -> tuple[Shop, ...]:
    """All shops; with a postcode or a town, the nearest first.

    Near is simple: the same town, else the more figures of the postcode are alike (two of them are
    the department), the nearer.
    """
    rows = Supplier.objects.filter(kind=PartnerKind.SHOP).select_related("partner")
    found = [_shop(row) for row in rows]
    return tuple(sorted(found, key=lambda each: (-_nearness(each, near), each.postcode, each.code)))


def shop(code: str) -> Shop:
    """Raises NotFound `unknown_shop`."""
    row = Supplier.objects.filter(kind=PartnerKind.SHOP, partner__code=code).select_related(
        "partner"
    )
    found = row.first()
    if found is None:
        raise NotFound(f"There is no shop {code[:40]}.", code="unknown_shop", field="pick_up_at")
    return _shop(found)


def shops_with(
    wanted: Mapping[str, int], *, among: Sequence[Shop]
) -> tuple[tuple[Shop, Mapping[str, int]], ...]:
    """Each shop with the offerings of which it has too few, and how many it has; one query."""
    there = sources_of(list(wanted), shops=[each.code for each in among]) if among else {}
    pieces = {
        (source.partner, code): source.free for code, sources in there.items() for source in sources
    }
    return tuple((each, _lacking(each.code, wanted, pieces=pieces)) for each in among)


def _lacking(
    shop_code: str, wanted: Mapping[str, int], *, pieces: Mapping[tuple[str, str], int]
) -> Mapping[str, int]:
    there = {code: pieces.get((shop_code, code), 0) for code in wanted}
    return {code: there[code] for code, count in wanted.items() if there[code] < count}


def _nearness(each: Shop, near: str) -> int:
    said = folded(near).strip()
    if not said:
        return 0
    if said.isdecimal():
        alike = 0
        for ours, theirs in zip(each.postcode, said, strict=False):
            if ours != theirs:
                break
            alike += 1
        return alike
    return 9 if folded(each.city).startswith(said) else 0


def _shop(row: Supplier) -> Shop:
    return Shop(
        row.partner.code,
        row.partner.name,
        row.line1,
        row.postcode,
        row.city,
        tuple(Text(line) for line in row.hours),
    )
