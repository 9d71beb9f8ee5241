"""Purchases: charged in one step, or reserved and confirmed in two; never beyond a cap.

Whoever changes what a line has spent holds the lock of all lines that count with it, so two
purchases at once never pass a cap together. A refusal is kept (`CarrierDenial`) for whoever asks
why.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.crypto import constant_time_compare, salted_hmac

from commerce.events import timers
from commerce.events.webhooks.addresses import checked_url
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.markets.pack import market
from subscriptions.carrier.models import (
    CarrierDenial,
    CarrierPayment,
    CarrierSubscription,
    Merchant,
)
from subscriptions.carrier.selectors import counted_with
from subscriptions.carrier.services import messages, telling
from subscriptions.carrier.services.limits import caps, limits_of
from subscriptions.carrier.services.stopping import remind_from
from subscriptions.domain.carrier import (
    CATEGORIES,
    COUNTED,
    OPEN,
    PAYMENT_LIFE,
    Asked,
    Category,
    PaymentState,
    Price,
    Rule,
    month_of,
    price_of,
    refusal,
)
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.models import Subscription, SubscriptionBlock

EXPIRY = "carrier.expiry"
RESERVED_FOR = timedelta(minutes=15)
"""Business time, from the request to the confirmation."""
MOST_TRIES = 3
MOST_CODES = 5
"""That a merchant may have sent to a line within `CODES_WITHIN` and not be confirmed: neither can
he guess on for ever, nor trouble a customer with messages."""
CODES_WITHIN = timedelta(days=1)
CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a merchant asks for. `told` is his `amountTransaction`, `digest` that of all he sent."""

    number: str
    reference: str
    correlator: str
    amount: Decimal
    currency: str
    tax_included: bool
    tax: Decimal | None
    description: str
    category: str
    seller: str
    service_code: str
    told: Mapping[str, Any]
    digest: str
    sink: str = ""
    token: str = ""
    token_until: datetime | None = None


def digest_of(body: Any) -> str:
    """Tells a request that is repeated from another one."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


def charge(*, party_id: int, purchase: Purchase) -> CarrierPayment:
    """One step: on the bill at once, if the merchant's contract or a subscription that the customer
    confirmed lets him.

    The same correlator with the same request answers what came of it before.

    Raises:
        Forbidden: `not_a_merchant`, or a `Rule` that is about line, contract or blocks.
        NotFound: `unknown_line`. Conflict: `reference_taken`. InvalidInput: `correlator_taken`,
        `unknown_currency`, `tax_mismatch`, `less_than_a_cent`, `bad_address`.
        RuleViolated: a `Rule` that is about a cap.
    """
    return _take(party_id=party_id, purchase=purchase, steps=1)


def prepare(*, party_id: int, purchase: Purchase) -> CarrierPayment:
    """Two steps: reserved for a quarter of an hour; the customer gets a code by SMS, and says yes
    by giving it to the merchant. Raises as `charge`, and Conflict `session_open`,
    `too_many_codes`."""
    return _take(party_id=party_id, purchase=purchase, steps=2)


def validate(*, party_id: int, payment_id: UUID, authorization: str, code: str) -> None:
    """The customer's code makes the payment ready to be confirmed; the third wrong one denies it.

    Raises:
        NotFound. Conflict: `already_validated`. InvalidInput: `wrong_authorization`, `wrong_code`,
        `validation_failed` (too many wrong ones, or it was given up).
    """
    with transaction.atomic():
        payment = _locked(party_id=party_id, payment_id=payment_id)
        wrong = _validated(payment, authorization=authorization, code=code)
    if wrong == "already_validated":
        raise Conflict("This payment was validated before.", code=wrong)
    if wrong:
        raise InvalidInput("The payment was not validated.", code=wrong)


def confirm(*, party_id: int, payment_id: UUID, number: str) -> None:
    """Charge what was reserved, if nothing forbids it by now; the customer is told.

    Raises:
        NotFound, also for another number. Conflict: `payment_confirmed`, `payment_cancelled`.
        Forbidden: `not_validated`; a `Rule`, and the payment is denied.
    """
    with transaction.atomic():
        payment = _locked(party_id=party_id, payment_id=payment_id)
        _check_second_step(payment, number)
        if payment.state == PaymentState.PENDING_VALIDATION:
            raise Forbidden("The customer has not confirmed it yet.", code="not_validated")
        rule = _forbids(payment, without=payment)
        if rule is None:
            _succeed(payment)
        else:
            _deny(payment, reason=rule.value)
    if rule is not None:
        raise Forbidden("The purchase is not possible any more.", code=rule.value)


@transaction.atomic
def cancel(*, party_id: int, payment_id: UUID, number: str) -> None:
    """Give up what was reserved. Raises NotFound; Conflict as `confirm`."""
    payment = _locked(party_id=party_id, payment_id=payment_id)
    _check_second_step(payment, number)
    _cancel(payment, "The merchant cancelled the payment.")


def on_expiry_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: what nobody confirmed is cancelled."""
    known = CarrierPayment.objects.filter(pk=payload["payment"]).first()
    if known is None:
        return
    _line(known.subscription_id)
    payment = CarrierPayment.objects.select_for_update().get(pk=known.pk)
    if payment.state in OPEN:
        _cancel(payment, "Nobody confirmed the payment in time.")


def _validated(payment: CarrierPayment, *, authorization: str, code: str) -> str:
    """What is wrong with the code; a try is counted."""
    if payment.state in (PaymentState.RESERVED, PaymentState.SUCCEEDED):
        return "already_validated"
    if payment.state != PaymentState.PENDING_VALIDATION or _is_over(payment):
        return "validation_failed"
    if not constant_time_compare(authorization, payment.authorization):
        return "wrong_authorization"
    if constant_time_compare(_digest_of_code(payment, code), payment.code_digest):
        _move(payment, PaymentState.RESERVED)
        telling.tell_payment(payment, "reserved", "The customer confirmed the payment.")
        return ""
    payment.tries += 1
    payment.save()
    if payment.tries < MOST_TRIES:
        return "wrong_code"
    _deny(payment, reason="wrong_code")
    return "validation_failed"


def _take(*, party_id: int, purchase: Purchase, steps: int) -> CarrierPayment:
    merchant = Merchant.objects.filter(party_id=party_id, active=True).first()
    if merchant is None:
        raise Forbidden("There is no contract with this merchant.", code="not_a_merchant")
    repeated = _repeated(merchant, purchase)
    if repeated is not None:
        return repeated
    price = _price(merchant, purchase)
    sink = checked_url(purchase.sink) if purchase.sink else ""
    try:
        with transaction.atomic():
            line = _line_of(purchase.number)
            repeated = _repeated(merchant, purchase)
            if repeated is not None:  # The same request had the line until now.
                return repeated
            rule, payment = _decide(merchant, purchase, price=price, line=line, steps=steps)
            if payment is not None:
                payment.sink = sink
                _store(payment, steps=steps)
    except IntegrityError as error:
        repeated = _repeated(merchant, purchase)
        if repeated is not None:
            return repeated
        raise Conflict("This reference was used before.", code="reference_taken") from error
    if payment is not None:
        return payment
    assert rule is not None
    kind = RuleViolated if rule.value.startswith("over_") else Forbidden
    raise kind("The purchase is not possible on this line.", code=rule.value)


def _decide(
    merchant: Merchant, purchase: Purchase, *, price: Price, line: Subscription, steps: int
) -> tuple[Rule | None, CarrierPayment | None]:
    """The payment, not stored yet, or what forbids it, which is."""
    now = business_now()
    category = CATEGORIES.get(purchase.category.lower()) if purchase.category else _only(merchant)
    belongs = _running(line, merchant, purchase.service_code)
    payment = CarrierPayment(
        merchant=merchant,
        subscription=line,
        account_id=line.account_id,
        belongs_to=belongs if belongs and price.gross.amount <= belongs.gross else None,
        reference=purchase.reference,
        correlator=purchase.correlator,
        digest=purchase.digest,
        category=category or "",
        service_code=purchase.service_code,
        service=purchase.description,
        seller=purchase.seller or merchant.name,
        support=merchant.support,
        amount=purchase.amount,
        tax_included=purchase.tax_included,
        net=price.net.amount,
        gross=price.gross.amount,
        currency=price.gross.currency,
        tax_class=merchant.tax_class,
        tax_rate=merchant.tax_rate,
        told=dict(purchase.told),
        month=month_of(now.astimezone(PARIS).date()),
        made_at=now,
        credential=telling.sealed(purchase.token),
        credential_until=purchase.token_until,
    )
    # What goes on month after month begins with the operator's own code, whoever sells it.
    by_merchant = merchant.confirms_himself and _monthly_price(payment) is None
    confirmed = steps == 2 or by_merchant or payment.belongs_to is not None
    rule = _forbids(payment, confirmed=confirmed)
    if rule is None:
        if steps == 2:
            _check_codes(payment)
        return None, payment
    CarrierDenial.objects.create(
        merchant=merchant,
        subscription=line,
        rule=rule.value,
        service=purchase.description,
        category=purchase.category[:40],
        gross=price.gross.amount,
        currency=price.gross.currency,
        at=now,
    )
    return rule, None


def _store(payment: CarrierPayment, *, steps: int) -> None:
    if steps == 1:
        payment.state, payment.paid_at = PaymentState.SUCCEEDED, payment.made_at
        payment.save(force_insert=True)
        _tell_paid(payment)
        return
    code = f"{secrets.randbelow(1_000_000):06d}"
    payment.state = PaymentState.PENDING_VALIDATION
    payment.expires_at = payment.made_at + RESERVED_FOR
    payment.authorization = secrets.token_urlsafe(18)
    payment.code_digest = _digest_of_code(payment, code)
    payment.save(force_insert=True)
    timers.schedule(
        key=f"{EXPIRY}:{payment.pk}",
        handler=EXPIRY,
        due_at=payment.expires_at,
        payload={"payment": str(payment.pk)},
    )
    messages.send_code(payment, code=code, monthly=_monthly_price(payment) is not None)
    telling.tell_payment(payment, "pending-validation", "A code was sent to the customer.")


def _succeed(payment: CarrierPayment) -> None:
    """Charged; the first payment of a monthly service begins it."""
    now = business_now()
    payment.paid_at = now
    payment.month = month_of(now.astimezone(PARIS).date())
    monthly = _monthly_price(payment)
    if monthly is not None and payment.belongs_to is None:
        payment.belongs_to, begun = CarrierSubscription.objects.get_or_create(
            subscription=payment.subscription,
            merchant=payment.merchant,
            service_code=payment.service_code,
            ended_at=None,
            defaults={
                "service": payment.service,
                "gross": min(monthly, payment.gross),  # what the code was said to be for
                "currency": payment.currency,
                "began_at": now,
            },
        )
        if begun:
            remind_from(payment.belongs_to)
    _move(payment, PaymentState.SUCCEEDED)
    timers.cancel(f"{EXPIRY}:{payment.pk}")
    _tell_paid(payment)


def _tell_paid(payment: CarrierPayment) -> None:
    assert payment.paid_at is not None
    spent = _spent(payment.subscription)
    messages.tell_paid(payment, spent=spent, before=spent - Money(payment.gross, payment.currency))
    told = "The payment is on the customer's bill."
    telling.tell_payment(payment, "completed", told, paymentDate=payment.paid_at.isoformat())


def _cancel(payment: CarrierPayment, said: str) -> None:
    _move(payment, PaymentState.CANCELLED)
    timers.cancel(f"{EXPIRY}:{payment.pk}")
    telling.tell_payment(payment, "cancelled", said)


def _deny(payment: CarrierPayment, *, reason: str) -> None:
    payment.denied_for = reason
    _move(payment, PaymentState.DENIED)
    timers.cancel(f"{EXPIRY}:{payment.pk}")
    telling.tell_payment(payment, "denied", "The payment is denied.", denialReason=reason)


def _move(payment: CarrierPayment, target: PaymentState) -> None:
    PAYMENT_LIFE.check(PaymentState(payment.state), target)
    payment.state = target
    payment.save()


def _forbids(
    payment: CarrierPayment, *, without: CarrierPayment | None = None, confirmed: bool = True
) -> Rule | None:
    line = payment.subscription
    spent = _spent(line, without=without)
    asked = Asked(
        gross=Money(payment.gross, payment.currency),
        category=Category(payment.category) if payment.category else None,
        merchant=payment.merchant.code,
        confirmed=confirmed,
    )
    blocks = SubscriptionBlock.objects.filter(subscription=line, lifted_at__isnull=True)
    return refusal(
        asked,
        line_open=line.status == SubscriptionStatus.ACTIVE and not blocks.exists(),
        contract=frozenset(Category(each) for each in payment.merchant.categories),
        limits=limits_of(line.pk, currency=payment.currency),
        caps=caps(),
        spent=spent,
        together=_spent(line, without=without, together=True),
    )


def _spent(
    line: Subscription, *, without: CarrierPayment | None = None, together: bool = False
) -> Money:
    """What counts of this calendar month, tax included; of all lines that count `together`."""
    month = month_of(business_now().astimezone(PARIS).date())
    rows = CarrierPayment.objects.filter(month=month, state__in=COUNTED)
    rows = rows.filter(subscription__in=counted_with(line) if together else [line])
    if without is not None:
        rows = rows.exclude(pk=without.pk)
    return Money(rows.aggregate(sum=Sum("gross"))["sum"] or Decimal(0), CURRENCY)


def _price(merchant: Merchant, purchase: Purchase) -> Price:
    if purchase.currency != CURRENCY:
        raise InvalidInput("Bills are in EUR.", code="unknown_currency", field="currency")
    return price_of(
        Money(purchase.amount, CURRENCY),
        tax_included=purchase.tax_included,
        tax=purchase.tax,
        rate=merchant.tax_rate,
    )


def _repeated(merchant: Merchant, purchase: Purchase) -> CarrierPayment | None:
    if not purchase.correlator:
        return None
    known = CarrierPayment.objects.filter(merchant=merchant, correlator=purchase.correlator).first()
    if known is not None and known.digest != purchase.digest:
        raise InvalidInput("This correlator was used before.", code="correlator_taken")
    return known


def _check_codes(payment: CarrierPayment) -> None:
    """One code at a time, and few in a day that nobody confirms."""
    others = CarrierPayment.objects.filter(
        merchant=payment.merchant, subscription=payment.subscription
    ).exclude(code_digest="")
    if others.filter(state=PaymentState.PENDING_VALIDATION).exists():
        raise Conflict("The customer is being asked already.", code="session_open")
    of_late = others.filter(made_at__gt=payment.made_at - CODES_WITHIN)
    if of_late.exclude(state=PaymentState.SUCCEEDED).count() >= MOST_CODES:
        raise Conflict("The customer was asked too often today.", code="too_many_codes")


def _line_of(number: str) -> Subscription:
    """The line with that number, locked."""
    try:
        national = market(settings.MARKET).normalise_number(number)
    except InvalidInput as error:
        raise _unknown_line() from error
    found = (
        Subscription.objects.filter(msisdn=national)
        .exclude(status=SubscriptionStatus.ENDED)
        .order_by("-pk")
        .values_list("pk", flat=True)
        .first()
    )
    if found is None:
        raise _unknown_line()
    return _line(found)


def _line(pk: int) -> Subscription:
    """The line, locked with all that count with it."""
    known = Subscription.objects.select_related("party").get(pk=pk)
    rows = counted_with(known).select_related("party")
    lines = rows.select_for_update(of=("self",), no_key=True).order_by("pk")
    return next(each for each in lines if each.pk == pk)


def _locked(*, party_id: int, payment_id: UUID) -> CarrierPayment:
    """A payment of that merchant's; the line is locked before it, as purchases do."""
    known = CarrierPayment.objects.filter(pk=payment_id, merchant__party_id=party_id).first()
    if known is None:
        raise NotFound("There is no such payment.", code="unknown_payment")
    line = _line(known.subscription_id)
    payment = CarrierPayment.objects.select_for_update(of=("self",)).get(pk=known.pk)
    payment.subscription = line
    return payment


def _check_second_step(payment: CarrierPayment, number: str) -> None:
    if number != payment.told["phoneNumber"]:
        raise _unknown_line()
    if payment.state == PaymentState.SUCCEEDED:
        raise Conflict("This payment was confirmed before.", code="payment_confirmed")
    if payment.state in (PaymentState.CANCELLED, PaymentState.DENIED) or _is_over(payment):
        raise Conflict("This payment was given up.", code="payment_cancelled")


def _is_over(payment: CarrierPayment) -> bool:
    """Its time has come, whether or not its timer has."""
    return payment.expires_at is not None and payment.expires_at <= business_now()


def _running(line: Subscription, merchant: Merchant, code: str) -> CarrierSubscription | None:
    """The customer's running subscription to a monthly service, if this month is not paid yet."""
    if code not in merchant.monthly:
        return None
    found = CarrierSubscription.objects.filter(
        subscription=line, merchant=merchant, service_code=code, ended_at__isnull=True
    ).first()
    month = month_of(business_now().astimezone(PARIS).date())
    if found is None or found.payments.filter(month=month, state__in=COUNTED).exists():
        return None
    return found


def _monthly_price(payment: CarrierPayment) -> Decimal | None:
    told = payment.merchant.monthly.get(payment.service_code)
    return None if told is None else Decimal(told)


def _only(merchant: Merchant) -> Category | None:
    """A merchant who sells one kind of thing need not name it."""
    return Category(merchant.categories[0]) if len(merchant.categories) == 1 else None


def _digest_of_code(payment: CarrierPayment, code: str) -> str:
    return salted_hmac("carrier-code", f"{payment.pk}:{code}", algorithm="sha256").hexdigest()


def _unknown_line() -> NotFound:
    return NotFound("This number is not one of ours.", code="unknown_line")
