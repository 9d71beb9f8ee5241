"""Telling people: written with what it tells of, sent once."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.template import TemplateDoesNotExist
from django.template.loader import get_template, render_to_string
from django.utils.module_loading import import_string

from commerce.accounts.selectors import legal_identities, reach
from commerce.events.timers import soon
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import InvalidInput, Refused, RuleViolated
from commerce.notifications.models import Message, MessageChannel, MessageState
from commerce.notifications.ports import Letter, Letters, Messages, OutgoingMessage
from commerce.rows import Given, Prepared, insert

TIMER = "notifications.send"
POST_TIMER = "notifications.post"
"""Of letters: another provider, which may be out while the carrier of messages is not."""
FALLBACK_LANGUAGE = "fr"
_MESSAGE = Prepared(lambda: Message.objects.filter(pk=Given("id")))


def send(
    *,
    code: str,
    values: Mapping[str, Any],
    reference: str,
    party_id: int | None = None,
    to: str = "",
    language: str = "",
    channel: MessageChannel | str | None = None,
    by_post: bool = False,
) -> None:
    """Write the message `code` to the party (or to `to`) and have it sent soon.

    In the caller's transaction; a `reference` that was used before sends nothing. By SMS where the
    message has such a text and a phone is known, else by e-mail; `to` decides by its own form.
    `by_post`: where what is known reaches nobody with this message, as a letter to the party's
    address. Nobody to tell (no address at all) is no error: nothing is written.

    Raises:
        RuleViolated: `unknown_message`: no text of that code in any language.
        InvalidInput: neither a party nor an address is given.
    """
    phone, email = _addresses(to)
    if party_id is not None:
        facts = reach(party_id)
        language = language or facts.language
        if not to:
            phone, email = facts.phone, facts.email
    elif not to:
        raise InvalidInput("A message needs somebody to go to.", code="no_addressee", field="to")
    language = language or FALLBACK_LANGUAGE
    by = MessageChannel(channel) if channel else _channel(code, phone=phone, email=email)
    address = phone if by == MessageChannel.SMS else email
    if not address and by_post and party_id is not None and _has(code, "txt"):
        by, address = MessageChannel.POST, envelope(party_id)
    if not address:
        return
    extension = "sms" if by == MessageChannel.SMS else "txt"
    context = {**values, "public_url": settings.PUBLIC_URL}
    try:
        with transaction.atomic():
            message = Message(
                reference=reference,
                party_id=party_id,
                code=code,
                channel=by,
                to=address,
                language=language,
                subject=""
                if by == MessageChannel.SMS
                else _text(code, language, "subject", context)[:200],
                text=_text(code, language, extension, context),
                created_at=business_now(),
            )
            insert([message])
    except IntegrityError:
        return
    timer = POST_TIMER if by == MessageChannel.POST else TIMER
    soon(key=f"{timer}:{message.pk}", handler=timer, payload={"message_id": message.pk})


def way_to(party_id: int, *, code: str) -> MessageChannel | None:
    """As `ways_to`, of one message."""
    return ways_to(party_id, [code])[code]


def ways_to(party_id: int, codes: Iterable[str]) -> Mapping[str, MessageChannel | None]:
    """How each of these messages, which have to reach the party, does: by e-mail, else by SMS where
    it has such a text, else by post; None: not at all. Two queries at most."""
    whom = reach(party_id)
    found: dict[str, MessageChannel | None] = {}
    for code in codes:
        if whom.email and _has(code, "txt"):
            found[code] = MessageChannel.EMAIL
        else:
            found[code] = MessageChannel.SMS if whom.phone and _has(code, "sms") else None
    letters_of = [code for code, way in found.items() if way is None and _has(code, "txt")]
    if letters_of and envelope(party_id):
        found.update(dict.fromkeys(letters_of, MessageChannel.POST))
    return found


def envelope(party_id: int) -> str:
    """The lines of a letter to the party; empty where no whole address is known."""
    whom = legal_identities([party_id]).get(party_id)
    if whom is None or not (whom.line1 and whom.postcode and whom.city):
        return ""
    lines = (whom.name, whom.line1, whom.line2, f"{whom.postcode} {whom.city}")
    return "\n".join(line[:60] for line in lines if line)


def carry_out(payload: Mapping[str, Any]) -> bool:
    """Timer: hand one message over, once. May be called again after a crash at any line.

    A message whose sending was begun before is asked for first. Answers whether the carrier was
    asked for anything.
    """
    (message,) = _MESSAGE.rows(id=payload["message_id"])
    if message.state in (MessageState.SENT, MessageState.FAILED):
        return False
    begun = message.state != MessageState.QUEUED
    Message.objects.filter(pk=message.pk, state=message.state).update(
        state=MessageState.CLAIMED, attempts=F("attempts") + 1, claimed_at=machine_now()
    )
    try:
        by = letters() if message.channel == MessageChannel.POST else carrier()
        provider_id = by.find(message.reference) if begun else None
        if provider_id is None:
            provider_id = _hand_over(message)
    except Refused as refusal:
        _end(message, MessageState.FAILED, last_error=f"{refusal.code}: {refusal.message}"[:300])
    except Exception:
        _end(message, MessageState.UNKNOWN)
        raise
    else:
        _end(message, MessageState.SENT, provider_id=provider_id)
    return True


@cache
def carrier() -> Messages:
    """The carrier that the settings name; made once per process."""
    made: Messages = import_string(settings.ADAPTERS["messages"])()
    return made


@cache
def letters() -> Letters:
    """The postal provider that the settings name; made once per process."""
    made: Letters = import_string(settings.ADAPTERS["letters"])()
    return made


def _hand_over(message: Message) -> str:
    if message.channel == MessageChannel.POST:
        return letters().send_letter(
            Letter(
                reference=message.reference,
                lines=tuple(message.to.splitlines()),
                subject=message.subject,
                text=message.text,
                language=message.language,
            )
        )
    outgoing = OutgoingMessage(
        reference=message.reference, to=message.to, text=message.text, subject=message.subject
    )
    if message.channel == MessageChannel.SMS:
        return carrier().send_sms(outgoing)
    return carrier().send_email(outgoing)


def _end(message: Message, state: MessageState, **values: Any) -> None:
    Message.objects.filter(pk=message.pk, state=MessageState.CLAIMED).update(
        state=state, changed_at=machine_now(), **values
    )


def _addresses(to: str) -> tuple[str, str]:
    """(phone, e-mail) of which one is empty."""
    return ("", to) if "@" in to else (to, "")


def _channel(code: str, *, phone: str, email: str) -> MessageChannel:
    if phone and _has(code, "sms"):
        return MessageChannel.SMS
    if _has(code, "txt"):
        return MessageChannel.EMAIL
    if _has(code, "sms"):
        return MessageChannel.SMS
    raise RuleViolated(f"No message is called {code!r}.", code="unknown_message")


@cache
def _has(code: str, extension: str) -> bool:
    try:
        get_template(f"notifications/{FALLBACK_LANGUAGE}/{code}.{extension}")
    except TemplateDoesNotExist:
        return False
    return True


def _text(code: str, language: str, extension: str, values: Mapping[str, Any]) -> str:
    name = f"notifications/{{}}/{code}.{extension}"
    names = [name.format(language), name.format(FALLBACK_LANGUAGE)]
    return render_to_string(names, dict(values)).strip()
