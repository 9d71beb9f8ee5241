"""What the pure core of the engine bills for a life, on the same occasions as the oracle.

Facts become items with a first and a last day, items become the running charges that a bill run
loads, and what a bill covers is kept as its rows are: see
`subscriptions.invoicing.services.drafting`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis
from commerce.markets.fr.termination import early_termination_fee
from promotions.domain import benefits
from promotions.domain.benefits import BenefitKind
from subscriptions.domain.charges import AgreedCharge, DueLine
from subscriptions.domain.invoice import (
    BilledDays,
    Cover,
    DraftLine,
    Ending,
    RunningCharge,
    Totals,
    bill_period,
    one_off_lines,
    recurring_lines,
    totals,
)
from subscriptions.domain.leaving import Commitment, instalments_left
from subscriptions.domain.rating import Owing, month_days
from subscriptions.domain.states import LineKind
from tests.proof.billing.facts import (
    Benefit,
    Buyer,
    Compensated,
    Contract,
    Effect,
    Item,
    Life,
    OneOff,
    Recurring,
    Terminated,
    Withdrawn,
)
from tests.proof.billing.held import Held, Place, cycle_day, items
from tests.proof.billing.metering import Meter
from tests.proof.billing.oracle import Occasion, occasions
from tests.proof.billing.owed import Kind

NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Issued:
    """What the engine makes on a day."""

    day: date
    lines: tuple[DraftLine, ...]
    totals: Totals


class Books:
    """The rows that bills leave behind: what each covers, and up to when charges are billed."""

    def __init__(self) -> None:
        self._ids: dict[Place, int] = {}
        self._until: dict[int, date] = {}
        self._live: dict[int, dict[int, BilledDays]] = {}
        self._coverages = 0
        self.starts: dict[tuple[Place, int], date] = {}
        """On which day each period of a charge began, as it was first billed."""

    def id_of(self, place: Place) -> int:
        return self._ids.setdefault(place, len(self._ids) + 1)

    def billed_until(self, charge: int) -> date | None:
        return self._until.get(charge)

    def beyond(self, charge: int, until: date | None) -> tuple[BilledDays, ...]:
        """What was billed of days that the item did not last."""
        rows = self._live.get(charge, {}).values()
        return tuple(row for row in rows if until is not None and row.days.end > until)

    def write(self, lines: Sequence[DraftLine], covers: Sequence[Cover]) -> None:
        """Keep what a bill holds; a repair closes what it corrects."""
        left = [line for line in lines if line.kind in RECURRING]
        ends: dict[int, date] = {}
        for cover in covers:
            rows = self._live.setdefault(cover.charge_id, {})
            count = next((n for n, line in enumerate(left) if _begins_another(left, n)), len(left))
            own, left = left[:count], left[count:]
            made = [line.due for line in own]
            if cover.repairs is not None:
                made = _together(rows.pop(cover.repairs).lines, made)
            else:
                self.starts[place_of(own[0]), own[0].due.period] = cover.days.start
            ends[cover.charge_id] = max(ends.get(cover.charge_id, date.min), cover.days.end)
            if cover.days.days:
                self._coverages += 1
                rows[self._coverages] = BilledDays(
                    self._coverages, cover.revision, cover.days, tuple(made)
                )
        self._until |= ends


RECURRING = (LineKind.RECURRING, LineKind.PRORATED, LineKind.BENEFIT, LineKind.REPAIR)


def place_of(line: DraftLine) -> Place:
    """The charge that a line is of."""
    return Place(line.order_number, line.group, line.due.item, line.due.charge)


def _begins_another(lines: Sequence[DraftLine], number: int) -> bool:
    """Whether a line is the first of another cover: a charge comes before its benefits."""
    return number > 0 and lines[number].due.benefit is None


def _together(before: Iterable[DueLine], back: Iterable[DueLine]) -> list[DueLine]:
    given = {line.benefit: line.amount for line in back}
    return [replace(line, amount=line.amount + given[line.benefit]) for line in before]


def documents(life: Life) -> tuple[list[Issued], Books]:
    """Every document of a life, and the rows that they left."""
    books, back, meter = Books(), _Back(life), Meter(life)
    made: list[Issued] = []
    for occasion in occasions(life):
        covers: tuple[Cover, ...] = ()
        if occasion.kind is Kind.ORDERED:
            lines = _of_order(life, occasion)
        else:
            charges = loaded(life, occasion, books)
            lines, covers = recurring_lines(charges, period=_period(life, occasion))
            if occasion.takes_all:
                lines += tuple(_beyond(life, meter.due(occasion), books))
                lines += back.open_on(occasion.known)
        books.write(lines, covers)
        if lines:
            made.append(
                Issued(
                    occasion.day,
                    lines,
                    totals(lines, basis=_basis(life), currency=life.account.currency),
                )
            )
    return made, books


def _beyond(life: Life, owing: Iterable[tuple[Place, Owing]], books: Books) -> Iterator[DraftLine]:
    """Lines of use; the days of each begin with its month."""
    for place, owed in owing:
        of = owed.rated
        months = of.month.year * 12 + of.month.month
        books.starts[place, months] = of.month
        yield DraftLine(
            kind=LineKind.USAGE,
            order_number=place.contract,
            group=place.since,
            due=DueLine(place.item, place.charge, months, None, owed.amount, of.tax_class),
            days=month_days(of.month),
            label=NO_NAMES,
            quantity=1,
            tax_rate=life.account.rate(of.tax_class),
        )


class _Back:
    """What is still to be given back by the next bill."""

    def __init__(self, life: Life) -> None:
        self._life = life
        facts = [fact for fact in life.facts if isinstance(fact, Compensated)]
        self._open = sorted(facts, key=lambda fact: fact.entry)

    def open_on(self, day: date) -> tuple[DraftLine, ...]:
        """What is known by the end of a day; it is given once."""
        given = [fact for fact in self._open if fact.known <= day]
        self._open = self._open[len(given) :]
        return tuple(map(self._line, given))

    def _line(self, fact: Compensated) -> DraftLine:
        amount = Money(-fact.amount, self._life.account.currency)
        return DraftLine(
            kind=LineKind.ONE_OFF,
            order_number="",
            group=fact.known.isoformat(),
            due=DueLine(fact.code, "compensation", 1, None, amount, fact.tax),
            days=None,
            label=NO_NAMES,
            quantity=1,
            tax_rate=self._life.account.rate(fact.tax),
        )


def _of_order(life: Life, occasion: Occasion) -> tuple[DraftLine, ...]:
    """What is due once with the order; turned round when the customer withdraws from it."""
    (contract,) = (one for one in life.contracts if one.code == occasion.contract)
    lines = one_off_lines(
        (
            agreed(life, item, charge)
            for item in (contract.plan, *contract.options)
            for charge in item.charges
            if isinstance(charge, OneOff)
        ),
        order_number=contract.code,
        group=contract.ordered.isoformat(),
        tax_rates=dict(life.account.rates),
        names={},
        benefit_names={},
    )
    if occasion.day == contract.ordered:
        return lines
    return tuple(replace(each, due=replace(each.due, amount=-each.due.amount)) for each in lines)


def loaded(life: Life, occasion: Occasion, books: Books) -> Iterator[RunningCharge]:
    """What a bill run loads: the charges of the items as they are known."""
    for contract in life.contracts:
        if occasion.contract in (None, contract.code):
            for held in items(life, contract, known=occasion.known):
                for charge in held.item.charges:
                    if isinstance(charge, Recurring):
                        yield _running(life, contract, held, charge, books)


def _running(
    life: Life, contract: Contract, held: Held, charge: Recurring, books: Books
) -> RunningCharge:
    place = Place(contract.code, held.since.isoformat(), held.item.code, charge.code)
    number = books.id_of(place)
    return RunningCharge(
        id=number,
        account_id=1,
        order_number=place.contract,
        group=place.since,
        agreed=agreed(life, held.item, charge),
        activation=held.since,
        cycle_day=cycle_day(life),
        billed_until=books.billed_until(number),
        until=held.until,
        tax_rate=life.account.rate(charge.tax),
        names=NO_NAMES,
        benefit_names={},
        ending=Ending(place.contract, place.since, place.item) if held.until else None,
        overbilled=books.beyond(number, held.until),
    )


def fee(life: Life, contract: Contract, ended: Terminated) -> Decimal:
    """What is owed for leaving, of the plan that runs on the eve."""
    assert contract.activated is not None
    known = max(ended.known, ended.on)
    plans = (held for held in items(life, contract, known=known) if held.is_plan)
    plan = [held for held in plans if held.since < ended.on][-1]
    commitment = Commitment(contract.activated, contract.commitment)
    instalments = instalments_left(
        (
            (agreed(life, plan.item, charge), plan.since)
            for charge in plan.item.charges
            if isinstance(charge, Recurring)
        ),
        commitment=commitment,
        on=ended.on,
        cycle_day=cycle_day(life),
    )
    return cents(
        early_termination_fee(
            instalments,
            elapsed=commitment.elapsed(ended.on),
            subsidised=contract.subsidised,
            committed_on=contract.ordered,
            business=life.account.buyer is Buyer.BUSINESS,
        )
    )


def agreed(life: Life, item: Item, charge: OneOff | Recurring) -> AgreedCharge:
    """The charge with its benefits."""
    return AgreedCharge(
        item=item.code,
        code=charge.code,
        recurring=isinstance(charge, Recurring),
        amount=Money(charge.price, life.account.currency),
        tax_class=charge.tax,
        every_months=charge.every if isinstance(charge, Recurring) else 1,
        benefits=tuple(_benefit(each) for each in item.benefits if each.charge == charge.code),
    )


def _benefit(benefit: Benefit) -> benefits.Benefit:
    kind, value = {
        Effect.AT_PERCENT: (BenefitKind.PERCENT_OFF, 100 - benefit.value),
        Effect.PERCENT_OFF: (BenefitKind.PERCENT_OFF, benefit.value),
        Effect.AMOUNT_OFF: (BenefitKind.AMOUNT_OFF, benefit.value),
        Effect.AT_PRICE: (BenefitKind.FIXED_PRICE, benefit.value),
    }[benefit.effect]
    return benefits.Benefit(benefit.code, kind, value, benefit.first, benefit.months)


def _period(life: Life, occasion: Occasion) -> Period:
    """Up to the next cycle day; a contract that was withdrawn from is settled to the day."""
    if occasion.contract and _withdrawn(life, occasion):
        return Period(occasion.day, occasion.day)
    return bill_period(occasion.day, cycle_day=cycle_day(life))


def _withdrawn(life: Life, occasion: Occasion) -> bool:
    return any(
        (fact.contract, fact.on) == (occasion.contract, occasion.day)
        for fact in life.facts
        if isinstance(fact, Withdrawn)
    )


def _basis(life: Life) -> Basis:
    return Basis.TTC if life.account.buyer is Buyer.CONSUMER else Basis.HT


def cents(amount: Money) -> Decimal:
    """As the oracle writes it."""
    return amount.rounded().amount
