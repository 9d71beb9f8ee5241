"""The invoice as a document: the one source of its page, its PDF and its XML.

Built from the issued invoice and what was kept of both parties on the day of issue, so that it says
the same for ever. A credit note is stated in positive amounts: what goes back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis, TaxPart
from subscriptions.domain.buyers import NO_CODES, Borne, BuyerCodes, by_cost_centre
from subscriptions.domain.carrier import COLLECTED
from subscriptions.domain.instalments import PrintedPart, comes_with
from subscriptions.domain.states import InvoiceKind, LineKind
from subscriptions.domain.views import (
    BillView,
    CommitmentView,
    Identity,
    Names,
    PayBy,
    PaymentMeans,
    Reference,
    Section,
    TransferTo,
    transfer_to,
)

TEMPLATE = 3
"""How documents are made today. An invoice keeps the number it was issued with: who changes what
documents say or how they say it adds a template and leaves the earlier ones alone."""
GOODS = "goods"
PRICE_DECIMALS = Decimal("0.0001")


class Operation(StrEnum):
    """What is sold, as an invoice has to say since decree 2022-1299."""

    GOODS = "goods"
    SERVICES = "services"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A line without tax: `net == quantity * price / per`, to the cent and exactly.

    `price` is never negative; an advantage has a negative `quantity` (EN 16931 BR-27). `amount` is
    what the line says in the basis of the prices. `collected`: another's sale, billed for him.
    """

    position: int
    section: Section
    kind: LineKind
    label: Names
    days: Period | None
    month: int
    quantity: int
    price: Decimal
    per: int
    net: Money
    amount: Money
    tax_rate: Decimal
    codes: BuyerCodes = NO_CODES
    collected: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """What the invoice says. `net` is the sum of the lines' and of the tax parts' net amounts;
    `gross == net + tax`. What of it was not `prepaid` is to pay, or goes back with a credit note;
    `prepaid` and `means` are those of the day of issue, as are the `parts` of prices that were left
    to pay in parts: its own, or those of other bills.
    """

    number: str
    template: int
    credit_note: bool
    issued_on: date
    due_on: date
    period: Period | None
    order_number: str
    purchase_order: str
    currency: str
    basis: Basis
    operation: Operation
    seller: Identity
    buyer: Identity
    lines: tuple[DocumentLine, ...]
    tax_parts: tuple[TaxPart, ...]
    net: Money
    tax: Money
    gross: Money
    prepaid: Money
    corrects: tuple[Reference, ...]
    mentions: tuple[str, ...]
    commitments: tuple[CommitmentView, ...]
    means: PaymentMeans | None = None
    parts: tuple[PrintedPart, ...] = ()

    @property
    def business(self) -> bool:
        return self.basis is Basis.HT

    @property
    def to_pay(self) -> Money:
        return self.gross - self.prepaid

    @property
    def put_off(self) -> Money:
        """What of it is paid in parts after the day on which it is due."""
        own = (part.left for part in self.parts if not part.of)
        return total(own, currency=self.currency)

    @property
    def due_with_it(self) -> tuple[PrintedPart, ...]:
        """The parts of other bills that are to be paid with it."""
        return tuple(
            part
            for part in self.parts
            if part.of
            and comes_with(part.due_on, issued_on=self.issued_on, bill_due_on=self.due_on)
        )

    @property
    def is_paid(self) -> bool:
        """All of it was paid before it was issued."""
        return bool(self.prepaid) and not self.to_pay

    @property
    def cost_centres(self) -> tuple[Borne, ...]:
        """What each of the buyer's bears without tax; nothing where no line names one."""
        bears = ((line.codes.cost_centre, line.net) for line in self.lines)
        return by_cost_centre(bears, currency=self.currency)

    @property
    def paid_by(self) -> PaymentMeans | None:
        """How the rest is to be paid; None if nothing is, or if it was not known."""
        return self.means if self.to_pay and not self.credit_note else None

    @property
    def transfer(self) -> TransferTo | None:
        """Where the rest is to be transferred to; None if it is paid otherwise."""
        means = self.paid_by
        if means is None or means.by is not PayBy.TRANSFER:
            return None
        return transfer_to(self.number, seller=self.seller, open_=self.to_pay)


def invoice_document(bill: BillView) -> InvoiceDocument | None:
    """The document of an issued bill; None if what documents say was not kept with it."""
    if bill.template is None or bill.seller is None or bill.buyer is None:
        return None
    summary = bill.summary
    credit = summary.kind == InvoiceKind.CREDIT_NOTE
    sign = -1 if credit else 1
    parts = tuple(
        replace(part, net=part.net * sign, tax=part.tax * sign, gross=part.gross * sign)
        for part in bill.tax_parts
    )
    return InvoiceDocument(
        number=summary.number,
        template=bill.template,
        credit_note=credit,
        issued_on=summary.issued_on,
        due_on=summary.due_on,
        period=summary.period,
        order_number=summary.order_number,
        purchase_order=summary.purchase_order,
        currency=summary.net.currency,
        basis=summary.basis,
        operation=_operation(line.tax_class for section in bill.sections for line in section.lines),
        seller=bill.seller,
        buyer=bill.buyer,
        lines=_lines(bill, parts=parts, sign=sign),
        tax_parts=parts,
        net=summary.net * sign,
        tax=summary.tax * sign,
        gross=summary.gross * sign,
        prepaid=summary.prepaid,
        corrects=bill.corrects,
        mentions=bill.mentions,
        commitments=bill.commitments,
        means=bill.means,
        parts=bill.printed,
    )


def nets(amounts: Sequence[Money], *, rate: Decimal, net: Money, basis: Basis) -> tuple[Money, ...]:
    """The amounts of lines of one rate without tax, adding up to `net`.

    TTC: by largest remainder, ties to the earlier line, amounts of both signs alike.
    """
    if basis is Basis.HT:
        return tuple(amounts)
    exact = [amount.amount * 10000 / (100 + rate) for amount in amounts]
    cents = [int(value.to_integral_value(ROUND_FLOOR)) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (cents[i] - exact[i], i))
    for index in by_remainder[: net.cents - sum(cents)]:
        cents[index] += 1
    return tuple(Money.from_cents(value, net.currency) for value in cents)


def unit_price(net: Money, *, quantity: int) -> tuple[Decimal, int]:
    """The price without tax and for how many pieces it is: for one where four decimals say it
    exactly, else for all of them."""
    whole = abs(net.amount)
    single = (whole / quantity).quantize(PRICE_DECIMALS)
    if single * quantity == whole:
        return single, 1
    return whole, quantity


def _lines(bill: BillView, *, parts: Sequence[TaxPart], sign: int) -> tuple[DocumentLine, ...]:
    basis = bill.summary.basis
    billed = [(section.code, line) for section in bill.sections for line in section.lines]
    net_of: dict[int, Money] = {}
    for part in parts:
        at_rate = [i for i, (_, line) in enumerate(billed) if line.tax_rate == part.rate]
        amounts = [billed[i][1].amount * sign for i in at_rate]
        shares = nets(amounts, rate=part.rate, net=part.net, basis=basis)
        net_of.update(zip(at_rate, shares, strict=True))
    lines = []
    for index, (section, line) in enumerate(billed):
        net = net_of[index]
        price, per = unit_price(net, quantity=line.quantity)
        lines.append(
            DocumentLine(
                position=index + 1,
                section=section,
                kind=LineKind(line.kind),
                label=line.label,
                days=line.days,
                month=line.period,
                quantity=-line.quantity if net.amount < 0 else line.quantity,
                price=price,
                per=per,
                net=net,
                amount=line.amount * sign,
                tax_rate=line.tax_rate,
                codes=line.codes,
                collected=line.tax_class == COLLECTED,
            )
        )
    return tuple(lines)


def _operation(tax_classes: Iterable[str]) -> Operation:
    goods = {tax_class == GOODS for tax_class in tax_classes}
    if goods == {True}:
        return Operation.GOODS
    return Operation.MIXED if True in goods else Operation.SERVICES


def sections(lines: Iterable[DocumentLine]) -> Mapping[Section, tuple[DocumentLine, ...]]:
    """The lines by section, in the order of the law."""
    found: dict[Section, list[DocumentLine]] = {}
    for line in lines:
        found.setdefault(line.section, []).append(line)
    return {section: tuple(found[section]) for section in Section if section in found}


def net_of(lines: Iterable[DocumentLine], *, currency: str) -> Money:
    return total((line.net for line in lines), currency=currency)
