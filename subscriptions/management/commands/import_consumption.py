"""`import_consumption FILE`: take in what lines used, or say what is wrong with the file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.management.speaking import add_language, lines_of
from subscriptions.services.consumption_file import (
    COLUMNS,
    ConsumptionFileInvalid,
    import_consumption,
)


class Command(BaseCommand):
    help = f"Take in what lines used (CSV: {';'.join(COLUMNS)}): all of it, or nothing."

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
            done = import_consumption(text, file=path.name)
        except ConsumptionFileInvalid as error:
            lines = lines_of(error.problems, language=options["language"])
            raise CommandError(f"{lines}\nNothing was imported.") from None
        self.stdout.write(
            f"{done.added} records are new, {done.replaced} replaced an earlier count, "
            f"{done.same} changed nothing."
        )
