"""What the provider tells us by itself: stored first, handled once, in any order."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from commerce.events.timers import soon
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import Conflict
from commerce.payments.gateway import gateway
from commerce.payments.models import MethodSetup, PaymentAttempt, PaymentState, StoredWebhook
from commerce.payments.ports import Notice
from commerce.payments.services import charge
from commerce.payments.services.checkout import open_session
from commerce.payments.services.disputes import note_dispute
from commerce.payments.services.methods import note_mandate
from commerce.payments.services.outcome import note_report
from commerce.payments.services.setups import note_setup, open_setup

TIMER = "payments.webhook"
KEPT = timedelta(days=30)
"""Of machine time, after it came."""
TELLING = {
    "checkout.session.completed": frozenset({PaymentState.AUTHORISED, PaymentState.SETTLED}),
    "checkout.session.expired": frozenset({PaymentState.CANCELLED}),
    "payment_intent.canceled": frozenset({PaymentState.CANCELLED}),
    "payment_intent.succeeded": frozenset({PaymentState.SETTLED}),
    "payment_intent.payment_failed": frozenset({PaymentState.DECLINED}),
    "payment_intent.processing": frozenset({PaymentState.PROCESSING, PaymentState.SETTLED}),
}
"""Of payments: the types that can change our state, and the states in which they can't any more."""
DISPUTES = "charge.dispute."
MANDATES = "mandate.updated"
OVER = frozenset({PaymentState.REFUNDED, PaymentState.CANCELLED, PaymentState.DECLINED})


@transaction.atomic
def store_webhook(notice: Notice) -> bool:
    """Keep it and have it handled soon; False if it was here before."""
    row, new = StoredWebhook.objects.get_or_create(
        event_id=notice.event_id, defaults={"type": notice.type, "payload": notice.payload}
    )
    if new and _tells(notice.type):
        soon(
            key=f"{TIMER}:{row.event_id}",
            handler=TIMER,
            payload={
                "event_id": row.event_id,
                "type": notice.type,
                "key": notice.key,
                "session_id": notice.session_id,
                "intent_id": notice.intent_id,
                "dispute_id": notice.dispute_id,
                "mandate_id": notice.mandate_id,
            },
        )
    elif new:
        StoredWebhook.objects.filter(pk=row.pk).update(handled=True)
    return new


def handle_webhook(payload: Mapping[str, Any]) -> bool:
    """Timer: ask the provider how it stands now; so late and doubled news do no harm. Answers
    whether he was asked."""
    asked = _handled(payload)
    StoredWebhook.objects.filter(event_id=payload["event_id"]).update(handled=True)
    return asked


def _handled(payload: Mapping[str, Any]) -> bool:
    if payload["type"].startswith(DISPUTES):
        note_dispute(dispute_id=payload["dispute_id"])
        return True
    if payload["type"] == MANDATES:
        note_mandate(mandate_id=payload["mandate_id"])
        return True
    setup = MethodSetup.objects.filter(key=payload["key"]).first()
    if setup is not None:
        if not setup.session_id:
            # The news came before the answer that names the page: the same key tells it again.
            open_setup(key=setup.key)
        note_setup(key=setup.key)
        return True
    return _of_payment(payload)


def _of_payment(payload: Mapping[str, Any]) -> bool:
    row = _payment(payload)
    asked = row is not None and row.state not in TELLING[payload["type"]] | OVER
    if row is not None and row.off_session:
        asked = charge.carry_out({"key": row.key})
    elif row is not None and asked:
        if not row.session_id:
            # The news came before the answer that names the page: the same key tells it again.
            open_session(key=row.key)
            row.refresh_from_db()
        if not row.session_id:
            raise Conflict("The page of this payment isn't known yet.", code="opening", key=row.key)
        note_report(key=row.key, report=gateway().report(session_id=row.session_id))
    return asked


def _tells(kind: str) -> bool:
    """Whether webhooks of that type can change anything of ours."""
    return kind in TELLING or kind == MANDATES or kind.startswith(DISPUTES)


def _payment(payload: Mapping[str, Any]) -> PaymentAttempt | None:
    """By our key, else by the provider's ids; None if it isn't ours."""
    for name, column in (("key", "key"), ("session_id", "session_id"), ("intent_id", "intent_id")):
        if payload[name]:
            found = PaymentAttempt.objects.filter(**{column: payload[name]}).first()
            if found is not None:
                return found
    return None


def forget_old() -> int:
    """Remove what was handled long ago; how many. The provider sends an event again for three days
    at most, so none of them comes back."""
    old = StoredWebhook.objects.filter(received_at__lt=machine_now() - KEPT)
    waits = Q(type__in=[*TELLING, MANDATES]) | Q(type__startswith=DISPUTES)
    return old.exclude(waits, handled=False).delete()[0]
