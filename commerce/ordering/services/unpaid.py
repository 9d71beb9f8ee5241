"""Lines of an account that does not pay: restricted, stopped, ended, and let go on, by orders.

What is wanted is looked up each time, so that it makes no difference how often or in which order
this is told: an order that is under way is waited for, and its end tells again, also where it is
called off.
"""

from collections.abc import Iterable
from dataclasses import replace

from django.db import transaction

from commerce.accounts.identity import SYSTEM
from commerce.events import timers
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.models import Order
from commerce.ordering.selectors import purchase_order_of
from commerce.ordering.services.changes import place_change
from commerce.ordering.services.open_changes import open_ends
from commerce.ordering.services.place import Checkout
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.dunning import Action
from subscriptions.domain.states import (
    AT_ANY_TIME,
    BlockKind,
    ChangeKind,
    SubscriptionStatus,
)
from subscriptions.domain.views import SubscriptionView
from subscriptions.dunning.selectors import wanted_grade

UNPAID = BlockKind.UNPAID
TIMER = "ordering.unpaid"


def treat_soon(*, party_id: int, subscription_ids: Iterable[int]) -> None:
    """Each contract by itself: what can't be done with one of them holds up no other."""
    timers.schedule_all(
        timers.Due(
            key=f"{TIMER}:{subscription_id}",
            handler=TIMER,
            due_at=machine_now(),
            payload={"party_id": party_id, "subscription_id": subscription_id},
            clock="machine",
        )
        for subscription_id in subscription_ids
    )


def called_off(order: Order) -> None:
    """What waited for the order is done now; what it was to do itself to a line, as bills are not
    paid, is not ordered anew. In the caller's transaction."""
    if order.change not in AT_ANY_TIME or order.subject is None:
        return
    for_unpaid = order.items.filter(config__unpaid="yes").exists()
    if not for_unpaid or wanted_grade(order.subject) is None:
        treat_soon(party_id=order.party_id, subscription_ids=[order.subject])


@transaction.atomic
def treat(*, party_id: int, subscription_id: int) -> None:
    """Order what the contract needs to be treated as hard as its account's case wants, or to go on.

    Nothing while another order does the like: its end asks again. May be repeated.
    """
    contract = subscription_view(party_id, subscription_id)
    if contract.status == SubscriptionStatus.ENDED:
        return
    for request in _needed(contract, wanted_grade(subscription_id)):
        if _offered(contract, request):
            return


def _offered(contract: SubscriptionView, request: ChangeRequest) -> bool:
    """Order it, unless another order is in the way; False: the contract has no line to which that
    could be done."""
    by_order = purchase_order_of(contract.order_number) if contract.basis is Basis.HT else ""
    try:
        place_change(
            replace(SYSTEM, party_id=contract.party_id),
            subscription_id=contract.id,
            request=request,
            checkout=Checkout(expected_total=Money.zero(), purchase_order=by_order),
        )
    except RuleViolated as refusal:
        if refusal.code not in ("change_under_way", "change_not_offered"):
            raise
        return refusal.code == "change_under_way"
    return True


def _needed(contract: SubscriptionView, wanted: Action | None) -> tuple[ChangeRequest, ...]:
    """The next order on the way to what is wanted, and what is ordered where that can't be done:
    what has no line to be stopped, as a special number, is ended in its time. Nothing where all is
    as it is wanted."""
    blocked, partly = UNPAID in contract.blocks, UNPAID in contract.outgoing_only
    if wanted is None:
        return (ChangeRequest(ChangeKind.RESUME, block=UNPAID),) if blocked else ()
    if wanted is Action.RESTRICT:
        milder = ChangeRequest(ChangeKind.SUSPEND, block=UNPAID, outgoing_only=True)
        return () if blocked else (milder,)
    steps = () if blocked and not partly else (ChangeRequest(ChangeKind.SUSPEND, block=UNPAID),)
    if wanted is Action.TERMINATE and not open_ends(contract.id):
        return (*steps, ChangeRequest(ChangeKind.TERMINATE, unpaid=True))
    return steps
