"""What a cart costs: today, month by month, over the commitment, and why. Pure."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from catalogue.domain.model import ChargeKind, Offering, Segment, Snapshot, Text
from commerce.kernel.codec import from_plain, to_plain
from commerce.kernel.money import Money
from commerce.kernel.periods import Period, cycle_day_for
from commerce.kernel.tax import Basis, TaxPart, tax_parts
from commerce.ordering.domain import explain
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.facts import (
    MONTHS_WITHOUT_COMMITMENT,
    bundles_of,
    by_group,
    entries_of,
    term_of,
)
from commerce.ordering.domain.judging import Judge, ListPriced, cart_facts, list_priced
from commerce.ordering.domain.schedule import cost_of, merged
from commerce.ordering.domain.trace import TraceStep
from promotions.domain.benefits import EarlyExit
from promotions.domain.compiler import CompiledPromotions
from promotions.domain.model import (
    AppliedPromotion,
    CustomerFacts,
    Grant,
    Miss,
    MissedPromotion,
    Outcome,
)
from promotions.domain.reasons import sentence
from subscriptions.domain.charges import (
    AgreedCharge,
    DueLine,
    Phase,
    due_lines,
    given_back,
    net_in_period,
    period_starts,
    spans,
)

MOST_WITHIN_REACH = 20


@dataclass(frozen=True, slots=True)
class Tariff:
    """What usage costs: `amount` per `unit` beyond `included` each month. Usage is not promised."""

    code: str
    unit: str
    amount: Money
    included: Decimal | None
    tax_class: str


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """A line with its agreed charges. Amounts are for the whole quantity, in the quote's basis.

    `role` is the name of its place, as the cart has it; `bundle` the nested bundle whose place it
    takes, empty where it takes none.
    """

    id: str
    offering: str
    name: Text
    quantity: int
    role: str
    group: str
    term: int
    charges: tuple[AgreedCharge, ...]
    due_today: Money
    list_today: Money
    phases: tuple[Phase, ...]
    tariffs: tuple[Tariff, ...] = ()
    bundle: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A promotion that is given; the saving is over the commitment (12 months if none).

    `early_exit` says what becomes of it when the customer leaves before the commitment ends;
    `reason` for which reason an agent gave it (retention).
    """

    code: str
    version: int
    name: Text
    saving_over_commitment: Money
    lines: tuple[str, ...]
    early_exit: EarlyExit = EarlyExit.NOTHING
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NotApplied:
    """A promotion within reach: its trigger is in the cart or its code was entered."""

    code: str
    name: Text
    reason: Miss
    sentence: Text


@dataclass(frozen=True, slots=True)
class Bill:
    """One coming bill as it will be if the service starts on the quote's assumed activation day."""

    period: int
    start: date
    end: date
    list_amount: Money
    amount: Money
    benefits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Who leaves in one of the months from `first` to `last` pays back `amount` of advantages."""

    first: int
    last: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """The answer to "what does it cost". `due_today` is in the basis; the card pays the gross.

    Recurring charges start at activation; `monthly` merges them all. `commitment_months` is the
    longest commitment (0: none); the total then covers 12 months.
    """

    currency: str
    basis: Basis
    release: int
    activation: date
    lines: tuple[QuoteLine, ...]
    list_today: Money
    due_today: Money
    tax_today: tuple[TaxPart, ...]
    due_today_gross: Money
    monthly: tuple[Phase, ...]
    commitment_months: int
    commitment_total: Money
    applied: tuple[Applied, ...]
    within_reach: tuple[NotApplied, ...]
    trace: tuple[TraceStep, ...]

    @property
    def months_shown(self) -> int:
        """The months that the total over the commitment covers."""
        return self.commitment_months or MONTHS_WITHOUT_COMMITMENT

    def agreed_charges(self, *, group: str | None = None) -> tuple[AgreedCharge, ...]:
        """What promises and subscriptions are made from (item = line id); of one group if named."""
        return tuple(
            charge
            for line in self.lines
            if group is None or line.group == group
            for charge in line.charges
        )

    def line(self, line_id: str) -> QuoteLine | None:
        return next((line for line in self.lines if line.id == line_id), None)

    def bills(self, count: int) -> tuple[Bill, ...]:
        """The first `count` recurring bills, one per contract month, written out.

        As a new account is billed: who starts on the 29th, 30th or 31st has a first part by days.
        """
        due: dict[int, list[DueLine]] = {}
        for charge in self.agreed_charges():
            for line in _due_until(count, charge, activation=self.activation):
                due.setdefault(line.period, []).append(line)
        return tuple(
            _bill(index, period, due.get(index, ()), currency=self.currency)
            for index, period in islice(period_starts(self.activation), count)
        )

    def given_back(self, *, group: str | None = None) -> tuple[GivenBack, ...]:
        """What is paid back by who leaves before the commitment ends; nothing where nothing is.

        Months with the same amount stand together. Of one bundle if named, else of all.
        """
        found: list[GivenBack] = []
        groups = dict.fromkeys(line.group for line in self.lines)
        for month in range(1, self.commitment_months):
            amount = Money.zero(self.currency)
            for each in groups if group is None else (group,):
                term = max((line.term for line in self.lines if line.group == each), default=0)
                amount = amount + given_back(
                    self.agreed_charges(group=each), commitment_months=term, left_in_month=month
                )
            if found and found[-1].amount == amount:
                found[-1] = GivenBack(found[-1].first, month, amount)
            else:
                found.append(GivenBack(month, month, amount))
        return tuple(found) if any(each.amount for each in found) else ()

    def digest(self) -> str:
        """SHA-256 of what is agreed: lines, charges with their benefits, amounts. Not the
        activation day, the release's number, the sentences or the trace."""
        agreed = {
            "basis": self.basis.value,
            "currency": self.currency,
            "gross": str(self.due_today_gross),
            "total": str(self.commitment_total),
            "lines": [
                [line.id, line.offering, line.quantity, line.group, line.role, line.term]
                + [to_plain(charge) for charge in line.charges]
                for line in self.lines
            ],
        }
        text = json.dumps(agreed, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Quote":
        return from_plain(cls, plain)


def quote(
    cart: CartValue,
    *,
    catalogue: Snapshot,
    promotions: CompiledPromotions,
    customer: CustomerFacts,
    at: datetime,
    activation: date,
) -> Quote:
    """Price `cart`: no I/O, and the same answer whatever the order of lines or promotions.

    `at` decides which promotions run; `activation` is the assumed day for the dates of bills.

    Raises:
        NotFound: code `unknown_offering`.
    """
    groups = by_group(entries_of(cart, catalogue=catalogue))
    bundles = bundles_of(cart, catalogue=catalogue)
    priced = {
        group: list_priced(entries, cart=cart, bundle=bundles.get(group), at=at)
        for group, entries in groups.items()
    }
    shared = cart_facts(cart, priced=priced, customer=customer, at=at)
    judge = Judge(cart, promotions=promotions, shared=shared, customer=customer, at=at)
    outcomes = {
        group: judge.outcome(lines, bundle=bundles.get(group)) for group, lines in priced.items()
    }
    lines = tuple(
        line
        for group, found in priced.items()
        for line in _lines(found, outcome=outcomes[group], bundle=bundles.get(group))
    )
    return _total(
        lines,
        cart=cart,
        catalogue=catalogue,
        activation=activation,
        outcomes=tuple(outcomes.values()),
        customer=customer,
    )


def _lines(
    priced: tuple[ListPriced, ...], *, outcome: Outcome, bundle: Offering | None
) -> list[QuoteLine]:
    granted: dict[tuple[str, str], list[Grant]] = {}
    for grant in outcome.grants:
        granted.setdefault((grant.line, grant.charge), []).append(grant)
    term = term_of([line.entry for line in priced])
    nested = _nested(bundle) if bundle is not None else {}
    return [_line(line, granted=granted, term=term, nested=nested) for line in priced]


def _nested(bundle: Offering) -> Mapping[str, str]:
    """By place, the bundle that brought it; a line of a pack is the bundle that it is made of."""
    own = bundle.specification.code if bundle.part_of else ""
    return {slot.name: slot.bundle or own for slot in bundle.slots}


def _line(
    priced: ListPriced,
    *,
    granted: Mapping[tuple[str, str], list[Grant]],
    term: int,
    nested: Mapping[str, str],
) -> QuoteLine:
    line, offering = priced.entry.line, priced.entry.offering
    charges = tuple(
        AgreedCharge(
            item=line.id,
            code=charge.code,
            recurring=charge.kind is ChargeKind.RECURRING,
            amount=charge.amount.rounded(),
            tax_class=charge.tax_class,
            every_months=charge.every_months,
            benefits=tuple(g.benefit for g in granted.get((line.id, charge.code), ())),
            quantity=line.quantity,
        )
        for charge in priced.charges
        if charge.kind is not ChargeKind.USAGE
    )
    due = Money.zero()
    list_today = Money.zero()
    for charge in charges:
        if not charge.recurring:
            due = due + net_in_period(charge, period=0)
            list_today = list_today + charge.amount * charge.quantity
    return QuoteLine(
        id=line.id,
        offering=offering.code,
        name=offering.name,
        quantity=line.quantity,
        role=priced.entry.place,
        group=line.group,
        term=term,
        charges=charges,
        due_today=due,
        list_today=list_today,
        phases=merged(charges, months=term or MONTHS_WITHOUT_COMMITMENT),
        tariffs=tuple(
            Tariff(charge.code, charge.unit, charge.amount, charge.included, charge.tax_class)
            for charge in priced.charges
            if charge.kind is ChargeKind.USAGE
        ),
        bundle=nested.get(priced.entry.place, ""),
    )


def _total(
    lines: tuple[QuoteLine, ...],
    *,
    cart: CartValue,
    catalogue: Snapshot,
    activation: date,
    outcomes: Sequence[Outcome],
    customer: CustomerFacts,
) -> Quote:
    basis = Basis.TTC if cart.segment is Segment.CONSUMER else Basis.HT
    charges = [charge for line in lines for charge in line.charges]
    term = max((line.term for line in lines), default=0)
    months = term or MONTHS_WITHOUT_COMMITMENT
    taxes = _tax_today(charges, rates=catalogue.tax_rates, basis=basis)
    due = sum((line.due_today for line in lines), Money.zero())
    recurring = sum((cost_of(charge, months=months) for charge in charges), Money.zero())
    applied = _applied(outcomes, customer=customer)
    return Quote(
        currency="EUR",
        basis=basis,
        release=catalogue.release,
        activation=activation,
        lines=lines,
        list_today=sum((line.list_today for line in lines), Money.zero()),
        due_today=due,
        tax_today=taxes,
        due_today_gross=sum((part.gross for part in taxes), Money.zero()),
        monthly=merged(charges, months=months),
        commitment_months=term,
        commitment_total=due + recurring,
        applied=applied,
        within_reach=_within_reach(outcomes, applied=applied),
        trace=explain.trace(
            charges,
            offerings={line.id: line.offering for line in lines},
            versions={promotion.code: promotion.version for promotion in applied},
            taxes=taxes,
            basis=basis,
            release=catalogue.release,
            months=months,
        ),
    )


def _tax_today(
    charges: Sequence[AgreedCharge], *, rates: Mapping[str, Decimal], basis: Basis
) -> tuple[TaxPart, ...]:
    by_rate: dict[Decimal, Money] = {}
    for charge in charges:
        if not charge.recurring:
            rate = rates[charge.tax_class]
            due = net_in_period(charge, period=0)
            by_rate[rate] = by_rate[rate] + due if rate in by_rate else due
    return tax_parts(by_rate, basis=basis)


def _applied(outcomes: Sequence[Outcome], *, customer: CustomerFacts) -> tuple[Applied, ...]:
    given: dict[str, list[AppliedPromotion]] = {}
    for outcome in outcomes:
        for one in outcome.applied:
            given.setdefault(one.promotion.code, []).append(one)
    return tuple(
        Applied(
            code,
            found[0].promotion.version,
            found[0].promotion.name,
            Money(sum((one.saving for one in found), Decimal(0))),
            tuple(line for one in found for line in one.lines),
            found[0].promotion.early_exit,
            customer.retained.get(code, ""),
        )
        for code, found in sorted(given.items())
    )


def _within_reach(
    outcomes: Sequence[Outcome], *, applied: Sequence[Applied]
) -> tuple[NotApplied, ...]:
    given = {promotion.code for promotion in applied}
    missed: dict[str, MissedPromotion] = {}
    for outcome in outcomes:
        for miss in outcome.missed:
            if miss.promotion.code not in given:
                missed.setdefault(miss.promotion.code, miss)
    # What the customer typed in, or was given, is answered first.
    ordered = sorted(missed.values(), key=lambda m: (not m.promotion.on_demand, m.promotion.code))
    return tuple(
        NotApplied(m.promotion.code, m.promotion.name, m.reason, sentence(m))
        for m in ordered[:MOST_WITHIN_REACH]
    )


def _due_until(last: int, charge: AgreedCharge, *, activation: date) -> Iterator[DueLine]:
    """What a recurring charge makes due in the contract months 1 to `last` of a new account."""
    if not charge.recurring:
        return
    for span in spans(charge, activation=activation, cycle_day=cycle_day_for(activation)):
        if span.index > last:
            return
        yield from due_lines(charge, activation=activation, span=span)


def _bill(number: int, period: Period, due: Iterable[DueLine], *, currency: str) -> Bill:
    listed, net = Money.zero(currency), Money.zero(currency)
    benefits: list[str] = []
    for line in due:
        net = net + line.amount
        if line.benefit is None:
            listed = listed + line.amount
        else:
            benefits.append(line.benefit)
    return Bill(number, period.start, period.end, listed, net, tuple(dict.fromkeys(benefits)))
