"""Phones side by side, or plans: what differs, what each costs, which is the cheapest."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalogue.domain.expressions import Scalar
from catalogue.domain.model import Kind, Offering
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.domain.showcase import SHOWN_TERM, Shown
from commerce.ordering.showcase import ShopWindow

MOST = 4
KINDS = (Kind.HANDSET, Kind.PLAN)

Value = Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class Row:
    """A characteristic of each column; None where it has none."""

    name: str
    values: tuple[Value, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


@dataclass(frozen=True, slots=True)
class Cheapest:
    """The columns with the lowest amount; none if all are alike."""

    today: frozenset[int]
    month: frozenset[int]
    total: frozenset[int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Columns in the order that was asked for, each with the plan that is cheapest for it."""

    columns: tuple[Shown, ...]
    rows: tuple[Row, ...]
    cheapest: Cheapest


def check_comparable(offerings: Sequence[Offering]) -> None:
    """Raises RuleViolated: more than four, things of two kinds, or of a kind without a table."""
    if len(offerings) > MOST:
        raise RuleViolated(
            f"At most {MOST} can be compared side by side; take one away first.",
            code="compare_too_many",
            most=MOST,
        )
    for offering in offerings:
        if offering.kind not in KINDS:
            raise RuleViolated(
                "Only phones and plans can be compared.",
                code="compare_no_table",
                offering=offering.code,
            )
    if len({offering.kind for offering in offerings}) > 1:
        raise RuleViolated(
            "Phones are compared with phones, and plans with plans.", code="compare_kinds_mixed"
        )


def compare(
    shop: ShopWindow, offerings: Sequence[Offering], *, term: int = SHOWN_TERM
) -> Comparison:
    """Raises RuleViolated as `check_comparable`, InvalidInput for nothing at all.

    The same offering twice is one column.
    """
    columns = tuple(dict.fromkeys(each.code for each in offerings))
    by_code = {each.code: each for each in offerings}
    chosen = [by_code[code] for code in columns]
    if not chosen:
        raise InvalidInput("Name what to compare.", code="compare_nothing", field="offers")
    check_comparable(chosen)
    shown = tuple(shop.shown(each, term=term) for each in chosen)
    names = dict.fromkeys(name for each in chosen for name in each.characteristics)
    rows = tuple(
        Row(name, tuple(each.characteristics.get(name) for each in chosen)) for name in names
    )
    return Comparison(
        shown,
        rows,
        Cheapest(
            today=lowest([each.best.due_today_gross for each in shown]),
            month=lowest([each.lasting_month for each in shown]),
            total=lowest([each.best.commitment_total for each in shown]),
        ),
    )


def lowest(amounts: Sequence[Money]) -> frozenset[int]:
    """The places of the lowest amount; none if there is nothing to choose."""
    if len({each.amount for each in amounts}) < 2:
        return frozenset()
    least = min(each.amount for each in amounts)
    return frozenset(n for n, each in enumerate(amounts) if each.amount == least)
