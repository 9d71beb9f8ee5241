"""From catalogue files to an accepted document: shape, then meaning, then bundles. No database."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from catalogue.domain.document import digest_of, snapshot_from
from catalogue.domain.model import Snapshot
from catalogue.importer.bundles import empty_slots
from catalogue.importer.checks import findings
from catalogue.importer.checks_of_numbers import number_findings
from catalogue.importer.compile import compiled
from catalogue.importer.nesting import name_of
from catalogue.importer.others import findings_of_others
from catalogue.importer.schema import Catalogue
from catalogue.importer.shape import sentence_of
from catalogue.importer.sources import (
    CatalogueInvalid,
    Problem,
    Sources,
    Trail,
    read,
    trail_of,
)
from catalogue.importer.specifying import specified
from commerce.markets.pack import market


@dataclass(frozen=True, slots=True)
class Accepted:
    """A catalogue that can be sold."""

    catalogue: Catalogue
    source: dict[str, Any]
    document: dict[str, Any]
    digest: str
    snapshot: Snapshot


def load(path: Path, *, on: date, market_code: str = "fr") -> Accepted:
    """Read and check the catalogue in `path`; tax rates are those of the market on the day `on`.

    Checks of parts above this one (promotions) come last; see `catalogue.importer.others`.

    Raises:
        CatalogueInvalid: with every problem that was found.
    """
    return accepted(read(path), on=on, market_code=market_code)


def accepted(sources: Sources, *, on: date, market_code: str = "fr") -> Accepted:
    """As `load`, of what has been read already."""
    catalogue = _shaped(sources)
    pack = market(market_code)
    rates = dict(pack.tax_rates(on))
    problems = [
        sources.problem(trail, message)
        for trail, message in (
            *findings(catalogue, tax_classes=frozenset(rates)),
            *number_findings(catalogue, pack=pack, on=on),
        )
    ]
    if problems:
        raise CatalogueInvalid(problems)
    found = _accepted(sources, catalogue, rates)
    problems = [
        sources.problem(_place_of(found, code, slot), message)
        for code, slot, message in empty_slots(found.snapshot)
    ]
    problems += [
        sources.problem(trail_of(field), message)
        for field, message in findings_of_others(found.snapshot)
    ]
    if problems:
        raise CatalogueInvalid(problems)
    return found


def _place_of(found: Accepted, code: str, slot: int) -> Trail:
    """Where the place of a bundle stands, or the nested bundle that brought it."""
    place = found.snapshot.offerings[code].slots[slot]
    sold = code.partition("/")[0]
    index, part = next((i, b) for i, b in enumerate(found.catalogue.bundles) if b.code == sold)
    for j, own in enumerate(part.slots):
        if not own.nests and code == sold and name_of(own) == place.name:
            return ("bundles", index, "slots", j)
    return ("bundles", index, "slots")


def _accepted(sources: Sources, catalogue: Catalogue, rates: dict[str, Decimal]) -> Accepted:
    document = compiled(
        catalogue, tax_rates=rates, raw_promotions=sources.data.get("promotions", [])
    )
    digest = digest_of(document)
    return Accepted(
        catalogue, sources.data, document, digest, snapshot_from(document, release=0, digest=digest)
    )


def _shaped(sources: Sources) -> Catalogue:
    try:
        return Catalogue.model_validate(specified(sources.data))
    except ValidationError as error:
        problems: list[Problem] = []
        for detail in error.errors(include_url=False):
            trail = tuple(step for step in detail["loc"] if not _names_a_type(step))
            problems.append(sources.problem(trail, sentence_of(detail)))
        raise CatalogueInvalid(problems) from None


def _names_a_type(step: int | str) -> bool:
    """Pydantic names the member of a union that it tried; people look for fields."""
    return isinstance(step, str) and (step in {"bool", "int", "decimal", "str"} or "[" in step)
