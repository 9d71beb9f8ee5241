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
from commerce.markets.fr.dunning import POLICY
from commerce.markets.fr.invoice import CARRIER_CAPS
from commerce.markets.fr.termination import TERMS, early_termination_fee
from subscriptions.domain import carrier, dunning, terms
from subscriptions.domain.carrier import Asked, Category, Limits, Price, Spent
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
    totals_after,
)
from subscriptions.domain.leaving import Commitment, instalments_left
from subscriptions.domain.rating import Owing, month_days
from subscriptions.domain.states import LineKind
from tests.proof.billing.facts import (
    Bought,
    Buyer,
    Compensated,
    Contract,
    GivenBack,
    Life,
    LimitSet,
    OneOff,
    PaidLate,
    Renewed,
    Returned,
    Terminated,
    TermsAnnounced,
    Withdrawn,
)
from tests.proof.billing.held import (
    Held,
    Place,
    changed_by_us,
    cycle_day,
    effective_on,
    is_open,
    items,
    segment_of,
)
from tests.proof.billing.held import (
    agreed as agreed,
)
from tests.proof.billing.metering import Meter
from tests.proof.billing.oracle import Occasion, occasions
from tests.proof.billing.owed import Kind

MERCHANT = "merchant"
FEES = dunning.read_policy(POLICY)
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
        self.credited: dict[str, list[DraftLine]] = {}
        """What credit notes hold of the bill of each order."""
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
    books, back, meter, till = Books(), _Back(life), Meter(life), _Till(life)
    made: list[Issued] = []
    for occasion in occasions(life):
        covers: tuple[Cover, ...] = ()
        before: Sequence[DraftLine] = ()
        if occasion.kind is Kind.ORDERED:
            assert occasion.contract is not None
            before = books.credited.setdefault(occasion.contract, [])
            lines = _of_order(life, occasion, before)
            if occasion.day != _contract(life, occasion.contract).ordered:
                books.credited[occasion.contract] = [*before, *lines]
        else:
            charges = loaded(life, occasion, books)
            lines, covers = recurring_lines(charges, period=_period(life, occasion))
            if occasion.takes_all:
                lines += tuple(_beyond(life, meter.due(occasion), books))
                lines += back.open_on(occasion.known)
                lines += till.open_before(occasion.day)
        books.write(lines, covers)
        if lines:
            made.append(Issued(occasion.day, lines, _totals(life, lines, before)))
    return made, books


def _totals(life: Life, lines: Sequence[DraftLine], before: Sequence[DraftLine]) -> Totals:
    """Those of a credit note count what the ones `before` it of the same bill hold."""
    basis, currency = _basis(life), life.account.currency
    if not before:
        return totals(lines, basis=basis, currency=currency)
    held: dict[Decimal, Money] = {}
    for line in before:
        held[line.tax_rate] = held.get(line.tax_rate, Money.zero(currency)) + line.due.amount
    return totals_after(held, lines, basis=basis, currency=currency)


def _contract(life: Life, code: str) -> Contract:
    return next(one for one in life.contracts if one.code == code)


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
    """What is still to be given back, or asked for a late bill, by the next bill."""

    def __init__(self, life: Life) -> None:
        self._life = life
        facts = [fact for fact in life.facts if isinstance(fact, Compensated | PaidLate)]
        self._open = sorted(facts, key=lambda fact: fact.entry)

    def open_on(self, day: date) -> tuple[DraftLine, ...]:
        """What is known by the end of a day; it is said once."""
        given = [fact for fact in self._open if fact.known <= day]
        self._open = self._open[len(given) :]
        return tuple(line for fact in given for line in self._lines(fact))

    def _lines(self, fact: Compensated | PaidLate) -> Iterator[DraftLine]:
        life = self._life
        if isinstance(fact, PaidLate):
            asked = FEES.fee_in(segment_of(life).value)
            if asked is not None:
                yield _alone(life, fact.code, fact.known, asked, "exempt")
        else:
            amount = Money(-fact.amount, life.account.currency)
            yield _alone(life, fact.code, fact.known, amount, fact.tax)


def _alone(
    life: Life,
    code: str,
    day: date,
    amount: Money,
    tax: str,
    *,
    contract: str = "",
    kind: LineKind = LineKind.ONE_OFF,
) -> DraftLine:
    return DraftLine(
        kind=kind,
        order_number=contract,
        group=day.isoformat(),
        due=DueLine(code, "compensation", 1, None, amount, tax),
        days=None,
        label=NO_NAMES,
        quantity=1,
        tax_rate=life.account.rate(tax),
    )


class _Till:
    """What third parties sold, and what went back of it, that no bill has yet."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._sold: dict[str, tuple[Bought, Price]] = {}
        self._given: dict[str, tuple[Decimal, Price]] = {}
        self._limits: dict[str, Limits] = {}
        self._open: list[tuple[date, DraftLine]] = []
        for fact in sorted(life.facts, key=lambda fact: fact.entry):
            match fact:
                case LimitSet():
                    self._limits[fact.contract] = Limits(per_month=Money(fact.month))
                case Bought():
                    self._buy(fact)
                case GivenBack() if fact.purchase in self._sold:
                    self._give_back(fact)

    def open_before(self, day: date) -> tuple[DraftLine, ...]:
        """Of the days before the period of a bill; once."""
        found = tuple(line for on, line in self._open if on < day)
        self._open = [(on, line) for on, line in self._open if on >= day]
        return found

    def _buy(self, fact: Bought) -> None:
        life = self._life
        rate = life.account.rate(fact.tax)
        price = carrier.price_of(
            Money(fact.amount), tax_included=fact.with_tax, tax=None, rate=rate
        )
        contract = _contract(life, fact.contract)
        month = [
            (sale, paid.gross)
            for sale, paid in self._sold.values()
            if carrier.month_of(sale.known) == carrier.month_of(fact.known)
        ]
        line = [(sale, gross) for sale, gross in month if sale.contract == fact.contract]
        own = _sum(gross for _, gross in line)
        business = life.account.buyer is Buyer.BUSINESS
        refused = carrier.refusal(
            Asked(price.gross, Category.DIGITAL, MERCHANT, confirmed=True),
            line_open=is_open(life, contract, day=fact.known),
            contract=frozenset({Category.DIGITAL}),
            limits=self._limits.get(fact.contract, Limits()),
            caps=CARRIER_CAPS,
            spent=Spent(
                month=own,
                today=_sum(gross for sale, gross in line if sale.known == fact.known),
                of_kind=own,
                of_merchant=own,
                together=own if business else _sum(gross for _, gross in month),
            ),
        )
        if refused is None:
            self._sold[fact.code] = (fact, price)
            self._put(fact, fact.known, price, sign=1)

    def _give_back(self, fact: GivenBack) -> None:
        sale, price = self._sold[fact.purchase]
        zero = Price(Money.zero(), Money.zero())
        given, so_far = self._given.get(fact.purchase, (Decimal(0), zero))
        remaining = sale.amount - given
        part = remaining if fact.amount is None else fact.amount
        if 0 < part <= remaining:
            back = carrier.refunded(
                price, amount=sale.amount, part=part, remaining=remaining, given_back=so_far
            )
            together = Price(so_far.net + back.net, so_far.gross + back.gross)
            self._given[fact.purchase] = (given + part, together)
            self._put(sale, fact.known, back, sign=-1)

    def _put(self, sale: Bought, day: date, price: Price, *, sign: int) -> None:
        amount = price.net if self._life.account.buyer is Buyer.BUSINESS else price.gross
        line = _alone(
            self._life,
            sale.code,
            day,
            amount * sign,
            sale.tax,
            contract=sale.contract,
            kind=LineKind.THIRD,
        )
        self._open.append((day, line))


def _sum(amounts: Iterable[Money]) -> Money:
    return sum(amounts, Money.zero())


def _of_order(
    life: Life, occasion: Occasion, credited: Iterable[DraftLine]
) -> tuple[DraftLine, ...]:
    """What is due once with the order; turned round when something of it is sent back, or all when
    the customer withdraws from it."""
    assert occasion.contract is not None
    contract = _contract(life, occasion.contract)
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
    before = {(line.due.item, line.due.charge) for line in credited}
    back = {
        (fact.item, fact.charge)
        for fact in life.facts
        if isinstance(fact, Returned)
        and (fact.contract, fact.known) == (contract.code, occasion.day)
    }
    return tuple(
        replace(each, due=replace(each.due, amount=-each.due.amount))
        for each in lines
        if (each.due.item, each.due.charge) not in before
        and (not back or (each.due.item, each.due.charge) in back)
    )


def loaded(life: Life, occasion: Occasion, books: Books) -> Iterator[RunningCharge]:
    """What a bill run loads: the charges of the items as they are known."""
    for contract in life.contracts:
        if occasion.contract in (None, contract.code):
            for held in items(life, contract, known=occasion.known):
                for charge in held.agreed:
                    yield _running(life, contract, held, charge, books)


def _running(
    life: Life, contract: Contract, held: Held, charge: AgreedCharge, books: Books
) -> RunningCharge:
    place = Place(contract.code, held.since.isoformat(), held.item.code, charge.code)
    number = books.id_of(place)
    return RunningCharge(
        id=number,
        account_id=1,
        order_number=place.contract,
        group=place.since,
        agreed=charge,
        activation=held.since,
        cycle_day=cycle_day(life),
        billed_until=books.billed_until(number),
        until=held.until,
        tax_rate=life.account.rate(charge.tax_class),
        names=NO_NAMES,
        benefit_names={},
        ending=Ending(place.contract, place.since, place.item) if held.until else None,
        overbilled=books.beyond(number, held.until),
    )


def fee(life: Life, contract: Contract, ended: Terminated) -> Decimal:
    """What is owed for leaving, of the plan that runs on the eve; nothing who leaves freely."""
    known = max(ended.known, ended.on)
    plans = (held for held in items(life, contract, known=known) if held.is_plan)
    plan = [held for held in plans if held.since < ended.on and held.until != held.since][-1]
    commitment, concluded, subsidised = _commitment(life, contract, ended)
    if _leaves_freely(life, contract, ended, bound_since=commitment.since):
        return Decimal("0.00")
    instalments = instalments_left(
        ((charge, plan.since) for charge in plan.agreed),
        commitment=commitment,
        on=ended.on,
        cycle_day=cycle_day(life),
    )
    return cents(
        early_termination_fee(
            instalments,
            elapsed=commitment.elapsed(ended.on),
            subsidised=subsidised,
            committed_on=concluded,
            business=life.account.buyer is Buyer.BUSINESS,
        )
    )


def _commitment(life: Life, contract: Contract, ended: Terminated) -> tuple[Commitment, date, bool]:
    """The one that binds, when it was taken on, and whether a handset came with it."""
    renewals = [
        fact
        for fact in life.facts
        if isinstance(fact, Renewed)
        and fact.contract == contract.code
        and fact.on < ended.on
        and fact.known <= max(ended.known, ended.on)
    ]
    if renewals:
        last = max(renewals, key=lambda fact: (fact.on, fact.entry))
        return Commitment(last.on, last.commitment), last.known, last.subsidised
    assert contract.activated is not None
    taken = contract.taken_over
    since = taken.since if taken else contract.activated
    concluded = taken.since if taken else contract.ordered
    return Commitment(since, contract.commitment), concluded, contract.subsidised


def _leaves_freely(life: Life, contract: Contract, ended: Terminated, *, bound_since: date) -> bool:
    told = [
        terms.ToldOf(fact.known, effective_on(life, contract, fact))
        for fact in life.facts
        if isinstance(fact, TermsAnnounced)
        and fact.contract == contract.code
        and fact.known <= ended.known
        and changed_by_us(life, contract, fact, ended=ended)
    ]
    last = terms.last_free_day(
        told, on=ended.known, months=TERMS.leave_months, bound_since=bound_since
    )
    return last is not None


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
