"""A saved card or account charged without its holder: stored first, carried out by a worker."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from commerce.accounts.kinds import Segment
from commerce.accounts.selectors import party
from commerce.events.outbox import publish
from commerce.events.timers import schedule, soon
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import Refused
from commerce.kernel.money import Money
from commerce.kernel.trace import current_trace
from commerce.payments.events import PaymentDeclined
from commerce.payments.gateway import gateway
from commerce.payments.models import PaymentAttempt, PaymentState, SavedMethod
from commerce.payments.ports import (
    ChargeRequest,
    MethodKind,
    Outcome,
    PaymentReport,
    SentCharge,
)
from commerce.payments.selectors import Saved, chosen_method, usable_method
from commerce.payments.services.methods import LASTING, end_mandate
from commerce.payments.services.outcome import note_report

TIMER = "payments.charge"
UNDER_WAY = (PaymentState.REQUESTED, PaymentState.OPENING, PaymentState.PROCESSING)
BANKS_TAKE = timedelta(days=7)
ASK_AGAIN = timedelta(days=1)
"""Of business time: what the provider does not report by itself is asked for."""


def request_charge(
    *,
    key: str,
    party_id: int,
    amount: Money,
    reference: str,
    purpose: str = "bill",
    method: Saved | None = None,
) -> bool:
    """Store the wish that `amount` be taken with `method`, or with that which the party chose;
    False: it has none.

    In the caller's transaction; the same key once. That a debit was announced in time is the
    caller's affair.
    """
    method = method or chosen_method(party_id)
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
        method_kind=method.kind,
        card_brand=method.card_brand,
        card_last4=method.card_last4,
        expires_at=business_now(),
        trace_id=current_trace(),
    )
    PaymentAttempt.objects.bulk_create([wish], ignore_conflicts=True)
    soon(key=f"{TIMER}:{key}", handler=TIMER, payload={"key": key})
    return True


def carry_out(payload: Mapping[str, Any]) -> bool:
    """Timer: charge the card, begin the debit, or ask what became of it. May be called again after
    a crash at any line, and by a webhook.

    What was sent before is asked for first, and is sent again only under the key under which the
    provider would not do it twice. Answers whether he was asked for anything.
    """
    row = PaymentAttempt.objects.get(key=payload["key"])
    if row.state not in UNDER_WAY:
        return False
    method = _method(row)
    if method is None and _decline(row.key, reason="card_removed", state=PaymentState.REQUESTED):
        return False
    asked_before = method is None or not _begun(row, method)
    report = None
    if asked_before:
        row.refresh_from_db()
        report = gateway().find_charge(_sent(row))
    try:
        report = report or gateway().charge(_request(row))
    except Refused as refusal:
        _decline(row.key, reason=refusal.code)
    else:
        _note(row.key, report)
    return True


def _method(row: PaymentAttempt) -> Saved | None:
    """That of the wish; the card that is chosen now if it was a card and has been removed since, of
    a firm one that it chose for its bills. Another account was not announced to its holder."""
    party_id = row.party_id or 0
    same = usable_method(party_id, row.method_id)
    if same is not None or row.method_kind != MethodKind.CARD:
        return same
    business = party(party_id).segment == Segment.BUSINESS
    return chosen_method(party_id, kind=MethodKind.CARD, for_bills=business)


def _begun(row: PaymentAttempt, card: Saved) -> bool:
    """Whether this is the first try, which settles for good what is charged."""
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
        return
    note_report(key=key, report=report)
    if report.outcome is Outcome.PROCESSING:
        _ask_later(key)


def _ask_later(key: str) -> None:
    """In case that the bank's answer is never reported."""
    row = PaymentAttempt.objects.get(key=key)
    first = row.created_at + BANKS_TAKE
    schedule(
        key=f"{TIMER}:{key}",
        handler=TIMER,
        due_at=max(first, business_now() + ASK_AGAIN),
        payload={"key": key},
    )


@transaction.atomic
def _decline(key: str, *, reason: str, state: PaymentState | None = None) -> bool:
    """Once, from `state` or after it was sent; the reason, the bank's mostly, stays with it."""
    sent = (PaymentState.OPENING, PaymentState.PROCESSING)
    waiting = PaymentAttempt.objects.filter(key=key, state__in=(state,) if state else sent)
    declined = bool(waiting.update(state=PaymentState.DECLINED, last_error=reason[:300]))
    if declined:
        row = PaymentAttempt.objects.get(key=key)
        publish(PaymentDeclined(key=key, reference=row.reference, reason=reason))
        if reason in LASTING and row.method_kind == MethodKind.SEPA_DEBIT:
            _end_mandate_of(row, reason=reason)
    return declined


def _end_mandate_of(row: PaymentAttempt, *, reason: str) -> None:
    method = SavedMethod.objects.filter(method_id=row.method_id).first()
    if method is not None:
        end_mandate(mandate_id=method.mandate_id, reason=reason)


def _sent(row: PaymentAttempt) -> SentCharge:
    return SentCharge(
        key=row.key,
        customer_id=row.customer_id,
        intent_id=row.intent_id,
        since=row.created_at - ASK_AGAIN,
    )


def _request(row: PaymentAttempt) -> ChargeRequest:
    return ChargeRequest(
        key=row.key,
        amount=row.money,
        reference=row.reference,
        customer_id=row.customer_id,
        method_id=row.method_id,
        kind=MethodKind(row.method_kind),
    )
