"""A payment on the provider's hosted page: asked for, opened, looked after."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from commerce.events.outbox import publish
from commerce.events.timers import schedule, soon
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import Conflict, NotFound, Refused, Unknown
from commerce.kernel.money import Money, total
from commerce.kernel.trace import current_trace
from commerce.payments.events import PaymentDeclined
from commerce.payments.gateway import gateway
from commerce.payments.models import PaymentAttempt, PaymentState
from commerce.payments.ports import CheckoutRequest, PayLine
from commerce.payments.selectors import PaymentView, payment
from commerce.payments.services.methods import known_customer
from commerce.payments.services.outcome import note_report
from commerce.rows import Given, Prepared

PAGE_LIFE = timedelta(hours=23)
"""How long the hosted page stays open; Stripe allows 30 minutes to 24 hours."""
FIRST_LOOK = timedelta(seconds=20)
LONGEST_LOOK = timedelta(minutes=10)

_ATTEMPT = Prepared(lambda: PaymentAttempt.objects.filter(key=Given("key")))
OPEN_TIMER = "payments.open"
LOOK_TIMER = "payments.look"
TO_OPEN = (PaymentState.REQUESTED, PaymentState.OPENING, PaymentState.UNKNOWN)


def request_payment(
    *,
    key: str,
    amount: Money,
    party_id: int | None,
    reference: str,
    lines: tuple[PayLine, ...],
    email: str,
    language: str,
    success_url: str,
    cancel_url: str,
    purpose: str = "order",
) -> None:
    """Store the wish that `amount` be paid, in the caller's transaction; the same key once.

    Raises:
        ValueError: the amount isn't above zero, or the lines don't add up to it.
        Conflict: the key stands for another amount.
    """
    asked = total(
        (line.amount.rounded() * line.quantity for line in lines), currency=amount.currency
    )
    if amount.cents <= 0 or asked.cents != amount.cents:
        raise ValueError(f"the lines of {key} add up to {asked}, not to {amount}")
    wish = PaymentAttempt(
        key=key,
        purpose=purpose,
        party_id=party_id,
        reference=reference,
        amount=amount.rounded().amount,
        currency=amount.currency,
        lines=[
            {"label": line.label, "cents": line.amount.cents, "quantity": line.quantity}
            for line in lines
        ],
        email=email,
        language=language,
        success_url=success_url,
        cancel_url=cancel_url,
        expires_at=business_now() + PAGE_LIFE,
        trace_id=current_trace(),
    )
    PaymentAttempt.objects.bulk_create([wish], ignore_conflicts=True)
    if _ATTEMPT.rows(key=key)[0].money != amount.rounded():
        raise Conflict(
            "This payment was asked for with another amount.", code="payment_differs", key=key
        )


def open_session(*, key: str) -> str:
    """The address of the hosted page. May be repeated, and after a crash at any line.

    Nobody else's answer is overwritten: whoever comes second gets the same page, because the
    provider answers the same key with the same page.

    Raises:
        NotFound: no such payment.
        Conflict: `payment_closed`: it is paid, cancelled or declined.
        Unknown: the provider gave no answer; it is asked again by itself.
    """
    row = _claimed(key)
    if row.state == PaymentState.OPENED:
        return row.hosted_url
    if row.state not in TO_OPEN:
        raise Conflict(
            "This payment is closed.", code="payment_closed", key=key, state=str(row.state)
        )
    try:
        opened = gateway().open_checkout(_request(row))
    except Refused as refusal:
        _decline(row, reason=refusal.code)
        raise
    except Unknown:
        with transaction.atomic():
            _moved(key, PaymentState.OPENING, state=PaymentState.UNKNOWN)
            schedule(
                key=f"{OPEN_TIMER}:{key}",
                handler=OPEN_TIMER,
                due_at=machine_now() + timedelta(seconds=2),
                payload={"key": key},
                clock="machine",
            )
        raise
    with transaction.atomic():
        for state in (PaymentState.OPENING, PaymentState.UNKNOWN):
            if _moved(
                key,
                state,
                state=PaymentState.OPENED,
                session_id=opened.session_id,
                hosted_url=opened.url,
            ):
                _look_later(key, after=FIRST_LOOK)
    return opened.url


def refresh(*, key: str) -> PaymentView:
    """Ask the provider what became of the payment (the browser is back); never worse than before.

    Raises:
        NotFound: no such payment.
    """
    row = _row(key)
    if row.session_id and row.state in (PaymentState.OPENED, PaymentState.AUTHORISED):
        try:
            note_report(key=key, report=gateway().report(session_id=row.session_id))
        except (Unknown, Refused):
            return payment(key)
    return payment(key)


def open_again(payload: Mapping[str, Any]) -> bool:
    """Timer: a page whose opening went unanswered. An unanswered one is tried again. Answers
    whether the provider was asked."""
    key = payload["key"]
    if _row(key).state not in TO_OPEN:
        return False
    try:
        open_session(key=key)
    except Conflict:
        return False
    except Refused:
        pass
    return True


def look_after(payload: Mapping[str, Any]) -> None:
    """Timer: ask for a page that nobody reported on; less and less often, until it is closed."""
    key = payload["key"]
    if refresh(key=key).state == PaymentState.OPENED:
        _look_later(key, after=min(timedelta(seconds=payload["after"]) * 2, LONGEST_LOOK))


def look_soon(*, key: str) -> None:
    """Ask for the payment now, in a worker."""
    soon(key=f"{LOOK_TIMER}:{key}", handler=LOOK_TIMER, payload={"key": key, "after": 20})


def _look_later(key: str, *, after: timedelta) -> None:
    schedule(
        key=f"{LOOK_TIMER}:{key}",
        handler=LOOK_TIMER,
        due_at=machine_now() + after,
        payload={"key": key, "after": after.total_seconds()},
        clock="machine",
    )


def _claimed(key: str) -> PaymentAttempt:
    """The row; the first to come sets what the provider will be told from now on."""
    with transaction.atomic():
        row = PaymentAttempt.objects.select_for_update().filter(key=key).first()
        if row is None:
            raise NotFound("There is no such payment.")
        if row.state == PaymentState.REQUESTED:
            row.expires_at = business_now() + PAGE_LIFE
            row.customer_id = known_customer(row.party_id)
            row.state = PaymentState.OPENING
        elif row.state == PaymentState.UNKNOWN:
            row.state = PaymentState.OPENING
        row.claimed_at = machine_now()
        row.save(update_fields=["expires_at", "customer_id", "state", "claimed_at"])
    return row


def _request(row: PaymentAttempt) -> CheckoutRequest:
    expires: datetime = row.expires_at
    return CheckoutRequest(
        key=row.key,
        amount=row.money,
        lines=tuple(
            PayLine(line["label"], Money.from_cents(line["cents"], row.currency), line["quantity"])
            for line in row.lines
        ),
        reference=row.reference,
        email=row.email,
        language=row.language,
        success_url=row.success_url,
        cancel_url=row.cancel_url,
        expires_at=expires,
        customer_id=row.customer_id,
        keeps=row.keeps_card,
    )


def _decline(row: PaymentAttempt, *, reason: str) -> None:
    with transaction.atomic():
        if _moved(row.key, PaymentState.OPENING, state=PaymentState.DECLINED, last_error=reason):
            publish(PaymentDeclined(key=row.key, reference=row.reference, reason=reason))


def _moved(key: str, current: PaymentState, **values: Any) -> bool:
    return bool(PaymentAttempt.objects.filter(key=key, state=current).update(**values))


def _row(key: str) -> PaymentAttempt:
    row = PaymentAttempt.objects.filter(key=key).first()
    if row is None:
        raise NotFound("There is no such payment.")
    return row
