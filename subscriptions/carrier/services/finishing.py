"""How a purchase goes on from state to state; whoever sells it, and who buys, hears of each.

The caller holds the line and the payment.
"""

from datetime import datetime
from decimal import Decimal

from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.money import Money
from subscriptions.carrier.models import CarrierPayment, CarrierSubscription
from subscriptions.carrier.services import messages, telling
from subscriptions.carrier.services.deciding import spent_on
from subscriptions.carrier.services.stopping import remind_from
from subscriptions.domain.carrier import PAYMENT_LIFE, PaymentState, month_of

EXPIRY = "carrier.expiry"


def succeed(payment: CarrierPayment, *, now: datetime) -> None:
    """Charged, and counts `now`; the first payment of a monthly service begins it."""
    payment.paid_at = now
    payment.month = month_of(now.astimezone(PARIS).date())
    monthly = monthly_price(payment)
    if monthly is not None and payment.belongs_to is None:
        payment.belongs_to, begun = CarrierSubscription.objects.get_or_create(
            subscription=payment.subscription,
            merchant=payment.merchant,
            service_code=payment.service_code,
            ended_at=None,
            defaults={
                "service": payment.service,
                "gross": min(monthly, payment.gross),  # what the code was said to be for
                "currency": payment.currency,
                "began_at": now,
            },
        )
        if begun:
            remind_from(payment.belongs_to)
    move(payment, PaymentState.SUCCEEDED)
    timers.cancel(f"{EXPIRY}:{payment.pk}")
    tell_paid(payment)


def tell_paid(payment: CarrierPayment) -> None:
    assert payment.paid_at is not None
    spent = spent_on(payment.subscription, month=payment.month)
    messages.tell_paid(payment, spent=spent, before=spent - Money(payment.gross, payment.currency))
    told = "The payment is on the customer's bill."
    telling.tell_payment(payment, "completed", told, paymentDate=payment.paid_at.isoformat())


def give_up(payment: CarrierPayment, said: str) -> None:
    move(payment, PaymentState.CANCELLED)
    timers.cancel(f"{EXPIRY}:{payment.pk}")
    telling.tell_payment(payment, "cancelled", said)


def deny(payment: CarrierPayment, *, reason: str) -> None:
    payment.denied_for = reason
    move(payment, PaymentState.DENIED)
    timers.cancel(f"{EXPIRY}:{payment.pk}")
    telling.tell_payment(payment, "denied", "The payment is denied.", denialReason=reason)


def move(payment: CarrierPayment, target: PaymentState) -> None:
    PAYMENT_LIFE.check(PaymentState(payment.state), target)
    payment.state = target
    payment.save()


def monthly_price(payment: CarrierPayment) -> Decimal | None:
    told = payment.merchant.monthly.get(payment.service_code)
    return None if told is None else Decimal(told)


def is_over(payment: CarrierPayment) -> bool:
    """Its time has come, whether or not its timer has."""
    return payment.expires_at is not None and payment.expires_at <= business_now()
