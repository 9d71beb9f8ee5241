"""Our payments beside the provider's own list."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from commerce.kernel.differences import Difference
from commerce.kernel.money import Money
from commerce.payments.gateway import gateway
from commerce.payments.models import EffectState, PaymentAttempt, PaymentEffect, PaymentState

TAKEN = (PaymentState.SETTLED, PaymentState.REFUNDED)
UNDER_WAY = (EffectState.REQUESTED, EffectState.SENT)
NOTHING = (Money.zero(), Money.zero())
AT_ONCE = 1000


def provider_differences(*, since: datetime) -> Iterator[Difference]:
    """Money that only one of us knows of, or of another amount; what is being moved, or was while
    the provider told his list, is left out.

    Called with no transaction open. Raises Unknown when the provider does not answer.
    """
    newer = Q(created_at__gte=since)
    before = _ours(newer)
    listed = gateway().taken_since(since)
    theirs = {each.key or each.intent_id: (each.taken, each.refunded) for each in listed}
    ours = _ours(newer)
    moving = {key for key, each in ours.items() if before.get(key, NOTHING) != each}
    moved = PaymentEffect.objects.filter(state__in=UNDER_WAY)
    moving.update(moved.values_list("payment__key", flat=True))
    older = sorted(theirs.keys() - ours.keys())
    for place in range(0, len(older), AT_ONCE):
        ours |= _ours(Q(key__in=older[place : place + AT_ONCE]))
    for key in sorted({*theirs, *ours} - moving):
        pairs = zip(
            ("payment", "refund"), ours.get(key, NOTHING), theirs.get(key, NOTHING), strict=True
        )
        for kind, expected, found in pairs:
            if expected != found:
                yield Difference(kind, key, str(expected), str(found))


def _ours(which: Q) -> dict[str, tuple[Money, Money]]:
    """Of payments by their keys, what was taken and what went back."""
    rows = PaymentAttempt.objects.filter(which).values_list(
        "key", "state", "amount", "refunded", "currency"
    )
    return {
        key: (
            Money(amount, currency) if state in TAKEN else Money.zero(currency),
            Money(refunded, currency),
        )
        for key, state, amount, refunded, currency in rows
    }
