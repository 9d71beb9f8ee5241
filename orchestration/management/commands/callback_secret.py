"""The secret that a provider signs his callbacks with."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orchestration.adapters.client import callback_secret


class Command(BaseCommand):
    help = "Print the secret that a provider signs his callbacks with, to be told to him alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", help="as in the address that he calls, such as warehouse")

    def handle(self, *args: Any, provider: str, **options: Any) -> None:
        self.stdout.write(callback_secret(provider))
