"""What a cart costs, from the written rules alone: small, slow, sharing nothing with the engine.

The rules: docs/promotions.md, docs/catalogue-format.md, docs/decisions/0003, 0004 and 0006. Only
the standard library is used; every combination of promotions is tried, every piece stands for
itself, every month and every day is gone through.

A cart is a dict: `segment`, `channel`, `codes`, `bundles` (the bundle of each group) and `lines`
with `id`, `offering`, `quantity`, `group`, `role`, `term`, `number` (new, port or keep).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from tests.oracle.bills import Line, bill_lines, parts_of
from tests.oracle.giving import Piece, given, taken, to_pay
from tests.oracle.shelf import (
    PARIS,
    Data,
    bundles_of,
    facts_of_thing,
    half_up,
    holds,
    holds_at,
    list_charges,
    nested_codes,
    slots_of,
    things_sold,
)

RATES = {
    "goods": Fraction(20),
    "telecom": Fraction(20),
    "digital": Fraction(20),
    "tv": Fraction(10),
    "press": Fraction(21, 10),
    "exempt": Fraction(0),
}
YEAR = 12
SINGLE = ("handset", "plan", "sim")


@dataclass(frozen=True)
class Tax:
    rate: Fraction
    net: int
    tax: int
    gross: int


@dataclass(frozen=True)
class Answer:
    """All in cents; `due_today`, `commitment` and lines in the buyer's basis.

    `applied` has (group, promotion); `months` the first day of each contract month.
    """

    due_today: int
    tax_today: tuple[Tax, ...]
    bills: tuple[Line, ...]
    commitment: int
    applied: tuple[tuple[str, str], ...]
    months: tuple[tuple[int, date], ...]

    def bill(self, period: int) -> int:
        return sum(line.amount for line in self.bills if line.period == period)


@dataclass
class Unit:
    """One bundle instance, or all lines outside bundles."""

    group: str
    lines: list[Data]
    term: int
    bundle: str | None
    pieces: list[Piece]
    facts: dict[str, Any]


def answer(
    *,
    catalogue: Data,
    promotions: Sequence[Data],
    cart: Data,
    customer: Data,
    at: datetime,
    activation: date,
    cycle_day: int | None = None,
    periods: int = 36,
) -> Answer:
    """`cycle_day` is that of the account that is joined; none: a new account."""
    day = cycle_day or min(activation.day, 28)
    units = _units(cart, catalogue, customer, at)
    longest = max((unit.term for unit in units), default=0) or YEAR
    today, total = 0, 0
    at_once: Counter[str] = Counter()
    bills: list[Line] = []
    applied: list[tuple[str, str]] = []
    for unit in units:
        open_ones = [p for p in promotions if _is_open(p, unit, cart, at)]
        chosen = given(open_ones, unit.pieces, months=unit.term or YEAR)
        applied += [(unit.group, one.code) for one in chosen]
        total += to_pay(chosen, unit.pieces, months=longest)
        off = taken(chosen, unit.pieces, month=1)
        for i, piece in enumerate(unit.pieces):
            if piece["kind"] == "one_off":
                price = piece["list"] - sum(cents for (j, _), cents in off.items() if j == i)
                today += price
                at_once[piece["tax_class"]] += price
        bills += bill_lines(
            unit.pieces, chosen, activation=activation, cycle_day=day, count=periods
        )
    return Answer(
        due_today=today,
        tax_today=taxes(at_once, with_tax=cart["segment"] == "consumer"),
        bills=tuple(line for line in bills if line.period <= periods),
        commitment=total,
        applied=tuple(sorted(applied)),
        months=tuple(
            (part.month, part.start)
            for part in parts_of(activation=activation, cycle_day=day, every=1, count=periods)
        ),
    )


def taxes(by_class: Mapping[str, int], *, with_tax: bool) -> tuple[Tax, ...]:
    """Once per rate, the highest first."""
    sums: Counter[Fraction] = Counter()
    for tax_class, amount in by_class.items():
        sums[RATES[tax_class]] += amount
    found = []
    for rate, amount in sorted(sums.items(), reverse=True):
        if with_tax:
            net = half_up(Fraction(amount) / (1 + rate / 100))
            found.append(Tax(rate, net, amount - net, amount))
        else:
            tax = half_up(amount * rate / 100)
            found.append(Tax(rate, amount, tax, amount + tax))
    return tuple(found)


def _units(cart: Data, catalogue: Data, customer: Data, at: datetime) -> list[Unit]:
    things, bundles = things_sold(catalogue), bundles_of(catalogue)
    groups = sorted({line.get("group", "") for line in cart["lines"]})
    units = []
    for group in groups:
        lines: list[Data] = [
            {**line, "role": line.get("role") or things[line["offering"]]["kind"]}
            for line in cart["lines"]
            if line.get("group", "") == group
        ]
        bundle = cart.get("bundles", {}).get(group) if group else None
        terms = [int(ln.get("term", 0)) for ln in lines if things[ln["offering"]]["kind"] == "plan"]
        unit = Unit(group, lines, max(terms, default=0), bundle, [], {})
        levels = [bundles[code] for code in nested_codes(bundles, bundle)] if bundle else []
        for line in sorted(lines, key=lambda line: (line["offering"], line["id"])):
            unit.pieces += _pieces(line, things[line["offering"]], unit, cart, levels, at)
        units.append(unit)
    shared = _facts_of_all(cart, customer, units, things, at)
    for unit in units:
        unit.facts = {**_facts_of_unit(unit, things, bundles), **shared}
    return units


def _pieces(
    line: Data, thing: Data, unit: Unit, cart: Data, levels: list[Data], at: datetime
) -> list[Piece]:
    alike = [
        int(other.get("quantity", 1))
        for other in unit.lines
        if (other["offering"], other["role"]) == (line["offering"], line["role"])
    ]
    charges = list_charges(
        thing,
        role=line["role"],
        segment=cart["segment"],
        term=unit.term,
        channel=cart["channel"],
        at=at,
        levels=levels,
    )
    if line.get("number") == "keep":
        charges = [charge for charge in charges if charge["kind"] != "one_off"]
    own = facts_of_thing(thing, "line")
    return [
        {
            "line": line["id"],
            "offering": line["offering"],
            "role": line["role"],
            "charge": charge["code"],
            "kind": charge["kind"],
            "every": int(charge.get("every_months", 1)),
            "list": charge["list"],
            "tax_class": charge["tax_class"],
            "facts": {
                **own,
                "line.role": line["role"],
                "line.charge": charge["code"],
                "line.quantity": sum(alike),
            },
        }
        for charge in charges
        for _ in range(int(line.get("quantity", 1)))
    ]


def _facts_of_unit(unit: Unit, things: Mapping[str, Data], bundles: Mapping[str, Data]) -> Data:
    mine = [things[line["offering"]] for line in unit.lines]
    numbers = {
        line.get("number", "new")
        for line in unit.lines
        if things[line["offering"]]["kind"] == "plan"
    }
    facts: dict[str, Any] = {
        "codes": [thing["code"] for thing in mine],
        "kinds": [thing["kind"] for thing in mine],
        "categories": [thing["category"] for thing in mine],
        "roles": [line["role"] for line in unit.lines],
        "term_months": unit.term,
        "item.new_line": bool(numbers - {"keep"}),
        "item.port_in": "port" in numbers,
        "item.renewal": "keep" in numbers,
        "bundle.list_today": _list_today(unit.pieces),
        "bundle.list_monthly": _list_monthly(unit.pieces),
    }
    for line, thing in sorted(zip(unit.lines, mine, strict=True), key=_last_counts_least):
        if line["role"] in SINGLE:
            facts |= facts_of_thing(thing, line["role"])
    if unit.bundle:
        facts["bundle.code"] = unit.bundle
        facts["bundle.codes"] = nested_codes(bundles, unit.bundle)
        facts["bundle.complete"] = all(
            _in_role(unit, role) >= int(slot.get("minimum", 1))
            for role, slot in slots_of(bundles, unit.bundle).items()
        )
    return facts


def _last_counts_least(pair: tuple[Data, Data]) -> tuple[int, ...]:
    """Of several plans, phones or SIMs the first in the alphabet is the one that is meant."""
    return tuple(-ord(letter) for letter in pair[1]["code"])


def _in_role(unit: Unit, role: str) -> int:
    return sum(int(ln.get("quantity", 1)) for ln in unit.lines if ln["role"] == role)


def _list_today(pieces: Sequence[Piece]) -> Fraction:
    return Fraction(sum(p["list"] for p in pieces if p["kind"] == "one_off"), 100)


def _list_monthly(pieces: Sequence[Piece]) -> Fraction:
    recurring = [p for p in pieces if p["kind"] == "recurring"]
    return sum((Fraction(p["list"], 100 * p["every"]) for p in recurring), Fraction(0))


def _facts_of_all(
    cart: Data, customer: Data, units: list[Unit], things: Mapping[str, Data], at: datetime
) -> Data:
    here = at.astimezone(PARIS)
    pieces = [piece for unit in units for piece in unit.pieces]
    facts: dict[str, Any] = {f"customer.{name}": value for name, value in customer.items()}
    facts |= {
        "customer.segment": cart["segment"],
        "cart.channel": cart["channel"],
        "cart.codes": [code.upper() for code in cart.get("codes", [])],
        "cart.list_today": _list_today(pieces),
        "cart.list_monthly": _list_monthly(pieces),
        "at.date": here.date().isoformat(),
        "at.weekday": here.strftime("%A").lower(),
        "at.time": here.strftime("%H:%M"),
    }
    for line in cart["lines"]:
        names = (f"quantity.{line['offering']}", f"count.{things[line['offering']]['kind']}")
        for name in (f"cart.{name}" for name in names):
            facts[name] = facts.get(name, 0) + int(line.get("quantity", 1))
    return facts


def _is_open(promotion: Data, unit: Unit, cart: Data, at: datetime) -> bool:
    """Whether the unit may have it, whatever it would save."""
    word = promotion.get("requires_code")
    if word is not None and word.upper() not in unit.facts["cart.codes"]:
        return False
    if promotion.get("single_use") and promotion["code"] not in cart.get("single_use", ()):
        return False
    if promotion.get("reasons") and promotion["code"] not in cart.get("retention", ()):
        return False
    if promotion["code"] in cart.get("used_up", ()):
        return False
    return (
        holds_at(promotion, at)
        and _triggered(promotion.get("trigger"), unit.facts)
        and holds(promotion.get("when"), unit.facts)
    )


def _triggered(trigger: Data | None, facts: Data) -> bool:
    """Looked at only when one of the things that it names is there."""
    if not trigger:
        return True
    there = {
        "codes": facts["codes"],
        "offerings": facts["codes"],
        "kinds": facts["kinds"],
        "categories": facts["categories"],
        "bundles": [facts.get("bundle.code")],
    }
    return any(set(wanted) & set(there[name]) for name, wanted in trigger.items())
