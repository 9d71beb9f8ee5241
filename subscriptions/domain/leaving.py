"""What is left of a commitment on the day on which its contract would end. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from commerce.kernel.money import Money, total
from commerce.kernel.periods import add_months, full_months
from subscriptions.domain.charges import AgreedCharge, contract_month, net_in_period
from subscriptions.domain.cycles import CycleDay


@dataclass(frozen=True, slots=True)
class Commitment:
    """So many months from the day `since`."""

    since: date
    months: int

    def elapsed(self, on: date) -> int:
        """The full months that are over on the day `on`."""
        return min(full_months(self.since, on), self.months)

    def month_left(self, on: date) -> int:
        """The contract month in which one leaves on that day: a month begun counts."""
        elapsed = self.elapsed(on)
        return elapsed + (on > add_months(self.since, elapsed))


@dataclass(frozen=True, slots=True)
class Left:
    """After `elapsed` full months: the `instalments` of the months that follow, the first of them
    for the days that are left of it, and the advantages to be given back."""

    elapsed: int
    instalments: tuple[Money, ...]
    given_back: Money
    tax_class: str


def instalments_left(
    charges: Iterable[tuple[AgreedCharge, date]],
    *,
    commitment: Commitment,
    on: date,
    cycle_day: CycleDay,
) -> tuple[Money, ...]:
    """What the recurring `charges`, each since a day, would cost in each month from `on` to the end
    of the commitment, after their benefits and not rounded.

    What is due every n months is shared by them: of what was paid in advance for the months left
    the customer gets his part back, so that it is owed for them as for the others.
    """
    present = [(charge, since) for charge, since in charges if charge.recurring]
    found = []
    for month in range(commitment.elapsed(on), commitment.months):
        start, end = (add_months(commitment.since, each) for each in (month, month + 1))
        whole = total(
            _monthly(charge, month=contract_month(start, activation=since, cycle_day=cycle_day))
            for charge, since in present
        )
        found.append(whole * (end - max(on, start)).days / (end - start).days)
    return tuple(found)


def _monthly(charge: AgreedCharge, *, month: int) -> Money:
    """The share of a contract month in what is due for several at a time."""
    due_in = month - (month - 1) % charge.every_months
    return net_in_period(charge, period=due_in) / charge.every_months
