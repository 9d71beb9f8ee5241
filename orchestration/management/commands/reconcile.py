"""`reconcile [--day 2026-12-01] [--whole]`: lay everything beside everything, and name each
difference. Without `--whole`, of our own books what changed since the look before."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.kernel.clock import business_today
from orchestration.services.reconciling import reconcile


class Command(BaseCommand):
    help = "Names each difference between contracts, bills, ledger, bank and providers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--day", type=date.fromisoformat, help="like 2026-12-01; else today")

        parser.add_argument("--whole", action="store_true", help="all of history, too")

    def handle(self, *_args: Any, day: date | None, whole: bool, **_options: Any) -> None:
        done = reconcile(day or business_today(), whole=whole)
        for each in done.differences:
            self.stdout.write(
                f"{each.kind} {each.identity}: {each.found} instead of {each.expected}"
            )
        for part in done.silent:
            self.stdout.write(f"{part}: the provider did not answer")
        if done.differences or done.silent:
            raise CommandError(f"{len(done.differences)} differences on {done.day}.")
        self.stdout.write(f"No difference on {done.day}.")
