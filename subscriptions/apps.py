"""Django app."""

from django.apps import AppConfig
from django.core import checks

from subscriptions.checks import (
    bill_runs_have_limits,
    our_bank_account_is_one,
    seller_is_a_company,
)
from subscriptions.dunning.policy import dunning_policy_reads


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    label = "subscriptions"

    def ready(self) -> None:
        checks.register(seller_is_a_company)
        checks.register(our_bank_account_is_one)
        checks.register(dunning_policy_reads)
        checks.register(bill_runs_have_limits)
