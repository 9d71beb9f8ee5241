"""When a change of terms takes effect for a contract, and how long who was told may leave. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile

from commerce.kernel.periods import add_months
from subscriptions.domain.charges import AgreedCharge, days_of, spans
from subscriptions.domain.cycles import CycleDay


def takes_effect(
    charges: Iterable[AgreedCharge], *, since: date, cycle_day: CycleDay, from_on: date
) -> date:
    """The first day from `from_on` on that begins a bill of all recurring `charges`, and on which
    no advantage that was granted for some months still runs: what was promised for a time is kept.
    """
    recurring = [charge for charge in charges if charge.recurring]
    day = from_on
    for charge in recurring:
        for benefit in charge.benefits:
            day = max(day, days_of(benefit, activation=since, cycle_day=cycle_day)[1] or day)
    starts = [
        _starts_from(charge, since=since, cycle_day=cycle_day, day=day) for charge in recurring
    ]
    return max(starts, default=day)


def _starts_from(charge: AgreedCharge, *, since: date, cycle_day: CycleDay, day: date) -> date:
    every = spans(charge, activation=since, cycle_day=cycle_day)
    return next(dropwhile(lambda span: span.period.start < day, every)).period.start


@dataclass(frozen=True, slots=True)
class ToldOf:
    """A change that its holder was told of on the day `told_on`, and from when it holds."""

    told_on: date
    effective_on: date


def last_free_day(
    changes: Iterable[ToldOf], *, on: date, months: int, bound_since: date | None = None
) -> date | None:
    """The last day on which who asks on the day `on` may leave free of charge for one of the
    changes: `months` after it took effect; None if that is past or he was not told by then.

    A commitment that began, on the day `bound_since`, after he was told was taken on by who knew,
    and holds.
    """
    ends = (
        add_months(each.effective_on, months)
        for each in changes
        if each.told_on <= on and (bound_since is None or bound_since <= each.told_on)
    )
    return max((end for end in ends if on <= end), default=None)
