"""Lay the content partner's settlement of a month beside our contracts and bills."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.kernel.errors import FaisceauError
from orchestration.services.settlement import reconcile


class Command(BaseCommand):
    help = "Names each difference between the content partner's settlement and our bills."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", help="like 2026-12")

    def handle(self, *args: Any, month: str, **options: Any) -> None:
        try:
            first = date.fromisoformat(f"{month}-01")
        except ValueError as error:
            raise CommandError("A month is written like 2026-12.") from error
        try:
            found = reconcile(first)
        except FaisceauError as refusal:
            raise CommandError(refusal.message) from refusal
        for each in found:
            self.stdout.write(
                f"{each.reference}: {each.kind}, {each.theirs} days settled, {each.ours} ours"
            )
        if found:
            raise CommandError(f"{len(found)} differences in {month}.")
        self.stdout.write(f"The settlement of {month} agrees with our bills.")
