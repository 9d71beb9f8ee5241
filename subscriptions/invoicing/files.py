"""Invoices as files: what a customer keeps, a firm's books take in, and a platform passes on.

Paper is a page and pages are made above: the setting `INVOICE_PAPER` names who makes it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from subscriptions.domain.document import InvoiceDocument
from subscriptions.invoicing.facturx import Flavour, xml_of
from subscriptions.invoicing.selectors import document_of


class Form(StrEnum):
    """PDF holds the XML (Factur-X); XML is that alone; UBL says the same in the other syntax."""

    PDF = "pdf"
    XML = "xml"
    UBL = "ubl"


@dataclass(frozen=True, slots=True)
class InvoiceFile:
    name: str
    kind: str
    content: bytes


class Paper(Protocol):
    """Makes the PDF of a document with its XML inside: the same bytes each time."""

    def __call__(self, document: InvoiceDocument, *, xml: bytes, language: str) -> bytes: ...


def invoice_file(party_id: int, number: str, *, form: Form, language: str) -> InvoiceFile:
    """One invoice as a file; `language` is that of the paper.

    Raises:
        NotFound: it is not the party's, not issued, or has no document.
        Unknown: paper can't be made on this machine.
    """
    document = document_of(party_id, number)
    if form is Form.UBL:
        xml = xml_of(document, flavour=Flavour.UBL)
        return InvoiceFile(f"{number}.ubl.xml", "application/xml", xml)
    xml = xml_of(document)
    if form is Form.XML:
        return InvoiceFile(f"{number}.xml", "application/xml", xml)
    paper: Paper = import_string(settings.INVOICE_PAPER)
    content = paper(document, xml=xml, language=language)
    return InvoiceFile(f"{number}.pdf", "application/pdf", content)
