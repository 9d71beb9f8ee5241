"""Writing an order: rows, promises, holds, the payment asked for and the event; all or none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from catalogue.domain.model import Kind, Offering, Segment, Snapshot
from catalogue.domain.sourcing import Share
from catalogue.selectors import last_sold
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.services.consents import record_consents
from commerce.events import outbox
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.codec import to_plain
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.cart import NO_CONFIG, CartLine, CartValue
from commerce.ordering.domain.consents import TEXT_VERSIONS, OrderConsents
from commerce.ordering.domain.facts import INSTEAD
from commerce.ordering.domain.numbering import class_sold, has_number, sells_range
from commerce.ordering.domain.quote import Quote, QuoteLine
from commerce.ordering.domain.states import ItemAction, OrderState
from commerce.ordering.events import OrderAccepted, OrderPlaced
from commerce.ordering.models import Cart, Order, OrderItem
from commerce.ordering.services import acceptance, holds, instalments, payment
from commerce.ordering.services.instalments import InParts
from commerce.ordering.services.moving import note_step
from commerce.ordering.services.pricing import Pricing
from commerce.rows import insert
from subscriptions.contracts.services.promise import PledgedContract, pledge
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import APART, ChangeKind

CHANGE_GROUP = "change"
"""The lines of an order that changes a running contract stand in one group."""
GIVEN_UP_GROUP = "given-up"
"""What an order promises of the contract that ends as its line goes to another holder."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whose order it is, and how to reach him."""

    party_id: int
    email: str
    phone: str
    language: str


@dataclass(frozen=True, slots=True)
class Touched:
    """An item of a running contract that is modified or ends, without anything new in its place;
    `charges` are due once for it. A thing that comes back has the `line` and the `quantity` that it
    had when it was ordered, and `item_id` is that order's item."""

    item_id: int
    offering: str
    role: str
    action: ItemAction
    facts: Mapping[str, str]
    charges: tuple[AgreedCharge, ...] = ()
    config: Mapping[str, str] = field(default_factory=lambda: NO_CONFIG)
    line: str = ""
    quantity: int = 1

    @property
    def line_id(self) -> str:
        return self.line or f"{self.action}-{self.item_id}"


@dataclass(frozen=True, slots=True)
class Amendment:
    """What an order changes of a running contract.

    `replaced` are the items whose place a line takes, by line id; `facts` what is known of the
    contract now, which counts before what its items learnt; `config` what is asked of those who
    carry the change out, on each line of it. It begins on the day `not_before` (None: at once).
    `withdraws` names the bundle ("F-1/g1") of which the contract, if it has one, is withdrawn from;
    `months` is the commitment that a line goes to another holder with.
    """

    kind: ChangeKind
    subscription_id: int | None
    facts: Mapping[str, str]
    config: Mapping[str, str]
    replaced: Mapping[str, int] = field(default_factory=dict)
    touched: tuple[Touched, ...] = ()
    not_before: date | None = None
    withdraws: str = ""
    months: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that is checked and about to be written. `deliver_to` is by line id ("" for all);
    what is fetched in the shop `pick_up_at` goes nowhere."""

    buyer: Buyer
    value: CartValue
    quote: Quote
    pricing: Pricing
    state: OrderState
    cart: Cart | None = None
    consents: OrderConsents | None = None
    deliver_to: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pick_up_at: str = ""
    purchase_order: str = ""
    membership_id: int | None = None
    pay_return: Mapping[str, str] = field(default_factory=dict)
    accept_digest: str = ""
    amendment: Amendment | None = None
    in_parts: InParts | None = None


def write_order(draft: Draft, *, context: AccountContext) -> Order:
    """Write `draft` in the caller's transaction; one query count whatever the number of lines.

    Raises:
        RuleViolated: `out_of_stock`, `number_taken`, `no_number_left`, `promotion_used_up`.
    """
    draft = _with_number_choices(draft)
    order = _order(draft, context=context)
    snapshot = draft.pricing.snapshot
    put_off = draft.in_parts.lines if draft.in_parts else {}
    if draft.state is OrderState.AWAITING_PAYMENT:
        payment.ask_for_payment(order, quote=draft.quote, put_off=put_off)
    insert([order])
    if draft.in_parts is not None:
        instalments.store(order, draft.in_parts)
    stocked = frozenset(
        line.offering for line in draft.value.lines if snapshot.offering(line.offering).stocked
    )
    lines = (*draft.value.lines, *_changed_lines(draft.amendment))
    shares = holds.hold_all(order, lines=lines, stocked=stocked, shop=draft.pick_up_at)
    holds.hold_promotions(
        order,
        quote=draft.quote,
        promotions=draft.pricing.promotions,
        codes=draft.value.codes,
    )
    _items(order, draft, shares=shares)
    note_step(order, context=context)
    pledge(order_number=order.number, contracts=_contracts(draft))
    if draft.consents is not None:
        log_consents(order, draft.consents, context=context)
    _publish(order, context=context)
    return order


def log_consents(order: Order, consents: OrderConsents, *, context: AccountContext) -> None:
    """Note what the customer agreed to and to which text, with channel and actor."""
    record_consents(
        context=context,
        party_id=order.party_id,
        reference=order.number,
        given={
            str(purpose): (TEXT_VERSIONS[purpose], granted)
            for purpose, granted in consents.given().items()
        },
    )


def needs_delivery(offering: Offering) -> bool:
    """Whether something of it is carried to the customer: all but services and eSIMs."""
    if offering.kind is Kind.SIM:
        return offering.characteristics.get("form") != "esim"
    return offering.kind in (Kind.HANDSET, Kind.ACCESSORY)


def _order(draft: Draft, *, context: AccountContext) -> Order:
    now, quote = business_now(), draft.quote
    channels = list(draft.cart.channels) if draft.cart is not None else []
    if context.channel not in channels:
        channels.append(str(context.channel))
    by_agent = context.role is Role.AGENT
    return Order(
        number=_next_number(),
        state=draft.state,
        party_id=draft.buyer.party_id,
        segment=draft.value.segment,
        cart=draft.cart,
        cart_code=draft.cart.code if draft.cart is not None else "",
        channel=context.channel,
        channels=channels,
        actor_kind=context.actor.kind,
        actor_id=context.actor.id,
        actor_name=context.actor.name,
        agent_name=context.actor.name if by_agent else "",
        membership_id=draft.membership_id,
        change=draft.amendment.kind if draft.amendment else "",
        subject=draft.amendment.subscription_id if draft.amendment else None,
        withdraws=draft.amendment.withdraws if draft.amendment else "",
        begins_on=draft.amendment.not_before if draft.amendment else None,
        release=quote.release,
        agreed=quote.to_json(),
        digest=quote.digest(),
        basis=quote.basis,
        currency=quote.currency,
        due_today=quote.due_today.amount,
        gross=quote.due_today_gross.amount,
        deferred=draft.in_parts.deferred.amount if draft.in_parts else Decimal(0),
        commitment_total=quote.commitment_total.rounded().amount,
        commitment_months=quote.commitment_months,
        purchase_order=draft.purchase_order,
        language=draft.buyer.language,
        email=draft.buyer.email,
        phone=draft.buyer.phone,
        deliver_to=dict(draft.deliver_to.get("", {})),
        consents=_consents(draft.consents),
        pay_return=dict(draft.pay_return),
        accept_digest=draft.accept_digest,
        hold_until=holds.hold_until(draft.state),
        placed_at=now,
        accepted_at=now if draft.state is OrderState.ACCEPTED else None,
    )


def _items(order: Order, draft: Draft, *, shares: Mapping[str, tuple[Share, ...]]) -> None:
    lines = {line.id: line for line in draft.value.lines}
    not_before = (
        acceptance.earliest_port_in()
        if draft.value.segment is Segment.CONSUMER
        and draft.consents is not None
        and not draft.consents.early_execution_requested
        else None
    )
    items = []
    for position, quoted in enumerate(draft.quote.lines, start=1):
        line = lines[quoted.id]
        item = _item(order, quoted, line, position=position, draft=draft)
        served = shares.get(quoted.id, ())
        item.supplier = served[0].partner if served else ""
        item.shares = to_plain(served)
        if line.config.get("number_choice") == "port":
            item.port_not_before = not_before
        items.append(item)
    if draft.amendment is not None:
        items = _amending(order, items, draft.amendment, recipes=draft.pricing.snapshot.recipes)
        items += _touching(
            order, draft.amendment, snapshot=draft.pricing.snapshot, after=len(items)
        )
    insert(items)


def _amending(
    order: Order, items: list[OrderItem], by: Amendment, *, recipes: Mapping[str, object]
) -> list[OrderItem]:
    """The lines of a change: what they take the place of, and how that is carried out."""
    for item in items:
        item.subject = by.replaced.get(item.line_id)
        item.action = ItemAction.MODIFY if item.subject is not None else ItemAction.ADD
        item.recipe = recipe_of_change(item.recipe, kind=by.kind, recipes=recipes)
        item.config = {**item.config, **by.config}
        item.facts = dict(by.facts)
        item.port_not_before = by.not_before
    return items


def _changed_lines(amendment: Amendment | None) -> tuple[CartLine, ...]:
    """What is touched, as lines for which something may be held: a number."""
    touched = amendment.touched if amendment is not None else ()
    return tuple(CartLine(each.line_id, each.offering, config=each.config) for each in touched)


def add_touched(order: Order, by: Amendment, *, snapshot: Snapshot, after: int) -> None:
    """Lines of what `by` touches, behind the first `after` that the order has."""
    OrderItem.objects.bulk_create(_touching(order, by, snapshot=snapshot, after=after))


def _touching(order: Order, by: Amendment, *, snapshot: Snapshot, after: int) -> list[OrderItem]:
    return [
        OrderItem(
            order=order,
            position=position,
            line_id=touched.line_id,
            action=touched.action,
            subject=touched.item_id,
            offering=touched.offering,
            group=CHANGE_GROUP,
            role=touched.role,
            quantity=touched.quantity,
            recipe=recipe_of_change(
                _recipe_of(touched.offering, snapshot=snapshot),
                kind=by.kind,
                recipes=snapshot.recipes,
            ),
            agreed=to_plain(touched.charges),
            config={**by.config, **touched.config},
            facts={**touched.facts, **by.facts},
            port_not_before=by.not_before,
        )
        for position, touched in enumerate(by.touched, start=after + 1)
    ]


def _recipe_of(offering: str, *, snapshot: Snapshot) -> str:
    """Also of what is sold no longer. Raises NotFound `unknown_offering`."""
    found = last_sold(offering, catalogue=snapshot) or snapshot.offering(offering)
    return found.specification.recipe or ""


def recipe_of_change(recipe: str, *, kind: ChangeKind, recipes: Mapping[str, object]) -> str:
    """The recipe for that kind of change of a thing: `<recipe>.<kind>`.

    What is added, renewed or replaced is delivered as with a new line unless the release says
    otherwise; what has no recipe, as a fee, needs none, nor what goes to another holder with its
    line, or what costs more or less because of another line.

    Raises:
        RuleViolated: `change_not_offered`: the release says nothing of how it is done.
    """
    if not recipe:
        return ""
    wanted = f"{recipe}.{kind}"
    if wanted in recipes:
        return wanted
    if kind in (ChangeKind.ADD, ChangeKind.RENEW) or (kind in APART and "." not in recipe):
        return recipe
    if kind in (ChangeKind.HOLDER, ChangeKind.ADVANTAGES):
        return ""
    raise RuleViolated(
        "This can't be changed on a running line.", code="change_not_offered", recipe=wanted
    )


def _item(
    order: Order, quoted: QuoteLine, line: CartLine, *, position: int, draft: Draft
) -> OrderItem:
    offering = draft.pricing.snapshot.offering(quoted.offering)
    address: Mapping[str, str] = {}
    if needs_delivery(offering):
        address = draft.deliver_to.get(line.id) or draft.deliver_to.get("", {})
    return OrderItem(
        order=order,
        position=position,
        line_id=line.id,
        offering=quoted.offering,
        group=quoted.group,
        role=quoted.role,
        quantity=quoted.quantity,
        term=quoted.term,
        recipe=offering.specification.recipe or "",
        agreed=order.agreed["lines"][position - 1]["charges"],
        config=dict(line.config),
        deliver_to=dict(address),
    )


def _with_number_choices(draft: Draft) -> Draft:
    """A line about whose number nothing was said gets a new one; a special one of its class."""
    snapshot = draft.pricing.snapshot
    lines = tuple(
        replace(line, config={**_new_number(offering), **line.config})
        if has_number(offering) and not line.config.get(INSTEAD)
        else line
        for line in draft.value.lines
        for offering in [snapshot.offering(line.offering)]
    )
    return replace(draft, value=replace(draft.value, lines=lines))


def _new_number(offering: Offering) -> dict[str, str]:
    own = {"number_class": class_sold(offering)} if sells_range(offering) else {}
    return {"number_choice": "new", **own}


def _contracts(draft: Draft) -> tuple[PledgedContract, ...]:
    rates: Mapping[str, Decimal] = draft.pricing.snapshot.tax_rates
    groups: dict[str, list[QuoteLine]] = {}
    for line in draft.quote.lines:
        groups.setdefault(line.group, []).append(line)
    by = draft.amendment
    touched = by.touched if by is not None else ()
    if by is not None:
        groups.setdefault(CHANGE_GROUP, [])
    months = by.months if by is not None else 0
    contracts = tuple(
        PledgedContract(
            group=group,
            segment=str(draft.value.segment),
            basis=draft.quote.basis,
            charges=tuple(charge for line in lines for charge in line.charges)
            + tuple(charge for each in touched for charge in each.charges),
            tax_rates=rates,
            commitment_months=max((line.term for line in lines), default=months),
        )
        for group, lines in groups.items()
    )
    if by is None or by.kind is not ChangeKind.HOLDER:
        return contracts
    (taken_over,) = contracts
    return taken_over, replace(taken_over, group=GIVEN_UP_GROUP, charges=(), commitment_months=0)


def _publish(order: Order, *, context: AccountContext) -> None:
    events: list[outbox.Event] = [
        OrderPlaced(number=order.number, party_id=order.party_id, state=str(order.state))
    ]
    if order.state == OrderState.ACCEPTED:
        holds.keep_for_good(order)
        events.append(OrderAccepted(number=order.number, party_id=order.party_id))
    outbox.publish_all(events)


def _consents(consents: OrderConsents | None) -> dict[str, Any]:
    if consents is None:
        return {}
    return {str(purpose): granted for purpose, granted in consents.given().items()}


def _next_number() -> str:
    """Like F-2026-000123; numbers grow and may have gaps."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('ordering_order_number')")
        (value,) = cursor.fetchone()
    return f"F-{business_now().astimezone(PARIS).year}-{value:06d}"


def lines_to_deliver(lines: Iterable[CartLine], *, snapshot: Snapshot) -> list[CartLine]:
    """Those of which something is carried to the customer."""
    return [line for line in lines if needs_delivery(snapshot.offering(line.offering))]
