"""Money in and out: intents stored before they leave, and what the provider told us."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.money import Money
from commerce.kernel.states import Transitions
from commerce.payments.ports import LINKED, DisputeState, MethodKind


class PaymentState(StrEnum):
    """The life of one payment.

    A charge of a saved card goes from `REQUESTED` over `OPENING` to `SETTLED` or `DECLINED`, the
    debit of an account over `PROCESSING`: for some days the outcome is not known.
    `OPENING` and `UNKNOWN` mean that the provider may have the session or not: it is asked again
    with the same idempotency key. `OPENED`: the customer may pay on the hosted page.
    """

    REQUESTED = "requested"
    OPENING = "opening"
    UNKNOWN = "unknown"
    OPENED = "opened"
    PROCESSING = "processing"
    AUTHORISED = "authorised"
    SETTLED = "settled"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


LIFE = Transitions(
    {
        PaymentState.REQUESTED: frozenset(
            {PaymentState.OPENING, PaymentState.DECLINED, PaymentState.CANCELLED}
        ),
        PaymentState.OPENING: frozenset(
            {
                PaymentState.OPENED,
                PaymentState.UNKNOWN,
                PaymentState.DECLINED,
                PaymentState.SETTLED,
                PaymentState.PROCESSING,
            }
        ),
        PaymentState.PROCESSING: frozenset(
            {PaymentState.SETTLED, PaymentState.DECLINED, PaymentState.CANCELLED}
        ),
        PaymentState.UNKNOWN: frozenset({PaymentState.OPENING, PaymentState.OPENED}),
        PaymentState.OPENED: frozenset(
            {
                PaymentState.AUTHORISED,
                PaymentState.SETTLED,
                PaymentState.DECLINED,
                PaymentState.CANCELLED,
            }
        ),
        PaymentState.AUTHORISED: frozenset(
            {PaymentState.SETTLED, PaymentState.DECLINED, PaymentState.CANCELLED}
        ),
        PaymentState.SETTLED: frozenset({PaymentState.REFUNDED}),
        # A refused capture ended it; an operator tries again, or gives the authorisation back.
        PaymentState.DECLINED: frozenset({PaymentState.AUTHORISED}),
    }
)


class PaymentAttempt(models.Model):
    """One payment on the hosted page: authorised first, captured or cancelled later; or, without
    the customer (`off_session`), a charge of his saved method `method_id`, taken at once."""

    key = models.CharField(max_length=120, unique=True)
    purpose = models.CharField(max_length=40, default="order")
    off_session = models.BooleanField(db_default=False, default=False)
    party = models.ForeignKey(
        "accounts.Party", null=True, on_delete=models.PROTECT, related_name="payments"
    )
    reference = models.CharField(max_length=80)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")
    lines = models.JSONField(default=list, help_text="[{label, cents, quantity}]")
    email = models.EmailField(blank=True, default="")
    language = models.CharField(max_length=5, default="fr")
    success_url = models.URLField(max_length=500)
    cancel_url = models.URLField(max_length=500)
    expires_at = models.DateTimeField(help_text="business time")
    state = models.CharField(max_length=10, default=PaymentState.REQUESTED)
    customer_id = models.CharField(max_length=80, blank=True, default="")
    session_id = models.CharField(max_length=120, blank=True, default="")
    intent_id = models.CharField(max_length=80, blank=True, default="", db_index=True)
    method_id = models.CharField(max_length=80, blank=True, default="")
    method_kind = models.CharField(
        max_length=10, db_default=MethodKind.CARD, default=MethodKind.CARD
    )
    hosted_url = models.URLField(max_length=1000, blank=True, default="")
    card_brand = models.CharField(max_length=20, blank=True, default="")
    card_last4 = models.CharField(max_length=4, blank=True, default="")
    last_error = models.CharField(max_length=300, blank=True, default="")
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    created_at = models.DateTimeField(default=business_now)
    claimed_at = models.DateTimeField(null=True, help_text="machine time")
    trace_id = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in PaymentState]),
                name="payment_state_known",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_not_zero"),
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=models.F("amount")),
                name="payment_refund_within",
            ),
            models.UniqueConstraint(
                fields=["session_id"], condition=~Q(session_id=""), name="payment_session_once"
            ),
        ]
        indexes = [models.Index(fields=["reference"], name="payment_by_reference")]

    def __str__(self) -> str:
        return f"{self.key} {self.state}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def keeps_card(self) -> bool:
        """Its card is the customer's own, and charged from now on."""
        return not self.off_session and self.purpose != LINKED


class SavedMethod(models.Model):
    """A card or account that its holder agreed to have charged later; the one `chosen_at` last is.

    Ids are the provider's; the number is never ours. Of an account the last four characters are
    kept, its bank's code, and the mandate given on `saved_at`; `unusable_because` says why nothing
    can be debited under it any more. `for_bills`: its holder has said that bills are charged to it,
    and not only paid with it once.
    """

    party = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="payment_methods"
    )
    customer_id = models.CharField(max_length=80)
    method_id = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, db_default=MethodKind.CARD, default=MethodKind.CARD)
    for_bills = models.BooleanField(db_default=False, default=False)
    bank_code = models.CharField(max_length=20, blank=True, db_default="", default="")
    mandate_id = models.CharField(max_length=80, blank=True, db_default="", default="")
    mandate_reference = models.CharField(max_length=35, blank=True, db_default="", default="")
    unusable_because = models.CharField(max_length=80, blank=True, db_default="", default="")
    card_brand = models.CharField(max_length=20, blank=True, default="")
    card_last4 = models.CharField(max_length=4, blank=True, default="")
    saved_at = models.DateTimeField(help_text="business time")
    chosen_at = models.DateTimeField(help_text="machine time")
    removed_at = models.DateTimeField(null=True, help_text="business time")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=MethodKind.CARD)
                | (Q(kind=MethodKind.SEPA_DEBIT) & ~Q(mandate_id="")),
                name="method_kind_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["mandate_id"], condition=~Q(mandate_id=""), name="method_by_mandate"
            ),
        ]

    def __str__(self) -> str:
        return self.method_id


class SetupState(StrEnum):
    REQUESTED = "requested"
    OPENED = "opened"
    SAVED = "saved"
    EXPIRED = "expired"


SETUP_LIFE = Transitions(
    {
        SetupState.REQUESTED: frozenset({SetupState.OPENED}),
        SetupState.OPENED: frozenset({SetupState.SAVED, SetupState.EXPIRED}),
    }
)


class MethodSetup(models.Model):
    """A hosted page on which a party adds a method, without paying."""

    key = models.CharField(max_length=80, unique=True)
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="setups")
    kind = models.CharField(max_length=10)
    email = models.EmailField(blank=True, default="")
    language = models.CharField(max_length=5)
    success_url = models.URLField(max_length=500)
    cancel_url = models.URLField(max_length=500)
    expires_at = models.DateTimeField(help_text="business time")
    customer_id = models.CharField(max_length=80, blank=True, default="")
    state = models.CharField(max_length=9, default=SetupState.REQUESTED)
    session_id = models.CharField(max_length=120, blank=True, default="", db_index=True)
    hosted_url = models.URLField(max_length=1000, blank=True, default="")
    created_at = models.DateTimeField(default=business_now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in SetupState]),
                name="setup_state_known",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[str(kind) for kind in MethodKind]), name="setup_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.state}"


DISPUTE_LIFE = Transitions(
    {
        DisputeState.ASKED: frozenset(set(DisputeState) - {DisputeState.ASKED}),
        DisputeState.OPEN: frozenset(
            {DisputeState.REVIEWED, DisputeState.WON, DisputeState.LOST, DisputeState.DROPPED}
        ),
        DisputeState.REVIEWED: frozenset(
            {DisputeState.OPEN, DisputeState.WON, DisputeState.LOST, DisputeState.DROPPED}
        ),
        # A bank may give in later.
        DisputeState.LOST: frozenset({DisputeState.WON}),
    }
)


class Dispute(models.Model):
    """A payment that its holder has his bank take back. `withdrawn_at` and `reinstated_at` say when
    we heard where the money is."""

    dispute_id = models.CharField(max_length=80, unique=True)
    payment = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="disputes")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")
    reason = models.CharField(max_length=80)
    state = models.CharField(max_length=8)
    evidence_until = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, help_text="business time")
    reinstated_at = models.DateTimeField(null=True, help_text="business time")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in DisputeState]),
                name="dispute_state_known",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="dispute_not_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.state}"


class EffectKind(StrEnum):
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


class EffectState(StrEnum):
    REQUESTED = "requested"
    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


EFFECT_LIFE = Transitions(
    {
        EffectState.REQUESTED: frozenset({EffectState.SENT}),
        EffectState.SENT: frozenset({EffectState.DONE, EffectState.REFUSED}),
        EffectState.REFUSED: frozenset({EffectState.REQUESTED, EffectState.GIVEN_UP}),
    }
)


class PaymentEffect(models.Model):
    """A capture, cancellation or refund of a payment, keyed by (payment, kind, sequence).

    While `SENT` the provider may have done it or not; it is sent again under the same key, which
    the provider answers without doing it twice. `REFUSED` waits for an operator; another try has
    the next `generation` and so a key of its own.
    """

    payment = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="effects")
    kind = models.CharField(max_length=8)
    sequence = models.PositiveSmallIntegerField(default=1)
    generation = models.PositiveSmallIntegerField(default=1)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    state = models.CharField(max_length=9, default=EffectState.REQUESTED)
    provider_id = models.CharField(max_length=80, blank=True, default="")
    last_error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=business_now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "kind", "sequence"], name="payment_effect_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[str(kind) for kind in EffectKind]),
                name="payment_effect_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in EffectState]),
                name="payment_effect_state_known",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="refused"), name="payment_refused"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.state}"

    @property
    def key(self) -> str:
        """The idempotency key under which it is sent."""
        again = f"/again/{self.generation}" if self.generation > 1 else ""
        return f"{self.payment.key}/{self.kind}/{self.sequence}{again}"


class StoredWebhook(models.Model):
    """What the provider told us, as it came; handled later, once, in any order."""

    event_id = models.CharField(max_length=120, unique=True)
    type = models.CharField(max_length=80)
    payload = models.JSONField()
    handled = models.BooleanField(default=False)
    received_at = models.DateTimeField(default=machine_now)

    class Meta:
        indexes = [models.Index(fields=["received_at"], name="webhook_by_age")]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
