"""Our payments beside the provider's own list."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from commerce.kernel.differences import Difference
from commerce.kernel.money import Money
from commerce.payments.gateway import gateway
from commerce.payments.models import (
    Dispute,
    EffectState,
    PaymentAttempt,
    PaymentEffect,
    PaymentState,
)
from commerce.payments.ports import DisputeReport
from commerce.payments.selectors import open_disputes
from commerce.payments.services.disputes import take_over

TAKEN = (PaymentState.SETTLED, PaymentState.REFUNDED)
UNDER_WAY = (EffectState.REQUESTED, EffectState.SENT)
NOTHING = (Money.zero(), Money.zero())
AT_ONCE = 1000


def provider_differences(*, since: datetime) -> Iterator[Difference]:
    """Money that only one of us knows of, or of another amount; what is being moved, or was while
    the provider told his list, is left out. Disputes that are not known, or have gone on, are taken
    over.

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
    yield from _of_disputes(since)


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


def _of_disputes(since: datetime) -> Iterator[Difference]:
    """What banks took back without our hearing of it; from now on we have."""
    told = {each.dispute_id: each for each in gateway().disputes_since(since)}
    for each in open_disputes():
        if each.dispute_id not in told:
            told[each.dispute_id] = gateway().dispute(dispute_id=each.dispute_id)
    for report in told.values():
        payment = PaymentAttempt.objects.filter(key=report.key).first() if report.key else None
        if payment is None:
            continue
        before = _withdrawn(report)
        take_over(payment, report)
        if before != _lost_by(report):
            yield Difference("dispute", report.dispute_id, str(before), str(_lost_by(report)))


def _withdrawn(report: DisputeReport) -> Money:
    """What is with the bank, as far as we have heard."""
    row = Dispute.objects.filter(dispute_id=report.dispute_id).first()
    gone = row is not None and row.withdrawn_at is not None and row.reinstated_at is None
    return report.amount if gone else Money.zero(report.amount.currency)


def _lost_by(report: DisputeReport) -> Money:
    gone = report.withdrawn and not report.reinstated
    return report.amount if gone else Money.zero(report.amount.currency)
