"""What merchants and customers read of purchases; each his own."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from commerce.kernel.errors import NotFound
from subscriptions.carrier.models import CarrierPayment, CarrierRefund

R = TypeVar("R", CarrierPayment, CarrierRefund)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a merchant asks a list for; both instants count in. `page` from 1."""

    page: int
    per_page: int
    since: datetime | None
    until: datetime | None
    newest_first: bool
    states: Collection[str]
    merchant: str


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """A page of what was found, and how much there is."""

    rows: tuple[R, ...]
    count: int


def payment_of(party_id: int, payment_id: UUID) -> CarrierPayment:
    """Raises NotFound `unknown_payment`, also for another merchant's."""
    found = CarrierPayment.objects.filter(pk=payment_id, merchant__party_id=party_id).first()
    if found is None:
        raise NotFound("There is no such payment.", code="unknown_payment")
    return found


def payments_of(party_id: int, wanted: Wanted) -> Found[CarrierPayment]:
    """A merchant's payments."""
    rows = CarrierPayment.objects.filter(merchant__party_id=party_id)
    if wanted.states:
        rows = rows.filter(state__in=wanted.states)
    if wanted.merchant:
        rows = rows.filter(
            told__paymentAmount__chargingMetaData__merchantIdentifier=wanted.merchant
        )
    return _page(rows, wanted)


def refund_of(party_id: int, payment_id: UUID, refund_id: UUID) -> CarrierRefund:
    """Raises NotFound `unknown_refund`, also for another merchant's."""
    found = CarrierRefund.objects.filter(
        pk=refund_id, payment=payment_id, payment__merchant__party_id=party_id
    )
    row = found.select_related("payment").first()
    if row is None:
        raise NotFound("There is no such refund.", code="unknown_refund")
    return row


def refunds_of(payment: CarrierPayment, wanted: Wanted) -> Found[CarrierRefund]:
    """What was given back of a payment; all of it succeeded, as we answer at once."""
    rows = CarrierRefund.objects.filter(payment=payment).select_related("payment")
    if wanted.states and "succeeded" not in wanted.states:
        rows = rows.none()
    if wanted.merchant:
        rows = rows.filter(told__refundAmount__chargingMetaData__merchantIdentifier=wanted.merchant)
    return _page(rows, wanted)


def _page(rows: "QuerySet[R]", wanted: Wanted) -> Found[R]:
    if wanted.since is not None:
        rows = rows.filter(made_at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(made_at__lte=wanted.until)
    first = (wanted.page - 1) * wanted.per_page
    order = ("-made_at", "-pk") if wanted.newest_first else ("made_at", "pk")
    return Found(tuple(rows.order_by(*order)[first : first + wanted.per_page]), rows.count())
