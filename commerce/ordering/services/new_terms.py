"""Changes of running contracts that were announced are carried out by orders, each on its day."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from django.db import transaction

from commerce.accounts.identity import SYSTEM
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.models import Order
from commerce.ordering.selectors import purchase_order_of
from commerce.ordering.services.changes import place_change
from commerce.ordering.services.place import Checkout
from subscriptions.contracts.services.terms import (
    CHUNK,
    apply_again,
    apply_on_from,
    look_again_at,
    settle_notice,
)
from subscriptions.contracts.terms import ToApply, to_apply
from subscriptions.domain.states import ChangeKind

_WAITS = frozenset({"change_under_way", "line_suspended"})
"""Why it can't be ordered today and perhaps can tomorrow."""


def on_apply_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: order what was announced for a day; conditions alone need no order.

    Some at a time, each by itself: one whose line is being changed otherwise, or stands still, is
    looked at again tomorrow, and what comes late for its day is changed with the next bill. What
    can't be ordered at all is kept with its reason. May be repeated.
    """
    terms, day = payload["terms"], date.fromisoformat(payload["day"])
    found = to_apply(terms, day=day, after=payload["after"], most=CHUNK)
    for notice in found:
        outcome = _carried_out(notice)
        if outcome:
            settle_notice(notice.notice_id, outcome=outcome, on=notice.effective_on)
    if len(found) == CHUNK:
        apply_on_from(terms, day=day, after=found[-1].notice_id)
    elif to_apply(terms, day=day, after=0, most=1):
        apply_again(terms, day=day)


def called_off(order: Order) -> None:
    """An end, say, that was ordered and taken back took the change along: it is ordered anew, like
    one that waits. In the caller's transaction."""
    for item in order.items.filter(config__announced="yes", subject__isnull=False):
        look_again_at(item.subject or 0)


def _carried_out(notice: ToApply) -> str:
    """The outcome; empty as long as it has to wait."""
    if not notice.runs:
        return "left"
    if not notice.successor:
        return "applied"
    by_order = purchase_order_of(notice.order_number) if notice.business else ""
    request = ChangeRequest(
        ChangeKind.PLAN,
        choices={"plan": (notice.successor,)},
        on=notice.effective_on,
        announced=True,
    )
    try:
        with transaction.atomic():
            place_change(
                replace(SYSTEM, party_id=notice.party_id),
                subscription_id=notice.subscription_id,
                request=request,
                checkout=Checkout(expected_total=Money.zero(), purchase_order=by_order),
            )
    except (InvalidInput, NotFound, RuleViolated) as refusal:
        return "" if refusal.code in _WAITS else refusal.code
    return "applied"
