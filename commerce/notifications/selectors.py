"""Reads: what was written to whom."""

from dataclasses import dataclass
from datetime import datetime

from commerce.notifications.models import Message, MessageState


@dataclass(frozen=True, slots=True)
class MessageView:
    reference: str
    code: str
    channel: str
    to: str
    subject: str
    text: str
    state: MessageState
    created_at: datetime


def messages_of(party_id: int, *, limit: int = 50) -> tuple[MessageView, ...]:
    """What was written to the party, newest first."""
    found = Message.objects.filter(party_id=party_id).order_by("-created_at", "-pk")[:limit]
    return tuple(_view(row) for row in found)


def _view(row: Message) -> MessageView:
    return MessageView(
        reference=row.reference,
        code=row.code,
        channel=row.channel,
        to=row.to,
        subject=row.subject,
        text=row.text,
        state=MessageState(row.state),
        created_at=row.created_at,
    )
