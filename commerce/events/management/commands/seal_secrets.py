"""Seal the secrets of webhook endpoints anew, so that former keys need not be set any more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.events.webhooks.endpoints import seal_anew
from commerce.events.webhooks.sealing import Unreadable


class Command(BaseCommand):
    help = "Seals every secret in the database under the first of SEALING_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = seal_anew()
        except Unreadable as error:
            raise CommandError(
                f"Sealed under a key that is not set: the secrets of {error}. Put it into "
                "SEALING_KEYS, or let the endpoints' owners make new secrets."
            ) from error
        self.stdout.write(f"The secrets of {count} endpoints are sealed under the first key.")
