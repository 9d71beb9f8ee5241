"""Single-use codes of a promotion: make a batch, write it out (once), list what there is.

manage.py codes make spring-once --name newsletter --count 100000
manage.py codes export 3 --to codes.csv
manage.py codes list
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.kernel.errors import FaisceauError
from promotions.selectors import batches
from promotions.services.batches import csv_of, export_batch, make_batch

BY = "command line"


class Command(BaseCommand):
    help = "Makes, writes out (once) and lists batches of single-use codes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        make = actions.add_parser("make", help="make a batch")
        make.add_argument("promotion", help="code of the promotion (single_use: true)")
        make.add_argument("--name", required=True, help="what the batch is for")
        make.add_argument("--count", type=int, required=True)
        export = actions.add_parser("export", help="write the codes to a file, once")
        export.add_argument("batch", type=int)
        export.add_argument("--to", type=Path, required=True, help="a file that is not there yet")
        actions.add_parser("list", help="all batches, the latest first")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except FaisceauError as error:
            raise CommandError(error.message) from error

    def _make(self, options: dict[str, Any]) -> None:
        batch = make_batch(
            promotion=options["promotion"], name=options["name"], count=options["count"], by=BY
        )
        self.stdout.write(f"batch {batch.id}: {batch.count} codes for {batch.promotion}")

    def _export(self, options: dict[str, Any]) -> None:
        """The file is opened first: codes that can't be written are not lost."""
        try:
            with options["to"].open("x", encoding="utf-8", newline="") as file:
                file.write(csv_of(export_batch(options["batch"], by=BY)))
        except FileExistsError as error:
            raise CommandError(f"{options['to']} is there already.") from error
        except FaisceauError:
            options["to"].unlink()
            raise

    def _list(self, options: dict[str, Any]) -> None:
        for batch in batches():
            exported = f"exported {batch.exported_at:%Y-%m-%d}" if batch.exported_at else "not out"
            self.stdout.write(
                f"{batch.id}\t{batch.promotion}\t{batch.name}\t{batch.count} codes, "
                f"{batch.redeemed} redeemed, {batch.reserved} reserved, {exported}"
            )
