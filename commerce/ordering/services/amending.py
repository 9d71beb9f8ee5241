"""What an accepted order under way says otherwise: checked, worked out, written."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from catalogue.domain.model import Kind, Segment, Snapshot
from catalogue.domain.numbers import STANDARD
from catalogue.domain.sourcing import Share
from catalogue.selectors import snapshot_of
from catalogue.services import numbers, stock
from commerce.accounts.identity import AccountContext
from commerce.accounts.selectors import Address
from commerce.accounts.services.customers import check_address
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.codec import from_plain, to_plain
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.checks import issues
from commerce.ordering.domain.fulfilment import FulfilmentItem
from commerce.ordering.domain.numbering import Keep, NumberChoice, comes_along
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import ItemState
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.selectors import fulfilment_items
from commerce.ordering.services import holds
from commerce.ordering.services.editing import refuse
from commerce.ordering.services.moving import note_decision
from commerce.ordering.services.numbering import FURTHEST, checked_choice
from commerce.ordering.services.pricing import Pricing, customer_facts, priced
from commerce.ordering.services.unwinding import due_once_for, shares_of_money
from commerce.ordering.services.writing import needs_delivery
from promotions.selectors import promotions_of
from subscriptions.contracts.services.promise import close_items
from subscriptions.domain.charges import AgreedCharge

DROPPABLE = frozenset({Kind.ACCESSORY, Kind.CONTENT, Kind.OPTION})
"""What a bundle may go on without; whatever else belongs to its line."""


class Aspect(StrEnum):
    """In what a line is otherwise than before."""

    ADDRESS = "address"
    DATE = "date"
    NUMBER = "number"
    SIM = "sim"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the customer wants otherwise in one bundle; None or empty: as it is.

    `not_before`: nothing more is sent or begun before that day. `msisdn`: another new number, empty
    for any. `sim`: the offering of another kind of SIM. `without`: the line that is left out.
    """

    deliver_to: Address | None = None
    not_before: date | None = None
    msisdn: str | None = None
    sim: str = ""
    without: str = ""


@dataclass(frozen=True, slots=True)
class Amended:
    """The bundle as it would be: its `rows`, unsaved, and as fulfilment reads them; which lines are
    otherwise in what; `dropped` and what goes back for it."""

    rows: tuple[OrderItem, ...]
    items: tuple[FulfilmentItem, ...]
    touched: Mapping[str, frozenset[Aspect]]
    dropped: tuple[str, ...]
    credit: Money
    refund: Money


def amended(order: Order, *, group: str, wish: Wish) -> Amended:
    """Work `wish` out. In the caller's transaction, which must end if it was only a question: a
    card that takes the place of an eSIM leaves the stock.

    Raises:
        NotFound: `unknown_bundle`, `unknown_line`.
        InvalidInput: `nothing_chosen`; `address_not_needed`: nothing of it is carried;
            `address_incomplete`, `postcode_malformed`; `day_invalid`; `number_invalid`;
            `unknown_sim`.
        RuleViolated: `number_comes_along`: it is changed as a porting is; `not_removable`: it
            belongs to the line, or nothing would be left; `advantage_lost`: the rest would cost
            more without it; `not_repriceable`; `out_of_stock`; `paid_in_parts`; `order_anew`: of
            a change of a running line only where it goes and which number it gets; or what does
            not go together.
    """
    if order.change and (wish.not_before is not None or wish.sim or wish.without):
        raise RuleViolated(
            "A change of a running line is done as it was quoted; cancel it and order it anew.",
            code="order_anew",
        )
    if order.deferred:
        raise RuleViolated(
            Sentence("What is paid in parts stays as it was agreed; cancel it and order it anew."),
            code="paid_in_parts",
        )
    # Before its stock, as where a bundle ends; its parcels' days are written under this lock too.
    Order.objects.select_for_update(of=("self",)).get(pk=order.pk)
    rows = {
        row.line_id: copy(row)
        for row in order.items.filter(group=group).exclude(state=ItemState.CANCELLED)
    }
    if not rows:
        raise NotFound(f"The order has no bundle {group!r}.", code="unknown_bundle")
    snapshot = snapshot_of(order.release)
    touched: dict[str, set[Aspect]] = {}
    if wish.deliver_to is not None:
        _readdress(rows, wish.deliver_to, touched=touched, snapshot=snapshot)
    if wish.not_before is not None:
        _delay(rows, wish.not_before, touched=touched)
    if wish.msisdn is not None:
        _renumber(rows, wish.msisdn, touched=touched)
    if wish.sim:
        _swap_sim(order, rows, wish.sim, touched=touched, snapshot=snapshot)
    dropped = (wish.without,) if wish.without else ()
    credit = refund = Money.zero(order.currency)
    if wish.without:
        _check_without(order, rows, wish.without, snapshot=snapshot)
        rows[wish.without].state = ItemState.CANCELLED
        credit = due_once_for(order, lines=dropped)
        refund = shares_of_money(order)[wish.without] if order.payment_key else refund
    if not touched and not dropped:
        raise InvalidInput("Say what is to be otherwise.", code="nothing_chosen", field="wish")
    return Amended(
        rows=tuple(rows.values()),
        items=fulfilment_items(rows.values(), snapshot=snapshot),
        touched={line: frozenset(aspects) for line, aspects in touched.items()},
        dropped=dropped,
        credit=credit,
        refund=refund,
    )


def write_amended(
    context: AccountContext, order: Order, *, of: Amended, reachable: bool, note: str
) -> None:
    """Store the bundle as it is now, in the caller's transaction, after its plan is locked.

    `reachable`: its line was on the network already, so that its old number rests first.

    Raises:
        RuleViolated: `number_taken`, `no_number_left`.
    """
    for row in of.rows:
        aspects = of.touched.get(row.line_id, frozenset())
        if Aspect.NUMBER in aspects:
            row.config = {**row.config, "msisdn": _exchanged(order, row, reachable=reachable)}
        if aspects or row.line_id in of.dropped:
            row.save()
    if of.dropped:
        group = of.rows[0].group
        close_items(order_number=order.number, group=group, items=of.dropped, on=business_today())
    note_decision(order, context=context, reason="amended", note=note)


def _readdress(
    rows: Mapping[str, OrderItem],
    address: Address,
    *,
    touched: dict[str, set[Aspect]],
    snapshot: Snapshot,
) -> None:
    carried = [
        row
        for row in rows.values()
        if needs_delivery(snapshot.offering(row.offering)) and row.deliver_to
    ]
    if not carried:
        raise InvalidInput(
            "Nothing of this is carried to you.", code="address_not_needed", field="deliver_to"
        )
    check_address(address)
    for row in carried:
        row.deliver_to = address.as_json()
        touched.setdefault(row.line_id, set()).add(Aspect.ADDRESS)


def _delay(rows: Mapping[str, OrderItem], day: date, *, touched: dict[str, set[Aspect]]) -> None:
    today = business_today()
    if not today < day <= today + FURTHEST:
        raise InvalidInput(
            "Choose a day between tomorrow and three months from now.",
            code="day_invalid",
            field="not_before",
        )
    for row in rows.values():
        if row.config.get("number_choice") == "port":
            raise comes_along()
        if row.port_not_before != day:
            row.port_not_before = day
            touched.setdefault(row.line_id, set()).add(Aspect.DATE)


def _renumber(
    rows: Mapping[str, OrderItem], msisdn: str, *, touched: dict[str, set[Aspect]]
) -> None:
    row = next((row for row in rows.values() if row.config.get("number_choice")), None)
    if row is None or row.config["number_choice"] == "keep":
        raise NotFound("Nothing of this gets a number.", code="unknown_line")
    if row.config["number_choice"] == "port":
        raise comes_along()
    chosen = checked_choice(NumberChoice(Keep.NEW, msisdn=msisdn))
    kept = {name: value for name, value in row.config.items() if name != "msisdn"}
    row.config = kept | chosen
    row.facts = {name: value for name, value in row.facts.items() if name != "msisdn"}
    touched.setdefault(row.line_id, set()).add(Aspect.NUMBER)


def _swap_sim(
    order: Order,
    rows: Mapping[str, OrderItem],
    code: str,
    *,
    touched: dict[str, set[Aspect]],
    snapshot: Snapshot,
) -> None:
    """Its price stays: the exchange is free, and what was paid for the other kind is not more."""
    offering = snapshot.offerings.get(code)
    row = next(
        (
            row
            for row in rows.values()
            if snapshot.offering(row.offering).kind is Kind.SIM and row.offering != code
        ),
        None,
    )
    if offering is None or offering.kind is not Kind.SIM or row is None:
        raise InvalidInput("Choose the other kind of SIM.", code="unknown_sim", field="sim")
    segment = Segment(order.segment)
    if not offering.sellable(segment=segment, channel=order.channel, at=order.placed_at):
        raise InvalidInput("Choose the other kind of SIM.", code="unknown_sim", field="sim")
    row.offering, row.recipe, row.facts = code, offering.specification.recipe or "", {}
    row.deliver_to = {}
    if needs_delivery(offering):
        row.deliver_to = _address_of(order, rows)
    _supply_sim(order, row)
    touched.setdefault(row.line_id, set()).add(Aspect.SIM)
    _check_together(order, rows, snapshot=snapshot)


def _address_of(order: Order, rows: Mapping[str, OrderItem]) -> dict[str, str]:
    found = next((row.deliver_to for row in rows.values() if row.deliver_to), order.deliver_to)
    if not found:
        raise InvalidInput(
            "Say where the parcel should go.", code="address_missing", field="deliver_to"
        )
    return dict(found)


def _exchanged(order: Order, row: OrderItem, *, reachable: bool) -> str:
    return numbers.exchange(
        holds.number_key(order.number, row.line_id),
        msisdn=row.config.get("msisdn") or None,
        klass=row.config.get("number_class", STANDARD),
        until=holds.kept_until(),
        reachable=reachable,
    )


def _supply_sim(order: Order, row: OrderItem) -> None:
    """The card that is not needed any more is on sale again; the one that is leaves the stock."""
    before = from_plain(tuple[Share, ...], row.shares)
    if before:
        was = OrderItem.objects.values_list("offering", flat=True).get(pk=row.pk)
        stock.return_pieces(order.number, pieces=[(was, share) for share in before])
    row.shares, row.supplier = [], ""
    if not row.deliver_to:
        return
    key = stock.further_key(order.number)
    wanted = [stock.StockLine(row.offering, row.quantity, row.line_id)]
    shares = stock.hold_new(lines=wanted, key=key, until=business_now())[row.line_id]
    stock.commit_hold(key)
    row.shares, row.supplier = to_plain(shares), shares[0].partner


def _check_without(
    order: Order, rows: Mapping[str, OrderItem], line_id: str, *, snapshot: Snapshot
) -> None:
    """The bundle without the line must stand by the rules, at the prices that were agreed."""
    row = rows.get(line_id)
    if row is None:
        raise NotFound("The order has no such line.", code="unknown_line", line=line_id)
    if snapshot.offering(row.offering).kind not in DROPPABLE:
        raise RuleViolated(
            "The rest can't do without it; cancel all that belongs to the line.",
            code="not_removable",
            line=line_id,
        )
    rest = {key: other for key, other in rows.items() if key != line_id}
    if not rest:
        raise RuleViolated(
            "Nothing would be left; cancel the order.", code="not_removable", line=line_id
        )
    _check_together(order, rest, snapshot=snapshot)
    _check_prices(order, line_id, snapshot=snapshot)


def _check_together(order: Order, rows: Mapping[str, OrderItem], *, snapshot: Snapshot) -> None:
    """Raises RuleViolated: what the catalogue's rules say of these lines together."""
    value = _value(order, list(rows.values()))
    for issue in issues(value, catalogue=snapshot, at=order.placed_at):
        if issue.code in _ABOUT_TOGETHERNESS:
            raise refuse(issue)


_ABOUT_TOGETHERNESS = frozenset({"slot_missing", "incompatible", "not_a_candidate", "one_of"})


def _check_prices(order: Order, line_id: str, *, snapshot: Snapshot) -> None:
    """Nothing else may cost otherwise without the line than was agreed with it."""
    rows = list(order.items.exclude(state=ItemState.CANCELLED))
    pricing = Pricing(snapshot, promotions_of(snapshot), order.placed_at)
    agreed = {row.line_id: from_plain(tuple[AgreedCharge, ...], row.agreed) for row in rows}
    before = _charges(order, rows, pricing=pricing)
    if before != agreed:
        raise RuleViolated(
            "What the rest would cost can't be worked out any more; cancel all of it.",
            code="not_repriceable",
        )
    after = _charges(order, [row for row in rows if row.line_id != line_id], pricing=pricing)
    dearer = sorted(line for line, charges in after.items() if charges != agreed[line])
    if dearer:
        raise RuleViolated(
            "Another part of the order has its price through this one; cancel both, or keep both.",
            code="advantage_lost",
            lines=dearer,
        )


def _charges(
    order: Order, rows: list[OrderItem], *, pricing: Pricing
) -> Mapping[str, tuple[AgreedCharge, ...]]:
    value = _value(order, rows)
    sold = {line.id: line.offering for line in Quote.from_json(order.agreed).lines}
    # A kind of SIM that was exchanged keeps its price.
    value = replace(
        value, lines=tuple(replace(line, offering=sold[line.id]) for line in value.lines)
    )
    customer = customer_facts(
        value,
        pricing=pricing,
        party_id=order.party_id,
        key=holds.promotion_key(order),
        retained=order.cart.retained if order.cart is not None else None,
    )
    quote = priced(value, pricing=pricing, customer=customer)
    return {line.id: line.charges for line in quote.lines}


def _value(order: Order, rows: list[OrderItem]) -> CartValue:
    """The rows as the cart that they came from."""
    cart = order.cart
    groups = {row.group for row in rows}
    bundles = dict(cart.bundles) if cart is not None else {}
    return CartValue(
        code=order.cart_code,
        lines=tuple(
            CartLine(
                id=row.line_id,
                offering=row.offering,
                quantity=row.quantity,
                group=row.group,
                role=row.role,
                term=row.term,
                config=row.config,
            )
            for row in rows
        ),
        segment=Segment(order.segment),
        channel=order.channel,
        codes=tuple(cart.codes) if cart is not None else (),
        bundles={group: code for group, code in bundles.items() if group in groups},
    )
