"""The accredited platform over HTTP (protocol: docs/providers.md)."""

import base64
import gzip
from datetime import date
from typing import Any
from urllib.parse import quote

from commerce.kernel.money import Money
from orchestration.adapters.client import HttpProvider
from orchestration.ports import ProviderEvent, Standing
from subscriptions.ports import ElectronicInvoice, Known, PlatformEvent, SalesReport


class HttpEinvoicing(HttpProvider):
    prefix = "einvoicing"

    def send(self, invoice: ElectronicInvoice, *, key: str) -> str:
        """POST /einvoicing/invoices; the XML packed, the same bytes each time."""
        packed = base64.b64encode(gzip.compress(invoice.document, mtime=0)).decode()
        body = {"reference": invoice.number, "syntax": invoice.syntax, "document": packed}
        return _id(self.post("invoices", body=body, key=key))

    def paid(self, invoice_id: str, *, amount: Money, on: date, key: str) -> str:
        """POST /einvoicing/invoices/<id>/paid"""
        body = {"amount": str(amount.amount), "on": on.isoformat()}
        return _id(self.post(f"invoices/{quote(invoice_id, safe='')}/paid", body=body, key=key))

    def report(self, report: SalesReport, *, key: str) -> str:
        """POST /einvoicing/reports"""
        body = {
            "reference": report.reference,
            "start": report.start.isoformat(),
            "end": report.end.isoformat(),
            "sales": list(report.sales),
            "payments": list(report.payments),
            "corrects": report.corrects,
        }
        return _id(self.post("reports", body=body, key=key))

    def known(self, key: str) -> Known | None:
        found = self.find(key)
        if found.standing is Standing.NEVER_ARRIVED:
            return None
        refused = found.standing is Standing.REFUSED and not found.events
        code = str(found.answer.get("code") or "refused") if refused else ""
        return Known(_id(found.answer), code, tuple(map(platform_event, found.events)))


def platform_event(event: ProviderEvent) -> PlatformEvent:
    """A callback of the platform in the words of billing."""
    motive = str(event.data.get("motive", ""))[:60]
    return PlatformEvent(event.id, event.type, event.occurred_at, motive)


def _id(answer: Any) -> str:
    return str(answer.get("invoice_id") or answer.get("report_id") or "")
