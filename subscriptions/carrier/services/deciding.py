"""Whether a purchase may be: the law's caps, the merchant's contract, what the customer allows."""

from decimal import Decimal

from django.db.models import Sum

from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.money import Money
from subscriptions.carrier.models import CarrierPayment
from subscriptions.carrier.selectors import counted_with
from subscriptions.carrier.services.limits import caps, limits_of
from subscriptions.domain.carrier import COUNTED, Asked, Category, Rule, month_of, refusal
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.models import Subscription, SubscriptionBlock

CURRENCY = "EUR"


def forbids(
    payment: CarrierPayment, *, without: CarrierPayment | None = None, confirmed: bool = True
) -> Rule | None:
    line = payment.subscription
    spent = spent_on(line, without=without)
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
        limits=limits_of(line, currency=payment.currency),
        caps=caps(),
        spent=spent,
        together=spent_on(line, without=without, together=True),
    )


def spent_on(
    line: Subscription, *, without: CarrierPayment | None = None, together: bool = False
) -> Money:
    """What counts of this calendar month, tax included; of all lines that count `together`."""
    month = month_of(business_now().astimezone(PARIS).date())
    rows = CarrierPayment.objects.filter(month=month, state__in=COUNTED)
    rows = rows.filter(subscription__in=counted_with(line) if together else [line])
    if without is not None:
        rows = rows.exclude(pk=without.pk)
    return Money(rows.aggregate(sum=Sum("gross"))["sum"] or Decimal(0), CURRENCY)
