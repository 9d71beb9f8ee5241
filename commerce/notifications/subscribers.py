"""What notifications hear of."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from commerce.accounts.services.passwords import link_for
from commerce.kernel.errors import NotFound
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send


def on_webhook_endpoint_failed(event: Mapping[str, Any]) -> None:
    """Tell the firm that its program hears of nothing more; the operator sees his own."""
    if event["party_id"] is not None:
        send(
            party_id=event["party_id"],
            code="webhook_failed",
            values={
                "url": event["url"],
                "since": datetime.fromisoformat(event["since"]),
                "endpoint": event["endpoint"],
            },
            reference=f"webhook/{event['endpoint']}/{event['since']}",
        )


def on_method_unusable(event: Mapping[str, Any]) -> None:
    """Tell the holder of an account that it can't be debited any more, so that he gives another."""
    send(
        party_id=event["party_id"],
        code="method_unusable",
        values={"last4": event["last4"]},
        reference=f"method/{event['saved_id']}",
        channel=MessageChannel.EMAIL,
    )


def on_password_forgotten(event: Mapping[str, Any]) -> None:
    """Send the link to the user's own address; a repeated event sends nothing more."""
    try:
        user, url = link_for(event["user_id"])
    except NotFound:
        return
    send(
        code="password_link",
        to=user.email,
        language=user.language,
        channel=MessageChannel.EMAIL,
        values={"url": url},
        reference=f"password/{event['user_id']}/{event['key']}",
    )
