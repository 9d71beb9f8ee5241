"""`manage.py clock`: see and move business time."""

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commerce.events.business_clock import (
    ClockStuck,
    advance_clock,
    offset,
    push_offset,
    virtual_now,
)
from commerce.kernel.clock import PARIS
from commerce.kernel.periods import add_months


class Command(BaseCommand):
    help = "Show or move business time (only where it is virtual)."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("show", help="business time and how far it is ahead")
        verbs.add_parser("sync", help="tell the sandboxes the offset again")
        advance = verbs.add_parser("advance", help="move forward, one due instant after another")
        how_far = advance.add_mutually_exclusive_group(required=True)
        how_far.add_argument("--to", type=datetime.fromisoformat, help="ISO 8601; Paris if no zone")
        how_far.add_argument("--days", type=int)
        how_far.add_argument("--months", type=int)
        advance.add_argument("--quiet-timeout", type=float, default=120.0, help="seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verb"] == "advance":
                advance_clock(to=_target(options), quiet_timeout=options["quiet_timeout"])
            elif options["verb"] == "sync":
                push_offset()
        except ClockStuck as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{virtual_now().isoformat()} (ahead by {offset()})")


def _target(options: dict[str, Any]) -> datetime:
    if options["to"] is not None:
        to: datetime = options["to"]
        return to if to.tzinfo else to.replace(tzinfo=PARIS)
    now = virtual_now()
    if options["days"] is not None:
        return now + timedelta(days=options["days"])
    local = now.astimezone(PARIS)
    day = add_months(local.date(), options["months"])
    return datetime.combine(day, local.time(), tzinfo=PARIS)
