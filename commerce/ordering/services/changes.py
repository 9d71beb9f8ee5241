"""Ordering a change of a running line: quoted first, then placed like any other order."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from catalogue.domain.model import Segment, Text
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from commerce.markets.pack import market
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.changes import (
    CAN_WAIT,
    GONE,
    ChangeQuote,
    ChangeRequest,
    ComingBill,
    Unfit,
    WaitingOrder,
    When,
)
from commerce.ordering.domain.consents import check_consents, check_early, check_in_parts
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import ItemAction
from commerce.ordering.services.asked_lines import asked_lines
from commerce.ordering.services.buying import Bought, bought_with, replaced_items
from commerce.ordering.services.changed_line import (
    check_may,
    check_number_here,
    known_of,
    told_of_end,
    touch,
    touched_plan,
)
from commerce.ordering.services.inserting import check_fits_later
from commerce.ordering.services.instalments import choices_for, in_parts
from commerce.ordering.services.line_discounts import following
from commerce.ordering.services.open_changes import (
    change_under_way,
    check_free,
    is_stopping,
    take_turns,
    taken_back_by,
)
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
from commerce.ordering.services.pricing import Pricing, assumed_activation
from commerce.ordering.services.removing import removed
from commerce.ordering.services.replacing import number_wanted
from commerce.ordering.services.standing_still import (
    check_block,
    lifts,
    still_blocked,
    touched_with_services,
)
from commerce.ordering.services.terminating import last_day, leaving_of, said_of
from commerce.ordering.services.waiting import coming_changes
from commerce.ordering.services.writing import Amendment, Buyer, Draft, Touched, lines_to_deliver
from subscriptions.contracts.preview import Coming, bills_with_change
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import AT_ANY_TIME, BlockKind, ChangeKind, SubscriptionStatus
from subscriptions.domain.views import ItemView, SubscriptionView


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A change, worked out: how it is priced and what it does to the contract."""

    contract: SubscriptionView
    value: CartValue
    quote: Quote
    pricing: Pricing
    amendment: Amendment
    ending: frozenset[int]
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
            or those of `replacing.value_of`; `number_comes_along`: its number is temporary.
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
            `change_not_offered`, `out_of_stock`; of paying in parts those of `in_parts`,
            `instalments_not_agreed`.
        InvalidInput: `address_missing`, `purchase_order_missing`.
    """
    take_turns(subscription_id)
    found = _prepare(context, subscription_id=subscription_id, request=request)
    consumer = found.value.segment is Segment.CONSUMER
    check_may(context, consumer=consumer)
    begins = [line.offering for line in found.value.lines if line.role != "fee"]
    later = check_free(
        found.amendment,
        subscription_id=found.contract.id,
        begins=begins,
    )
    check_fits_later(
        later,
        found.contract.items_on(business_today()),
        ending=found.ending,
        begins=begins,
        instead={
            found.amendment.replaced[line.id]: line.offering
            for line in found.value.lines
            if line.id in found.amendment.replaced
        },
        segment=found.value.segment,
        catalogue=found.pricing.snapshot,
    )
    _check_expected(found.shown, checkout)
    by_agent = context.role is Role.AGENT
    asked = found.shown.binds and not by_agent and not request.announced
    consents = checkout.consents if asked else None
    if consents is not None:
        check_consents(consents, consumer=consumer)
        if consumer:
            last = market(settings.MARKET).withdrawal_last_day(business_today())
            check_early(consents, begins=found.shown.on, withdrawal_ends=last)
    asks = found.shown.asks and by_agent
    parts = None
    if checkout.instalments:
        parts = in_parts(
            checkout.instalments,
            quote=found.quote,
            segment=found.value.segment,
            party_id=found.contract.party_id,
            snapshot=found.pricing.snapshot,
        )
        if not asks:
            check_in_parts(checkout.consents)
    reach = accounts.reach(found.contract.party_id)
    buyer = Buyer(
        found.contract.party_id, reach.email, reach.phone, checkout.language or reach.language
    )
    draft = Draft(
        buyer=buyer,
        value=found.value,
        quote=found.quote,
        pricing=found.pricing,
        state=first_state(found.quote, consumer=consumer, by_agent=asks),
        consents=consents,
        deliver_to=delivery_of(checkout, value=found.value, buyer=buyer, pricing=found.pricing),
        purchase_order=purchase_order_of(checkout.purchase_order, consumer=consumer),
        membership_id=context.membership_id,
        pay_return=pay_return_of(checkout.pay_return),
        amendment=found.amendment,
        in_parts=parts,
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
    lost = BlockKind.LOST_SIM
    if lost in contract.blocks or is_stopping(contract.id, block=lost):
        return
    place_change(
        context,
        subscription_id=contract.id,
        request=ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM),
        checkout=replace(checkout, expected_total=Money.zero(), digest=""),
    )


def _prepare(context: AccountContext, *, subscription_id: int, request: ChangeRequest) -> _Prepared:
    if request.when is When.CYCLE_END and request.kind not in CAN_WAIT:
        raise InvalidInput("It can't wait for the next bill.", code="when", field="when")
    contract = _contract(context, subscription_id)
    items = contract.items_on(business_today())
    bought = bought_with(context, contract, items, request)
    value, quote, pricing, term = bought.value, bought.quote, bought.pricing, bought.term
    catalogue = pricing.snapshot
    replaced = replaced_items(value, items, catalogue=catalogue)
    if request.kind in AT_ANY_TIME:
        check_block(context, request, contract)
    touched = _touched(request, contract, items, bought=bought)
    ending = {*replaced.values(), *(t.item_id for t in touched if t.action is ItemAction.DELETE)}
    on = _effective_on(request, contract, value=value, pricing=pricing)
    leaving = None
    if request.kind is ChangeKind.TERMINATE:
        left = _held_at_the_end(contract, on=on) or items
        leaving = leaving_of(contract, left, request=request, on=on, pricing=pricing)
        touched = (replace(touched[0], charges=leaving.charges()), *touched[1:])
        ending = {item.id for item in contract.items if item.until_on is None}
    amendment = Amendment(
        kind=request.kind,
        subscription_id=contract.id,
        facts=known_of(request, contract, items, catalogue=catalogue)
        | said_of(leaving, motive=request.motive, on=on),
        config=_asked(request, contract) | _standing(request, contract),
        replaced=replaced,
        touched=touched,
        not_before=on if _waits(request) else None,
    )
    waiting = coming_changes(contract.id)
    takes_back = taken_back_by(request.kind, subscription_id=contract.id)
    bills = bills_with_change(
        contract.id,
        Coming(
            number="",
            on=on,
            tax_rates=catalogue.tax_rates,
            begins=quote.agreed_charges(),
            ends=ending,
            instead=replaced,
            asked=asked_lines(quote, segment=value.segment, catalogue=catalogue),
            ends_all=request.kind is ChangeKind.TERMINATE,
        ),
        waiting=waiting,
        takes_back=takes_back,
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
        still_blocked=still_blocked(request, contract),
        unfit=tuple(
            Unfit(Text(item.names), bought.unfit[item.id].message)
            for item in items
            if item.id in bought.unfit
        ),
        leaving=leaving,
        delivers=bool(lines_to_deliver(value.lines, snapshot=catalogue)),
        takes_back=takes_back,
        waits=tuple(
            WaitingOrder(each.number, each.on) for each in waiting if each.number not in takes_back
        ),
        beside=following(contract.party_id, without=contract.id, left_on=on)
        if request.kind is ChangeKind.TERMINATE
        else (),
        in_parts=choices_for(
            quote, segment=value.segment, party_id=contract.party_id, snapshot=catalogue
        ),
    )
    return _Prepared(contract, value, quote, pricing, amendment, frozenset(ending), shown)


def _held_at_the_end(contract: SubscriptionView, *, on: date) -> tuple[ItemView, ...]:
    """What it holds on the eve of its end, as far as that is known: an end that is carried out late
    goes before what other orders have put in its place since."""
    return contract.items_on(min(on - timedelta(days=1), business_today()))


def _waits(request: ChangeRequest) -> bool:
    """Whether it is for a later day."""
    if request.kind is ChangeKind.TERMINATE:
        return not request.ported
    return request.when is When.CYCLE_END or _is_ours(request)


def _is_ours(request: ChangeRequest) -> bool:
    """Whether we order it, for the day `on`."""
    return request.unanswered or request.announced


def _contract(context: AccountContext, subscription_id: int) -> SubscriptionView:
    if context.party_id is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    contract = subscription_view(context.party_id, subscription_id)
    if contract.status == SubscriptionStatus.ENDED:
        raise RuleViolated("This contract has ended.", code="contract_ended")
    return contract


def _touched(
    request: ChangeRequest,
    contract: SubscriptionView,
    items: tuple[ItemView, ...],
    *,
    bought: Bought,
) -> tuple[Touched, ...]:
    catalogue = bought.pricing.snapshot
    match request.kind:
        case ChangeKind.PLAN:
            gone = [item for item in items if item.id in bought.unfit]
            if gone and request.announced:
                # Nobody was told that he loses it.
                why = bought.unfit[gone[0].id]
                raise RuleViolated(why.message.in_("en"), code=why.code)
            return tuple(touch(item, ItemAction.DELETE, catalogue=catalogue) for item in gone)
        case ChangeKind.REMOVE:
            return removed(request, items, catalogue=catalogue)
        case ChangeKind.SUSPEND | ChangeKind.RESUME:
            return touched_with_services(request, contract, items, catalogue=catalogue)
        case ChangeKind.SIM if lifts(request, contract) is not None:
            return touched_with_services(request, contract, items, catalogue=catalogue)
        case ChangeKind.SIM:
            return (touched_plan(items, catalogue=catalogue),)
        case ChangeKind.NUMBER:
            check_number_here(contract)
            value = bought.value
            number = number_wanted(
                request, pricing=bought.pricing, segment=value.segment, channel=value.channel
            )
            return (replace(touched_plan(items, catalogue=catalogue), config=number),)
        case ChangeKind.TERMINATE:
            return told_of_end(items, kind=request.kind, catalogue=catalogue)
        case _:
            return ()


def _asked(request: ChangeRequest, contract: SubscriptionView) -> dict[str, str]:
    """What those who carry the change out are told of the wish."""
    said_on = request.on if _is_ours(request) else None
    asked = {
        "change": str(request.kind),
        "block": str(request.block or ""),
        "reason": str(request.reason or ""),
        "lifts": str(lifts(request, contract) or ""),
        "old_sim": "yes" if request.kind is ChangeKind.SIM and contract.iccid else "",
        "motive": request.motive,
        "ported": "yes" if request.ported else "",
        "grade": "outgoing" if request.outgoing_only else "",
        "unpaid": "yes" if request.unpaid or request.block is BlockKind.UNPAID else "",
        "unanswered": "yes" if request.unanswered else "",
        "announced": "yes" if request.announced else "",
        "effective_on": said_on.isoformat() if said_on else "",
    }
    return {name: text for name, text in asked.items() if text}


def _standing(request: ChangeRequest, contract: SubscriptionView) -> dict[str, str]:
    """Until when the line stays bound, where its plan changes within its commitment."""
    ends = contract.commitment_ends_on
    if request.kind is not ChangeKind.PLAN or ends is None:
        return {}
    return {"bound_until": ends.isoformat()}


def _effective_on(
    request: ChangeRequest, contract: SubscriptionView, *, value: CartValue, pricing: Pricing
) -> date:
    """When it is taken to take effect: with the next bill, when a phone is there, or today."""
    if request.kind is ChangeKind.TERMINATE:
        return last_day(request, contract)
    if _is_ours(request) and request.on is not None:
        return request.on
    if request.when is When.CYCLE_END and contract.next_bill_on is not None:
        return contract.next_bill_on
    carried = [line for line in value.lines if line.role in ("handset", "sim")]
    if request.kind in (ChangeKind.RENEW, ChangeKind.SIM) and carried:
        return assumed_activation(business_now())
    return business_today()


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
