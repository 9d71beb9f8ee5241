"""A number that another operator asks for: judged at once, and let go on its day.

The clearing house calls back; each message is stored once, then read by a timer. The donor has two
working days for his answer (decision 2012-0576, article 10); ours needs none of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from catalogue.services import numbers
from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.events import timers
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Conflict, InvalidInput, Unknown
from commerce.kernel.money import Money
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.selectors import purchase_order_of
from commerce.ordering.services.changes import place_change
from commerce.ordering.services.line_discounts import TAKE_BACK
from commerce.ordering.services.open_changes import (
    ends_at_once,
    open_ends,
    open_passing_on,
    take_turns,
)
from commerce.ordering.services.place import Checkout
from commerce.ordering.services.withdrawing import quote_withdrawal, withdraw, withdrawable
from orchestration.actions import provider
from orchestration.domain.porting import (
    OUT_OVER,
    Claim,
    Direction,
    PortState,
    Served,
    answer_due,
    judge,
)
from orchestration.models import Porting, PortingCall, ProviderCallback
from orchestration.porting import book, calls, telling
from orchestration.porting.calls import HOUSE
from orchestration.porting.rio import key_of, may_leave
from orchestration.ports import PortOutAnswer, ProviderEvent
from orchestration.services.callbacks import receive
from orchestration.services.health import note_silence
from orchestration.services.making_way import make_way
from subscriptions.contracts.lines import Line, line_of, line_of_subscription
from subscriptions.contracts.services.number import note_leaving
from subscriptions.domain.states import ENDING, ChangeKind

PREFIX = "portout."
TIMER = "porting.out"
END = "porting.gone"
ASK = "porting.ask_out"
ASKED_AT = time(21, 0)
"""Local time: after the last slot of a day."""


@transaction.atomic
def take_in(*, provider_code: str, request_key: str, event: ProviderEvent) -> None:
    """Store the message, once per its id; it is read at once, by a worker."""
    if receive(provider_code=provider_code, request_key=request_key, events=[event]):
        timers.soon(key=f"{TIMER}:{event.id}", handler=TIMER, payload={"callback": event.id})


@transaction.atomic
def on_heard(payload: Mapping[str, Any]) -> None:
    """Timer. May be called again: a message is read once.

    Raises:
        Conflict: `porting_unknown`: it is about a porting of which nothing was read yet; the timer
            comes back, and after some tries an operator sees it.
    """
    rows = ProviderCallback.objects.select_for_update()
    callback = rows.get(callback_id=payload["callback"])
    if callback.processed:
        return
    callback.processed = True
    callback.save(update_fields=["processed"])
    data = callback.data
    kind = callback.type.removeprefix(PREFIX)
    if kind == "returned":
        numbers.come_back(str(data["msisdn"]))
        return
    if kind not in _READERS:
        return
    porting = _requested(data) if kind == "requested" else _known(data)
    if porting is not None:
        book.note(porting, "received", callback.type, data, by="clearing house")
        _READERS[kind](porting, data)


def _requested(data: Mapping[str, Any]) -> Porting | None:
    """A new porting; None if it is known already."""
    now, today = business_now(), business_today()
    found, fresh = Porting.objects.get_or_create(
        reference=str(data["porting_id"]),
        defaults={
            "direction": Direction.OUT,
            "porting_id": str(data["porting_id"]),
            "msisdn": book.pack().normalise_number(str(data["msisdn"])),
            "rio": str(data.get("rio", ""))[:12].upper(),
            "operator": str(data.get("recipient_operator", ""))[:2],
            "state": PortState.RECEIVED,
            "day": date.fromisoformat(data["wished_on"]) if data.get("wished_on") else None,
            "slot": str(data.get("slot", "")),
            "requested_on": today,
            "due_on": answer_due(received_on=today, pack=book.pack()),
            "created_at": now,
            "changed_at": now,
        },
    )
    return found if fresh else None


def _known(data: Mapping[str, Any]) -> Porting:
    """Raises Conflict `porting_unknown`."""
    rows = Porting.objects.select_for_update().filter(direction=Direction.OUT)
    found = rows.filter(reference=str(data["porting_id"])).first()
    if found is None:
        raise Conflict("Its request has not been read yet.", code="porting_unknown")
    return found


def _judge(porting: Porting, data: Mapping[str, Any]) -> None:
    """Check number and RIO by its key and by the contract, and answer."""
    line = line_of(porting.msisdn)
    refusal = judge(
        Claim(porting.msisdn, porting.rio, business_today()),
        _served(line, porting),
        well_formed=_well_formed(porting),
    )
    if line is not None:
        porting.subscription_id, porting.party_id = line.subscription_id, line.party_id
        porting.order_number, porting.group = line.order_number, line.group
    book.note(porting, "state", PortState.RECEIVED)
    if refusal is None:
        book.move(porting, PortState.ELIGIBLE)
        if line is not None:
            _keep_holder(line)
        calls.ask(porting, "answer", PortOutAnswer(porting.porting_id, True), by="system")
        _ask_on(porting)
        return
    porting.motive, porting.detail = refusal.motive, refusal.detail
    said = {"motive": refusal.motive, "detail": refusal.detail}
    book.move(porting, PortState.INELIGIBLE, data=said)
    no = PortOutAnswer(porting.porting_id, False, refusal.motive, refusal.detail)
    calls.ask(porting, "answer", no, by="system")


def _keep_holder(line: Line) -> None:
    """Whose number leaves keeps his line until then: it was he who asked for it. So an order by
    which it goes to another holder is called off, and nobody is asked for it meanwhile."""
    take_turns(line.subscription_id)
    note_leaving(line.subscription_id, leaves=True)
    for number, party_id in open_passing_on(line.subscription_id):
        payload = {"number": number, "party": party_id}
        timers.soon(key=f"{TAKE_BACK}:{number}", handler=TAKE_BACK, payload=payload)


def _served(line: Line | None, porting: Porting) -> Served:
    others = Porting.objects.filter(direction=Direction.OUT, msisdn=porting.msisdn)
    open_ = others.exclude(pk=porting.pk).exclude(state__in=[*OUT_OVER])
    return Served(
        rio=key_of(line) if line is not None else None,
        active=line is not None and may_leave(line),
        leaving=open_.exists(),
    )


def _well_formed(porting: Porting) -> bool:
    try:
        book.pack().check_port_key(number=porting.msisdn, key=porting.rio)
    except InvalidInput:
        return False
    return True


def _schedule(porting: Porting, data: Mapping[str, Any]) -> None:
    if porting.state in OUT_OVER or porting.state == PortState.RECEIVED:
        return
    porting.day, porting.slot = date.fromisoformat(data["date"]), str(data["slot"])
    planned = {"date": str(porting.day), "slot": porting.slot}
    book.move(porting, PortState.SCHEDULED, data=planned)
    _ask_on(porting)
    telling.tell(porting, "porting_out")


def _complete(porting: Porting, data: Mapping[str, Any]) -> None:
    """Our line ends with the porting; what remains of a commitment is still due (L44-4).

    Of a number that rests after its contract's end nothing else is left to end.
    """
    if porting.state in OUT_OVER:
        return
    if porting.state == PortState.ELIGIBLE:
        book.move(porting, PortState.SCHEDULED)
    book.move(porting, PortState.PORTED)
    line = line_of(porting.msisdn)
    numbers.leave(porting.msisdn)
    if line is None:
        return
    if line.active:
        timers.soon(key=f"{END}:{porting.pk}", handler=END, payload={"porting": porting.pk})
    if line.commitment_ends_on is not None and line.commitment_ends_on > business_today():
        book.note(porting, "note", "commitment_due", {"until": str(line.commitment_ends_on)})
    telling.tell(porting, "porting_gone")


def _ask_on(porting: Porting, *, after: date | None = None) -> None:
    """The clearing house is asked on the evening of the day, and each evening after it."""
    day = max(porting.day or business_today(), after or date.min)
    due = datetime.combine(day, ASKED_AT, tzinfo=ZoneInfo(book.pack().time_zone))
    timers.schedule(
        key=f"{ASK}:{porting.pk}", handler=ASK, due_at=due, payload={"porting": porting.pk}
    )


def on_ask_due(payload: Mapping[str, Any]) -> bool:
    """Timer, business time; called with no transaction open: what was said and lost on the way is
    asked for by our own answer, as long as the porting is neither done nor dropped. Whether the
    clearing house has answered."""
    porting = Porting.objects.get(pk=payload["porting"])
    answer = PortingCall.objects.filter(porting=porting, action="answer").order_by("-pk").first()
    if porting.state in OUT_OVER or answer is None:
        return False
    answered = _hear(porting, answer)
    _ask_on(porting, after=business_today() + timedelta(days=1))
    return answered


def _hear(porting: Porting, answer: PortingCall) -> bool:
    try:
        events = provider(HOUSE).find(answer.key).events
    except Unknown as silence:
        note_silence(HOUSE, error=silence.message)
        return False
    for event in events:
        if event.type.startswith(PREFIX):
            take_in(provider_code=HOUSE, request_key=porting.reference, event=event)
    return True


def on_gone(payload: Mapping[str, Any]) -> None:
    """Timer; called with no transaction open: the contract ends by an order like any other, which
    bills what is still owed; within the days for withdrawing, by a withdrawal, for which nothing
    but the days used is. An end that is coming with notice is taken back first.

    Raises:
        Conflict, RuleViolated: it can't be taken back, or is not yet; the timer comes
            back, and after some tries an operator sees it.
    """
    porting = Porting.objects.get(pk=payload["porting"])
    line = line_of(porting.msisdn)
    if line is None or not line.active:
        return
    context = replace(SYSTEM, party_id=line.party_id)
    coming = open_ends(line.subscription_id)
    if any(ends_at_once(number) for number in coming):
        return
    for number in coming:
        make_way(context, number=number, note="number_gone")
    if line.group in withdrawable(context, number=line.order_number):
        number = _withdraw(context, line)
    else:
        number = _terminate(context, line)
    book.note(porting, "note", "contract_ends", {"order": number})


def _withdraw(context: AccountContext, line: Line) -> str:
    """Who takes his number away within the days pays the service up to then, and sends back what
    he got (consumer code, L121-83-2 of 2014, now about L224-31)."""
    of = {"number": line.order_number, "group": line.group}
    digest = quote_withdrawal(context, **of).digest()
    return withdraw(context, **of, digest=digest, ported=True).number


def _terminate(context: AccountContext, line: Line) -> str:
    return place_change(
        context,
        subscription_id=line.subscription_id,
        request=ChangeRequest(ChangeKind.TERMINATE, ported=True),
        checkout=Checkout(
            expected_total=Money.zero(),
            purchase_order=purchase_order_of(line.order_number) if line.business else "",
        ),
    ).number


def _fail(porting: Porting, data: Mapping[str, Any]) -> None:
    """Our line works as before, until a new date is told."""
    if porting.state == PortState.SCHEDULED:
        book.move(porting, PortState.FAILED)


def _cancel(porting: Porting, data: Mapping[str, Any]) -> None:
    if porting.state not in OUT_OVER:
        book.move(porting, PortState.CANCELLED)
        if porting.subscription_id is not None:
            note_leaving(porting.subscription_id, leaves=False)


_READERS = {
    "requested": _judge,
    "scheduled": _schedule,
    "completed": _complete,
    "failed": _fail,
    "cancelled": _cancel,
}


def on_contract_changed(payload: Mapping[str, Any]) -> None:
    """A contract ended otherwise: its number rests, or goes back to the operator it came from."""
    if payload["kind"] not in ENDING:
        return
    line = line_of_subscription(payload["subscription_id"])
    if line is not None and line.msisdn and line_of(line.msisdn) == line:
        numbers.retire_number(line.msisdn)
