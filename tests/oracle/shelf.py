"""What is sold and at which list price, read from the catalogue as it is written in its files."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Data = Mapping[str, Any]
PARIS = ZoneInfo("Europe/Paris")
NUMBERS = (int, float, Decimal, Fraction)
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def cents(amount: object) -> Fraction:
    """Euros as they are written, in cents."""
    return Fraction(str(amount)) * 100


def half_up(value: Fraction) -> int:
    """To the whole cent; never asked for less than nothing."""
    return int(value + Fraction(1, 2))


def instant(written: object) -> datetime:
    """A day begins at midnight in Paris; an instant is one."""
    text = str(written)
    if len(text) == 10:
        day = datetime.fromisoformat(text).date()
        return datetime.combine(day, time(0), PARIS).astimezone(UTC)
    return datetime.fromisoformat(text).astimezone(UTC)


def holds_at(dated: Data, at: datetime) -> bool:
    """Between `valid_from` and `valid_until`; the last is the first instant that doesn't count."""
    begins, ends = dated.get("valid_from"), dated.get("valid_until")
    return (begins is None or instant(begins) <= at) and (ends is None or at < instant(ends))


def things_sold(catalogue: Data) -> dict[str, dict[str, Any]]:
    """Offerings and variants by code, each with all that its family and specification say."""
    specifications = catalogue.get("specifications", {})
    written = [dict(entry) for entry in catalogue.get("offerings", [])]
    for family in catalogue.get("families", []):
        shared = _specified(family, specifications)
        for variant in family["variants"]:
            written.append(
                {
                    **shared,
                    **variant,
                    "family": family["code"],
                    "characteristics": {
                        **shared.get("characteristics", {}),
                        **variant.get("characteristics", {}),
                    },
                    "charges": [*shared.get("charges", []), *variant.get("charges", [])],
                }
            )
    return {entry["code"]: _specified(entry, specifications) for entry in written}


def _specified(entry: Data, specifications: Data) -> dict[str, Any]:
    base = specifications.get(entry.get("specification", ""), {})
    traits = {**base.get("characteristics", {}), **entry.get("characteristics", {})}
    return {**base, **entry, "characteristics": traits}


def bundles_of(catalogue: Data) -> dict[str, Data]:
    return {bundle["code"]: bundle for bundle in catalogue.get("bundles", [])}


def nested_codes(bundles: Mapping[str, Data], code: str) -> list[str]:
    """The bundle and all that are nested in it, the outer one first."""
    found = [code]
    for slot in bundles[code].get("slots", []):
        if slot.get("bundle"):
            found += nested_codes(bundles, slot["bundle"])
    return found


def slots_of(bundles: Mapping[str, Data], code: str) -> dict[str, Data]:
    """The places of a bundle by role; one of its own replaces a nested one of the same role."""
    found: dict[str, Data] = {}
    for slot in bundles[code].get("slots", []):
        if slot.get("bundle"):
            found = {**slots_of(bundles, slot["bundle"]), **found}
    own = {slot["role"]: slot for slot in bundles[code].get("slots", []) if slot.get("role")}
    return {**found, **own}


def list_charges(
    thing: Data,
    *,
    role: str,
    segment: str,
    term: int,
    channel: str,
    at: datetime,
    levels: list[Data],
) -> list[dict[str, Any]]:
    """One charge per code with its `list` price in cents: of all that apply, the most specific.

    `levels` are the bundle that the thing stands in and those nested in it, the outer one first.
    Usage charges are left out: nobody knows today what will be used.
    """
    best: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
    for rank, charge in _asked(thing, role=role, segment=segment, levels=levels):
        if charge.get("terms") and term not in charge["terms"]:
            continue
        if charge.get("channels") and channel not in charge["channels"]:
            continue
        if not holds_at(charge, at):
            continue
        begins = instant(charge["valid_from"]) if charge.get("valid_from") else LONG_AGO
        weight = (rank, bool(charge.get("terms")), bool(charge.get("channels")), begins)
        if charge["code"] not in best or weight > best[charge["code"]][0]:
            best[charge["code"]] = (weight, dict(charge))
    chosen = [charge for _, charge in best.values() if charge["kind"] != "usage"]
    for charge in chosen:
        charge["list"] = half_up(cents(charge[segment]))
    return chosen


def _asked(
    thing: Data, *, role: str, segment: str, levels: list[Data]
) -> list[tuple[int, dict[str, Any]]]:
    """The charges that say a price for the segment, with how close their bundle is."""
    codes = [level["code"] for level in levels]
    found = []
    for charge in thing.get("charges", []):
        bundle = charge.get("in_bundle")
        if segment in charge and (bundle is None or bundle in codes):
            depth = 0 if bundle is None else 2 * (len(codes) - codes.index(bundle))
            found.append((depth, dict(charge)))
    for depth, level in enumerate(levels):
        for price in level.get("prices", []):
            if price["role"] == role and segment in price and _fits(price, thing, role):
                for plain in thing.get("charges", []):
                    if plain["code"] == price["code"]:
                        same = {"kind": plain["kind"], "tax_class": plain["tax_class"]}
                        every = plain.get("every_months", 1)
                        found.append(
                            (
                                2 * (len(levels) - depth) - 1,
                                {**same, "every_months": every, **price},
                            )
                        )
                        break
    return found


def _fits(price: Data, thing: Data, role: str) -> bool:
    wanted = price.get("offerings")
    return wanted is None or holds(wanted, facts_of_thing(thing, role))


def facts_of_thing(thing: Data, role: str) -> dict[str, Any]:
    facts = {f"{role}.{name}": value for name, value in thing["characteristics"].items()}
    facts |= {f"{role}.{name}": thing[name] for name in ("code", "kind", "category")}
    if thing.get("family"):
        facts[f"{role}.family"] = thing["family"]
    return facts


def holds(expression: Data | None, facts: Data) -> bool:
    """A tree of all, any, not and tests; nothing at all is always true."""
    if not expression:
        return True
    if "all" in expression:
        return all(holds(part, facts) for part in expression["all"])
    if "any" in expression:
        return any(holds(part, facts) for part in expression["any"])
    if "not" in expression:
        return not holds(expression["not"], facts)
    (operator,) = (key for key in expression if key != "fact")
    fact, value = facts.get(expression["fact"]), expression[operator]
    if operator == "absent":
        return fact is None
    if fact is None:
        return False
    if operator == "includes_fact":
        other = facts.get(value)
        return other is not None and other in _many(fact)
    match operator:
        case "is":
            return _same(fact, value)
        case "is_not":
            return not _same(fact, value)
        case "in":
            return any(_same(fact, one) for one in value)
        case "includes":
            return any(_same(one, value) for one in _many(fact))
        case "at_least":
            return bool(_size(fact) >= _size(value))
    assert operator == "at_most", operator
    return bool(_size(fact) <= _size(value))


def _many(fact: Any) -> list[Any]:
    return list(fact) if isinstance(fact, (list, tuple, set)) else [fact]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, NUMBERS) and isinstance(other, NUMBERS):
        return bool(_size(one) == _size(other))
    return bool(one == other)


def _size(value: Any) -> Any:
    """Numbers by size; days and times by their text."""
    return Fraction(str(value)) if not isinstance(value, str) else value
