"""Carts, promotions, customers and days by chance; one seed gives one case, for ever the same."""

import random
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from catalogue.importer.sources import read

Data = dict[str, Any]

BASE = Path(__file__).with_name("catalogue.yaml")
PRICE_LISTS = 12

STARTS = (
    *(date(2026, 1, day) for day in (28, 29, 30, 31)),
    *(date(2026, month, 31) for month in (3, 5, 8, 12)),
    *(date(2027, 11, day) for day in (29, 30)),
    *(date(2027, 2, 28), date(2028, 2, 28), date(2028, 2, 29), date(2027, 12, 31)),
    *(date(2026, 3, 29), date(2026, 10, 25), date(2027, 3, 28), date(2027, 10, 31)),
)
"""Ends of months, leap days and both changes of the clocks."""
INSTANTS = (
    datetime(2026, 3, 28, 23, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2026, 10, 24, 21, 59, tzinfo=UTC),
    datetime(2026, 10, 24, 22, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 0, tzinfo=UTC),
    datetime(2026, 11, 27, 22, 59, tzinfo=UTC),
    datetime(2026, 11, 27, 23, 0, tzinfo=UTC),
)
DAYS = ("2026-03-29", "2026-10-25", "2026-11-28", "2027-01-01")
WORDS = ("RENTREE", "FLASH")
PLANS, HANDSETS, SIMS = ("tide", "pond"), ("rook-red", "rook-blue"), ("chip", "esim")
ACCESSORIES = ("shell", "buds", "strap", "atlas")
OPTIONS, CONTENTS = ("insurance", "help", "travel"), ("music", "screen", "gazette")
KINDS = ("plan", "handset", "accessory", "option", "content", "sim")
RECURRING = ("plan", "option", "content")


@dataclass(frozen=True)
class Case:
    seed: int
    catalogue: Data
    price_list: int
    promotions: tuple[Data, ...]
    cart: Data
    customer: Data
    at: datetime
    activation: date
    cycle_day: int | None


def case(seed: int) -> Case:
    chance = random.Random(seed)
    price_list = chance.randrange(PRICE_LISTS)
    segment = chance.choice(("consumer", "consumer", "business"))
    promotions = tuple(_promotion(chance, n) for n in range(chance.choice((0, 1, 2, 3, 4, 5, 6))))
    if chance.random() < 0.2:
        promotions += _rivals(chance)
    if chance.random() < 0.2:
        promotions += _threshold(chance)
    return Case(
        seed=seed,
        catalogue=catalogue(price_list),
        price_list=price_list,
        promotions=promotions,
        cart=_cart(chance, segment),
        customer=_customer(chance),
        at=chance.choice(INSTANTS)
        if chance.random() < 0.5
        else datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(800 * 24 * 60)),
        activation=chance.choice(STARTS)
        if chance.random() < 0.6
        else date(2026, 1, 1) + timedelta(days=chance.randrange(1200)),
        cycle_day=chance.randint(1, 28) if chance.random() < 0.35 else None,
    )


@cache
def catalogue(price_list: int) -> Data:
    """The catalogue of the file with other prices; list 0 has those of the file."""
    data: Data = deepcopy(read(BASE).data)
    if price_list:
        chance = random.Random(f"prices {price_list}")
        for part in _priced(data):
            for segment in ("consumer", "business"):
                if part.get(segment):
                    part[segment] = _near(chance, Decimal(str(part[segment])))
    return data


def _priced(data: Data) -> list[Data]:
    """All that says amounts: charges of offerings and variants, prices of bundles."""
    variants = [v for family in data["families"] for v in family["variants"]]
    charges = [c for thing in (*data["offerings"], *variants) for c in thing["charges"]]
    return [
        *(charge for charge in charges if charge["kind"] != "usage"),
        *(price for bundle in data["bundles"] for price in bundle.get("prices", [])),
    ]


def _near(chance: random.Random, amount: Decimal) -> Decimal:
    cents = int(amount * 100)
    return Decimal(chance.randint(max(1, cents // 2), cents * 2)) / 100


def _cart(chance: random.Random, segment: str) -> Data:
    lines: list[Data] = []
    bundles = {}
    for group in ("g1", "g2")[: chance.choice((0, 1, 1, 1, 2))]:
        kinds = ("plan-only", "phone-and-plan", "phone-and-plan")
        bundle = "fleet-line" if segment == "business" else chance.choice(kinds)
        bundles[group] = bundle
        lines += _bundle(chance, group, bundle)
    for _ in range(chance.choice((0, 0, 1, 2, 3)) if lines else chance.randint(1, 4)):
        offering = chance.choice((*ACCESSORIES, *OPTIONS, *CONTENTS, *HANDSETS, *SIMS))
        lines.append({"offering": offering, "quantity": chance.choice((1, 1, 2, 3, 7))})
    if not bundles and chance.random() < 0.4:
        lines.append({"offering": chance.choice(PLANS), "term": chance.choice((0, 24))})
    chance.shuffle(lines)
    numbered = [{"id": f"l{n}", **line} for n, line in enumerate(lines)]
    return {
        "segment": segment,
        "channel": chance.choice(("web", "call_centre")),
        "codes": [w.swapcase() if chance.random() < 0.3 else w for w in _some(chance, WORDS)],
        "bundles": bundles,
        "lines": numbered,
        "used_up": [f"p{chance.randrange(6)}"] if chance.random() < 0.1 else [],
        "single_use": [f"p{chance.randrange(6)}"] if chance.random() < 0.3 else [],
        "retention": [f"p{chance.randrange(6)}"] if chance.random() < 0.3 else [],
    }


def _bundle(chance: random.Random, group: str, bundle: str) -> list[Data]:
    plan = chance.choice(PLANS)
    term = chance.choice((0, 12, 24) if plan == "tide" else (0, 24))
    chosen: list[Data] = [
        {
            "role": "plan",
            "offering": plan,
            "term": term,
            "number": chance.choice(("new", "new", "port", "keep")),
        }
    ]
    if bundle == "phone-and-plan" or (bundle == "fleet-line" and chance.random() < 0.5):
        chosen.append({"role": "handset", "offering": chance.choice(HANDSETS)})
    if chance.random() < 0.85:
        chosen.append({"role": "sim", "offering": chance.choice(SIMS)})
    if bundle != "plan-only":
        for offering in _some(chance, ACCESSORIES):
            quantity = chance.choice((1, 1, 2, 3))
            chosen.append({"role": "accessory", "offering": offering, "quantity": quantity})
    chosen += [{"role": "option", "offering": code} for code in _some(chance, OPTIONS)]
    chosen += [{"role": "content", "offering": code} for code in _some(chance, CONTENTS)]
    return [{"group": group, **line} for line in chosen]


def _some(chance: random.Random, things: tuple[str, ...]) -> list[str]:
    return [thing for thing in things if chance.random() < 0.35]


def _customer(chance: random.Random) -> Data:
    known = chance.random() < 0.6
    found: Data = {
        "known": known,
        "tenure_months": chance.choice((3, 24, 30)) if known else 0,
        "lines": chance.choice((0, 1, 2)) if known else 0,
        "owns": _some(chance, ("music", "tide")) if known else [],
    }
    if known and chance.random() < 0.5:
        found["months_to_commitment_end"] = chance.choice((0, 3, 9))
    return found


def _promotion(chance: random.Random, number: int) -> Data:
    found: Data = {
        "code": f"p{number}",
        "name": {"fr": f"P{number}", "en": f"P{number}"},
        "benefits": [_benefit(chance) for _ in range(chance.choice((1, 1, 1, 2)))],
        "group": chance.choice(("g", "g", "h", f"own{number}", f"own{number}")),
        "priority": chance.choice((0, 0, 10, -5)),
        "exclusive": chance.random() < 0.15,
    }
    if chance.random() < 0.8:
        found["when"] = _when(chance)
    way = chance.random()
    if way < 0.1:
        found["requires_code"] = chance.choice(WORDS).title()
    elif way < 0.15:
        found["single_use"] = True
    elif way < 0.2:
        found["reasons"] = ["price"]
    elif way < 0.3:
        found["trigger"] = chance.choice(
            (
                {"kinds": ["accessory", "content"]},
                {"bundles": ["plan-only", "fleet-line"]},
                {"offerings": ["music", "tide"]},
                {"categories": ["plans", "sounds"]},
            )
        )
    if chance.random() < 0.2:
        found["valid_from"] = chance.choice(DAYS)
    if chance.random() < 0.2:
        found["valid_until"] = chance.choice((*DAYS, "2026-11-27T23:30:00+01:00"))
    return found


def _rivals(chance: random.Random) -> tuple[Data, Data]:
    """Much for some months against little for good: which is more depends on the commitment."""
    plan = {"fact": "line.kind", "is": "plan"}
    much = {"kind": "percent_off", "value": chance.choice((50, 75, 100))}
    much["periods"] = chance.randint(2, 10)
    little = {"kind": "amount_off", "value": _cents(chance, 100, 800)}
    return (
        _simple("much", {"charge": "recurring", "target": plan, **much}, group="rivals"),
        _simple("little", {"charge": "recurring", "target": plan, **little}, group="rivals"),
    )


def _threshold(chance: random.Random) -> tuple[Data, Data]:
    """A great deal off, and a gift from an amount on that counts before it."""
    anything = {"charge": "one_off", "target": None}
    least = {"fact": "cart.list_today", "at_least": chance.randint(10, 400)}
    return (
        _simple("great", {"kind": "percent_off", "value": 60, **anything}, priority=20),
        _simple("gift", {"kind": "amount_off", "value": 1, **anything}, when=least),
    )


def _simple(code: str, benefit: Data, **more: Any) -> Data:
    return {"code": code, "name": {"fr": code, "en": code}, "benefits": [benefit], **more}


def _when(chance: random.Random) -> Data:
    parts = [_test(chance) for _ in range(chance.choice((1, 1, 2)))]
    if len(parts) == 1:
        return parts[0] if chance.random() < 0.9 else {"not": parts[0]}
    return {chance.choice(("all", "any")): parts}


def _test(chance: random.Random) -> Data:
    tests: tuple[Data, ...] = (
        {"fact": "codes", "includes": chance.choice((*ACCESSORIES, *CONTENTS, "tide"))},
        {"fact": "kinds", "includes": chance.choice(KINDS)},
        {"fact": "roles", "includes": chance.choice(KINDS)},
        {"fact": "categories", "includes": chance.choice(("phones", "cases", "sounds"))},
        {"fact": "plan.category", "is": "plans"},
        {"fact": "plan.level", "at_least": 2},
        {"fact": "handset.level", "at_most": 2},
        {"fact": "handset.family", "is": "rook"},
        {"fact": "handset.code", "is": "rook-red"},
        {"fact": "sim.code", "is_not": "chip"},
        {"fact": "bundle.code", "in": ["plan-only", "phone-and-plan"]},
        {"fact": "bundle.codes", "includes": "plan-only"},
        {"fact": "bundle.complete", "is": True},
        {"fact": "bundle.code", "absent": True},
        {"fact": "customer.segment", "is": chance.choice(("consumer", "business"))},
        {"fact": "customer.known", "is": True},
        {"fact": "customer.tenure_months", "at_least": 24},
        {"fact": "customer.lines", "at_least": 1},
        {"fact": "customer.months_to_commitment_end", "at_most": 3},
        {"fact": "customer.owns", "includes": "music"},
        {"fact": "cart.channel", "is": "call_centre"},
        {"fact": "cart.codes", "includes": "FLASH"},
        {"fact": "cart.count.accessory", "at_least": 3},
        {"fact": "cart.quantity.buds", "at_least": 2},
        {"fact": "cart.list_today", "at_least": chance.choice((50, 100, 250))},
        {"fact": "cart.list_monthly", "at_most": 30},
        {"fact": "bundle.list_today", "at_least": chance.choice((30, 200))},
        {"fact": "bundle.list_monthly", "at_least": 20},
        {"fact": "term_months", "in": [12, 24]},
        {"fact": "term_months", "is": 24},
        {"fact": "item.new_line", "is": True},
        {"fact": "item.port_in", "is": True},
        {"fact": "item.renewal", "is": chance.choice((True, False))},
        {"fact": "at.weekday", "in": ["saturday", "sunday"]},
        {"fact": "at.date", "at_least": "2026-10-25"},
        {"fact": "at.time", "at_most": "02:30"},
    )
    return chance.choice(tests)


def _benefit(chance: random.Random) -> Data:
    kind = chance.choice(
        ("percent_off", "percent_off", "amount_off", "fixed_price", "free_item", "bundle_price")
    )
    charge = chance.choice(("one_off", "recurring"))
    found: Data = {"kind": kind, "charge": charge}
    if charge == "recurring" and chance.random() < 0.7:
        found["first"] = chance.choice((1, 1, 1, 2, 4, 13))
        if chance.random() < 0.8:
            found["periods"] = chance.choice((1, 2, 3, 6, 12, 24))
    if kind == "bundle_price":
        items = [
            {"target": _target(chance, charge), "pieces": chance.choice((1, 1, 1, 2, 3))}
            for _ in range(chance.choice((1, 2, 2, 3)))
        ]
        value = _cents(chance, 1, 5000)
        return {**found, "value": value, "items": items, **_most(chance)}
    found["target"] = _target(chance, charge)
    if kind == "free_item":
        found |= {
            "buy": chance.choice((0, 1, 2)),
            "free": chance.choice((1, 1, 2)),
            "pick": chance.choice(("cheapest", "dearest")),
            **_most(chance),
        }
        if chance.random() < 0.5:
            found["value"] = chance.choice((50, 100, "33.3"))
    elif kind == "percent_off":
        found["value"] = chance.choice((100, 50, 10, 20, "12.5", chance.randint(0, 100)))
    else:
        found["value"] = _cents(chance, 0, 4000)
    return found


def _most(chance: random.Random) -> Data:
    return {"most": chance.choice((1, 2))} if chance.random() < 0.4 else {}


def _cents(chance: random.Random, least: int, most: int) -> str:
    return str(Decimal(chance.randint(least, most)) / 100)


def _target(chance: random.Random, charge: str) -> Data:
    kinds = RECURRING if charge == "recurring" else ("handset", "accessory", "sim", "plan")
    codes = (*OPTIONS, *CONTENTS) if charge == "recurring" else ACCESSORIES
    return chance.choice(
        (
            {"fact": "line.kind", "is": chance.choice(kinds)},
            {"fact": "line.kind", "is": chance.choice(kinds)},
            {"fact": "line.code", "is": chance.choice(codes)},
            {"fact": "line.category", "in": ["cases", "sounds", "plans"]},
            {"fact": "line.quantity", "at_least": 2},
            {"fact": "line.role", "is": chance.choice(kinds)},
            {"fact": "line.brand", "is": "Rook"},
            {"not": {"fact": "line.charge", "is": chance.choice(("activation", "channels"))}},
        )
    )
