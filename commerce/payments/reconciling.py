"""Our payments beside the provider's own list."""

from collections.abc import Iterator
from datetime import datetime

from commerce.kernel.differences import Difference
from commerce.kernel.money import Money
from commerce.payments.gateway import gateway
from commerce.payments.models import EffectState, PaymentAttempt, PaymentState

TAKEN = (PaymentState.SETTLED, PaymentState.REFUNDED)
UNDER_WAY = (EffectState.REQUESTED, EffectState.SENT)


def provider_differences(*, since: datetime) -> Iterator[Difference]:
    """Money that only one of us knows of, or of another amount; what is being moved is left out.

    Called with no transaction open. Raises Unknown when the provider does not answer.
    """
    theirs = {each.key or each.intent_id: each for each in gateway().taken_since(since)}
    rows = PaymentAttempt.objects.filter(key__in=theirs) | PaymentAttempt.objects.filter(
        created_at__gte=since, state__in=TAKEN
    )
    ours = {row.key: row for row in rows}
    moving = set(
        PaymentAttempt.objects.filter(key__in=ours, effects__state__in=UNDER_WAY).values_list(
            "key", flat=True
        )
    )
    for key in sorted({*theirs, *ours} - moving):
        row, told = ours.get(key), theirs.get(key)
        zero = Money.zero()
        taken = row.money if row is not None and row.state in TAKEN else zero
        back = Money(row.refunded, row.currency) if row is not None else zero
        if taken != (told.taken if told else zero):
            yield Difference("payment", key, str(taken), str(told.taken if told else zero))
        if back != (told.refunded if told else zero):
            yield Difference("refund", key, str(back), str(told.refunded if told else zero))
