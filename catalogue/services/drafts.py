"""Drafts: a catalogue in the making, part by part."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import F, Max

from catalogue.domain.document import encoded
from catalogue.importer.drafts import Finding, checked, findings_of
from catalogue.importer.sources import CatalogueInvalid, read_part
from catalogue.importer.writing import (
    KEYED,
    WHOLE,
    CataloguePart,
    key_of,
    parts_of,
    restored,
    stored,
)
from catalogue.models import DRAFT_LIFE, Draft, DraftPart, DraftState, Preview, Release
from catalogue.services.acts import only_managers, record
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import Conflict, InvalidInput, NotFound

SECTIONS = (
    "families",
    "offerings",
    "bundles",
    "rules",
    "promotions",
    "next_offers",
    "specifications",
    "characteristics",
    "categories",
    "recipes",
    "synonyms",
    "suppliers",
    "numbers",
    "number_classes",
    "release",
)
MOST_TEXT = 200_000
"""Characters of one part."""
MOST_NAME = 120


@transaction.atomic
def open_draft(context: AccountContext, *, name: str, release: int | None = None) -> int:
    """Begin a draft with what the latest release says (or `release`); its id.

    Raises:
        NotFound: `unknown_release`.
        Conflict: `release_without_source`: it was made before releases kept their readable form.
    """
    base = _base(release)
    data = restored(base.source) if base is not None else {}
    draft = _new(context, name=name, base=latest_release(), data=data)
    values = {"name": draft.name, "from": base.number if base else None}
    record("draft_opened", context=context, draft=draft, values=values)
    return draft.pk


@transaction.atomic
def open_draft_of(
    context: AccountContext, *, name: str, data: Mapping[str, Any], origin: str
) -> int:
    """Begin a draft with `data` (sections as read from files); `origin` is for the record."""
    draft = _new(context, name=name, base=latest_release(), data=data)
    values = {"name": draft.name, "from": origin}
    record("draft_opened", context=context, draft=draft, values=values)
    return draft.pk


@transaction.atomic
def write_part(
    context: AccountContext,
    *,
    draft_id: int,
    section: str,
    key: str,
    text: str,
    revision: int = 0,
    new_key: str = "",
) -> str:
    """Put the part's `text` (YAML) into the draft; its key, which a new code changes.

    An empty `key` adds a part. What the text means is judged with the whole draft; here it only
    has to be readable. The same text again changes nothing.

    Raises:
        CatalogueInvalid: it can't be read; lines count from 1 in the text.
        Conflict: `part_changed` since `revision`, or `part_is_there` already.
    """
    only_managers(context)
    if len(text) > MOST_TEXT:
        raise InvalidInput(
            "That is too much text for one part.", code="text_too_long", field="text"
        )
    data, problems = read_part(text, name=f"{section}/{key}")
    if problems:
        raise CatalogueInvalid(problems)
    return set_part(
        context,
        draft_id=draft_id,
        section=section,
        key=key,
        data=data,
        revision=revision,
        new_key=new_key,
    )


@transaction.atomic
def set_part(
    context: AccountContext,
    *,
    draft_id: int,
    section: str,
    key: str,
    data: Any,
    revision: int = 0,
    new_key: str = "",
) -> str:
    """As `write_part`, of what has been read; `new_key` names a part that doesn't name itself."""
    only_managers(context)
    draft = locked(draft_id)
    _known(section)
    named = key_of(section, data) if section not in KEYED and section != WHOLE else ""
    wanted = named or new_key or key
    if not wanted:
        raise InvalidInput("Say how it is called.", code="part_without_name", field="key")
    if wanted != key and (len(wanted) > MOST_NAME or not wanted.isprintable()):
        raise InvalidInput("That name can't be kept.", code="bad_part_name", field="key")
    if wanted != key and draft.parts.filter(section=section, key=wanted).exists():
        raise Conflict(f"There is {section}/{wanted} already.", code="part_is_there", field="key")
    if key:
        return _changed(context, draft, section, key, wanted, data, revision)
    last = draft.parts.filter(section=section).aggregate(last=Max("position"))["last"]
    DraftPart.objects.create(
        draft=draft,
        section=section,
        key=wanted,
        position=(last or 0) + 1,
        title=title_of(data),
        data=stored(data),
    )
    _touch(draft)
    values = {"part": f"{section}/{wanted}", "after": encoded(data)}
    record("part_added", context=context, draft=draft, values=values)
    return wanted


@transaction.atomic
def remove_part(
    context: AccountContext, *, draft_id: int, section: str, key: str, revision: int
) -> None:
    """Raises NotFound `unknown_part`, Conflict `part_changed`."""
    only_managers(context)
    draft = locked(draft_id)
    part = _part(draft, section, key, revision)
    values = {"part": str(part), "before": encoded(restored(part.data))}
    part.delete()
    _touch(draft)
    record("part_removed", context=context, draft=draft, values=values)


@transaction.atomic
def catch_up(context: AccountContext, *, draft_id: int) -> tuple[str, ...]:
    """Bring what releases changed since the draft was begun into it; where both changed, it stays.

    Returns:
        The parts (`section/key`) that both changed.
    """
    only_managers(context)
    draft, latest = locked(draft_id), latest_release()
    if latest is None or draft.base_id == latest.pk:
        return ()
    before = _by_name(restored(draft.base.source) if draft.base else {})
    after = _by_name(restored(latest.source))
    mine = {str(part): part for part in draft.parts.all()}
    disputed = []
    for name in sorted(before.keys() | after.keys()):
        was, now, own = before.get(name), after.get(name), mine.get(name)
        if (was.data if was else None) == (now.data if now else None):
            continue
        untouched = (own.data if own else None) == (stored(was.data) if was else None)
        if untouched:
            _replace(draft, own, now)
        elif (own.data if own else None) != (stored(now.data) if now else None):
            disputed.append(name)
    draft.base = latest
    draft.save(update_fields=["base"])
    _touch(draft)
    values = {"release": latest.number, "disputed": disputed}
    record("draft_caught_up", context=context, draft=draft, values=values)
    return tuple(disputed)


@transaction.atomic
def discard(context: AccountContext, *, draft_id: int) -> None:
    """The draft is no more; its acts stay."""
    only_managers(context)
    draft = locked(draft_id)
    DRAFT_LIFE.check(DraftState(draft.state), DraftState.DISCARDED)
    draft.state = DraftState.DISCARDED
    draft.save(update_fields=["state"])
    record("draft_discarded", context=context, draft=draft)


def findings(draft_id: int) -> tuple[Finding, ...]:
    """Everything that keeps the draft from being published today."""
    try:
        checked(parts_in(_draft(draft_id)), on=business_now().astimezone(PARIS).date())
    except CatalogueInvalid as error:
        return findings_of(error)
    return ()


@transaction.atomic
def preview(context: AccountContext, *, draft_id: int) -> int:
    """Freeze the draft as it is, to be looked at; the number (below zero) of its snapshot.

    Raises:
        CatalogueInvalid: it can't be sold as it is.
    """
    only_managers(context)
    draft = locked(draft_id)
    accepted = checked(parts_in(draft), on=business_now().astimezone(PARIS).date())
    frozen, new = Preview.objects.get_or_create(
        draft=draft,
        digest=accepted.digest,
        defaults={"document": accepted.document, "made_at": business_now()},
    )
    if new:
        record("previewed", context=context, draft=draft, values={"version": draft.version})
    return -frozen.pk


def parts_in(draft: Draft) -> list[CataloguePart]:
    """The draft's parts in the order in which a catalogue has them."""
    rows = draft.parts.order_by("section", "position", "id").values_list("section", "key", "data")
    order = {section: place for place, section in enumerate(SECTIONS)}
    found = [CataloguePart(section, key, restored(data)) for section, key, data in rows]
    return sorted(found, key=lambda part: order.get(part.section, len(order)))


def parts_of_draft(draft_id: int) -> list[CataloguePart]:
    """As `parts_in`. Raises NotFound `unknown_draft`."""
    return parts_in(_draft(draft_id))


def replace_parts(draft: Draft, parts: Iterable[CataloguePart]) -> None:
    """Put other content into parts that the draft has; one change of the draft."""
    rows = {(row.section, row.key): row for row in draft.parts.all()}
    changed = []
    for part in parts:
        row = rows[part.section, part.key]
        row.data, row.title = stored(part.data), title_of(part.data)
        row.revision += 1
        changed.append(row)
    DraftPart.objects.bulk_update(changed, ["data", "title", "revision"], batch_size=500)
    _touch(draft)


def locked(draft_id: int, *, version: int | None = None) -> Draft:
    """The open draft, for its change; the caller has a transaction open.

    Raises:
        NotFound: `unknown_draft`. Conflict: `draft_closed`, `draft_changed`.
    """
    draft = Draft.objects.select_for_update(of=("self",)).filter(pk=draft_id).first()
    if draft is None:
        raise NotFound("There is no such draft.", code="unknown_draft")
    if draft.state != DraftState.OPEN:
        raise Conflict("This draft is closed.", code="draft_closed")
    if version is not None and version != draft.version:
        raise Conflict("Somebody changed the draft while you looked at it.", code="draft_changed")
    return draft


def latest_release() -> Release | None:
    """The last one made that was not withdrawn, also if its day has not come."""
    found = Release.objects.filter(withdrawal=None).order_by("-number")
    return found.defer("document", "source").first()


def title_of(data: Any) -> str:
    """Words to find a part by."""
    if not isinstance(data, Mapping):
        return ""
    found = data.get("name")
    words = found if isinstance(found, Mapping) else data
    texts = [str(text) for text in words.values() if isinstance(text, str)]
    return " / ".join(dict.fromkeys(texts[:4]))[:300]


def _changed(
    context: AccountContext,
    draft: Draft,
    section: str,
    key: str,
    wanted: str,
    data: Any,
    revision: int,
) -> str:
    part = _part(draft, section, key, revision)
    before, after = part.data, stored(data)
    if before == after and wanted == key:
        return key
    part.key, part.data, part.title = wanted, after, title_of(data)
    part.revision += 1
    part.save(update_fields=["key", "data", "title", "revision"])
    _touch(draft)
    values = {"part": str(part), "before": encoded(restored(before)), "after": encoded(data)}
    record("part_changed", context=context, draft=draft, values=values)
    return wanted


def _new(
    context: AccountContext, *, name: str, base: Release | None, data: Mapping[str, Any]
) -> Draft:
    only_managers(context)
    draft = Draft.objects.create(
        name=name.strip()[:120] or "Draft",
        base=base,
        opened_at=business_now(),
        opened_by=context.actor.name,
    )
    DraftPart.objects.bulk_create(
        (_row(draft, part, position=place) for place, part in enumerate(parts_of(data), start=1)),
        batch_size=1000,
    )
    return draft


def _row(draft: Draft, part: CataloguePart, *, position: int) -> DraftPart:
    return DraftPart(
        draft=draft,
        section=part.section,
        key=part.key[:MOST_NAME],
        position=position,
        title=title_of(part.data),
        data=stored(part.data),
    )


def _replace(draft: Draft, own: DraftPart | None, now: CataloguePart | None) -> None:
    if now is None:
        if own is not None:
            own.delete()
        return
    if own is None:
        last = draft.parts.filter(section=now.section).aggregate(last=Max("position"))["last"]
        _row(draft, now, position=(last or 0) + 1).save()
        return
    own.data, own.title = stored(now.data), title_of(now.data)
    own.revision += 1
    own.save(update_fields=["data", "title", "revision"])


def _touch(draft: Draft) -> None:
    Draft.objects.filter(pk=draft.pk).update(version=F("version") + 1)


def _part(draft: Draft, section: str, key: str, revision: int) -> DraftPart:
    found = draft.parts.filter(section=section, key=key).first()
    if found is None:
        raise NotFound(f"There is no {section}/{key}.", code="unknown_part")
    if found.revision != revision:
        raise Conflict("Somebody changed it while you wrote; look at it anew.", code="part_changed")
    return found


def _draft(draft_id: int) -> Draft:
    found = Draft.objects.filter(pk=draft_id).first()
    if found is None:
        raise NotFound("There is no such draft.", code="unknown_draft")
    return found


def _known(section: str) -> None:
    if section not in SECTIONS:
        raise NotFound(f"There is no section {section[:40]}.", code="unknown_section")


def _base(number: int | None) -> Release | None:
    if number is None:
        found = latest_release()
    else:
        found = Release.objects.filter(number=number).first()
        if found is None:
            raise NotFound(f"There is no release {number}.", code="unknown_release")
    if found is not None and not found.source:
        raise Conflict(
            f"Release {found.number} has no readable form.", code="release_without_source"
        )
    return found


def _by_name(data: Mapping[str, Any]) -> dict[str, CataloguePart]:
    found: Iterable[CataloguePart] = parts_of(data)
    return {f"{part.section}/{part.key}": part for part in found}
