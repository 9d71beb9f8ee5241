"""What `papers` measures."""

import json
import time
from dataclasses import replace

from frontend.account.invoice_pdf import pdf_of
from subscriptions.domain.document import TEMPLATE, InvoiceDocument
from subscriptions.domain.views import PayBy, PaymentMeans
from subscriptions.invoicing.facturx import xml_of
from tests.unit.subscriptions.test_document import CONSUMER, fleet

TIMES = 30
USERS = 100
"""Lines of the fleet, each of a cost centre of its own."""


def rates() -> str:
    """Invoices a second of processor time, as JSON; XML and paper of each are made anew."""
    card = replace(CONSUMER, template=TEMPLATE, means=PaymentMeans(PayBy.CARD, last4="4242"))
    made = {"pdf": card, "pdf_fleet": fleet(USERS)}
    return json.dumps({name: _rates(document) for name, document in made.items()})


def _paper(document: InvoiceDocument) -> bytes:
    return pdf_of(document, xml=xml_of(document), language="fr")


def _rates(document: InvoiceDocument) -> list[float]:
    """The first, for which fonts are read, does not count.

    Raises:
        AssertionError: the same invoice came out otherwise than before.
    """
    first, found = _paper(document), []
    for _ in range(TIMES):
        began = time.process_time()
        again = _paper(document)
        found.append(1 / (time.process_time() - began))
        if again != first:
            raise AssertionError("the same invoice came out otherwise than before")
    return found
