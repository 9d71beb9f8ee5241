"""`announce_terms`: a change of running contracts, as data; its holders are told in time."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError

from commerce.kernel.errors import FaisceauError
from subscriptions.contracts.services.terms import (
    Announcement,
    announce_terms,
    contracts_touched,
)
from subscriptions.contracts.terms import progress_of


class Command(BaseCommand):
    help = "Announce a change of running contracts: see docs/decisions/0034-changes-we-make.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="YAML")
        parser.add_argument("--by", default="operator")
        parser.add_argument("--dry-run", action="store_true", help="only say how many it touches")
        parser.add_argument("--progress", action="store_true", help="what became of it")

    def handle(self, *args: Any, **told: Any) -> None:
        announced = _read(told["file"])
        try:
            self.stdout.write(_done(announced, told))
        except FaisceauError as refusal:
            raise CommandError(refusal.message) from refusal


def _done(announced: Announcement, told: dict[str, Any]) -> str:
    if told["progress"]:
        found = progress_of(announced.code)
        return (
            f"told {found.told}, unreachable {found.unreachable}, applied {found.applied}, "
            f"left {found.left}, refused {found.refused}"
        )
    if not told["dry_run"]:
        announce_terms(announced, by=told["by"])
    return f"{contracts_touched(announced)} contracts"


def _read(path: Path) -> Announcement:
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        from_on = date.fromisoformat(str(said.pop("from_on")))
        return Announcement(**said, from_on=from_on)
    except (OSError, yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from error
