"""Messages to people, with the proof that each left once."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.states import Transitions


class MessageChannel(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    POST = "post"


class MessageState(StrEnum):
    """`CLAIMED`: a worker is about to send it, or died doing so; like `UNKNOWN` it is asked for."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    SENT = "sent"
    FAILED = "failed"


LIFE = Transitions(
    {
        MessageState.QUEUED: frozenset({MessageState.CLAIMED, MessageState.FAILED}),
        MessageState.CLAIMED: frozenset(
            {MessageState.SENT, MessageState.FAILED, MessageState.UNKNOWN, MessageState.QUEUED}
        ),
        MessageState.UNKNOWN: frozenset(
            {MessageState.SENT, MessageState.FAILED, MessageState.QUEUED}
        ),
    }
)


class Message(models.Model):
    """One SMS, e-mail or letter. `reference` is what it is about and makes it unique: sent once. A
    letter goes `to` the lines of its envelope."""

    reference = models.CharField(max_length=120, unique=True)
    party = models.ForeignKey(
        "accounts.Party",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="messages",
    )
    code = models.CharField(max_length=60)
    channel = models.CharField(max_length=5)
    to = models.CharField(max_length=254)
    language = models.CharField(max_length=5)
    subject = models.CharField(max_length=200, blank=True, default="")
    text = models.TextField()
    state = models.CharField(max_length=8, default=MessageState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    provider_id = models.CharField(max_length=80, blank=True, default="")
    last_error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=business_now)
    claimed_at = models.DateTimeField(null=True, help_text="machine time")
    changed_at = models.DateTimeField(default=machine_now, help_text="machine time")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in MessageState]),
                name="message_state_known",
            ),
            models.CheckConstraint(
                condition=Q(channel__in=[str(channel) for channel in MessageChannel]),
                name="message_channel_known",
            ),
        ]
        indexes = [models.Index(fields=["party", "-created_at"], name="message_by_party")]

    def __str__(self) -> str:
        return f"{self.code} {self.state}"
