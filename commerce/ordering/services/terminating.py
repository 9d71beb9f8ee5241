"""Ending a contract: when it can end, and what is owed for it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from django.conf import settings

from catalogue.domain.model import ChargeKind, Kind, Segment
from catalogue.selectors import snapshot_of
from commerce.accounts.kinds import RequestKind
from commerce.accounts.written import open_contract_requests
from commerce.kernel.clock import PARIS, business_today
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money, total
from commerce.kernel.tax import Basis
from commerce.markets.pack import market
from commerce.ordering.domain.changes import ChangeRequest, Leaving, LeftInParts
from commerce.ordering.models import Order
from commerce.ordering.services.changed_line import kind_of
from commerce.ordering.services.pricing import Pricing
from commerce.ordering.services.stated import STATEMENT_GOOD_FOR, is_meant
from subscriptions.collection.instalments import left_at_end
from subscriptions.contracts.finding import bundles_on_bill, running_contracts
from subscriptions.contracts.leaving import agreed_price, commitment_of, left_of_commitment
from subscriptions.contracts.terms import leaves_freely_until
from subscriptions.domain.leaving import Commitment, Left
from subscriptions.domain.views import ItemView, SubscriptionView

FARTHEST = timedelta(days=730)
"""How long after the first possible day a contract can be ended in advance: no commitment is
longer."""


def last_day(request: ChangeRequest, contract: SubscriptionView) -> date:
    """The day on which the contract ends: after the notice (L224-39), or later if so wished.

    Raises:
        InvalidInput: `notice`: the wished day is before the end of the notice; `too_far`.
    """
    if request.ported:
        return business_today()
    earliest = earliest_end(contract)
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


def earliest_end(contract: SubscriptionView) -> date:
    """The day after the notice, which counts from the receipt of the wish (L224-39): today, or the
    day of a statement in writing that nobody has carried out yet.

    It may be past: whoever stated it owes nothing for the days that we took longer."""
    rules, today = market(settings.MARKET).termination_rules(), business_today()
    received = min([today, *_stated_on(contract, today=today)])
    return received + timedelta(days=rules.notice_days)


def _stated_on(contract: SubscriptionView, *, today: date) -> Iterator[date]:
    bundle = (contract.order_number, contract.group)
    for asked in open_contract_requests(party_id=contract.party_id):
        day = asked.received_at.astimezone(PARIS).date()
        if asked.kind is not RequestKind.END or today - day > STATEMENT_GOOD_FOR:
            continue
        bound = commitment_of(contract.id)
        if bound is not None and day < bound.since:
            # Whoever commits himself anew has taken his statement back.
            continue
        billed = bundles_on_bill(asked.contract) & running_contracts(contract.party_id)
        if is_meant(asked, bundle, line=contract.msisdn, billed=billed):
            yield day


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
    still runs then. A legitimate motive takes all of it away once it is proved; a change of the
    contract that its holder was told of does so by itself, for as long as the market says."""
    check_motive(request.motive)
    commitment = commitment_of(contract.id)
    kinds = {item.id: kind_of(item, pricing.snapshot) for item in items}
    carrying = next((item for item in items if kinds[item.id] is Kind.PLAN), None)
    left = (
        left_of_commitment(contract.id, item_id=carrying.id, commitment=commitment, on=on)
        if commitment is not None and carrying is not None
        else Left(0, (), Money.zero(), "")
    )
    fee = market(settings.MARKET).early_termination_fee(
        left.instalments,
        elapsed=left.elapsed,
        subsidised=was_subsidised(contract, items, pricing=pricing),
        committed_on=commitment.since if commitment is not None else on,
        business=contract.basis is Basis.HT,
    )
    free_until = _free_until(contract, commitment)
    owed = fee + left.given_back
    nothing = Money.zero(owed.currency)
    if free_until is not None:
        fee, owed, left = nothing, nothing, replace(left, given_back=nothing)
    return Leaving(
        earliest=on if request.ported else earliest_end(contract),
        months_left=len(left.instalments),
        fee=nothing if request.motive else fee,
        given_back=nothing if request.motive else left.given_back,
        without_motive=owed,
        tax_class=left.tax_class,
        free_until=free_until,
        in_parts=tuple(
            LeftInParts(each.bill, each.left, each.falls_due, each.last_on)
            for each in left_at_end(contract.id, on=on)
        ),
    )


def _free_until(contract: SubscriptionView, commitment: Commitment | None) -> date | None:
    """Until when it is left freely, as we change it, by who asks today or did so in writing."""
    today, since = business_today(), commitment.since if commitment is not None else None
    found = (
        leaves_freely_until(contract.id, on=day, bound_since=since)
        for day in (today, *_stated_on(contract, today=today))
    )
    return next((day for day in found if day is not None), None)


def said_of(leaving: Leaving | None, *, motive: str, on: date) -> dict[str, str]:
    """What the messages about an ending contract repeat."""
    if leaving is None:
        return {}
    said = {"ends_on": on.isoformat(), "owed": str(leaving.owed.rounded().amount)}
    unproved = str(leaving.without_motive.rounded().amount)
    return said | ({"motive": motive, "unproved": unproved} if motive else {})


def was_subsidised(
    contract: SubscriptionView, items: Sequence[ItemView], *, pricing: Pricing
) -> bool:
    """Whether a phone came for less with the commitment that binds; also where it stayed with the
    holder before."""
    commitment = commitment_of(contract.id)
    if commitment is None:
        return False
    return any(item.facts.get("subsidised") for item in items) or any(
        _is_subsidised(item, contract, pricing=pricing)
        for item in items
        if kind_of(item, pricing.snapshot) is Kind.HANDSET and _came_with(item, commitment)
    )


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
