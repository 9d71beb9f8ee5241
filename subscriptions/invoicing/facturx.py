"""The invoice as XML: Factur-X (CII) of the profile EN 16931, or UBL 2.1 with the same content.

The keys are the business terms of EN 16931-1; what is French follows the CTC rules (BR-FR). The
same document gives the same bytes, for as long as its template's functions here stay as they are.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.conf import settings

from commerce.kernel.money import Money
from commerce.markets.pack import market
from subscriptions.domain.document import DocumentLine, InvoiceDocument, Operation
from subscriptions.domain.views import Identity, Names

INVOICE, CREDIT_NOTE = "380", "381"
PIECE = "C62"
"""UN/ECE Recommendation 20: one."""
SIREN, SIRET, ADDRESS_OF_FRANCE = "0002", "0009", "0225"
"""ISO 6523 schemes."""
VAT_ON_DEBITS = "5"
"""UNTDID 2475: tax is due with the invoice (`BT-8`)."""
PROCESSES = {Operation.GOODS: "B", Operation.SERVICES: "S", Operation.MIXED: "M"}
TO_PAY, PAID = "1", "2"
"""After the letter of the process (`BT-23`): a bill to pay, or one that is paid already."""
PROFILE = "urn:cen.eu:en16931:2017"
EXEMPT = {
    "fr": "Exonération de TVA (articles 261 à 261 E du CGI)",
    "en": "Exempt from VAT (articles 261 to 261 E of the French tax code)",
}
GOES_BACK = {
    "fr": "Avoir : ce montant vous est rendu ; rien n'est à payer.",
    "en": "Credit note: this amount goes back to you; nothing is to be paid.",
}
SUBJECT_CODES = ("PMD", "PMT", "AAB")
"""Mentions that have a code of UNTDID 4451 as their own."""


class Flavour(StrEnum):
    FACTUR_X = "factur-x"
    UBL = "ubl-2.1"


def xml_of(document: InvoiceDocument, *, flavour: Flavour = Flavour.FACTUR_X) -> bytes:
    """The document as XML, in its buyer's language; valid by the library's own schema.

    Raises:
        LookupError: there is no such template.
    """
    import facturx  # loaded where invoices are written alone: it brings half of lxml and pypdf

    terms = TEMPLATES[document.template](document)
    xml: bytes = facturx.generate_xml(
        terms, flavor=flavour.value, level="en16931", check_xsd=True, check_schematron=False
    )
    return xml


def terms_of(document: InvoiceDocument) -> dict[str, Any]:
    """The business terms (BT) and groups (BG) of EN 16931-1; amounts as text."""
    language = document.buyer.language
    period = document.period
    terms: dict[str, Any] = {
        "BT-1": document.number,
        "BT-2": document.issued_on,
        "BT-3": CREDIT_NOTE if document.credit_note else INVOICE,
        "BT-5": document.currency,
        "BT-8": VAT_ON_DEBITS,
        "BT-9": document.due_on,
        "BT-13": document.purchase_order,
        "BT-14": document.order_number,
        "BT-23": PROCESSES[document.operation] + (PAID if document.is_paid else TO_PAY),
        "BT-24": PROFILE,
        "BT-72": document.issued_on,
        "BT-73": period.start if period else "",
        "BT-74": period.last_day if period else "",
        "BG-1": _notes(document, language=language),
        "BG-3": [{"BT-25": each.number, "BT-26": each.issued_on} for each in document.corrects],
        "BG-4": _party(document.seller),
        "BG-7": _party(document.buyer),
        "BG-23": [_tax(part.rate, part.net, part.tax, language) for part in document.tax_parts],
        "BT-106": _text(document.net),
        "BT-109": _text(document.net),
        "BT-110": _text(document.tax),
        "BT-112": _text(document.gross),
        "BT-113": _text(document.prepaid) if document.prepaid else "",
        "BT-115": _text(document.to_pay),
        "BG-25": [_line(line, language=language) for line in document.lines],
    }
    return {term: value for term, value in terms.items() if value not in ("", [])}


def terms_of_2(document: InvoiceDocument) -> dict[str, Any]:
    """As template 1; a credit note is due on no day, and says how it is settled (BR-CO-25)."""
    terms = terms_of(document)
    if document.credit_note:
        del terms["BT-9"]
        terms["BT-20"] = _in(GOES_BACK, document.buyer.language)
    return terms


TEMPLATES = {1: terms_of, 2: terms_of_2}


def _notes(document: InvoiceDocument, *, language: str) -> list[dict[str, str]]:
    """The sentences of the law, each under its code; who buys (BAR)."""
    said = {
        mention.code: _in(mention.text, language)
        for mention in market(settings.MARKET).invoice_mentions(business=document.business)
    }
    return [
        {"BT-22": said[code]} | ({"BT-21": code} if code in SUBJECT_CODES else {})
        for code in document.mentions
    ] + [{"BT-21": "BAR", "BT-22": "B2B" if document.business else "B2C"}]


def _party(who: Identity) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": who.name,
        "legal_info": who.registration,
        "addr_l1": who.line1,
        "addr_l2": who.line2,
        "postcode": who.postcode,
        "city": who.city,
        "country_code": who.country,
        "vat_identifier": who.vat_number,
    }
    if who.company_number:
        facts |= {
            "legal_identifier": who.company_number,
            "legal_identifier_schemeid": SIREN,
            "einvoicing_addr": who.company_number,
            "einvoicing_addr_schemeid": ADDRESS_OF_FRANCE,
        }
    if who.site_number:
        facts["identifiers"] = {SIRET: who.site_number}
    return {name: value for name, value in facts.items() if value}


def _tax(rate: Decimal, net: Money, tax: Money, language: str) -> dict[str, str]:
    exempt = {} if rate else {"BT-120": _in(EXEMPT, language)}
    return {
        "BT-116": _text(net),
        "BT-117": _text(tax),
        "BT-118": _category(rate),
        "BT-119": _plain(rate),
        **exempt,
    }


def _line(line: DocumentLine, *, language: str) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "BT-126": str(line.position),
        "BT-129": str(line.quantity),
        "BT-130": PIECE,
        "BT-131": _text(line.net),
        "BT-146": _plain(line.price),
        "BT-151": _category(line.tax_rate),
        "BT-152": _plain(line.tax_rate),
        "BT-153": _in(line.label, language) or line.section.value,
    }
    if line.per > 1:
        terms["BT-149"] = str(line.per)
    if line.days is not None:
        terms |= {"BT-134": line.days.start, "BT-135": line.days.last_day}
    return terms


def _category(rate: Decimal) -> str:
    """S: taxed; E: exempt (UNTDID 5305)."""
    return "S" if rate else "E"


def _in(text: Names, language: str) -> str:
    return text.get(language) or next(iter(text.values()), "")


def _text(amount: Money) -> str:
    return f"{amount.amount:.2f}"


def _plain(number: Decimal) -> str:
    """Without an exponent or idle zeros: 20, 5.5, 8.3333."""
    return format(number.normalize(), "f")
