"""Who sells in his own name is invoiced our commission: in a series of its own, to the cent as his
statement and both ledgers say, settled by what we owe him; a difference is found."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from commerce.kernel.clock import business_time_fixed
from commerce.kernel.money import Money
from subscriptions.carrier.leaks import merchant_differences
from subscriptions.carrier.models import (
    CarrierPayment,
    Merchant,
    MerchantSettlement,
    MerchantTransfer,
)
from subscriptions.carrier.payables import statement_to
from subscriptions.carrier.services import settling
from subscriptions.carrier.statements import statements
from subscriptions.domain.carrier import Category, Selling
from subscriptions.domain.document import InvoiceDocument
from subscriptions.invoicing.facturx import xml_of
from subscriptions.invoicing.files import Form, invoice_file
from subscriptions.invoicing.selectors import document_of
from subscriptions.ledger.selectors import owed_on
from subscriptions.ledger.services import ledger
from subscriptions.models import Einvoice, Invoice, Transfer
from subscriptions.reconciling.audit import (
    Changed,
    bills_against_promises,
    ledger_differences,
)
from subscriptions.reconciling.leaks import billing_differences
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan
from tests.integration.subscriptions.test_carrier_billing import (
    APRIL,
    billed,
    bought,
    given_back,
    operator,
)
from tests.integration.subscriptions.test_who_sells import seller, ticket

pytestmark = pytest.mark.django_db
MARCH, SINCE_APRIL = date(2026, 3, 1), date(2026, 4, 1)
IN_MAY = date(2026, 5, 3)


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        begun("F-1", [plan("30.00")], party=person())
        yield


@pytest.fixture
def metro() -> Merchant:
    """In March he sold for 16.50 in two purchases, a tenth of it tax, and gave 2.20 back."""
    of = seller(Selling.TOLD)
    first = ticket(of, "11.00", on=date(2026, 3, 20))
    ticket(of, "5.50", on=date(2026, 3, 21))
    given_back(first, "2.20", on=date(2026, 3, 22))
    billed(APRIL)
    return of


def close(month: date, *, on: date) -> int:
    with business_time_fixed(at(on)):
        return settling.close(month, by="x")


def commissions() -> list[Invoice]:
    return list(Invoice.objects.filter(key__startswith="commission:").order_by("pk"))


def entered(of: Invoice) -> list[tuple[str, str, str, str]]:
    rows = Transfer.objects.filter(invoice=of).order_by("pk")
    return [(row.kind, row.debit, row.credit, str(row.amount)) for row in rows]


def said(of: Merchant, invoice: Invoice) -> InvoiceDocument:
    return document_of(of.party_id, invoice.number or "")


def test_the_commission_is_invoiced_with_the_month_and_settled_at_once(metro: Merchant) -> None:
    assert close(MARCH, on=IN_MAY) == 1
    (made,) = commissions()
    assert (made.number, made.kind, made.state) == ("CO-2026-0000001", "order", "issued")
    assert (str(made.net), str(made.tax_total), str(made.gross)) == ("1.50", "0.30", "1.80")
    assert made.due_on == made.issued_on == IN_MAY
    assert entered(made) == [
        ("invoice", "receivable", "revenue", "1.50"),
        ("invoice", "receivable", "vat", "0.30"),
        ("allocation", "unapplied", "receivable", "1.80"),
        ("set_off", "merchants", "unapplied", "1.80"),
    ]
    assert owed_on(made) == Money.zero("EUR")
    assert settling.payable_to(metro.pk) == Money.of("12.50"), "14.30 collected less 1.80"
    settled = MerchantSettlement.objects.get()
    assert (settled.invoice, str(settled.due)) == (made, "12.50")
    assert statement_to(metro.party_id, MARCH).invoice == "CO-2026-0000001"
    assert Einvoice.objects.filter(invoice=made).count() == 1, "the platform has it"
    with business_time_fixed(at(IN_MAY)):
        paid = settling.pay_out(
            context=operator(), code="metro", amount=Money.of("12.50"), reference="V-1"
        )
        assert paid == Money.of("12.50")
        assert list(merchant_differences(IN_MAY)) == []
        assert [each.kind for each in billing_differences(IN_MAY)] == []
    assert ledger_differences() == ()
    assert [each for each in bills_against_promises() if not each.equal] == []
    assert close(MARCH, on=IN_MAY) == 0
    assert len(commissions()) == 1


def test_the_document_says_what_it_is_for_and_that_nothing_is_to_pay(metro: Merchant) -> None:
    close(MARCH, on=IN_MAY)
    (made,) = commissions()
    document = said(metro, made)
    assert (document.buyer.name, document.buyer.company_number) == (
        "Métro de Lune SA",
        "732829320",
    )
    assert [(str(line.label["fr"]), line.quantity, str(line.net)) for line in document.lines] == [
        ("Commission sur vos ventes facturées à nos clients (13,00 € hors taxe)", 1, "1.30 EUR"),
        ("Frais par achat", 2, "0.20 EUR"),
    ]
    assert document.period is not None
    assert (document.period.start, document.period.last_day) == (MARCH, date(2026, 3, 31))
    assert document.is_paid
    assert document.mentions[-1] == "SET_OFF"
    xml = xml_of(document).decode()
    for each in ("Réglée par compensation", "<ram:DuePayableAmount>0.00", "S2", "CO-2026-0000001"):
        assert each in xml
    found = invoice_file(metro.party_id, made.number or "", form=Form.PDF, language="fr")
    assert (found.name, found.content[:5]) == ("CO-2026-0000001.pdf", b"%PDF-")


def test_what_goes_back_is_a_credit_note_that_names_the_invoice(metro: Merchant) -> None:
    close(MARCH, on=IN_MAY)
    first = CarrierPayment.objects.get(gross=Decimal("11.00"))
    given_back(first, "8.80", on=date(2026, 4, 15))
    assert close(SINCE_APRIL, on=IN_MAY) == 1
    invoice, note = commissions()
    assert (note.number, note.kind) == ("CA-2026-0000001", "credit_note")
    assert (str(note.net), str(note.tax_total), str(note.gross)) == ("-0.80", "-0.16", "-0.96")
    assert entered(note) == [
        ("credit_note", "revenue", "unapplied", "0.80"),
        ("credit_note", "vat", "unapplied", "0.16"),
        ("set_off", "unapplied", "merchants", "0.96"),
    ]
    document = said(metro, note)
    assert [each.number for each in document.corrects] == [invoice.number]
    assert document.lines[0].label["en"] == (
        "Commission on your sales that were given back (€8.00 without tax)"
    )
    assert xml_of(document).count(b"CO-2026-0000001") == 1
    assert settling.payable_to(metro.pk) == Money.of("4.66"), "12.50 less 8.80, and 0.96 again"
    with business_time_fixed(at(IN_MAY)):
        assert list(merchant_differences(IN_MAY)) == []
    assert ledger_differences() == ()


def test_a_month_that_gives_back_waits_for_the_one_that_took(metro: Merchant) -> None:
    first = CarrierPayment.objects.get(gross=Decimal("11.00"))
    given_back(first, "8.80", on=date(2026, 4, 15))
    assert close(SINCE_APRIL, on=IN_MAY) == 0
    assert not commissions()
    with business_time_fixed(at(IN_MAY)):
        settling.on_due({"month": "2026-04-01"})
    assert [each.number for each in commissions()] == ["CO-2026-0000001", "CA-2026-0000001"]


def test_the_tax_of_a_month_under_two_terms_is_rounded_once() -> None:
    """Of 12.10 we keep a fifth, 2.42, and of 5.40 of March a tenth, 0.54, goes back: of 1.88 the
    tax is 0.38, but 0.48 less 0.11 would be 0.37."""
    of = seller(Selling.TOLD)
    Merchant.objects.update(fee=0)
    first = ticket(of, "11.00", on=date(2026, 3, 20))
    settling.agree_terms(code="metro", since=SINCE_APRIL, share=Decimal(80), fee=Decimal(0), by="x")
    billed(APRIL)
    close(MARCH, on=IN_MAY)
    given_back(first, "5.94", on=date(2026, 4, 12))
    ticket(of, "13.31", on=date(2026, 4, 13))
    (told,) = statements(SINCE_APRIL)
    assert (str(told.commission), str(told.tax), str(told.due)) == (
        "1.88 EUR",
        "0.38 EUR",
        "5.11 EUR",
    )
    assert close(SINCE_APRIL, on=IN_MAY) == 1
    made = commissions()[-1]
    assert (str(made.net), str(made.tax_total)) == ("1.88", "0.38")


@pytest.mark.parametrize("selling", [Selling.RESELLER, Selling.UNTOLD])
def test_what_we_sell_in_our_own_name_has_no_commission(selling: Selling) -> None:
    """Our margin is no service to him: he sells to us (art. 256 V CGI)."""
    of = seller(selling)
    ticket(of, "11.00", on=date(2026, 3, 20))
    billed(APRIL)
    assert close(MARCH, on=IN_MAY) == 1
    assert not commissions()
    assert MerchantSettlement.objects.get().invoice is None
    assert {(row.debit, row.credit) for row in MerchantTransfer.objects.all()} == {
        ("cost", "payable")
    }


def test_a_month_without_commission_has_no_invoice() -> None:
    of = seller(Selling.TOLD, Category.DONATION)
    Merchant.objects.update(share=100, fee=0)
    bought(of, "11.00", on=date(2026, 3, 20), category="donation", description="Don")
    billed(APRIL)
    assert close(MARCH, on=IN_MAY) == 1
    assert not commissions()
    assert settling.payable_to(of.pk) == Money.of("11.00")


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        (
            "UPDATE subscriptions_merchantsettlement SET commission = commission + 0.01",
            {"merchant_commission"},
        ),
        (
            "UPDATE subscriptions_merchantsettlement SET invoice_id = NULL",
            {"merchant_commission"},
        ),
        (
            "INSERT INTO subscriptions_merchanttransfer (at, merchant_id, debit, credit, amount,"
            " key) SELECT at, merchant_id, 'payable', 'set_off', 0.01, 'x'"
            " FROM subscriptions_merchanttransfer LIMIT 1",
            {"merchant_payable", "merchant_set_off"},
        ),
    ],
)
def test_what_differs_is_found(metro: Merchant, statement: str, kinds: set[str]) -> None:
    close(MARCH, on=IN_MAY)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    with business_time_fixed(at(IN_MAY)):
        assert {each.kind for each in merchant_differences(IN_MAY)} == kinds


def test_what_was_not_set_off_is_found_by_a_look_at_what_changed(
    metro: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = Changed(since=at(IN_MAY, hour=0))
    monkeypatch.setattr(ledger, "set_off", lambda _: None)
    assert close(MARCH, on=IN_MAY) == 1
    for found in (ledger_differences(), ledger_differences(since)):
        told = [(each.what, each.amount, each.entered) for each in found]
        assert told == [("set-off/CO-2026-0000001", Money.of("1.80"), Money.zero())]
