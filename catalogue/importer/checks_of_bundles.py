"""What bundles must mean: each place is one, no circles, prices that reach somebody."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from catalogue.domain.expressions import parse
from catalogue.importer.compile import Item, items
from catalogue.importer.nesting import (
    Bundles,
    Place,
    bundles_in,
    circle_of,
    name_of,
    overridden,
    places_of,
    prefix_of,
)
from catalogue.importer.schema import BundlePart, BundlePricePart, Catalogue, SlotPart
from catalogue.importer.sources import Trail
from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence

Finding = tuple[Trail, str]
_ONCE = frozenset({"handset", "plan", "sim"})


def bundle_findings(catalogue: Catalogue) -> Iterator[Finding]:
    bundles = {bundle.code: bundle for bundle in catalogue.bundles}
    sold = [item for _, item in items(catalogue, stocked=set())]
    for i, bundle in enumerate(catalogue.bundles):
        where: Trail = ("bundles", i)
        if circle_of(bundle, bundles):
            yield (
                (*where, "slots"),
                Sentence("The bundle %(code)s stands in itself.", code=bundle.code),
            )
            continue
        names = [name_of(slot) for slot in bundle.slots if not slot.nests]
        for j, slot in enumerate(bundle.slots):
            at: Trail = (*where, "slots", j)
            if slot.nests:
                yield from _nested(at, slot, bundles=bundles)
            else:
                yield from _slot(at, slot, names=names)
        yield from _single(where, places_of(bundle, bundles))
        for j, price in enumerate(bundle.prices):
            at = (*where, "prices", j)
            yield from _price(at, price, bundle=bundle, bundles=bundles, sold=sold)


def _nested(where: Trail, slot: SlotPart, *, bundles: Bundles) -> Iterator[Finding]:
    """A place for a bundle, or for one of several."""
    if slot.bundle is not None and slot.bundle not in bundles:
        yield (*where, "bundle"), Sentence("There is no bundle %(bundle)s.", bundle=slot.bundle)
    elif not (found := bundles_in(slot, bundles)):
        yield (*where, "candidates"), Sentence("No bundle fits this place.")
    elif slot.line and any(inner.line for each in found for inner in each.slots):
        yield (*where, "line"), Sentence("A line of a pack has no lines in it.")
    of_several = {"kind", "candidates", "default"} if slot.bundle is None else set()
    if slot.model_fields_set - {"bundle", "minimum", "place", "line", *of_several}:
        yield (
            where,
            Sentence(
                "A place that is a bundle says no more than whether it may be left out: its own"
                " places count."
            ),
        )
    if slot.place is None and (slot.bundle is None or slot.line):
        yield (*where, "place"), Sentence("Give this place a name.")
    if slot.minimum > 1:
        yield (*where, "minimum"), Sentence("A bundle stands in another once: 0 or 1.")


def _slot(where: Trail, slot: SlotPart, *, names: list[str]) -> Iterator[Finding]:
    for name in ("role", "kind"):
        if getattr(slot, name) is None:
            yield (
                (*where, name),
                Sentence("A place says its %(name)s, or names a bundle.", name=name),
            )
    if slot.role and names.count(name_of(slot)) > 1:
        yield (*where, "role"), Sentence("There are two places %(role)s.", role=name_of(slot))
    if slot.minimum > slot.maximum:
        yield (*where, "maximum"), Sentence("It takes fewer than it needs.")


def _single(where: Trail, places: Sequence[Place]) -> Iterator[Finding]:
    """A line has one phone, one plan and one SIM; others are lines of their own."""
    for place, other in combinations(places, 2):
        role = place.slot.role
        if role in _ONCE and role == other.slot.role and not _exclude(place, other):
            yield (
                (*where, "slots"),
                Sentence(
                    "%(one)s and %(other)s stand in one line; let one be a line of its own.",
                    one=place.name,
                    other=other.name,
                ),
            )


def _exclude(place: Place, other: Place) -> bool:
    taken = {nest.place: nest.bundle for nest in place.within}
    return any(taken.get(nest.place, nest.bundle) != nest.bundle for nest in other.within)


def _price(
    where: Trail,
    price: BundlePricePart,
    *,
    bundle: BundlePart,
    bundles: Bundles,
    sold: Sequence[Item],
) -> Iterator[Finding]:
    places = [*places_of(bundle, bundles), *_in_lines(bundle, bundles)]
    meant = [place for place in places if price.role in (place.name, place.slot.role)]
    if price.consumer is None and price.business is None:
        yield where, Sentence("A price needs an amount for consumer, business, or both.")
    if not meant:
        yield (*where, "role"), Sentence("The bundle has no place %(role)s.", role=price.role)
        return
    try:
        parse(price.offerings)
    except InvalidInput:
        return
    kinds = {place.slot.kind for place in meant}
    if not any(
        item["kind"] in kinds and any(overridden(item, price, bundle.code)) for item in sold
    ):
        yield (
            where,
            Sentence(
                "No %(role)s has the price %(code)s and fits.", role=price.role, code=price.code
            ),
        )


def _in_lines(bundle: BundlePart, bundles: Bundles) -> Iterator[Place]:
    for slot in bundle.slots:
        if slot.nests and slot.line:
            for inner in bundles_in(slot, bundles):
                for place in places_of(inner, bundles):
                    yield replace(place, name=f"{prefix_of(slot, inner)}.{place.name}")
