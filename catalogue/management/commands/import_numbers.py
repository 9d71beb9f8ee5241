"""`import_numbers FILE`: add ranges of telephone numbers to the pool, or say what is wrong."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.importer.sources import CatalogueInvalid
from catalogue.management.speaking import add_language, lines_of
from catalogue.selectors import current_snapshot
from catalogue.services.number_import import import_numbers


class Command(BaseCommand):
    help = "Add ranges of numbers (CSV: first;last;class) to the pool: all of them, or none."

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
            added = import_numbers(text, file=path.name, catalogue=current_snapshot())
        except CatalogueInvalid as error:
            lines = lines_of(error.problems, language=options["language"])
            raise CommandError(f"{lines}\nNothing was imported.") from None
        self.stdout.write(f"{added} numbers are new.")
