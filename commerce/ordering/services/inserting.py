"""A change that goes before one that waits for a later day: they must go together then."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from catalogue.domain.model import Refusal, Segment, Snapshot
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.cart import CartLine
from commerce.ordering.domain.checks import broken_rules
from commerce.ordering.domain.facts import Entry, unit_facts
from commerce.ordering.domain.states import ItemAction
from commerce.ordering.models import Order
from subscriptions.domain.states import ENDING, ChangeKind
from subscriptions.domain.views import ItemView


def check_fits_later(
    later: Sequence[Order],
    items: Iterable[ItemView],
    *,
    ending: Collection[int],
    begins: Sequence[str],
    instead: Mapping[int, str],
    segment: Segment,
    catalogue: Snapshot,
) -> None:
    """The line must stand by the catalogue's rules once the orders `later` have taken effect too;
    `ending` and `begins` are what ends and begins before them, `instead` those of `begins` that
    take the place of an item.

    Raises:
        RuleViolated: what does not go together then, with the `order` that waits.
    """
    left = [item for item in items if item.id not in ending]
    known = {
        refusal.code
        for refusal in _broken([*(item.offering for item in left), *begins], segment, catalogue)
    }
    for order in later:
        if ChangeKind(order.change) in ENDING:
            continue
        rows = [row for row in order.items.all() if row.role != "fee"]
        gone = {row.subject for row in rows}
        coming = [row.offering for row in rows if row.action != ItemAction.DELETE]
        stays = [item.offering for item in left if item.id not in gone]
        passing = {code for item, code in instead.items() if item in gone}
        stays += [code for code in begins if code not in passing]
        for refusal in _broken([*stays, *coming], segment, catalogue):
            if refusal.code not in known:
                raise RuleViolated(
                    refusal.message.in_("en"),
                    code=refusal.code,
                    sentences=refusal.message.by_language,
                    order=order.number,
                )


def _broken(codes: Iterable[str], segment: Segment, catalogue: Snapshot) -> Sequence[Refusal]:
    found = [catalogue.offerings[code] for code in codes if code in catalogue.offerings]
    entries = [
        Entry(CartLine(str(place), each.code, role=each.kind.value), each)
        for place, each in enumerate(found)
    ]
    facts = unit_facts(entries, bundle=None, segment=segment.value)
    return broken_rules(entries, facts=facts, catalogue=catalogue)
