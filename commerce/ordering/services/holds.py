"""What an order keeps for itself while it waits: stock, numbers, limited promotions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from catalogue.domain.numbers import STANDARD
from catalogue.domain.sourcing import Share
from catalogue.services import numbers, stock
from commerce.events import timers
from commerce.kernel.clock import business_now
from commerce.kernel.codec import from_plain
from commerce.ordering.domain.cart import CartLine
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import ItemState, OrderState
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.numbering import cart_key, former_numbers
from promotions.domain.compiler import CompiledPromotions
from promotions.services import limits
from subscriptions.domain.charges import AgreedCharge

HOLD_TIMER = "order-hold"
CHECKOUT_TIMER = "cart-checkout"
HOLD_FOR = {
    OrderState.AWAITING_PAYMENT: timedelta(hours=24),
    OrderState.AWAITING_ACCEPTANCE: timedelta(hours=48),
    OrderState.AWAITING_APPROVAL: timedelta(days=14),
}
_FOR_FULFILMENT = timedelta(days=120)
"""How long a number stays held for an accepted order until it is assigned."""


def hold_until(state: OrderState) -> datetime:
    """Until when an order may wait in `state`."""
    return business_now() + HOLD_FOR.get(state, _FOR_FULFILMENT)


def kept_until() -> datetime:
    """Until when a number that an accepted order asks for is kept for it."""
    return business_now() + _FOR_FULFILMENT


def number_key(order_number: str, line_id: str) -> str:
    return f"{order_number}/{line_id}"


def promotion_key(order: Order) -> str:
    """Promotions are reserved for the cart already, when checkout starts."""
    return order.cart_code or order.number


def hold_all(
    order: Order, *, lines: Iterable[CartLine], stocked: frozenset[str], shop: str = ""
) -> Mapping[str, tuple[Share, ...]]:
    """Keep pieces and numbers for a new order; who serves each line that is a thing.

    All of it comes from `shop` where the customer fetches it.

    Raises:
        RuleViolated: `out_of_stock`, `number_taken`, `no_number_left`, `number_is_ours`,
            `port_under_way`.
    """
    lines = tuple(lines)
    pieces = [stock.StockLine(e.offering, e.quantity, e.id) for e in lines if e.offering in stocked]
    shares: Mapping[str, tuple[Share, ...]] = {}
    if pieces:
        shares = stock.hold_new(lines=pieces, key=order.number, until=order.hold_until, shop=shop)
    wanted = _numbers_wanted(order, lines)
    if wanted:
        former = _with_former(order, wanted)
        numbers.hold_numbers(wanted=former, until=order.hold_until, fresh=True)
    kept = _numbers_kept(order, lines)
    if kept:
        numbers.announce_port_ins(kept)
    if order.waits:
        _set_timer(order)
    return shares


def hold_promotions(
    order: Order, *, quote: Quote, promotions: CompiledPromotions, codes: Collection[str]
) -> None:
    """Keep one use of each limited promotion that the quote gives, and its single-use code.

    Raises:
        RuleViolated: `promotion_used_up`.
    """
    given = [promotions.promotions[applied.code] for applied in quote.applied]
    limited = [each for each in given if each.limits or each.single_use]
    began = order.cart is not None and order.cart.held_at is not None
    if limited or (promotions.limited and began):
        limits.reserve(
            limited,
            key=promotion_key(order),
            party_id=order.party_id,
            until=order.hold_until,
            codes=codes,
        )


def prolong(order: Order) -> None:
    """The order waits for something else now: everything is kept until its new `hold_until`."""
    stock.prolong_hold(key=order.number, until=order.hold_until)
    limits.prolong(key=promotion_key(order), until=order.hold_until)
    lines = [_line(item.line_id, item.config) for item in order.items.all()]
    wanted = _numbers_wanted(order, lines)
    if wanted:
        numbers.hold_numbers(wanted=wanted, until=order.hold_until)
    _set_timer(order)


def keep_for_good(order: Order) -> None:
    """The order is accepted: pieces are sold, promotions used, numbers wait for their lines."""
    stock.commit_hold(order.number)
    limits.redeem(key=promotion_key(order))
    lines = [_line(item.line_id, item.config) for item in order.items.all()]
    wanted = _numbers_wanted(order, lines)
    if wanted:
        numbers.hold_numbers(wanted=wanted, until=business_now() + _FOR_FULFILMENT)
    timers.cancel(_timer_key(order))


def let_bundle_go(order: Order, *, lines: Sequence[OrderItem]) -> None:
    """What was sold for some lines of an accepted order is free again, and the uses of promotions
    that were given to them alone. Not to be repeated."""
    pieces = [
        (line.offering, share)
        for line in lines
        for share in from_plain(tuple[Share, ...], line.shares)
    ]
    if pieces:
        stock.return_pieces(order.number, pieces=pieces)
    kept = [_line(line.line_id, line.config) for line in lines]
    wanted, ported = _numbers_wanted(order, kept), _numbers_kept(order, kept)
    numbers.release_all(list(wanted))
    numbers.withdraw_port_ins(list(ported))
    for key in (*wanted, *ported):
        # Where no task took it back: a line has ended that had it.
        numbers.retire(key=key)
    limits.release(key=promotion_key(order), promotions=_only_of(order, lines))


def _only_of(order: Order, lines: Sequence[OrderItem]) -> frozenset[str]:
    """The promotions that gave something to these lines, and to no other that is left."""
    left = order.items.exclude(state=ItemState.CANCELLED).exclude(pk__in=[row.pk for row in lines])
    return _given_to(lines) - _given_to(left)


def _given_to(rows: Iterable[OrderItem]) -> frozenset[str]:
    return frozenset(
        benefit.code
        for row in rows
        for charge in from_plain(tuple[AgreedCharge, ...], row.agreed)
        for benefit in charge.benefits
    )


def let_go(order: Order) -> None:
    """Everything is free again, also what was sold but has not left. May be repeated."""
    stock.release_hold(order.number)
    stock.restock(order.number)
    limits.release(key=promotion_key(order))
    lines = [_line(item.line_id, item.config) for item in order.items.all()]
    numbers.release_all(list(_numbers_wanted(order, lines)))
    numbers.withdraw_port_ins(list(_numbers_kept(order, lines)))
    timers.cancel(_timer_key(order))


def close_port_ins(order: Order, *, group: str) -> None:
    """The bundle is in service. A number that was refused and given up is nobody's any more; one
    whose arrival an operator noted by hand is ours. May be repeated."""
    came = {
        number_key(order.number, line.line_id): line.facts.get("msisdn") == line.config["msisdn"]
        for line in order.items.filter(group=group, config__number_choice="port")
    }
    if came:
        numbers.close_port_ins(came)


def _numbers_wanted(order: Order, lines: Iterable[CartLine]) -> dict[str, numbers.Wanted]:
    """By key, the number that a line shall get; it may be held for the cart that was ordered."""
    return {
        number_key(order.number, line.id): numbers.Wanted(
            msisdn=line.config.get("msisdn") or None,
            klass=line.config.get("number_class", STANDARD),
            held_by=cart_key(order.cart_code, line.id) if order.cart_code else "",
        )
        for line in lines
        if line.config.get("number_choice") == "new"
    }


def _with_former(
    order: Order, wanted: Mapping[str, numbers.Wanted]
) -> Mapping[str, numbers.Wanted]:
    """What was chosen may be a number that the customer has back."""
    if not any(wish.msisdn for wish in wanted.values()):
        return wanted
    former = former_numbers(order.party_id)
    return {key: replace(wish, own=wish.msisdn in former) for key, wish in wanted.items()}


def _numbers_kept(order: Order, lines: Iterable[CartLine]) -> dict[str, str]:
    """By key, the number that a line brings along from another operator."""
    return {
        number_key(order.number, line.id): line.config["msisdn"]
        for line in lines
        if line.config.get("number_choice") == "port"
    }


def _line(line_id: str, config: dict[str, str]) -> CartLine:
    return CartLine(line_id, "", config=config)


def _timer_key(order: Order) -> str:
    return f"{HOLD_TIMER}:{order.number}"


def _set_timer(order: Order) -> None:
    timers.schedule(
        key=_timer_key(order),
        handler=HOLD_TIMER,
        due_at=order.hold_until,
        payload={"number": order.number},
    )
