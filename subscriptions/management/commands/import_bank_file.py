"""`import_bank_file FILE [--dry-run]`: take a bank's statements in (camt.053)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.kernel.errors import FaisceauError
from subscriptions.bank.services.bank_file import take_in


class Command(BaseCommand):
    help = "Take in the statements of a bank's file (camt.053): all of it, or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="say what it would do")

    def handle(self, *_args: Any, path: Path, dry_run: bool, **_options: Any) -> None:
        try:
            done = take_in(path.read_bytes(), file=path.name, by="command", dry_run=dry_run)
        except OSError as error:
            raise CommandError(f"{path.name} can't be read: {error}") from None
        except FaisceauError as refusal:
            raise CommandError(f"{refusal.message} Nothing was taken in.") from refusal
        self.stdout.write(
            f"{done.statements} statements are new, {done.known_statements} were known; "
            f"{done.new} movements are new, {done.known} were known: {done.booked} are booked, "
            f"{done.waiting} wait; {done.came} came, {done.left} went."
        )
        if dry_run:
            self.stdout.write("Nothing was kept: this was a dry run.")
