"""What falls due when: the one place that the quote and the bill run share.

Periods are counted from activation: period 1 is the first contract month. A benefit changes the
amount of some periods and stays a line of its own, so that a bill can show what was given.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from commerce.kernel.money import Money
from commerce.kernel.periods import Period, add_months, cycle_day_for, full_months
from promotions.domain.benefits import Benefit, EarlyExit, layers
from subscriptions.domain.cycles import (
    CycleDay,
    day_on,
    first_bill_on,
    first_cycle_start,
    last_bill_on,
    moves_of,
)


@dataclass(frozen=True, slots=True)
class AgreedCharge:
    """A charge as agreed in a contract, with the benefits that were granted on it, in order.

    `amount` is for one unit in the master basis (TTC for consumers, HT for business) and already
    rounded; `quantity` multiplies every amount that falls due.
    """

    item: str
    code: str
    recurring: bool
    amount: Money
    tax_class: str
    every_months: int = 1
    benefits: tuple[Benefit, ...] = ()
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class DueLine:
    """An amount that falls due: the charge itself (`benefit` None) or an advantage (negative).

    `period` counts contract months from activation (1 = the first); 0 is the order itself.
    """

    item: str
    charge: str
    period: int
    benefit: str | None
    amount: Money
    tax_class: str


@dataclass(frozen=True, slots=True)
class Phase:
    """From period `first`, so many equal periods (None: without end) at `amount` after benefits."""

    first: int
    periods: int | None
    list_amount: Money
    amount: Money
    benefits: tuple[str, ...]


def due_in_period(charge: AgreedCharge, *, period: int) -> tuple[DueLine, ...]:
    """What `charge` makes due in `period`: the charge, then one negative line per benefit.

    One-off charges fall due in period 0 (the order); recurring ones in advance at the start of
    period 1, 1+n, 1+2n, ... A benefit's months are contract months.
    """
    if charge.recurring:
        if period < 1 or (period - 1) % charge.every_months:
            return ()
    elif period != 0:
        return ()
    gross = (charge.amount * charge.quantity).rounded()
    taken = _taken([b for b in charge.benefits if b.covers(max(period, 1))], charge=charge)
    return (
        DueLine(charge.item, charge.code, period, None, gross, charge.tax_class),
        *(
            DueLine(charge.item, charge.code, period, code, -saving.rounded(), charge.tax_class)
            for code, saving in taken.items()
        ),
    )


def _taken(benefits: Sequence[Benefit], *, charge: AgreedCharge) -> dict[str, Money]:
    """What each promotion takes off the whole line, by its code, in the order of `benefits`."""
    taken = {benefit.code: Money.zero(charge.amount.currency) for benefit in benefits}
    for layer in layers(benefits, quantity=charge.quantity):
        left = charge.amount
        for benefit in layer.benefits:
            saving = benefit.saving_on(left)
            left = left - saving
            taken[benefit.code] = taken[benefit.code] + saving * layer.count
    return taken


def net_in_period(charge: AgreedCharge, *, period: int) -> Money:
    """The amount due for `period` after benefits; zero where nothing falls due."""
    result = Money.zero(charge.amount.currency)
    for line in due_in_period(charge, period=period):
        result = result + line.amount
    return result


def given_back(
    charges: Iterable[AgreedCharge], *, commitment_months: int, left_in_month: int
) -> Money:
    """The advantages that are paid back by who leaves in a contract month (1 = the first).

    Those whose rule says so: what they took off one-off charges, and off the recurring ones of the
    months up to and with `left_in_month`. Nothing once the commitment is over, or without one.
    """
    back = Money.zero()
    if left_in_month >= commitment_months:
        return back
    for charge in charges:
        returned = {b.code for b in charge.benefits if b.early_exit is EarlyExit.GIVE_BACK}
        if not returned:
            continue
        for period in range(left_in_month + 1):
            for line in due_in_period(charge, period=period):
                if line.benefit in returned:
                    back = back - line.amount
    return back


@dataclass(frozen=True, slots=True)
class Span:
    """The days that one line bills: number `index` from activation (1 = first), part of `whole`.

    Only the first span, and the first one after the cycle day was moved, may be shorter than its
    `whole`: up to the account's next cycle day. It is priced by days, as a line of its own kind.
    `began_with` is the cycle day on which the item began, where another holds by now: the months of
    advantages go on counting as they did.
    """

    index: int
    period: Period
    whole: Period
    began_with: int | None = None

    @property
    def prorated(self) -> bool:
        return self.period != self.whole

    @property
    def counted_with(self) -> int:
        """The cycle day by which the months of advantages count."""
        return self.whole.end.day if self.began_with is None else self.began_with


def span_from(start: date, *, activation: date, cycle_day: CycleDay, every_months: int = 1) -> Span:
    """The span of a recurring charge that starts on `start`; the next one starts at its end.

    Where the cycle day was moved, the spans begun before go on to their ends; from there the charge
    runs as if it began anew on that day, and its months are counted on.

    Raises:
        ValueError: no span of such a charge starts on that day.
    """
    days = day_on(cycle_day, activation)
    if not moves_of(cycle_day):
        return _span_on(start, since=activation, cycle_day=days, every_months=every_months)
    since, index, present = activation, 1, days
    for move in moves_of(cycle_day):
        if move <= since:
            continue
        last = _span_before(move, since=since, cycle_day=present, every_months=every_months)
        if last.period.end > start:
            break
        following = day_on(cycle_day, last.period.end)
        if following != present:
            since, present = last.period.end, following
            index += last.index - 1 + _months_of(last, every_months)
    span = _span_on(start, since=since, cycle_day=present, every_months=every_months)
    return replace(span, index=span.index + index - 1, began_with=days)


def _months_of(span: Span, every_months: int) -> int:
    """By how much the next span's number is higher."""
    return 1 if span.prorated else every_months


def _span_before(day: date, *, since: date, cycle_day: int, every_months: int) -> Span:
    """The span that holds the eve of `day`, which lies after `since`."""
    anchor = first_cycle_start(since, cycle_day=cycle_day)
    if day <= anchor:
        return _span_on(since, since=since, cycle_day=cycle_day, every_months=every_months)
    eve = day - timedelta(days=1)
    start = add_months(anchor, full_months(anchor, eve) // every_months * every_months)
    return _span_on(start, since=since, cycle_day=cycle_day, every_months=every_months)


def _span_on(start: date, *, since: date, cycle_day: int, every_months: int) -> Span:
    anchor = first_cycle_start(since, cycle_day=cycle_day)
    stub = anchor != since
    if stub and start == since:
        return Span(1, Period(since, anchor), Period(add_months(anchor, -every_months), anchor))
    months = (start.year - anchor.year) * 12 + start.month - anchor.month
    if start.day != cycle_day or months < 0 or months % every_months:
        raise ValueError(f"no span of a charge active since {since} starts on {start}")
    period = Period(start, add_months(anchor, months + every_months))
    return Span(months + 1 + stub, period, period)


def billed_on(
    span: Span, *, activation: date, cycle_day: CycleDay, costs_on: date | None = None
) -> date:
    """The day of the bill on which a span stands, in advance: its first, but for one that begins
    within the days of a bill, since the cycle day was moved.

    Of what goes on only with a yes, no bill made before the day `costs_on`, on which it begins to
    cost, holds days from then on, as the yes may come until then and nothing is asked for without
    it: the span stands on the first bill after its days, or on the one that holds its end already
    and is made from that day on, as the span after it does.
    """
    period = span.period
    in_advance = (
        activation
        if period.start == activation
        else last_bill_on(period.start, cycle_day=cycle_day)
    )
    if costs_on is not None and in_advance < costs_on < period.end:
        last = last_bill_on(period.end, cycle_day=cycle_day)
        return last if last >= costs_on else first_bill_on(period.end, cycle_day=cycle_day)
    return in_advance


def spans(
    charge: AgreedCharge, *, activation: date, cycle_day: CycleDay, start: date | None = None
) -> Iterator[Span]:
    """The spans of a recurring charge from the one that starts on `start` (the first), for ever."""
    following = start or activation
    while True:
        span = span_from(
            following,
            activation=activation,
            cycle_day=cycle_day,
            every_months=charge.every_months,
        )
        yield span
        following = span.period.end


def due_lines(charge: AgreedCharge, *, activation: date, span: Span) -> tuple[DueLine, ...]:
    """What a recurring charge makes due for `span`: itself, then one negative line per benefit.

    A benefit's months are contract months: those billed on the account's own cycle; on the cycle of
    an account that was joined, months from `activation`, and of a monthly span that it covers in
    part it takes its days. A charge every n months takes a benefit
    whole if the month in which it falls due has it. Amounts are price * days / days of `whole`,
    each sum left to pay rounded half up, so that all off is exactly zero.
    """
    weighed: dict[str, Money] = {}
    for days, covering in _cuts(charge, activation=activation, span=span):
        for code, saving in _taken(covering, charge=charge).items():
            before = weighed.get(code, Money.zero(charge.amount.currency))
            weighed[code] = before + saving * days
    whole = Decimal(span.whole.days)
    left = charge.amount * charge.quantity * span.period.days
    lines = [_line(charge, span.index, None, (left / whole).rounded())]
    for code in dict.fromkeys(benefit.code for benefit in charge.benefits):
        if code in weighed:
            remaining = left - weighed[code]
            amount = (remaining / whole).rounded() - (left / whole).rounded()
            lines.append(_line(charge, span.index, code, amount))
            left = remaining
    return tuple(lines)


def _line(charge: AgreedCharge, period: int, benefit: str | None, amount: Money) -> DueLine:
    return DueLine(charge.item, charge.code, period, benefit, amount, charge.tax_class)


def _cuts(
    charge: AgreedCharge, *, activation: date, span: Span
) -> Iterator[tuple[int, tuple[Benefit, ...]]]:
    """The days of `span` in runs with the same benefits: (days, those benefits in order)."""
    months = [
        days_of(benefit, activation=activation, cycle_day=span.counted_with)
        for benefit in charge.benefits
    ]
    start, end = span.period.start, span.period.end
    edges = {start, end}
    if charge.every_months == 1:
        edges |= {edge for pair in months for edge in pair if edge and start < edge < end}
    cuts = sorted(edges)
    for first, following in pairwise(cuts):
        covering = tuple(
            benefit
            for benefit, (since, until) in zip(charge.benefits, months, strict=True)
            if since <= first and (until is None or first < until)
        )
        yield (following - first).days, covering


def days_of(benefit: Benefit, *, activation: date, cycle_day: CycleDay) -> tuple[date, date | None]:
    """A benefit's contract months: the first day with it, the first without (None: never)."""
    since = month_start(benefit.first, activation=activation, cycle_day=cycle_day)
    if benefit.periods is None:
        return since, None
    following = benefit.first + benefit.periods
    return since, month_start(following, activation=activation, cycle_day=cycle_day)


def month_start(month: int, *, activation: date, cycle_day: CycleDay) -> date:
    """The first day of a contract month.

    From the activation day on; on the account's own cycle of one who starts on the 29th, 30th or
    31st, the second and later months begin on the 28th, as they are billed. A cycle day that is
    moved later moves no month.
    """
    began_with = day_on(cycle_day, activation)
    if month > 1 and activation.day > 28 and began_with == cycle_day_for(activation):
        return add_months(first_cycle_start(activation, cycle_day=began_with), month - 2)
    return add_months(activation, month - 1)


def contract_month(day: date, *, activation: date, cycle_day: CycleDay) -> int:
    """The contract month in which a day lies: 1 is the first, and any day before it."""
    month = full_months(activation, day) + 1
    following = month_start(month + 1, activation=activation, cycle_day=cycle_day)
    return month + (day >= following)


def period_starts(activation: date) -> Iterator[tuple[int, Period]]:
    """The billed months 1, 2, ... of a contract on a new account's own cycle.

    The cycle day is the activation day; 29, 30 and 31 become 28: then period 1 runs from the
    activation to the 28th of the next month and is priced by days. Months never drift.
    """
    cycle_day, start = cycle_day_for(activation), activation
    while True:
        span = span_from(start, activation=activation, cycle_day=cycle_day)
        yield span.index, span.period
        start = span.period.end
