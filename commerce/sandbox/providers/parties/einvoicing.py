"""An accredited platform: takes electronic invoices and reports, checks them, tells their fate.

An invoice comes as XML (CII or UBL, gzip, base64). It is deposited or rejected after its check; the
fault `buyer_refuses` lets the buyer refuse it later. The seller says when it is paid.
"""

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from lxml import etree

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers.parties.warehouse import DAY, HOUR
from commerce.sandbox.providers.protocol import (
    Answer,
    Call,
    Fields,
    Json,
    Operation,
    Party,
    Refusal,
    Thing,
    Verdict,
)
from commerce.sandbox.providers.world import World

PROFILE = "urn:cen.eu:en16931:2017"
NUMBER = re.compile(r"[A-Za-z0-9+\-_/]{1,35}")
CREDIT_NOTES = {"261", "381", "396", "502", "503"}
NOTES = ("PMT", "PMD", "AAB")
LARGEST = 50_000_000
"""Bytes of XML, unpacked."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a syntax keeps what is looked at, as XPath over local names."""

    profile: str
    number: str
    kind: str
    seller: str
    buyer: str
    seller_address: str
    buyer_address: str
    net: str
    tax: str
    gross: str
    corrects: str


def _path(*names: str, below: str = "//") -> str:
    return below + "/".join(f"*[local-name()='{name}']" for name in names) + "/text()"


def _cii(party: str) -> tuple[str, str]:
    return (
        _path(party, "SpecifiedLegalOrganization", "ID"),
        _path(party, "URIUniversalCommunication", "URIID"),
    )


def _ubl(party: str) -> tuple[str, str]:
    return (
        _path(party, "Party", "PartyLegalEntity", "CompanyID"),
        _path(party, "Party", "EndpointID"),
    )


CII = Places(
    _path("GuidelineSpecifiedDocumentContextParameter", "ID"),
    _path("ExchangedDocument", "ID"),
    _path("ExchangedDocument", "TypeCode"),
    *(_cii("SellerTradeParty")[0], _cii("BuyerTradeParty")[0]),
    *(_cii("SellerTradeParty")[1], _cii("BuyerTradeParty")[1]),
    _path("SpecifiedTradeSettlementHeaderMonetarySummation", "TaxBasisTotalAmount"),
    _path("SpecifiedTradeSettlementHeaderMonetarySummation", "TaxTotalAmount"),
    _path("SpecifiedTradeSettlementHeaderMonetarySummation", "GrandTotalAmount"),
    _path("InvoiceReferencedDocument", "IssuerAssignedID"),
)
UBL = Places(
    _path("CustomizationID", below="/*/"),
    _path("ID", below="/*/"),
    "/*/*[local-name()='InvoiceTypeCode' or local-name()='CreditNoteTypeCode']/text()",
    *(_ubl("AccountingSupplierParty")[0], _ubl("AccountingCustomerParty")[0]),
    *(_ubl("AccountingSupplierParty")[1], _ubl("AccountingCustomerParty")[1]),
    _path("LegalMonetaryTotal", "TaxExclusiveAmount"),
    _path("TaxTotal", "TaxAmount", below="/*/"),
    _path("LegalMonetaryTotal", "TaxInclusiveAmount"),
    _path("BillingReference", "InvoiceDocumentReference", "ID"),
)
SYNTAXES = {"factur-x": CII, "ubl-2.1": UBL}


def send(world: World, call: Call) -> Answer:
    """Taken for its check; refused at once if it is no document of a known syntax."""
    fields = Fields(call.body)
    reference, syntax = fields.text("reference"), fields.text("syntax")
    packed = fields.text("document", longest=LARGEST)
    if syntax and syntax not in SYNTAXES:
        fields.reject("syntax", "is neither factur-x nor ubl-2.1")
    fields.check()
    motive = _motive(world, _tree(packed), places=SYNTAXES[syntax], reference=reference)
    invoice = world.create(
        call,
        kind="invoice",
        thing_id=world.new_id("einv"),
        reference=reference,
        state="received",
        facts={"syntax": syntax, "motive": motive},
    )
    if not motive:
        world.effect(call, "deposit", reference, thing=invoice)
    world.later(invoice, "checked", position=1, truly=world.now + HOUR / 6)
    body = {"invoice_id": invoice.id, "state": invoice.state}
    return Answer(202, body, Verdict.ACCEPTED, invoice.id)


def checked(world: World, invoice: Thing) -> None:
    """The check is over: it is deposited, or rejected with its motive."""
    motive = invoice.facts["motive"]
    if motive:
        world.change(invoice, state="rejected", rejected_at=iso(world.now))
        world.tell(invoice, "invoice.rejected", {"invoice_id": invoice.id, "motive": motive})
        world.settle(invoice, Verdict.REFUSED)
        return
    world.change(invoice, state="deposited", deposited_at=iso(world.now))
    world.tell(invoice, "invoice.deposited", {"invoice_id": invoice.id})
    if world.suffers(invoice, "buyer_refuses"):
        world.later(invoice, "refused", position=1, truly=world.now + 2 * DAY)
    else:
        world.settle(invoice, Verdict.DONE)


def refused(world: World, invoice: Thing) -> None:
    """The buyer refuses what was deposited, unless it was paid meanwhile."""
    if invoice.state == "deposited":
        world.change(invoice, state="refused", refused_at=iso(world.now))
        facts = {"invoice_id": invoice.id, "motive": "order_unknown"}
        world.tell(invoice, "invoice.refused", facts)
    world.settle(invoice, Verdict.DONE)


def paid(world: World, call: Call) -> Answer:
    """The seller has his money; possible once the invoice is deposited."""
    invoice = world.find(call.provider, kind="invoice", thing_id=call.path["id"])
    fields = Fields(call.body)
    amount, on = fields.amount("amount"), fields.day("on")
    fields.check()
    if invoice.state not in ("deposited", "refused", "paid"):
        raise Refusal("wrong_state", f"{invoice.id} is {invoice.state}", status=409)
    world.effect(call, "paid", invoice.reference)
    invoice = world.change(invoice, state="paid", paid_on=on.isoformat(), paid_amount=amount)
    body = {"invoice_id": invoice.id, "state": invoice.state}
    return Answer(200, body, thing_id=invoice.id)


def show(world: World, call: Call) -> Answer:
    found = world.find(call.provider, kind="invoice", thing_id=call.path["id"])
    return Answer(200, found.shown())


def report(world: World, call: Call) -> Answer:
    """Sales to consumers and what they paid in a period, by day and rate. Each period follows the
    one before; a correction names the report whose place it takes."""
    fields = Fields(call.body)
    reference, corrects = fields.text("reference"), fields.text("corrects", optional=True)
    start, end = fields.day("start"), fields.day("end")
    sales, payments = (
        fields.objects("sales", optional=True),
        fields.objects("payments", optional=True),
    )
    fields.check()
    _check_amounts(sales)
    last = _last_end(world)
    if corrects:
        if _report(world, corrects) is None:
            raise Refusal("unknown_report", f"there is no report {corrects}")
    elif last is not None and start != last:
        raise Refusal("gap", f"the next period starts on {last}, not on {start}")
    made = world.create(
        call,
        kind="report",
        thing_id=world.new_id("erep"),
        reference=reference,
        state="taken",
        facts={
            "start": start.isoformat(),
            "end": end.isoformat(),
            "corrects": corrects,
            "sales": sales,
            "payments": payments,
        },
    )
    world.effect(call, "report", reference, thing=made)
    return Answer(201, {"report_id": made.id, "state": made.state}, thing_id=made.id)


def _check_amounts(sales: list[Json]) -> None:
    """Raises Refusal: the tax of a row is not that of its rate, a cent per document aside."""
    for row in sales:
        net, tax, rate = (Decimal(str(row[name])) for name in ("net", "tax", "rate"))
        if abs(net * rate / 100 - tax) > Decimal("0.01") * max(1, int(row["documents"])):
            raise Refusal("incoherent", f"{tax} is not the tax of {net} at {rate} %")


def _last_end(world: World) -> date | None:
    row = world.database.row(
        "SELECT max(json_extract(facts, '$.end')) AS last FROM thing"
        " WHERE provider = 'einvoicing' AND kind = 'report'"
    )
    return date.fromisoformat(row["last"]) if row and row["last"] else None


def _report(world: World, reference: str) -> object:
    return world.database.row(
        "SELECT id FROM thing WHERE provider = 'einvoicing' AND kind = 'report' AND reference = ?",
        (reference,),
    )


def _tree(packed: str) -> etree._Element:
    """Raises Refusal (unreadable): it is not gzip in base64, or not XML."""
    try:
        unpacking = zlib.decompressobj(wbits=31)
        xml = unpacking.decompress(base64.b64decode(packed, validate=True), LARGEST)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        tree = etree.fromstring(xml, parser)
    except (binascii.Error, zlib.error, etree.XMLSyntaxError) as error:
        raise Refusal("unreadable", f"this is no document: {error}") from error
    if tree.getroottree().docinfo.doctype:
        raise Refusal("unreadable", "a document has no type declaration")
    return tree


def _motive(world: World, tree: etree._Element, *, places: Places, reference: str) -> str:
    """Why the invoice is rejected; empty if nothing is wrong with it."""

    def text(path: str) -> str:
        found = tree.xpath(path)
        return str(found[0]).strip() if isinstance(found, list) and found else ""

    number, kind = text(places.number), text(places.kind)
    if text(places.profile) != PROFILE:
        return "profile"
    if number != reference or not NUMBER.fullmatch(number):
        return "number"
    if not _is_siren(text(places.seller)) or not text(places.seller_address):
        return "seller"
    if not _is_siren(text(places.buyer)) or not text(places.buyer_address):
        return "buyer"
    said = " ".join(str(each) for each in tree.itertext())
    if any(note not in said for note in NOTES):
        return "mentions"
    if kind in CREDIT_NOTES and not text(places.corrects):
        return "corrects_nothing"
    try:
        net, tax, gross = (Decimal(text(p)) for p in (places.net, places.tax, places.gross))
    except InvalidOperation:
        return "totals"
    if net + tax != gross:
        return "totals"
    return "duplicate" if _is_known(world, reference) else ""


def _is_known(world: World, reference: str) -> bool:
    """Whether an invoice of that number came before and was not rejected."""
    return bool(
        world.database.row(
            "SELECT id FROM thing WHERE provider = 'einvoicing' AND kind = 'invoice'"
            " AND reference = ? AND json_extract(facts, '$.motive') = ''",
            (reference,),
        )
    )


def _is_siren(text: str) -> bool:
    """Nine digits whose last is right (Luhn)."""
    if not re.fullmatch(r"\d{9}", text):
        return False
    doubled = (int(d) * (1 + place % 2) for place, d in enumerate(reversed(text)))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


EINVOICING = Party(
    code="einvoicing",
    title="Accredited platform for electronic invoices",
    operations=(
        Operation("POST", "invoices", send),
        Operation("POST", "invoices/<id>/paid", paid),
        Operation("GET", "invoices/<id>", show),
        Operation("POST", "reports", report),
    ),
    steps={"checked": checked, "refused": refused},
    callbacks=("invoice.deposited", "invoice.rejected", "invoice.refused"),
)
