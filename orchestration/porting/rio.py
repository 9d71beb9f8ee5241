"""The RIO of each of our lines: what lets its number leave us. Never withheld, whatever is owed."""

import secrets
import string
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.services import timeline
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import NotFound, RuleViolated
from commerce.notifications.services import send
from commerce.ordering.services.numbering import has_temporary_number
from orchestration.domain.porting import OUR_OPERATOR
from orchestration.models import LineReference
from orchestration.porting import book
from subscriptions.contracts.lines import Line, line_of_subscription
from subscriptions.domain.views import SubscriptionView

LETTERS = string.digits + string.ascii_uppercase


def rio_of(line: Line) -> str | None:
    """Made from the number and what was drawn for the contract, so it is there with the activation;
    until 40 days after the end. None then, and for what is no mobile line."""
    return key_of(line) if may_leave(line) else None


def has_rio(line: Line | SubscriptionView) -> bool:
    """Whether `rio_of` would name one; draws none."""
    return bool(line.msisdn) and book.pack().is_mobile(line.msisdn) and may_leave(line)


def may_leave(line: Line | SubscriptionView) -> bool:
    """Whether its number can go to another operator: while the contract runs and 40 days after."""
    kept = timedelta(days=book.pack().porting_rules().recoverable_days)
    return line.ended_on is None or business_today() <= line.ended_on + kept


def key_of(line: Line) -> str | None:
    """The RIO that the line has, or once had; None for what is no mobile line."""
    pack = book.pack()
    if not line.msisdn or not pack.is_mobile(line.msisdn):
        return None
    return pack.port_key_of(
        number=line.msisdn,
        operator=OUR_OPERATOR,
        business=line.business,
        contract=_reference(line.subscription_id),
    )


def _reference(subscription_id: int) -> str:
    """Drawn when it is first asked for, and the same ever after."""
    drawn = "".join(secrets.choice(LETTERS) for _ in range(6))
    found, _ = LineReference.objects.get_or_create(
        subscription_id=subscription_id, defaults={"reference": drawn}
    )
    return found.reference


def rio_of_subscription(subscription_id: int) -> str:
    """For the pages; empty if there is none."""
    line = line_of_subscription(subscription_id)
    return (rio_of(line) or "") if line is not None else ""


def on_subscription_activated(payload: Mapping[str, Any]) -> None:
    """The customer gets it by SMS on the day of the activation (decision 2012-0576, article 13).

    A firm's lines are many: it reads theirs on their pages. Of a number that the line has only
    until another comes none is told, but once it is known which one it keeps.
    """
    if not has_temporary_number(payload["order_number"], group=payload["group"]):
        tell_rio(payload["subscription_id"], about="rio")


def tell_rio(subscription_id: int, *, about: str) -> None:
    """Once for what it is `about`."""
    line = line_of_subscription(subscription_id)
    rio = rio_of(line) if line is not None and not line.business else None
    if line is None or rio is None:
        return
    _tell(line, rio, reference=f"{line.order_number}/{line.group}/{about}"[:120])


@transaction.atomic
def send_rio(context: AccountContext, *, subscription_id: int) -> None:
    """An agent has the RIO of a caller's line sent to him, as 3179 does: by SMS to the telephone
    that we know. Once a minute; the timeline keeps who asked for it, never the RIO itself.

    Also for a line that stands still, whatever is owed for it (decision 2012-0576, article 9).

    Raises:
        Forbidden: `caller_not_verified`. NotFound: `unknown_subscription`: none of the caller's.
        RuleViolated: `line_without_rio`: no mobile line, or ended too long ago.
    """
    require_verified(context)
    line = line_of_subscription(subscription_id)
    if line is None or line.party_id != context.party_id:
        raise NotFound("There is no such contract.", code="unknown_subscription")
    rio = rio_of(line)
    if rio is None:
        raise RuleViolated("This line has no RIO (any more).", code="line_without_rio")
    _tell(line, rio, reference=f"rio/{line.subscription_id}/{business_now():%Y%m%d%H%M}")
    timeline.record(
        party_id=line.party_id,
        kind=EntryKind.SUBSCRIPTION,
        code="rio_sent",
        context=context,
        values={"number": line.msisdn},
    )


def _tell(line: Line, rio: str, *, reference: str) -> None:
    send(
        party_id=line.party_id,
        code="line_rio",
        values={"msisdn": book.pack().display_number(line.msisdn), "rio": rio},
        reference=reference,
    )
