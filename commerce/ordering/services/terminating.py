"""Ending a contract: when it can end, and what is owed for it."""

from collections.abc import Sequence
from datetime import date, timedelta

from django.conf import settings

from catalogue.domain.model import ChargeKind, Kind, Segment
from catalogue.selectors import snapshot_of
from commerce.kernel.clock import business_today
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money, total
from commerce.kernel.tax import Basis
from commerce.markets.pack import market
from commerce.ordering.domain.changes import ChangeRequest, Leaving
from commerce.ordering.models import Order
from commerce.ordering.services.changed_line import kind_of
from commerce.ordering.services.pricing import Pricing
from subscriptions.contracts.leaving import agreed_price, commitment_of, left_of_commitment
from subscriptions.domain.leaving import Commitment, Left
from subscriptions.domain.views import ItemView, SubscriptionView

FARTHEST = timedelta(days=730)
"""How long after the first possible day a contract can be ended in advance: no commitment is
longer."""


def last_day(request: ChangeRequest) -> date:
    """The day on which the contract ends: after the notice (L224-39), or later if so wished.

    Raises:
        InvalidInput: `notice`: the wished day is before the end of the notice; `too_far`.
    """
    if request.ported:
        return business_today()
    earliest = earliest_end()
    if request.on is not None and request.on < earliest:
        raise InvalidInput(
            f"The contract can end on {earliest:%d/%m/%Y} or later.",
            code="notice",
            field="on",
            earliest=earliest.isoformat(),
        )
    if request.on is not None and request.on > earliest + FARTHEST:
        raise InvalidInput("That day is too far away.", code="too_far", field="on")
    return request.on or earliest


def earliest_end() -> date:
    """The day after the notice, which counts from today."""
    rules = market(settings.MARKET).termination_rules()
    return business_today() + timedelta(days=rules.notice_days)


def check_motive(motive: str) -> None:
    """Raises InvalidInput `motive`: the law knows no such one."""
    if motive and motive not in market(settings.MARKET).termination_rules().motives:
        raise InvalidInput("Choose one of the motives.", code="motive", field="motive")


def leaving_of(
    contract: SubscriptionView,
    items: Sequence[ItemView],
    *,
    request: ChangeRequest,
    on: date,
    pricing: Pricing,
) -> Leaving:
    """What is owed for the end of the contract on the day `on`; nothing without a commitment that
    still runs then. A legitimate motive takes all of it away once it is proved."""
    check_motive(request.motive)
    commitment = commitment_of(contract.id)
    kinds = {item.id: kind_of(item, pricing.snapshot) for item in items}
    carrying = next((item for item in items if kinds[item.id] is Kind.PLAN), None)
    left = (
        left_of_commitment(contract.id, item_id=carrying.id, commitment=commitment, on=on)
        if commitment is not None and carrying is not None
        else Left(0, (), Money.zero(), "")
    )
    phones = [item for item in items if kinds[item.id] is Kind.HANDSET]
    fee = market(settings.MARKET).early_termination_fee(
        left.instalments,
        elapsed=left.elapsed,
        subsidised=any(
            _is_subsidised(item, contract, pricing=pricing)
            for item in phones
            if commitment is not None and _came_with(item, commitment)
        ),
        committed_on=commitment.since if commitment is not None else on,
        business=contract.basis is Basis.HT,
    )
    owed = fee + left.given_back
    nothing = Money.zero(owed.currency)
    return Leaving(
        earliest=on if request.ported else earliest_end(),
        months_left=len(left.instalments),
        fee=nothing if request.motive else fee,
        given_back=nothing if request.motive else left.given_back,
        without_motive=owed,
        tax_class=left.tax_class,
    )


def said_of(leaving: Leaving | None, *, motive: str, on: date) -> dict[str, str]:
    """What the messages about an ending contract repeat."""
    if leaving is None:
        return {}
    said = {"ends_on": on.isoformat(), "owed": str(leaving.owed.rounded().amount)}
    unproved = str(leaving.without_motive.rounded().amount)
    return said | ({"motive": motive, "unproved": unproved} if motive else {})


def _came_with(item: ItemView, commitment: Commitment) -> bool:
    return item.from_on == commitment.since


def _is_subsidised(item: ItemView, contract: SubscriptionView, *, pricing: Pricing) -> bool:
    """Whether the phone cost less than it did alone, on the day on which it was ordered."""
    brought = Order.objects.filter(number=item.order_number).values_list("release", "placed_at")
    release, at = brought.first() or (pricing.snapshot.release, pricing.at)
    offering = snapshot_of(release).offerings.get(item.offering)
    if offering is None:
        return False
    segment = Segment.BUSINESS if contract.basis is Basis.HT else Segment.CONSUMER
    alone = offering.charges_for(segment=segment, term=0, bundle=None, at=at)
    price = total(charge.amount for charge in alone if charge.kind is ChargeKind.ONE_OFF)
    return agreed_price(item.id) < price
