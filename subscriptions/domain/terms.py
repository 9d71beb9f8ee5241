"""When a change of terms takes effect for a contract. Pure."""

from collections.abc import Iterable
from datetime import date
from itertools import dropwhile

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
