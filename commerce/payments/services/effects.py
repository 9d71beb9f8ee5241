"""Capture, cancel, refund: stored first, carried out by a worker, once."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from commerce.events.outbox import publish
from commerce.events.timers import soon
from commerce.events.work import Postponed
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import Conflict, NotFound, Refused
from commerce.kernel.money import Money
from commerce.payments.events import (
    PaymentCancelled,
    PaymentDeclined,
    PaymentEffectRefused,
    PaymentRefunded,
    PaymentSettled,
)
from commerce.payments.gateway import gateway
from commerce.payments.models import (
    LIFE,
    EffectKind,
    EffectState,
    PaymentAttempt,
    PaymentEffect,
    PaymentState,
)
from commerce.payments.ports import Outcome, PaymentReport
from commerce.payments.selectors import coming_in, payments_of
from commerce.payments.services.checkout import open_session

TIMER = "payments.effect"
OPENING_TAKES = timedelta(seconds=30)
"""Of machine time: who has not opened a page by then does so no more."""


@transaction.atomic
def capture(*, key: str, amount: Money | None = None) -> None:
    """Take the authorised money (all of it if no `amount`), soon. Twice is once.

    Raises:
        NotFound: no such payment.
        Conflict: `not_authorised`.
    """
    row = _locked(key)
    if row.state == PaymentState.SETTLED:
        return
    if row.state != PaymentState.AUTHORISED:
        raise Conflict(
            "Only an authorised payment can be captured.", code="not_authorised", key=key
        )
    _store(row, EffectKind.CAPTURE, amount=amount or row.money)


@transaction.atomic
def cancel(*, key: str) -> None:
    """Close the page or give the authorisation back, soon. Twice is once.

    Raises:
        NotFound: no such payment.
        Conflict: `already_settled`: refund it instead.
    """
    row = _locked(key)
    if row.state in (PaymentState.CANCELLED, PaymentState.DECLINED):
        return
    if row.state in (PaymentState.SETTLED, PaymentState.REFUNDED):
        raise Conflict("This payment is taken; refund it.", code="already_settled", key=key)
    if row.state == PaymentState.REQUESTED:
        row.state = PaymentState.CANCELLED
        row.save(update_fields=["state"])
        publish(PaymentCancelled(key=row.key, reference=row.reference))
        return
    _store(row, EffectKind.CANCEL, amount=row.money)


@transaction.atomic
def refund(*, key: str, amount: Money, sequence: int = 1) -> None:
    """Pay `amount` back, soon. The same sequence is the same refund.

    Raises:
        NotFound: no such payment.
        Conflict: `not_settled`, or `refund_too_high`: more than was taken in all.
    """
    row = _locked(key)
    if row.effects.filter(kind=EffectKind.REFUND, sequence=sequence).exists():
        return
    if row.state != PaymentState.SETTLED:
        raise Conflict("Only money that was taken can go back.", code="not_settled", key=key)
    nothing = (EffectState.REFUSED, EffectState.GIVEN_UP)
    asked = row.effects.filter(kind=EffectKind.REFUND).exclude(state__in=nothing)
    taken = _taken(row)
    given = sum((effect.amount for effect in asked), start=amount.rounded().amount)
    if amount.cents <= 0 or given > taken:
        raise Conflict("This is more than was paid.", code="refund_too_high", key=key)
    _store(row, EffectKind.REFUND, amount=amount.rounded(), sequence=sequence)


@transaction.atomic
def try_again(*, effect_id: int) -> None:
    """Ask the provider anew for what it refused, under a new key.

    Raises:
        NotFound: `not_refused`: there is none, or somebody has decided about it.
        Conflict: `paid_otherwise`: what was to be taken came, or comes, by another payment.
    """
    effect = _decided(effect_id, EffectState.REQUESTED)
    if effect.kind == EffectKind.CAPTURE and _paid_otherwise(effect.payment):
        raise Conflict("This was paid in another way meanwhile.", code="paid_otherwise")
    effect.generation += 1
    effect.save(update_fields=["generation"])
    _take_up(effect)
    _soon(effect)


@transaction.atomic
def give_up(*, effect_id: int) -> None:
    """It stays refused for good. What a capture should have taken is reserved no longer.

    Raises:
        NotFound: `not_refused`: there is none, or somebody has decided about it.
    """
    effect = _decided(effect_id, EffectState.GIVEN_UP)
    if effect.kind == EffectKind.CAPTURE:
        _take_up(effect)
        cancel(key=effect.payment.key)


def carry_out(payload: Mapping[str, Any]) -> bool:
    """Timer: carry out one stored effect. May be called again after a crash at any line.

    What was sent before without an answer is asked for first, and is sent again only under the
    key under which the provider would not do it twice. Answers whether he was asked for anything.
    """
    effect = PaymentEffect.objects.select_related("payment").get(pk=payload["effect_id"])
    if effect.state not in (EffectState.REQUESTED, EffectState.SENT):
        return False
    PaymentEffect.objects.filter(pk=effect.pk, state=EffectState.REQUESTED).update(
        state=EffectState.SENT
    )
    try:
        provider_id = ACTIONS[EffectKind(effect.kind)](effect)
    except Refused as refusal:
        _refused(effect, reason=refusal.code)
    else:
        _done(effect, provider_id=provider_id)
    return True


def _capture(effect: PaymentEffect) -> str:
    row = effect.payment
    if effect.state == EffectState.SENT and _report(row).outcome == Outcome.SETTLED:
        return row.intent_id
    return gateway().capture(
        key=effect.key, intent_id=row.intent_id, amount=Money(effect.amount, row.currency)
    )


def _cancel(effect: PaymentEffect) -> str:
    row = effect.payment
    if not row.session_id and not _page_of(row):
        return ""
    report = _report(row)
    if report.outcome == Outcome.CANCELLED:
        return row.session_id
    if report.outcome == Outcome.OPEN:
        try:
            return gateway().close(key=effect.key, session_id=row.session_id)
        except Refused:
            report = _report(row)
            if report.outcome == Outcome.OPEN:
                raise
    if report.outcome == Outcome.CANCELLED:
        return row.session_id
    return gateway().release(key=f"{effect.key}/release", intent_id=report.intent_id)


def _page_of(row: PaymentAttempt) -> str:
    """The page whose opening was never answered, as far as we know; empty if there will be none.

    It can only be closed by its id, and the only way to ask for that is to open it again under its
    key, which gives the same page. Whoever opens it just now is not interfered with.

    Raises:
        Postponed: it is being opened. Unknown: the provider gave no answer.
    """
    begun = row.claimed_at
    if row.state == PaymentState.OPENING and begun and machine_now() - begun < OPENING_TAKES:
        raise Postponed(begun + OPENING_TAKES)
    with suppress(Conflict, Refused):
        open_session(key=row.key)
    row.refresh_from_db()
    return row.session_id


def _refund(effect: PaymentEffect) -> str:
    row = effect.payment
    return gateway().refund(
        key=effect.key, intent_id=row.intent_id, amount=Money(effect.amount, row.currency)
    )


ACTIONS = {
    EffectKind.CAPTURE: _capture,
    EffectKind.CANCEL: _cancel,
    EffectKind.REFUND: _refund,
}


def _report(row: PaymentAttempt) -> PaymentReport:
    """Asks; keeps the ids for the books, and moves no state: the effect under way decides that."""
    report = gateway().report(session_id=row.session_id)
    if report.intent_id and not row.intent_id:
        PaymentAttempt.objects.filter(pk=row.pk).update(intent_id=report.intent_id)
    return report


@transaction.atomic
def _done(effect: PaymentEffect, *, provider_id: str) -> None:
    row = _locked(effect.payment.key)
    if not _end(effect, EffectState.DONE, provider_id=provider_id):
        return
    if effect.kind == EffectKind.REFUND:
        PaymentAttempt.objects.filter(pk=row.pk).update(refunded=F("refunded") + effect.amount)
        row.refresh_from_db()
        if row.refunded >= _taken(row):
            _reach(row, PaymentState.REFUNDED)
        publish(
            PaymentRefunded(
                key=row.key,
                reference=row.reference,
                sequence=effect.sequence,
                amount=str(effect.amount),
            )
        )
    elif effect.kind == EffectKind.CAPTURE:
        if _reach(row, PaymentState.SETTLED):
            publish(PaymentSettled(key=row.key, reference=row.reference))
    elif _reach(row, PaymentState.CANCELLED):
        publish(PaymentCancelled(key=row.key, reference=row.reference))


@transaction.atomic
def _refused(effect: PaymentEffect, *, reason: str) -> None:
    row = _locked(effect.payment.key)
    if not _end(effect, EffectState.REFUSED, last_error=reason):
        return
    publish(
        PaymentEffectRefused(key=row.key, reference=row.reference, kind=effect.kind, reason=reason)
    )
    if effect.kind == EffectKind.CAPTURE and _reach(row, PaymentState.DECLINED):
        publish(PaymentDeclined(key=row.key, reference=row.reference, reason=reason))


def _end(effect: PaymentEffect, state: EffectState, **values: Any) -> bool:
    return bool(
        PaymentEffect.objects.filter(pk=effect.pk, state=EffectState.SENT).update(
            state=state, **values
        )
    )


def _reach(row: PaymentAttempt, target: PaymentState) -> bool:
    """False if the webhook was first (or the step makes no sense any more)."""
    if target not in LIFE.table.get(PaymentState(row.state), frozenset()):
        return False
    row.state = target
    row.save(update_fields=["state"])
    return True


def _store(row: PaymentAttempt, kind: EffectKind, *, amount: Money, sequence: int = 1) -> None:
    effect, _ = PaymentEffect.objects.get_or_create(
        payment=row, kind=kind, sequence=sequence, defaults={"amount": amount.amount}
    )
    if effect.state in (EffectState.REQUESTED, EffectState.SENT):
        _soon(effect)


def _soon(effect: PaymentEffect) -> None:
    soon(key=f"{TIMER}:{effect.pk}", handler=TIMER, payload={"effect_id": effect.pk})


def _decided(effect_id: int, target: EffectState) -> PaymentEffect:
    """The refused effect, in its new state; its payment is locked."""
    refused = PaymentEffect.objects.filter(pk=effect_id, state=EffectState.REFUSED)
    key = refused.values_list("payment__key", flat=True).first()
    if key is not None:
        _locked(key)
    if not refused.update(state=target):
        raise NotFound("This payment no longer waits for a decision.", code="not_refused")
    return PaymentEffect.objects.select_related("payment").get(pk=effect_id)


def _paid_otherwise(row: PaymentAttempt) -> bool:
    coming = coming_in(row.reference)
    held = [each.key for each in payments_of(row.reference) if each.is_held]
    return bool({*coming, *held} - {row.key})


def _take_up(effect: PaymentEffect) -> None:
    """A refused capture ended its payment; the money is still reserved, as far as we know."""
    if effect.kind == EffectKind.CAPTURE:
        _reach(effect.payment, PaymentState.AUTHORISED)


def _taken(row: PaymentAttempt) -> Any:
    captured = row.effects.filter(kind=EffectKind.CAPTURE, state=EffectState.DONE).first()
    return captured.amount if captured else row.amount


def _locked(key: str) -> PaymentAttempt:
    row = PaymentAttempt.objects.select_for_update().filter(key=key).first()
    if row is None:
        raise NotFound("There is no such payment.")
    return row
