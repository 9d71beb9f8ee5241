"""From the parts of a catalogue to the document of a release."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from catalogue.domain.document import encoded
from catalogue.domain.model import Kind
from catalogue.importer.nesting import (
    add_bundle_prices,
    amounts_of,
    bundles_in,
    nested_in,
    pack_lines,
    places_of,
    when_set,
)
from catalogue.importer.schema import (
    BundlePart,
    Catalogue,
    ChargePart,
    FamilyPart,
    OfferingPart,
    SellingPart,
    VariantPart,
    Words2,
)
from catalogue.importer.sources import Trail

STOCKED = {Kind.HANDSET, Kind.ACCESSORY}
Item = dict[str, Any]


def compiled(
    catalogue: Catalogue, *, tax_rates: Mapping[str, Decimal], raw_promotions: list[Any]
) -> Item:
    """The document: everything that is sold, with families resolved into their variants."""
    stocked = {code for supplier in catalogue.suppliers.values() for code in supplier.pieces}
    sold = [item for _, item in items(catalogue, stocked=stocked)]
    add_bundle_prices(sold, catalogue.bundles)
    document = {
        "currency": catalogue.release.currency,
        "tax_rates": {code: str(rate) for code, rate in sorted(tax_rates.items())},
        "categories": {code: _words(text) for code, text in catalogue.categories.items()},
        "labels": _labels(catalogue),
        "units": {n: c.unit for n, c in catalogue.characteristics.items() if c.unit},
        "families": {family.code: _words(family.name) for family in catalogue.families},
        "offerings": sold,
        "pack_lines": list(_pack_lines(catalogue)),
        "rules": [rule.model_dump(mode="python") for rule in catalogue.rules],
        "recipes": {
            name: recipe.model_dump(exclude_defaults=True)
            for name, recipe in catalogue.recipes.items()
        },
        "promotions": raw_promotions,
        "next_offers": [rule.model_dump(mode="python") for rule in catalogue.next_offers],
        "synonyms": [group.model_dump() for group in catalogue.synonyms],
        "number_classes": [
            each.model_dump(exclude_defaults=True) for each in catalogue.number_classes
        ],
    }
    result: Item = encoded(document)
    return result


def items(catalogue: Catalogue, *, stocked: set[str]) -> Iterator[tuple[Trail, Item]]:
    """Every sellable offering with the trail of the part that it comes from."""
    for i, family in enumerate(catalogue.families):
        for j, variant in enumerate(family.variants):
            yield ("families", i, "variants", j), _variant(family, variant, stocked=stocked)
    for i, offering in enumerate(catalogue.offerings):
        yield ("offerings", i), _offering(offering, stocked=stocked)
    bundles = {bundle.code: bundle for bundle in catalogue.bundles}
    for i, bundle in enumerate(catalogue.bundles):
        yield ("bundles", i), _bundle(bundle, bundles)


def _words(words: Words2) -> dict[str, str]:
    return {"fr": words.fr, "en": words.en}


def _selling(part: SellingPart) -> Item:
    return {
        "code": part.code,
        "name": _words(part.name),
        "summary": _words(part.summary),
        "description": _words(part.description) if part.description else {},
        "category": part.category,
        "segments": [segment.value for segment in part.segments],
        "channels": list(part.channels),
        "rank": part.rank,
        "family": None,
        "valid_from": part.valid_from,
        "valid_until": part.valid_until,
    }


def _offering(part: OfferingPart, *, stocked: set[str]) -> Item:
    return _selling(part) | {
        "kind": part.kind.value,
        "specification": part.specification or part.code,
        "recipe": part.recipe,
        "characteristics": _characteristics(part.characteristics),
        "terms": list(part.terms),
        "stocked": part.code in stocked,
        "charges": [item for charge in part.charges for item in _charges(charge)],
    }


def _variant(family: FamilyPart, variant: VariantPart, *, stocked: set[str]) -> Item:
    item = _offering(family, stocked=stocked)
    characteristics = {**family.characteristics, **variant.characteristics}
    charges = [*family.charges, *variant.charges]
    return item | {
        "code": variant.code,
        "name": {
            "fr": f"{family.name.fr} {variant.label.fr}",
            "en": f"{family.name.en} {variant.label.en}",
        },
        "family": family.code,
        "characteristics": _characteristics(characteristics),
        "stocked": variant.code in stocked,
        "charges": [price for charge in charges for price in _charges(charge)],
    }


def _bundle(part: BundlePart, bundles: Mapping[str, BundlePart]) -> Item:
    return _selling(part) | {
        "kind": Kind.BUNDLE.value,
        "specification": part.code,
        "recipe": None,
        "characteristics": {},
        "terms": list(part.terms),
        "charges": [],
        "slots": [place.item for place in places_of(part, bundles)],
        "nests": list(nested_in(part, bundles)),
        "lines": [
            {
                "place": slot.place,
                "minimum": slot.minimum,
                "bundles": [line.code for line in lines],
                "default": lines[0].code if lines else "",
            }
            for slot, lines in pack_lines(part, bundles)
        ],
    }


def _pack_lines(catalogue: Catalogue) -> Iterator[Item]:
    bundles = {bundle.code: bundle for bundle in catalogue.bundles}
    for pack in catalogue.bundles:
        for slot, lines in pack_lines(pack, bundles):
            for line, inner in zip(lines, bundles_in(slot, bundles), strict=True):
                yield _bundle(line, bundles) | {"specification": inner.code, "part_of": pack.code}


def _charges(part: ChargePart) -> Iterator[Item]:
    for segment, amount in amounts_of(part):
        yield {
            "code": part.code,
            "kind": part.kind.value,
            "amount": amount,
            "segment": segment.value,
            "tax_class": part.tax_class,
            "every_months": part.every_months,
            "terms": list(part.terms),
            "in_bundle": part.in_bundle,
            **when_set(part, "channels", "valid_from", "valid_until", "unit", "included"),
        }


def _characteristics(values: Mapping[str, Any]) -> Item:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}


def _labels(catalogue: Catalogue) -> Item:
    labels: Item = {}
    for name, characteristic in catalogue.characteristics.items():
        labels[name] = _words(characteristic.name)
        for value, words in characteristic.values.items():
            labels[f"{name}.{value}"] = _words(words)
    return labels
