"""Which situations come up in a life: counted from its facts, not from how it was written."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise

from tests.proof.billing.cycles import ONE_DAY, Cycles, add_months
from tests.proof.billing.facts import (
    Benefit,
    Bought,
    Buyer,
    Compensated,
    Contract,
    ContractFact,
    CycleDayMoved,
    Effect,
    Fact,
    HandedOver,
    Item,
    ItemAdded,
    ItemRemoved,
    Life,
    LinesDiscounted,
    OneOff,
    PaidLate,
    PlanChanged,
    Recurring,
    Renewed,
    Returned,
    Suspended,
    Terminated,
    TermsAnnounced,
    Used,
    Withdrawn,
)
from tests.proof.billing.lives import CLOCK_CHANGES, LEAP_DAYS
from tests.proof.billing.owed import CHATEL_ENDED, leaves_freely
from tests.proof.billing.seen import Running, Seen
from tests.proof.billing.thirds import Purchase, purchases


def situations(life: Life) -> set[str]:
    """The situations of a life, in words."""
    told = _Told(life)
    return {name for name, holds in SITUATIONS.items() if holds(told)}


def covered(lives: Iterable[Life]) -> Counter[str]:
    """In how many lives each situation comes up; 0 if in none."""
    count = Counter(dict.fromkeys(SITUATIONS, 0))
    for life in lives:
        count.update(situations(life))
    return count


class _Told:
    """A life, with what all situations ask for."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.seen = Seen(life, by=life.until, known=life.until)
        self.cycles: Cycles = self.seen.cycles
        self.contracts = {contract.code: contract for contract in life.contracts}
        self.purchases: list[Purchase] = purchases(life)

    def activated(self) -> Iterator[tuple[Contract, date]]:
        """The contracts that became active, and when."""
        for contract in self.life.contracts:
            if contract.activated is not None:
                yield contract, contract.activated

    def changes(self) -> Iterator[tuple[ContractFact, date]]:
        """The changes of what runs, and from which day."""
        kinds = (PlanChanged, Renewed, ItemAdded, ItemRemoved)
        for fact in self.seen.of(ContractFact):
            if isinstance(fact, kinds):
                yield fact, self.seen.takes_effect(fact)

    def items(self) -> Iterator[Item]:
        """Everything that was ever sold."""
        for contract in self.life.contracts:
            yield contract.plan
            yield from contract.options
        yield from (fact.plan for fact in self.seen.of(PlanChanged))
        yield from (fact.plan for fact in self.seen.of(Renewed))
        yield from (fact.successor for fact in self.seen.of(TermsAnnounced))
        yield from (fact.item for fact in self.seen.of(ItemAdded))

    def benefits(self, kind: type = Recurring) -> Iterator[Benefit]:
        """The benefits that were sold with a charge of a kind."""
        for item in self.items():
            codes = {charge.code for charge in item.charges if isinstance(charge, kind)}
            yield from (benefit for benefit in item.benefits if benefit.charge in codes)

    def ends(self) -> Iterator[tuple[Contract, Terminated]]:
        """Which contract ended how."""
        for fact in self.seen.of(Terminated):
            yield self.contracts[fact.contract], fact

    def elapsed(self, contract: Contract, fact: Terminated, months: int) -> bool:
        """Whether a committed contract ended so many months on, or later."""
        on = contract.activated or fact.on
        return contract.commitment > 0 and fact.fee and add_months(on, months) <= fact.on

    def first(self, contract: Contract) -> Running | None:
        """The plan that a contract began with."""
        on = contract.activated
        return next(iter(self.seen.items(contract, on)), None) if on is not None else None

    def late(self, wanted: Callable[[Contract], bool]) -> bool:
        """Whether some such contract ended after month 12 of a commitment that still ran."""
        return any(
            wanted(contract)
            and self.elapsed(contract, fact, 12)
            and not self.elapsed(contract, fact, contract.commitment)
            for contract, fact in self.ends()
        )


Holds = Callable[[_Told], bool]


def _starts_on_the_last_days(told: _Told) -> bool:
    return any(on.day > 28 and told.cycles.day_of_month(on) == 28 for _, on in told.activated())


def _joins_another_cycle_day(told: _Told) -> bool:
    return any(min(on.day, 28) != told.cycles.day_of_month(on) for _, on in told.activated())


def _change_on_the_day_of_activation(told: _Told) -> bool:
    return any(told.contracts[fact.contract].activated == on for fact, on in told.changes())


def _two_changes_on_one_day(told: _Told) -> bool:
    days = Counter((fact.contract, on) for fact, on in told.changes())
    return any(count > 1 for count in days.values())


def _change_before_a_future_dated_one(told: _Told) -> bool:
    plans = [(fact, on) for fact, on in told.changes() if isinstance(fact, PlanChanged)]
    return any(
        first.contract == second.contract
        and first.entry < second.entry
        and second.known <= sooner < later
        for first, later in plans
        for second, sooner in plans
    )


def _suspended(told: _Told, holds: Callable[[Suspended], bool]) -> bool:
    return any(map(holds, told.seen.of(Suspended)))


def _across_a_cycle(told: _Told) -> bool:
    return _suspended(
        told,
        lambda fact: (
            not fact.billed and told.cycles.containing(fact.days.start).end < fact.days.end
        ),
    )


def _used(told: _Told, holds: Callable[[date, date], bool]) -> bool:
    return any(holds(told.seen.local_day(fact), fact.known) for fact in told.seen.of(Used))


def _out_of_order(told: _Told) -> bool:
    records = told.seen.of(Used)
    return any(first.at > second.at for first, second in pairwise(records))


def _sent_twice(told: _Told) -> bool:
    records = Counter((fact.contract, fact.record) for fact in told.seen.of(Used))
    return any(count > 1 for count in records.values())


def _another_local_day(told: _Told) -> bool:
    return any(told.seen.local_day(fact) != fact.at.date() for fact in told.seen.of(Used))


def _a(kind: Effect, value: int | None = None, charge: type = Recurring) -> Holds:
    return lambda told: any(
        benefit.effect is kind and value in (None, benefit.value)
        for benefit in told.benefits(charge)
    )


def _any(kind: type[Fact]) -> Holds:
    return lambda told: bool(told.seen.of(kind))


def _changed_by_us(told: _Told) -> bool:
    return any(
        told.seen.takes_effect(fact) <= told.life.until
        and told.seen.was_changed_by_us(told.contracts[fact.contract], fact)
        for fact in told.seen.of(TermsAnnounced)
    )


def _left_freely(told: _Told) -> bool:
    return any(
        fact.fee and contract.activated and leaves_freely(told.seen, contract, fact)
        for contract, fact in told.ends()
    )


def _left_after_a_renewal(told: _Told) -> bool:
    return any(
        fact.fee and any(one.on < fact.on for one in told.seen.facts(contract, Renewed))
        for contract, fact in told.ends()
    )


def _for_less(told: _Told) -> bool:
    plans = filter(None, map(told.first, told.life.contracts))
    return any(benefit.code == "lines" for plan in plans for benefit, _ in plan.benefits)


def _pools(told: _Told) -> Counter[str]:
    """How many lines have a plan of each pool at some time."""
    lines = {
        (plan.pool, contract.code)
        for contract in told.life.contracts
        for plan in (contract.plan, *_later_plans(told, contract))
        if plan.pool
    }
    return Counter(pool for pool, _ in lines)


def _later_plans(told: _Told, contract: Contract) -> Iterator[Item]:
    yield from (fact.plan for fact in told.seen.facts(contract, PlanChanged))
    yield from (fact.plan for fact in told.seen.facts(contract, Renewed))


def _refused(told: _Told) -> bool:
    return len(told.seen.of(Bought)) > sum(not one.back for one in told.purchases)


def _to_the_limit(told: _Told) -> bool:
    months: Counter[tuple[int, int]] = Counter()
    for one in told.purchases:
        if not one.back:
            months[one.day.year, one.day.month] += int(one.gross * 100)
    return any(cents > 250_00 for cents in months.values())


def _on_a(days: Iterable[date]) -> Holds:
    wanted = set(days)
    return lambda told: any(on in wanted for _, on in (*told.activated(), *told.changes()))


LATE = timedelta(days=32)
SITUATIONS: dict[str, Holds] = {
    "a consumer": lambda told: told.life.account.buyer is Buyer.CONSUMER,
    "a business": lambda told: told.life.account.buyer is Buyer.BUSINESS,
    "several lines": lambda told: len(told.life.contracts) > 1,
    "a port-in, active later than ordered": lambda told: any(
        on > contract.ordered for contract, on in told.activated()
    ),
    "a start on the 29th to 31st of an account billed on the 28th": _starts_on_the_last_days,
    "a line that joins an account with another cycle day": _joins_another_cycle_day,
    "a start or a change on a leap day": _on_a(LEAP_DAYS),
    "a start or a change on the day of a clock change": _on_a(CLOCK_CHANGES),
    "a change on the 29th to 31st": lambda told: any(on.day > 28 for _, on in told.changes()),
    "a change on the cycle day": lambda told: any(
        told.cycles.begins(on) for _, on in told.changes()
    ),
    "a change on the eve of the cycle day": lambda told: any(
        told.cycles.begins(on + ONE_DAY) for _, on in told.changes()
    ),
    "a change on the day of activation": _change_on_the_day_of_activation,
    "two changes on one day": _two_changes_on_one_day,
    "a change before a future-dated one": _change_before_a_future_dated_one,
    "a change known before its day": lambda told: any(
        fact.known < on for fact, on in told.changes()
    ),
    "a change known after its day": lambda told: any(
        fact.known > on for fact, on in told.changes()
    ),
    "a change of plan": _any(PlanChanged),
    "a change of plan at the end of the cycle": lambda told: any(
        fact.on is None for fact in told.seen.of(PlanChanged)
    ),
    "an option added": _any(ItemAdded),
    "an option removed": _any(ItemRemoved),
    "a plan that we announced for another": _any(TermsAnnounced),
    "a plan that took another's place as announced": _changed_by_us,
    "an end free of charge, as we changed the plan": _left_freely,
    "a renewal": _any(Renewed),
    "a renewal at half price for some months": lambda told: any(
        benefit.code == "renewed"
        for fact in told.seen.of(Renewed)
        for benefit in fact.plan.benefits
    ),
    "an end after a renewal": _left_after_a_renewal,
    "a line that goes to another holder": _any(HandedOver),
    "a line that was another holder's": lambda told: any(
        contract.taken_over for contract in told.life.contracts
    ),
    "advantages that another holder began": lambda told: any(
        contract.taken_over and plan.benefits
        for contract in told.life.contracts
        if (plan := told.first(contract))
    ),
    "a suspension that is billed": lambda told: _suspended(told, lambda fact: fact.billed),
    "a suspension that is not": lambda told: _suspended(told, lambda fact: not fact.billed),
    "a suspension across a cycle": _across_a_cycle,
    "a charge of several months": lambda told: any(
        isinstance(charge, Recurring) and charge.every > 1
        for item in told.items()
        for charge in item.charges
    ),
    "a charge due with the order": lambda told: any(
        isinstance(charge, OneOff) and charge.at_order
        for item in told.items()
        for charge in item.charges
    ),
    "free months": _a(Effect.AT_PERCENT, 0),
    "months at a share of the price": lambda told: any(
        benefit.effect is Effect.AT_PERCENT and benefit.value > 0 for benefit in told.benefits()
    ),
    "months at a fixed price": _a(Effect.AT_PRICE),
    "percent off": _a(Effect.PERCENT_OFF),
    "all of it off": _a(Effect.PERCENT_OFF, 100),
    "an amount off": _a(Effect.AMOUNT_OFF),
    "a benefit from a later month": lambda told: any(
        benefit.first > 1 for benefit in told.benefits()
    ),
    "a benefit without end": lambda told: any(
        benefit.months is None for benefit in told.benefits()
    ),
    "a one-off charge waived": _a(Effect.AT_PERCENT, 0, OneOff),
    "two benefits on one charge": lambda told: any(
        count > 1
        for item in told.items()
        for count in Counter(benefit.charge for benefit in item.benefits).values()
    ),
    "usage": lambda told: bool(told.seen.of(Used)),
    "usage that came out of order": _out_of_order,
    "usage that came twice": _sent_twice,
    "usage that came after its bill": lambda told: _used(
        told, lambda day, known: day + LATE <= known <= add_months(day, 12)
    ),
    "usage that came after a year to the day": lambda told: _used(
        told, lambda day, known: known == add_months(day, 12)
    ),
    "usage that came after the one-year bar": lambda told: _used(
        told, lambda day, known: known > add_months(day, 12)
    ),
    "usage on another day in Paris than in UTC": _another_local_day,
    "an end within the first 12 months of a commitment": lambda told: any(
        told.elapsed(contract, fact, 0) and not told.elapsed(contract, fact, 12)
        for contract, fact in told.ends()
    ),
    "an end after month 12, with a subsidised handset": lambda told: told.late(
        lambda contract: contract.subsidised and contract.ordered >= CHATEL_ENDED
    ),
    "an end after month 12, without one": lambda told: told.late(
        lambda contract: not contract.subsidised and contract.ordered >= CHATEL_ENDED
    ),
    "an end after month 12, by the law before 2023": lambda told: told.late(
        lambda contract: contract.ordered < CHATEL_ENDED
    ),
    "an end after the commitment": lambda told: any(
        told.elapsed(contract, fact, contract.commitment) for contract, fact in told.ends()
    ),
    "an end for a lawful motive": lambda told: any(not fact.fee for _, fact in told.ends()),
    "a withdrawal after an early start": lambda told: any(
        fact.early and told.contracts[fact.contract].activated
        for fact in told.seen.of(Withdrawn)
    ),
    "a withdrawal without one": lambda told: any(
        not fact.early and told.contracts[fact.contract].activated
        for fact in told.seen.of(Withdrawn)
    ),
    "a withdrawal before the activation": lambda told: any(
        told.contracts[fact.contract].activated is None for fact in told.seen.of(Withdrawn)
    ),
    "something of an order sent back": _any(Returned),
    "a compensation": _any(Compensated),
    "another cycle day": _any(CycleDayMoved),
    "a discount for lines": _any(LinesDiscounted),
    "a line ordered for less, as others ran": _for_less,
    "a shared allowance": lambda told: bool(_pools(told)),
    "several lines that share one": lambda told: any(
        count > 1 for count in _pools(told).values()
    ),
    "a purchase from a third party": lambda told: bool(told.purchases),
    "a purchase that is refused": _refused,
    "purchases close to the legal limit of a month": _to_the_limit,
    "a purchase given back, or a part": lambda told: any(one.back for one in told.purchases),
    "a bill paid late": _any(PaidLate),
}  # fmt: skip
