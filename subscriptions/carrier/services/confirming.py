"""The merchant's second step: charge what was reserved, or give it up."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, Forbidden
from subscriptions.carrier.models import CarrierPayment
from subscriptions.carrier.services.deciding import forbids
from subscriptions.carrier.services.finishing import deny, give_up, is_over, succeed
from subscriptions.carrier.services.locking import locked, locked_line, unknown_line
from subscriptions.carrier.services.months import counts_at
from subscriptions.domain.carrier import OPEN, PaymentState


def confirm(*, party_id: int, payment_id: UUID, number: str) -> None:
    """Charge what was reserved, if nothing forbids it by now; the customer is told.

    Raises:
        NotFound, also for another number. Conflict: `payment_confirmed`, `payment_cancelled`.
        Forbidden: `not_validated`; a `Rule`, and the payment is denied.
    """
    with transaction.atomic():
        payment = locked(party_id=party_id, payment_id=payment_id)
        _check_second_step(payment, number)
        if payment.state == PaymentState.PENDING_VALIDATION:
            raise Forbidden("The customer has not confirmed it yet.", code="not_validated")
        now = counts_at(payment.merchant_id, business_now())
        rule = forbids(payment, now=now, without=payment)
        if rule is None:
            succeed(payment, now=now)
        else:
            deny(payment, reason=rule.value)
    if rule is not None:
        raise Forbidden("The purchase is not possible any more.", code=rule.value)


@transaction.atomic
def cancel(*, party_id: int, payment_id: UUID, number: str) -> None:
    """Give up what was reserved. Raises NotFound; Conflict as `confirm`."""
    payment = locked(party_id=party_id, payment_id=payment_id)
    _check_second_step(payment, number)
    give_up(payment, "The merchant cancelled the payment.")


def on_expiry_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: what nobody confirmed is cancelled."""
    known = CarrierPayment.objects.filter(pk=payload["payment"]).first()
    if known is None:
        return
    locked_line(known.subscription_id)
    payment = CarrierPayment.objects.select_for_update().get(pk=known.pk)
    if payment.state in OPEN:
        give_up(payment, "Nobody confirmed the payment in time.")


def _check_second_step(payment: CarrierPayment, number: str) -> None:
    if number != payment.told["phoneNumber"]:
        raise unknown_line()
    if payment.state == PaymentState.SUCCEEDED:
        raise Conflict("This payment was confirmed before.", code="payment_confirmed")
    if payment.state in (PaymentState.CANCELLED, PaymentState.DENIED) or is_over(payment):
        raise Conflict("This payment was given up.", code="payment_cancelled")
