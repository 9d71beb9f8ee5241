"""A saved card charged without its holder: stored first, carried out by a worker, once."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from commerce.events.outbox import publish
from commerce.events.timers import soon
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import Refused
from commerce.kernel.money import Money
from commerce.kernel.trace import current_trace
from commerce.payments.events import PaymentDeclined
from commerce.payments.gateway import gateway
from commerce.payments.models import PaymentAttempt, PaymentState
from commerce.payments.ports import ChargeRequest, Outcome, PaymentReport
from commerce.payments.selectors import SavedCard, chosen_method
from commerce.payments.services.outcome import note_report

TIMER = "payments.charge"
UNDER_WAY = (PaymentState.REQUESTED, PaymentState.OPENING)


def request_charge(
    *, key: str, party_id: int, amount: Money, reference: str, purpose: str = "bill"
) -> bool:
    """Store the wish that `amount` be taken from the card that the party chose; False: it has none.

    In the caller's transaction; the same key once.
    """
    method = chosen_method(party_id)
    if method is None:
        return False
    wish = PaymentAttempt(
        key=key,
        purpose=purpose,
        off_session=True,
        party_id=party_id,
        reference=reference,
        amount=amount.rounded().amount,
        currency=amount.currency,
        customer_id=method.customer_id,
        method_id=method.method_id,
        card_brand=method.card_brand,
        card_last4=method.card_last4,
        expires_at=business_now(),
        trace_id=current_trace(),
    )
    PaymentAttempt.objects.bulk_create([wish], ignore_conflicts=True)
    soon(key=f"{TIMER}:{key}", handler=TIMER, payload={"key": key})
    return True


def carry_out(payload: Mapping[str, Any]) -> bool:
    """Timer: charge the card. May be called again after a crash at any line, and by a webhook.

    What was sent before is asked for first, and is sent again only under the key under which the
    provider would not do it twice. Answers whether he was asked for anything.
    """
    row = PaymentAttempt.objects.get(key=payload["key"])
    if row.state not in UNDER_WAY:
        return False
    card = chosen_method(row.party_id or 0)
    if card is None and _decline(row.key, reason="card_removed", state=PaymentState.REQUESTED):
        return False
    asked_before = card is None or not _begun(row, card)
    report = None
    if asked_before:
        row.refresh_from_db()
        report = gateway().find_charge(key=row.key, customer_id=row.customer_id)
    try:
        report = report or gateway().charge(_request(row))
    except Refused as refusal:
        _decline(row.key, reason=refusal.code)
    else:
        _note(row.key, report)
    return True


def _begun(row: PaymentAttempt, card: SavedCard) -> bool:
    """Whether this is the first try, which settles for good which card is charged: the one that is
    chosen now, because that of the wish may have been removed since."""
    row.customer_id, row.method_id = card.customer_id, card.method_id
    return bool(
        PaymentAttempt.objects.filter(key=row.key, state=PaymentState.REQUESTED).update(
            state=PaymentState.OPENING,
            claimed_at=machine_now(),
            customer_id=card.customer_id,
            method_id=card.method_id,
            card_brand=card.card_brand,
            card_last4=card.card_last4,
        )
    )


def _note(key: str, report: PaymentReport) -> None:
    if report.outcome is Outcome.OPEN and report.reason:
        _decline(key, reason=report.reason)
    else:
        note_report(key=key, report=report)


@transaction.atomic
def _decline(key: str, *, reason: str, state: PaymentState = PaymentState.OPENING) -> bool:
    """Once, from `state`; the reason, which is the bank's mostly, stays with the payment."""
    waiting = PaymentAttempt.objects.filter(key=key, state=state)
    declined = bool(waiting.update(state=PaymentState.DECLINED, last_error=reason[:300]))
    if declined:
        row = PaymentAttempt.objects.get(key=key)
        publish(PaymentDeclined(key=key, reference=row.reference, reason=reason))
    return declined


def _request(row: PaymentAttempt) -> ChargeRequest:
    return ChargeRequest(
        key=row.key,
        amount=row.money,
        reference=row.reference,
        customer_id=row.customer_id,
        method_id=row.method_id,
    )
