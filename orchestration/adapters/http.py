"""The providers' ports over HTTP (protocol: docs/providers.md)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from catalogue.selectors import snapshot_of
from commerce.kernel.errors import Refused
from commerce.ordering.domain.fulfilment import FulfilmentItem
from commerce.ordering.selectors import order_for_fulfilment
from orchestration.adapters.client import HttpProvider, plain
from orchestration.ports import (
    Answer,
    BillingStart,
    Entitlement,
    LineActivation,
    PortIn,
    ProfileConfirmation,
    ProfileOrder,
    Shipment,
)

RECIPIENT_OPERATOR = "FA"
_REQUESTER = "1.3.6.1.4.1.99999"


class HttpLogistics(HttpProvider):
    """Our own warehouse."""

    prefix = "warehouse"

    def ship(self, request: Shipment, *, key: str) -> Answer:
        return Answer(self.post("shipments", body=plain(request), key=key))


class HttpDropship(HttpLogistics):
    """A supplier who ships for us; the same protocol."""

    prefix = "dropship"


class HttpPorting(HttpProvider):
    """The clearing house for number portability."""

    prefix = "porting"

    def port_in(self, request: PortIn, *, key: str) -> Answer:
        body = plain(request) | {"recipient_operator": RECIPIENT_OPERATOR}
        return Answer(self.post("requests", body=body, key=key))


class HttpEsim(HttpProvider):
    """An SM-DP+ spoken to by ES2+ (GSMA SGP.22 section 5.3)."""

    prefix = "smdp"

    def download_order(self, request: ProfileOrder, *, key: str) -> Answer:
        body = {"reference": request.reference} | ({"eid": request.eid} if request.eid else {})
        return Answer({"iccid": self._function("downloadOrder", body=body, key=key)["iccid"]})

    def confirm_order(self, request: ProfileConfirmation, *, key: str) -> Answer:
        told = self._function(
            "confirmOrder",
            body={"reference": request.reference, "iccid": request.iccid, "releaseFlag": True},
            key=key,
        )
        return Answer({"lpa": f"LPA:1${told['smdpAddress']}${told['matchingId']}"})

    def _function(self, name: str, *, body: dict[str, Any], key: str) -> dict[str, Any]:
        header = {"functionRequesterIdentifier": _REQUESTER, "functionCallIdentifier": key}
        told = self.post(f"gsma/rsp2/es2plus/{name}", body={"header": header} | body, key=key)
        return checked_execution(told)


def checked_execution(told: dict[str, Any]) -> dict[str, Any]:
    """Raises Refused when ES2+ says `Failed` (it says so with HTTP 200)."""
    status = told.get("header", {}).get("functionExecutionStatus", {})
    if status.get("status") != "Executed-Success":
        data = status.get("statusCodeData", {})
        code = f"es2_{data.get('subjectCode', '?')}_{data.get('reasonCode', '?')}"
        raise Refused(str(data.get("message") or "The SM-DP+ refused."), code=code)
    return told


class HttpNetwork(HttpProvider):
    """Provisioning of lines."""

    prefix = "network"

    def activate(self, request: LineActivation, *, key: str) -> Answer:
        return Answer(self.post("lines", body=plain(request), key=key))


class HttpContent(HttpProvider):
    """Music, video, cloud and press partners."""

    prefix = "content"

    def entitle(self, request: Entitlement, *, key: str) -> Answer:
        return Answer(self.post("entitlements", body=plain(request), key=key))


class HttpBilling(HttpProvider):
    """An external biller that is told the same facts as our own billing."""

    prefix = "biller"

    def start(self, request: BillingStart, *, key: str) -> Answer:
        order = order_for_fulfilment(request.order_number, group=request.group)
        rates = snapshot_of(order.release).tax_rates
        body = {
            "reference": request.reference,
            "account_reference": f"P-{request.party_id}",
            "starts_on": request.starts_on.isoformat(),
            "segment": str(order.segment),
            "term_months": max((item.term for item in order.items), default=0),
            "items": [_billed(item, rates=rates) for item in order.items if item.charges],
        }
        return Answer(self.post("subscriptions", body=body, key=key))


def _billed(item: FulfilmentItem, *, rates: Mapping[str, Decimal]) -> dict[str, Any]:
    """An item with its charges as agreed; amounts are in the master basis of the segment."""
    return {
        "reference": item.line_id,
        "offering": item.offering,
        "facts": dict(item.facts),
        "charges": [
            {
                "code": charge.code,
                "amount": str(charge.amount.amount),
                "currency": charge.amount.currency,
                "quantity": charge.quantity,
                "every_months": charge.every_months if charge.recurring else 0,
                "tax_class": charge.tax_class,
                "tax_rate": str(rates[charge.tax_class]),
                "benefits": [
                    {
                        "code": benefit.code,
                        "kind": str(benefit.kind),
                        "value": str(benefit.value),
                        "first": benefit.first,
                        "periods": benefit.periods,
                    }
                    for benefit in charge.benefits
                ],
            }
            for charge in item.charges
        ],
    }
