"""`import_tmf620 FILE [--name NAME]`: a TM Forum TMF620 export of others, as a draft."""

import json
from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.management.speaking import add_language, told
from catalogue.services.drafts import findings
from catalogue.services.foreign import open_draft_of_tmf620
from commerce.accounts.identity import SYSTEM
from commerce.kernel.errors import FaisceauError


class Command(BaseCommand):
    help = (
        "Begin a draft with a TMF620 (v4) export: JSON with productOffering,"
        " productSpecification, productOfferingPrice and category. Tells every field that has no"
        " counterpart, everything that was assumed, and what the draft still lacks."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--name", default="", help="of the draft; default: the file's name")
        add_language(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            export = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
            draft_id, left = open_draft_of_tmf620(
                SYSTEM, name=options["name"] or file.stem, export=export, origin=file.name
            )
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from None
        except json.JSONDecodeError as error:
            raise CommandError(f"{file}:{error.lineno}: This is not JSON: {error.msg}.") from None
        except FaisceauError as error:
            raise CommandError(f"{file}: {error.message}") from None
        for each in left:
            self.stdout.write(f"left: {each}")
        lacking = findings(draft_id)
        for finding in lacking:
            said = told(finding.message, language=options["language"])
            place = f"{finding.section}/{finding.key}:{finding.line}: {finding.field}"
            self.stdout.write(f"to mend: {place}: {said}")
        self.stdout.write(f"Draft {draft_id}: {len(left)} left or assumed, {len(lacking)} to mend.")
