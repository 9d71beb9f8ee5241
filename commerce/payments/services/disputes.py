"""Disputes: what the provider says of them, in any order and as often as it likes."""

from datetime import datetime
from typing import Any

from django.db import transaction

from commerce.events.outbox import publish
from commerce.kernel.clock import business_now
from commerce.payments.events import DisputeMoved
from commerce.payments.gateway import gateway
from commerce.payments.models import DISPUTE_LIFE, Dispute, PaymentAttempt
from commerce.payments.ports import DisputeReport, DisputeState


def note_dispute(*, dispute_id: str) -> bool:
    """Ask how the dispute stands and take it over; False: its payment is not ours."""
    report = gateway().dispute(dispute_id=dispute_id)
    row = PaymentAttempt.objects.filter(key=report.key).first() if report.key else None
    if row is None:
        return False
    take_over(row, report)
    return True


@transaction.atomic
def take_over(payment: PaymentAttempt, report: DisputeReport) -> None:
    """What is known already, or better, changes nothing; a change is told once."""
    PaymentAttempt.objects.select_for_update().get(pk=payment.pk)
    found, new = Dispute.objects.get_or_create(
        dispute_id=report.dispute_id,
        defaults={
            "payment": payment,
            "amount": report.amount.amount,
            "currency": report.amount.currency,
            "reason": report.reason,
            "state": report.state,
            "opened_at": report.opened_at,
            "evidence_until": report.evidence_until,
        },
    )
    changes = {
        "state": _reached(DisputeState(found.state), report.state),
        "withdrawn_at": _since(found.withdrawn_at, report.withdrawn),
        "reinstated_at": _since(found.reinstated_at, report.reinstated),
    }
    moved = new or any(getattr(found, name) != value for name, value in changes.items())
    Dispute.objects.filter(pk=found.pk).update(evidence_until=report.evidence_until, **changes)
    if moved:
        publish(_event(payment, report, changes))


def _reached(known: DisputeState, told: DisputeState) -> DisputeState:
    return told if told in DISPUTE_LIFE.table.get(known, frozenset()) else known


def _since(known: datetime | None, happened: bool) -> datetime | None:
    return known or (business_now() if happened else None)


def _event(payment: PaymentAttempt, report: DisputeReport, now: dict[str, Any]) -> DisputeMoved:
    return DisputeMoved(
        key=payment.key,
        reference=payment.reference,
        dispute_id=report.dispute_id,
        state=str(now["state"]),
        amount=str(report.amount.amount),
        withdrawn=now["withdrawn_at"] is not None and now["reinstated_at"] is None,
    )
