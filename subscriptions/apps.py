"""Django app."""

from django.apps import AppConfig
from django.core import checks

from subscriptions.checks import seller_is_a_company


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    label = "subscriptions"

    def ready(self) -> None:
        checks.register(seller_is_a_company)
