"""The lines that a purchase counts with, held so that none slips in between."""

from uuid import UUID

from django.conf import settings

from commerce.kernel.errors import InvalidInput, NotFound
from commerce.markets.pack import market
from subscriptions.carrier.models import CarrierPayment
from subscriptions.carrier.selectors import counted_with
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.models import Subscription


def line_of(number: str) -> Subscription:
    """The line with that number, locked."""
    try:
        national = market(settings.MARKET).normalise_number(number)
    except InvalidInput as error:
        raise unknown_line() from error
    found = (
        Subscription.objects.filter(msisdn=national)
        .exclude(status=SubscriptionStatus.ENDED)
        .order_by("-pk")
        .values_list("pk", flat=True)
        .first()
    )
    if found is None:
        raise unknown_line()
    return locked_line(found)


def locked_line(pk: int) -> Subscription:
    """The line, locked with all that count with it."""
    known = Subscription.objects.select_related("party").get(pk=pk)
    rows = counted_with(known).select_related("party")
    lines = rows.select_for_update(of=("self",), no_key=True).order_by("pk")
    return next(each for each in lines if each.pk == pk)


def locked(*, party_id: int, payment_id: UUID) -> CarrierPayment:
    """A payment of that merchant's; the line is locked before it, as purchases do."""
    known = CarrierPayment.objects.filter(pk=payment_id, merchant__party_id=party_id).first()
    if known is None:
        raise NotFound("There is no such payment.", code="unknown_payment")
    line = locked_line(known.subscription_id)
    payment = CarrierPayment.objects.select_for_update(of=("self",)).get(pk=known.pk)
    payment.subscription = line
    return payment


def unknown_line() -> NotFound:
    return NotFound("This number is not one of ours.", code="unknown_line")
