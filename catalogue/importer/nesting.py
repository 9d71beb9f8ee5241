"""Bundles in bundles, and prices that a bundle gives to what fills its places.

Both are resolved when a release is made: the document has flat places and plain charges, so that
whoever prices or checks a cart needs to know of neither. A place that is a line of its own becomes
a bundle of its own (`pack_lines`), named after the pack and the place.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from catalogue.domain.expressions import Facts, Scalar, parse
from catalogue.domain.model import Nesting, Segment, priced_in, role_of
from catalogue.importer.schema import (
    AmountsPart,
    BundlePart,
    BundlePricePart,
    SlotPart,
)
from commerce.kernel.errors import InvalidInput

Item = dict[str, Any]
Bundles = Mapping[str, BundlePart]
WHEN = ("channels", "valid_from", "valid_until")


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a bundle, by its name in that bundle, with the nested bundles around it.

    `inner` is its name in the nearest of them (the bundle's code, the name); None: it is the
    bundle's own.
    """

    name: str
    slot: SlotPart
    within: tuple[Nesting, ...] = ()
    inner: tuple[str, str] | None = None

    @property
    def item(self) -> Item:
        """As the document has it."""
        slot = self.slot
        said: Item = {
            "role": slot.role,
            "kind": slot.kind,
            "minimum": slot.minimum,
            "maximum": slot.maximum,
            "candidates": slot.candidates,
            "default": slot.default,
        }
        if slot.name is not None:
            said["name"] = {"fr": slot.name.fr, "en": slot.name.en}
        if self.name != slot.role:
            said["place"] = self.name
        if self.within:
            said["within"] = [
                {name: getattr(nest, name) for name in ("place", "bundle", "optional", "default")}
                for nest in self.within
            ]
        return said


def places_of(part: BundlePart, bundles: Bundles, *, around: tuple[str, ...] = ()) -> list[Place]:
    """The places of a bundle with those of the bundles in it.

    A name stands once: the bundle's own place before a nested one, then the first.
    """
    own = {name_of(slot) for slot in part.slots if not slot.nests}
    found: dict[str, Place] = {}
    for slot in part.slots:
        if not slot.nests:
            found.setdefault(name_of(slot), Place(name_of(slot), slot))
        elif not slot.line:
            for place in _nested(slot, bundles, around=(*around, part.code)):
                if place.name not in own:
                    found.setdefault(place.name, place)
    return list(found.values())


def name_of(slot: SlotPart) -> str:
    """What a place is called in its bundle: its role, after the name of the place if it has one."""
    role = slot.role or ""
    return f"{slot.place}.{role}" if slot.place else role


def bundles_in(slot: SlotPart, bundles: Bundles) -> list[BundlePart]:
    """The bundles that may take the place, its default first, then by rank."""
    if slot.bundle is not None:
        return [bundles[slot.bundle]] if slot.bundle in bundles else []
    try:
        rule = parse(slot.candidates)
    except InvalidInput:
        return []
    found = [each for each in bundles.values() if rule.holds(_bundle_facts(each))]
    return sorted(found, key=lambda each: (each.code != slot.default, each.rank, each.code))


def prefix_of(slot: SlotPart, bundle: BundlePart) -> str:
    """What stands before the names of the bundle's places; where several may be, its own code."""
    if slot.bundle is not None:
        return slot.place or ""
    return f"{slot.place}.{bundle.code}"


def pack_lines(part: BundlePart, bundles: Bundles) -> Iterator[tuple[SlotPart, list[BundlePart]]]:
    """The places that are lines of their own, each with the bundles that are made for it."""
    for slot in part.slots:
        if slot.nests and slot.line:
            found = [_line_of(part, slot, each) for each in bundles_in(slot, bundles)]
            yield slot, found


def nested_in(part: BundlePart, bundles: Bundles) -> tuple[str, ...]:
    """The codes of all bundles in it, nearest first."""
    found: dict[str, None] = {}
    waiting = [part]
    while waiting:
        for slot in waiting.pop(0).slots:
            for inner in bundles_in(slot, bundles) if slot.nests else ():
                if inner.code not in found and inner is not part:
                    found[inner.code] = None
                    waiting.append(inner)
    return tuple(found)


def circle_of(part: BundlePart, bundles: Bundles) -> bool:
    """Whether the bundle stands in itself."""
    reached = [part, *(bundles[code] for code in nested_in(part, bundles))]
    return any(
        inner.code == part.code
        for each in reached
        for slot in each.slots
        if slot.nests
        for inner in bundles_in(slot, bundles)
    )


def add_bundle_prices(items: Sequence[Item], bundles: Sequence[BundlePart]) -> None:
    """Give every item the charges that it has inside of bundles by no word of its own.

    What the offering says of a bundle wins, then what the bundle says, then what held in the
    bundles nested in it, nearest first.
    """
    by_code = {bundle.code: bundle for bundle in bundles}
    depth = {code: len(nested_in(bundle, by_code)) for code, bundle in by_code.items()}
    words = {item["code"]: tuple(item["charges"]) for item in items}
    for bundle in sorted(bundles, key=lambda each: depth[each.code]):
        for key, places in _by_price(bundle.code, places_of(bundle, by_code)).items():
            _add_prices(items, words, bundle, key=key, places=places, said_of=bundle.code)
    for bundle in bundles:
        for slot, lines in pack_lines(bundle, by_code):
            for line, inner in zip(lines, bundles_in(slot, by_code), strict=True):
                places = [
                    replace(each, inner=(inner.code, each.name))
                    for each in places_of(inner, by_code)
                ]
                for key, some in _by_price(line.code, places).items():
                    _add_prices(items, words, line, key=key, places=some, said_of=bundle.code)


def _by_price(code: str, places: Iterable[Place]) -> Mapping[str, list[Place]]:
    """Places that are priced alike stand together, by the name that charges know them by."""
    found: dict[str, list[Place]] = {code: []}
    for place in places:
        found.setdefault(priced_in(code, place.name) or code, []).append(place)
    return found


def _add_prices(
    items: Sequence[Item],
    words: Mapping[str, Sequence[Item]],
    bundle: BundlePart,
    *,
    key: str,
    places: Sequence[Place],
    said_of: str,
) -> None:
    """Add what holds in these places. `words` are what offerings say themselves, `said_of` the code
    under which they speak of the bundle."""
    inner = dict.fromkeys(priced_in(*place.inner) for place in places if place.inner is not None)
    for item in items:
        charges: list[Item] = item["charges"]
        if key != said_of:
            own = [charge for charge in words[item["code"]] if charge["in_bundle"] == said_of]
            _add_level(charges, own, bundle=key)
        named: dict[tuple[object, ...], Item] = {}
        for price in bundle.prices:
            if any(_prices(price, place, item) for place in places):
                for charge in overridden(item, price, key):
                    named.setdefault(_likeness(charge), charge)
        _add_level(charges, named.values(), bundle=key)
        for code in inner:
            level = [charge for charge in charges if charge["in_bundle"] == code]
            _add_level(charges, level, bundle=key)


def _prices(price: BundlePricePart, place: Place, item: Item) -> bool:
    return price.role in (place.name, place.slot.role) and place.slot.kind == item["kind"]


def _add_level(charges: list[Item], level: Iterable[Item], *, bundle: str) -> None:
    """Add what one level says of `bundle` beside what nearer ones have said: however special it is
    (for one term alone), it counts only where none of them does."""
    nearer = [charge for charge in charges if charge["in_bundle"] == bundle]
    charges += [
        charge | {"in_bundle": bundle}
        for charge in level
        if not any(_covers(each, charge) for each in nearer)
    ]


def overridden(item: Item, price: BundlePricePart, bundle: str) -> Iterator[Item]:
    """The item's charges inside `bundle` by the bundle's `price`; none if it has none such."""
    if not parse(price.offerings).holds(_facts(item, role=role_of(price.role))):
        return
    for segment, amount in amounts_of(price):
        general = next(
            (
                charge
                for charge in item["charges"]
                if charge["code"] == price.code
                and charge["segment"] == segment.value
                and not charge["in_bundle"]
            ),
            None,
        )
        if general is not None:
            yield {
                **{name: v for name, v in general.items() if name not in WHEN},
                "amount": amount,
                "terms": list(price.terms),
                "in_bundle": bundle,
                **when_set(price, *WHEN),
            }


def amounts_of(part: AmountsPart) -> Iterator[tuple[Segment, str]]:
    for segment, amount in ((Segment.CONSUMER, part.consumer), (Segment.BUSINESS, part.business)):
        if amount is not None:
            yield segment, str(amount.quantize(Decimal("0.01")))


def when_set(part: AmountsPart, *names: str) -> Item:
    """What most prices say nothing of, as the document has it."""
    said = {name: getattr(part, name) for name in names}
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in said.items()
        if value not in (None, "", ())
    }


def _nested(slot: SlotPart, bundles: Bundles, *, around: tuple[str, ...]) -> Iterator[Place]:
    """The places that nested bundles bring; `around` begins with the bundle that is sold."""
    for number, part in enumerate(bundles_in(slot, bundles)):
        if part.code in around:
            continue
        prefix = prefix_of(slot, part)
        nest = Nesting(
            place=slot.place or part.code,
            bundle=part.code,
            optional=not slot.minimum,
            default=not number,
        )
        for place in places_of(part, bundles, around=around):
            yield Place(
                name=_below(prefix, place.name),
                slot=place.slot,
                within=(
                    nest,
                    *(replace(each, place=_below(prefix, each.place)) for each in place.within),
                ),
                inner=(part.code, place.name),
            )


def _below(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _line_of(pack: BundlePart, slot: SlotPart, bundle: BundlePart) -> BundlePart:
    """The bundle as a line of the pack, with the pack's prices for its places."""
    prefix = prefix_of(slot, bundle)
    prices = tuple(
        price.model_copy(update={"role": price.role.removeprefix(f"{prefix}.")})
        for price in pack.prices
        if "." not in price.role or price.role.startswith(f"{prefix}.")
    )
    return bundle.model_copy(
        update={
            "code": f"{pack.code}/{prefix}",
            "rank": pack.rank,
            "segments": pack.segments,
            "channels": pack.channels,
            "terms": pack.terms or bundle.terms,
            "valid_from": pack.valid_from,
            "valid_until": pack.valid_until,
            "prices": prices,
        }
    )


def _bundle_facts(part: BundlePart) -> Facts:
    return {
        "bundle.code": part.code,
        "bundle.category": part.category,
        "bundle.segment": tuple(segment.value for segment in part.segments),
    }


def _covers(near: Item, far: Item) -> bool:
    """Whether `near` counts wherever and whenever `far` would."""
    return (
        (near["code"], near["segment"]) == (far["code"], far["segment"])
        and _within(far["terms"], near["terms"])
        and _within(far.get("channels", ()), near.get("channels", ()))
        and all(near.get(name) in (None, far.get(name)) for name in ("valid_from", "valid_until"))
    )


def _within(some: Collection[object], all_: Collection[object]) -> bool:
    """Nothing named is everything."""
    return not all_ or (bool(some) and set(some) <= set(all_))


def _likeness(charge: Item) -> tuple[object, ...]:
    return (
        charge["code"],
        charge["segment"],
        charge["in_bundle"],
        tuple(charge["terms"]),
        *(charge.get(name) for name in WHEN),
    )


def _facts(item: Item, *, role: str) -> Facts:
    facts: dict[str, Scalar | tuple[Scalar, ...]] = {
        f"{role}.{name}": tuple(value) if isinstance(value, list) else value
        for name, value in item["characteristics"].items()
    }
    for name in ("code", "kind", "category", "family"):
        if item[name]:
            facts[f"{role}.{name}"] = item[name]
    return facts
