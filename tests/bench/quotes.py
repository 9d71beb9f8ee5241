"""The pure quote, in process: time per call, and how it grows with the number of promotions."""

import time
from collections.abc import Callable, Mapping
from decimal import Decimal

from catalogue.domain.model import Segment
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.quote import Quote, quote
from promotions.domain.compiler import CompiledPromotions, compile_promotions
from promotions.domain.model import CustomerFacts
from tests.bench.results import Metric, metric
from tests.unit.ordering.shop import (
    ACTIVATION,
    AT,
    SIX_FREE,
    benefit,
    cart,
    line,
    pair,
    promotion,
    snapshot,
)

MANY, FEW = 1000, 10
CALLS = 400
_CATALOGUE = snapshot()
_CUSTOMER = CustomerFacts(segment=Segment.CONSUMER)


def measure() -> list[Metric]:
    """`cpu_ms` is the reference: a fixed piece of decimal work."""
    reference = metric("cpu_ms", timed(_decimal_work), unit="ms")
    many, few = compile_promotions(promotions(MANY)), compile_promotions(promotions(FEW))
    bundle, long = bundle_cart(), long_cart()
    check(bundle, with_promotions=many)
    one = timed(lambda: priced(bundle, many))
    twenty = timed(lambda: priced(long, many))
    growth = [
        large / small
        for small, large in zip(
            timed(lambda: priced(bundle, few)), timed(lambda: priced(bundle, many)), strict=True
        )
    ]
    return [
        reference,
        metric("quote_bundle_ms", one, unit="ms", reference=reference.median),
        metric("quote_20_lines_ms", twenty, unit="ms", reference=reference.median),
        metric("promotions_growth", growth, unit="times"),
    ]


def priced(value: CartValue, compiled: CompiledPromotions) -> Quote:
    return quote(
        value,
        catalogue=_CATALOGUE,
        promotions=compiled,
        customer=_CUSTOMER,
        at=AT,
        activation=ACTIVATION,
    )


def bundle_cart() -> CartValue:
    """Handset, plan, SIM, three accessories, two options."""
    return cart(*pair(), *_extras("g1", accessories=3, options=2))


def long_cart() -> CartValue:
    """Twenty lines: two bundles of eight, four lines beside them."""
    bundles = [
        each
        for group in ("g1", "g2")
        for each in (*pair(group=group), *_extras(group, accessories=3, options=2))
    ]
    loose = [line(f"loose-{place}", "case") for place in range(4)]
    return cart(*bundles, *loose)


def promotions(count: int) -> list[Mapping[str, object]]:
    """Five that apply, three that are within reach, and others that are for other models."""
    apply = [
        SIX_FREE,
        promotion("accessories-20", benefits=[benefit("percent_off", "20")]),
        promotion(
            "fee-waived",
            when={"fact": "bundle.code", "is": "handset-and-plan"},
            benefits=[
                {
                    "target": {"fact": "line.charge", "is": "activation"},
                    "charge": "one_off",
                    "kind": "percent_off",
                    "value": "100",
                }
            ],
        ),
        promotion(
            "press-free",
            when={"fact": "codes", "includes": "gazette"},
            benefits=[benefit("percent_off", "100", on="content", first=1, periods=3)],
        ),
        promotion(
            "phone-30",
            when={"fact": "kinds", "includes": "handset"},
            benefits=[benefit("amount_off", "30", on="handset")],
        ),
    ]
    near = [
        promotion(
            f"near-{place}",
            when={
                "all": [
                    {"fact": "kinds", "includes": "handset"},
                    {"fact": "customer.tenure_months", "at_least": 12 * (place + 1)},
                ]
            },
        )
        for place in range(3)
    ]
    others = [
        promotion(
            f"model-{place}",
            when={
                "all": [
                    {"fact": "codes", "includes": f"model-{place}"},
                    {"fact": "term_months", "at_least": 12},
                ]
            },
        )
        for place in range(count - len(apply) - len(near))
    ]
    return [*apply, *near, *others]


def check(value: CartValue, *, with_promotions: CompiledPromotions) -> None:
    """Raises AssertionError unless it is the case that the figures are about."""
    found = priced(value, with_promotions)
    assert len(found.applied) == 5, [each.code for each in found.applied]
    assert len(found.within_reach) == 3
    assert found.trace
    assert found.monthly


def timed(act: Callable[[], object], *, calls: int = CALLS) -> list[float]:
    """Milliseconds of each call, after a few that don't count."""
    for _ in range(20):
        act()
    samples = []
    for _ in range(calls):
        began = time.perf_counter()
        act()
        samples.append((time.perf_counter() - began) * 1000)
    return samples


def _extras(group: str, *, accessories: int, options: int) -> list[CartLine]:
    wanted = [("case", "accessory")] + [("buds", "accessory")] * (accessories - 1)
    wanted += [("gazette", "option"), ("insurance", "option")][:options]
    return [
        line(f"{group}-{place}", code, group=group, role=role)
        for place, (code, role) in enumerate(wanted, start=4)
    ]


def _decimal_work() -> Decimal:
    """A thousand decimal products and dictionary entries: the stuff that quotes are made of."""
    found: dict[int, Decimal] = {}
    factor = Decimal("1.20")
    for number in range(1000):
        found[number] = (Decimal(number) * factor).quantize(Decimal("0.01"))
    return sum(found.values(), Decimal(0))
