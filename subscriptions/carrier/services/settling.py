"""What we owe merchants: their months closed, and paid out; double entry, only added.

A month is closed on the third of the next one, if its bills say the same as its purchases; what is
given back later belongs to the month in which it was. What is due below zero is taken off the next
transfer. Our commission is invoiced with it, and set off.
"""

import logging
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Sum, When

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.kinds import Role
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from subscriptions.carrier.models import (
    Merchant,
    MerchantSettlement,
    MerchantTerms,
    MerchantTransfer,
)
from subscriptions.carrier.services import commissions, months
from subscriptions.carrier.statements import MerchantStatement, statements
from subscriptions.domain.carrier import MerchantBook, Selling, month_of

logger = logging.getLogger(__name__)

TIMER = "carrier.settling"
DUE_ON, DUE_AT = 3, time(6, 0)
LOOKED_BACK = 3
"""Months that are closed then, if they were not: a bill may have been wrong until now."""


def begin() -> None:
    """Make sure that the next month's timer is set; the pump calls this when it starts."""
    if timers.due_at(TIMER) is None:
        _set(month_of(business_today()))


def on_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time; may come twice. A month that can't be closed holds up no later one."""
    month = date.fromisoformat(payload["month"])
    refused: RuleViolated | None = None
    for back in reversed(range(LOOKED_BACK)):
        try:
            close(add_months(month, -back), by=SYSTEM.actor.name)
        except RuleViolated as failed:
            refused = refused or failed
    if refused is not None:
        raise refused
    with transaction.atomic():
        _set(add_months(month, 1))


def close(month: date, *, by: str) -> int:
    """Enter what is due to each merchant for the month (by its first day), unless his bills say
    something else or it was entered before; how many were. A merchant at a time: what he sells
    waits meanwhile, and what began in the month and comes too late for it counts in the next.

    Raises:
        RuleViolated: `month_not_over`; `months_not_closed`: those of some merchants can't be, which
        holds up no other.
    """
    if add_months(month, 1) > business_today():
        raise RuleViolated("The month is not over yet.", code="month_not_over")
    count, failed = 0, []
    for code, pk in Merchant.objects.order_by("pk").values_list("code", "pk"):
        try:
            count += _close(pk, month, by=by)
        except Exception:
            logger.exception("the month %s of the merchant %s can't be closed", month, code)
            failed.append(code)
    if failed:
        raise RuleViolated(f"Not closed: {', '.join(failed)}.", code="months_not_closed")
    return count


@transaction.atomic
def pay_out(*, context: AccountContext, code: str, amount: Money, reference: str) -> Money:
    """Note that all that is payable to the merchant, the `amount`, was transferred to him; it is
    answered. The same transfer may be noted twice.

    Raises:
        Forbidden: `operators_only`. NotFound: `unknown_merchant`. InvalidInput:
        `reference_missing`. RuleViolated: `nothing_payable`. Conflict: `payable_changed`: another
        sum is payable, as a month was closed meanwhile, or was noted under this reference.
    """
    _operators_only(context)
    if not reference.strip():
        raise InvalidInput("Name the transfer.", code="reference_missing", field="reference")
    merchant = Merchant.objects.select_for_update(no_key=True).filter(code=code).first()
    if merchant is None:
        raise NotFound("There is no such merchant.", code="unknown_merchant")
    key = f"payout/{merchant.code}/{reference.strip()[:80]}"
    known = MerchantTransfer.objects.filter(key=key).first()
    owed = payable_to(merchant.pk) if known is None else Money(known.amount)
    if owed.amount <= 0:
        raise RuleViolated("Nothing is payable to him.", code="nothing_payable")
    if owed != amount:
        raise Conflict("That is not what is payable to him.", code="payable_changed")
    if known is not None:
        return owed
    _enter(merchant.pk, moved=(MerchantBook.PAYABLE, MerchantBook.BANK), amount=owed, key=key)
    merchant.settlements.filter(paid_at=None).update(
        paid_at=business_now(), paid_by=context.actor.name, reference=reference.strip()[:80]
    )
    return owed


@transaction.atomic
def agree_terms(*, code: str, since: date, share: Decimal, fee: Decimal, by: str) -> None:
    """Another share (percent) and fee (without tax) from the month on that begins on `since`.

    Raises:
        NotFound: `unknown_merchant`. InvalidInput: `terms_out_of_range`. Conflict: `month_closed`:
        it, or a later one, was closed under the terms that hold now, or others were agreed for it.
    """
    merchant = Merchant.objects.select_for_update(no_key=True).filter(code=code).first()
    if merchant is None:
        raise NotFound("There is no such merchant.", code="unknown_merchant")
    if since.day != 1 or not 0 <= share <= 100 or fee < 0:
        raise InvalidInput(
            "A share is from 0 to 100 %, a fee not below zero, from the first of a month on.",
            code="terms_out_of_range",
        )
    taken = merchant.settlements.filter(month__gte=since).exists()
    if taken or merchant.terms.filter(since=since).exists():
        raise Conflict("That month is closed, or agreed about.", code="month_closed")
    MerchantTerms.objects.create(
        merchant=merchant, since=since, share=share, fee=fee, agreed_at=business_now(), agreed_by=by
    )


def payable_to(merchant_id: int) -> Money:
    """What we owe the merchant; below zero he owes us."""
    book = MerchantBook.PAYABLE
    signed = Sum(Case(When(credit=book, then=F("amount")), When(debit=book, then=-F("amount"))))
    rows = MerchantTransfer.objects.filter(merchant=merchant_id)
    return Money(rows.aggregate(sum=signed)["sum"] or Decimal(0))


@transaction.atomic
def _close(merchant_id: int, month: date, *, by: str) -> bool:
    # Else a transfer would call a month paid that it did not see, or terms change after the sum.
    Merchant.objects.select_for_update(no_key=True).get(pk=merchant_id)
    months.hold(merchant_id)
    if MerchantSettlement.objects.filter(merchant=merchant_id, month=month).exists():
        return False
    told = next(iter(statements(month, merchant_id=merchant_id)), None)
    if told is None or not told.agrees or commissions.waits_for_another(told):
        return False
    MerchantSettlement.objects.create(
        merchant_id=merchant_id,
        month=month,
        purchases=told.purchases,
        sold=told.sold.amount,
        given_back=told.given_back.amount,
        net=told.net.amount,
        fees=told.fees.amount,
        commission=told.commission.amount,
        commission_tax=told.tax.amount,
        due=told.due.amount,
        invoice=commissions.invoice(told, month),
        closed_at=business_now(),
        closed_by=by,
    )
    for what, debit, credit, amount in _entries(told):
        key = f"{what}/{told.code}/{month:%Y-%m}"
        if amount.amount < 0:
            debit, credit, amount = credit, debit, -amount
        if amount:
            _enter(merchant_id, moved=(debit, credit), amount=amount, key=key)
    return True


def _entries(
    told: MerchantStatement,
) -> tuple[tuple[str, MerchantBook, MerchantBook, Money], ...]:
    """What a closed month enters: for what, debited, credited; below zero the other way round."""
    payable = MerchantBook.PAYABLE
    if told.selling is not Selling.TOLD:
        return (("share", MerchantBook.COST, payable, told.due),)
    return (
        ("collected", MerchantBook.HELD, payable, told.sold - told.given_back),
        ("commission", payable, MerchantBook.SET_OFF, told.commission + told.tax),
    )


def _enter(
    merchant_id: int, *, moved: tuple[MerchantBook, MerchantBook], amount: Money, key: str
) -> None:
    """`moved`: debited, credited."""
    debit, credit = moved
    MerchantTransfer.objects.create(
        at=business_now(),
        merchant_id=merchant_id,
        debit=debit,
        credit=credit,
        amount=amount.amount,
        key=key,
    )


def _set(month: date) -> None:
    """The timer of a month, due in the next one."""
    day = add_months(month, 1).replace(day=DUE_ON)
    timers.schedule(
        key=TIMER,
        handler=TIMER,
        due_at=datetime.combine(day, DUE_AT, PARIS),
        payload={"month": month.isoformat()},
    )


def _operators_only(context: AccountContext) -> None:
    if context.role != Role.OPERATOR:
        raise Forbidden("Only operators do this.", code="operators_only")
