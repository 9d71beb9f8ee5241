"""The invoice as a document: nets of lines, prices of pieces, and the bytes of the templates."""

from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis, tax_parts
from subscriptions.domain.buyers import NO_CODES, Borne, BuyerCodes
from subscriptions.domain.document import (
    TEMPLATE,
    InvoiceDocument,
    Operation,
    invoice_document,
    nets,
    unit_price,
)
from subscriptions.domain.invoice import mentions
from subscriptions.domain.states import InvoiceKind, LineKind
from subscriptions.domain.views import (
    BillLineView,
    BillSection,
    BillSummary,
    BillView,
    CommitmentView,
    Identity,
    PayBy,
    PaymentMeans,
    Reference,
    Section,
    TransferTo,
)
from subscriptions.invoicing.facturx import Flavour, xml_of

KEPT = Path(__file__).parent / "documents"
SELLER = Identity(
    name="Faisceau", line1="1 rue de l'Exemple", postcode="75001", city="Paris",
    company_number="010203040", site_number="01020304000018", vat_number="FR06010203040",
    registration="SAS, RCS Paris 010 203 040",
)  # fmt: skip
FIRM = Identity(
    name="Atelier Rivoire SAS", line1="8 quai Sud", postcode="13002", city="Marseille",
    company_number="732829320", site_number="73282932000074", vat_number="FR44732829320",
)  # fmt: skip
PERSON = Identity(name="Camille Roux", line1="3 rue des Lilas", postcode="69003", city="Lyon")
MARCH = Period(date(2026, 3, 10), date(2026, 4, 10))

rates = st.sampled_from([Decimal(20), Decimal(10), Decimal("5.5"), Decimal("2.1"), Decimal(0)])
cents = st.integers(-50_000, 50_000).map(Money.from_cents)


def line(
    amount: str,
    *,
    label: str = "Forfait 100 Go",
    kind: LineKind = LineKind.RECURRING,
    quantity: int = 1,
    rate: str = "20",
    tax_class: str = "telecom",
    codes: BuyerCodes = NO_CODES,
) -> BillLineView:
    once = kind is LineKind.ONE_OFF
    return BillLineView(
        kind=kind, label={"fr": label, "en": f"{label} (en)"}, order_number="F-2026-000001",
        group="g1", item="i", charge="c", benefit="", period=0 if once else 1,
        days=None if once else MARCH, quantity=quantity, amount=Money.of(amount),
        tax_class=tax_class, tax_rate=Decimal(rate), promised=None, codes=codes,
    )  # fmt: skip


def document(
    *lines: BillLineView,
    basis: Basis = Basis.TTC,
    kind: InvoiceKind = InvoiceKind.RECURRING,
    corrects: tuple[Reference, ...] = (),
    buyer: Identity | None = None,
    prepaid: str = "0",
) -> InvoiceDocument:
    """The document of a bill with these lines, its tax by the rule of the basis."""
    by_rate: dict[Decimal, Money] = {}
    for each in lines:
        by_rate[each.tax_rate] = by_rate.get(each.tax_rate, Money.zero()) + each.amount
    parts = tax_parts(by_rate, basis=basis)
    once = [each for each in lines if each.kind is LineKind.ONE_OFF]
    own = [each for each in lines if each.kind is not LineKind.ONE_OFF]
    bill = BillView(
        summary=BillSummary(
            number="AV-2026-0000001" if kind is InvoiceKind.CREDIT_NOTE else "FA-2026-0000001",
            kind=kind.value, account_id=1, order_number="", issued_on=MARCH.start,
            purchase_order="PO-77" if basis is Basis.HT else "", due_on=date(2026, 4, 9),
            period=MARCH, basis=basis, net=total(part.net for part in parts),
            tax=total(part.tax for part in parts), gross=total(part.gross for part in parts),
            open=total(part.gross for part in parts) - Money.of(prepaid), prepaid=Money.of(prepaid),
        ),
        sections=tuple(
            BillSection(code, tuple(found), total(each.amount for each in found))
            for code, found in ((Section.OWN_SERVICES, own), (Section.ONE_OFF, once))
            if found
        ),
        tax_parts=parts, template=1, seller=SELLER, corrects=corrects,
        buyer=buyer or (FIRM if basis is Basis.HT else PERSON),
        mentions=mentions(basis), promised=Money.zero(), as_promised=True,
        commitments=(CommitmentView(1, "0639980001", date(2028, 3, 10), 24),),
    )  # fmt: skip
    found = invoice_document(bill)
    assert found is not None
    return found


@given(amounts=st.lists(cents, min_size=1, max_size=20), rate=rates)
def test_nets_add_up_and_each_is_within_a_cent_of_its_own(
    amounts: list[Money], rate: Decimal
) -> None:
    (part,) = tax_parts({rate: total(amounts)}, basis=Basis.TTC)
    found = nets(amounts, rate=rate, net=part.net, basis=Basis.TTC)
    assert total(found) == part.net
    for amount, net in zip(amounts, found, strict=True):
        assert abs(net.amount - amount.amount * 100 / (100 + rate)) < Decimal("0.01")


@given(amounts=st.lists(cents, min_size=1, max_size=20), rate=rates)
def test_tax_of_consumers_keeps_within_a_cent_of_the_rule(
    amounts: list[Money], rate: Decimal
) -> None:
    bill = document(*(line(str(amount.amount), rate=str(rate)) for amount in amounts))
    (part,) = bill.tax_parts
    by_rule = (part.net.amount * rate / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert abs(by_rule - part.tax.amount) <= Decimal("0.01")  # EN 16931 BR-CO-17
    assert total(each.net for each in bill.lines) == bill.net  # BR-CO-10
    assert bill.net + bill.tax == bill.gross  # BR-CO-15


@given(amounts=st.lists(cents, min_size=1, max_size=20), rate=rates)
def test_tax_of_firms_is_exactly_that_of_the_rule(amounts: list[Money], rate: Decimal) -> None:
    bill = document(
        *(line(str(amount.amount), rate=str(rate)) for amount in amounts), basis=Basis.HT
    )
    (part,) = bill.tax_parts
    assert part.tax == (part.net * rate / 100).rounded()
    assert total(each.net for each in bill.lines) == bill.net
    assert all(each.net == each.amount for each in bill.lines)


@given(net=cents, quantity=st.integers(1, 500))
def test_a_line_is_its_quantity_times_its_price(net: Money, quantity: int) -> None:
    price, per = unit_price(net, quantity=quantity)
    assert quantity * price / per == abs(net.amount)


@pytest.mark.parametrize(
    ("net", "quantity", "price", "per"),
    [("25.00", 4, "6.25", 1), ("0.05", 4, "0.0125", 1), ("25.00", 3, "25.00", 3), ("0", 2, "0", 1)],
)
def test_the_price_is_of_one_piece_where_four_decimals_say_it(
    net: str, quantity: int, price: str, per: int
) -> None:
    assert unit_price(Money.of(net), quantity=quantity) == (Decimal(price), per)


@pytest.mark.parametrize(
    ("classes", "operation"),
    [
        (("goods",), Operation.GOODS),
        (("telecom", "press"), Operation.SERVICES),
        (("goods", "telecom"), Operation.MIXED),
    ],
)
def test_what_is_sold_is_said(classes: tuple[str, ...], operation: Operation) -> None:
    bill = document(*(line("1.00", tax_class=tax_class) for tax_class in classes))
    assert bill.operation is operation


CONSUMER = document(
    line("29.99"),
    line("-29.99", label="6 mois offerts", kind=LineKind.BENEFIT),
    line("2.10", label="Kiosque", rate="2.1", tax_class="press"),
    line("19.99", label="Coque", kind=LineKind.ONE_OFF, quantity=3, tax_class="goods"),
)
BUSINESS = document(
    line("25.00", label="Flotte 20 Go", quantity=3),
    line("12.00", label="Assurance", rate="0", tax_class="exempt"),
    basis=Basis.HT,
)
CREDIT = document(
    line("-199.00", label="Téléphone", kind=LineKind.ONE_OFF, tax_class="goods"),
    kind=InvoiceKind.CREDIT_NOTE,
    corrects=(Reference("FA-2026-0000001", date(2026, 3, 1)),),
)


def fleet(users: int) -> InvoiceDocument:
    """A firm's, to be paid by transfer: a line and a cost centre each; every third of an order of
    its own."""
    bill = document(
        *(
            line(
                "12.90",
                label="Flotte 20 Go",
                codes=BuyerCodes(f"CC-{n:03}", "PO-78" if n % 3 == 0 else "PO-77"),
            )
            for n in range(1, users + 1)
        ),
        basis=Basis.HT,
    )
    iban = replace(bill.seller, iban="FR7699999000010000000000115")
    return replace(bill, template=TEMPLATE, seller=iban, means=PaymentMeans(PayBy.TRANSFER))


DEBITED = replace(
    CONSUMER, template=3, means=PaymentMeans(PayBy.DEBIT, "1234", "M-7", "FR72ZZZ123456")
)


@pytest.mark.parametrize(
    ("name", "bill"), [("consumer", CONSUMER), ("business", BUSINESS), ("credit-note", CREDIT)]
)
def test_the_bytes_of_a_template_never_change(name: str, bill: InvoiceDocument) -> None:
    """If this fails, what is archived would read otherwise: add a template, keep this one."""
    assert xml_of(bill) == (KEPT / f"template-1-{name}.xml").read_bytes()


@pytest.mark.parametrize(("name", "bill"), [("consumer", CONSUMER), ("business", BUSINESS)])
def test_the_second_template_says_the_same_of_what_is_to_be_paid(
    name: str, bill: InvoiceDocument
) -> None:
    second = replace(bill, template=2)
    assert xml_of(second) == (KEPT / f"template-1-{name}.xml").read_bytes()


def test_a_credit_note_is_due_on_no_day_and_says_that_it_goes_back() -> None:
    second = xml_of(replace(CREDIT, template=2))
    assert second == (KEPT / "template-2-credit-note.xml").read_bytes()
    assert b"DueDateDateTime" not in second
    assert b"ce montant vous est rendu" in second


@pytest.mark.parametrize(
    ("name", "bill"),
    [("transfer", fleet(3)), ("debit", DEBITED), ("credit-note", replace(CREDIT, template=3))],
)
@pytest.mark.parametrize("flavour", list(Flavour))
def test_the_third_template_says_who_bears_what_and_how_it_is_paid(
    name: str, bill: InvoiceDocument, flavour: Flavour
) -> None:
    kind = "" if flavour is Flavour.FACTUR_X else ".ubl"
    assert xml_of(bill, flavour=flavour) == (KEPT / f"template-3-{name}{kind}.xml").read_bytes()


def test_what_each_cost_centre_bears_adds_up_to_the_bill() -> None:
    bill = document(
        line("10.00", codes=BuyerCodes("Paris")),
        line("-2.00", kind=LineKind.BENEFIT, codes=BuyerCodes("Paris")),
        line("5.00"),
        line("7.00", codes=BuyerCodes("Lyon")),
        basis=Basis.HT,
    )
    assert bill.cost_centres == (
        Borne("Lyon", Money.of("7.00")),
        Borne("Paris", Money.of("8.00")),
        Borne("", Money.of("5.00")),
    )
    assert total(each.amount for each in bill.cost_centres) == bill.net
    assert CONSUMER.cost_centres == ()


@pytest.mark.parametrize(
    ("bill", "to"),
    [
        (fleet(1), TransferTo("FR7699999000010000000000115", "RF89FA20260000001", "Faisceau")),
        (replace(fleet(1), means=PaymentMeans(PayBy.DEBIT)), None),
        (replace(fleet(1), means=None), None),
        (replace(fleet(1), prepaid=fleet(1).gross), None),
        (replace(fleet(1), credit_note=True), None),
        (replace(fleet(1), seller=SELLER), None),
    ],
)
def test_only_what_is_to_be_transferred_says_where_to(
    bill: InvoiceDocument, to: TransferTo | None
) -> None:
    assert bill.transfer == to


@pytest.mark.parametrize("flavour", list(Flavour))
def test_what_xml_cannot_say_is_left_out(flavour: Flavour) -> None:
    bill = document(line("12.90", label="Flotte\x01 20\ufffe Go", codes=BuyerCodes("a\x1fb\uffff")))
    told = xml_of(replace(bill, template=3), flavour=flavour).decode()
    assert (told.count(">Flotte 20 Go<"), told.count(">ab<")) == (1, 2)
