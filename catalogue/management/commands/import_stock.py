"""`import_stock FILE`: set what partners have, or say what is wrong with the file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.importer.sources import CatalogueInvalid
from catalogue.management.speaking import add_language, lines_of
from catalogue.selectors import current_snapshot
from catalogue.services.stock_import import COLUMNS, import_stock


class Command(BaseCommand):
    help = f"Set the stock of partners (CSV: {';'.join(COLUMNS)}): all of it, or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        add_language(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["path"]
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path.name} can't be read: {error}") from None
        try:
            done = import_stock(text, file=path.name, catalogue=current_snapshot())
        except CatalogueInvalid as error:
            lines = lines_of(error.problems, language=options["language"])
            raise CommandError(f"{lines}\nNothing was imported.") from None
        self.stdout.write(
            f"{done.added} records are new, {done.changed} changed, {done.same} were so already."
        )
        if done.ended:
            self.stdout.write(f"No longer on sale: {', '.join(done.ended)}.")
