"""Reads of the catalogue. What is sold comes as frozen values; a request never walks the ORM."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from django.db.models import F
from django.db.models.functions import Coalesce
from oscar.apps.partner.models import StockRecord

from catalogue.domain.document import NOTHING, snapshot_from
from catalogue.domain.model import Snapshot
from catalogue.models import Number, NumberState, Release
from commerce.kernel.clock import business_now
from commerce.kernel.errors import NotFound


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
    """The release in force at `at`, without its document; None before the first."""
    found = (
        Release.objects.filter(published_at__lte=at or business_now())
        .order_by("-published_at", "-number")
        .values_list("number", "digest", "published_at", "note")
        .first()
    )
    return ReleaseFacts(*found) if found else None


def stock_of(codes: Collection[str]) -> Mapping[str, StockFacts]:
    """The stock of the offerings that have one, in one query; others are not in the answer."""
    rows = (
        StockRecord.objects.filter(product__offering__code__in=codes)
        .order_by("pk")
        .annotate(
            free=Coalesce(F("num_in_stock"), 0) - Coalesce(F("num_allocated"), 0),
            days=Coalesce(F("supply__lead_days"), 1),
        )
        .values_list(
            "product__offering__code", "free", "partner__code", "days", "supply__back_order_on"
        )
    )
    return {
        code: StockFacts(max(free, 0), partner, days, back_on)
        for code, free, partner, days, back_on in rows
    }


def number_of(key: str) -> str | None:
    """The number that is held for or assigned to `key`, in national form."""
    return Number.objects.filter(key=key).values_list("msisdn", flat=True).first()


def free_numbers(*, klass: str = "standard") -> int:
    """How many numbers of that class can be given out now."""
    return Number.objects.filter(klass=klass, state=NumberState.FREE).count()


@lru_cache(maxsize=16)
def _loaded(release: int) -> Snapshot:
    found = Release.objects.filter(number=release).values_list("document", "digest").first()
    if found is None:
        raise NotFound(f"There is no release {release}.", code="unknown_release", release=release)
    document, digest = found
    return snapshot_from(document, release=release, digest=digest)


@lru_cache(maxsize=1)
def _empty() -> Snapshot:
    return snapshot_from(NOTHING, release=0, digest="")


def forget_snapshots() -> None:
    """Empty the process's cache; for tests, where one release number may be made twice."""
    _loaded.cache_clear()
