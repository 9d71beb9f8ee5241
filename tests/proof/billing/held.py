"""Which items a contract has had by what is known on a day, as the engine's rows have them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from commerce.kernel.periods import cycle_day_for
from subscriptions.domain.cycles import CycleDay, moved
from subscriptions.domain.invoice import bill_period
from tests.proof.billing.facts import (
    Contract,
    CycleDayMoved,
    Item,
    ItemAdded,
    ItemRemoved,
    Life,
    PlanChanged,
    Terminated,
    Withdrawn,
)

Act = PlanChanged | ItemAdded | ItemRemoved | Terminated | Withdrawn


@dataclass(slots=True)
class Held:
    """An item of a contract from `since` to the eve of `until` (None: it has no end yet)."""

    item: Item
    since: date
    is_plan: bool
    until: date | None = None

    def end(self, on: date) -> None:
        """It never lasts less than no day."""
        self.until = max(on, self.since)


@dataclass(frozen=True, slots=True)
class Place:
    """Where lines come from: a charge of an item of a contract, since when."""

    contract: str
    since: str
    item: str
    charge: str


def items(life: Life, contract: Contract, *, known: date) -> list[Held]:
    """The items that the contract has had or will have, by what is known at the end of a day."""
    on = contract.activated
    if on is None or on > known:
        return []
    found = [Held(contract.plan, on, True), *(Held(each, on, False) for each in contract.options)]
    for since, fact in _acts(life, contract, known=known):
        running = [held for held in found if held.until is None]
        match fact:
            case PlanChanged():
                _end((held for held in running if held.is_plan), since)
                found.append(Held(fact.plan, since, True, None if running else since))
            case ItemAdded():
                found.append(Held(fact.item, since, False, None if running else since))
            case ItemRemoved():
                _end([held for held in running if held.item.code == fact.item], since)
            case Terminated():
                _end(running, since)
            case Withdrawn():
                _end(running, since if fact.early else on)
    return found


def _end(items: Iterable[Held], on: date) -> None:
    for held in items:
        held.end(on)


def _acts(life: Life, contract: Contract, *, known: date) -> list[tuple[date, Act]]:
    """What happens to the contract, by the day on which it takes effect, then as entered."""
    acts = [
        (takes_effect(life, fact), fact)
        for fact in life.facts
        if isinstance(fact, Act) and fact.contract == contract.code and fact.known <= known
    ]
    return sorted(acts, key=lambda act: (act[0], act[1].entry))


def takes_effect(life: Life, fact: Act) -> date:
    return fact.on or bill_period(fact.known, cycle_day=cycle_day(life)).end


def cycle_day(life: Life) -> CycleDay:
    """The account's own day, or that of its first activation, and where it was moved to."""
    begun = [one.activated for one in life.contracts if one.activated]
    first = life.account.cycle_day or cycle_day_for(
        min(begun or [one.ordered for one in life.contracts])
    )
    cycle: CycleDay = first
    moves = (fact for fact in life.facts if isinstance(fact, CycleDayMoved))
    for move in sorted(moves, key=lambda fact: fact.entry):
        cycle = moved(cycle, to=move.day, asked_on=move.known)
    return cycle
