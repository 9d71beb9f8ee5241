"""UBL on request: valid by its schema, exact by the rules of EN 16931, and saying what CII says."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from xml.etree import ElementTree

import pytest
from facturx import parse_ubl_cii_xml, xml_check_xsd
from lxml import etree

from subscriptions.domain.document import InvoiceDocument
from subscriptions.invoicing.facturx import CAC, CBC, Flavour, xml_of
from tests.unit.subscriptions.test_document import BUSINESS, CONSUMER, CREDIT, DEBITED, fleet

CENT = Decimal("0.01")
ALL = {
    "consumer": replace(CONSUMER, template=3),
    "business": replace(BUSINESS, template=3),
    "credit-note": replace(CREDIT, template=3),
    "debit": DEBITED,
    "fleet": fleet(4),
}


@pytest.mark.parametrize("bill", ALL.values(), ids=ALL)
def test_it_is_valid_and_its_sums_are_those_of_the_rules(bill: InvoiceDocument) -> None:
    xml = xml_of(bill, flavour=Flavour.UBL)
    assert xml == xml_of(bill, flavour=Flavour.UBL)
    assert xml_check_xsd(etree.fromstring(xml), flavor="ubl-2.1")
    root = ElementTree.fromstring(xml)
    sums = root.find(f"{CAC}LegalMonetaryTotal")
    assert sums is not None

    def told(name: str) -> Decimal:
        return Decimal(sums.findtext(f"{CBC}{name}") or "0")

    kind = "CreditNote" if bill.credit_note else "Invoice"
    quantity = "CreditedQuantity" if bill.credit_note else "InvoicedQuantity"
    lines = [
        (
            Decimal(line.findtext(f"{CBC}LineExtensionAmount") or ""),
            Decimal(line.findtext(f"{CBC}{quantity}") or ""),
            Decimal(line.findtext(f"{CAC}Price/{CBC}PriceAmount") or ""),
            Decimal(line.findtext(f"{CAC}Price/{CBC}BaseQuantity") or "1"),
        )
        for line in root.findall(f"{CAC}{kind}Line")
    ]
    taxes = [
        (
            Decimal(part.findtext(f"{CBC}TaxableAmount") or ""),
            Decimal(part.findtext(f"{CBC}TaxAmount") or ""),
            Decimal(part.findtext(f"{CAC}TaxCategory/{CBC}Percent") or ""),
        )
        for part in root.findall(f"{CAC}TaxTotal/{CAC}TaxSubtotal")
    ]
    tax = Decimal(root.findtext(f"{CAC}TaxTotal/{CBC}TaxAmount") or "")
    assert len(lines) == len(bill.lines)
    assert sum(net for net, *_ in lines) == told("LineExtensionAmount")  # BR-CO-10
    assert told("TaxExclusiveAmount") == told("LineExtensionAmount")  # BR-CO-13
    assert tax == sum(part for _, part, _ in taxes)  # BR-CO-14
    assert told("TaxInclusiveAmount") == told("TaxExclusiveAmount") + tax  # BR-CO-15
    assert told("PayableAmount") == told("TaxInclusiveAmount") - told("PrepaidAmount")  # BR-CO-16
    bound = Decimal(0) if bill.business else CENT
    for net, part, rate in taxes:  # BR-CO-17
        assert abs((net * rate / 100).quantize(CENT, ROUND_HALF_UP) - part) <= bound
    for net, pieces, price, per in lines:
        assert pieces * price / per == net
        assert price >= 0  # BR-27


@pytest.mark.parametrize("bill", ALL.values(), ids=ALL)
def test_it_says_what_the_other_syntax_says(bill: InvoiceDocument) -> None:
    """UBL has our creditor identifier among the seller's others."""
    ubl, cii = (parse_ubl_cii_xml(xml_of(bill, flavour=each)) for each in reversed(Flavour))
    creditor = ubl["BG-4"]["identifiers"].pop("SEPA", None)
    assert ubl == cii
    assert creditor == (bill.means.creditor or None if bill.means else None)
