"""In whose name a merchant sells: ours, and the price is our revenue with our tax; or his own, and
it is only collected for him, on the bill, in both books, in its XML and in what is reported."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from commerce.accounts.models import StaffRole, User
from commerce.accounts.services.organisations import Company
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.notifications.models import Message
from subscriptions.carrier.leaks import merchant_differences
from subscriptions.carrier.models import (
    CarrierPayment,
    Merchant,
    MerchantSettlement,
    MerchantTransfer,
)
from subscriptions.carrier.selectors import question
from subscriptions.carrier.services import purchasing, settling
from subscriptions.carrier.services.merchants import MerchantContract, take_on
from subscriptions.carrier.statements import statements
from subscriptions.domain.carrier import Category, Selling
from subscriptions.domain.document import InvoiceDocument, invoice_document
from subscriptions.einvoicing.services import sales_reports
from subscriptions.invoicing.facturx import COLLECTED, EXEMPT, why_untaxed, xml_of
from subscriptions.invoicing.selectors import bill_view
from subscriptions.models import (
    BillingAccount,
    CarrierLimits,
    Invoice,
    InvoiceLine,
    Subscription,
    Transfer,
)
from subscriptions.reconciling.audit import ledger_differences
from tests.integration.subscriptions.contracts import DAY, at, begun, firm, person, plan
from tests.integration.subscriptions.test_carrier_billing import (
    APRIL,
    MAY,
    asked,
    billed,
    bought,
    given_back,
)

pytestmark = pytest.mark.django_db
MARCH = date(2026, 3, 1)
METRO = Company("Métro de Lune SA", "732829320", "1 quai de la Lune", "33000", "Bordeaux")


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


def contract(selling: Selling, *kinds: Category, code: str = "metro") -> MerchantContract:
    rate = Decimal(0 if Category.DONATION in kinds else 10)
    return MerchantContract(
        code=code,
        name="Métro de Lune",
        email="metro@example.test",
        support="0800 000 003",
        categories=kinds or (Category.TICKET,),
        tax_class="standard",
        tax_rate=rate,
        share=Decimal(90),
        fee=Decimal("0.10"),
        confirms_himself=True,
        selling=selling,
        company=METRO if selling is Selling.TOLD else None,
    )


def seller(selling: Selling, *kinds: Category) -> Merchant:
    made = take_on(contract(selling, *kinds), client_id="metro-id", client_secret="secret")
    return Merchant.objects.get(pk=made)


def ticket(of: Merchant, amount: str, *, on: date) -> CarrierPayment:
    return bought(of, amount, on=on, category="transport", description="Ticket")


def entered(of: Invoice) -> dict[tuple[str, str], str]:
    rows = Transfer.objects.filter(invoice=of).exclude(kind="allocation")
    return {(row.debit, row.credit): str(row.amount) for row in rows}


def booked() -> dict[str, tuple[str, str, str]]:
    return {
        row.key: (row.debit, row.credit, str(row.amount)) for row in MerchantTransfer.objects.all()
    }


def document(party: int, invoice: Invoice) -> InvoiceDocument:
    found = invoice_document(bill_view(party, invoice.number or ""))
    assert found is not None
    return found


IN_HIS_NAME = (
    "Ticket – Métro de Lune, in his name and for his account, his VAT of 10 % included "
    "(help: 0800 000 003)"
)


def test_what_an_agent_who_is_told_sells_is_collected_and_no_revenue() -> None:
    party = person()
    begun("F-1", [plan("30.00")], party=party)
    bought_of = seller(Selling.TOLD)
    first = ticket(bought_of, "11.00", on=date(2026, 3, 20))
    ticket(bought_of, "5.50", on=date(2026, 3, 21))
    given_back(first, "2.20", on=date(2026, 3, 22))
    assert billed(APRIL) == [
        (IN_HIS_NAME, "11.00"),
        (IN_HIS_NAME, "5.50"),
        (f"Refund: {IN_HIS_NAME}", "-2.20"),
    ]
    bill = Invoice.objects.order_by("-pk")[0]
    rows = InvoiceLine.objects.filter(invoice=bill, kind="third")
    assert {(row.tax_class, str(row.tax_rate)) for row in rows} == {("collected", "0.00")}
    assert (str(bill.net), str(bill.tax_total), str(bill.gross)) == ("39.30", "5.00", "44.30")
    assert entered(bill) == {
        ("receivable", "revenue"): "25.00",
        ("receivable", "vat"): "5.00",
        ("receivable", "collected"): "14.30",
    }
    assert ledger_differences() == ()


@pytest.mark.parametrize("selling", [Selling.RESELLER, Selling.UNTOLD])
def test_what_we_sell_in_our_own_name_is_our_revenue_and_our_tax(selling: Selling) -> None:
    begun("F-1", [plan("30.00")], party=person())
    ticket(seller(selling), "11.00", on=date(2026, 3, 20))
    assert billed(APRIL) == [("Ticket – Métro de Lune (help: 0800 000 003)", "11.00")]
    assert entered(Invoice.objects.order_by("-pk")[0]) == {
        ("receivable", "revenue"): "35.00",
        ("receivable", "vat"): "6.00",
    }


def test_the_month_of_an_agent_who_is_told_owes_all_but_our_commission() -> None:
    begun("F-1", [plan("30.00")], party=person())
    of = seller(Selling.TOLD)
    first = ticket(of, "11.00", on=date(2026, 3, 20))
    ticket(of, "5.50", on=date(2026, 3, 21))
    given_back(first, "2.20", on=date(2026, 3, 22))
    billed(APRIL)
    (told,) = statements(MARCH)
    # 14.30 hold 13.00 without his tax; we keep a tenth and ten cents of each purchase, and its tax.
    assert (str(told.net), str(told.commission), str(told.tax)) == (
        "13.00 EUR",
        "1.50 EUR",
        "0.30 EUR",
    )
    assert (str(told.due), told.agrees, str(told.waiting)) == ("12.50 EUR", True, "0.00 EUR")
    with business_time_fixed(at(date(2026, 5, 3))):
        assert settling.close(MARCH, by="x") == 1
        assert settling.close(MARCH, by="x") == 0
        assert list(merchant_differences(date(2026, 5, 3))) == []
    assert booked() == {
        "collected/metro/2026-03": ("held", "payable", "14.30"),
        "commission/metro/2026-03": ("payable", "set_off", "1.80"),
    }
    row = MerchantSettlement.objects.get()
    assert (str(row.commission), str(row.commission_tax), str(row.due)) == ("1.50", "0.30", "12.50")
    assert settling.payable_to(of.pk) == Money.of("12.50")


def test_what_goes_back_later_is_taken_off_what_is_held_for_him() -> None:
    begun("F-1", [plan("30.00")], party=person())
    of = seller(Selling.TOLD)
    payment = ticket(of, "11.00", on=date(2026, 3, 20))
    billed(APRIL)
    given_back(CarrierPayment.objects.get(pk=payment.pk), on=date(2026, 4, 15))
    assert billed(MAY) == [(f"Refund: {IN_HIS_NAME}", "-11.00")]
    newest = Invoice.objects.order_by("-pk")[0]
    assert entered(newest)["collected", "receivable"] == "11.00"
    with business_time_fixed(at(date(2026, 6, 3))):
        for month in (MARCH, date(2026, 4, 1)):
            assert settling.close(month, by="x") == 1
    # The share goes back with the sale; the ten cents of the purchase and their tax stay ours.
    assert settling.payable_to(of.pk) == Money.of("-0.12")
    assert booked()["collected/metro/2026-04"] == ("payable", "held", "11.00")


def test_the_tax_on_our_commission_is_rounded_once_for_a_month_of_two_terms() -> None:
    begun("F-1", [plan("30.00")], party=person())
    of = seller(Selling.TOLD)
    before = ticket(of, "11.00", on=date(2026, 3, 20))
    april = date(2026, 4, 1)
    terms = {"share": Decimal("99.70"), "fee": Decimal("0.10")}
    settling.agree_terms(code="metro", since=april, by="x", **terms)
    ticket(of, "11.00", on=date(2026, 4, 2))
    given_back(before, "2.31", on=date(2026, 4, 3))
    (told,) = statements(april)
    # 0.13 of the sale less 0.21 of March's share; 20 % of that, not of each.
    assert (told.commission, told.tax) == (Money.of("-0.08"), Money.of("-0.02"))
    assert told.due == told.sold - told.given_back - told.commission - told.tax
    assert told.due == Money.of("8.79")


def test_the_invoice_says_whose_sale_it_is() -> None:
    party = firm()
    begun("F-1", [plan("30.00")], party=party, segment="business")
    line = Subscription.objects.get()
    CarrierLimits.objects.create(subscription=line, changed_at=at(DAY), changed_by="x")
    ticket(seller(Selling.TOLD), "11.00", on=date(2026, 3, 20))
    assert [amount for _, amount in billed(APRIL)] == ["11.00"], "whole, also to a business"
    bill = Invoice.objects.order_by("-pk")[0]
    assert (str(bill.net), str(bill.tax_total), str(bill.gross)) == ("41.00", "6.00", "47.00")
    said = document(party, bill)
    assert [line.collected for line in said.lines] == [False, True]
    xml = xml_of(said).decode()
    assert COLLECTED["fr"] in xml
    assert xml.count("<ram:CategoryCode>E</ram:CategoryCode>") == 2, "the line and its tax part"
    own, others = said.lines
    exempt = replace(own, tax_rate=Decimal(0))
    assert why_untaxed(replace(said, lines=(exempt, own))) == EXEMPT
    assert why_untaxed(replace(said, lines=(exempt, others))) == {
        "fr": f"{EXEMPT['fr']} ; {COLLECTED['fr']}",
        "en": f"{EXEMPT['en']}; {COLLECTED['en']}",
    }


def test_only_our_own_sales_are_reported() -> None:
    begun("F-1", [plan("30.00")], party=person())
    ticket(seller(Selling.TOLD), "11.00", on=date(2026, 3, 20))
    billed(APRIL)
    sales, _ = sales_reports.books(Period(APRIL, MAY))
    assert [(row["rate"], row["net"], row["tax"]) for row in sales] == [("20.00", "25.00", "5.00")]
    bill = Invoice.objects.order_by("-pk")[0]
    Transfer.objects.create(
        at=at(APRIL),
        kind="allocation",
        debit="unapplied",
        credit="receivable",
        amount=bill.gross,
        currency="EUR",
        account=bill.account,
        invoice=bill,
        reference=bill.number or "",
        key="paid",
    )
    _, payments = sales_reports.books(Period(APRIL, MAY))
    assert [(row["rate"], row["amount"]) for row in payments] == [("20.00", "30.00")]


@pytest.mark.parametrize(
    ("selling", "kinds", "fits"),
    [
        (Selling.TOLD, (Category.TICKET,), True),
        (Selling.TOLD, (Category.DONATION,), True),
        (Selling.TOLD, (Category.DIGITAL, Category.TICKET), False),
        (Selling.UNTOLD, (Category.DIGITAL, Category.TICKET), True),
        (Selling.UNTOLD, (Category.DONATION,), False),
        (Selling.RESELLER, (Category.DONATION, Category.TICKET), False),
    ],
)
def test_what_may_be_sold_in_whose_name(
    selling: Selling, kinds: tuple[Category, ...], fits: bool
) -> None:
    if fits:
        assert seller(selling, *kinds).selling == selling
        return
    with pytest.raises(InvalidInput) as refusal:
        seller(selling, *kinds)
    assert refusal.value.code == "not_sold_so"
    assert not Merchant.objects.exists()


def test_the_customer_is_told_before_he_says_yes() -> None:
    begun("F-1", [plan("30.00")], party=person())
    of = seller(Selling.TOLD)
    told = asked("11.00", "r-1", category="transport")
    payment = purchasing.prepare(party_id=of.party_id, purchase=told)
    assert question(payment).in_his_name
    assert "(Métro de Lune, qui vend en son propre nom)" in code_for(payment)
    Merchant.objects.update(selling=Selling.UNTOLD)
    CarrierPayment.objects.update(state="cancelled")
    again = purchasing.prepare(party_id=of.party_id, purchase=replace(told, reference="r-2"))
    assert not question(again).in_his_name
    assert "(Métro de Lune)" in code_for(again)


def code_for(payment: CarrierPayment) -> str:
    return Message.objects.get(reference=f"carrier_code/{payment.pk}").text


def test_a_donation_holds_no_tax_anywhere() -> None:
    begun("F-1", [plan("30.00")], party=person())
    of = seller(Selling.TOLD, Category.DONATION)
    told = asked("5.00", "r-1", category="donation")
    assert not question(purchasing.prepare(party_id=of.party_id, purchase=told)).taxed
    paid = bought(of, "11.00", on=date(2026, 3, 20), category="donation", description="Don")
    assert (str(paid.net), str(paid.gross)) == ("11.00", "11.00")
    said = "Don – Métro de Lune, in his name and for his account (help: 0800 000 003)"
    assert billed(APRIL) == [(said, "11.00")]
    made = replace(contract(Selling.TOLD, Category.DONATION), tax_rate=Decimal(20), code="x")
    with pytest.raises(InvalidInput) as refusal:
        take_on(made, client_id="x", client_secret="secret")
    assert refusal.value.code == "donation_taxed"


def test_what_goes_back_at_once_is_neither_our_revenue_nor_reported() -> None:
    begun("F-1", [plan("30.00")], party=person())
    payment = ticket(seller(Selling.TOLD), "11.00", on=date(2026, 3, 20))
    billed(APRIL)
    BillingAccount.objects.update(next_bill_on=None)
    given_back(CarrierPayment.objects.get(pk=payment.pk), on=date(2026, 4, 15))
    note = Invoice.objects.get(kind="credit_note")
    assert entered(note) == {("collected", "unapplied"): "11.00"}
    assert ledger_differences() == ()
    sales, _ = sales_reports.books(Period(APRIL, MAY))
    assert [(row["rate"], row["net"], row["tax"]) for row in sales] == [("20.00", "25.00", "5.00")]


def test_operators_read_what_is_collected_among_the_transfers() -> None:
    begun("F-1", [plan("30.00")], party=person())
    ticket(seller(Selling.TOLD), "11.00", on=date(2026, 3, 20))
    billed(APRIL)
    user = User.objects.create_user("omar@faisceau.example", "x")
    StaffRole.objects.create(user=user, kind="operator")
    omar = Client(headers={"accept-language": "en"})
    omar.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    page = omar.get("/ops/ledger/")
    assert page.status_code == 200
    assert "Collected for merchants" in page.content.decode()
