"""`agree_merchant_terms`: another share and fee of a merchant from a month on."""

from argparse import ArgumentParser
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.kernel.errors import FaisceauError
from subscriptions.carrier.services.settling import agree_terms
from subscriptions.management.amounts import amount


class Command(BaseCommand):
    help = "Give a merchant another share and fee from the first of a month on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code")
        parser.add_argument("--since", type=date.fromisoformat, required=True, help="2027-01-01")
        parser.add_argument("--share", type=amount, required=True, help="his part, in percent")
        parser.add_argument("--fee", type=amount, default=Decimal(0), help="kept of each purchase")

    def handle(self, *args: Any, **told: Any) -> None:
        terms = {name: told[name] for name in ("code", "since", "share", "fee")}
        try:
            agree_terms(**terms, by="agree_merchant_terms")
        except FaisceauError as error:
            raise CommandError(error.message) from error
