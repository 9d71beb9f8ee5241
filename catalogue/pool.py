"""Reads of the number pool: what is free, proposed, found by its figures. Nothing is held."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import MD5

from catalogue.domain.numbers import STANDARD, Where, read_pattern
from catalogue.models import Number, NumberState
from commerce.kernel.clock import PARIS

PORTED = "ported"
"""The class of numbers that are of another operator's range."""

_LOOKUPS = {Where.ANYWHERE: "contains", Where.BEGINNING: "startswith", Where.END: "endswith"}


@dataclass(frozen=True, slots=True)
class PoolNumber:
    """A number with its class."""

    msisdn: str
    klass: str


def free_at(at: datetime) -> Q:
    """Free, or held by someone whose time is over, or rested long enough.

    One that its last user had asked back rests on when his hold is over.
    """
    today = at.astimezone(PARIS).date()
    return (
        Q(state=NumberState.FREE)
        | (
            Q(state=NumberState.HELD, held_until__lte=at)
            & (Q(quarantine_until=None) | Q(quarantine_until__lte=today))
            & ~Q(klass=PORTED)
        )
        | (Q(state=NumberState.QUARANTINE, quarantine_until__lte=today) & ~Q(klass=PORTED))
    )


def propose(*, count: int, klass: str = STANDARD, at: datetime, salt: str = "") -> tuple[str, ...]:
    """Up to `count` numbers of `klass` that are free at `at`.

    `salt` (a cart's code) gives each asker numbers of their own, the same when asked again: those
    that follow its digest, read from the index; two queries at most.
    """
    start = hashlib.md5(salt.encode(), usedforsecurity=False).hexdigest()
    rows = Number.objects.filter(free_at(at), klass=klass).annotate(place=MD5("msisdn"))
    found = _first(rows.filter(place__gte=start), count)
    if len(found) < count:
        found += _first(rows.filter(place__lt=start), count - len(found))
    return tuple(found)


def search(
    *, pattern: str, classes: Collection[str], count: int, at: datetime
) -> tuple[PoolNumber, ...]:
    """Up to `count` free numbers of these classes that fit `pattern`, in their order; one query.

    `77` finds it anywhere, `*77` at the end, `06*` at the beginning.

    Raises:
        InvalidInput: `number_pattern_invalid`.
    """
    where, figures = read_pattern(pattern)
    rows = Number.objects.filter(free_at(at), klass__in=classes)
    if figures:
        rows = rows.filter(**{f"msisdn__{_LOOKUPS[where]}": figures})
    pairs = rows.order_by("msisdn").values_list("msisdn", "klass")[:count]
    return tuple(PoolNumber(*pair) for pair in pairs)


def resting(msisdns: Collection[str]) -> frozenset[str]:
    """Those of the numbers that rest, so that their last user may have them back."""
    rows = Number.objects.filter(msisdn__in=msisdns, state=NumberState.QUARANTINE)
    return frozenset(rows.values_list("msisdn", flat=True))


def class_in_pool(msisdn: str) -> str | None:
    """The class of a number; None if we have no such number."""
    return Number.objects.filter(msisdn=msisdn).values_list("klass", flat=True).first()


def held_until(keys: Collection[str]) -> Mapping[str, datetime]:
    """Until when each of the keys holds its number (business time); one query."""
    rows = Number.objects.filter(key__in=keys, state=NumberState.HELD)
    return {key: until for key, until in rows.values_list("key", "held_until") if until}


def _first(rows: QuerySet[Number], count: int) -> list[str]:
    return list(rows.order_by(MD5("msisdn")).values_list("msisdn", flat=True)[:count])
