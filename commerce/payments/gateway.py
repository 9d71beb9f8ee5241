"""The payment provider that the settings name."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from commerce.payments.ports import PaymentGateway


@cache
def gateway() -> PaymentGateway:
    """Made once per process."""
    made: PaymentGateway = import_string(settings.ADAPTERS["payments"])()
    return made
