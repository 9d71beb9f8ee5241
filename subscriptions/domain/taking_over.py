"""What is left of an agreed charge for who takes a line over. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from promotions.domain.benefits import Benefit
from subscriptions.domain.charges import AgreedCharge, contract_month
from subscriptions.domain.cycles import CycleDay


def remaining(
    charge: AgreedCharge, *, since: date, on: date, cycle_day: CycleDay, item: str
) -> AgreedCharge:
    """A recurring `charge` that runs since `since`, as it goes on from the day `on` under the name
    `item`, with its months counted anew.

    A benefit goes on for the contract months that are left of it; one that has begun by then is
    still to come for the new holder. Nothing else changes.
    """
    passed = contract_month(on, activation=since, cycle_day=cycle_day) - 1
    return replace(charge, item=item, benefits=tuple(_left(charge.benefits, passed=passed)))


def _left(benefits: tuple[Benefit, ...], *, passed: int) -> Iterator[Benefit]:
    for benefit in benefits:
        first = max(benefit.first - passed, 1)
        if benefit.periods is None:
            yield replace(benefit, first=first)
            continue
        last = benefit.first + benefit.periods - 1 - passed
        if last >= first:
            yield replace(benefit, first=first, periods=last - first + 1)
