"""Advantages of several lines follow their number: they end, or begin, by orders of ours.

Which lines count, and whether a running line gets one too, is the promotion's (`lines`). A line
that comes or goes changes what others cost from their next bill day on, never for days before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from catalogue.domain.model import Segment, Text
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import SYSTEM
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.errors import RuleViolated
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.domain.facts import entries_of
from commerce.ordering.domain.judging import cart_facts, list_priced, unit_of
from commerce.ordering.domain.line_discounts import Following, Move, follow
from commerce.ordering.domain.states import UNDER_WAY, ItemAction, OrderState
from commerce.ordering.models import Order
from commerce.ordering.selectors import purchase_order_of
from commerce.ordering.services.changed_line import kind_of, known_of, segment_of, touch
from commerce.ordering.services.open_changes import change_under_way, check_free, take_turns
from commerce.ordering.services.place import written
from commerce.ordering.services.pricing import Pricing, priced, pricing_now
from commerce.ordering.services.waiting import touched_charges
from commerce.ordering.services.writing import Amendment, Buyer, Draft
from promotions.domain.granting import hits_of
from promotions.domain.model import CustomerFacts, Promotion
from promotions.selectors import agreed_promotion
from subscriptions.contracts.advantages import (
    advantages_of_lines,
    bill_day_after,
    running_lines,
)
from subscriptions.contracts.lines import PATHS
from subscriptions.contracts.selectors import subscription_view
from subscriptions.contracts.taking_over import charges_left, next_month_start
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import CLOSING, ChangeKind, SubscriptionStatus
from subscriptions.domain.views import ItemView, SubscriptionView

TIMER, TAKE_BACK = "line-discounts", "line-discounts-take-back"
"""The handlers: a party's lines are looked at, and an order of ours is taken back."""
FEWER_LINES = CLOSING | {ChangeKind.ADVANTAGES}
"""After them there may be something to see to: one line fewer, or one that is looked at again."""
HOLDS_ANEW = frozenset({ChangeKind.ADD, ChangeKind.PLAN, ChangeKind.RENEW})
"""They may bring such advantages, by the lines of the day on which they were ordered."""
_REQUEST = ChangeRequest(ChangeKind.ADVANTAGES)
_AT = time(0, 10)
"""In Paris: before the bills of the day."""
_WAITS = frozenset({"change_under_way", "line_suspended"})


def look_soon(party_id: int) -> None:
    """A line of the party has gone. In the caller's transaction, as all of these."""
    _look(party_id, at=business_now())


def look_as_one_more(party_id: int) -> None:
    """A line of the party has come, or holds something else, perhaps after one of those went that
    its advantages ask for; nothing where no promotion on sale follows lines."""
    if any(each.lines for each in pricing_now().promotions.promotions.values()):
        look_soon(party_id)


def look_as_gone(order_number: str) -> None:
    """A line has gone to the one who ordered it: its advantages follow his lines now."""
    look_soon(Order.objects.values_list("party_id", flat=True).get(number=order_number))


def called_off(order: Order) -> None:
    """An order of ours was taken back, by another plan say: what holds then is looked at anew."""
    if order.change == ChangeKind.ADVANTAGES:
        look_soon(order.party_id)


def on_look_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: order for each line of the party what the number of them makes of its
    advantages, and have taken back what was ordered by another number. Looked at again tomorrow
    while another change of a line is in the way, or it stands still. May be repeated."""
    party_id, waits = payload["party"], False
    found = following(party_id)
    for order in _outdated(party_id, found):
        _take_back(order)
    for each in found:
        try:
            with transaction.atomic():
                _place(party_id, each)
        except RuleViolated as refusal:
            if refusal.code not in _WAITS:
                raise
            waits = True
    if waits:
        tomorrow = business_today() + timedelta(days=1)
        _look(party_id, at=datetime.combine(tomorrow, _AT, tzinfo=PARIS))


def _outdated(party_id: int, found: Iterable[Following]) -> tuple[Order, ...]:
    """The orders of ours that wait for a later day and no longer do what is to follow then."""
    wanted = {
        each.subscription_id: _codes(charge for of in each.charges.values() for charge in of)
        for each in found
    }
    orders = Order.objects.filter(
        party=party_id,
        change=ChangeKind.ADVANTAGES,
        state__in=[str(state) for state in UNDER_WAY],
        begins_on__gt=business_today(),
    )
    return tuple(
        order
        for order in orders.prefetch_related("items").order_by("pk")
        if wanted.get(order.subject or 0)
        != _codes(charge for item in order.items.all() for charge in touched_charges(item))
    )


def _codes(charges: Iterable[AgreedCharge]) -> dict[tuple[str, str], frozenset[str]]:
    return {
        (each.item, each.code): frozenset(benefit.code for benefit in each.benefits)
        for each in charges
    }


def _take_back(order: Order) -> None:
    """Once it is over, what is to follow is looked at anew (`called_off`). The holder is told."""
    timers.soon(
        key=f"{TAKE_BACK}:{order.number}",
        handler=TAKE_BACK,
        payload={"number": order.number, "party": order.party_id},
    )
    line = subscription_view(order.party_id, order.subject or 0)
    send(
        party_id=order.party_id,
        code="advantages_stay",
        channel=MessageChannel.EMAIL,
        values={
            "msisdn": line.msisdn,
            "on": order.begins_on,
            "path": PATHS[segment_of(line)].format(line.id),
        },
        reference=f"{order.number}/stays",
    )


def _look(party_id: int, *, at: datetime) -> None:
    timers.schedule(
        key=f"{TIMER}:{party_id}", handler=TIMER, due_at=at, payload={"party": party_id}
    )


def following(
    party_id: int, *, without: int | None = None, left_on: date | None = None
) -> tuple[Following, ...]:
    """What the number of the party's lines makes of the advantages of each that is to change, from
    its next bill day on; `without` the line that would leave on the day `left_on`.

    Two queries if nothing of the party follows its lines, and a few more for each line that their
    number touches.
    """
    pricing = pricing_now()
    given = _given(party_id, pricing=pricing)
    beginning = () if without is not None else _beginning(pricing)
    if not given and not beginning:
        return ()
    lines = tuple(each for each in running_lines(party_id) if each.id != without)
    day = max(business_today(), left_on or business_today())
    running = tuple(each.id for each in lines)
    found = []
    for line in lines:
        customer = CustomerFacts(
            segment=segment_of(line), known=True, lines=len(running), running=running, line=line.id
        )
        if _is_touched(given.get(line.id, ()), beginning, customer=customer):
            found.append(
                _of_line(line, customer=customer, beginning=beginning, pricing=pricing, after=day)
            )
    return tuple(each for each in found if each.moves)


def following_passed_on(party_id: int, *, subscription_id: int) -> tuple[Following, ...]:
    """As `following`, if the line went to another holder on the first day on which it can."""
    line, catalogue = subscription_view(party_id, subscription_id), pricing_now().snapshot
    plans = (item for item in line.items if item.until_on is None)
    plan = next((item for item in plans if kind_of(item, catalogue) == "plan"), None)
    if plan is None:
        return ()
    on = next_month_start(line.id, item_id=plan.id, after=business_today())
    return following(party_id, without=line.id, left_on=on)


def _given(party_id: int, *, pricing: Pricing) -> Mapping[int, Sequence[Promotion]]:
    """The promotions that follow lines and that something of the party's has, by its line."""
    held = advantages_of_lines(party_id)
    releases = _releases(number for _, _, number in held)
    agreed = {
        (release, code): _agreed_in(release, code, pricing=pricing)
        for release, code in {(releases.get(number), code) for _, code, number in held}
    }
    found: dict[int, list[Promotion]] = {}
    for line, code, number in held:
        promotion = agreed[releases.get(number), code]
        if promotion is not None and promotion.lines:
            found.setdefault(line, []).append(promotion)
    return found


def _is_touched(
    given: Iterable[Promotion], beginning: Iterable[Promotion], *, customer: CustomerFacts
) -> bool:
    """Whether the number of lines alone lets something of a line end, or begin."""
    facts, codes = customer.facts(), set()
    for each in given:
        codes.add(each.code)
        if each.lines and not each.lines.test.holds(facts):
            return True
    return any(
        each.lines and each.code not in codes and each.lines.test.holds(facts) for each in beginning
    )


def _beginning(pricing: Pricing) -> tuple[Promotion, ...]:
    """What running lines get too when another one comes, by the order in which it applies."""
    found = (
        each
        for each in pricing.promotions.promotions.values()
        if each.lines is not None
        and each.lines.begins
        and (each.valid_from is None or each.valid_from <= pricing.at)
        and (each.valid_until is None or pricing.at < each.valid_until)
    )
    return tuple(sorted(found, key=lambda each: each.slug))


def _of_line(
    line: SubscriptionView,
    *,
    customer: CustomerFacts,
    beginning: Iterable[Promotion],
    pricing: Pricing,
    after: date,
) -> Following:
    items = [item for item in line.items if item.until_on is None and item.charges]
    on = bill_day_after(line.id, day=after)
    left = charges_left(line.id, lines={item.id: _line_id(item) for item in items}, on=on)
    coming = _coming(line, items, customer=customer, beginning=beginning, pricing=pricing)
    agreed = _agreed(items, left, pricing=pricing)
    charges, moves = {}, []
    for item in items:
        now, moved = follow(
            left[item.id],
            agreed=agreed[item.id],
            holding=_holding(agreed[item.id], customer),
            coming={
                charge: [each for each in granted if each[0].code not in _had(item)]
                for (line_id, charge), granted in coming.items()
                if line_id == _line_id(item)
            },
        )
        if moved:
            charges[item.id] = now
            moves += [
                Move(item.id, Text(item.names), promotion.code, promotion.name, begins, amount)
                for promotion, begins, amount in moved
            ]
    return Following(line.id, line.msisdn, on, charges, tuple(moves))


def _agreed(
    items: Sequence[ItemView],
    charges: Mapping[int, tuple[AgreedCharge, ...]],
    *,
    pricing: Pricing,
) -> Mapping[int, Mapping[str, Promotion]]:
    """The promotions that the charges of the items have, by item and code, as they were agreed."""
    releases = _releases(item.order_number for item in items)
    return {
        item.id: {
            code: promotion
            for code in {each.code for charge in charges[item.id] for each in charge.benefits}
            if (promotion := _agreed_in(releases.get(item.order_number), code, pricing=pricing))
            is not None
        }
        for item in items
    }


def _had(item: ItemView) -> frozenset[str]:
    """The codes of its advantages, also of those whose months are over: they are given once."""
    return frozenset(benefit.code for charge in item.charges for benefit in charge.benefits)


def _releases(numbers: Iterable[str]) -> Mapping[str, int]:
    rows = Order.objects.filter(number__in=set(numbers))
    return dict(rows.values_list("number", "release"))


def _agreed_in(release: int | None, code: str, *, pricing: Pricing) -> Promotion | None:
    """As it was agreed in the release; it follows lines no longer where it is sold on without."""
    newest = pricing.snapshot.release
    promotion = agreed_promotion(code, release=release or newest)
    if promotion is None or promotion.lines is None:
        return promotion
    now = agreed_promotion(code, release=newest)
    return replace(promotion, lines=None) if now is not None and now.lines is None else promotion


def _holding(agreed: Mapping[str, Promotion], customer: CustomerFacts) -> frozenset[str]:
    facts = customer.facts()
    return frozenset(
        code for code, each in agreed.items() if each.lines and each.lines.test.holds(facts)
    )


def as_taken_over(
    items: Sequence[ItemView],
    charges: Mapping[int, tuple[AgreedCharge, ...]],
    *,
    party_id: int | None,
    pricing: Pricing,
) -> Mapping[int, tuple[AgreedCharge, ...]]:
    """The charges of a line for who takes it over: without the advantages that ask for more lines
    than he has."""
    agreed = _agreed(items, charges, pricing=pricing)
    if not any(each.lines for found in agreed.values() for each in found.values()):
        return charges
    running = tuple(each.id for each in running_lines(party_id)) if party_id else ()
    customer = CustomerFacts(lines=len(running), running=running)
    return {
        item.id: follow(
            charges[item.id],
            agreed=agreed[item.id],
            holding=_holding(agreed[item.id], customer),
            coming={},
        )[0]
        for item in items
    }


def _coming(
    line: SubscriptionView,
    items: Iterable[ItemView],
    *,
    customer: CustomerFacts,
    beginning: Iterable[Promotion],
    pricing: Pricing,
) -> dict[tuple[str, str], list[Any]]:
    """What begins on the line as it stands, outside of bundles, by its lines and charges."""
    offered = tuple(beginning)
    if not offered:
        return {}
    value = CartValue(
        code="",
        lines=tuple(
            CartLine(
                id=_line_id(item),
                offering=item.offering,
                quantity=item.charges[0].quantity,
                term=line.commitment_months if kind_of(item, pricing.snapshot) == "plan" else 0,
                config={"number_choice": "keep"},
            )
            for item in items
            if item.offering in pricing.snapshot.offerings
        ),
        segment=segment_of(line),
        channel=str(SYSTEM.channel),
    )
    listed = list_priced(
        entries_of(value, catalogue=pricing.snapshot), cart=value, bundle=None, at=pricing.at
    )
    shared = cart_facts(value, priced={"": listed}, customer=customer, at=pricing.at)
    unit = unit_of(listed, bundle=None, shared=shared, cart=value)
    found: dict[tuple[str, str], list[Any]] = {}
    for promotion in offered:
        if promotion.when.holds(unit.facts):
            for hit in hits_of(promotion.benefits, unit=unit):
                found.setdefault(hit.key, []).append((promotion, hit.benefit))
    return found


def _line_id(item: ItemView) -> str:
    return f"{ItemAction.MODIFY}-{item.id}"


def _place(party_id: int, found: Following) -> None:
    """Order it, for the bill day; nothing where such an order is open. The holder is told.

    Raises:
        RuleViolated: `change_under_way`, `line_suspended`.
    """
    take_turns(found.subscription_id)
    pricing = pricing_now()
    line = subscription_view(party_id, found.subscription_id)
    if line.status == SubscriptionStatus.ENDED or _is_open(line.id):
        return
    if line.status != SubscriptionStatus.ACTIVE:
        raise RuleViolated("This line stands still; let it go on first.", code="line_suspended")
    items = sorted(
        (item for item in line.items if item.id in found.charges and item.until_on is None),
        key=lambda item: kind_of(item, pricing.snapshot) != "plan",
    )
    if len(items) < len(found.charges):
        # Another change took effect since they were looked at.
        raise change_under_way("")
    amendment = Amendment(
        kind=ChangeKind.ADVANTAGES,
        subscription_id=line.id,
        facts=known_of(_REQUEST, line, line.items_on(business_today()), catalogue=pricing.snapshot),
        config={"change": str(ChangeKind.ADVANTAGES), "effective_on": found.on.isoformat()},
        touched=tuple(
            replace(
                touch(item, ItemAction.MODIFY, catalogue=pricing.snapshot),
                charges=found.charges[item.id],
            )
            for item in items
        ),
        not_before=found.on,
        months=line.commitment_months,
    )
    check_free(amendment, subscription_id=line.id)
    reach = accounts.reach(party_id)
    segment = segment_of(line)
    value = CartValue(code="", lines=(), segment=segment, channel=str(SYSTEM.channel))
    draft = Draft(
        buyer=Buyer(party_id, reach.email, reach.phone, reach.language),
        value=value,
        quote=priced(value, pricing=pricing, customer=CustomerFacts()),
        pricing=pricing,
        state=OrderState.ACCEPTED,
        purchase_order=purchase_order_of(line.order_number) if segment is Segment.BUSINESS else "",
        amendment=amendment,
    )
    try:
        with transaction.atomic():
            order = written(draft, context=replace(SYSTEM, party_id=party_id))
    except IntegrityError as clash:
        if "one_open_change" in str(clash):
            raise change_under_way("") from clash
        raise
    _tell(line, found, order=order.number)


def _is_open(subscription_id: int) -> bool:
    rows = Order.objects.filter(subject=subscription_id, change=ChangeKind.ADVANTAGES)
    return rows.filter(state__in=[str(state) for state in UNDER_WAY]).exists()


def _tell(line: SubscriptionView, found: Following, *, order: str) -> None:
    for move in found.moves:
        amount = f"{abs(move.amount.amount):.2f}"
        send(
            party_id=line.party_id,
            code="advantage_begins" if move.begins else "advantage_ends",
            channel=MessageChannel.EMAIL,
            values={
                "advantage": move.advantage.by_language,
                "names": move.name.by_language,
                "msisdn": line.msisdn,
                "on": found.on,
                "amount": {"fr": f"{amount} €".replace(".", ","), "en": f"€{amount}"},
                "path": PATHS[segment_of(line)].format(line.id),
            },
            reference=f"{order}/{move.code}/{move.item_id}",
        )
