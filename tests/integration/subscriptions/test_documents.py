"""Invoices as documents: what was so on the day of issue, for ever; valid XML with exact sums."""

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from facturx import get_level, xml_check_xsd
from lxml import etree

from commerce.accounts.models import Organisation, Party, PartyAddress
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from subscriptions.checks import seller_is_a_company
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.document import InvoiceDocument
from subscriptions.domain.views import Identity, Reference
from subscriptions.invoicing.facturx import xml_of
from subscriptions.invoicing.selectors import bill_view, document_of
from subscriptions.invoicing.services.credit import credit_order
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.models import Invoice, InvoiceParty, NumberSeries, Subscription
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    SIX_FREE,
    at,
    begun,
    firm,
    handset,
    person,
    plan,
    press,
    promised,
    run,
)

pytestmark = pytest.mark.django_db
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
CENT = Decimal("0.01")


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def camille() -> int:
    party = person()
    PartyAddress.objects.create(
        party_id=party, name="Camille", line1="3 rue des Lilas", postcode="69003", city="Lyon"
    )
    return party


@pytest.fixture
def atelier() -> int:
    party = firm()
    Organisation.objects.create(
        party_id=party,
        legal_name="Atelier Rivoire SAS",
        siren="732829320",
        vat_number="FR44732829320",
    )
    PartyAddress.objects.create(
        party_id=party, name="Atelier", line1="8 quai Sud", postcode="13002", city="Marseille",
        siret="73282932000074",
    )  # fmt: skip
    return party


def number_of(party: int) -> str:
    return Invoice.objects.filter(account__party_id=party).latest("pk").number or ""


def checked(document: InvoiceDocument) -> ElementTree.Element:
    """The XML: valid by the schema, the same twice, its sums by the rules of EN 16931 (BR-CO-*)."""
    xml = xml_of(document)
    assert xml == xml_of(document)
    tree = etree.fromstring(xml)
    assert xml_check_xsd(tree, flavor="factur-x", level="en16931")
    assert get_level(tree) == "en16931"
    root = ElementTree.fromstring(xml)
    sums = root.find(f".//{RAM}SpecifiedTradeSettlementHeaderMonetarySummation")
    assert sums is not None

    def told(name: str) -> Decimal:
        return Decimal(sums.findtext(f"{RAM}{name}") or "")

    lines = [
        (
            Decimal(line.findtext(f".//{RAM}LineTotalAmount") or ""),
            Decimal(line.findtext(f".//{RAM}BilledQuantity") or ""),
            Decimal(line.findtext(f".//{RAM}NetPriceProductTradePrice/{RAM}ChargeAmount") or ""),
            Decimal(line.findtext(f".//{RAM}NetPriceProductTradePrice/{RAM}BasisQuantity") or "1"),
        )
        for line in root.iter(f"{RAM}IncludedSupplyChainTradeLineItem")
    ]
    settlement = root.find(f".//{RAM}ApplicableHeaderTradeSettlement")
    assert settlement is not None
    taxes = [
        tuple(
            Decimal(tax.findtext(f"{RAM}{name}") or "")
            for name in ("BasisAmount", "CalculatedAmount", "RateApplicablePercent")
        )
        for tax in settlement.findall(f"{RAM}ApplicableTradeTax")
    ]
    assert sum(net for net, *_ in lines) == told("LineTotalAmount")  # BR-CO-10
    assert told("TaxBasisTotalAmount") == told("LineTotalAmount")  # BR-CO-13
    assert told("TaxTotalAmount") == sum(tax for _, tax, _ in taxes)  # BR-CO-14
    assert told("TaxBasisTotalAmount") == sum(net for net, _, _ in taxes)
    assert told("GrandTotalAmount") == told("TaxBasisTotalAmount") + told("TaxTotalAmount")  # 15
    assert told("DuePayableAmount") == told("GrandTotalAmount")  # BR-CO-16
    # The credit notes of one bill are rounded together, so that one may be a cent off its own.
    bound = Decimal(0) if document.business and not document.credit_note else CENT
    for net, tax, rate in taxes:  # BR-CO-17
        assert abs((net * rate / 100).quantize(CENT, ROUND_HALF_UP) - tax) <= bound
    for net, quantity, price, per in lines:
        assert quantity * price / per == net
        assert price >= 0  # BR-27
    return root


def test_a_consumers_bill_names_both_parties_and_adds_up(camille: int) -> None:
    begun("F-1", [plan("29.99", SIX_FREE), plan("19.99", line="plan-2"), press()], party=camille)
    document = document_of(camille, number_of(camille))
    assert document.seller.company_number == "010203040"
    assert document.buyer == Identity(
        name="Camille", line1="3 rue des Lilas", postcode="69003", city="Lyon"
    )
    # 29.99 - 29.99 + 19.99 at 20 %: 16.66 net; 2.10 at 2.1 %: 2.06
    assert [(line.quantity, line.price, line.net) for line in document.lines] == [
        (1, Decimal("24.99"), Money.of("24.99")),
        (-1, Decimal("24.99"), Money.of("-24.99")),
        (1, Decimal("16.66"), Money.of("16.66")),
        (1, Decimal("2.06"), Money.of("2.06")),
    ]
    root = checked(document)
    assert root.findtext(f".//{RAM}SellerTradeParty/{RAM}Name") == settings.SELLER["name"]
    buyer = root.find(f".//{RAM}BuyerTradeParty")
    assert buyer is not None
    assert buyer.find(f"{RAM}SpecifiedLegalOrganization") is None
    codes = [note.text for note in root.iter(f"{RAM}SubjectCode")]
    assert codes == ["BAR"]


def test_a_firms_bill_says_what_the_code_of_commerce_wants(atelier: int) -> None:
    for n in range(3):
        begun("F-9", [plan("8.33", line=f"p{n}")], party=atelier, group=f"u{n}", segment="business")
    run(date(2026, 3, 11))
    document = document_of(atelier, number_of(atelier))
    assert (document.net, document.tax, document.gross) == (
        Money.of("24.99"), Money.of("5.00"), Money.of("29.99"),
    )  # fmt: skip
    root = checked(document)
    buyer = root.find(f".//{RAM}BuyerTradeParty")
    assert buyer is not None
    assert [(each.get("schemeID"), each.text) for each in buyer.iter(f"{RAM}ID")] == [
        ("0002", "732829320"),
        ("VA", "FR44732829320"),
    ]
    assert buyer.findtext(f"{RAM}GlobalID") == "73282932000074"
    assert buyer.findtext(f"{RAM}Name") == "Atelier Rivoire SAS"
    assert [note.text for note in root.iter(f"{RAM}SubjectCode")] == ["PMD", "PMT", "AAB", "BAR"]


def test_an_order_of_goods_names_its_purchase_order_and_the_pieces(atelier: int) -> None:
    promised("F-2", [handset("100.00")], segment="business")
    bill_order(
        order_number="F-2",
        party_id=atelier,
        segment="business",
        charges={"g1": [handset("100.00")]},
        tax_rates=RATES,
        names={"handset-1": {"fr": "Téléphone", "en": "Phone"}},
        purchase_order="PO-77",
    )
    root = checked(document_of(atelier, number_of(atelier)))
    assert root.findtext(f".//{RAM}BuyerOrderReferencedDocument/{RAM}IssuerAssignedID") == "PO-77"
    assert root.findtext(f".//{RAM}SellerOrderReferencedDocument/{RAM}IssuerAssignedID") == "F-2"
    assert root.findtext(f".//{RAM}SpecifiedTradeProduct/{RAM}Name") == "Téléphone"


def test_a_credit_note_is_positive_and_names_its_invoice(camille: int) -> None:
    promised("F-3", [handset("199.00")])
    billed = bill_order(
        order_number="F-3", party_id=camille, segment="consumer",
        charges={"g1": [handset("199.00")]}, tax_rates=RATES,
    )  # fmt: skip
    credited = credit_order(order_number="F-3", group="g1", party_id=camille, segment="consumer")
    assert bill_view(camille, credited or "").summary.gross == Money.of("-199.00")
    document = document_of(camille, credited or "")
    assert (document.credit_note, document.gross) == (True, Money.of("199.00"))
    assert document.corrects == (Reference(billed or "", DAY),)
    root = checked(document)
    assert root.findtext(f".//{RAM}TypeCode") == "381"
    assert root.find(f".//{RAM}DueDateDateTime") is None
    assert root.findtext(f".//{RAM}InvoiceReferencedDocument/{RAM}IssuerAssignedID") == billed


def test_the_credit_notes_of_a_bill_are_together_exactly_it(atelier: int) -> None:
    """Three lines of 8.33 without tax: 10.00 each alone, but 29.99 together."""
    lines = [AgreedCharge(f"h-{n}", "price", False, Money.of("8.33"), "goods") for n in range(3)]
    groups = {f"g{n}": [charge] for n, charge in enumerate(lines)}
    for group, charges in groups.items():
        promised("F-4", charges, group=group, segment="business")
    billed = bill_order(
        order_number="F-4", party_id=atelier, segment="business", charges=groups, tax_rates=RATES
    )
    notes = [
        credit_order(order_number="F-4", group=group, party_id=atelier, segment="business") or ""
        for group in groups
    ]
    gross = [bill_view(atelier, note).summary.gross for note in notes]
    assert gross == [Money.of("-10.00"), Money.of("-9.99"), Money.of("-10.00")]
    assert bill_view(atelier, billed or "").summary.gross == Money.of("29.99")
    for note in notes:
        checked(document_of(atelier, note))


def test_a_document_says_what_was_so_on_its_day(camille: int) -> None:
    begun("F-1", [plan()], party=camille)
    number = number_of(camille)
    before = document_of(camille, number), xml_of(document_of(camille, number))
    Party.objects.filter(pk=camille).update(display_name="Camille Autre", language="en")
    PartyAddress.objects.filter(party_id=camille).update(city="Paris")
    Subscription.objects.update(commitment_ends_on=date(2030, 1, 1), msisdn="0639989999")
    assert (document_of(camille, number), xml_of(document_of(camille, number))) == before
    assert before[0].commitments[0].ends_on == date(2028, 3, 10)


def test_who_stays_the_same_is_kept_once_and_nothing_kept_is_changed(camille: int) -> None:
    begun("F-1", [plan()], party=camille)
    run(date(2026, 4, 10))
    assert Invoice.objects.count() == 2
    assert InvoiceParty.objects.count() == 2
    with pytest.raises(IntegrityError, match="it stands"), transaction.atomic():
        InvoiceParty.objects.update(facts={})


def test_a_series_goes_on_beyond_seven_digits(camille: int) -> None:
    begun("F-1", [plan()], party=camille)
    NumberSeries.objects.update(next=9_999_999)
    for n in (2, 3):
        begun(f"F-{n}", [plan(line=f"p{n}")], party=camille)
    numbers = Invoice.objects.order_by("pk").values_list("number", flat=True)
    assert list(numbers) == ["FA-2026-0000001", "FA-2026-9999999", "FA-2026-10000000"]


def test_another_partys_document_is_unknown(camille: int) -> None:
    begun("F-1", [plan()], party=camille)
    with pytest.raises(NotFound):
        document_of(person(), number_of(camille))


def test_a_seller_with_a_wrong_number_is_told_before_any_bill(
    settings: pytest.FixtureRequest,
) -> None:
    assert seller_is_a_company() == []
    settings.SELLER = {**settings.SELLER, "vat_number": "FR44732829320"}  # type: ignore[attr-defined]
    (found,) = seller_is_a_company()
    assert "two companies" in found.msg
