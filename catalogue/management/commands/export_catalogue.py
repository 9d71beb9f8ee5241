"""`export_catalogue FOLDER [--release N]`: the catalogue as readable files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.importer.writing import files_of
from catalogue.selectors import source_of
from commerce.kernel.errors import FaisceauError


class Command(BaseCommand):
    help = (
        "Write the catalogue of a release as YAML files, one per section. What import_catalogue"
        " makes of them is the same release; the same release gives the same bytes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="is made if it is not there; must be empty")
        parser.add_argument("--release", type=int, help="its number; default: the latest one")

    def handle(self, *_args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if folder.exists() and any(folder.iterdir()):
            raise CommandError(f"{folder} is not empty. Nothing was written.")
        try:
            number, data = source_of(options["release"])
        except FaisceauError as error:
            raise CommandError(error.message) from None
        folder.mkdir(parents=True, exist_ok=True)
        files = files_of(data)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        self.stdout.write(f"Release {number}: {len(files)} files in {folder}.")
