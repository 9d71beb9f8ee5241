"""The invoice as XML: Factur-X (CII) of the profile EN 16931, or UBL 2.1 with the same content.

The keys are the business terms of EN 16931-1; what is French follows the CTC rules (BR-FR). The
same document gives the same bytes, for as long as its template's functions here stay as they are.
"""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.conf import settings

from commerce.kernel.money import Money
from commerce.markets.pack import market
from subscriptions.domain.buyers import shared
from subscriptions.domain.document import DocumentLine, InvoiceDocument, Operation
from subscriptions.domain.views import Identity, Names, PayBy

INVOICE, CREDIT_NOTE = "380", "381"
PIECE = "C62"
"""UN/ECE Recommendation 20: one."""
SIREN, SIRET, ADDRESS_OF_FRANCE = "0002", "0009", "0225"
"""ISO 6523 schemes."""
VAT_ON_DEBITS = "5"
"""UNTDID 2475: tax is due with the invoice (`BT-8`)."""
DUE_WITH_THE_INVOICE = "invoice"
"""The library's word for that, which it writes as each syntax has it: UBL follows UNTDID 2005."""
PROCESSES = {Operation.GOODS: "B", Operation.SERVICES: "S", Operation.MIXED: "M"}
TO_PAY, PAID = "1", "2"
"""After the letter of the process (`BT-23`): a bill to pay, or one that is paid already."""
PROFILE = "urn:cen.eu:en16931:2017"
EXEMPT = {
    "fr": "Exonération de TVA (articles 261 à 261 E du CGI)",
    "en": "Exempt from VAT (articles 261 to 261 E of the French tax code)",
}
COLLECTED = {
    "fr": "Somme encaissée au nom et pour le compte du vendeur, qui en acquitte la TVA "
    "(article 267 II 2° du CGI)",
    "en": "Collected in the name and for the account of the seller, who pays the VAT on it "
    "(article 267 II 2° of the French tax code)",
}
GOES_BACK = {
    "fr": "Avoir : ce montant vous est rendu ; rien n'est à payer.",
    "en": "Credit note: this amount goes back to you; nothing is to be paid.",
}
PAYMENT_MEANS = {
    PayBy.TRANSFER: "58",
    PayBy.DEBIT: "59",
    PayBy.CARD: "48",
    PayBy.ORDER: "48",
    PayBy.PAYER: "1",
}
"""UNTDID 4461: SEPA credit transfer, SEPA direct debit, bank card; orders are paid by card; how
another party pays is not its buyer's to know."""
HOW_PAID = {
    PayBy.TRANSFER: {"fr": "Virement SEPA", "en": "SEPA credit transfer"},
    PayBy.DEBIT: {
        "fr": "Prélèvement SEPA sur le compte finissant par {last4}",
        "en": "SEPA direct debit from the account ending in {last4}",
    },
    PayBy.CARD: {
        "fr": "Carte bancaire finissant par {last4}",
        "en": "Bank card ending in {last4}",
    },
    PayBy.ORDER: {"fr": "Carte bancaire, avec la commande", "en": "Bank card, with the order"},
    PayBy.PAYER: {"fr": "Payée par un tiers payeur", "en": "Paid by another party"},
}
STOOD_SO = {
    "fr": "À la date de la facture : payé {paid} {currency}, reste {left} {currency}.",
    "en": "On the day of this invoice: paid {paid} {currency}, left {left} {currency}.",
}
ORDERED_AS = {"fr": "Votre commande {number}", "en": "Your order {number}"}
SUBJECT_CODES = ("PMD", "PMT", "AAB")
"""Mentions that have a code of UNTDID 4451 as their own."""


CAC, CBC = (
    f"{{urn:oasis:names:specification:ubl:schema:xsd:Common{kind}Components-2}}"
    for kind in ("Aggregate", "Basic")
)


NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0, production 2."""


class Flavour(StrEnum):
    FACTUR_X = "factur-x"
    UBL = "ubl-2.1"


def xml_of(document: InvoiceDocument, *, flavour: Flavour = Flavour.FACTUR_X) -> bytes:
    """The document as XML, in its buyer's language; valid by the library's own schema.

    Raises:
        LookupError: there is no such template.
    """
    import facturx  # loaded where invoices are written alone: it brings half of lxml and pypdf

    terms = _sayable(TEMPLATES[document.template](document))
    mandate = terms.get("BT-89", "")
    xml: bytes = facturx.generate_xml(
        terms, flavor=flavour.value, level="en16931", check_xsd=True, check_schematron=False
    )
    return _with_mandate(xml, mandate) if mandate and flavour is Flavour.UBL else xml


def _sayable(said: Any) -> Any:
    """Without signs that XML has no way to say: one in a name would leave us without an invoice."""
    if isinstance(said, str):
        return NOT_IN_XML.sub("", said)
    if isinstance(said, dict):
        return {term: _sayable(value) for term, value in said.items()}
    return [_sayable(each) for each in said] if isinstance(said, list) else said


def _with_mandate(ubl: bytes, mandate: str) -> bytes:
    """BT-89, which the library leaves out of UBL."""
    from lxml import etree  # with the library, as above

    root = etree.fromstring(ubl, etree.XMLParser(remove_blank_text=True))
    means = root.find(f"{CAC}PaymentMeans")
    agreed = etree.SubElement(means, f"{CAC}PaymentMandate")
    etree.SubElement(agreed, f"{CBC}ID").text = mandate
    xml: bytes = etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8")
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
        "BG-23": [
            _tax(part.rate, part.net, part.tax, why=_in(why_untaxed(document), language))
            for part in document.tax_parts
        ],
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


def terms_of_3(document: InvoiceDocument) -> dict[str, Any]:
    """As template 2, with the buyer's cost centres and orders line by line, how the rest is to be
    paid, and how the payment stood on the day of issue; UBL has its own code for when tax is due.
    """
    terms = terms_of_2(document) | _payment(document) | {"BT-8": DUE_WITH_THE_INVOICE}
    one = shared(line.codes.cost_centre for line in document.lines)
    if one:
        terms["BT-19"] = one
    for line, told in zip(document.lines, terms["BG-25"], strict=True):
        told |= _buyers(line, document)
    return terms


TEMPLATES = {1: terms_of, 2: terms_of_2, 3: terms_of_3}


def _payment(document: InvoiceDocument) -> dict[str, Any]:
    language, means = document.buyer.language, document.paid_by
    terms: dict[str, Any] = {}
    if not document.credit_note:
        terms["BT-20"] = _in(STOOD_SO, language).format(
            paid=_text(document.prepaid),
            left=_text(document.to_pay),
            currency=document.currency,
        )
    to = document.transfer
    if to is not None:
        terms |= {"BT-83": to.reference, "BT-84": to.iban, "BT-85": to.payee}
    if means is None or (means.by is PayBy.TRANSFER and to is None):
        return terms
    if means.by is PayBy.DEBIT:
        terms |= {"BT-89": means.mandate, "BT-90": means.creditor}
    label = _in(HOW_PAID[means.by], language).format(last4=means.last4)
    return terms | {"BT-81": PAYMENT_MEANS[means.by], "BT-82": label}


def _buyers(line: DocumentLine, document: InvoiceDocument) -> dict[str, Any]:
    """What the buyer's books read on the line; his order where it is not that of the invoice."""
    terms: dict[str, Any] = {}
    codes = line.codes
    if codes.cost_centre:
        terms["BT-133"] = codes.cost_centre
    if codes.purchase_order and codes.purchase_order != document.purchase_order:
        note = _in(ORDERED_AS, document.buyer.language).format(number=codes.purchase_order)
        terms["BT-127-00"] = [{"BT-127": note}]
    return terms


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


def why_untaxed(document: InvoiceDocument) -> Names:
    """Why the part at no rate has no tax: it is exempt, or another's sale, or some of each."""
    ways = {line.collected for line in document.lines if not line.tax_rate}
    if ways == {True}:
        return COLLECTED
    if ways != {True, False}:
        return EXEMPT
    between = {"fr": " ; ", "en": "; "}
    return {each: EXEMPT[each] + between[each] + COLLECTED[each] for each in EXEMPT}


def _tax(rate: Decimal, net: Money, tax: Money, *, why: str) -> dict[str, str]:
    exempt = {} if rate else {"BT-120": why}
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
