"""Withdrawing from a distance contract within its days (L221-18 of the consumer code)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from catalogue.domain.model import Kind, Segment, Snapshot, Text
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import PARIS, business_today
from commerce.kernel.codec import from_plain
from commerce.kernel.errors import Conflict, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money, total
from commerce.markets.pack import market
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.changes import ChangeRequest, ComingBill
from commerce.ordering.domain.consents import Purpose
from commerce.ordering.domain.fulfilment import FulfilmentItem
from commerce.ordering.domain.states import GIVEN_UP, ItemAction, ItemState, OrderState
from commerce.ordering.domain.withdrawing import Condition, Thing, WithdrawalQuote, owed_for
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.access import find_order, order_scope
from commerce.ordering.services.changed_line import check_may, known_of, told_of_end
from commerce.ordering.services.open_changes import (
    change_under_way,
    check_free,
    take_turns,
    taken_back_by,
)
from commerce.ordering.services.place import PlacedOrder, placed, written
from commerce.ordering.services.pricing import Pricing, priced, pricing_now
from commerce.ordering.services.unwinding import settled_share
from commerce.ordering.services.writing import Amendment, Buyer, Draft, Touched
from promotions.domain.model import CustomerFacts
from subscriptions.domain.charges import AgreedCharge, net_in_period
from subscriptions.domain.states import ChangeKind, SubscriptionStatus
from subscriptions.domain.views import ItemView, SubscriptionView
from subscriptions.preview import bills_with_change
from subscriptions.selectors import subscriptions_of_order

THINGS = frozenset({Kind.HANDSET, Kind.ACCESSORY})
"""What comes back; a SIM card does not."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    order: Order
    contract: SubscriptionView | None
    pricing: Pricing
    items: tuple[OrderItem, ...]
    shown: WithdrawalQuote


def quote_withdrawal(context: AccountContext, *, number: str, group: str) -> WithdrawalQuote:
    """What withdrawing from the bundle would do today; nothing is kept.

    Raises:
        NotFound: `unknown_order`, `unknown_bundle`.
        RuleViolated: `no_withdrawal`: a business has no such right, or the order only changed a
            contract; `withdrawal_over`: its days are; `withdrawn_already`; `not_arrived`: not all
            of it has come yet, so that its days have not begun and the order may be cancelled.
    """
    return _prepare(context, number=number, group=group).shown


@transaction.atomic
def withdraw(
    context: AccountContext,
    *,
    number: str,
    group: str,
    digest: str,
    declared: str = "as_new",
    ported: bool = False,
) -> PlacedOrder:
    """Withdraw from the bundle as it was shown; `declared` is what is said of the pieces that come
    back. It is an order, which ends the service at once and brings the pieces and the money back.
    `ported`: because its number went to another operator.

    Raises:
        As `quote_withdrawal`; Forbidden: `viewer`, or `caller_not_verified` for an agent.
        InvalidInput: `declared`: it is no grade. Conflict: `impact_changed`.
        RuleViolated: `change_under_way`.
    """
    found = _prepare(context, number=number, group=group)
    check_may(context, consumer=True)
    if found.shown.digest() != digest:
        raise Conflict(
            "Meanwhile something has changed; look again at what withdrawing does.",
            code="impact_changed",
        )
    if declared not in set(Condition):
        raise InvalidInput("Say how the pieces are.", code="declared", field="declared")
    amendment = _amendment(found, declared=declared, ported=ported)
    if found.contract is not None:
        take_turns(found.contract.id)
        check_free(amendment, subscription_id=found.contract.id)
    order = found.order
    reach = accounts.reach(order.party_id)
    value = CartValue(code="", lines=(), segment=Segment.CONSUMER, channel=str(context.channel))
    draft = Draft(
        buyer=Buyer(order.party_id, reach.email, reach.phone, order.language),
        value=value,
        quote=priced(value, pricing=found.pricing, customer=CustomerFacts()),
        pricing=found.pricing,
        state=OrderState.ACCEPTED,
        amendment=amendment,
    )
    try:
        with transaction.atomic():
            return placed(written(draft, context=context))
    except IntegrityError as clash:
        if "withdrawn_from_once" in str(clash):
            raise _already() from clash
        if "one_open_change" in str(clash):
            raise change_under_way("") from clash
        raise


def owed_for_wear(items: Iterable[FulfilmentItem]) -> Mapping[str, Money]:
    """What is owed of the price of each thing that came back, by the grade that it was given; the
    things are called as in the order that brought them."""
    wear = market(settings.MARKET).withdrawal_rules().wear
    found = {
        item.facts["came_as"]: owed_for(
            Money.of(item.facts["price"]), item.facts.get("grade", ""), wear=wear
        )
        for item in items
        if "came_as" in item.facts
    }
    return {line: amount for line, amount in found.items() if amount}


def withdrawable(context: AccountContext, *, number: str) -> Mapping[str, date]:
    """Until when each bundle of the order can be withdrawn from, of those that can today; none of
    an order that the actor may not see."""
    order = Order.objects.filter(order_scope(context), number=number.upper()).first()
    if order is None or not _has_right(order):
        return {}
    bundles: dict[str, list[OrderItem]] = {}
    for item in order.items.exclude(state=ItemState.CANCELLED):
        bundles.setdefault(item.group, []).append(item)
    over = set(_withdrawals(order).values_list("withdraws", flat=True))
    found = {
        group: _last_day(order, items)
        for group, items in bundles.items()
        if f"{order.number}/{group}" not in over
        and any(item.state == ItemState.ACTIVE for item in items)
    }
    return {group: day for group, day in found.items() if business_today() <= day}


def _has_right(order: Order) -> bool:
    """A consumer who ordered something new."""
    return order.segment == Segment.CONSUMER and not order.change and order.accepted_at is not None


def _withdrawals(order: Order) -> QuerySet[Order]:
    rows = Order.objects.filter(withdraws__startswith=f"{order.number}/")
    return rows.exclude(state__in=GIVEN_UP)


def _prepare(context: AccountContext, *, number: str, group: str) -> _Prepared:
    order = find_order(context, number=number)
    items = tuple(order.items.filter(group=group).exclude(state=ItemState.CANCELLED))
    if not items:
        raise NotFound("The order has no such bundle.", code="unknown_bundle")
    if not _has_right(order):
        raise RuleViolated("There is no right to withdraw from this.", code="no_withdrawal")
    if _withdrawals(order).filter(withdraws=f"{order.number}/{group}").exists():
        raise _already()
    last_day = _last_day(order, items)
    if business_today() > last_day:
        raise RuleViolated(
            f"The days for withdrawing were over on {last_day:%d/%m/%Y}.",
            code="withdrawal_over",
            last_day=last_day.isoformat(),
        )
    pricing = pricing_now()
    contracts = subscriptions_of_order(order.party_id, order.number)
    contract = next((each for each in contracts if each.group == group), None)
    if contract is not None and contract.status == SubscriptionStatus.ENDED:
        raise RuleViolated("This contract has ended.", code="contract_ended")
    things = tuple(item for item in items if _comes_back(item, pricing))
    if any(item.state == ItemState.PLANNED for item in items):
        # Its plan would still send what is withdrawn from.
        raise RuleViolated("Not all of it has come yet.", code="not_arrived")
    if contract is None and not things:
        raise RuleViolated("There is no right to withdraw from this.", code="no_withdrawal")
    return _Prepared(
        order, contract, pricing, items, _shown(order, group, contract, things, last_day, pricing)
    )


def _shown(
    order: Order,
    group: str,
    contract: SubscriptionView | None,
    things: tuple[OrderItem, ...],
    last_day: date,
    pricing: Pricing,
) -> WithdrawalQuote:
    paid = bool(order.consents.get(str(Purpose.EARLY_EXECUTION)))
    today = business_today()
    rules = market(settings.MARKET).withdrawal_rules()
    ends_on = contract.activated_on if contract is not None and not paid else today
    running = [item for item in contract.items if item.until_on is None] if contract else []
    bills = (
        bills_with_change(
            contract.id,
            on=ends_on,
            begins=(),
            ends={item.id for item in running},
            tax_rates=pricing.snapshot.tax_rates,
            settled_on=today,
        )
        if contract is not None
        else ()
    )
    return WithdrawalQuote(
        number=order.number,
        group=group,
        last_day=last_day,
        subscription_id=contract.id if contract is not None else None,
        msisdn=contract.msisdn if contract is not None else "",
        ends_on=ends_on,
        days_are_paid=paid,
        ends=tuple(Text(item.names) for item in running if item.names),
        things=tuple(
            Thing(item.line_id, _name(item, pricing), item.quantity, _paid(item)) for item in things
        ),
        bills=tuple(ComingBill(bill.on, bill.before, bill.after) for bill in bills),
        takes_back=taken_back_by(ChangeKind.WITHDRAW, subscription_id=contract.id)
        if contract is not None
        else (),
        refund=settled_share(order, group=group),
        refund_by=today + timedelta(days=rules.refund_days),
        wear=rules.wear,
    )


def _amendment(found: _Prepared, *, declared: str, ported: bool) -> Amendment:
    contract, shown, catalogue = found.contract, found.shown, found.pricing.snapshot
    there = contract.items_on(business_today()) if contract is not None else ()
    running = tuple(item for item in there if _is_service(item, catalogue))
    request = ChangeRequest(ChangeKind.WITHDRAW)
    services = (
        told_of_end(running, kind=ChangeKind.WITHDRAW, catalogue=catalogue) if running else ()
    )
    known = known_of(request, contract, there, catalogue=catalogue) if contract is not None else {}
    return Amendment(
        kind=ChangeKind.WITHDRAW,
        subscription_id=shown.subscription_id,
        facts=known
        | {"ends_on": shown.ends_on.isoformat(), "owed": "0"}
        | ({"ported": "yes"} if ported else {}),
        config={"change": str(ChangeKind.WITHDRAW), "declared": declared},
        touched=(*services, *_things_back(found)),
        withdraws=f"{shown.number}/{shown.group}",
    )


def _is_service(item: ItemView, catalogue: Snapshot) -> bool:
    """Things are told of by the order that brought them."""
    offering = catalogue.offerings.get(item.offering)
    return offering is not None and offering.kind not in THINGS


def _things_back(found: _Prepared) -> tuple[Touched, ...]:
    lines = {thing.line_id: thing for thing in found.shown.things}
    return tuple(
        Touched(
            item.pk,
            item.offering,
            item.role,
            ItemAction.DELETE,
            {
                "came_as": item.line_id,
                "price": str(lines[item.line_id].price.amount),
                **{name: item.facts[name] for name in ("imei",) if item.facts.get(name)},
            },
            line=f"return-{item.position}",
            quantity=item.quantity,
        )
        for item in found.items
        if item.line_id in lines
    )


def _comes_back(item: OrderItem, pricing: Pricing) -> bool:
    offering = pricing.snapshot.offerings.get(item.offering)
    told = f"{item.recipe}.{ChangeKind.WITHDRAW}" in pricing.snapshot.recipes
    return told and offering is not None and offering.kind in THINGS


def _paid(item: OrderItem) -> Money:
    agreed = from_plain(tuple[AgreedCharge, ...], item.agreed)
    return total(net_in_period(charge, period=0) for charge in agreed)


def _name(item: OrderItem, pricing: Pricing) -> Text:
    offering = pricing.snapshot.offerings.get(item.offering)
    return offering.name if offering is not None else Text({"fr": item.offering})


def _last_day(order: Order, items: Iterable[OrderItem]) -> date:
    """Counted from the conclusion, or from the receipt of the last piece where there are pieces."""
    assert order.accepted_at is not None
    days = [order.accepted_at.astimezone(PARIS).date()]
    for item in items:
        received = item.facts.get("delivered_at") or item.facts.get("collected_at")
        if received:
            days.append(datetime.fromisoformat(received).astimezone(PARIS).date())
    return market(settings.MARKET).withdrawal_last_day(max(days))


def _already() -> RuleViolated:
    return RuleViolated("You have withdrawn from this already.", code="withdrawn_already")
