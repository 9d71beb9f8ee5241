"""Events to the address that a merchant named: CloudEvents 1.0 over HTTPS, at least once.

CAMARA Carrier Billing 0.5 and Refund 0.3, `callbacks`. Written with what they tell of, sent by the
ways of webhooks: never into a private network, tried again at growing distances, no redirects.
"""

import json
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from commerce.events import timers
from commerce.events.webhooks.sealing import Unreadable, seal, unseal
from commerce.events.webhooks.sending import GONE, Answer, post, wait_after
from commerce.kernel.clock import business_now, machine_now
from subscriptions.carrier.models import CarrierPayment, CarrierRefund, SinkMessage

TIMER = "carrier.tell"
PAYMENT = "org.camaraproject.carrier-billing.v0.payment-"
REFUND = "org.camaraproject.carrier-billing-refund.v0.refund-"
KEPT = timedelta(days=30)
MEDIA_TYPE = "application/cloudevents+json"


def sealed(token: str) -> str:
    """A merchant's access token as it is kept."""
    return seal(token) if token else ""


def tell_payment(payment: CarrierPayment, what: str, said: str, **more: Any) -> None:
    """Tell the payment's merchant `payment-<what>`, if he asked for it; in the caller's
    transaction."""
    failed = what == "denied"
    data = {
        "paymentId": str(payment.pk),
        "status": "failed" if failed else "succeeded",
        "description": said,
        **more,
    }
    _tell(payment, payment.merchant_id, PAYMENT + what, data)


def tell_refund(refund: CarrierRefund, what: str, said: str, **more: Any) -> None:
    """As `tell_payment`, of a refund."""
    data = {
        "paymentId": str(refund.payment_id),
        "refundId": str(refund.pk),
        "status": "succeeded",
        "description": said,
        **more,
    }
    _tell(refund, refund.payment.merchant_id, REFUND + what, data)


def on_tell_due(payload: Mapping[str, Any]) -> None:
    """Timer, machine time; called with no transaction open. May come twice."""
    message = SinkMessage.objects.filter(pk=payload["message"], next_at__isnull=False).first()
    if message is not None:
        _note(message, _sent(message))


def forget_old() -> int:
    """Purge, machine time: events that arrived or were given up, with the tokens they were sent
    with. What became of a payment is known without them."""
    old = machine_now() - KEPT
    count, _ = SinkMessage.objects.filter(next_at=None, created_at__lt=old).delete()
    return count


def _tell(
    about: CarrierPayment | CarrierRefund, merchant_id: int, kind: str, data: Mapping[str, Any]
) -> None:
    if not about.sink:
        return
    now = machine_now()
    event = {
        "id": str(uuid4()),
        "source": f"{settings.PUBLIC_URL}/carrier-billing",
        "specversion": "1.0",
        "type": kind,
        "datacontenttype": "application/json",
        "time": business_now().isoformat(),
        "data": dict(data),
    }
    message = SinkMessage.objects.create(
        merchant_id=merchant_id,
        url=about.sink,
        credential=about.credential,
        credential_until=about.credential_until,
        body=json.dumps(event, ensure_ascii=False, separators=(",", ":")),
        next_at=now,
    )
    _send_at(message, now)


def _send_at(message: SinkMessage, at: datetime) -> None:
    timers.schedule(
        key=f"{TIMER}:{message.pk}",
        handler=TIMER,
        due_at=at,
        payload={"message": str(message.pk)},
        clock="machine",
    )


def _sent(message: SinkMessage) -> Answer:
    headers = {"content-type": MEDIA_TYPE}
    until = message.credential_until
    try:
        if message.credential and (until is None or until > machine_now()):
            headers["authorization"] = f"Bearer {unseal(message.credential)}"
    except Unreadable as error:
        return Answer(None, f"{type(error).__name__}: {error}")
    return post(message.url, message.body.encode(), headers)


@transaction.atomic
def _note(message: SinkMessage, answer: Answer) -> None:
    """Write the try down, and when the next one is; nothing if another worker was first."""
    now, attempts = machine_now(), message.attempts + 1
    over = answer.is_good or answer.status == GONE
    wait = None if over else wait_after(attempts, draw=random.random())  # noqa: S311
    next_at = now + wait if wait is not None else None
    ours = SinkMessage.objects.filter(
        pk=message.pk, next_at__isnull=False, attempts=message.attempts
    )
    if not ours.update(
        attempts=attempts,
        next_at=next_at,
        delivered_at=now if answer.is_good else None,
        said=f"{answer.status or ''} {answer.said}".strip()[:300],
    ):
        return
    if next_at is not None:
        _send_at(message, next_at)
