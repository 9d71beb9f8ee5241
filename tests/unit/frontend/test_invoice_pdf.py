"""The invoice on paper: one page, our fonts, its XML inside, the same bytes each time."""

import io
from dataclasses import replace
from typing import Any

import pypdf
import pytest
from facturx import get_xml_from_pdf

from commerce.kernel.errors import Unknown
from frontend.account import invoice_pdf
from frontend.account.invoice_pdf import page_of, pdf_of
from subscriptions.domain.document import InvoiceDocument
from subscriptions.domain.states import LineKind
from subscriptions.invoicing.facturx import xml_of
from tests.unit.subscriptions.test_document import BUSINESS, CONSUMER, CREDIT, KEPT, document, line

FREE = document(line("29.99"), line("-29.99", label="6 mois offerts", kind=LineKind.BENEFIT))


def read(pdf: bytes) -> tuple[Any, str]:
    """The file and what it says, with single plain spaces."""
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    said = " ".join(page.extract_text() for page in reader.pages)
    return reader, " ".join(said.split())


@pytest.mark.parametrize(
    ("document", "language", "words"),
    [
        (CONSUMER, "fr", ("Facture FA-2026-0000001", "Camille Roux", "6 mois offerts", "−1",
            "5,5533 €", "À payer au plus tard le 9 avril 2026", "22,09 €", "SIRET 01020304000018",
            "06 39 98 00 01 : engagement jusqu’au 10 mars 2028.", "médiateur",
            "livraison de biens et prestation de services")),
        (CONSUMER, "en", ("Bill FA-2026-0000001", "To pay by 9 April 2026", "€22.09", "mediator")),
        (BUSINESS, "fr", ("SIREN 732829320", "FR44732829320", "PO-77", "40 €", "8,3333 €",
            "articles 261 à 261 E", "42,00 €", "trois fois")),
        (CREDIT, "fr", ("Avoir AV-2026-0000001", "FA-2026-0000001 du 1er mars 2026", "199,00 €",
            "Vous est rendu")),
        (FREE, "fr", ("Rien à payer. 0,00 €",)),
    ],
)  # fmt: skip
def test_it_says_what_it_must_on_one_page(
    document: InvoiceDocument, language: str, words: tuple[str, ...]
) -> None:
    reader, said = read(pdf_of(document, xml=xml_of(document), language=language))
    assert len(reader.pages) == 1
    assert [each for each in words if each not in said] == []
    assert reader.trailer["/Root"]["/Lang"] == language


@pytest.mark.parametrize(
    ("name", "document"),
    [("template-1-business", BUSINESS), ("template-2-credit-note", replace(CREDIT, template=2))],
)
def test_earlier_templates_are_printed_from_the_same_page(
    name: str, document: InvoiceDocument
) -> None:
    assert page_of(document, language="fr") == (KEPT / f"{name}.html").read_text()


def test_it_is_a_factur_x_and_the_same_each_time() -> None:
    xml = xml_of(CONSUMER)
    pdf = pdf_of(CONSUMER, xml=xml, language="fr")
    assert pdf_of(CONSUMER, xml=xml, language="fr") == pdf
    assert get_xml_from_pdf(pdf) == ("factur-x.xml", xml)
    reader, _ = read(pdf)
    root = reader.trailer["/Root"]
    meta = root["/Metadata"].get_data().decode()
    assert 'part="3"' in meta
    assert 'conformance="B"' in meta
    assert "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in meta
    assert root["/AF"][0].get_object()["/AFRelationship"] == "/Alternative"
    assert str(reader.metadata and reader.metadata.get("/CreationDate")).startswith("D:20260310")
    fonts = reader.pages[0]["/Resources"]["/Font"].get_object().values()
    assert {str(font.get_object()["/BaseFont"]).split("+")[1].split("-")[0] for font in fonts} == {
        "Bricolage",
        "Inter",
    }


def test_a_machine_without_pango_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise Unknown("Pango is not installed", code="pdf_unavailable")

    monkeypatch.setattr(invoice_pdf, "_weasyprint", missing)
    with pytest.raises(Unknown) as refusal:
        pdf_of(CONSUMER, xml=b"", language="fr")
    assert refusal.value.code == "pdf_unavailable"
