"""The findings of a catalogue that stands in parts: each names its part and the line there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from catalogue.importer.loader import Accepted, accepted
from catalogue.importer.sources import (
    CatalogueInvalid,
    Place,
    Problem,
    Sources,
    Trail,
    places_in,
    spoken,
)
from catalogue.importer.writing import KEYED, WHOLE, CataloguePart, assembled, text_of


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a part; `line` counts from 1 in its text. No `key`: the whole section."""

    section: str
    key: str
    line: int
    field: str
    message: str


@dataclass(slots=True)
class _PartSources(Sources):
    """Sources whose places are looked up when something is wrong."""

    parts: dict[str, list[CataloguePart]] = field(default_factory=dict)
    known: dict[tuple[str, str], dict[Trail, Place]] = field(default_factory=dict)

    def problem(self, trail: Trail, message: str) -> Problem:
        part, inner = self._found(trail)
        if part is None:
            return Problem(str(trail[0]) if trail else "", 1, spoken(trail[1:]), message)
        name = f"{part.section}/{part.key}"
        places = self.known.setdefault(
            (part.section, part.key), places_in(text_of(part.data), name=name)
        )
        above = inner
        while above and above not in places:
            above = above[:-1]
        line = places[above].line if above in places else 1
        return Problem(name, line, spoken(inner) if inner else "", message)

    def _found(self, trail: Trail) -> tuple[CataloguePart | None, Trail]:
        section = str(trail[0]) if trail else ""
        parts = self.parts.get(section, [])
        if section == WHOLE:
            return (parts[0], trail[1:]) if parts else (None, ())
        if len(trail) < 2:
            return None, ()
        step = trail[1]
        if section in KEYED:
            return next((p for p in parts if p.key == str(step)), None), trail[2:]
        if isinstance(step, int) and step < len(parts):
            return parts[step], trail[2:]
        return None, ()


def checked(parts: Sequence[CataloguePart], *, on: date, market_code: str = "fr") -> Accepted:
    """What can be sold as it stands.

    Raises:
        CatalogueInvalid: `findings_of` tells what and where.
    """
    by_section: dict[str, list[CataloguePart]] = {}
    for part in parts:
        by_section.setdefault(part.section, []).append(part)
    sources = _PartSources(data=assembled(parts), parts=by_section)
    return accepted(sources, on=on, market_code=market_code)


def findings_of(error: CatalogueInvalid) -> tuple[Finding, ...]:
    found = []
    for problem in error.problems:
        section, _, key = problem.file.partition("/")
        found.append(Finding(section, key, problem.line, problem.field, problem.message))
    return tuple(found)
