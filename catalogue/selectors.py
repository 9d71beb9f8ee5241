"""Reads of the catalogue. What is sold comes as frozen values; a request never walks the ORM."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Protocol

from django.db import connection
from django.db.models import Q

from catalogue.domain.document import NOTHING, Document, snapshot_from
from catalogue.domain.model import Segment, Snapshot
from catalogue.importer.writing import restored
from catalogue.models import Number, NumberState, Preview, Release
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class StockFacts:
    """What can be promised of one offering: pieces free to sell, from whom, how soon."""

    available: int
    partner: str
    lead_days: int
    back_order_on: date | None


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    number: int
    digest: str
    published_at: datetime
    note: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class PreviewFacts:
    """A state of a draft that is looked at as if it were sold, to whom and on which channel."""

    release: ReleaseFacts
    draft_id: int
    segment: Segment | None
    channel: str


class Cache(Protocol):
    """What `lru_cache` makes of a function."""

    def cache_clear(self) -> None: ...


# Every request asks for it: written out, because building it anew costs more than running it.
_IN_FORCE = """
SELECT r.number, r.digest, r.published_at, r.note
FROM offering_release AS r
WHERE r.published_at <= %s
      AND NOT EXISTS (SELECT FROM offering_withdrawal AS w WHERE w.release_id = r.id)
ORDER BY r.published_at DESC, r.number DESC
LIMIT 1
"""
_per_release: list[Cache] = []
_shown: ContextVar[PreviewFacts | None] = ContextVar("catalogue_shown", default=None)


def current_snapshot(at: datetime | None = None) -> Snapshot:
    """What can be sold at `at` (default: business now); one cheap query.

    Before the first release it is an empty snapshot with release 0.
    """
    current = current_release(at)
    return snapshot_of(current.number) if current else _empty()


def snapshot_of(release: int) -> Snapshot:
    """The snapshot of one release; kept in the process, as releases never change.

    Raises:
        NotFound: code `unknown_release`.
    """
    return _empty() if release == 0 else _loaded(release)


def current_release(at: datetime | None = None) -> ReleaseFacts | None:
    """The release in force at `at`, without its document; None before the first.

    While a draft is previewed it is that one; see `previewing`.
    """
    shown = _shown.get()
    if shown is not None:
        return shown.release
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE, [at or business_now()])
        found = cursor.fetchone()
    return ReleaseFacts(*found) if found else None


# Written out like the release in force: every list asks for it.
_STOCK = """
SELECT o.code,
       greatest(
           coalesce(r.num_in_stock, 0) - coalesce(r.num_allocated, 0) + coalesce((
               SELECT sum(h.quantity) FROM offering_stockhold AS h
               WHERE h.stock_record_id = r.id AND h.state = 'held' AND h.until <= %s
           ), 0), 0)::int,
       p.code, coalesce(s.lead_days, 1), s.back_order_on
FROM offering_offering AS o
     JOIN partner_stockrecord AS r ON r.product_id = o.product_id
     JOIN partner_partner AS p ON p.id = r.partner_id
     LEFT JOIN offering_supply AS s ON s.stock_record_id = r.id
WHERE o.code = ANY(%s)
ORDER BY r.id
"""


def stock_of(codes: Collection[str]) -> Mapping[str, StockFacts]:
    """The stock of the offerings that have one, in one query; others are not in the answer.

    Pieces whose hold has ended are free again, whether somebody took them over yet or not.
    """
    if not codes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_STOCK, [business_now(), list(codes)])
        return {row[0]: StockFacts(*row[1:]) for row in cursor.fetchall()}


def number_of(key: str) -> str | None:
    """The number that is held for or assigned to `key`, in national form."""
    return Number.objects.filter(key=key).values_list("msisdn", flat=True).first()


def free_numbers(*, klass: str = "standard") -> int:
    """How many numbers of that class can be given out now."""
    return Number.objects.filter(klass=klass, state=NumberState.FREE).count()


def releases(*, limit: int, before: int | None = None) -> tuple[ReleaseFacts, ...]:
    """The releases, the latest first; those made before number `before`."""
    rows = Release.objects.order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = rows.annotate(withdrawn=Q(withdrawal__isnull=False)).values_list(
        "number", "digest", "published_at", "note", "withdrawn"
    )
    return tuple(ReleaseFacts(*row) for row in found[:limit])


def release_facts(number: int) -> ReleaseFacts:
    """Raises NotFound `unknown_release`."""
    found = releases(limit=1, before=number + 1)
    if not found or found[0].number != number:
        raise NotFound(f"There is no release {number}.", code="unknown_release", release=number)
    return found[0]


def source_of(release: int | None = None) -> tuple[int, dict[str, Any]]:
    """The readable form of a release (default: the last one made) and its number.

    Raises:
        NotFound: `unknown_release`. Conflict: `release_without_source`.
    """
    rows = Release.objects.filter(withdrawal=None).order_by("-number")
    found = rows.first() if release is None else Release.objects.filter(number=release).first()
    if found is None:
        raise NotFound("There is no such release.", code="unknown_release", release=release or 0)
    if not found.source:
        raise Conflict(
            f"Release {found.number} has no readable form.", code="release_without_source"
        )
    return found.number, restored(found.source)


@contextmanager
def previewing(
    number: int, *, segment: Segment | None = None, channel: str = "web"
) -> Iterator[None]:
    """In the block the state of a draft is in force, as snapshot `number` (below zero).

    The shop is shown as to `segment` on `channel`; without one, as to whoever looks.

    Raises:
        NotFound: code `unknown_release`.
    """
    found = Preview.objects.filter(pk=-number).values_list(
        "draft", "digest", "made_at", "draft__name"
    )
    row = found.first()
    if row is None:
        raise NotFound(f"There is no preview {number}.", code="unknown_release", release=number)
    draft_id, digest, made_at, name = row
    release = ReleaseFacts(number, digest, made_at, name)
    shown = PreviewFacts(release, draft_id, segment, channel)
    token = _shown.set(shown)
    try:
        yield
    finally:
        _shown.reset(token)


def previewed() -> PreviewFacts | None:
    """The state of a draft that is in force in this request; None in all others."""
    return _shown.get()


def document_of(release: int) -> Document:
    """The document of a release, or of a preview (below zero).

    Raises:
        NotFound: code `unknown_release`.
    """
    return _row(release)[0]


def _row(release: int) -> tuple[Document, str]:
    rows = (
        Preview.objects.filter(pk=-release)
        if release < 0
        else Release.objects.filter(number=release)
    )
    found: tuple[Document, str] | None = rows.values_list("document", "digest").first()
    if found is None:
        raise NotFound(f"There is no release {release}.", code="unknown_release", release=release)
    return found


@lru_cache(maxsize=16)
def _loaded(release: int) -> Snapshot:
    document, digest = _row(release)
    return snapshot_from(document, release=release, digest=digest)


@lru_cache(maxsize=1)
def _empty() -> Snapshot:
    return snapshot_from(NOTHING, release=0, digest="")


def kept_per_release(*caches: Cache) -> None:
    """What a module keeps in its process for a release, to be forgotten with the snapshots."""
    _per_release.extend(caches)


def forget_snapshots() -> None:
    """Empty the process's caches; for tests, where one release number may be made twice."""
    for cache in (_loaded, *_per_release):
        cache.cache_clear()
