"""`set_payer`: one party pays another's bills, as is known in writing; or does no longer."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.kernel.errors import FaisceauError
from subscriptions.accounts.payers import agreements_of
from subscriptions.accounts.services import payers
from subscriptions.domain.states import Side


class Command(BaseCommand):
    help = "Have a party pay another's bills: see docs/decisions/0039-who-pays-anothers-bills.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--party", type=int, required=True, help="whose bills are paid")
        parser.add_argument("--payer", type=int, help="the party that pays; none: it ends")
        parser.add_argument("--reason", required=True, help="what both sides read of it")
        parser.add_argument("--by", default="operator")

    def handle(self, *args: Any, **told: Any) -> None:
        context = AccountContext(
            actor=Actor(kind=ActorKind.SYSTEM, id=None, name=told["by"]),
            party_id=None,
            role=Role.OPERATOR,
            channel=Channel.WEB,
        )
        try:
            if told["payer"]:
                payers.set_payer(
                    context,
                    party_id=told["party"],
                    payer_party_id=told["payer"],
                    reason=told["reason"],
                )
            else:
                self._end(context, party_id=told["party"], reason=told["reason"])
        except FaisceauError as refusal:
            raise CommandError(f"{refusal.code}: {refusal.message}") from refusal
        for each in agreements_of(told["party"]):
            days = f"from {each.from_on} until {each.until_on or 'it is ended'}"
            self.stdout.write(f"{each.id} {each.side} {each.other} {days}")

    def _end(self, context: AccountContext, *, party_id: int, reason: str) -> None:
        found = [
            each for each in agreements_of(party_id) if each.side is Side.PAID and each.from_on
        ]
        if not found:
            raise CommandError("Nobody pays the bills of this party.")
        for each in found:
            payers.end(context, agreement_id=each.id, reason=reason)
