"""Reads for the back office: drafts, their parts, what was done. Lists come in pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.db.models import Count, Q

from catalogue.domain.differences import Difference, differences
from catalogue.importer.drafts import Finding, checked, findings_of
from catalogue.importer.sources import CatalogueInvalid
from catalogue.importer.writing import restored, text_of
from catalogue.models import CatalogueAct, Draft, DraftPart, DraftState
from catalogue.selectors import document_of
from catalogue.services.drafts import SECTIONS, latest_release, parts_in
from commerce.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class DraftFacts:
    """`behind`: a release was made since it was begun."""

    id: int
    name: str
    state: DraftState
    version: int
    base: int | None
    behind: bool
    opened_at: datetime
    opened_by: str
    release: int | None


@dataclass(frozen=True, slots=True)
class PartRow:
    section: str
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class PartView:
    section: str
    key: str
    title: str
    revision: int
    data: Any
    text: str


@dataclass(frozen=True, slots=True)
class Act:
    id: int
    at: datetime
    code: str
    actor: str
    draft_id: int | None
    draft: str
    release: int | None
    values: Mapping[str, Any]


def open_drafts(*, limit: int) -> tuple[DraftFacts, ...]:
    """The latest first."""
    latest = latest_release()
    rows = Draft.objects.filter(state=DraftState.OPEN).order_by("-id")
    found = rows.values_list(*_FACTS)[:limit]
    return tuple(_facts(row, latest=latest.number if latest else None) for row in found)


def draft_facts(draft_id: int) -> DraftFacts:
    """Raises NotFound `unknown_draft`."""
    row = Draft.objects.filter(pk=draft_id).values_list(*_FACTS).first()
    if row is None:
        raise NotFound("There is no such draft.", code="unknown_draft")
    latest = latest_release()
    return _facts(row, latest=latest.number if latest else None)


def sections_of(draft_id: int) -> tuple[tuple[str, int], ...]:
    """Every section with how many parts it has."""
    counted = dict(
        DraftPart.objects.filter(draft=draft_id)
        .values_list("section")
        .annotate(parts=Count("id"))
        .order_by()
    )
    return tuple((section, counted.get(section, 0)) for section in SECTIONS)


def parts_found(
    draft_id: int, *, section: str, text: str = "", offset: int = 0, limit: int = 50
) -> tuple[tuple[PartRow, ...], int]:
    """A page of the parts of a section whose key or name has `text`; and how many there are."""
    rows = DraftPart.objects.filter(draft=draft_id, section=section)
    if text:
        rows = rows.filter(Q(key__icontains=text) | Q(title__icontains=text))
    found = rows.order_by("position", "id").values_list("section", "key", "title")
    return tuple(PartRow(*row) for row in found[offset : offset + limit]), rows.count()


def part_view(draft_id: int, *, section: str, key: str) -> PartView:
    """Raises NotFound `unknown_part`."""
    row = DraftPart.objects.filter(draft=draft_id, section=section, key=key).first()
    if row is None:
        raise NotFound(f"There is no {section}/{key}.", code="unknown_part")
    data = restored(row.data)
    return PartView(section, key, row.title, row.revision, data, text_of(data))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that a draft's conditions may use; of characteristics with their type, if said."""

    offerings: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    charges: tuple[str, ...] = ()
    characteristics: Mapping[str, str] = field(default_factory=dict)


def vocabulary_of(draft_id: int) -> Vocabulary:
    """What the draft names, whatever shape its parts have; one query."""
    sections = ("families", "offerings", "bundles", "categories", "characteristics")
    rows = DraftPart.objects.filter(draft=draft_id, section__in=sections).order_by("position", "id")
    parts: dict[str, list[tuple[str, Any]]] = {section: [] for section in sections}
    for section, key, data in rows.values_list("section", "key", "data"):
        parts[section].append((key, restored(data)))
    sold = [part for name in ("offerings", "families") for _key, part in parts[name]]
    variants = [each for part in sold for each in _mappings(part, "variants")]
    charged = [each for part in (*sold, *variants) for each in _mappings(part, "charges")]
    return Vocabulary(
        offerings=(
            *(key for key, _part in parts["offerings"]),
            *(str(each.get("code", "")) for each in variants),
        ),
        families=tuple(key for key, _part in parts["families"]),
        bundles=tuple(key for key, _part in parts["bundles"]),
        categories=tuple(key for key, _part in parts["categories"]),
        charges=tuple(dict.fromkeys(str(each.get("code", "")) for each in charged)),
        characteristics={
            key: str(part.get("type") or "") if isinstance(part, Mapping) else ""
            for key, part in parts["characteristics"]
        },
    )


def _mappings(part: Any, name: str) -> list[Mapping[str, Any]]:
    found = part.get(name) if isinstance(part, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def findings_on(draft: DraftFacts, *, on: date) -> tuple[Finding, ...]:
    """What keeps the draft from being published on that day; worked out once per its version."""
    return _findings(draft.id, draft.version, on)


def changes_in(draft: DraftFacts, *, on: date) -> tuple[Difference, ...] | None:
    """What the draft changes in what it was begun from; None while it can't be sold."""
    return _changes(draft.id, draft.version, draft.base, on)


def compared(before: int, after: int) -> tuple[Difference, ...]:
    """What differs between two releases. Raises NotFound `unknown_release`."""
    return differences(document_of(before), document_of(after))


def latest_acts(
    *, limit: int, before: int | None = None, draft_id: int | None = None
) -> tuple[Act, ...]:
    """What was done, the latest first."""
    rows = CatalogueAct.objects.order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    if draft_id is not None:
        rows = rows.filter(draft=draft_id)
    found = rows.values_list(
        "id", "at", "code", "actor_name", "draft_id", "draft__name", "release__number", "values"
    )
    return tuple(Act(*row) for row in found[:limit])


_FACTS = (
    "id", "name", "state", "version", "base__number", "opened_at", "opened_by", "release__number",
)  # fmt: skip


def _facts(row: Any, *, latest: int | None) -> DraftFacts:
    pk, name, state, version, base, opened_at, opened_by, release = row
    behind = state == DraftState.OPEN and base != latest
    return DraftFacts(
        pk, name, DraftState(state), version, base, behind, opened_at, opened_by, release
    )


@lru_cache(maxsize=32)
def _findings(draft_id: int, _version: int, on: date) -> tuple[Finding, ...]:
    try:
        checked(parts_in(Draft.objects.get(pk=draft_id)), on=on)
    except CatalogueInvalid as error:
        return findings_of(error)
    return ()


@lru_cache(maxsize=16)
def _changes(
    draft_id: int, _version: int, base: int | None, on: date
) -> tuple[Difference, ...] | None:
    try:
        accepted = checked(parts_in(Draft.objects.get(pk=draft_id)), on=on)
    except CatalogueInvalid:
        return None
    before = document_of(base) if base is not None else {}
    return differences(before, accepted.document)
