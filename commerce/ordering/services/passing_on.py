"""A customer wants somebody else to have his line: asked of that one by a link."""

import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q

from catalogue.domain.model import Kind, Segment, Snapshot
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.services import timeline
from commerce.accounts.services.consents import record_consent
from commerce.events import timers
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.kernel.links import token_digest
from commerce.notifications.services import send
from commerce.ordering.domain.holder import (
    ASKED_A_DAY,
    FARTHEST,
    GIVEN_UP,
    GOOD_FOR,
    HOLDER_LIFE,
    TEXT_VERSION,
    HolderState,
)
from commerce.ordering.models import HolderChange, Order
from commerce.ordering.services import links
from commerce.ordering.services.changed_line import (
    check_may,
    check_number_here,
    has_recipe,
    kind_of,
    segment_of,
)
from commerce.ordering.services.numbering import one_at_a_time
from commerce.ordering.services.open_changes import (
    change_under_way,
    open_change,
    open_stops,
    take_turns,
)
from commerce.ordering.services.pricing import pricing_now
from subscriptions.collection.instalments import is_paying_in_parts
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import ChangeKind, SubscriptionStatus
from subscriptions.domain.views import ItemView, SubscriptionView
from subscriptions.dunning.selectors import owes_overdue

TIMER = "ordering.holder"


@transaction.atomic
def pass_on(
    context: AccountContext, *, subscription_id: int, email: str, on: date | None = None
) -> None:
    """Ask who has the address `email` whether he takes the line over, as it stands; it goes with
    the first month of the contract that begins `on` that day or later, else with the next one.

    Nothing changes until he accepts; he has fourteen days for it.

    Raises:
        NotFound: `unknown_subscription`.
        Forbidden: `viewer`, `members_only`, or `caller_not_verified` for an agent.
        InvalidInput: `email`: it is none; `holder_day`: past, or too far ahead.
        RuleViolated: `already_passed_on`, `asked_too_often`, `own_line`, or as `check_can_go`.
    """
    take_turns(subscription_id)
    contract = subscription_view(context.party_id or 0, subscription_id)
    check_may(context, consumer=segment_of(contract) is Segment.CONSUMER)
    check_can_go(contract, catalogue=pricing_now().snapshot)
    address = _address(email)
    _check_day(on)
    reach = accounts.reach(contract.party_id)
    if address == reach.email.lower():
        raise RuleViolated("This line is yours already.", code="own_line", field="email")
    if HolderChange.objects.open().filter(subject=contract.id).exists():
        raise RuleViolated("Somebody is asked for this line already.", code="already_passed_on")
    token, now = secrets.token_urlsafe(24), business_now()
    one_at_a_time(f"lines offered to {address}")
    _check_not_too_often(contract.id, address, now=now)
    row = HolderChange.objects.create(
        subject=contract.id,
        party_id=contract.party_id,
        msisdn=contract.msisdn,
        email=address,
        digest=token_digest(token),
        state=HolderState.ASKED,
        asked_by=context.actor.name,
        channel=context.channel,
        asked_at=now,
        until=now + GOOD_FOR,
        on=on,
    )
    record_consent(
        context=context,
        purpose=GIVEN_UP,
        text_version=TEXT_VERSION,
        reference=contract.msisdn,
        party_id=contract.party_id,
    )
    note(row, "line_passed_on", context=context)
    timers.schedule(key=_key(row), handler=TIMER, due_at=row.until, payload={"id": row.pk})
    send(
        code="holder_asked",
        to=address,
        language=reach.language,
        values={
            "name": accounts.party(contract.party_id).name,
            "msisdn": contract.msisdn,
            "url": links.absolute(links.TAKE_OVER, token=token),
            "until": f"{row.until:%d/%m/%Y}",
        },
        reference=f"holder/{row.pk}/asked",
    )


@transaction.atomic
def take_back(context: AccountContext, *, subscription_id: int) -> None:
    """Nobody is asked any more. May be repeated.

    Raises:
        NotFound: `unknown_subscription`. Forbidden: as `pass_on`.
        RuleViolated: `already_taken_over`: he has accepted; only his order can be cancelled.
    """
    contract = subscription_view(context.party_id or 0, subscription_id)
    check_may(context, consumer=segment_of(contract) is Segment.CONSUMER)
    row = HolderChange.objects.open().select_for_update().filter(subject=contract.id).first()
    if row is None:
        return
    if row.state == HolderState.ACCEPTED:
        raise RuleViolated(
            "The new holder has accepted already; only he can take that back.",
            code="already_taken_over",
        )
    move(row, HolderState.TAKEN_BACK, context=context)


@transaction.atomic
def on_expired(payload: Mapping[str, Any]) -> None:
    """Timer, business time: he has not answered."""
    row = HolderChange.objects.select_for_update().get(pk=payload["id"])
    if row.state == HolderState.ASKED:
        move(row, HolderState.EXPIRED, context=SYSTEM)


@transaction.atomic
def gone(order_number: str) -> None:
    """The line is the other's. May be repeated."""
    _follow(order_number, HolderState.DONE)


@transaction.atomic
def called_off(order: Order) -> None:
    """The other's order was cancelled or rejected, so that the line stays. May be repeated."""
    if order.change == ChangeKind.HOLDER:
        _follow(order.number, HolderState.CALLED_OFF)


def _follow(order_number: str, target: HolderState) -> None:
    rows = HolderChange.objects.select_for_update(of=("self",))
    row = rows.filter(order__number=order_number, state=HolderState.ACCEPTED).first()
    if row is not None:
        move(row, target, context=SYSTEM)


def move(row: HolderChange, target: HolderState, *, context: AccountContext) -> None:
    """Raises IllegalTransition: it is over, or agreed already."""
    HOLDER_LIFE.check(HolderState(row.state), target)
    row.state = target
    row.decided_at = business_now()
    row.save()
    timers.cancel(_key(row))
    note(row, f"line_{_NOTED[target]}", context=context)
    if target in _TOLD:
        send(
            party_id=row.party_id,
            code="holder_answered",
            values={
                "msisdn": row.msisdn,
                "state": str(target),
                "on": f"{row.on:%d/%m/%Y}" if row.on else "",
            },
            reference=f"holder/{row.pk}/{target}",
        )


_NOTED = {
    HolderState.ACCEPTED: "accepted_by_other",
    HolderState.DONE: "gone_to_other",
    HolderState.DECLINED: "declined_by_other",
    HolderState.TAKEN_BACK: "kept",
    HolderState.EXPIRED: "not_answered",
    HolderState.CALLED_OFF: "stays",
}
_TOLD = frozenset(_NOTED) - {HolderState.TAKEN_BACK}
"""What the one who gives the line up did not do himself."""


def note(row: HolderChange, code: str, *, context: AccountContext) -> None:
    """On the timeline of the one who gives the line up; of the other it says nothing."""
    by = context if context.party_id == row.party_id else SYSTEM
    timeline.record(
        party_id=row.party_id,
        kind=EntryKind.ORDER,
        code=code,
        context=by,
        values={"msisdn": row.msisdn, "on": _on(row.on)},
    )


def check_can_go(contract: SubscriptionView, *, catalogue: Snapshot) -> ItemView:
    """Whether the line can go to another holder as it is now; its plan.

    Raises:
        RuleViolated: `contract_ended`, `line_suspended`, `bills_overdue`, `change_under_way`,
            `number_comes_along`; `number_leaves`: another operator has asked for it;
            `paid_monthly`: a thing is paid for month by month;
            `change_not_offered`: the release does not say how it is done.
    """
    if contract.status == SubscriptionStatus.ENDED:
        raise RuleViolated("This contract has ended.", code="contract_ended")
    if contract.blocks:
        raise RuleViolated("This line stands still; let it go on first.", code="line_suspended")
    items = contract.items_on(business_today())
    plan = next((each for each in items if kind_of(each, catalogue) is Kind.PLAN), None)
    if plan is None or not has_recipe(plan, kind=ChangeKind.HOLDER, catalogue=catalogue):
        raise RuleViolated("This contract can't go to somebody else.", code="change_not_offered")
    check_number_here(contract)
    if contract.leaves:
        raise RuleViolated(
            "The number of this line is on its way to another operator.", code="number_leaves"
        )
    things = [each for each in items if kind_of(each, catalogue) in (Kind.HANDSET, Kind.ACCESSORY)]
    if any(each.charges for each in things) or is_paying_in_parts(contract.id):
        raise RuleViolated(
            "A device of this contract is still being paid for, month by month or in parts.",
            code="paid_monthly",
        )
    if owes_overdue(contract.party_id, today=business_today()):
        raise RuleViolated("There are unpaid bills; please pay them first.", code="bills_overdue")
    under_way = open_change(contract.id) or next(iter(open_stops(contract.id)), "")
    if under_way:
        raise change_under_way(under_way)
    return plan


def _check_not_too_often(subscription_id: int, address: str, *, now: datetime) -> None:
    """Asking, taking back and asking again would send a stranger as many messages as one likes."""
    lately = HolderChange.objects.filter(asked_at__gt=now - timedelta(days=1))
    for same in (Q(subject=subscription_id), Q(email=address)):
        if lately.filter(same).count() >= ASKED_A_DAY:
            raise RuleViolated("Somebody was asked too often today.", code="asked_too_often")


def _check_day(on: date | None) -> None:
    today = business_today()
    if on is not None and not today <= on <= today + FARTHEST:
        raise InvalidInput(
            "Choose a day from today on, three months ahead at most.", code="holder_day", field="on"
        )


def _address(text: str) -> str:
    address = text.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise InvalidInput("This is not an e-mail address.", code="email", field="email") from None
    return address


def _on(day: date | None) -> str:
    return day.isoformat() if day else ""


def _key(row: HolderChange) -> str:
    return f"{TIMER}:{row.pk}"
