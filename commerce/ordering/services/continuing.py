"""What nobody agreed to pay for ends, by an order, when its free months are over."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.db import transaction

from commerce.accounts.identity import SYSTEM
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.services.changes import place_change
from commerce.ordering.services.place import Checkout
from subscriptions.contracts.continuing import Unanswered, unanswered
from subscriptions.contracts.services.asking import look_again, tell_end
from subscriptions.domain.states import ChangeKind


@transaction.atomic
def on_unanswered(payload: Mapping[str, Any]) -> None:
    """Timer, business time: the answer is due. Ends what nobody agreed to pay for, at no cost
    however late that happens. Looked at again each day until it has ended: another change of the
    line may have been in the way, or somebody called the order off. May be repeated.

    What ends on the same day does so by one order: a second one would have to wait for that day,
    and the bill would ask for its month before.
    """
    found = unanswered(payload["item"])
    if found is None:
        return
    with suppress(_Waits):
        _end(found)
        for item in found.items:
            tell_end(item)
    look_again(found.item_id)


class _Waits(Exception):
    """Another order is in the way."""


def _end(found: Unanswered) -> None:
    request = ChangeRequest(
        ChangeKind.REMOVE, items=found.items, on=found.costs_on, unanswered=True
    )
    try:
        with transaction.atomic():
            place_change(
                replace(SYSTEM, party_id=found.party_id),
                subscription_id=found.subscription_id,
                request=request,
                checkout=Checkout(expected_total=Money.zero()),
            )
    except RuleViolated as refusal:
        if refusal.code == "change_under_way":
            raise _Waits from refusal
        raise
