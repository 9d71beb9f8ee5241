"""Reads of the catalogue. What is sold comes as frozen values; a request never walks the ORM."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Protocol

from django.db import connection
from django.db.models import Q

from catalogue.domain.document import NOTHING, Document, snapshot_from
from catalogue.domain.model import Offering, Segment, Snapshot
from catalogue.domain.sourcing import PartnerKind, Source, preferred
from catalogue.importer.writing import restored
from catalogue.models import Number, NumberState, Preview, Release
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class StockFacts:
    """What can be promised of one offering: pieces free to sell, from whom first, how soon; and
    `coming` ones that can be ordered now, the first of them expected on `back_order_on`."""

    available: int
    partner: str
    lead_days: int
    back_order_on: date | None
    coming: int = 0

    @property
    def orderable(self) -> int:
        """Pieces that can be ordered, now or for a date."""
        return self.available + self.coming


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


def last_sold(code: str, *, catalogue: Snapshot) -> Offering | None:
    """The offering as the release has it, or else the newest release before it that did: what
    somebody has may be sold no longer. None if it never was sold."""
    return catalogue.offerings.get(code) or _sold_before(code, catalogue.release)


def releases_before(release: int) -> tuple[int, ...]:
    """The numbers of the releases before that one which were in force, the newest first."""
    earlier = Release.objects.filter(number__lt=release, withdrawal=None).order_by("-number")
    return tuple(earlier.values_list("number", flat=True))


@lru_cache(maxsize=256)
def _sold_before(code: str, release: int) -> Offering | None:
    for number in releases_before(release):
        found = snapshot_of(number).offerings.get(code)
        if found is not None:
            return found
    return None


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


def release_dates() -> tuple[tuple[datetime, int], ...]:
    """Since when each release that was not withdrawn is in force, in order; one query."""
    rows = Release.objects.filter(withdrawal=None).order_by("published_at", "number")
    return tuple(rows.values_list("published_at", "number"))


# Written out like the release in force: every list asks for it.
_SOURCES = """
SELECT o.code, p.code, coalesce(u.kind, 'own'), coalesce(u.preference, 0),
       coalesce(s.lead_days, 1),
       greatest(coalesce(r.num_in_stock, 0) - coalesce(r.num_allocated, 0)
                + coalesce(h.there, 0), 0)::int,
       greatest(coalesce(s.coming, 0) - coalesce(s.coming_held, 0) + coalesce(h.coming, 0), 0)::int,
       s.back_order_on
FROM offering_offering AS o
     JOIN partner_stockrecord AS r ON r.product_id = o.product_id
     JOIN partner_partner AS p ON p.id = r.partner_id
     LEFT JOIN offering_supplier AS u ON u.partner_id = p.id
     LEFT JOIN offering_supply AS s ON s.stock_record_id = r.id
     LEFT JOIN LATERAL (
         SELECT sum(quantity - coming) AS there, sum(coming) AS coming FROM offering_stockhold
         WHERE stock_record_id = r.id AND state = 'held' AND until <= %(now)s
     ) AS h ON true
WHERE o.code = ANY(%(codes)s)
      AND (%(shops)s::text[] = '{}' AND u.kind IS DISTINCT FROM 'shop'
           OR p.code = ANY(%(shops)s) AND u.kind = 'shop')
"""


def sources_of(
    codes: Collection[str], *, shops: Collection[str] = ()
) -> Mapping[str, tuple[Source, ...]]:
    """Who has how many of each offering that has stock at all, in one query: all who deliver, or
    these `shops`.

    Pieces whose hold has ended are free again, whether somebody took them over yet or not.
    """
    if not codes:
        return {}
    found: dict[str, list[Source]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _SOURCES, {"codes": list(codes), "shops": list(shops), "now": business_now()}
        )
        for code, partner, kind, *facts in cursor.fetchall():
            found.setdefault(code, []).append(Source(partner, PartnerKind(kind), *facts))
    return {code: preferred(sources) for code, sources in found.items()}


def stock_of(codes: Collection[str]) -> Mapping[str, StockFacts]:
    """What can be delivered of the offerings that have stock, in one query; others are not in the
    answer."""
    today = business_today()
    return {code: stock_facts(sources, today=today) for code, sources in sources_of(codes).items()}


def stock_facts(sources: Sequence[Source], *, today: date) -> StockFacts:
    """What the sources of one offering, as they are asked, come to."""
    first = next((source for source in sources if source.free), sources[0])
    ahead = [source for source in sources if source.incoming(today=today)]
    return StockFacts(
        available=sum(source.free for source in sources),
        partner=first.partner,
        lead_days=first.lead_days,
        back_order_on=min((s.expected_on for s in ahead if s.expected_on), default=None),
        coming=sum(source.coming for source in ahead),
    )


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
    for cache in (_loaded, _sold_before, *_per_release):
        cache.cache_clear()
