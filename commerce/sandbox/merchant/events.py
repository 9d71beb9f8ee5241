"""What the merchant checks of a CloudEvent before he believes it."""

from collections.abc import Mapping
from typing import Any

MEDIA_TYPE = "application/cloudevents+json"
NEEDED = ("id", "source", "specversion", "type", "time", "data")
PAYMENT = "org.camaraproject.carrier-billing.v0.payment-"
REFUND = "org.camaraproject.carrier-billing-refund.v0.refund-"
KINDS = frozenset(
    {
        f"{PAYMENT}{what}"
        for what in ("pending-validation", "reserved", "completed", "cancelled", "denied")
    }
    | {f"{REFUND}{what}" for what in ("completed", "denied", "in-bill")}
)


def fault_of(event: Any, *, headers: Mapping[str, str]) -> str:
    """What is wrong with its envelope; empty if nothing is."""
    if not isinstance(event, dict):
        return "not an object"
    missing = [name for name in NEEDED if not event.get(name)]
    if missing:
        return f"without {', '.join(missing)}"
    if event["specversion"] != "1.0":
        return f"specversion {event['specversion']}"
    if event["type"] not in KINDS:
        return f"unknown type {event['type']}"
    if headers.get("content-type", "").partition(";")[0] != MEDIA_TYPE:
        return "not sent as a CloudEvent"
    if not isinstance(event["data"], dict) or not event["data"].get("paymentId"):
        return "names no payment"
    return ""
