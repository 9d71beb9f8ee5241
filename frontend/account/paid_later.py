"""What is free and asked about before it costs something, as pages show it."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from frontend.shop.words import euros, named
from subscriptions.contracts.continuing import Continuation, continuations_of


def paid_later(party_id: int, subscription_id: int, *, route: str) -> list[dict[str, Any]]:
    """Of a contract, until the day on which each begins to cost; `route` takes the answer."""
    return [
        _shown(each, url=reverse(route, args=[subscription_id, each.item_id]))
        for each in continuations_of(party_id, subscription_id)
        if each.is_open
    ]


def _shown(each: Continuation, *, url: str) -> dict[str, Any]:
    return {
        "item": each.item_id,
        "name": named(each.names),
        "costs_on": each.costs_on,
        "answer_by": each.answer_by,
        "price": price(each),
        "agreed": each.agreed,
        "answered_at": each.answered_at,
        "can_answer": each.can_answer,
        "url": url,
    }


def price(each: Continuation) -> str:
    amount = euros(each.amount, short=False)
    if each.every_months == 1:
        return _("%(amount)s per month") % {"amount": amount}
    return _("%(amount)s every %(months)s months") % {
        "amount": amount,
        "months": each.every_months,
    }
