"""Reads of carts and orders, as frozen values. Another's is not found."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q

from catalogue.domain.model import Kind, Offering, Segment, Snapshot, role_of
from catalogue.domain.sourcing import PartnerKind, Share
from catalogue.pool import held_until
from catalogue.selectors import last_sold, snapshot_of
from catalogue.shops import Shop, shop
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.clock import PARIS
from commerce.kernel.codec import from_plain
from commerce.kernel.errors import Forbidden, NotFound
from commerce.kernel.money import Money, total
from commerce.markets.pack import SpecialTariff
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.changes import ENDING_NAMES
from commerce.ordering.domain.checks import Issue, issues
from commerce.ordering.domain.credit import Applicant
from commerce.ordering.domain.fulfilment import (
    ChargedItem,
    DeliveryAddress,
    FulfilmentItem,
    FulfilmentOrder,
    OrderCharges,
    said,
    temporary_number,
)
from commerce.ordering.domain.instalments import Choice
from commerce.ordering.domain.quote import Quote, QuoteLine
from commerce.ordering.domain.states import (
    GIVEN_UP,
    UNDER_WAY,
    CartState,
    ItemAction,
    ItemState,
    OrderState,
)
from commerce.ordering.models import Approval, Cart, CreditDecision, Order, OrderItem, OrderStep
from commerce.ordering.number_shop import callers_tariff, tariff_of
from commerce.ordering.services.accept import order_of_link
from commerce.ordering.services.access import (
    cart_scope,
    find_cart,
    find_order,
    items_of,
    order_scope,
)
from commerce.ordering.services.editing import Edited
from commerce.ordering.services.handover import Lease, lease_of
from commerce.ordering.services.instalments import agreed_choice
from commerce.ordering.services.numbering import cart_key
from commerce.ordering.services.pricing import cart_value, pricing_of, quote_of
from commerce.ordering.services.stocking import supply_of
from commerce.ordering.taken_places import as_it_stands
from commerce.rows import Given, Prepared
from subscriptions.collection.instalments import plan_of
from subscriptions.contracts.finding import contracts_running
from subscriptions.contracts.selectors import codes_of
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.instalments import PlanView
from subscriptions.domain.states import ChangeKind

_ORDER = Prepared(lambda: Order.objects.filter(number=Given("number")))
_ORDER_WITH_QUOTE = Prepared(lambda: Order.objects.defer(None).filter(number=Given("number")))
_ITEMS = Prepared(lambda: OrderItem.objects.filter(order_id=Given("order")))
_ITEMS_OF_GROUPS = Prepared(
    lambda: OrderItem.objects.filter(
        order_id=Given("order"), group__in=Given("groups", each="text")
    )
)


@dataclass(frozen=True, slots=True)
class CartView:
    """A cart with what it costs, what stands in its way, and who may change it.

    `quote` lines, `configs` and `tariffs` (of the callers of special numbers) go by line id, as do
    `shares`: who would serve a thing, and when (none: it can't be had). `available` are pieces
    that can be ordered, by offering. `retained` are the retention offers that an agent gave, each
    with its reason.
    `prices_until` is None while no checkout holds them.
    """

    code: str
    segment: Segment
    channels: tuple[str, ...]
    version: int
    ordered: bool
    codes: tuple[str, ...]
    retained: Mapping[str, str]
    bundles: Mapping[str, str]
    configs: Mapping[str, Mapping[str, str]]
    quote: Quote
    issues: tuple[Issue, ...]
    shares: Mapping[str, tuple[Share, ...]]
    available: Mapping[str, int]
    numbers_until: Mapping[str, datetime]
    tariffs: Mapping[str, SpecialTariff]
    lease: Lease
    prices_until: datetime | None
    expires_at: datetime
    party_id: int | None

    @property
    def orderable(self) -> bool:
        return bool(self.quote.lines) and not self.issues and not self.ordered


@dataclass(frozen=True, slots=True)
class OrderItemView:
    """`bundle` is the nested bundle in which the item stands (empty: none), `within` its name."""

    line_id: str
    action: ItemAction
    offering: str
    name: Mapping[str, str]
    group: str
    role: str
    quantity: int
    term: int
    state: ItemState
    config: Mapping[str, str]
    facts: Mapping[str, str]
    supplier: str
    shares: tuple[Share, ...]
    deliver_to: DeliveryAddress | None
    port_not_before: date | None
    tariff: SpecialTariff | None
    bundle: str
    within: Mapping[str, str]

    def said(self, name: str) -> str:
        """As `FulfilmentItem.said`."""
        return said(name, config=self.config, facts=self.facts)

    @property
    def temporary(self) -> str:
        """As `temporary_number`."""
        return temporary_number(config=self.config, facts=self.facts)


@dataclass(frozen=True, slots=True)
class OrderStepView:
    before: str
    after: OrderState
    at: datetime
    actor: str
    channel: str
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """`approved` is None while nobody has decided."""

    amount: Money
    limit: Money
    asked_of: str
    asked_at: datetime
    approved: bool | None
    decided_by: str
    decided_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """A line of a list of orders; amounts in the order's basis, `gross` with tax, of which what is
    `deferred` is paid in parts later."""

    number: str
    state: OrderState
    party_id: int
    segment: Segment
    channel: str
    placed_at: datetime
    placed_by: str
    due_today: Money
    gross: Money
    commitment_total: Money
    purchase_order: str
    deferred: Money

    @property
    def due_now(self) -> Money:
        return self.gross - self.deferred


@dataclass(frozen=True, slots=True)
class CreditView:
    """Why an order may be paid in parts, for staff; `facts` as in `domain.credit.Applicant`."""

    rule: str
    cautious: bool
    at: datetime
    left: Money
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as it was agreed, and what became of it; `change` is empty unless it changes a
    running line, `instalments` None unless it is paid in parts, `in_parts` as that was agreed and
    `credit` says why it may be."""

    summary: OrderSummary
    channels: tuple[str, ...]
    agent: str
    cart_code: str
    language: str
    email: str
    phone: str
    quote: Quote
    items: tuple[OrderItemView, ...]
    steps: tuple[OrderStepView, ...]
    approval: ApprovalView | None
    consents: Mapping[str, bool]
    payment_key: str
    payment_open: bool
    payment_problem: str
    hold_until: datetime
    accepted_at: datetime | None
    completed_at: datetime | None
    end_reason: str
    deliver_to: DeliveryAddress | None
    pick_up_at: Shop | None
    change: str
    instalments: PlanView | None
    in_parts: Choice | None
    credit: CreditView | None


def cart_view(context: AccountContext, *, code: str) -> CartView:
    """The cart, priced and judged now.

    Raises:
        NotFound: `unknown_cart`; `unknown_offering` if the catalogue dropped something (open it
            again by `handover` to be told what).
    """
    cart = find_cart(context, code=code)
    items, pricing = items_of(cart), pricing_of(cart)
    found = issues(cart_value(cart, items), catalogue=pricing.snapshot, at=pricing.at)
    return edited_view(context, Edited(cart, items, pricing, found, None))


def edited_view(context: AccountContext, edited: Edited[Any]) -> CartView:
    """As `cart_view`, of a cart that was just written; it is not read again."""
    cart, pricing = edited.cart, edited.pricing
    value = cart_value(cart, edited.items)
    quote = quote_of(value, pricing=pricing, cart=cart)
    supply = supply_of(value.lines, snapshot=pricing.snapshot)
    held = cart.price_held_until
    return CartView(
        code=cart.code,
        segment=Segment(cart.segment),
        channels=tuple(cart.channels),
        version=cart.version,
        ordered=cart.state == CartState.ORDERED,
        codes=tuple(cart.codes),
        retained=dict(cart.retained),
        bundles=dict(cart.bundles),
        configs={line.id: line.config for line in value.lines},
        quote=quote,
        issues=edited.issues,
        shares=supply.shares,
        available=supply.orderable,
        numbers_until=_numbers_until(cart.code, value),
        tariffs=_tariffs(value, catalogue=pricing.snapshot),
        lease=lease_of(cart, context=context),
        prices_until=held if pricing.at == cart.held_at else None,
        expires_at=cart.expires_at,
        party_id=cart.party_id,
    )


def _numbers_until(code: str, value: CartValue) -> Mapping[str, datetime]:
    """Until when each line's chosen number is held; a query only if one was chosen."""
    keys = {
        cart_key(code, line.id): line.id
        for line in value.lines
        if line.config.get("number_choice") == "new" and line.config.get("msisdn")
    }
    held = held_until(keys) if keys else {}
    return {keys[key]: until for key, until in held.items()}


def _tariffs(value: CartValue, *, catalogue: Snapshot) -> Mapping[str, SpecialTariff]:
    found = {line.id: tariff_of(catalogue.offering(line.offering)) for line in value.lines}
    return {line: tariff for line, tariff in found.items() if tariff is not None}


def open_carts(context: AccountContext) -> tuple[str, ...]:
    """The codes of the actor's open carts, the last one touched first."""
    rows = Cart.objects.filter(cart_scope(context), state=CartState.OPEN)
    return tuple(rows.order_by("-touched_at", "-pk").values_list("code", flat=True)[:20])


def order_view(context: AccountContext, *, number: str) -> OrderView:
    """Raises NotFound `unknown_order`."""
    return _view(find_order(context, number=number, quote=True))


def order_by_link(token: str) -> OrderView:
    """The order that an agent's link leads to. Raises NotFound `unknown_link`."""
    return _view(order_of_link(token))


def orders_of(
    context: AccountContext,
    *,
    state: OrderState | None = None,
    before: str = "",
    limit: int = 50,
) -> tuple[OrderSummary, ...]:
    """The actor's orders, newest first; those placed before the order `before`, to page on.

    All orders for operators.
    """
    rows = Order.objects.filter(order_scope(context))
    if state is not None:
        rows = rows.filter(state=state)
    if before:
        edge = Order.objects.filter(order_scope(context), number=before).values_list("pk").first()
        rows = rows.filter(pk__lt=edge[0]) if edge else rows.none()
    return tuple(_summary(row) for row in rows.order_by("-pk")[: min(limit, 200)])


@dataclass(frozen=True, slots=True)
class HeldNumber:
    """A special number that was ordered, with what its holder declared; `msisdn` is empty until it
    is known, `monthly` is in the order's basis."""

    order: str
    msisdn: str
    name: Mapping[str, str]
    state: ItemState
    tariff: SpecialTariff
    route_to: str
    purpose: str
    monthly: Money


def special_numbers(context: AccountContext) -> tuple[HeldNumber, ...]:
    """The special numbers that are in service for the actor, and those on their way, newest first.

    What is in service is what a contract runs for, however old its order is; three queries.
    """
    orders = Order.objects.filter(order_scope(context)).exclude(state__in=GIVEN_UP)
    rows = OrderItem.objects.filter(
        order__in=orders, role=Kind.NUMBER, config__has_key="route_to"
    ).exclude(state=ItemState.CANCELLED)
    found = rows.select_related("order").defer("order__agreed").order_by("-order_id", "position")
    known = contracts_running(context.party_id or 0)
    return tuple(
        _held_number(row)
        for row in found
        if known.get((row.order.number, row.group), row.state != ItemState.ACTIVE)
    )


def _held_number(item: OrderItem) -> HeldNumber:
    offering = snapshot_of(item.order.release).offering(item.offering)
    charges = from_plain(tuple[AgreedCharge, ...], item.agreed)
    monthly = [charge.amount for charge in charges if charge.recurring]
    return HeldNumber(
        order=item.order.number,
        msisdn=item.facts.get("msisdn") or item.config.get("msisdn", ""),
        name=offering.name.by_language,
        state=ItemState(item.state),
        tariff=callers_tariff(offering.characteristics, on=_day(item.order.placed_at)),
        route_to=said("route_to", config=item.config, facts=item.facts),
        purpose=item.config["purpose"],
        monthly=total(monthly, currency=item.order.currency),
    )


def approvals_waiting(context: AccountContext) -> tuple[OrderSummary, ...]:
    """Orders of the organisation that the actor may decide on: not his own, within his limit.

    Raises:
        Forbidden: `not_an_approver`.
    """
    if context.membership_id is None or context.role not in (Role.APPROVER, Role.ADMINISTRATOR):
        raise Forbidden("Only approvers decide on orders.", code="not_an_approver")
    rows = Order.objects.filter(order_scope(context), state=OrderState.AWAITING_APPROVAL)
    others = rows.filter(~Q(membership_id=context.membership_id))
    return tuple(_summary(row) for row in others.order_by("-pk")[:200])


def groups_of_order(number: str, *, after: str | None = None, limit: int) -> list[str]:
    """The first bundles of an order, in a fixed order: of all, or of those that come after the
    bundle `after`."""
    items = OrderItem.objects.filter(order__number=number)
    if after is not None:
        items = items.filter(group__gt=after)
    return list(items.values_list("group", flat=True).distinct().order_by("group")[:limit])


def order_for_fulfilment(
    number: str, *, group: str | None = None, groups: Sequence[str] | None = None
) -> FulfilmentOrder:
    """What fulfilment needs of an order, or of one bundle or some of it, without lines that were
    taken out; two queries, for an order that changes a contract some more.

    Raises:
        NotFound: `unknown_order`.
    """
    order = _ORDER.first(number=number)
    if order is None:
        raise NotFound("There is no such order.", code="unknown_order", order=number[:20])
    chosen = [group] if group is not None else groups
    items = (
        _ITEMS.rows(order=order.pk)
        if chosen is None
        else _ITEMS_OF_GROUPS.rows(order=order.pk, groups=list(chosen))
    )
    snapshot = snapshot_of(order.release)
    return FulfilmentOrder(
        number=order.number,
        party_id=order.party_id,
        segment=Segment(order.segment),
        channel=order.channel,
        release=order.release,
        language=order.language,
        email=order.email,
        phone=order.phone,
        items=as_it_stands(order, fulfilment_items(items, snapshot=snapshot)),
        placed_on=_day(order.placed_at),
        change=ChangeKind(order.change) if order.change else None,
        subject=order.subject,
        withdraws=order.withdraws,
        purchase_order=order.purchase_order,
    )


@dataclass(frozen=True, slots=True)
class ComingSim:
    """A SIM that takes the place of a line's: what is known of it so far."""

    order: str
    iccid: str
    lpa: str


def sim_on_its_way(subscription_id: int) -> ComingSim | None:
    """Of the order that replaces the SIM of the contract at present; None if there is none."""
    item = (
        OrderItem.objects.filter(
            order__subject=subscription_id,
            order__change=ChangeKind.SIM,
            order__state__in=[str(state) for state in UNDER_WAY],
            role=Kind.SIM,
        )
        .select_related("order")
        .defer("order__agreed")
        .first()
    )
    if item is None:
        return None
    return ComingSim(item.order.number, item.facts.get("iccid", ""), item.facts.get("lpa", ""))


def order_charges(number: str) -> OrderCharges:
    """What was agreed to be paid for an order; two queries, three for a firm's.

    Raises:
        NotFound: `unknown_order`.
    """
    order = _ORDER_WITH_QUOTE.first(number=number)
    if order is None:
        raise NotFound("There is no such order.", code="unknown_order", order=number[:20])
    ended = order.items.filter(state=ItemState.CANCELLED)
    out = set(ended.values_list("line_id", flat=True))
    return OrderCharges(
        number=order.number,
        party_id=order.party_id,
        segment=Segment(order.segment),
        release=order.release,
        purchase_order=order.purchase_order,
        items=tuple(
            ChargedItem(
                line.id,
                line.group,
                line.offering,
                line.name.by_language,
                line.charges,
                taken_out=line.id in out,
            )
            for line in Quote.from_json(order.agreed).lines
        )
        + (_owed_for_the_end(order) if order.change == ChangeKind.TERMINATE else ()),
        cost_centres=_cost_centres(order) if order.segment == Segment.BUSINESS else {},
    )


def _cost_centres(order: Order) -> dict[str, str]:
    """By group: what the order says, or where it changes a contract, that contract's."""
    if order.subject is not None:
        code = codes_of(order.subject).cost_centre
        groups = order.items.values_list("group", flat=True).distinct()
        return dict.fromkeys(groups, code) if code else {}
    said = order.items.filter(config__has_key="cost_centre")
    return dict(said.values_list("group", "config__cost_centre"))


def _owed_for_the_end(order: Order) -> tuple[ChargedItem, ...]:
    """What an order that ends a contract makes due, each under a name of its own."""
    rows = order.items.filter(action=ItemAction.DELETE).order_by("position")
    return tuple(
        ChargedItem(charge.item, item.group, item.offering, ENDING_NAMES[charge.code], (charge,))
        for item in rows
        for charge in from_plain(tuple[AgreedCharge, ...], item.agreed)
    )


def order_placed_from(context: AccountContext, *, code: str) -> str | None:
    """The number of the order that came of a cart; None if there is none."""
    rows = Order.objects.filter(order_scope(context), cart_code=code).order_by("-pk")
    return rows.values_list("number", flat=True).first()


def purchase_order_of(number: str) -> str:
    """What a firm called its order on its bill; empty for a consumer's.

    Raises:
        NotFound: `unknown_order`.
    """
    found = Order.objects.filter(number=number).values_list("purchase_order", flat=True).first()
    if found is None:
        raise NotFound("There is no such order.", code="unknown_order", order=number[:20])
    return found


def order_states(numbers: Sequence[str]) -> Mapping[str, OrderState]:
    """For operators: where these orders stand."""
    rows = Order.objects.filter(number__in=list(numbers)).values_list("number", "state")
    return {number: OrderState(state) for number, state in rows}


OrderLine = tuple[str, str]
"""The number of an order and the id of one of its lines."""


def learnt_of(lines: Collection[OrderLine]) -> Mapping[OrderLine, Mapping[str, str]]:
    """What was learnt of the lines while they were fulfilled; one query."""
    rows = OrderItem.objects.filter(
        order__number__in={number for number, _ in lines}, line_id__in={line for _, line in lines}
    ).order_by("order_id", "position")
    found = rows.values_list("order__number", "line_id", "facts")
    return {(number, line): facts for number, line, facts in found if (number, line) in lines}


def fulfilment_items(
    rows: Iterable[OrderItem], *, snapshot: Snapshot
) -> tuple[FulfilmentItem, ...]:
    """The rows as fulfilment needs them."""
    return tuple(
        _fulfilment_item(row, offering=_offering(row, catalogue=snapshot))
        for row in rows
        if row.state != ItemState.CANCELLED
    )


def _offering(item: OrderItem, *, catalogue: Snapshot) -> Offering:
    """Of the order's release; what a change touches may have been sold before that. Raises NotFound
    `unknown_offering`."""
    return last_sold(item.offering, catalogue=catalogue) or catalogue.offering(item.offering)


def _fulfilment_item(item: OrderItem, *, offering: Offering) -> FulfilmentItem:
    return FulfilmentItem(
        line_id=item.line_id,
        group=item.group,
        role=role_of(item.role),
        offering=item.offering,
        name=offering.name.in_("fr"),
        quantity=item.quantity,
        term=item.term,
        recipe=item.recipe or None,
        characteristics=offering.characteristics,
        config=dict(item.config),
        facts=dict(item.facts),
        charges=from_plain(tuple[AgreedCharge, ...], item.agreed),
        shares=from_plain(tuple[Share, ...], item.shares),
        deliver_to=_address(item.deliver_to),
        not_before=item.port_not_before,
        action=ItemAction(item.action),
        subject=item.subject,
    )


def _view(order: Order) -> OrderView:
    quote = Quote.from_json(order.agreed)
    quoted = {line.id: line for line in quote.lines}
    approval = Approval.objects.filter(order=order).first()
    plan = plan_of(order.number) if order.deferred else None
    items = tuple(
        _item(item, quoted=quoted.get(item.line_id), order=order) for item in order.items.all()
    )
    return OrderView(
        summary=_summary(order),
        channels=tuple(order.channels),
        agent=order.agent_name,
        cart_code=order.cart_code,
        language=order.language,
        email=order.email,
        phone=order.phone,
        quote=quote,
        items=items,
        steps=tuple(_step(step) for step in order.steps.all()),
        approval=_approval(approval) if approval is not None else None,
        consents=dict(order.consents),
        payment_key=order.payment_key,
        payment_open=order.payment_open,
        payment_problem=order.payment_problem,
        hold_until=order.hold_until,
        accepted_at=order.accepted_at,
        completed_at=order.completed_at,
        end_reason=order.end_reason,
        deliver_to=_address(order.deliver_to),
        pick_up_at=_pick_up_at(items),
        change=order.change,
        instalments=plan,
        in_parts=agreed_choice(
            plan, quote=quote, party_id=order.party_id, segment=Segment(order.segment)
        )
        if plan is not None
        else None,
        credit=_credit(order) if order.deferred else None,
    )


def _credit(order: Order) -> CreditView:
    row = CreditDecision.objects.get(order=order)
    known = from_plain(Applicant, row.facts)
    return CreditView(row.rule, row.cautious, row.decided_at, known.left, dict(row.facts))


def _pick_up_at(items: Sequence[OrderItemView]) -> Shop | None:
    """The shop in which the order is fetched."""
    found = (s.partner for item in items for s in item.shares if s.kind is PartnerKind.SHOP)
    code = next(found, None)
    return shop(code) if code is not None else None


def _summary(order: Order) -> OrderSummary:
    return OrderSummary(
        number=order.number,
        state=OrderState(order.state),
        party_id=order.party_id,
        segment=Segment(order.segment),
        channel=order.channel,
        placed_at=order.placed_at,
        placed_by=order.actor_name,
        due_today=Money(order.due_today, order.currency),
        gross=Money(order.gross, order.currency),
        commitment_total=Money(order.commitment_total, order.currency),
        purchase_order=order.purchase_order,
        deferred=Money(order.deferred, order.currency),
    )


def _item(item: OrderItem, *, quoted: QuoteLine | None, order: Order) -> OrderItemView:
    catalogue = snapshot_of(order.release)
    offering = _offering(item, catalogue=catalogue)
    number = role_of(item.role) == Kind.NUMBER
    bundle = quoted.bundle if quoted is not None else ""
    nested = catalogue.offerings.get(bundle)
    return OrderItemView(
        line_id=item.line_id,
        action=ItemAction(item.action),
        offering=item.offering,
        name=(quoted or offering).name.by_language,
        group=item.group,
        role=item.role,
        quantity=item.quantity,
        term=item.term,
        state=ItemState(item.state),
        config=dict(item.config),
        facts=dict(item.facts),
        supplier=item.supplier,
        shares=from_plain(tuple[Share, ...], item.shares),
        deliver_to=_address(item.deliver_to),
        port_not_before=item.port_not_before,
        tariff=tariff_of(offering, on=_day(order.placed_at)) if number else None,
        bundle=bundle,
        within=nested.name.by_language if nested is not None else {},
    )


def _step(step: OrderStep) -> OrderStepView:
    return OrderStepView(
        step.before,
        OrderState(step.after),
        step.at,
        step.actor_name,
        step.channel,
        step.reason,
        step.note,
    )


def _approval(row: Approval) -> ApprovalView:
    return ApprovalView(
        amount=Money(row.amount),
        limit=Money(row.limit),
        asked_of=row.asked_of_name,
        asked_at=row.asked_at,
        approved=row.approved,
        decided_by=row.decided_by_name,
        decided_at=row.decided_at,
        note=row.note,
    )


def _day(at: datetime) -> date:
    return at.astimezone(PARIS).date()


def _address(plain: Mapping[str, str]) -> DeliveryAddress | None:
    return DeliveryAddress(**plain) if plain else None
