"""What a cart costs: today, month by month, over the commitment, and why. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from catalogue.domain.model import Charge, ChargeKind, Offering, Segment, Snapshot, Text
from commerce.kernel.codec import from_plain, to_plain
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis, TaxPart, tax_parts
from commerce.ordering.domain import explain
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.facts import (
    MONTHS_WITHOUT_COMMITMENT,
    Entry,
    Fact,
    bundles_of,
    by_group,
    entries_of,
    offering_facts,
    term_of,
    unit_facts,
)
from commerce.ordering.domain.schedule import cost_of, merged
from commerce.ordering.domain.trace import TraceStep
from promotions.domain.compiler import CompiledPromotions
from promotions.domain.evaluate import evaluate
from promotions.domain.model import (
    CustomerFacts,
    Grant,
    Miss,
    MissedPromotion,
    Outcome,
    PricedCharge,
    PricedLine,
    Unit,
)
from promotions.domain.reasons import sentence
from subscriptions.domain.charges import (
    AgreedCharge,
    Phase,
    due_in_period,
    net_in_period,
    period_starts,
)

MOST_WITHIN_REACH = 20


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """A line with its agreed charges. Amounts are for the whole quantity, in the quote's basis."""

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


@dataclass(frozen=True, slots=True)
class Applied:
    """A promotion that is given; the saving is over the commitment (12 months if none)."""

    code: str
    version: int
    name: Text
    saving_over_commitment: Money
    lines: tuple[str, ...]


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
        """The first `count` recurring bills, one per contract month, written out."""
        recurring = [charge for charge in self.agreed_charges() if charge.recurring]
        return tuple(
            _bill(index, period.start, period.end, recurring, currency=self.currency)
            for index, period in islice(period_starts(self.activation), count)
        )

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


@dataclass(frozen=True, slots=True)
class _Priced:
    """An entry with its list charges."""

    entry: Entry
    charges: tuple[Charge, ...]

    @property
    def list_today(self) -> Decimal:
        unit = sum(
            (c.amount.amount for c in self.charges if c.kind is ChargeKind.ONE_OFF), Decimal(0)
        )
        return unit * self.entry.line.quantity

    @property
    def list_monthly(self) -> Decimal:
        unit = sum(
            (
                c.amount.amount / c.every_months
                for c in self.charges
                if c.kind is ChargeKind.RECURRING
            ),
            Decimal(0),
        )
        return unit * self.entry.line.quantity


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
        group: _priced(entries, segment=cart.segment, bundle=bundles.get(group))
        for group, entries in groups.items()
    }
    shared = _cart_facts(cart, priced=priced, customer=customer)
    outcomes = {
        group: evaluate(
            promotions,
            unit=_unit(lines, bundle=bundles.get(group), shared=shared, cart=cart),
            codes=cart.codes,
            used_up=customer.used_up,
            at=at,
        )
        for group, lines in priced.items()
    }
    lines = tuple(
        line for group, found in priced.items() for line in _lines(found, outcome=outcomes[group])
    )
    return _total(
        lines,
        cart=cart,
        catalogue=catalogue,
        activation=activation,
        outcomes=tuple(outcomes.values()),
    )


def _priced(
    entries: Sequence[Entry], *, segment: Segment, bundle: Offering | None
) -> tuple[_Priced, ...]:
    term = term_of(entries)
    code = bundle.code if bundle is not None else None
    return tuple(
        _Priced(e, e.offering.charges_for(segment=segment, term=term, bundle=code)) for e in entries
    )


def _cart_facts(
    cart: CartValue, *, priced: Mapping[str, tuple[_Priced, ...]], customer: CustomerFacts
) -> dict[str, Fact]:
    facts: dict[str, Fact] = {**customer.facts(), "cart.codes": cart.codes}
    facts["cart.channel"] = cart.channel
    counts: dict[str, int] = {}
    today = Decimal(0)
    for lines in priced.values():
        for line in lines:
            quantity, offering = line.entry.line.quantity, line.entry.offering
            for name in (f"cart.count.{offering.kind}", f"cart.quantity.{offering.code}"):
                counts[name] = counts.get(name, 0) + quantity
            today += line.list_today
    facts["cart.list_today"] = today
    facts.update(counts)
    return facts


def _unit(
    lines: tuple[_Priced, ...],
    *,
    bundle: Offering | None,
    shared: Mapping[str, Fact],
    cart: CartValue,
) -> Unit:
    entries = [line.entry for line in lines]
    facts = unit_facts(entries, bundle=bundle, segment=cart.segment.value)
    facts["bundle.list_today"] = sum((line.list_today for line in lines), Decimal(0))
    facts["bundle.list_monthly"] = sum((line.list_monthly for line in lines), Decimal(0))
    facts.update(shared)
    return Unit(
        facts=facts,
        lines=tuple(_as_priced_line(line) for line in lines),
        months=term_of(entries) or MONTHS_WITHOUT_COMMITMENT,
    )


def _as_priced_line(priced: _Priced) -> PricedLine:
    line = priced.entry.line
    facts = {
        **offering_facts(priced.entry.offering, role="line"),
        "line.role": priced.entry.role,
        "line.quantity": line.quantity,
    }
    return PricedLine(
        id=line.id,
        facts=facts,
        quantity=line.quantity,
        charges=tuple(
            PricedCharge(c.code, c.kind, c.amount.rounded().amount, c.every_months)
            for c in priced.charges
        ),
    )


def _lines(priced: tuple[_Priced, ...], *, outcome: Outcome) -> list[QuoteLine]:
    granted: dict[tuple[str, str], list[Grant]] = {}
    for grant in outcome.grants:
        granted.setdefault((grant.line, grant.charge), []).append(grant)
    term = term_of([line.entry for line in priced])
    return [_line(line, granted=granted, term=term) for line in priced]


def _line(
    priced: _Priced, *, granted: Mapping[tuple[str, str], list[Grant]], term: int
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
        role=priced.entry.role,
        group=line.group,
        term=term,
        charges=charges,
        due_today=due,
        list_today=list_today,
        phases=merged(charges, months=term or MONTHS_WITHOUT_COMMITMENT),
    )


def _total(
    lines: tuple[QuoteLine, ...],
    *,
    cart: CartValue,
    catalogue: Snapshot,
    activation: date,
    outcomes: Sequence[Outcome],
) -> Quote:
    basis = Basis.TTC if cart.segment is Segment.CONSUMER else Basis.HT
    charges = [charge for line in lines for charge in line.charges]
    term = max((line.term for line in lines), default=0)
    months = term or MONTHS_WITHOUT_COMMITMENT
    taxes = _tax_today(charges, rates=catalogue.tax_rates, basis=basis)
    due = sum((line.due_today for line in lines), Money.zero())
    recurring = sum((cost_of(charge, months=months) for charge in charges), Money.zero())
    applied = _applied(outcomes)
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


def _applied(outcomes: Sequence[Outcome]) -> tuple[Applied, ...]:
    found: dict[str, Applied] = {}
    for outcome in outcomes:
        for given in outcome.applied:
            promotion, saving = given.promotion, Money(given.saving)
            before = found.get(promotion.code)
            if before is not None:
                saving = saving + before.saving_over_commitment
            lines = (before.lines if before is not None else ()) + given.lines
            found[promotion.code] = Applied(
                promotion.code, promotion.version, promotion.name, saving, lines
            )
    return tuple(found[code] for code in sorted(found))


def _within_reach(
    outcomes: Sequence[Outcome], *, applied: Sequence[Applied]
) -> tuple[NotApplied, ...]:
    given = {promotion.code for promotion in applied}
    missed: dict[str, MissedPromotion] = {}
    for outcome in outcomes:
        for miss in outcome.missed:
            if miss.promotion.code not in given:
                missed.setdefault(miss.promotion.code, miss)
    # What the customer typed in is answered first.
    ordered = sorted(
        missed.values(), key=lambda m: (m.promotion.requires_code is None, m.promotion.code)
    )
    return tuple(
        NotApplied(m.promotion.code, m.promotion.name, m.reason, sentence(m))
        for m in ordered[:MOST_WITHIN_REACH]
    )


def _bill(
    period: int, start: date, end: date, charges: Sequence[AgreedCharge], *, currency: str
) -> Bill:
    listed, net = Money.zero(currency), Money.zero(currency)
    benefits: list[str] = []
    for charge in charges:
        for line in due_in_period(charge, period=period):
            net = net + line.amount
            if line.benefit is None:
                listed = listed + line.amount
            else:
                benefits.append(line.benefit)
    return Bill(period, start, end, listed, net, tuple(dict.fromkeys(benefits)))
