"""Reads: what became of a payment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.payments.models import (
    EffectKind,
    EffectState,
    PaymentAttempt,
    PaymentEffect,
    PaymentState,
    SavedMethod,
)


@dataclass(frozen=True, slots=True)
class PaymentView:
    """`settled` money is with us; `refunded` is what went back of it."""

    key: str
    reference: str
    party_id: int | None
    state: PaymentState
    amount: Money
    refunded: Money
    hosted_url: str
    card_brand: str
    card_last4: str
    last_error: str
    purpose: str = "order"
    off_session: bool = False
    method_id: str = ""

    @property
    def is_held(self) -> bool:
        """Authorised or taken: the customer has done his part."""
        return self.state in (PaymentState.AUTHORISED, PaymentState.SETTLED)

    @property
    def is_reserved(self) -> bool:
        """Authorised, and neither taken nor let go."""
        return self.state is PaymentState.AUTHORISED

    @property
    def is_taken(self) -> bool:
        return self.state is PaymentState.SETTLED

    @property
    def is_declined(self) -> bool:
        return self.state is PaymentState.DECLINED

    @property
    def is_open(self) -> bool:
        """The customer may still pay."""
        return self.state in (
            PaymentState.REQUESTED,
            PaymentState.OPENING,
            PaymentState.UNKNOWN,
            PaymentState.OPENED,
        )


def payment(key: str) -> PaymentView:
    """Raises NotFound when there is no such payment."""
    found = PaymentAttempt.objects.filter(key=key).first()
    if found is None:
        raise NotFound("There is no such payment.")
    return view_of(found)


def asked_for(references: Iterable[str]) -> frozenset[str]:
    """Those orders or invoices for which a payment was ever asked, whatever became of it."""
    found = PaymentAttempt.objects.filter(reference__in=list(references))
    return frozenset(found.values_list("reference", flat=True))


def payments_of(reference: str) -> tuple[PaymentView, ...]:
    """All payments for one order or invoice, oldest first."""
    found = PaymentAttempt.objects.filter(reference=reference).order_by("pk")
    return tuple(view_of(row) for row in found)


@dataclass(frozen=True, slots=True)
class RefusedEffect:
    """Money that could not be moved and waits for an operator; `reason` is the provider's code.

    `asked_at` is business time.
    """

    id: int
    kind: EffectKind
    payment_key: str
    reference: str
    amount: Money
    reason: str
    asked_at: datetime

    @property
    def takes(self) -> bool:
        """It should have brought money in."""
        return self.kind is EffectKind.CAPTURE


def refused_effects(*, limit: int = 100) -> tuple[RefusedEffect, ...]:
    """What the provider refused and nobody has decided about, the oldest first."""
    return tuple(_refused(row) for row in _refusals().order_by("pk")[:limit])


def refused_effect(effect_id: int) -> RefusedEffect:
    """Raises NotFound `not_refused`: there is none, or somebody has decided about it."""
    found = _refusals().filter(pk=effect_id).first()
    if found is None:
        raise NotFound("This payment no longer waits for a decision.", code="not_refused")
    return _refused(found)


def _refusals() -> QuerySet[PaymentEffect]:
    return PaymentEffect.objects.select_related("payment").filter(state=EffectState.REFUSED)


def _refused(row: PaymentEffect) -> RefusedEffect:
    return RefusedEffect(
        id=row.pk,
        kind=EffectKind(row.kind),
        payment_key=row.payment.key,
        reference=row.payment.reference,
        amount=Money(row.amount, row.payment.currency),
        reason=row.last_error,
        asked_at=row.created_at,
    )


def effects_under_way() -> int:
    """Charges, captures, cancellations and refunds not yet carried out; for the virtual clock."""
    effects = PaymentEffect.objects.filter(state__in=[EffectState.REQUESTED, EffectState.SENT])
    charges = PaymentAttempt.objects.filter(
        off_session=True, state__in=[PaymentState.REQUESTED, PaymentState.OPENING]
    )
    return effects.count() + charges.count()


def coming_in(reference: str) -> tuple[str, ...]:
    """The keys of payments for one order or bill whose money is on its way: a charge or a capture
    is asked for, and its outcome is not known."""
    asked = Q(off_session=True, state__in=[PaymentState.REQUESTED, PaymentState.OPENING]) | Q(
        state=PaymentState.AUTHORISED,
        effects__kind=EffectKind.CAPTURE,
        effects__state__in=[EffectState.REQUESTED, EffectState.SENT],
    )
    found = PaymentAttempt.objects.filter(asked, reference=reference).order_by("pk")
    return tuple(found.values_list("key", flat=True).distinct())


def refunds_of(key: str) -> tuple[Money, ...]:
    """What was asked to go back of a payment, refusals left out; one for each sequence that is
    taken, zero for a refused one."""
    row = PaymentAttempt.objects.get(key=key)
    refunds = row.effects.filter(kind=EffectKind.REFUND).order_by("sequence")
    nothing = (EffectState.REFUSED, EffectState.GIVEN_UP)
    return tuple(
        Money.zero(row.currency) if each.state in nothing else Money(each.amount, row.currency)
        for each in refunds
    )


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card that bills may be charged to; the first of a party's is the one that is charged."""

    id: int
    customer_id: str
    method_id: str
    card_brand: str
    card_last4: str


def saved_cards(party_id: int) -> tuple[SavedCard, ...]:
    """The one chosen last comes first."""
    rows = SavedMethod.objects.filter(party_id=party_id, removed_at__isnull=True)
    return tuple(
        SavedCard(row.pk, row.customer_id, row.method_id, row.card_brand, row.card_last4)
        for row in rows.order_by("-chosen_at", "-pk")
    )


def chosen_method(party_id: int) -> SavedCard | None:
    return next(iter(saved_cards(party_id)), None)


def view_of(row: PaymentAttempt) -> PaymentView:
    """The row as a value."""
    return PaymentView(
        key=row.key,
        reference=row.reference,
        party_id=row.party_id,
        state=PaymentState(row.state),
        amount=row.money,
        refunded=Money(row.refunded, row.currency),
        hosted_url=row.hosted_url,
        card_brand=row.card_brand,
        card_last4=row.card_last4,
        last_error=row.last_error,
        purpose=row.purpose,
        off_session=row.off_session,
        method_id=row.method_id,
    )
