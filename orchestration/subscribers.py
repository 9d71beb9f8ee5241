"""What orchestration does when others tell it something."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from commerce.events import timers
from commerce.kernel.clock import business_today, machine_now
from commerce.kernel.errors import Conflict
from commerce.kernel.money import Money
from commerce.ordering.services.fulfilment import activate_items, complete_order
from commerce.ordering.services.unwinding import bundle_unwound
from commerce.payments.selectors import PaymentView, payment
from orchestration.actions import billing
from orchestration.domain.states import MOVING, PlanState, TaskState
from orchestration.models import Plan, Task
from orchestration.porting.opening import close_port_ins
from orchestration.ports import MoneyKind, MoneyMoved, Standing
from orchestration.services.advance import advance
from orchestration.services.callbacks import ask
from orchestration.services.failing import follow_policy
from orchestration.services.keeping import look_at_kept
from orchestration.services.making_way import (
    begin,
    end_with_contract,
    keep_contracts,
    tell_what_came,
)
from orchestration.services.parcels import move_parcel
from orchestration.services.plans import create_plans, wake
from subscriptions.domain.dunning import Action
from subscriptions.domain.states import CLOSING, ChangeKind

UNWOUND = "orchestration.unwound"
MONEY_COMES = timedelta(seconds=20)
"""Until the outcome of a payment is looked for again."""


def on_order_accepted(payload: Mapping[str, Any]) -> None:
    begin(order_number=payload["number"])


def on_more_to_plan(payload: Mapping[str, Any]) -> None:
    """Timer, machine time: the next bundles of a large order."""
    create_plans(
        order_number=payload["number"], after=payload["after"], position=payload["position"]
    )


def on_plan_completed(payload: Mapping[str, Any]) -> None:
    """Its lines are in service; the order is complete when none of its plans still runs."""
    number = payload["order_number"]
    close_port_ins(order_number=number, group=payload["group"])
    activate_items(order_number=number, group=payload["group"])
    _close(number)


def on_plan_cancelled(payload: Mapping[str, Any]) -> None:
    """Its lines end and its money goes back; the rest of the order may be complete by that.

    As long as its payment is on its way nobody knows what there is to pay back: it comes again.
    """
    number, group = payload["order_number"], payload["group"]
    close_port_ins(order_number=number, group=group)
    try:
        bundle_unwound(order_number=number, group=group)
    except Conflict as waiting:
        if waiting.code != "payment_under_way":
            raise
        timers.schedule(
            key=f"{UNWOUND}:{number}/{group}",
            handler=UNWOUND,
            due_at=machine_now() + MONEY_COMES,
            payload={"order_number": number, "group": group},
            clock="machine",
        )
        return
    _close(number)


def _close(number: str) -> None:
    """The order is complete when it waits for no plan any more and at least one has reached its
    end, but for what goes on aside."""
    plans = Plan.objects.filter(order_number=number)
    if plans.filter(state__in=MOVING, arrived_at=None).exists():
        return
    if plans.exclude(state=PlanState.CANCELLED).exists():
        complete_order(order_number=number)


def on_task_fell_out(payload: Mapping[str, Any]) -> None:
    follow_policy(order_number=payload["order_number"], group=payload["group"], key=payload["task"])


def on_payment_settled(payload: Mapping[str, Any]) -> bool:
    """Called with no transaction open, as it may reach an external biller; whether it did."""
    paid = payment(payload["key"])
    return _note_money(paid, reference=paid.key, kind=MoneyKind.TAKEN, amount=paid.amount)


def on_payment_refunded(payload: Mapping[str, Any]) -> bool:
    """As `on_payment_settled`."""
    paid = payment(payload["key"])
    return _note_money(
        paid,
        reference=f"{paid.key}/refund/{payload['sequence']}",
        kind=MoneyKind.PAID_BACK,
        amount=Money.of(payload["amount"]),
    )


def _note_money(paid: PaymentView, *, reference: str, kind: MoneyKind, amount: Money) -> bool:
    """Tell the biller once: this may be a repetition, so he is asked first; whether he was."""
    if paid.party_id is None:
        return False
    if billing().find(reference).standing == Standing.NEVER_ARRIVED:
        moved = MoneyMoved(reference, paid.reference, paid.party_id, kind, amount, business_today())
        billing().note_money(moved, key=reference)
    return True


def on_advance_due(payload: Mapping[str, Any]) -> None:
    """Timer, machine time; called with no transaction open."""
    advance(plan_id=payload["plan"])


def on_ask_due(payload: Mapping[str, Any]) -> None:
    """Timer, machine time; called with no transaction open."""
    ask(task_id=payload["task"])


def on_timer_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time."""
    wake(payload["plan"])


def on_parcel_day_moved(payload: Mapping[str, Any]) -> None:
    move_parcel(
        order_number=payload["number"],
        group=payload["group"],
        before=payload["before"],
        after=payload["after"],
        expected_on=date.fromisoformat(payload["expected_on"]),
    )


def on_kept_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time."""
    look_at_kept(plan_id=payload["plan"], task_id=payload["task"])


def tasks_under_way() -> int:
    """What the virtual clock waits for."""
    return Task.objects.filter(
        state__in=[TaskState.RUNNING, TaskState.RETRYING], plan__state__in=MOVING
    ).count()


def on_dunning_moved(payload: Mapping[str, Any]) -> None:
    """Called with no transaction open: who has paid, or said when, keeps what was ending."""
    if payload["grade"] != Action.TERMINATE:
        keep_contracts(account_id=payload["account_id"], party_id=payload["party_id"])


def on_contract_changed(payload: Mapping[str, Any]) -> None:
    """Called with no transaction open: what was on its way to a contract that has ended is taken
    back; who has to hear of the end of what came to one that ends is told then."""
    if payload["kind"] == ChangeKind.ADD:
        tell_what_came(subscription_id=payload["subscription_id"])
    if payload["kind"] in CLOSING:
        end_with_contract(
            subscription_id=payload["subscription_id"],
            party_id=payload["party_id"],
            kind=ChangeKind(payload["kind"]),
        )
