"""What the lives that are lived through the whole system can buy: as facts, and as a catalogue.

One table says it. The oracle reads it as items, the shop as the YAML of a catalogue of its own, so
that neither learns a price from the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.proof.billing.facts import (
    Account,
    Benefit,
    Buyer,
    Charge,
    Effect,
    Item,
    OneOff,
    Recurring,
    Usage,
)

RATES = tuple(
    (name, Decimal(rate))
    for name, rate in (("telecom", "20"), ("digital", "20"), ("tv", "10"), ("press", "2.1"))
)
MINUTE = Decimal("0.05")
SIM = "esim"
SIM_PRICE = {Buyer.CONSUMER: Decimal("1.00"), Buyer.BUSINESS: Decimal("0.83")}
"""As the demonstration sells it; the price of a business is without tax."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a new line gets off the month's price: the word of the catalogue, and its value."""

    kind: str
    value: str
    months: int | None
    first: int = 1


@dataclass(frozen=True, slots=True)
class Good:
    """A plan or an option; `included` minutes of it, if any are counted."""

    code: str
    consumer: str
    business: str
    tax: str = "telecom"
    every: int = 1
    included: int | None = None
    start: str = ""
    given: tuple[Given, ...] = ()

    @property
    def fee(self) -> str:
        """The code of its recurring charge."""
        return f"{self.code}_fee".replace("-", "_")

    @property
    def once(self) -> str:
        """The code of its one-off charge."""
        return f"{self.code}_start".replace("-", "_")

    def price(self, buyer: Buyer) -> Decimal:
        """Of a month, or of `every` so many."""
        return Decimal(self.consumer if buyer is Buyer.CONSUMER else self.business)


RENEWED = Given("percent_off", "50", 6)
"""On any plan with which a line commits itself anew."""
FREE_MONTHS = Given("percent_off", "100", 3)
FREE = Given("percent_off", "100", 2)
"""On an option, that goes on for money only with a yes."""
PLANS = (
    Good("proof-small", "9.99", "8.33", included=60, given=(Given("percent_off", "50", 6),)),
    Good("proof-middle", "19.99", "16.66", included=120, start="15.00", given=(FREE_MONTHS,)),
    Good("proof-large", "34.95", "29.13", given=(Given("fixed_price", "7.99", 12, 2),)),
    Good("proof-odd", "15.99", "13.33", included=0, given=(Given("amount_off", "3.33", None),)),
    Good("proof-plain", "24.99", "20.83", included=240, start="39.99"),
    Good(
        "proof-twice",
        "29.99",
        "24.99",
        given=(Given("amount_off", "5.55", 2), Given("percent_off", "15", 12, 3)),
    ),
)
OPTIONS = (
    Good("proof-talk", "4.99", "4.16", included=30),
    Good("proof-films", "7.77", "6.47", tax="tv", given=(FREE,)),
    Good("proof-papers", "12.00", "11.75", tax="press"),
    Good("proof-shelter", "10.01", "8.35", tax="digital", every=3),
)
GOODS = {good.code: good for good in (*PLANS, *OPTIONS)}


def account(buyer: Buyer) -> Account:
    """New, so that its cycle day is that of its first activation."""
    return Account(buyer, None, RATES)


def item(code: str, buyer: Buyer, *, new_line: bool, renewed: bool = False) -> Item:
    """What is bought, with what a new line gets for it and pays once with the order, or with what
    is given for a new commitment."""
    good = GOODS[code]
    charges: list[Charge] = [Recurring(good.fee, good.price(buyer), good.tax, good.every)]
    if good.included is not None:
        charges.append(Usage("minutes", MINUTE, Decimal(good.included), good.tax))
    benefits: tuple[Benefit, ...] = ()
    if new_line:
        benefits = tuple(_benefits(good, good.given))
        if good.start:
            charges.append(OneOff(good.once, Decimal(good.start), good.tax, at_order=True))
    elif renewed:
        benefits = tuple(_benefits(good, (RENEWED,)))
    asked = new_line and buyer is Buyer.CONSUMER and good in OPTIONS and FREE in good.given
    return Item(code, tuple(charges), benefits, asked=asked)


def sim(buyer: Buyer) -> Item:
    """The eSIM of a new line, of which nothing is due later."""
    return Item(SIM, (OneOff("price", SIM_PRICE[buyer], "telecom", at_order=True),))


_EFFECTS = {
    "percent_off": Effect.PERCENT_OFF,
    "amount_off": Effect.AMOUNT_OFF,
    "fixed_price": Effect.AT_PRICE,
}


def _benefits(good: Good, all_given: tuple[Given, ...]) -> Iterator[Benefit]:
    for number, given in enumerate(all_given):
        yield Benefit(
            f"{good.code}-{number}",
            good.fee,
            _EFFECTS[given.kind],
            Decimal(given.value),
            given.months,
            given.first,
        )


def catalogue() -> dict[str, Any]:
    """Offerings and promotions, to be laid beside the bundles and recipes of the demonstration."""
    return {
        "offerings": [
            *(_offering(good, kind="plan", recipe="mobile-line") for good in PLANS),
            *(_offering(good, kind="option", recipe="option") for good in OPTIONS),
        ],
        "promotions": [
            *(one for good in GOODS.values() for one in _promotions(good)),
            _for_renewing(),
        ],
    }


_PLAN = {
    "form": "plan", "colour_hex": "#07634f", "network": "4G", "level": 1, "data_gb": 40,
    "europe_gb": 15, "calls": "two-hours", "messages": "unlimited", "with_handset": True,
    "download_mbps": 300, "upload_mbps": 50,
}  # fmt: skip


def _offering(good: Good, *, kind: str, recipe: str) -> dict[str, Any]:
    text = {"fr": good.code, "en": good.code}
    return {
        "code": good.code,
        "kind": kind,
        "category": "forfaits" if kind == "plan" else "options",
        "name": text,
        "summary": text,
        "recipe": recipe,
        "characteristics": _PLAN if kind == "plan" else {"form": "shield", "colour_hex": "#07634f"},
        "charges": list(_charges(good)),
        **({"terms": [0, 12, 24]} if kind == "plan" else {}),
    }


def _charges(good: Good) -> Iterator[dict[str, Any]]:
    shared = {"tax_class": good.tax}
    yield {
        **shared,
        "code": good.fee,
        "kind": "recurring",
        "every_months": good.every,
        "consumer": Decimal(good.consumer),
        "business": Decimal(good.business),
    }
    if good.included is not None:
        yield {
            **shared,
            "code": "minutes",
            "kind": "usage",
            "unit": "minute",
            "included": good.included,
            "consumer": MINUTE,
            "business": MINUTE,
        }
    if good.start:
        price = Decimal(good.start)
        start = {"code": good.once, "kind": "one_off"}
        yield {**shared, **start, "consumer": price, "business": price}


def _promotions(good: Good) -> Iterator[dict[str, Any]]:
    for number, given in enumerate(good.given):
        new_line = {"fact": "item.new_line", "is": True}
        yield _promotion(
            f"{good.code}-{number}",
            given,
            when=[{"fact": "codes", "includes": good.code}, new_line],
            trigger={"offerings": [good.code]},
            target={"fact": "line.code", "is": good.code},
            priority=20 - number,
        )


def _for_renewing() -> dict[str, Any]:
    return _promotion(
        "proof-renewed",
        RENEWED,
        when=[{"fact": "item.renewal", "is": True}],
        target={"fact": "line.kind", "is": "plan"},
        priority=0,
    )


def _promotion(
    code: str, given: Given, *, when: list[Any], target: dict[str, Any], priority: int, **more: Any
) -> dict[str, Any]:
    periods = {} if given.months is None else {"periods": given.months}
    benefit = {
        "target": target,
        "charge": "recurring",
        "kind": given.kind,
        "value": Decimal(given.value),
        "first": given.first,
        **periods,
    }
    return {
        "code": code,
        "version": 1,
        "name": {"fr": code, "en": code},
        "when": {"all": when},
        **more,
        "benefits": [benefit],
        "group": code,
        "priority": priority,
    }
