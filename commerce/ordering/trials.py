"""Promotions tried before they are on sale: on sample carts and on last month's real orders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.db.models import F, Q, QuerySet

from catalogue.domain.model import Segment, Snapshot, Text
from catalogue.selectors import snapshot_of
from catalogue.services.drafts import parts_of_draft
from commerce.kernel.clock import PARIS
from commerce.kernel.errors import NotFound
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.states import GIVEN_UP
from commerce.ordering.domain.trial import Change, Effect, Sale, Tried, effect_of, try_on
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.bulk import fleet_bundle
from commerce.ordering.services.pricing import Pricing, assumed_activation, pricing_now
from promotions.domain.compiler import HISTORY, compile_promotions, tests_of
from promotions.domain.model import CustomerFacts
from promotions.selectors import opened_by, promotions_of
from subscriptions.contracts.selectors import history_of

LAST_MONTH = timedelta(days=30)
INSTANT = timedelta(microseconds=1)
"""Until an instant, and with it: so much later."""
MOST_ORDERS = 1_000
CHUNK = 200
_SAMPLES = Path(__file__).with_name("samples.yaml")


@dataclass(frozen=True, slots=True)
class OnSample:
    """`effect` is None where it doesn't apply."""

    name: Text
    effect: Effect | None


@dataclass(frozen=True, slots=True)
class Trial:
    """`placed` orders were there; of more than 1,000 every n-th was tried (`tried.seen`)."""

    change: Change
    samples: tuple[OnSample, ...]
    tried: Tried
    placed: int
    since: datetime


@dataclass(frozen=True, slots=True)
class TrialPage:
    """A part of the orders, in the order in which they were placed.

    `effects` are those of them that it touches; `last` is the number of the order to go on after,
    None where there are no more.
    """

    change: Change
    tried: Tried
    effects: tuple[Effect, ...]
    last: str | None


def trial_of(data: Mapping[str, Any]) -> Trial:
    """A promotion as a draft has it, tried against none of its name.

    Orders come at the prices of their own release, given-up ones are left out; nothing is kept.
    The queries are a few per 200 orders, and two more per order if it asks what the customer had.

    Raises:
        InvalidInput: it can't be read; `field` says where.
    """
    promotion = next(iter(compile_promotions([data]).promotions.values()))
    return _tried(Change.of(promotion), pricing_now(), in_force=False)


def trial_of_draft(draft_id: int) -> Trial:
    """All promotions of a draft, tried against those of the release in force.

    The prices are those of each order's own release; the promotions, but for what differs, those in
    force. Samples as `trial_of`.

    Raises:
        NotFound: `unknown_draft`. InvalidInput: a promotion can't be read.
    """
    pricing = pricing_now()
    return _tried(change_of_draft(draft_id, pricing), pricing, in_force=True)


def change_of_draft(draft_id: int, pricing: Pricing) -> Change:
    """What differs between the promotions in force and those of a draft. Raises as above."""
    parts = [part.data for part in parts_of_draft(draft_id) if part.section == "promotions"]
    return Change.between(pricing.promotions.promotions, compile_promotions(parts).promotions)


def on_samples(change: Change, pricing: Pricing | None = None) -> tuple[OnSample, ...]:
    """What it does to the sample carts, at `pricing` (None: today's)."""
    found = _samples(pricing or pricing_now())
    return tuple(OnSample(name, effect_of(change, sale)) for name, sale in found)


def trial_page(
    draft_id: int,
    *,
    since: datetime,
    until: datetime,
    after: str = "",
    limit: int = CHUNK,
    tried: Tried | None = None,
) -> TrialPage:
    """A draft's promotions on the next `limit` orders placed in [since, until), all of them tried.

    `after` is the number of the order that the page before ended with. Limits count over all of
    [since, until), whatever the pages: `tried` is what came of the pages before, else their orders
    are tried again where something that differs has a limit. Raises as `trial_of_draft`; NotFound:
    `unknown_order` (of `after`).
    """
    pricing = pricing_now()
    change = change_of_draft(draft_id, pricing)
    orders = _placed(since, until)
    if after:
        orders, before = _parted(orders, after)
        if tried is None and change.limited:
            tried = _again(before, change, pricing).following()
    ids = list(orders.values_list("pk", flat=True)[: limit + 1])
    tried = tried if tried is not None else Tried()
    effects, last = [], ""
    for sale in _sales_of(ids[:limit], change, pricing, in_force=True):
        effect, last = tried.add(change, sale), sale.name
        if effect is not None:
            effects.append(effect)
    return TrialPage(change, tried, tuple(effects), last if len(ids) > limit else None)


def _tried(change: Change, pricing: Pricing, *, in_force: bool) -> Trial:
    since = pricing.at - LAST_MONTH
    ids = _placed(since + INSTANT, pricing.at + INSTANT).values_list("pk", flat=True)
    placed = ids.count()
    step = max(1, -(-placed // MOST_ORDERS))
    chosen = list(ids[::step]) if step > 1 else list(ids)
    tried = try_on(change, _sales_of(chosen, change, pricing, in_force=in_force))
    return Trial(change, on_samples(change, pricing), tried, placed, since)


def _placed(since: datetime, until: datetime) -> QuerySet[Order]:
    """The orders placed in [since, until) that were not given up, the first first."""
    rows = Order.objects.filter(placed_at__gte=since, placed_at__lt=until)
    return rows.exclude(state__in=GIVEN_UP).order_by("placed_at", "id")


def _again(orders: QuerySet[Order], change: Change, pricing: Pricing) -> Tried:
    ids = list(orders.values_list("pk", flat=True))
    return try_on(change, _sales_of(ids, change, pricing, in_force=True))


def _parted(orders: QuerySet[Order], number: str) -> tuple[QuerySet[Order], QuerySet[Order]]:
    """Those behind the order, and those up to it."""
    found = Order.objects.filter(number=number).values_list("placed_at", "pk").first()
    if found is None:
        raise NotFound(f"There is no order {number}.", code="unknown_order")
    placed_at, pk = found
    behind = Q(placed_at__gt=placed_at) | Q(placed_at=placed_at, pk__gt=pk)
    return orders.filter(behind), orders.exclude(behind)


def _sales_of(
    ids: Sequence[int], change: Change, pricing: Pricing, *, in_force: bool
) -> Iterator[Sale]:
    """The orders as sales; `in_force`: with the promotions of today instead of those of then."""
    differing = (*change.before.values(), *change.after.values())
    asks_history = any(test.name in HISTORY for each in differing for test in tests_of(each.when))
    asks_history = asks_history or (in_force and pricing.promotions.asks_history)
    for start in range(0, len(ids), CHUNK):
        for sale in _sales(ids[start : start + CHUNK], asks_history=asks_history):
            yield replace(sale, promotions=pricing.promotions) if in_force else sale


_ORDER = ("pk", "number", "party", "segment", "channel", "release", "placed_at", "codes", "bundles")


def _sales(ids: Sequence[int], *, asks_history: bool) -> Iterator[Sale]:
    """The orders as the carts that they were, in the order of `ids`; two queries, and one for the
    single-use codes that they entered: those count as they did, used or not."""
    rows = Order.objects.filter(pk__in=ids).annotate(
        codes=F("cart__codes"), bundles=F("cart__bundles")
    )
    orders = {row["pk"]: row for row in rows.values(*_ORDER)}
    lines: dict[int, list[CartLine]] = {}
    items = OrderItem.objects.filter(order__in=ids).order_by("order", "position")
    for item in items.values_list(
        "order", "line_id", "offering", "quantity", "group", "role", "term", "config"
    ):
        lines.setdefault(item[0], []).append(CartLine(*item[1:]))
    opened = opened_by(code for row in orders.values() for code in row["codes"] or ())
    for pk in ids:
        sale = _sale(orders[pk], lines.get(pk, []), asks_history=asks_history)
        own = frozenset(opened[code] for code in sale.cart.codes if code in opened)
        yield replace(sale, customer=replace(sale.customer, opened=own)) if own else sale


def _sale(order: Mapping[str, Any], lines: Sequence[CartLine], *, asks_history: bool) -> Sale:
    snapshot, segment = snapshot_of(order["release"]), Segment(order["segment"])
    customer, at = CustomerFacts(segment=segment, known=True), order["placed_at"]
    if asks_history:
        had = history_of(order["party"], on=at.astimezone(PARIS).date())
        customer = CustomerFacts(
            segment, True, had.tenure_months, had.lines, had.owns, had.months_to_commitment_end
        )
    bundles = order["bundles"]
    return Sale(
        name=order["number"],
        cart=CartValue(
            "",
            tuple(lines),
            segment,
            order["channel"],
            tuple(order["codes"] or ()),
            _fleet(lines, snapshot) if bundles is None else bundles,
        ),
        catalogue=snapshot,
        promotions=promotions_of(snapshot),
        at=at,
        activation=assumed_activation(at),
        customer=customer,
        party_id=order["party"],
    )


def _fleet(lines: Sequence[CartLine], snapshot: Snapshot) -> Mapping[str, str]:
    """A bulk order has no cart: each of its groups is a line of the fleet bundle."""
    groups = dict.fromkeys(line.group for line in lines if line.group)
    return dict.fromkeys(groups, fleet_bundle(snapshot).code) if groups else {}


def _samples(pricing: Pricing) -> Iterator[tuple[Text, Sale]]:
    """Those of which everything is in the catalogue."""
    for sample in _sample_data():
        cart = _cart(sample)
        codes = {line.offering for line in cart.lines} | set(cart.bundles.values())
        if not codes <= pricing.snapshot.offerings.keys():
            continue
        name = Text(sample["name"])
        yield (
            name,
            Sale(
                name=name.in_("en"),
                cart=cart,
                catalogue=pricing.snapshot,
                promotions=pricing.promotions,
                at=pricing.at,
                activation=assumed_activation(pricing.at),
                customer=CustomerFacts(segment=cart.segment),
            ),
        )


def _cart(sample: Mapping[str, Any]) -> CartValue:
    bundle, instances = sample.get("bundle"), sample.get("instances", 1)
    lines = tuple(
        CartLine(
            id=f"{instance}-{place}",
            offering=offering,
            quantity=pieces[0] if pieces else 1,
            group=f"g{instance}" if bundle else "",
            role=role,
            term=sample.get("term", 0) if role == "plan" else 0,
            config={"number_choice": "new"} if role == "plan" else {},
        )
        for instance in range(1, instances + 1)
        for place, (role, offering, *pieces) in enumerate(sample["lines"], start=1)
    )
    groups = {line.group: bundle for line in lines if bundle}
    segment = Segment(sample["segment"])
    channel = "portal" if segment is Segment.BUSINESS else "web"
    return CartValue("", lines, segment, channel, (), groups)


@cache
def _sample_data() -> tuple[Mapping[str, Any], ...]:
    return tuple(yaml.safe_load(_SAMPLES.read_text(encoding="utf-8")))
