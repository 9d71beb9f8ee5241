"""Commands that take in one file: all of it, or nothing and what is wrong with it."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.importer.sources import CatalogueInvalid
from catalogue.management.speaking import add_language, lines_of


class FileCommand(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        add_language(parser)

    def take_in(self, text: str, *, file: str) -> Iterator[str]:
        """Take in what the file of that name says; the sentences that tell what was done.

        Raises:
            CatalogueInvalid: the file has faults; nothing was taken in.
        """
        raise NotImplementedError

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["path"]
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path.name} can't be read: {error}") from None
        try:
            for sentence in self.take_in(text, file=path.name):
                self.stdout.write(sentence)
        except CatalogueInvalid as error:
            lines = lines_of(error.problems, language=options["language"])
            raise CommandError(f"{lines}\nNothing was imported.") from None
