"""The invoice as a PDF that people can read, with its XML inside (Factur-X, PDF/A-3).

The same document gives the same bytes: all dates are the invoice's, the fonts are ours.
"""

import atexit
import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from babel.numbers import format_currency
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from commerce.kernel.errors import Unknown
from commerce.kernel.money import Money, total
from commerce.markets.pack import market
from frontend.account.bills import (
    codes_in_words,
    commitment_text,
    part_label,
    rate_text,
    section_name,
)
from frontend.account.transfers import transfer_box
from frontend.shop.words import language, named, on_day
from frontend.typography import locale_of
from subscriptions.domain.document import (
    DocumentLine,
    InvoiceDocument,
    Operation,
    net_of,
    sections,
)
from subscriptions.domain.instalments import PrintedPart
from subscriptions.domain.states import LineKind
from subscriptions.domain.views import PayBy, Section
from subscriptions.invoicing.facturx import why_untaxed

STYLE = Path(__file__).resolve().parent.parent / "paper" / "invoice.css"
XML_NAME = "factur-x.xml"
FACTUR_X = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
XMP_PROPERTIES = (
    ("DocumentFileName", "name of the embedded XML file"),
    ("DocumentType", "type of the hybrid document"),
    ("Version", "version of the standard that the XML follows"),
    ("ConformanceLevel", "profile that the XML follows"),
)
LANGUAGES = ("fr", "en")
SAYS_HOW_IT_STOOD = 3
"""The template from which on a document says how its payment stood on the day of issue."""
MOST_COMMITMENTS = 6
_one_at_a_time = Lock()
"""Pango's font map is not made for threads."""


def pdf_of(document: InvoiceDocument, *, xml: bytes, language: str) -> bytes:
    """The document in French or English, `xml` attached.

    Raises:
        Unknown: `pdf_unavailable`: Pango is not installed on this machine.
    """
    weasyprint = _weasyprint()
    page = page_of(document, language=language)
    attachment = weasyprint.Attachment(
        string=xml,
        name=XML_NAME,
        description="Factur-X",
        created=_made_at(document),
        modified=_made_at(document),
        relationship="Alternative",
    )
    with _one_at_a_time:
        style, fonts = _style()
        html = weasyprint.HTML(string=page, url_fetcher=_nothing_else)
        laid_out = html.render(stylesheets=[style], font_config=fonts, pdf_variant="pdf/a-3b")
        laid_out.metadata.attachments.append(attachment)
        _say_factur_x(laid_out.metadata)
        digest = hashlib.sha256(page.encode() + xml).digest()[:16]
        pdf: bytes = laid_out.write_pdf(pdf_variant="pdf/a-3b", pdf_identifier=digest)
    return pdf


def page_of(document: InvoiceDocument, *, language: str) -> str:
    """What is printed, as HTML. The file is known by it (its identifier), so that of an earlier
    template not even a space may change."""
    with override(language if language in LANGUAGES else LANGUAGES[0]):
        return render_to_string("frontend/documents/invoice.html", _context(document))


def _weasyprint() -> Any:
    """Loaded when the first PDF is asked for: few processes ever make one, and it needs Pango."""
    try:
        import weasyprint
    except OSError as missing:
        raise Unknown(
            "PDFs can't be made on this machine: Pango is not installed (Debian: "
            "libpangoft2-1.0-0, libharfbuzz-subset0). The bill can be read on its page.",
            code="pdf_unavailable",
        ) from missing
    return weasyprint


def _nothing_else(url: str) -> Any:
    """A page names no file of its own."""
    raise ValueError(f"an invoice loads nothing: {url}")


@lru_cache(maxsize=1)
def _style() -> tuple[Any, Any]:
    """The style sheet with our fonts, read once per process."""
    weasyprint = _weasyprint()
    fonts = weasyprint.text.fonts.FontConfiguration()
    atexit.register(_style.cache_clear)
    return weasyprint.CSS(filename=str(STYLE), font_config=fonts), fonts


def _say_factur_x(metadata: Any) -> None:
    """Tell in the PDF's metadata which file is the invoice, as Factur-X 1.0 (annex) wants."""
    plain = metadata.generate_rdf_metadata
    said = render_to_string(
        "frontend/documents/factur_x.xmp",
        {"name": XML_NAME, "urn": FACTUR_X, "properties": XMP_PROPERTIES},
    )
    end = b"</rdf:RDF>"
    metadata.generate_rdf_metadata = lambda *about: plain(*about).replace(end, said.encode() + end)


def _made_at(document: InvoiceDocument) -> datetime:
    return datetime.combine(document.issued_on, time(), tzinfo=UTC)


def _context(document: InvoiceDocument) -> dict[str, Any]:
    title = (_("Credit note %(number)s") if document.credit_note else _("Bill %(number)s")) % {
        "number": document.number
    }
    return {
        "language": language(),
        "title": title,
        "made_at": _made_at(document).isoformat(),
        "business": document.business,
        "seller": document.seller,
        "buyer": document.buyer,
        "facts": list(_facts(document)),
        "sections": [
            _section(code, lines, document=document)
            for code, lines in sections(document.lines).items()
        ],
        "cost_centres": document.cost_centres,
        "taxes": [
            {
                "rate": rate_text(part.rate),
                "exempt": "" if part.rate else named(why_untaxed(document)),
                "net": part.net,
                "tax": part.tax,
                "gross": part.gross,
            }
            for part in document.tax_parts
        ],
        "net": document.net,
        "tax": document.tax,
        "gross": document.gross,
        "to_pay": _to_pay(document),
        "prepaid": document.prepaid,
        "left": _due(document),
        "transfer": transfer_box(document.transfer, amount=_due(document)),
        "own_parts": [_part(part) for part in document.parts if not part.of],
        "with_it": [_part(part) for part in document.due_with_it],
        "in_all": _in_all(document),
        "to_come": [
            _part(part) for part in document.parts if part.of and part.due_on > document.due_on
        ],
        "payment": list(_payment(document)),
        "commitments": list(_commitments(document)),
        "mentions": _mentions(document),
    }


def _due(document: InvoiceDocument) -> Money:
    """What is due on the day that the document says: what is paid in parts later is not."""
    return document.to_pay - document.put_off


def _in_all(document: InvoiceDocument) -> Money:
    """What its buyer pays by then, parts of other bills among it."""
    others = document.paid_by is not None and document.paid_by.by is PayBy.PAYER
    parts = total((part.left for part in document.due_with_it), currency=document.currency)
    return parts if others else _due(document) + parts


def _part(part: PrintedPart) -> dict[str, Any]:
    own = _("Part %(number)s of %(parts)s") % {"number": part.number, "parts": part.parts}
    return {
        "label": part_label(part) if part.of else own,
        "day": on_day(part.due_on),
        "left": part.left,
    }


def _to_pay(document: InvoiceDocument) -> str:
    if document.credit_note:
        return _("Goes back to you")
    if not document.to_pay:
        return _("Nothing to pay.")
    if not _due(document):
        return _("Nothing to pay now")
    if document.paid_by is not None and document.paid_by.by is PayBy.ORDER:
        return _("Being paid with your order")
    return _("To pay by %(day)s") % {"day": on_day(document.due_on)}


def _payment(document: InvoiceDocument) -> Iterable[str]:
    """How the rest will be paid, and on which day that was so."""
    means = document.paid_by
    if means is not None and means.by is PayBy.DEBIT:
        yield _(
            "Debited from your account ending in %(last4)s, mandate %(mandate)s, creditor "
            "%(creditor)s; you are told the day beforehand."
        ) % {"last4": means.last4, "mandate": means.mandate, "creditor": means.creditor}
    if means is not None and means.by is PayBy.CARD:
        yield _("Charged to your card ending in %(last4)s.") % {"last4": means.last4}
    if means is not None and means.by is PayBy.PAYER:
        yield _("Paid by another party, as agreed.")
    if document.template >= SAYS_HOW_IT_STOOD and document.to_pay and not document.credit_note:
        yield _("As it stood on %(day)s; the bill's page says what was paid since.") % {
            "day": on_day(document.issued_on)
        }


def _facts(document: InvoiceDocument) -> Iterable[tuple[str, str]]:
    yield _("Made on"), on_day(document.issued_on)
    if document.period is not None:
        yield (
            _("Period"),
            _("%(start)s to %(end)s")
            % {"start": on_day(document.period.start), "end": on_day(document.period.last_day)},
        )
    if _due(document) and not document.credit_note:
        yield _("Due on"), on_day(document.due_on)
    if document.order_number:
        yield _("Order"), document.order_number
    if document.purchase_order:
        yield _("Your order number"), document.purchase_order
    for each in document.corrects:
        yield (
            _("Corrects"),
            _("%(number)s of %(day)s") % {"number": each.number, "day": on_day(each.issued_on)},
        )
    yield (
        _("Kind of sale"),
        {
            Operation.GOODS: _("goods"),
            Operation.SERVICES: _("services"),
            Operation.MIXED: _("goods and services"),
        }[document.operation],
    )


def _section(
    code: Section, lines: tuple[DocumentLine, ...], *, document: InvoiceDocument
) -> dict[str, Any]:
    order = document.purchase_order
    return {
        "name": section_name(code),
        "net": net_of(lines, currency=document.currency),
        "gross": total((line.amount for line in lines), currency=document.currency),
        "lines": [_line(alike, order=order) for alike in _alike(lines)],
    }


def _alike(lines: Iterable[DocumentLine]) -> Iterable[list[DocumentLine]]:
    """Lines that differ by nothing that is printed, together: those of a fleet."""
    found: dict[tuple[object, ...], list[DocumentLine]] = {}
    for line in lines:
        said = (named(line.label), line.kind, line.days, line.month, line.quantity, line.net)
        found.setdefault((*said, line.amount, line.tax_rate, line.codes), []).append(line)
    return found.values()


def _line(alike: list[DocumentLine], *, order: str) -> dict[str, Any]:
    """`order`: the buyer's that the whole invoice is for."""
    line, times = alike[0], len(alike)
    return {
        "label": named(line.label),
        "note": ", ".join(_notes(line)),
        "codes": " · ".join(codes_in_words(line.codes, order=order)),
        "quantity": line.quantity * times,
        "price": _price(line.price / line.per, currency=line.net.currency),
        "rate": rate_text(line.tax_rate),
        "net": line.net * times,
        "amount": line.amount * times,
        "advantage": line.kind is LineKind.BENEFIT,
    }


def _notes(line: DocumentLine) -> Iterable[str]:
    if line.month and line.kind is LineKind.BENEFIT:
        yield _("month %(number)s") % {"number": line.month}
    elif line.days is not None and line.kind is LineKind.THIRD:
        yield on_day(line.days.start)
    elif line.days is not None:
        yield (
            _("%(start)s to %(end)s")
            % {"start": on_day(line.days.start), "end": on_day(line.days.last_day)}
        )
    if line.kind is LineKind.PRORATED:
        yield _("by the day")
    if line.kind is LineKind.REPAIR:
        yield _("given back")


def _price(price: Decimal, *, currency: str) -> str:
    """To the cent, or to four decimals where that is not all of it."""
    locale = locale_of(get_language())
    pattern = "#,##0.00##\u00a0¤" if locale == "fr_FR" else "¤#,##0.00##"
    text: str = format_currency(
        price, currency, locale=locale, format=pattern, currency_digits=False
    )
    return text


def _commitments(document: InvoiceDocument) -> Iterable[str]:
    """One by one; those of a fleet by their last day."""
    if len(document.commitments) <= MOST_COMMITMENTS:
        yield from map(commitment_text, document.commitments)
        return
    days = Counter(each.ends_on if each.months_left else None for each in document.commitments)
    for day, count in sorted(days.items(), key=lambda each: (each[0] is not None, each[0])):
        if day is None:
            yield _("%(count)s lines: no commitment.") % {"count": count}
        else:
            yield (
                _("%(count)s lines: commitment until %(day)s.")
                % {"count": count, "day": on_day(day)}
            )


def _mentions(document: InvoiceDocument) -> list[str]:
    said = {
        mention.code: mention.text
        for mention in market(settings.MARKET).invoice_mentions(business=document.business)
    }
    return [named(said[code]) for code in document.mentions if code in said]
