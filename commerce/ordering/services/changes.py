"""Ordering a change of a running line: quoted first, then placed like any other order."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from catalogue.domain.model import Kind, Refusal, Segment, Snapshot, Text
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from commerce.kernel.tax import Basis
from commerce.markets.pack import market
from commerce.ordering.domain.adapting import unfitting
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.changes import (
    BLOCKS_BY_WISH,
    CAN_WAIT,
    GONE,
    JOURNEYS,
    ChangeQuote,
    ChangeRequest,
    ComingBill,
    Leaving,
    Unfit,
    When,
)
from commerce.ordering.domain.consents import check_consents, check_early
from commerce.ordering.domain.drafts import Draft as JourneyDraft
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import UNDER_WAY, WAITING, ItemAction
from commerce.ordering.journey import open_draft
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.place import (
    Checkout,
    PlacedOrder,
    delivery_of,
    first_state,
    pay_return_of,
    placed,
    purchase_order_of,
    written,
)
from commerce.ordering.services.pricing import (
    Pricing,
    assumed_activation,
    priced,
    pricing_now,
)
from commerce.ordering.services.replacing import number_wanted, value_of
from commerce.ordering.services.terminating import last_day, leaving_of
from commerce.ordering.services.writing import (
    CHANGE_GROUP,
    Amendment,
    Buyer,
    Draft,
    Touched,
    lines_to_deliver,
)
from promotions.domain.model import CustomerFacts
from subscriptions.domain.states import (
    APART,
    AT_ANY_TIME,
    BlockKind,
    ChangeKind,
    SubscriptionStatus,
)
from subscriptions.domain.views import ItemView, SubscriptionView
from subscriptions.preview import bills_with_change
from subscriptions.selectors import subscription_view

REMOVABLE = frozenset({Kind.OPTION, Kind.CONTENT})


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A change, worked out: how it is priced and what it does to the contract."""

    contract: SubscriptionView
    value: CartValue
    quote: Quote
    pricing: Pricing
    amendment: Amendment
    shown: ChangeQuote


def quote_change(
    context: AccountContext, *, subscription_id: int, request: ChangeRequest
) -> ChangeQuote:
    """What the change would cost and make of the coming bills; nothing is kept.

    Raises:
        NotFound: `unknown_subscription`, `unknown_item`, `unknown_journey`.
        InvalidInput: `nothing_chosen`.
            `when`: only what is added or taken off can wait for the next bill.
            `notice`, `motive`: a contract can't end on that day, or for that reason.
        RuleViolated: `contract_ended`, `line_suspended`, `not_suspended`, `already_suspended`,
            `already_there`, `renewal_not_yet`; what does not go together, `not_removable`,
            or those of `replacing.value_of`.
    """
    return _prepare(context, subscription_id=subscription_id, request=request).shown


@transaction.atomic
def place_change(
    context: AccountContext,
    *,
    subscription_id: int,
    request: ChangeRequest,
    checkout: Checkout,
) -> PlacedOrder:
    """Order the change at the price that was seen.

    What is bought is agreed to and paid like any order: by an agent for a consumer it waits for
    the customer. One change of a line at a time, but for those of `AT_ANY_TIME`, and those of
    `APART` beside the others. A line whose SIM is lost or stolen is stopped at once, by an order of
    its own.

    Raises:
        As `quote_change`, and
        Forbidden: `viewer`, `members_only`, or `caller_not_verified` for an agent.
        RuleViolated: `change_under_way` (with its `order`), `price_changed`, `terms_not_accepted`,
            `contract_summary_not_confirmed`, `early_execution_not_requested`,
            `change_not_offered`, `out_of_stock`.
        InvalidInput: `address_missing`, `purchase_order_missing`.
    """
    found = _prepare(context, subscription_id=subscription_id, request=request)
    consumer = found.value.segment is Segment.CONSUMER
    check_may(context, consumer=consumer)
    _check_free(found.amendment, subscription_id=found.contract.id)
    _check_expected(found.shown, checkout)
    by_agent = context.role is Role.AGENT
    consents = checkout.consents if found.shown.binds and not by_agent else None
    if consents is not None:
        check_consents(consents, consumer=consumer)
        if consumer:
            last = market(settings.MARKET).withdrawal_last_day(business_today())
            check_early(consents, begins=found.shown.on, withdrawal_ends=last)
    reach = accounts.reach(found.contract.party_id)
    buyer = Buyer(
        found.contract.party_id, reach.email, reach.phone, checkout.language or reach.language
    )
    asks = found.shown.asks and by_agent
    draft = Draft(
        buyer=buyer,
        value=found.value,
        quote=found.quote,
        pricing=found.pricing,
        state=first_state(found.quote, consumer=consumer, by_agent=asks),
        consents=consents,
        deliver_to=delivery_of(checkout, value=found.value, buyer=buyer, pricing=found.pricing),
        purchase_order=purchase_order_of(checkout, consumer=consumer),
        membership_id=context.membership_id,
        pay_return=pay_return_of(checkout.pay_return),
        amendment=found.amendment,
    )
    try:
        with transaction.atomic():
            order = placed(written(draft, context=context))
    except IntegrityError as clash:
        if "one_open_change" in str(clash):
            raise change_under_way("") from clash
        raise
    if request.reason in GONE:
        _stop(context, found.contract, checkout)
    return order


def _stop(context: AccountContext, contract: SubscriptionView, checkout: Checkout) -> None:
    """Nobody uses the SIM that is gone; it may stand still, or be about to, already."""
    stopping = _open_changes(contract.id).filter(
        change=ChangeKind.SUSPEND, items__config__block=BlockKind.LOST_SIM
    )
    if BlockKind.LOST_SIM in contract.blocks or stopping.exists():
        return
    place_change(
        context,
        subscription_id=contract.id,
        request=ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM),
        checkout=replace(checkout, expected_total=Money.zero(), digest=""),
    )


def open_change(subscription_id: int) -> str:
    """The number of the order that changes the contract now; empty if there is none. Another SIM or
    number counts only where nothing else is under way."""
    return open_in_the_way(subscription_id) or next(iter(open_apart(subscription_id)), "")


def open_in_the_way(subscription_id: int) -> str:
    """As `open_change`, of those alone that no other change of the contract goes beside."""
    rows = _open_changes(subscription_id).exclude(change__in=_words(AT_ANY_TIME | APART))
    return rows.values_list("number", flat=True).first() or ""


def open_apart(subscription_id: int) -> tuple[str, ...]:
    """The numbers of the orders that bring the contract another SIM or number."""
    rows = _open_changes(subscription_id).filter(change__in=_words(APART)).order_by("pk")
    return tuple(rows.values_list("number", flat=True))


def ends_at_once(number: str) -> bool:
    """Whether the order ends a contract without notice: its number went to another operator, or
    the customer withdrew."""
    at_once = Q(items__config__ported="yes") | Q(change=ChangeKind.WITHDRAW)
    return Order.objects.filter(at_once, number=number).exists()


def _open_changes(subscription_id: int) -> QuerySet[Order]:
    return Order.objects.filter(
        subject=subscription_id, state__in=[str(state) for state in {*WAITING, *UNDER_WAY}]
    )


def _words(kinds: frozenset[ChangeKind]) -> list[str]:
    return [str(kind) for kind in kinds]


def _prepare(context: AccountContext, *, subscription_id: int, request: ChangeRequest) -> _Prepared:
    if request.when is When.CYCLE_END and request.kind not in CAN_WAIT:
        raise InvalidInput("It can't wait for the next bill.", code="when", field="when")
    contract = _contract(context, subscription_id)
    items = contract.items_on(business_today())
    bought = _bought_with(context, contract, items, request)
    value, quote, pricing, term = bought.value, bought.quote, bought.pricing, bought.term
    catalogue = pricing.snapshot
    replaced = _replaced(value, items, catalogue=catalogue)
    touched = _touched(request, contract, items, bought=bought)
    ending = {*replaced.values(), *(t.item_id for t in touched if t.action is ItemAction.DELETE)}
    on = _effective_on(request, contract, value=value, pricing=pricing)
    leaving = None
    if request.kind is ChangeKind.TERMINATE:
        leaving = leaving_of(contract, items, request=request, on=on, pricing=pricing)
        touched = (replace(touched[0], charges=leaving.charges()), *touched[1:])
        ending = {item.id for item in contract.items if item.until_on is None}
    left = [item for item in items if item.id not in ending]
    amendment = Amendment(
        kind=request.kind,
        subscription_id=contract.id,
        facts=known_of(request, contract, items, catalogue=catalogue)
        | _said_of(leaving, motive=request.motive, on=on),
        config=_asked(request, contract, value, left, catalogue=catalogue)
        | _standing(request, contract),
        replaced=replaced,
        touched=touched,
        not_before=on if _waits(request) else None,
    )
    bills = bills_with_change(
        contract.id,
        on=on,
        begins=quote.agreed_charges(),
        ends=ending,
        tax_rates=catalogue.tax_rates,
    )
    shown = ChangeQuote(
        request=request,
        subscription_id=contract.id,
        number=contract.msisdn,
        on=on,
        quote=quote,
        begins=tuple(line.name for line in quote.lines if line.role != "fee"),
        ends=tuple(Text(item.names) for item in items if item.id in ending),
        bills=tuple(ComingBill(bill.on, bill.before, bill.after) for bill in bills),
        bound_until=contract.commitment_ends_on,
        bound_until_after=add_months(on, term) if term else contract.commitment_ends_on,
        still_blocked=_still_blocked(request, contract),
        unfit=tuple(
            Unfit(Text(item.names), bought.unfit[item.id].message)
            for item in items
            if item.id in bought.unfit
        ),
        leaving=leaving,
        delivers=bool(lines_to_deliver(value.lines, snapshot=catalogue)),
    )
    return _Prepared(contract, value, quote, pricing, amendment, shown)


def _waits(request: ChangeRequest) -> bool:
    """Whether it is for a later day."""
    if request.kind is ChangeKind.TERMINATE:
        return not request.ported
    return request.when is When.CYCLE_END


def _contract(context: AccountContext, subscription_id: int) -> SubscriptionView:
    if context.party_id is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    contract = subscription_view(context.party_id, subscription_id)
    if contract.status == SubscriptionStatus.ENDED:
        raise RuleViolated("This contract has ended.", code="contract_ended")
    return contract


@dataclass(frozen=True, slots=True)
class _Bought:
    """What is bought, with the new commitment in months (0: none) and the items of the line that do
    not go with it."""

    value: CartValue
    quote: Quote
    pricing: Pricing
    term: int = 0
    unfit: Mapping[int, Refusal] = field(default_factory=dict)


def _bought_with(
    context: AccountContext,
    contract: SubscriptionView,
    items: tuple[ItemView, ...],
    request: ChangeRequest,
) -> _Bought:
    if request.kind in JOURNEYS:
        return _bought(context, contract, items, request)
    pricing, segment, channel = pricing_now(), segment_of(contract), str(context.channel)
    value = CartValue(code="", lines=(), segment=segment, channel=channel)
    if request.kind in APART:
        catalogue = pricing.snapshot
        present = [
            catalogue.offerings[item.offering]
            for item in items
            if item.offering in catalogue.offerings
        ]
        value = value_of(
            request, present=present, pricing=pricing, segment=segment, channel=channel
        )
    return _Bought(value, priced(value, pricing=pricing, customer=CustomerFacts()), pricing)


def _bought(
    context: AccountContext,
    contract: SubscriptionView,
    items: tuple[ItemView, ...],
    request: ChangeRequest,
) -> _Bought:
    """What a journey's draft adds to the line; it must be whole and go together."""
    if contract.status == SubscriptionStatus.SUSPENDED:
        raise RuleViolated(
            "This line stands still; let it go on before you change it.", code="line_suspended"
        )
    opened = open_draft(
        context,
        entry=JOURNEYS[request.kind],
        draft=JourneyDraft(request.choices, request.term),
        line=contract.id,
        segment=segment_of(contract),
    )
    view = opened.view()
    if view.missing or not view.laid.cart.lines:
        raise InvalidInput(
            "Choose something first.", code="nothing_chosen", field="choices", roles=view.missing
        )
    if view.conflict is not None:
        said = view.conflict.message
        raise RuleViolated(said.in_("en"), code=view.conflict.code, sentences=said.by_language)
    if view.standing is not None:
        raise RuleViolated(view.standing.message.in_("en"), code=view.standing.code)
    _check_sold(view.laid.cart, pricing=opened.pricing)
    catalogue = opened.pricing.snapshot
    _check_new(view.laid.cart, items, kind=request.kind, catalogue=catalogue)
    value, quote = opened.in_group(CHANGE_GROUP)
    if request.kind is not ChangeKind.PLAN:
        term = view.laid.term if request.kind is ChangeKind.RENEW else 0
        return _Bought(value, quote, opened.pricing, term)
    present = {item.id: item.offering for item in items if _kind(item, catalogue) in REMOVABLE}
    unfit = unfitting(view.laid.ground, view.laid.cart.lines, present)
    return _Bought(value, quote, opened.pricing, unfit=unfit)


def segment_of(contract: SubscriptionView) -> Segment:
    return Segment.BUSINESS if contract.basis is Basis.HT else Segment.CONSUMER


def _check_sold(value: CartValue, *, pricing: Pricing) -> None:
    for line in value.lines:
        offering = pricing.snapshot.offering(line.offering)
        if not offering.sellable(segment=value.segment, channel=value.channel, at=pricing.at):
            raise RuleViolated(
                f"{offering.name.in_('en')} is not sold here (any more).",
                code="not_sold",
                offering=offering.code,
            )


def _check_new(
    value: CartValue, items: tuple[ItemView, ...], *, kind: ChangeKind, catalogue: Snapshot
) -> None:
    """An option or a service stands on a line once; twice it would be billed twice."""
    present = {item.offering for item in items}
    once = REMOVABLE | {Kind.PLAN} if kind is ChangeKind.PLAN else REMOVABLE
    for line in value.lines:
        offering = catalogue.offering(line.offering)
        if offering.kind in once and line.offering in present:
            raise RuleViolated(
                f"{offering.name.in_('en')} is on this line already.",
                code="already_there",
                offering=offering.code,
            )


def _replaced(
    value: CartValue, items: tuple[ItemView, ...], *, catalogue: Snapshot
) -> Mapping[str, int]:
    """A plan or a SIM takes the place of what the line has; what else is chosen is added."""
    present = {_kind(item, catalogue): item.id for item in reversed(items)}
    return {
        line.id: present[kind]
        for line in value.lines
        for kind in (Kind.PLAN, Kind.SIM)
        if line.role == kind and kind in present
    }


def _touched(
    request: ChangeRequest,
    contract: SubscriptionView,
    items: tuple[ItemView, ...],
    *,
    bought: _Bought,
) -> tuple[Touched, ...]:
    catalogue = bought.pricing.snapshot
    match request.kind:
        case ChangeKind.PLAN:
            gone = [item for item in items if item.id in bought.unfit]
            return tuple(_touch(item, ItemAction.DELETE, catalogue=catalogue) for item in gone)
        case ChangeKind.REMOVE:
            return _removed(request, items, catalogue=catalogue)
        case ChangeKind.SUSPEND | ChangeKind.RESUME:
            _check_block(request, contract)
            return _touched_with_services(request.kind, items, catalogue=catalogue)
        case ChangeKind.SIM if _lifts(request, contract) is not None:
            return _touched_with_services(request.kind, items, catalogue=catalogue)
        case ChangeKind.SIM:
            return (_touched_plan(items, catalogue=catalogue),)
        case ChangeKind.NUMBER:
            value = bought.value
            number = number_wanted(
                request, pricing=bought.pricing, segment=value.segment, channel=value.channel
            )
            return (replace(_touched_plan(items, catalogue=catalogue), config=number),)
        case ChangeKind.TERMINATE:
            return told_of_end(items, kind=request.kind, catalogue=catalogue)
        case _:
            return ()


def _touched_with_services(
    kind: ChangeKind, items: tuple[ItemView, ...], *, catalogue: Snapshot
) -> tuple[Touched, ...]:
    """The line, and the services on it that stand still and go on with it: those of which the
    release says how."""
    services = [
        item
        for item in items
        if _kind(item, catalogue) is Kind.CONTENT
        and f"{catalogue.offering(item.offering).specification.recipe}.{kind}" in catalogue.recipes
    ]
    return (
        _touched_plan(items, catalogue=catalogue),
        *(_touch(item, ItemAction.MODIFY, catalogue=catalogue) for item in services),
    )


def _touched_plan(items: tuple[ItemView, ...], *, catalogue: Snapshot) -> Touched:
    """The line itself, which goes on as what it is. Of its number and SIM `known_of` says what is
    so now; what the order that brought the plan learnt may be long past."""
    plan = next((item for item in items if _kind(item, catalogue) is Kind.PLAN), None)
    if plan is None:
        raise RuleViolated("This contract has no line.", code="change_not_offered")
    return replace(_touch(plan, ItemAction.MODIFY, catalogue=catalogue), facts={})


def _removed(
    request: ChangeRequest, items: tuple[ItemView, ...], *, catalogue: Snapshot
) -> tuple[Touched, ...]:
    chosen = {item.id: item for item in items if item.id in request.items}
    if not request.items:
        raise InvalidInput("Choose what is to end.", code="nothing_chosen", field="items")
    if set(request.items) - chosen.keys():
        raise NotFound("There is no such item in this contract.", code="unknown_item")
    for item in chosen.values():
        if _kind(item, catalogue) not in REMOVABLE:
            raise RuleViolated("Only options and services can be removed.", code="not_removable")
    return tuple(_touch(item, ItemAction.DELETE, catalogue=catalogue) for item in chosen.values())


def told_of_end(
    items: tuple[ItemView, ...], *, kind: ChangeKind, catalogue: Snapshot
) -> tuple[Touched, ...]:
    """What somebody has to be told of the end: all that has a recipe for it, the plan first. The
    rest ends with the contract, without a word to anybody."""
    told = [
        item
        for item in items
        if item.offering in catalogue.offerings
        and f"{catalogue.offering(item.offering).specification.recipe}.{kind}" in catalogue.recipes
    ]
    if not told:
        raise RuleViolated("This contract has no line.", code="change_not_offered")
    told.sort(key=lambda item: _kind(item, catalogue) is not Kind.PLAN)
    return tuple(_touch(item, ItemAction.DELETE, catalogue=catalogue) for item in told)


def _check_block(request: ChangeRequest, contract: SubscriptionView) -> None:
    if request.block not in BLOCKS_BY_WISH:
        raise InvalidInput("Say why the line is to stand still.", code="block", field="block")
    blocked = request.block in contract.blocks
    if request.kind is ChangeKind.RESUME and not blocked:
        raise RuleViolated("The line does not stand still for that.", code="not_suspended")
    if request.kind is ChangeKind.SUSPEND and blocked:
        raise RuleViolated("The line stands still already.", code="already_suspended")


def _touch(item: ItemView, action: ItemAction, *, catalogue: Snapshot) -> Touched:
    kind = _kind(item, catalogue)
    return Touched(
        item.id, item.offering, kind.value if kind else "", action, _learnt([item]).get(item.id, {})
    )


def known_of(
    request: ChangeRequest,
    contract: SubscriptionView,
    items: tuple[ItemView, ...],
    *,
    catalogue: Snapshot,
) -> dict[str, str]:
    """What those who carry the change out must know of the line: its names with us and others. What
    the change replaces is `old_...`, so that nobody takes it for the new one."""
    plans = [item for item in items if _kind(item, catalogue) is Kind.PLAN]
    learnt = _learnt(plans[:1])
    line_id = next((facts["line_id"] for facts in learnt.values() if "line_id" in facts), "")
    iccid = "old_iccid" if request.kind is ChangeKind.SIM else "iccid"
    msisdn = "old_msisdn" if request.kind is ChangeKind.NUMBER else "msisdn"
    known = {msisdn: contract.msisdn, iccid: contract.iccid, "line_id": line_id}
    return {name: value for name, value in known.items() if value}


def _said_of(leaving: Leaving | None, *, motive: str, on: date) -> dict[str, str]:
    """What the messages about an ending contract repeat."""
    if leaving is None:
        return {}
    said = {"ends_on": on.isoformat(), "owed": str(leaving.owed.rounded().amount)}
    unproved = str(leaving.without_motive.rounded().amount)
    return said | ({"motive": motive, "unproved": unproved} if motive else {})


def _learnt(items: list[ItemView]) -> dict[int, Mapping[str, str]]:
    """What the orders that brought the items learnt of them since."""
    found = OrderItem.objects.filter(
        order__number__in={item.order_number for item in items},
        line_id__in={item.line_id for item in items},
    ).values_list("order__number", "line_id", "facts")
    by_line = {(number, line): facts for number, line, facts in found}
    return {
        item.id: {**item.facts, **by_line.get((item.order_number, item.line_id), {})}
        for item in items
    }


def _asked(
    request: ChangeRequest,
    contract: SubscriptionView,
    value: CartValue,
    left: list[ItemView],
    *,
    catalogue: Snapshot,
) -> dict[str, str]:
    """What the network is asked for: the plan and the options that the line will have.

    `still_blocked`: the line may not go on, something else blocks it.
    """
    kept = [item.offering for item in left if _kind(item, catalogue) is Kind.OPTION]
    added = [line.offering for line in value.lines if line.role == "option"]
    plans = [line.offering for line in value.lines if line.role == "plan"]
    plans += [item.offering for item in left if _kind(item, catalogue) is Kind.PLAN]
    asked = {
        "change": str(request.kind),
        "plan": plans[0] if plans else "",
        "services": ",".join([*kept, *added]),
        "block": str(request.block or ""),
        "reason": str(request.reason or ""),
        "lifts": str(_lifts(request, contract) or ""),
        "old_sim": "yes" if request.kind is ChangeKind.SIM and contract.iccid else "",
        "still_blocked": "yes" if _still_blocked(request, contract) else "",
        "motive": request.motive,
        "ported": "yes" if request.ported else "",
    }
    return {name: text for name, text in asked.items() if text}


def _standing(request: ChangeRequest, contract: SubscriptionView) -> dict[str, str]:
    """Until when the line stays bound, where its plan changes within its commitment."""
    ends = contract.commitment_ends_on
    if request.kind is not ChangeKind.PLAN or ends is None:
        return {}
    return {"bound_until": ends.isoformat()}


def _still_blocked(request: ChangeRequest, contract: SubscriptionView) -> bool:
    lifted = _lifts(request, contract)
    return lifted is not None and bool([block for block in contract.blocks if block != lifted])


def _lifts(request: ChangeRequest, contract: SubscriptionView) -> BlockKind | None:
    """Which block ends with it: with another SIM that of the one that was lost."""
    if request.kind is ChangeKind.RESUME:
        return request.block
    lost = request.reason in GONE or BlockKind.LOST_SIM in contract.blocks
    return BlockKind.LOST_SIM if request.kind is ChangeKind.SIM and lost else None


def _effective_on(
    request: ChangeRequest, contract: SubscriptionView, *, value: CartValue, pricing: Pricing
) -> date:
    """When it is taken to take effect: with the next bill, when a phone is there, or today."""
    if request.kind is ChangeKind.TERMINATE:
        return last_day(request)
    if request.when is When.CYCLE_END and contract.next_bill_on is not None:
        return contract.next_bill_on
    carried = [line for line in value.lines if line.role in ("handset", "sim")]
    if request.kind in (ChangeKind.RENEW, ChangeKind.SIM) and carried:
        return assumed_activation(business_now())
    return business_today()


def _kind(item: ItemView, catalogue: Snapshot) -> Kind | None:
    offering = catalogue.offerings.get(item.offering)
    return offering.kind if offering is not None else None


def check_may(context: AccountContext, *, consumer: bool) -> None:
    if context.role is Role.SYSTEM:
        return
    if context.role is Role.VIEWER:
        raise Forbidden("A viewer can't order.", code="viewer")
    if not consumer and context.membership_id is None:
        raise Forbidden("Only members of an organisation order for it.", code="members_only")
    require_verified(context)


def _check_free(amendment: Amendment, *, subscription_id: int) -> None:
    """A block goes before everything but itself; a line goes on only after the blocks under way;
    another SIM or number waits for its own kind alone."""
    rows, kind = _open_changes(subscription_id), amendment.kind
    if kind in AT_ANY_TIME:
        rows = rows.filter(change__in=_words(AT_ANY_TIME))
    elif kind in APART:
        rows = rows.filter(change=kind)
    else:
        rows = rows.exclude(change__in=_words(AT_ANY_TIME | APART))
    if kind is ChangeKind.SUSPEND:
        block = amendment.config["block"]
        rows = rows.filter(change=ChangeKind.SUSPEND, items__config__block=block)
    number = rows.values_list("number", flat=True).first()
    if number:
        raise change_under_way(number)


def change_under_way(number: str) -> RuleViolated:
    return RuleViolated(
        f"Another change of this line is under way ({number}); wait until it is done."
        if number
        else "Another change of this line is under way; wait until it is done.",
        code="change_under_way",
        order=number,
    )


def _check_expected(shown: ChangeQuote, checkout: Checkout) -> None:
    """Whether the quote is what the buyer saw."""
    quote = shown.quote
    if quote.due_today_gross == checkout.expected_total and checkout.digest in (
        "",
        shown.digest(),
    ):
        return
    raise RuleViolated(
        "The price has changed since you saw it. Nothing was ordered; please look at it again.",
        code="price_changed",
        expected=str(checkout.expected_total),
        total=str(quote.due_today_gross),
        digest=shown.digest(),
    )
