"""Who hears of what: every subscription, timer and busy check of the system on one page."""

from django.conf import settings

from commerce.accounts.context import context_for_client, context_for_request
from commerce.accounts.events import VisitorIdentified
from commerce.celery import app as celery_app
from commerce.events.business_clock import virtual_now
from commerce.events.registry import register_busy_check, register_timer, subscribe
from commerce.kernel.clock import use_business_clock
from commerce.notifications import services as notifications
from commerce.ordering import subscribers as ordering
from commerce.ordering.events import OrderAccepted, OrderCancelled
from commerce.ordering.services.holds import CHECKOUT_TIMER, HOLD_TIMER
from commerce.payments import selectors as payments
from commerce.payments.events import (
    PaymentAuthorised,
    PaymentCancelled,
    PaymentDeclined,
    PaymentSettled,
)
from commerce.payments.services import checkout, effects, webhooks
from commerce.web.identity import Resolvers, use_resolvers
from subscriptions.events import SubscriptionActivated
from subscriptions.services import bill_run, calendar


def connect() -> None:
    """Join the parts up; called once per process, when all apps are loaded."""
    celery_app.set_default()
    use_resolvers(Resolvers(session=context_for_request, client=context_for_client))
    if settings.VIRTUAL_CLOCK:
        use_business_clock(virtual_now)

    register_timer(notifications.TIMER, notifications.carry_out, durable=False)

    register_timer(checkout.OPEN_TIMER, checkout.open_again, durable=False)
    register_timer(checkout.LOOK_TIMER, checkout.look_after, durable=False, housekeeping=True)
    register_timer(effects.TIMER, effects.carry_out, durable=False)
    register_timer(webhooks.TIMER, webhooks.handle_webhook, durable=False)
    register_busy_check("payments", payments.effects_under_way)

    register_timer(calendar.TIMER, bill_run.on_timer, durable=False)
    register_timer(bill_run.CHUNK_TIMER, bill_run.on_chunk, durable=False)

    subscribe(VisitorIdentified, ordering.on_visitor_identified, name="ordering.visitor")
    subscribe(PaymentAuthorised, ordering.on_payment_authorised, name="ordering.authorised")
    subscribe(PaymentSettled, ordering.on_payment_settled, name="ordering.settled")
    subscribe(PaymentDeclined, ordering.on_payment_declined, name="ordering.declined")
    subscribe(PaymentCancelled, ordering.on_payment_cancelled, name="ordering.pay_cancelled")
    subscribe(OrderAccepted, ordering.on_order_accepted, name="ordering.accepted")
    subscribe(OrderCancelled, ordering.on_order_cancelled, name="ordering.cancelled")
    subscribe(SubscriptionActivated, ordering.on_subscription_activated, name="ordering.activated")
    register_timer(HOLD_TIMER, ordering.on_order_hold_due)
    register_timer(CHECKOUT_TIMER, ordering.on_checkout_due)
