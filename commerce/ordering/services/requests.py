"""Ending a contract, or withdrawing from it, in writing and without an account.

The wish is received, acknowledged on a durable medium and put before an agent; the change itself
is a later act: his, or the customer's own where all that he said agrees with what we know.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import RequestKind
from commerce.accounts.models import Party
from commerce.accounts.services.requests import Statement, receive_request
from commerce.accounts.written import ContractRequestFacts
from commerce.kernel.clock import business_today
from commerce.kernel.errors import InvalidInput
from commerce.markets.pack import market
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send
from commerce.ordering.models import Order
from commerce.ordering.services.confirming import confirmation_link
from commerce.ordering.services.terminating import check_motive
from subscriptions.contracts.finding import parties_of

SAID = {"fr": "dès que possible", "en": "as soon as possible"}


@transaction.atomic
def ask_in_writing(context: AccountContext, *, statement: Statement) -> ContractRequestFacts:
    """Receive the statement and acknowledge it by e-mail with its content, day and hour.

    It is laid to the customer whose contract, bill or line it names if also the e-mail address or
    the name is his; else an agent finds out whose it is. The caller learns nothing of that.

    Raises:
        InvalidInput: `number_invalid`, `day_passed`, `motive`, or what `receive_request` refuses.
    """
    number = ""
    if statement.line_number.strip():
        number = _checked_number(statement.line_number)
    if statement.wished_on is not None and statement.wished_on < business_today():
        raise InvalidInput("Choose a day from today on.", code="day_passed", field="wished_on")
    check_motive(statement.motive)
    statement = replace(statement, line_number=number)
    received = receive_request(statement, context=context, party_id=_whose(context, statement))
    _acknowledge(received)
    return received


def _checked_number(text: str) -> str:
    try:
        return market(settings.MARKET).normalise_number(text)
    except InvalidInput as error:
        raise InvalidInput(error.message, code=error.code, field="line_number") from None


def _whose(context: AccountContext, statement: Statement) -> int | None:
    contract = statement.contract.strip().upper()
    found = set(parties_of(reference=contract, msisdn=statement.line_number))
    found.update(Order.objects.filter(number=contract).values_list("party_id", flat=True))
    if context.party_id in found:
        return context.party_id
    email, name = statement.email.strip().lower(), statement.name.strip().casefold()
    for party in Party.objects.filter(pk__in=found).order_by("pk"):
        if party.email.lower() == email or party.display_name.casefold() == name:
            return party.pk
    return None


def _motive(received: ContractRequestFacts) -> Mapping[str, str] | None:
    """By language."""
    motives = market(settings.MARKET).termination_rules().motives
    return motives[received.motive] if received.motive else None


def _acknowledge(received: ContractRequestFacts) -> None:
    language = received.language if received.language in SAID else "fr"
    at = timezone.localtime(received.received_at)
    values: dict[str, Any] = {
        "reference": received.reference,
        "name": received.name,
        "email": received.email,
        "contract": received.contract,
        "line": received.line_number,
        "message": received.message,
        "received": at.strftime("%d/%m/%Y, %H:%M"),
        "wished": received.wished_on.strftime("%d/%m/%Y") if received.wished_on else SAID[language],
        "confirm": confirmation_link(received),
        "motive": _motive(received),
    }
    send(
        code="request_end" if received.kind is RequestKind.END else "request_withdraw",
        to=received.email,
        language=language,
        channel=MessageChannel.EMAIL,
        values=values,
        reference=f"request/{received.reference}",
    )
