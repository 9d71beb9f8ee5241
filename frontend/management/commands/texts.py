"""Keep the French of the pages complete: collect, set typographically, compile."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from frontend import texts

FOLDERS = ("frontend", "commerce", "catalogue", "subscriptions", "promotions", "orchestration")


class Command(BaseCommand):
    help = "Collects the texts of the pages into the French .po file and compiles it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail on faults")
        parser.add_argument(
            "--compile", action="store_true", help="write only what Django reads, from the .po"
        )
        parser.add_argument("--prune", action="store_true", help="drop what no page says")

    def handle(self, *args: Any, check: bool, prune: bool, **options: Any) -> None:
        locale = Path(settings.LOCALE_PATHS[0])
        path = locale / "fr" / "LC_MESSAGES" / "django.po"
        if options["compile"]:
            texts.compiled(path)
            return
        catalog = texts.merge(texts.collect(locale.parents[1], FOLDERS), path, prune=prune)
        if not check:
            texts.set_all(catalog)
            texts.write(catalog, path)
        faults = texts.faults(catalog)
        for fault in faults:
            self.stderr.write(fault)
        if faults:
            raise CommandError(f"{len(faults)} texts need work in {path.name}")
        self.stdout.write(f"{len(catalog)} texts, all in French")
