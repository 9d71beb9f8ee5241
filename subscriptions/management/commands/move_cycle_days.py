"""`move_cycle_days`: many accounts from one cycle day to another, each for itself."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.kernel.errors import FaisceauError
from subscriptions.contracts.services.cycle_day import move_cycle_day, show_move
from subscriptions.models import BillingAccount


class Command(BaseCommand):
    help = "Move the bill day of many accounts: see docs/decisions/0038-another-bill-day.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="former", type=int, required=True, help="1 to 28")
        parser.add_argument("--to", dest="day", type=int, required=True, help="1 to 28")
        parser.add_argument("--reason", required=True, help="what customers read of it")
        parser.add_argument("--by", default="operator")
        parser.add_argument("--most", type=int, default=0, help="so many accounts at most; 0: all")
        parser.add_argument("--dry-run", action="store_true", help="try each and keep nothing")

    def handle(self, *args: Any, **told: Any) -> None:
        if not told["reason"].strip():
            raise CommandError("Say why.")
        rows = BillingAccount.objects.filter(cycle_day=told["former"]).order_by("pk")
        parties = list(rows.values_list("party_id", flat=True)[: told["most"] or None])
        done: Counter[str] = Counter()
        for party in parties:
            done[_moved(party, **told)] += 1
        for outcome, count in sorted(done.items()):
            self.stdout.write(f"{outcome} {count}")


def _moved(party_id: int, *, day: int, reason: str, by: str, dry_run: bool, **_: Any) -> str:
    context = AccountContext(
        actor=Actor(kind=ActorKind.SYSTEM, id=None, name=by),
        party_id=party_id,
        role=Role.OPERATOR,
        channel=Channel.WEB,
    )
    try:
        if dry_run:
            show_move(context, day=day)
        else:
            move_cycle_day(context, day=day, reason=reason)
    except FaisceauError as refusal:
        return refusal.code
    return "moved"
