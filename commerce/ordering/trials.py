"""Promotions tried before they are on sale: on sample carts and on last month's real orders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.db.models import F

from catalogue.domain.model import Segment, Snapshot, Text
from catalogue.selectors import snapshot_of
from commerce.kernel.clock import PARIS
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.states import GIVEN_UP
from commerce.ordering.domain.trial import Effect, Sale, Tried, effect_of
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.bulk import fleet_bundle
from commerce.ordering.services.pricing import Pricing, assumed_activation, pricing_now
from promotions.domain.compiler import HISTORY, compile_promotions, tests_of
from promotions.domain.model import CustomerFacts, Promotion
from promotions.selectors import promotions_of
from subscriptions.selectors import history_of

LAST_MONTH = timedelta(days=30)
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

    promotion: Promotion
    samples: tuple[OnSample, ...]
    tried: Tried
    placed: int
    since: datetime


def trial_of(data: Mapping[str, Any]) -> Trial:
    """A promotion as a draft has it, tried.

    Orders come at the prices of their own release, given-up ones are left out; nothing is kept.
    The queries are a few per 200 orders, and two more per order if it asks what the customer had.

    Raises:
        InvalidInput: it can't be read; `field` says where.
    """
    promotion = next(iter(compile_promotions([data]).promotions.values()))
    pricing = pricing_now()
    tried, placed = _on_orders(promotion, until=pricing.at)
    samples = tuple(OnSample(name, effect_of(promotion, sale)) for name, sale in _samples(pricing))
    return Trial(promotion, samples, tried, placed, pricing.at - LAST_MONTH)


def _on_orders(promotion: Promotion, *, until: datetime) -> tuple[Tried, int]:
    rows = Order.objects.filter(placed_at__gt=until - LAST_MONTH, placed_at__lte=until)
    ids = rows.exclude(state__in=GIVEN_UP).order_by("placed_at", "id").values_list("pk", flat=True)
    placed = ids.count()
    step = max(1, -(-placed // MOST_ORDERS))
    asks_history = any(test.name in HISTORY for test in tests_of(promotion.when))
    tried, chosen = Tried(), list(ids[::step]) if step > 1 else list(ids)
    for start in range(0, len(chosen), CHUNK):
        for sale in _sales(chosen[start : start + CHUNK], asks_history=asks_history):
            tried.add(promotion, sale)
    return tried, placed


_ORDER = ("pk", "number", "party", "segment", "channel", "release", "placed_at", "codes", "bundles")


def _sales(ids: Sequence[int], *, asks_history: bool) -> Iterator[Sale]:
    """The orders as the carts that they were, in the order of `ids`; two queries."""
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
    for pk in ids:
        yield _sale(orders[pk], lines.get(pk, []), asks_history=asks_history)


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
