"""Merchants' months, held while something counts in them and while they are closed: a request keeps
the instant at which it began, and may come to its end when its month is over."""

from datetime import datetime, time

from django.db import connection
from django.db.models import Max

from commerce.kernel.clock import PARIS
from commerce.kernel.periods import add_months
from subscriptions.carrier.models import MerchantSettlement
from subscriptions.domain.carrier import month_of

_KEY = "hashtextextended('merchant-months/' || %s, 0)"


def counts_at(merchant_id: int, now: datetime) -> datetime:
    """When what a merchant sells or gives back `now` counts: then, or, if that month was closed
    while the request was on its way, from the first instant of the first month that is open. None
    of his months is closed until the transaction ends. After the locks of line, account and
    payment.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock_shared({_KEY})", [str(merchant_id)])
    closed = MerchantSettlement.objects.filter(
        merchant=merchant_id, month__gte=month_of(now.astimezone(PARIS).date())
    ).aggregate(last=Max("month"))["last"]
    if closed is None:
        return now
    return datetime.combine(add_months(closed, 1), time(0), PARIS)


def hold(merchant_id: int) -> None:
    """Wait for all that counts in the merchant's months and has not been committed, and let nothing
    more count until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({_KEY})", [str(merchant_id)])
