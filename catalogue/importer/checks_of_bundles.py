"""What bundles must mean: each place is one, no circles, prices that reach somebody."""

from collections.abc import Iterator

from catalogue.domain.expressions import parse
from catalogue.domain.model import Kind
from catalogue.importer.compile import items
from catalogue.importer.nesting import Bundles, circle_of, overridden, slots_of
from catalogue.importer.schema import BundlePart, BundlePricePart, Catalogue, SlotPart
from catalogue.importer.sources import Trail
from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence

Finding = tuple[Trail, str]


def bundle_findings(catalogue: Catalogue) -> Iterator[Finding]:
    bundles = {bundle.code: bundle for bundle in catalogue.bundles}
    for i, bundle in enumerate(catalogue.bundles):
        where: Trail = ("bundles", i)
        if circle_of(bundle, bundles):
            yield (
                (*where, "slots"),
                Sentence("The bundle %(code)s stands in itself.", code=bundle.code),
            )
            continue
        roles = [slot.role for slot in bundle.slots if slot.role]
        for j, slot in enumerate(bundle.slots):
            yield from _slot((*where, "slots", j), slot, roles=roles, bundles=bundles)
        for j, price in enumerate(bundle.prices):
            yield from _price((*where, "prices", j), price, bundle=bundle, catalogue=catalogue)


def _slot(where: Trail, slot: SlotPart, *, roles: list[str], bundles: Bundles) -> Iterator[Finding]:
    if slot.bundle is not None:
        if slot.bundle not in bundles:
            yield (*where, "bundle"), Sentence("There is no bundle %(bundle)s.", bundle=slot.bundle)
        if slot.model_fields_set - {"bundle", "minimum"}:
            yield (
                where,
                Sentence(
                    "A place that is a bundle says no more than whether it may be left out: its own"
                    " places count."
                ),
            )
        if slot.minimum > 1:
            yield (*where, "minimum"), Sentence("A bundle stands in another once: 0 or 1.")
        return
    for name in ("role", "kind"):
        if getattr(slot, name) is None:
            yield (
                (*where, name),
                Sentence("A place says its %(name)s, or names a bundle.", name=name),
            )
    if slot.kind is Kind.BUNDLE:
        yield (*where, "kind"), Sentence("A place for a bundle names it as its bundle.")
    if slot.role and roles.count(slot.role) > 1:
        yield (*where, "role"), Sentence("There are two places %(role)s.", role=slot.role)
    if slot.minimum > slot.maximum:
        yield (*where, "maximum"), Sentence("It takes fewer than it needs.")


def _price(
    where: Trail, price: BundlePricePart, *, bundle: BundlePart, catalogue: Catalogue
) -> Iterator[Finding]:
    bundles = {each.code: each for each in catalogue.bundles}
    kinds = {slot.role: slot.kind for slot in slots_of(bundle, bundles)}
    if price.consumer is None and price.business is None:
        yield where, Sentence("A price needs an amount for consumer, business, or both.")
    if price.role not in kinds:
        yield (*where, "role"), Sentence("The bundle has no place %(role)s.", role=price.role)
        return
    try:
        parse(price.offerings)
    except InvalidInput:
        return
    if not any(
        item["kind"] == kinds[price.role] and any(overridden(item, price, bundle.code))
        for _, item in items(catalogue, stocked=set())
    ):
        yield (
            where,
            Sentence(
                "No %(role)s has the price %(code)s and fits.", role=price.role, code=price.code
            ),
        )
