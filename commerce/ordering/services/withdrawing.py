"""Withdrawing from a distance contract within its days (L221-18 of the consumer code)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from catalogue.domain.model import Kind, Segment, Snapshot, Text
from catalogue.selectors import last_sold
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import RequestKind
from commerce.accounts.written import ContractRequestFacts, open_contract_requests
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
from commerce.ordering.services.changed_line import check_may, kind_of, known_of, told_of_end
from commerce.ordering.services.line_discounts import following
from commerce.ordering.services.open_changes import (
    change_under_way,
    check_free,
    take_turns,
    taken_back_by,
)
from commerce.ordering.services.place import PlacedOrder, placed, written
from commerce.ordering.services.pricing import Pricing, priced, pricing_now
from commerce.ordering.services.stated import STATEMENT_GOOD_FOR, Bundle, is_meant
from commerce.ordering.services.unwinding import RECEIVED, settled_share
from commerce.ordering.services.waiting import coming_changes
from commerce.ordering.services.writing import Amendment, Buyer, Draft, Touched
from promotions.domain.model import CustomerFacts
from subscriptions.contracts.finding import bundles_on_bill
from subscriptions.contracts.preview import Coming, bills_with_change
from subscriptions.contracts.selectors import subscriptions_of_order
from subscriptions.domain.charges import AgreedCharge, net_in_period
from subscriptions.domain.states import ChangeKind, SubscriptionStatus
from subscriptions.domain.views import SubscriptionView

THINGS = frozenset({Kind.HANDSET, Kind.ACCESSORY})
"""What comes back; a SIM card does not."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    order: Order
    contract: SubscriptionView | None
    pricing: Pricing
    things: tuple[OrderItem, ...]
    shown: WithdrawalQuote
    asked_on: date

    @property
    def catalogue(self) -> Snapshot:
        return self.pricing.snapshot


def quote_withdrawal(context: AccountContext, *, number: str, group: str) -> WithdrawalQuote:
    """What withdrawing from the bundle would do today; nothing is kept.

    Raises:
        NotFound: `unknown_order`, `unknown_bundle`.
        RuleViolated: `no_withdrawal`: a business has no such right, or the order only changed a
            contract; `withdrawal_over`: its days are; `withdrawn_already`; `contract_ended`.
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
    What has not arrived is taken back before that, as far as it has not left.
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
    over = set(_withdrawals(order).values_list("withdraws", flat=True))
    found = {
        group: _last_day(order, items)
        for group, items in _bundles(order).items()
        if f"{order.number}/{group}" not in over
    }
    return {group: day for group, day in found.items() if _is_in_time(order, group, last_day=day)}


def _bundles(order: Order) -> Mapping[str, list[OrderItem]]:
    bundles: dict[str, list[OrderItem]] = {}
    for item in order.items.exclude(state=ItemState.CANCELLED):
        bundles.setdefault(item.group, []).append(item)
    return bundles


def _is_in_time(order: Order, group: str, *, last_day: date) -> bool:
    late = business_today() - last_day
    if late <= timedelta(0) or late > STATEMENT_GOOD_FOR:
        return late <= timedelta(0)
    return _asked_on(order, group, contract_of(order, group=group)) <= last_day


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
    contract = contract_of(order, group=group)
    last_day, asked_on = _last_day(order, items), _asked_on(order, group, contract)
    if asked_on > last_day:
        raise RuleViolated(
            f"The days for withdrawing were over on {last_day:%d/%m/%Y}.",
            code="withdrawal_over",
            last_day=last_day.isoformat(),
        )
    pricing = pricing_now()
    if contract is not None and contract.status == SubscriptionStatus.ENDED:
        raise RuleViolated("This contract has ended.", code="contract_ended")
    things = tuple(item for item in items if comes_back(item, pricing.snapshot))
    if contract is None and not things and not any(_is_coming(order, item) for item in items):
        raise RuleViolated("There is no right to withdraw from this.", code="no_withdrawal")
    shown = _shown(order, group, contract, items, last_day, asked_on, pricing)
    return _Prepared(order, contract, pricing, things, shown, asked_on)


def _asked_on(order: Order, group: str, contract: SubscriptionView | None) -> date:
    """Today, or the day of an earlier statement in writing that speaks of the bundle and that
    nobody has carried out yet: it counts from its moment on (L221-21, L221-25)."""
    today, line = business_today(), contract.msisdn if contract is not None else ""
    bundle = (order.number, group)
    stated = [
        asked.received_at.astimezone(PARIS).date()
        for asked in open_contract_requests(party_id=order.party_id)
        if asked.kind is RequestKind.WITHDRAW
        and is_meant(asked, bundle, line=line, billed=_billed(asked))
    ]
    return min([day for day in stated if today - day <= STATEMENT_GOOD_FOR], default=today)


def _billed(asked: ContractRequestFacts) -> frozenset[Bundle]:
    """Of the bill that a statement names, what could be withdrawn from when it was received: a bill
    of the month holds older contracts too."""
    bundles = bundles_on_bill(asked.contract)
    orders = Order.objects.filter(party=asked.party_id, number__in={of for of, _ in bundles})
    return frozenset(
        (order.number, group)
        for order in orders
        if _has_right(order)
        for group, items in _bundles(order).items()
        if (order.number, group) in bundles
        and asked.received_at.astimezone(PARIS).date() <= _last_day(order, items)
        and not _withdrawals(order)
        .filter(withdraws=f"{order.number}/{group}", placed_at__lt=asked.received_at)
        .exists()
    )


def contract_of(order: Order, *, group: str) -> SubscriptionView | None:
    contracts = subscriptions_of_order(order.party_id, order.number)
    return next((each for each in contracts if each.group == group), None)


def _shown(
    order: Order,
    group: str,
    contract: SubscriptionView | None,
    items: Iterable[OrderItem],
    last_day: date,
    asked_on: date,
    pricing: Pricing,
) -> WithdrawalQuote:
    today = business_today()
    rules = market(settings.MARKET).withdrawal_rules()
    ends_on = end_of(order, contract, asked_on=asked_on)
    coming = [item for item in items if _is_coming(order, item)]
    there = [item for item in items if item not in coming]
    things = [item for item in there if comes_back(item, pricing.snapshot)]
    running = [item for item in contract.items if item.until_on is None] if contract else []
    waiting = coming_changes(contract.id) if contract is not None else ()
    bills = (
        bills_with_change(
            contract.id,
            Coming(number="", on=ends_on, ends_all=True),
            waiting=waiting,
            takes_back=[each.number for each in waiting],
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
        days_are_paid=_days_are_paid(order),
        ends=tuple(Text(item.names) for item in running if item.names),
        things=tuple(
            Thing(item.line_id, _name(item, pricing), item.quantity, _paid(item)) for item in things
        ),
        coming=tuple(_name(item, pricing) for item in coming),
        bills=tuple(ComingBill(bill.on, bill.before, bill.after) for bill in bills),
        takes_back=taken_back_by(ChangeKind.WITHDRAW, subscription_id=contract.id)
        if contract is not None
        else (),
        refund=settled_share(order, group=group),
        refund_by=asked_on + timedelta(days=rules.refund_days),
        wear=rules.wear,
        beside=following(contract.party_id, without=contract.id, left_on=ends_on)
        if contract is not None
        else (),
    )


def _amendment(found: _Prepared, *, declared: str, ported: bool) -> Amendment:
    asked = {
        "change": str(ChangeKind.WITHDRAW),
        "declared": declared,
        "asked_on": found.asked_on.isoformat(),
    }
    return Amendment(
        kind=ChangeKind.WITHDRAW,
        subscription_id=found.shown.subscription_id,
        facts=known_at_end(found.contract, ends_on=found.shown.ends_on, catalogue=found.catalogue)
        | ({"ported": "yes"} if ported else {}),
        config=asked,
        touched=(
            *services_back(found.contract, catalogue=found.catalogue),
            *things_back(found.things),
        ),
        withdraws=f"{found.shown.number}/{found.shown.group}",
    )


def known_at_end(
    contract: SubscriptionView | None, *, ends_on: date, catalogue: Snapshot
) -> dict[str, str]:
    """What those who carry the withdrawal out must know of the line."""
    said = {"ends_on": ends_on.isoformat(), "owed": "0"}
    if contract is None:
        return said
    there = contract.items_on(business_today())
    return known_of(ChangeRequest(ChangeKind.WITHDRAW), contract, there, catalogue=catalogue) | said


def services_back(
    contract: SubscriptionView | None, *, catalogue: Snapshot, but: Collection[str] = ()
) -> tuple[Touched, ...]:
    """What ends of the contract, but for these lines of its order. Things are told of by the order
    that brought them."""
    there = contract.items_on(business_today()) if contract is not None else ()
    services = tuple(
        item
        for item in there
        if kind_of(item, catalogue) not in THINGS and (contract is None or item.line_id not in but)
    )
    if not services:
        return ()
    return told_of_end(services, kind=ChangeKind.WITHDRAW, catalogue=catalogue)


def things_back(things: Iterable[OrderItem]) -> tuple[Touched, ...]:
    return tuple(
        Touched(
            item.pk,
            item.offering,
            item.role,
            ItemAction.DELETE,
            {
                "came_as": item.line_id,
                "price": str(_paid(item).amount),
                **{name: item.facts[name] for name in ("imei",) if item.facts.get(name)},
            },
            line=f"return-{item.position}",
            quantity=item.quantity,
        )
        for item in things
    )


def comes_back(item: OrderItem, catalogue: Snapshot) -> bool:
    """Also what is sold no longer."""
    offering = last_sold(item.offering, catalogue=catalogue)
    told = f"{item.recipe}.{ChangeKind.WITHDRAW}" in catalogue.recipes
    return told and offering is not None and offering.kind in THINGS


def _is_coming(order: Order, item: OrderItem) -> bool:
    """Whether it has not arrived: a line in service says that of its services alone."""
    if order.state == OrderState.COMPLETED or any(item.facts.get(name) for name in RECEIVED):
        return False
    return item.state == ItemState.PLANNED or bool(item.shares)


def _days_are_paid(order: Order) -> bool:
    return bool(order.consents.get(str(Purpose.EARLY_EXECUTION)))


def end_of(order: Order, contract: SubscriptionView | None, *, asked_on: date) -> date:
    """The last day that is billed is the one before: of a contract whose days are paid until the
    withdrawal, `asked_on`, or its first day."""
    if contract is None:
        return asked_on
    began = contract.activated_on
    return max(asked_on, began) if _days_are_paid(order) else began


def _paid(item: OrderItem) -> Money:
    agreed = from_plain(tuple[AgreedCharge, ...], item.agreed)
    return total(net_in_period(charge, period=0) for charge in agreed)


def _name(item: OrderItem, pricing: Pricing) -> Text:
    offering = last_sold(item.offering, catalogue=pricing.snapshot)
    return offering.name if offering is not None else Text({"fr": item.offering})


def _last_day(order: Order, items: Iterable[OrderItem]) -> date:
    """Counted from the conclusion, or from the receipt of the last piece where there are pieces: as
    long as one is to come it is not before that many days from today."""
    assert order.accepted_at is not None
    days = [order.accepted_at.astimezone(PARIS).date()]
    for item in items:
        received = next((item.facts[name] for name in RECEIVED if item.facts.get(name)), "")
        if received:
            days.append(datetime.fromisoformat(received).astimezone(PARIS).date())
        elif item.shares and _is_coming(order, item):
            days.append(business_today())
    return market(settings.MARKET).withdrawal_last_day(max(days))


def _already() -> RuleViolated:
    return RuleViolated("You have withdrawn from this already.", code="withdrawn_already")
