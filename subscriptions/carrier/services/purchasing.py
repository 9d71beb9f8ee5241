"""A merchant asks for a purchase: charged in one step, or reserved until it is confirmed.

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

from django.db import IntegrityError, transaction

from commerce.accounts.kinds import Segment
from commerce.accounts.selectors import has_login
from commerce.events import timers
from commerce.events.webhooks.addresses import checked_url
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, RuleViolated
from commerce.kernel.money import Money
from subscriptions.carrier.models import (
    CarrierDenial,
    CarrierPayment,
    CarrierSubscription,
    Merchant,
)
from subscriptions.carrier.services import messages, months, telling
from subscriptions.carrier.services.answering import digest_of_code
from subscriptions.carrier.services.deciding import CURRENCY, forbids
from subscriptions.carrier.services.finishing import EXPIRY, monthly_price, tell_paid
from subscriptions.carrier.services.locking import line_of
from subscriptions.domain.carrier import (
    CATEGORIES,
    COUNTED,
    Category,
    PaymentState,
    Price,
    Rule,
    month_of,
    price_of,
)
from subscriptions.models import Subscription

RESERVED_FOR = timedelta(minutes=15)
"""Business time, from the request to the confirmation."""
MOST_CODES = 5
"""Times that a merchant may have a customer asked within `CODES_WITHIN` who does not say yes:
neither can he guess codes for ever, nor trouble a customer."""
CODES_WITHIN = timedelta(days=1)


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
    channel: str
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
    """Two steps: reserved for a quarter of an hour, until the customer says yes: on our page, or by
    the code of an SMS that he gives to the merchant. Raises as `charge`, and Conflict
    `session_open`, `too_many_codes`."""
    return _take(party_id=party_id, purchase=purchase, steps=2)


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
            line = line_of(purchase.number)
            repeated = _repeated(merchant, purchase)
            if repeated is not None:  # The same request had the line until now.
                return repeated
            rule, payment = _decide(merchant, purchase, price=price, line=line, steps=steps)
            if payment is not None:
                payment.sink = sink
                if steps == 1:
                    _charge(payment)
                else:
                    _ask(payment, on_page=_goes_to_page(payment, purchase))
    except IntegrityError as error:
        repeated = _repeated(merchant, purchase)
        if repeated is not None:
            return repeated
        raise Conflict("This reference was used before.", code="reference_taken") from error
    if payment is not None:
        return payment
    assert rule is not None
    over = rule is Rule.NOT_OPENED or rule.value.startswith("over_")
    kind = RuleViolated if over else Forbidden
    raise kind("The purchase is not possible on this line.", code=rule.value)


def _decide(
    merchant: Merchant, purchase: Purchase, *, price: Price, line: Subscription, steps: int
) -> tuple[Rule | None, CarrierPayment | None]:
    """The payment, not stored yet, or what forbids it, which is."""
    now = business_now() if steps == 2 else months.counts_at(merchant.pk, business_now())
    category = CATEGORIES.get(purchase.category.lower()) if purchase.category else _only(merchant)
    belongs = _running(line, merchant, purchase.service_code, now=now)
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
    by_merchant = merchant.confirms_himself and monthly_price(payment) is None
    confirmed = steps == 2 or by_merchant or payment.belongs_to is not None
    rule = forbids(payment, now=now, confirmed=confirmed)
    if rule is None:
        if steps == 2:
            _check_asked(payment)
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


def _charge(payment: CarrierPayment) -> None:
    payment.state, payment.paid_at = PaymentState.SUCCEEDED, payment.made_at
    payment.save(force_insert=True)
    tell_paid(payment)


def _ask(payment: CarrierPayment, *, on_page: bool) -> None:
    """Let the customer say yes or no, for as long as it is reserved."""
    code = f"{secrets.randbelow(1_000_000):06d}"
    payment.state = PaymentState.PENDING_VALIDATION
    payment.expires_at = payment.made_at + RESERVED_FOR
    payment.authorization = secrets.token_urlsafe(18)
    payment.code_digest = "" if on_page else digest_of_code(payment, code)
    payment.save(force_insert=True)
    timers.schedule(
        key=f"{EXPIRY}:{payment.pk}",
        handler=EXPIRY,
        due_at=payment.expires_at,
        payload={"payment": str(payment.pk)},
    )
    if on_page:
        said = "The customer is to be sent to the operator's page."
    else:
        said = "A code was sent to the customer."
        messages.send_code(payment, code=code, monthly=monthly_price(payment) is not None)
    telling.tell_payment(payment, "pending-validation", said)


def _goes_to_page(payment: CarrierPayment, purchase: Purchase) -> bool:
    """Whether the customer can be sent to our page and back: he can log in there, and does not buy
    by writing messages."""
    party = payment.subscription.party
    if not payment.merchant.return_to or purchase.channel.casefold() == "sms":
        return False
    return party.segment == Segment.CONSUMER and has_login(party.pk)


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


def _check_asked(payment: CarrierPayment) -> None:
    """One question at a time, and few in a day to which nobody says yes."""
    others = CarrierPayment.objects.filter(
        merchant=payment.merchant, subscription=payment.subscription
    ).exclude(authorization="")
    if others.filter(state=PaymentState.PENDING_VALIDATION).exists():
        raise Conflict("The customer is being asked already.", code="session_open")
    of_late = others.filter(made_at__gt=payment.made_at - CODES_WITHIN)
    if of_late.exclude(state=PaymentState.SUCCEEDED).count() >= MOST_CODES:
        raise Conflict("The customer was asked too often today.", code="too_many_codes")


def _running(
    line: Subscription, merchant: Merchant, code: str, *, now: datetime
) -> CarrierSubscription | None:
    """The customer's running subscription to a monthly service, if this month is not paid yet."""
    if code not in merchant.monthly:
        return None
    found = CarrierSubscription.objects.filter(
        subscription=line, merchant=merchant, service_code=code, ended_at__isnull=True
    ).first()
    month = month_of(now.astimezone(PARIS).date())
    if found is None or found.payments.filter(month=month, state__in=COUNTED).exists():
        return None
    return found


def _only(merchant: Merchant) -> Category | None:
    """A merchant who sells one kind of thing need not name it."""
    return Category(merchant.categories[0]) if len(merchant.categories) == 1 else None
