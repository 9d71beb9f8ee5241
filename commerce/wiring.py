"""Who hears of what: every subscription, timer and busy check of the system on one page."""

from django.conf import settings

from commerce.celery import app as celery_app
from commerce.events.business_clock import virtual_now
from commerce.kernel.clock import use_business_clock


def connect() -> None:
    """Join the parts up; called once per process, when all apps are loaded."""
    celery_app.set_default()
    if settings.VIRTUAL_CLOCK:
        use_business_clock(virtual_now)
