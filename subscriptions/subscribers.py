"""What billing does when payments tell it something; it may be repeated. Of money that was taken or
paid back it hears through the billing port."""

from collections.abc import Mapping
from typing import Any

from subscriptions.services import collecting


def on_payment_authorised(payload: Mapping[str, Any]) -> None:
    """Of a bill that is paid by hand; orders see to their own."""
    collecting.take(key=payload["key"])
