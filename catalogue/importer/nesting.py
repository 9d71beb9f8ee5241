"""Bundles in bundles, and prices that a bundle gives to what fills its places.

Both are resolved when a release is made: the document has flat places and plain charges, so that
whoever prices or checks a cart needs to know of neither.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from catalogue.domain.expressions import Facts, Scalar, parse
from catalogue.domain.model import Segment
from catalogue.importer.schema import (
    AmountsPart,
    BundlePart,
    BundlePricePart,
    NestedSlotPart,
    SlotPart,
)

Item = dict[str, Any]
Bundles = Mapping[str, BundlePart]
WHEN = ("channels", "valid_from", "valid_until")


def slots_of(part: BundlePart, bundles: Bundles) -> list[SlotPart]:
    """The places of a bundle with those of the bundles in it, each naming the one it came from.

    A role stands once: the bundle's own place before a nested one, then the first.
    """
    own = {slot.role for slot in part.slots if slot.role}
    found: dict[str, SlotPart] = {}
    for slot in part.slots:
        if slot.bundle is None:
            found.setdefault(slot.role or "", slot)
            continue
        for inner in _inner(slot, bundles, around=(part.code,), optional=()):
            if inner.role not in own:
                found.setdefault(inner.role or "", inner)
    return list(found.values())


def nested_in(part: BundlePart, bundles: Bundles) -> tuple[str, ...]:
    """The codes of all bundles in it, nearest first."""
    found: dict[str, None] = {}
    waiting = [part]
    while waiting:
        for slot in waiting.pop(0).slots:
            inner = bundles.get(slot.bundle or "")
            if inner is not None and inner.code not in found and inner is not part:
                found[inner.code] = None
                waiting.append(inner)
    return tuple(found)


def circle_of(part: BundlePart, bundles: Bundles) -> bool:
    """Whether the bundle stands in itself."""
    reached = [bundles[code] for code in nested_in(part, bundles)]
    return any(slot.bundle == part.code for each in (part, *reached) for slot in each.slots)


def add_bundle_prices(items: Sequence[Item], bundles: Sequence[BundlePart]) -> None:
    """Give every item the charges that it has inside of bundles by no word of its own.

    What the offering says of a bundle wins, then what the bundle says, then what held in the
    bundles nested in it, nearest first.
    """
    by_code = {bundle.code: bundle for bundle in bundles}
    depth = {code: len(nested_in(bundle, by_code)) for code, bundle in by_code.items()}
    for bundle in sorted(bundles, key=lambda each: depth[each.code]):
        kinds = {slot.role: slot.kind for slot in slots_of(bundle, by_code)}
        nests = nested_in(bundle, by_code)
        for item in items:
            charges: list[Item] = item["charges"]
            own: dict[tuple[object, ...], Item] = {}
            for price in bundle.prices:
                if kinds.get(price.role) == item["kind"]:
                    for charge in overridden(item, price, bundle.code):
                        own.setdefault(_likeness(charge), charge)
            _add_level(charges, own.values(), bundle=bundle.code)
            for code in nests:
                inner = [charge for charge in charges if charge["in_bundle"] == code]
                _add_level(charges, inner, bundle=bundle.code)


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
    if not parse(price.offerings).holds(_facts(item, role=price.role)):
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


def _inner(
    nested: SlotPart, bundles: Bundles, *, around: tuple[str, ...], optional: tuple[str, ...]
) -> Iterator[SlotPart]:
    """The places of a nested bundle; `around` begins with the bundle that is sold."""
    part = bundles.get(nested.bundle or "")
    if part is None or part.code in around:
        return
    around = (*around, part.code)
    optional = optional if nested.minimum else (*optional, part.code)
    for slot in part.slots:
        if slot.bundle is not None:
            yield from _inner(slot, bundles, around=around, optional=optional)
            continue
        said = slot.model_dump() | {"bundle": part.code}
        yield NestedSlotPart(**said, within=around[1:], needed_with=optional)


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
