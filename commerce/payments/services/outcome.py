"""What the provider tells becomes our state, whoever heard it first."""

from django.db import transaction

from commerce.events.outbox import Event, publish
from commerce.kernel.trace import current_trace, traced
from commerce.payments.events import (
    PaymentAuthorised,
    PaymentCancelled,
    PaymentSettled,
)
from commerce.payments.models import LIFE, PaymentAttempt, PaymentState
from commerce.payments.ports import Method, MethodKind, Outcome, PaymentReport
from commerce.payments.services.methods import keep

STATES = {
    Outcome.PROCESSING: PaymentState.PROCESSING,
    Outcome.AUTHORISED: PaymentState.AUTHORISED,
    Outcome.SETTLED: PaymentState.SETTLED,
    Outcome.CANCELLED: PaymentState.CANCELLED,
}


@transaction.atomic
def note_report(*, key: str, report: PaymentReport) -> None:
    """Take over what the provider knows; what we know already, or better, changes nothing.

    What follows belongs to the trace of whoever asked for the payment: the provider's message
    knows nothing of it.
    """
    row = PaymentAttempt.objects.select_for_update().get(key=key)
    for name in ("intent_id", "customer_id", "method_id", "card_brand", "card_last4"):
        setattr(row, name, getattr(report, name) or getattr(row, name))
    row.last_error = report.reason
    target = STATES.get(report.outcome)
    reached = target is not None and target in LIFE.table.get(PaymentState(row.state), frozenset())
    if reached and target is not None:
        row.state = target
        if target in (PaymentState.AUTHORISED, PaymentState.SETTLED):
            _keep_card(row)
    row.save()
    if reached and target is not PaymentState.PROCESSING:
        with traced(row.trace_id or current_trace()):
            publish(_event(row))


def _keep_card(row: PaymentAttempt) -> None:
    """The card of a payment that its holder made himself is the one that is charged from now on."""
    if row.party_id is None or not (row.method_id and row.customer_id) or not row.keeps_card:
        return
    card = Method(
        kind=MethodKind.CARD,
        customer_id=row.customer_id,
        method_id=row.method_id,
        card_brand=row.card_brand,
        card_last4=row.card_last4,
    )
    keep(party_id=row.party_id, method=card)


def _event(row: PaymentAttempt) -> Event:
    if row.state == PaymentState.AUTHORISED:
        return PaymentAuthorised(key=row.key, reference=row.reference)
    if row.state == PaymentState.SETTLED:
        return PaymentSettled(key=row.key, reference=row.reference)
    return PaymentCancelled(key=row.key, reference=row.reference)
