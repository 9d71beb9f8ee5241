"""What the customer, or an agent for him, does about a number on its way; everything names who.

Each raises NotFound `unknown_porting` or `unknown_order`, Forbidden `caller_not_verified` or
`viewer`, Conflict `porting_busy` (a request is under way) or `porting_too_late` (the eve is over).
"""

from datetime import date

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, Forbidden, NotFound
from commerce.ordering.domain.numbering import Keep, NumberChoice
from commerce.ordering.selectors import order_view
from commerce.ordering.services.fulfilment import change_port_in
from commerce.ordering.services.numbering import checked_choice
from orchestration.domain.porting import (
    BEFORE_SENDING,
    MENDABLE,
    WITH_CLEARING_HOUSE,
    Direction,
    PortState,
    may_change,
    may_send_again,
    motive_of,
)
from orchestration.domain.states import EffectState, PlanState, TaskState
from orchestration.models import Effect, Porting
from orchestration.porting import book, calls, outcomes
from orchestration.ports import PortMove, PortRedirect, TakeBack


@transaction.atomic
def correct(
    context: AccountContext,
    *,
    number: str,
    line_id: str,
    msisdn: str,
    rio: str,
    port_on: date | None = None,
    slot: str = "",
) -> None:
    """After a refusal or a failure: send the request again, with other data or another day.

    Raises:
        InvalidInput: `number_invalid`, `rio_...`, `port_day_invalid`, `port_slot_invalid`.
        RuleViolated: `number_is_ours`, `port_under_way`.
        Conflict: `porting_not_refused`.
    """
    porting = _mine(context, number=number, line_id=line_id)
    state = PortState(porting.state)
    motive = motive_of(porting.motive, pack=book.pack()) if porting.motive else None
    task = outcomes.port_task(porting)
    if not may_send_again(state, motive) or task.state != TaskState.FALLOUT:
        raise Conflict("There is nothing to correct.", code="porting_not_refused")
    choice = NumberChoice(Keep.PORT, msisdn=msisdn, rio=rio, port_on=port_on, slot=slot)
    config = change_port_in(
        order_number=porting.order_number, line_id=line_id, config=checked_choice(choice)
    )
    porting.msisdn, porting.rio = config["msisdn"], config["rio"]
    porting.operator = porting.rio[:2]
    porting.day, porting.slot = port_on, config["port_slot"]
    porting.motive = porting.detail = porting.porting_id = ""
    book.move(porting, PortState.RIO_CHECKED, by=context.actor.name)
    outcomes.send_again(task, by=context.actor.name)


@transaction.atomic
def change_day(
    context: AccountContext, *, number: str, line_id: str, port_on: date, slot: str
) -> None:
    """Another day or slot, until the cut-off of the day that is planned.

    Raises:
        InvalidInput: `port_day_invalid`, `port_slot_invalid`.
    """
    porting = _mine(context, number=number, line_id=line_id)
    _check_changeable(porting)
    if porting.state in MENDABLE:
        raise Conflict("Send the request again, with the day.", code="porting_refused")
    choice = NumberChoice(
        Keep.PORT, msisdn=porting.msisdn, rio=porting.rio, port_on=port_on, slot=slot
    )
    slot = checked_choice(choice)["port_slot"]
    if porting.state in BEFORE_SENDING:
        outcomes.set_day(porting, port_on, slot)
        wished = {"date": port_on.isoformat(), "slot": slot}
        book.note(porting, "note", "day_wished", wished, by=context.actor.name)
        return
    calls.ask(porting, "move", PortMove(porting.porting_id, port_on, slot), by=context.actor.name)


@transaction.atomic
def cancel(context: AccountContext, *, number: str, line_id: str) -> None:
    """Leave the number where it is and take a new one, until the cut-off."""
    porting = _mine(context, number=number, line_id=line_id)
    _check_changeable(porting)
    if porting.state in BEFORE_SENDING or porting.state in MENDABLE:
        outcomes.give_up(porting, by=context.actor.name)
        return
    asked = TakeBack(of=_request_key(porting), id=porting.porting_id)
    calls.ask(porting, "cancel", asked, by=context.actor.name)


@transaction.atomic
def redirect_calls(context: AccountContext, *, number: str, line_id: str, to: str) -> None:
    """While the number moves, the donor leads its calls to `to`, where he offers that.

    Raises:
        InvalidInput: `number_invalid`.
        Conflict: `redirection_not_offered`.
    """
    porting = _mine(context, number=number, line_id=line_id)
    _check_changeable(porting)
    if not porting.redirection or porting.state not in WITH_CLEARING_HOUSE:
        raise Conflict(
            "The other operator does not redirect calls.", code="redirection_not_offered"
        )
    target = book.pack().normalise_number(to)
    calls.ask(porting, "redirect", PortRedirect(porting.porting_id, target), by=context.actor.name)


def _request_key(porting: Porting) -> str:
    """The key under which the porting was asked for."""
    task = outcomes.port_task(porting)
    return Effect.objects.get(task=task, generation=task.generation).key


def _mine(context: AccountContext, *, number: str, line_id: str) -> Porting:
    """The porting of the actor's order, locked."""
    order = order_view(context, number=number)
    require_verified(context)
    if context.role is Role.VIEWER:
        raise Forbidden("You may look at orders, but not change them.", code="viewer")
    found = Porting.objects.filter(
        direction=Direction.IN, order_number=order.summary.number, line_id=line_id
    ).first()
    if found is None:
        raise NotFound("No number is on its way for this line.", code="unknown_porting")
    return outcomes.locked(found.pk)


def _is_busy(porting: Porting) -> bool:
    """The request is on its way, nobody knows what became of it, or its bundle is cancelled."""
    task = outcomes.port_task(porting)
    effects = Effect.objects.filter(task=task, generation=task.generation)
    in_doubt = effects.filter(state__in=[EffectState.SENT, EffectState.UNKNOWN]).exists()
    moving = task.state in (TaskState.RUNNING, TaskState.RETRYING)
    return moving or in_doubt or task.plan.state != PlanState.RUNNING


def _check_changeable(porting: Porting) -> None:
    if _is_busy(porting) or calls.open_call(porting) is not None:
        raise Conflict("A request is under way; try in a minute.", code="porting_busy")
    state = PortState(porting.state)
    if not may_change(state, day=porting.day, now=business_now(), pack=book.pack()):
        raise Conflict("It is too late to change this.", code="porting_too_late")
