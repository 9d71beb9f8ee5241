"""Who hears of what: every subscription, timer and busy check of the system on one page."""

from django.conf import settings

from commerce.accounts.context import context_for_client, context_for_request
from commerce.celery import app as celery_app
from commerce.events.business_clock import virtual_now
from commerce.events.registry import register_timer
from commerce.kernel.clock import use_business_clock
from commerce.web.identity import Resolvers, use_resolvers
from subscriptions.services import bill_run, calendar


def connect() -> None:
    """Join the parts up; called once per process, when all apps are loaded."""
    celery_app.set_default()
    use_resolvers(Resolvers(session=context_for_request, client=context_for_client))
    if settings.VIRTUAL_CLOCK:
        use_business_clock(virtual_now)
    register_timer(calendar.TIMER, bill_run.on_timer, durable=False)
    register_timer(bill_run.CHUNK_TIMER, bill_run.on_chunk, durable=False)
