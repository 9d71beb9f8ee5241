"""Whether a purchase may be: the law's caps, the merchant's contract, what the customer allows."""

from datetime import date, datetime, time
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum

from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from subscriptions.carrier.models import CarrierPayment
from subscriptions.carrier.selectors import counted_with
from subscriptions.carrier.services.limits import caps, limits_of
from subscriptions.domain.carrier import COUNTED, Asked, Category, Rule, Spent, month_of, refusal
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.models import Subscription, SubscriptionBlock

CURRENCY = "EUR"


def forbids(
    payment: CarrierPayment,
    *,
    now: datetime,
    without: CarrierPayment | None = None,
    confirmed: bool = True,
) -> Rule | None:
    """What forbids the payment if it counts `now`, beside all that counts but for `without`."""
    line = payment.subscription
    asked = Asked(
        gross=Money(payment.gross, payment.currency),
        category=Category(payment.category) if payment.category else None,
        merchant=payment.merchant.code,
        confirmed=confirmed,
    )
    most = payment.merchant.most_per_month
    blocks = SubscriptionBlock.objects.filter(subscription=line, lifted_at__isnull=True)
    return refusal(
        asked,
        line_open=line.status == SubscriptionStatus.ACTIVE and not blocks.exists(),
        contract=frozenset(Category(each) for each in payment.merchant.categories),
        limits=limits_of(line, currency=payment.currency),
        caps=caps(),
        spent=_spent(payment, now=now, without=without),
        of_contract=None if most is None else Money(most, payment.currency),
    )


def spent_on(line: Subscription, *, month: date) -> Money:
    """What counts of the calendar month (by its first day), tax included."""
    rows = _counted(month).filter(subscription=line)
    return Money(rows.aggregate(sum=Sum("gross"))["sum"] or Decimal(0), CURRENCY)


def _spent(payment: CarrierPayment, *, now: datetime, without: CarrierPayment | None) -> Spent:
    """Before the payment, on its line and those that count with it; one query."""
    line, today = payment.subscription, now.astimezone(PARIS).date()
    rows = _counted(month_of(today)).filter(subscription__in=counted_with(line))
    if without is not None:
        rows = rows.exclude(pk=without.pk)
    midnight = datetime.combine(today, time(0), PARIS)
    on_line = Q(subscription=line)
    of_today = Q(paid_at__gte=midnight) | Q(paid_at=None, made_at__gte=midnight)
    sums = rows.aggregate(
        month=Sum("gross", filter=on_line),
        today=Sum("gross", filter=on_line & of_today),
        of_kind=Sum("gross", filter=on_line & Q(category=payment.category)),
        of_merchant=Sum("gross", filter=on_line & Q(merchant=payment.merchant_id)),
        together=Sum("gross"),
    )
    return Spent(**{name: Money(sum_ or Decimal(0), CURRENCY) for name, sum_ in sums.items()})


def _counted(month: date) -> "QuerySet[CarrierPayment]":
    return CarrierPayment.objects.filter(month=month, state__in=COUNTED)
