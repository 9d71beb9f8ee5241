"""`trial DRAFT [--days N] [--seconds N] [--orders]`: what a draft's promotions would have cost.

The promotions of a draft against those of the release in force, on the orders of the last days, and
on sample carts. Every order is tried, page by page; where the time is over it says how far it came
and with which order to go on (`--after`).
"""

from argparse import ArgumentParser
from datetime import timedelta
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.management.speaking import add_language, told
from commerce.kernel.clock import business_now
from commerce.kernel.errors import FaisceauError
from commerce.ordering.domain.trial import Change, Effect, Side, Tried
from commerce.ordering.trials import INSTANT, on_samples, trial_page

PAGE = 200
"""Orders that are tried at a time."""


class Command(BaseCommand):
    help = "Try the promotions of a draft on real orders and sample carts, against those in force."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("draft", type=int)
        parser.add_argument("--days", type=int, default=30, help="orders of so many days")
        parser.add_argument("--after", default="", help="go on after the order of that number")
        parser.add_argument("--seconds", type=int, default=600, help="stop after so long")
        parser.add_argument("--orders", action="store_true", help="tell each order that changes")
        add_language(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self._try(options)
        except FaisceauError as error:
            said = told(error.message, language=options["language"])
            place = f"{error.detail['field']}: " if "field" in error.detail else ""
            raise CommandError(f"{place}{said}") from None

    def _try(self, options: dict[str, Any]) -> None:
        until = business_now() + INSTANT
        since, ends = until - timedelta(days=options["days"]), monotonic() + options["seconds"]
        tried: Tried | None = None
        after, more = options["after"], True
        while more:
            page = trial_page(
                options["draft"], since=since, until=until, after=after, limit=PAGE, tried=tried
            )
            tried = page.tried
            for effect in page.effects if options["orders"] else ():
                self.stdout.write(_of_order(effect))
            after, more = page.last or "", page.last is not None and monotonic() < ends
        self._sums(page.change, page.tried)
        for sample in on_samples(page.change):
            said = "-" if sample.effect is None else _of_order(sample.effect)
            self.stdout.write(f"sample {sample.name.in_(options['language'])}: {said}")
        if after:
            self.stdout.write(f"The time is over. Go on with --after {after}.")

    def _sums(self, change: Change, tried: Tried) -> None:
        for code in change.codes:
            had, gets = (tried.given[side, code] for side in Side)
            self.stdout.write(f"{code}: {had} orders had it, {gets} would have it")
        for basis, total in tried.totals.items():
            self.stdout.write(
                f"{basis}: {total.sales} orders, {total.today} today,"
                f" {total.commitment} over the commitment"
            )
        self.stdout.write(f"{tried.applied} of {tried.seen} orders.")


def _of_order(effect: Effect) -> str:
    names = ",".join((*(f"-{code}" for code in effect.had), *(f"+{code}" for code in effect.gets)))
    return f"{effect.name} {effect.today} {effect.commitment} {names}"
