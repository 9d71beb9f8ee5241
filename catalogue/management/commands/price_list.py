"""`price_list export|import`: every price as CSV, out of a release and into a draft."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from catalogue.importer.sources import CatalogueInvalid
from catalogue.management.speaking import add_language, lines_of
from catalogue.services.drafts import open_draft
from catalogue.services.price_lists import prices_of_release, take_in
from commerce.accounts.identity import SYSTEM
from commerce.kernel.errors import FaisceauError


class Command(BaseCommand):
    help = "Write all prices of a release as CSV, or begin a draft with those of a CSV file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        out = acts.add_parser("export", help="the prices of a release")
        out.add_argument("file", type=Path)
        out.add_argument("--release", type=int, help="its number; default: the latest one")
        into = acts.add_parser("import", help="a draft with these prices: all of them or none")
        into.add_argument("file", type=Path)
        into.add_argument("--name", default="", help="of the draft; default: the file's name")
        add_language(into)

    def handle(self, *_args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            if options["act"] == "export":
                text = prices_of_release(options["release"])
                file.write_text(text, encoding="utf-8-sig", newline="")
                self.stdout.write(f"{text.count(chr(10)) - 1} prices in {file}.")
                return
            text = file.read_text(encoding="utf-8-sig")
            with_prices = self._draft(options["name"] or file.stem, text, file=file.name)
            self.stdout.write(with_prices)
        except CatalogueInvalid as error:
            count = len(error.problems)
            lines = lines_of(error.problems, language=options["language"])
            raise CommandError(f"{lines}\nNothing was taken in: {count} to mend.") from None
        except FaisceauError as error:
            raise CommandError(error.message) from None

    @transaction.atomic
    def _draft(self, name: str, text: str, *, file: str) -> str:
        draft_id = open_draft(SYSTEM, name=name)
        changed = take_in(SYSTEM, draft_id=draft_id, text=text, file=file)
        return f"Draft {draft_id}: {changed} parts have other prices."
