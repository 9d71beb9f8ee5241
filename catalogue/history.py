"""What was sold before: the releases that were in force, as far as they differ from one now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db import connection
from django.db.models import Q

from catalogue.domain.document import decoded, offering_from
from catalogue.domain.model import Snapshot
from catalogue.models import Release

# Expanding a document is dear and most offerings never change, so the database does both and only
# what differs travels. A preview is a row of its own table, under its number below zero.
_DIFFERENT = """
WITH now AS MATERIALIZED (
    SELECT item ->> 'code' AS code, item
    FROM jsonb_array_elements((SELECT document -> 'offerings' FROM {table} WHERE {key} = %s))
         AS each(item)
), past AS MATERIALIZED (
    SELECT number, item ->> 'code' AS code, item
    FROM offering_release, jsonb_array_elements(document -> 'offerings') AS each(item)
    WHERE number = ANY(%s)
)
SELECT numbers.number, now.code, past.item::text
FROM now CROSS JOIN unnest(%s::int[]) AS numbers(number)
     LEFT JOIN past ON past.number = numbers.number AND past.code = now.code
WHERE past.item IS NULL
   OR past.item -> 'charges' IS DISTINCT FROM now.item -> 'charges'
   OR past.item -> 'segments' IS DISTINCT FROM now.item -> 'segments'
   OR past.item -> 'channels' IS DISTINCT FROM now.item -> 'channels'
   OR past.item -> 'valid_from' IS DISTINCT FROM now.item -> 'valid_from'
   OR past.item -> 'valid_until' IS DISTINCT FROM now.item -> 'valid_until'
"""


@dataclass(frozen=True, slots=True)
class Era:
    """From `since` on, until the next one, `catalogue` was sold."""

    since: datetime
    catalogue: Snapshot


def eras(current: Snapshot, *, since: datetime, at: datetime) -> tuple[Era, ...]:
    """What was in force at any instant from `since` on, in the order of time; the last is now's.

    Of the past only the offerings of `current` are there, and its rules and taxes stand in for
    theirs: prices and promotions are those of their time. At most two queries, however many
    releases. A preview counts as if it came into force at `at`.
    """
    rows = _in_force(current.release, since=since, at=at)
    if not rows:
        return (Era(since, current),)
    past = rows if current.release < 0 else rows[:-1]
    began = at if current.release < 0 else rows[-1][1]
    changed = _different(current.release, [number for number, *_ in past])
    return (
        *(
            Era(published_at, _as_it_was(current, number, promotions, changed.get(number, {})))
            for number, published_at, promotions in past
        ),
        Era(began, current),
    )


def _in_force(
    release: int, *, since: datetime, at: datetime
) -> list[tuple[int, datetime, list[dict[str, Any]]]]:
    """Number, instant and promotions of the releases sold since then, up to `release`."""
    rows = Release.objects.filter(withdrawal=None)
    if release > 0:
        last = rows.filter(number=release).values("published_at")
        rows = rows.filter(published_at__lte=last[:1]).exclude(
            Q(published_at=last[:1]) & Q(number__gt=release)
        )
    else:
        rows = rows.filter(published_at__lte=at)
    before = (
        rows.filter(published_at__lte=since).order_by("-published_at", "-number").values("pk")[:1]
    )
    found = rows.filter(Q(published_at__gt=since) | Q(pk__in=before)).order_by(
        "published_at", "number"
    )
    return [
        (number, published_at, promotions or [])
        for number, published_at, promotions in found.values_list(
            "number", "published_at", "document__promotions"
        )
    ]


def _different(release: int, past: list[int]) -> Mapping[int, Mapping[str, str | None]]:
    """By release and code: the offering as it was, as JSON; None where it was not sold."""
    if not past:
        return {}
    table, key = ("offering_preview", "id") if release < 0 else ("offering_release", "number")
    found: dict[int, dict[str, str | None]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENT.format(table=table, key=key), [abs(release), past, past])
        for number, code, item in cursor.fetchall():
            found.setdefault(number, {})[code] = item
    return found


def _as_it_was(
    current: Snapshot,
    number: int,
    promotions: list[dict[str, Any]],
    changed: Mapping[str, str | None],
) -> Snapshot:
    offerings = dict(current.offerings)
    for code, item in changed.items():
        if item is None:
            del offerings[code]
        else:
            offerings[code] = offering_from(decoded(json.loads(item)), currency="EUR")
    return replace(
        current,
        release=number,
        digest="",
        offerings=MappingProxyType(offerings),
        promotions=tuple(MappingProxyType(decoded(item)) for item in promotions),
    )
