"""`load_demo [--json FILE]`: invented people and a merchant, and a catalogue if nothing is sold."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalogue.selectors import current_release
from catalogue.services.imports import import_catalogue
from commerce.accounts.demo import load_demo_people
from commerce.kernel.clock import business_now
from commerce.kernel.errors import FaisceauError
from subscriptions.carrier.demo import load_demo_merchant

DEMO = settings.BASE_DIR / "catalogue" / "demo"


class Command(BaseCommand):
    help = "Load demo people, a merchant and, when nothing is sold yet, the catalogue. Repeatable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", type=Path, help="write logins and API clients to this file")

    def handle(self, *_args: Any, **options: Any) -> None:
        credentials = load_demo_people()
        try:
            credentials["api_clients"].append(load_demo_merchant(settings.MERCHANT_URL))
        except FaisceauError as error:
            raise CommandError(f"MERCHANT_URL: {error.message}") from error
        at = business_now()
        if current_release(at) is None:
            done = import_catalogue(DEMO, at=at)
            self.stdout.write(f"Release {done.release} with {done.offerings} offerings is new.")
        if options["json"]:
            try:
                _write(options["json"], credentials)
            except OSError as error:
                raise CommandError(f"{options['json']} can't be written: {error}") from error


def _write(path: Path, credentials: dict[str, list[dict[str, str]]]) -> None:
    """Passwords are in it, so that only its owner may read it."""
    logins = [{**login, "login": login["email"]} for login in credentials["logins"]]
    text = json.dumps({**credentials, "logins": logins}, indent=2, ensure_ascii=False)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
