"""What prices must mean: when they hold, that only one holds, and what use may say."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from catalogue.domain.document import moment
from catalogue.domain.model import LONG_AGO, ChargeKind
from catalogue.importer.compile import items
from catalogue.importer.schema import AmountsPart, Catalogue, ChargePart, OfferingPart, SellingPart
from catalogue.importer.sources import Trail
from commerce.kernel.clock import PARIS
from commerce.kernel.sentences import Sentence

Finding = tuple[Trail, str]
LATEST = datetime.max.replace(tzinfo=UTC)
NAMED: Mapping[str, Sentence] = {
    "consumer": Sentence("consumer customers"),
    "business": Sentence("business customers"),
}
"""The segments in words."""


def price_findings(catalogue: Catalogue) -> Iterator[Finding]:
    for trail, charge in all_charges(catalogue):
        yield from _dates(trail, charge)
        yield from _of_use(trail, charge)
    for trail, part in _selling(catalogue):
        yield from _dates(trail, part)
    for trail, item in items(catalogue, stocked=set()):
        for first, second in _rivals(item["charges"]):
            yield (
                (*trail, "charges"),
                Sentence(
                    "There are two prices %(code)s for %(segment)s at the same time.",
                    code=second["code"],
                    segment=NAMED[first["segment"]],
                ),
            )


def ended_prices(trail: Trail, item: Mapping[str, Any], segment: str) -> Iterator[Finding]:
    """Prices of the item that end while it is still sold, and none of their code follows.

    Each is looked at with every commitment, and in every bundle that has a price of its own there;
    a price that begins later than the item is meant to.
    """
    own = [charge for charge in item["charges"] if charge["segment"] == segment]
    for code in dict.fromkeys(charge["code"] for charge in own):
        alike = [charge for charge in own if charge["code"] == code]
        ends = {ended for fits in _asked_together(item, alike) if (ended := _ended(item, fits))}
        for end in sorted(ends):
            yield (
                (*trail, "charges"),
                Sentence(
                    "The price %(code)s for %(segment)s ends at %(end)s, before what it"
                    " is the price of.",
                    code=code,
                    segment=NAMED[segment],
                    end=_day(end),
                ),
            )


def _asked_together(
    item: Mapping[str, Any], alike: Sequence[Mapping[str, Any]]
) -> Iterator[list[Mapping[str, Any]]]:
    """The prices of one code that may be asked in the same case: commitment and bundle."""
    for term in item["terms"] or (0,):
        for bundle in dict.fromkeys(charge["in_bundle"] for charge in alike):
            yield [
                charge
                for charge in alike
                if charge["in_bundle"] in (None, bundle)
                and (not charge["terms"] or not item["terms"] or term in charge["terms"])
            ]


def _ended(item: Mapping[str, Any], charges: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When the last of them ends, if the item is sold longer."""
    last = max((span_of(charge)[1] for charge in charges), default=LATEST)
    return last if last < span_of(item)[1] else None


def all_charges(catalogue: Catalogue) -> Iterator[tuple[Trail, ChargePart]]:
    """Every charge as written, with its place."""
    for i, family in enumerate(catalogue.families):
        yield from _charges_of(("families", i), family)
        for j, variant in enumerate(family.variants):
            for k, charge in enumerate(variant.charges):
                yield ("families", i, "variants", j, "charges", k), charge
    for i, offering in enumerate(catalogue.offerings):
        yield from _charges_of(("offerings", i), offering)


def uncovered(item: Mapping[str, Any], charges: Sequence[Mapping[str, Any]]) -> Sentence | None:
    """When none of `charges` holds although the item is sold, in words; None: there always is."""
    reached, end = span_of(item)
    for start, until in sorted(span_of(charge) for charge in charges):
        if start > reached:
            break
        reached = max(reached, until)
    if reached >= end:
        return None
    if reached == span_of(item)[0]:
        return Sentence("at the beginning")
    return Sentence("from %(day)s on", day=_day(reached))


def _day(instant: datetime) -> str:
    return f"{instant.astimezone(PARIS):%Y-%m-%d %H:%M}"


def span_of(item: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return (
        moment(item.get("valid_from")) or LONG_AGO,
        moment(item.get("valid_until")) or LATEST,
    )


def _charges_of(trail: Trail, part: OfferingPart) -> Iterator[tuple[Trail, ChargePart]]:
    for k, charge in enumerate(part.charges):
        yield (*trail, "charges", k), charge


def _selling(catalogue: Catalogue) -> Iterator[tuple[Trail, SellingPart | AmountsPart]]:
    for i, family in enumerate(catalogue.families):
        yield ("families", i), family
    for i, offering in enumerate(catalogue.offerings):
        yield ("offerings", i), offering
    for i, bundle in enumerate(catalogue.bundles):
        yield ("bundles", i), bundle
        for j, price in enumerate(bundle.prices):
            yield ("bundles", i, "prices", j), price


def _dates(trail: Trail, part: SellingPart | AmountsPart) -> Iterator[Finding]:
    begin, end = moment(part.valid_from), moment(part.valid_until)
    if begin and end and end <= begin:
        yield (*trail, "valid_until"), Sentence("It ends before it begins.")


def _of_use(trail: Trail, charge: ChargePart) -> Iterator[Finding]:
    if charge.kind is ChargeKind.USAGE and not charge.unit:
        yield (*trail, "unit"), Sentence("A usage charge names its unit.")
    elif charge.kind is not ChargeKind.USAGE and (charge.unit or charge.included is not None):
        yield (*trail, "unit"), Sentence("Only a usage charge has a unit and what is included.")


def _rivals(
    charges: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Pairs of which neither is more specific, although both may be asked at once."""
    for place, first in enumerate(charges):
        for second in charges[place + 1 :]:
            if _same_place(first, second) and _same_time(first, second):
                yield first, second


def _same_place(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return all(first[name] == second[name] for name in ("code", "segment", "in_bundle")) and all(
        _overlap(set(first.get(name, ())), set(second.get(name, ())))
        for name in ("terms", "channels")
    )


def _overlap(one: set[object], other: set[object]) -> bool:
    """Whether both limits let something in; no limit at all is less specific than any."""
    return bool(one & other) if one or other else True


def _same_time(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Of two that begin at different times the later wins; these begin together."""
    return span_of(first)[0] == span_of(second)[0]
