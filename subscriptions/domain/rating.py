"""What use costs beyond what plans include, month by month. Pure.

A month is a calendar month where the contract is billed, as plans name their allowances and as
consumption is shown. A plan includes all of its allowance also in a month that it has in part: of
two plans in a month each is rated by itself, by what was used on its own days. Lines of one bill
whose plans name the same pool are rated together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise

from catalogue.domain.model import Kind, Offering, Segment
from catalogue.domain.usage import POOL, Dimension, Rate, rates_of
from commerce.kernel.money import Money
from commerce.kernel.periods import Period, add_months

COUNTS_AS: Mapping[Dimension, tuple[Dimension, ...]] = {
    **{each: (each,) for each in Dimension},
    Dimension.ABROAD: (Dimension.ABROAD, Dimension.DATA),
}
"""What is used abroad is part of the data."""


def is_barred(day: date, *, taken_on: date) -> bool:
    """Whether use of that day was told too late to be paid for: a year later it is not yet."""
    return taken_on > add_months(day, 12)


@dataclass(frozen=True, slots=True)
class HeldOffering:
    """An item of a contract, as it was sold at the instant `sold_at`, from `since` up to but not
    including `until`; `line` names it in its order."""

    item: int
    line: str
    offering: Offering
    since: date
    until: date | None
    sold_at: datetime

    def runs_in(self, days: Period) -> bool:
        return self.since < days.end and (self.until is None or self.until > days.start)


@dataclass(frozen=True, slots=True)
class LineTerms:
    """What the use of a contract is rated by."""

    contract: int
    segment: Segment
    term: int
    held: tuple[HeldOffering, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The days of a month on which a contract has one plan (`item`), and what use costs then."""

    contract: int
    item: int
    line: str
    days: Period
    rates: Mapping[Dimension, Rate]
    pool: str = ""


def month_days(month: date) -> Period:
    return Period(month, add_months(month, 1))


def stretches(line: LineTerms, *, month: date) -> tuple[Stretch, ...]:
    """The stretches of the month, which together are all of it.

    The days before the first plan are the first one's, those after a plan its own until the next:
    what was used on the last day of a contract is used with the plan that it had.
    """
    days = month_days(month)
    plans = sorted(
        (
            each
            for each in line.held
            if each.offering.kind is Kind.PLAN and each.since != each.until and each.runs_in(days)
        ),
        key=lambda each: (each.since, each.item),
    )
    edges = [days.start, *(max(each.since, days.start) for each in plans[1:]), days.end]
    return tuple(
        _stretch(line, plan, Period(start, end))
        for plan, (start, end) in zip(plans, pairwise(edges), strict=False)
        if start < end
    )


def without_days(line: LineTerms, *, month: date) -> tuple[Stretch, ...]:
    """Plans that have no day of the month, though bills may hold use of theirs: a change that was
    told later ended them before it, or their contract was given back as a whole. Nothing of such
    use is paid, so that what was billed of it goes back."""
    present = {each.item for each in stretches(line, month=month)}
    return tuple(
        replace(_stretch(line, plan, Period(plan.since, plan.since)), pool="")
        for plan in line.held
        if plan.offering.kind is Kind.PLAN and plan.item not in present
    )


def _stretch(line: LineTerms, plan: HeldOffering, days: Period) -> Stretch:
    options = (
        each.offering
        for each in line.held
        if each.offering.kind is Kind.OPTION and each.since != each.until and each.runs_in(days)
    )
    rates = rates_of(
        [plan.offering, *options], segment=line.segment, term=line.term, at=plan.sold_at
    )
    pool = plan.offering.characteristics.get(POOL)
    shared = pool if isinstance(pool, str) else ""
    return Stretch(line.contract, plan.item, plan.line, days, rates, shared)


def shares(line: LineTerms, *, month: date) -> bool:
    """Whether other lines may use what it includes."""
    return any(each.pool for each in stretches(line, month=month))


def included_in(line: LineTerms, *, month: date) -> Mapping[Dimension, Decimal]:
    """What the month includes in all its stretches; what is not named has no end."""
    found = stretches(line, month=month)
    return {
        each: sum((limit for limit in limits if limit is not None), Decimal(0))
        for each in Dimension
        if (limits := [stretch.rates[each].included for stretch in found]) and None not in limits
    }


@dataclass(frozen=True, slots=True)
class Rated:
    """What was used of something in stretches that are rated together, the first one's `item`
    standing for all; `beyond` are started units, `amount` is what they cost, to the cent."""

    contract: int
    item: int
    line: str
    month: date
    dimension: Dimension
    used: Decimal
    included: Decimal | None
    charge: str
    beyond: int
    amount: Money
    tax_class: str
    members: tuple[int, ...]


Used = Mapping[tuple[int, Dimension], Decimal]
"""By the plan's item and what was used."""


def rated(found: Iterable[Stretch], *, month: date, used: Used, currency: str) -> tuple[Rated, ...]:
    """Rate the stretches of a month of one bill, those of a pool together; in a fixed order."""
    groups: dict[tuple[str, int], list[Stretch]] = {}
    for each in sorted(found, key=lambda each: each.item):
        own = 0 if each.pool else each.item
        groups.setdefault((each.pool, own), []).append(each)
    return tuple(
        _rated(group, dimension, month=month, used=used, currency=currency)
        for group in groups.values()
        for dimension in Dimension
    )


def _rated(
    group: Sequence[Stretch], dimension: Dimension, *, month: date, used: Used, currency: str
) -> Rated:
    rates = [each.rates[dimension] for each in group]
    included: Decimal | None = Decimal(0)
    for rate in rates:
        included = None if included is None or rate.included is None else included + rate.included
    sum_ = sum((used.get((each.item, dimension), Decimal(0)) for each in group), Decimal(0))
    charge = next((rate.charge for rate in rates if rate.charge is not None), None)
    beyond = 0
    if charge is not None and included is not None:
        beyond = int(max(sum_ - included, Decimal(0)).to_integral_value(ROUND_CEILING))
    first = group[0]
    return Rated(
        contract=first.contract,
        item=first.item,
        line=first.line,
        month=month,
        dimension=dimension,
        used=sum_,
        included=included,
        charge=charge.code if charge else "",
        beyond=beyond,
        amount=(charge.amount * beyond).rounded() if charge else Money.zero(currency),
        tax_class=charge.tax_class if charge else "",
        members=tuple(dict.fromkeys(each.contract for each in group)),
    )


@dataclass(frozen=True, slots=True)
class SoFar:
    """A month of a line that is not over: what was used, is included (None: there is no end to it)
    and would be billed by now. `lines` share it."""

    dimension: Dimension
    used: Decimal
    included: Decimal | None
    beyond: int
    cost: Money
    lines: int

    @property
    def left(self) -> Decimal | None:
        """None: there is no end to it."""
        return None if self.included is None else max(self.included - self.used, Decimal(0))


def so_far(rates: Iterable[Rated]) -> tuple[SoFar, ...]:
    """What of one line, or of its pool, was used at all; all plans of the month together."""
    found: dict[Dimension, SoFar] = {}
    for each in rates:
        own = SoFar(
            each.dimension, each.used, each.included, each.beyond, each.amount, len(each.members)
        )
        before = found.get(each.dimension)
        found[each.dimension] = _both(before, own) if before else own
    return tuple(each for each in found.values() if each.used)


def _both(one: SoFar, other: SoFar) -> SoFar:
    limits = (one.included, other.included)
    return SoFar(
        dimension=one.dimension,
        used=one.used + other.used,
        included=None if None in limits else sum((n for n in limits if n is not None), Decimal(0)),
        beyond=one.beyond + other.beyond,
        cost=one.cost + other.cost,
        lines=max(one.lines, other.lines),
    )


TOLD_AT = (100, 80)
"""Per cent of an allowance at which its customer is told, the most first."""


def reached(used: Decimal, *, more: Decimal, included: Decimal | None) -> int | None:
    """The most of `TOLD_AT` that the last part of what was `used` has reached; None if none."""
    if not included:
        return None
    return next((p for p in TOLD_AT if 100 * (used - more) < p * included <= 100 * used), None)


@dataclass(frozen=True, slots=True)
class Billed:
    """How much of the over-use of a plan in a month bills hold so far, in so many revisions."""

    units: int
    amount: Money
    revisions: int


@dataclass(frozen=True, slots=True)
class Owing:
    """What the next bill has to say of a rated month: `units` and `amount` beyond what was billed,
    less than nothing where too much was."""

    rated: Rated
    units: int
    amount: Money
    revision: int


def owing(
    rates: Iterable[Rated], *, billed: Mapping[tuple[int, str, date], Billed]
) -> tuple[Owing, ...]:
    """What should be billed minus what is; nothing where they agree. `billed` is by the plan's
    item, charge and month."""
    found = []
    for each in rates:
        if not each.charge:
            continue
        before = billed.get((each.item, each.charge, each.month))
        units = each.beyond - (before.units if before else 0)
        amount = each.amount - before.amount if before else each.amount
        if amount:
            found.append(Owing(each, units, amount, before.revisions + 1 if before else 1))
    return tuple(found)
