"""`catalogue_releases [list|compare|rollback|withdraw]`: what is, was and will be sold."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.domain.differences import Difference, What, differences
from catalogue.domain.document import moment
from catalogue.selectors import current_release, document_of, releases
from catalogue.services.publishing import roll_back, withdraw
from commerce.accounts.identity import SYSTEM
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import FaisceauError

MARKS = {What.ADDED: "+", What.REMOVED: "-", What.CHANGED: "~"}


class Command(BaseCommand):
    help = "List the releases of the catalogue, compare two, go back to one, take one back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        listed = acts.add_parser("list", help="the latest releases")
        listed.add_argument("--limit", type=int, default=20)
        compared = acts.add_parser("compare", help="what differs, by offering, price, promotion")
        compared.add_argument("before", type=int)
        compared.add_argument("after", type=int)
        back = acts.add_parser("rollback", help="sell again what an earlier release sold")
        back.add_argument("to", type=int)
        back.add_argument("--at", help="a day or an instant (ISO 8601); default: now")
        taken = acts.add_parser("withdraw", help="take a release back before its day")
        taken.add_argument("release", type=int)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['act']}")(options)
        except FaisceauError as error:
            raise CommandError(error.message) from None

    def _list(self, options: dict[str, Any]) -> None:
        current = current_release()
        for each in releases(limit=options["limit"]):
            state = "withdrawn" if each.withdrawn else "  now" if each == current else ""
            day = each.published_at.astimezone(PARIS)
            self.stdout.write(f"{each.number:>5}  {day:%Y-%m-%d %H:%M}  {state:9}  {each.note}")

    def _compare(self, options: dict[str, Any]) -> None:
        before, after = (document_of(options[name]) for name in ("before", "after"))
        found = differences(before, after)
        for each in found:
            self.stdout.write(_line(each))
        self.stdout.write(f"{len(found)} differences.")

    def _rollback(self, options: dict[str, Any]) -> None:
        number = roll_back(to=options["to"], at=_moment(options["at"]) or business_now())
        self.stdout.write(f"Release {number} sells what release {options['to']} sold.")

    def _withdraw(self, options: dict[str, Any]) -> None:
        withdraw(SYSTEM, number=options["release"])
        self.stdout.write(f"Release {options['release']} will not be sold.")


def _moment(text: str | None) -> datetime | None:
    try:
        return moment(text)
    except ValueError:
        raise CommandError(f"{text} is neither a day nor an instant in ISO 8601.") from None


def _line(each: Difference) -> str:
    name = " ".join(part for part in (f"{each.section}/{each.code}", each.field) if part)
    change = (
        "" if each.before is None and each.after is None else f": {each.before} -> {each.after}"
    )
    return f"{MARKS[each.what]} {name}{change}"
