"""What differs between two releases: by offering, price, promotion, rule. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from catalogue.domain.document import Document


class What(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """`field` is empty where the whole thing came or went; `before` and `after` are JSON values.

    A price is named by all that makes it another price: its code, segment, terms, bundle, times.
    """

    section: str
    code: str
    what: What
    field: str = ""
    before: Any = None
    after: Any = None


SECTIONS = ("offerings", "rules", "promotions", "next_offers")
MAPPINGS = ("categories", "families", "labels", "units", "recipes", "tax_rates")
_DERIVED = ("pack_lines",)
"""Made of the bundles that they name, and different where those are."""
_PRICE_NAME = ("code", "segment", "in_bundle", "terms", "channels", "valid_from", "valid_until")


def differences(before: Document, after: Document) -> tuple[Difference, ...]:
    """Offerings, rules, promotions, next best offers, then what they share; each by code."""
    found: list[Difference] = []
    for section in SECTIONS:
        old, new = (_by_code(each.get(section, ()), section) for each in (before, after))
        found += _of_section(section, old, new)
    for section in MAPPINGS:
        found += _of_section(section, dict(before.get(section, {})), dict(after.get(section, {})))
    for section in sorted((before.keys() | after.keys()) - {*SECTIONS, *MAPPINGS, *_DERIVED}):
        if before.get(section) != after.get(section):
            values = before.get(section), after.get(section)
            found.append(Difference(section, "", What.CHANGED, "", *values))
    return tuple(found)


def _of_section(
    section: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    for code in sorted(old.keys() | new.keys()):
        if code not in new:
            yield Difference(section, code, What.REMOVED)
        elif code not in old:
            yield Difference(section, code, What.ADDED)
        elif old[code] != new[code]:
            yield from _of_thing(section, code, old[code], new[code])


def _of_thing(section: str, code: str, old: Any, new: Any) -> Iterator[Difference]:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping) or _is_number(old):
        yield Difference(section, code, What.CHANGED, "", old, new)
        return
    for name in sorted(old.keys() | new.keys()):
        first, second = old.get(name), new.get(name)
        if first == second:
            continue
        if name == "charges":
            yield from _of_prices(section, code, first or (), second or ())
        elif name in ("name", "summary", "description", "characteristics"):
            yield from _of_values(section, code, name, first or {}, second or {})
        else:
            yield Difference(section, code, What.CHANGED, name, first, second)


def _of_values(
    section: str, code: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield Difference(
                section, code, What.CHANGED, f"{name}.{key}", old.get(key), new.get(key)
            )


def _of_prices(
    section: str, code: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Iterator[Difference]:
    first = {price_name(charge): charge for charge in old}
    second = {price_name(charge): charge for charge in new}
    for name in sorted(first.keys() | second.keys()):
        was, now = first.get(name), second.get(name)
        if was is None and now is not None:
            yield Difference(section, code, What.ADDED, f"price {name}", None, now["amount"])
        elif now is None and was is not None:
            yield Difference(section, code, What.REMOVED, f"price {name}", was["amount"], None)
        elif was is not None and now is not None and was != now:
            yield from _of_price(section, code, name, was, now)


def _of_price(
    section: str, code: str, name: str, was: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key):
            field = f"price {name}" if key == "amount" else f"price {name}: {key}"
            yield Difference(section, code, What.CHANGED, field, was.get(key), now.get(key))


def price_name(charge: Mapping[str, Any]) -> str:
    """`monthly consumer, terms 24, in_bundle fleet-line`."""
    code, segment, *limits = (charge.get(name) for name in _PRICE_NAME)
    said = [
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in zip(_PRICE_NAME[2:], limits, strict=True)
        if value
    ]
    return ", ".join([f"{code} {segment}", *said])


def _by_code(things: Sequence[Any], section: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for thing in things:
        version = thing.get("version", 1) if section == "promotions" else 1
        code = thing["code"] if version == 1 else f"{thing['code']}@{version}"
        found[str(code)] = thing
    return found


def _is_number(value: Mapping[str, Any]) -> bool:
    return value.keys() == {"decimal"}
