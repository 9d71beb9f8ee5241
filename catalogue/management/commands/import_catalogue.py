"""`import_catalogue FILE_OR_DIR [--check]`: publish a catalogue, or say what is wrong with it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.importer.sources import CatalogueInvalid
from catalogue.management.speaking import add_language, lines_of
from catalogue.services.imports import check, import_catalogue
from commerce.kernel.clock import business_now


class Command(BaseCommand):
    help = "Publish the catalogue in a file or folder; the same catalogue makes no new release."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--check", action="store_true", help="only say what is wrong")
        parser.add_argument("--note", default="")
        add_language(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        path, at = options["path"], business_now()
        try:
            if options["check"]:
                accepted = check(path, at=at)
                self.stdout.write(f"{len(accepted.snapshot.offerings)} offerings, all in order.")
                return
            done = import_catalogue(path, at=at, note=options["note"])
        except CatalogueInvalid as error:
            lines = lines_of(error.problems, language=options["language"])
            count = len(error.problems)
            raise CommandError(f"{lines}\nNothing was imported: {count} to mend.") from None
        state = "is new" if done.created else "was there already"
        self.stdout.write(f"Release {done.release} with {done.offerings} offerings {state}.")
