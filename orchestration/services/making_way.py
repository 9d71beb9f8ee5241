"""Orders that change a contract make way for its end."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.events import timers
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import Conflict, RuleViolated
from commerce.ordering.domain.states import WAITING
from commerce.ordering.selectors import order_states
from commerce.ordering.services.cancel import cancel_order
from commerce.ordering.services.ending import name_what_came
from commerce.ordering.services.open_changes import (
    called_off_by,
    in_the_way_of,
    open_ends,
    open_ends_for_unpaid,
)
from commerce.ordering.services.withdrawn import Bundle, withdrawn_bundle
from orchestration.domain.porting import OVER, Direction
from orchestration.models import Porting
from orchestration.porting import changing
from orchestration.services import way, withdrawing
from orchestration.services.cancel import cancel_under_way, quote_cancellation
from orchestration.services.plans import create_plans
from subscriptions.contracts.lines import Line, line_of_subscription
from subscriptions.domain.dunning import Action
from subscriptions.domain.states import ChangeKind
from subscriptions.dunning.selectors import holders, running_contracts, wanted_grade

CLEAR = "orchestration.clear_the_way"
AGAIN = timedelta(seconds=20)
"""Machine time until it is seen whether what was taken back is over."""
_FOR_GOOD = frozenset({"past_return", "bundle_over", "cancelling"})


def make_way(context: AccountContext, *, number: str, note: str) -> None:
    """Take back the change `number`.

    Raises:
        Conflict, RuleViolated: it can't be taken back, or is not yet; as `cancel_under_way`.
    """
    if order_states([number])[number] in WAITING:
        cancel_order(context, number=number, reason=note)
        return
    shown = quote_cancellation(context, number=number)
    cancel_under_way(context, number=number, token=shown.token, note=note)


def begin(*, order_number: str) -> None:
    """Plan the accepted order; one that ends a contract, or withdraws from what has not all
    arrived, waits until its way is clear, which a timer looks at. In the caller's transaction."""
    _, others = in_the_way_of(order_number)
    bundle = withdrawn_bundle(order_number)
    coming = bundle is not None and withdrawing.is_under_way(bundle)
    if bundle is not None and coming:
        withdrawing.acknowledge(number=order_number, bundle=bundle)
    if others or coming:
        if not way.is_planned(order_number):
            way.wait(order_number=order_number)
        timers.soon(key=_key(order_number), handler=CLEAR, payload={"number": order_number})
    else:
        create_plans(order_number=order_number)


def on_clear_due(payload: Mapping[str, Any]) -> None:
    """Timer, machine time; called with no transaction open: take back what the end of a contract
    goes before, each by its own rules, and look again. What can't be taken back any more is waited
    for, as it ends by itself; what it has brought ends with the contract. Of what is withdrawn from
    is taken back what has not arrived."""
    number = payload["number"]
    if not way.is_open(number):
        return
    party_id, others = in_the_way_of(number)
    for other in others:
        with suppress(Conflict, RuleViolated):
            make_way(replace(SYSTEM, party_id=party_id), number=other, note="made_way")
    bundle = withdrawn_bundle(number)
    coming = bundle is not None and not _taken_back(bundle)
    if others or coming:
        due = machine_now() + AGAIN
        timers.schedule(
            key=_key(number), handler=CLEAR, due_at=due, payload=payload, clock="machine"
        )
    else:
        _go_on(number, bundle=bundle)


def on_take_back_due(payload: Mapping[str, Any]) -> None:
    """Timer, machine time; called with no transaction open: take back an order that we placed
    ourselves and that is not right any more. One that is over by then, or can't be taken back, is
    left alone.

    Raises:
        Conflict: it can't be taken back yet.
    """
    context = replace(SYSTEM, party_id=payload["party"])
    with suppress(RuleViolated):
        make_way(context, number=payload["number"], note="made_way")


@transaction.atomic
def _go_on(number: str, *, bundle: Bundle | None) -> None:
    """The way is clear: what is left to do is laid out, unless the order was given up just now."""
    if not way.hold(number):
        return
    if bundle is not None:
        withdrawing.go_on(number=number, bundle=bundle)
        return
    name_what_came(number=number)
    way.go_on(order_number=number)


def tell_what_came(*, subscription_id: int) -> None:
    """Something was put on a contract whose end is coming: who must hear of its end is told then,
    with the others. May be repeated."""
    for number in open_ends(subscription_id):
        _name_what_came(number)


@transaction.atomic
def _name_what_came(number: str) -> None:
    if way.is_planned(number) and not way.hold_laid_out(number):
        return  # What comes until its way is clear is named then.
    name_what_came(number=number)
    way.lay_out_more(order_number=number)


def _taken_back(bundle: Bundle) -> bool:
    with suppress(Conflict, RuleViolated):
        return withdrawing.take_back(bundle)
    return False


def _key(order_number: str) -> str:
    return f"clear:{order_number}"


def end_with_contract(*, subscription_id: int, party_id: int, kind: ChangeKind) -> None:
    """Take back what is on its way to a contract that a change of that kind has closed: another SIM
    or number, also one that should have taken the place of a temporary one; and what still waited
    for its payment, as a renewal that came too late for the end to be taken back.

    What can't be taken back any more, as a card that has left, stays with an operator. May be
    repeated.

    Raises:
        Conflict, RuleViolated: it can't be taken back yet.
    """
    context = replace(SYSTEM, party_id=party_id)
    _stop_port_ins(context, line=line_of_subscription(subscription_id))
    for number in called_off_by(kind, subscription_id=subscription_id):
        try:
            make_way(context, number=number, note="contract_ended")
        except RuleViolated as refusal:
            if refusal.code not in _FOR_GOOD:
                raise


def keep_contracts(*, account_id: int, party_id: int) -> None:
    """Take back the coming ends of the contracts of the account, and of those whose bills it pays,
    that we ordered as it had not paid, but where they are wanted again by now.

    What has ended stays ended. One that can't be taken back holds up no other. May be repeated.

    Raises:
        Conflict, RuleViolated: one can't be taken back yet.
    """
    failed: list[Conflict | RuleViolated] = []
    running = running_contracts(account_id)
    whose = {line: holder for holder, lines in holders(running).items() for line in lines}
    for subscription_id in running:
        context = replace(SYSTEM, party_id=whose.get(subscription_id, party_id))
        for number in _unwanted_ends(subscription_id):
            try:
                make_way(context, number=number, note="paid")
            except (Conflict, RuleViolated) as refusal:
                if refusal.code not in _FOR_GOOD:
                    failed.append(refusal)
    if failed:
        raise failed[0]


@transaction.atomic
def _unwanted_ends(subscription_id: int) -> tuple[str, ...]:
    if wanted_grade(subscription_id) is Action.TERMINATE:
        return ()
    return open_ends_for_unpaid(subscription_id)


def _stop_port_ins(context: AccountContext, *, line: Line | None) -> None:
    """Of the order with which the line began. Raises Conflict `porting_busy`."""
    if line is None:
        return
    coming = Porting.objects.filter(
        direction=Direction.IN, order_number=line.order_number, group=line.group
    )
    for porting in coming.exclude(state__in=[*OVER]):
        try:
            changing.cancel(context, number=porting.order_number, line_id=porting.line_id)
        except Conflict as refusal:
            if refusal.code != "porting_too_late":
                raise
