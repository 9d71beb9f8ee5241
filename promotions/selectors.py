"""Reads of promotions: those of a release, and those that a customer can't have again."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet

from catalogue.domain.model import Snapshot
from catalogue.selectors import releases_before, snapshot_of
from commerce.kernel.errors import NotFound
from promotions.digests import digests
from promotions.domain.codes import normalise
from promotions.domain.compiler import CompiledPromotions, compile_promotions
from promotions.domain.model import Promotion
from promotions.domain.next_offers import NextOfferRule, compile_next_offers
from promotions.models import (
    CodeBatch,
    CodeState,
    SingleUseCode,
)


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch of single-use codes; `redeemed` by orders, `reserved` by checkouts under way."""

    id: int
    promotion: str
    name: str
    count: int
    redeemed: int
    reserved: int
    made_at: datetime
    made_by: str
    valid_until: datetime | None
    exported_at: datetime | None
    exported_by: str


@dataclass(frozen=True, slots=True)
class Entered:
    """Promotions that entered single-use codes open, and those whose codes are used or too late."""

    opened: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()


NOTHING_ENTERED = Entered()
_MOST_KEPT = 16
# Every quote asks for it: written out, because building it anew costs more than running it.
_TAKEN = """
SELECT code, taken, NULL FROM promotions_promotiontally WHERE code = ANY(%s)
UNION ALL
SELECT promotion, 0, key FROM promotions_promotionuse
 WHERE state <> 'released' AND (key = %s OR party_id = %s)
"""
_compiled: dict[tuple[int, str], CompiledPromotions] = {}
_rules: dict[tuple[int, str], tuple[NextOfferRule, ...]] = {}


def promotions_of(snapshot: Snapshot) -> CompiledPromotions:
    """The release's promotions; compiled once per release and process."""
    key = (snapshot.release, snapshot.digest)
    found = _compiled.get(key)
    if found is None:
        found = compile_promotions(snapshot.promotions)
        while len(_compiled) >= _MOST_KEPT:
            _compiled.pop(next(iter(_compiled)))
        _compiled[key] = found
    return found


def agreed_promotion(code: str, *, release: int) -> Promotion | None:
    """The promotion as the release had it, or else the newest release before it that did: what
    somebody was given may be on sale no longer. None if there never was one."""
    found = promotions_of(snapshot_of(release)).promotions.get(code)
    if found is not None:
        return found
    earlier = (promotions_of(snapshot_of(number)) for number in releases_before(release))
    return next((each.promotions[code] for each in earlier if code in each.promotions), None)


def offered_by_agents(snapshot: Snapshot, *, at: datetime) -> tuple[Promotion, ...]:
    """The retention offers of the release that run at `at`."""
    return tuple(
        each
        for each in promotions_of(snapshot).promotions.values()
        if each.reasons
        and (each.valid_from is None or each.valid_from <= at)
        and (each.valid_until is None or at < each.valid_until)
    )


def next_offers_of(snapshot: Snapshot) -> tuple[NextOfferRule, ...]:
    """The release's rules of next best offers; compiled once per release and process."""
    key = (snapshot.release, snapshot.digest)
    found = _rules.get(key)
    if found is None:
        found = compile_next_offers(snapshot.next_offers)
        while len(_rules) >= _MOST_KEPT:
            _rules.pop(next(iter(_rules)))
        _rules[key] = found
    return found


def used_up(
    promotions: CompiledPromotions, *, party_id: int | None, key: str = ""
) -> frozenset[str]:
    """Limited promotions of which nothing is left for this party; what `key` holds is its own.

    The release's totals decide, not those that were in force when one was last taken.

    One query whatever their number; none when no promotion has a limit.
    """
    if not promotions.limited:
        return frozenset()
    totals = {p.code: p.limits.total for p in promotions.limited if p.limits.total is not None}
    full: set[str] = set()
    own: set[str] = set()
    had: Counter[str] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [list(totals), key, party_id])
        for code, taken, used_by in cursor.fetchall():
            if used_by is None:
                full |= {code} if taken >= totals[code] else set()
            elif used_by == key:
                own.add(code)
            else:
                had[code] += 1
    limits = {promotion.code: promotion.limits.per_party for promotion in promotions.limited}
    gone = {code for code, count in had.items() if count >= (limits.get(code) or count + 1)}
    return frozenset((gone | full) - own)


def known_code(promotions: CompiledPromotions, text: str) -> str | None:
    """The code as it is stored in a cart, from what was typed; None if nobody knows it."""
    word = text.strip().upper()
    if promotions.knows_code(word):
        return word
    code = normalise(text) if promotions.single_use else None
    if code is None:
        return None
    rows = SingleUseCode.objects.filter(digest__in=digests([code]))
    return code if rows.filter(batch__promotion__in=_single_use(promotions)).exists() else None


def entered(
    promotions: CompiledPromotions, *, codes: Collection[str], key: str, at: datetime
) -> Entered:
    """What the single-use codes among `codes` open for `key`.

    One query; none where there are no such codes.
    """
    asked = digests(code for code in codes if promotions.single_use and normalise(code))
    if not asked:
        return NOTHING_ENTERED
    opened: set[str] = set()
    used: set[str] = set()
    rows = SingleUseCode.objects.filter(
        digest__in=asked, batch__promotion__in=_single_use(promotions)
    ).values_list("batch__promotion", "batch__valid_until", "state", "key", "until")
    for promotion, valid_until, state, held_by, until in rows:
        ours = state != CodeState.FREE and held_by == key and key != ""
        free = state == CodeState.FREE or (until is not None and until <= at)
        in_time = valid_until is None or at < valid_until
        (opened if ours or (free and in_time) else used).add(promotion)
    return Entered(frozenset(opened | used), frozenset(used - opened))


def opened_by(codes: Iterable[str]) -> Mapping[str, str]:
    """The promotion of each single-use code among `codes`, whatever became of it; one query."""
    asked = {digest: code for code in codes if normalise(code) for digest in digests([code])}
    if not asked:
        return {}
    rows = SingleUseCode.objects.filter(digest__in=list(asked))
    found = rows.values_list("digest", "batch__promotion")
    return {asked[bytes(digest)]: promotion for digest, promotion in found}


def _single_use(promotions: CompiledPromotions) -> list[str]:
    return [promotion.code for promotion in promotions.limited if promotion.single_use]


def batches(*, promotion: str = "", most: int = 200) -> tuple[BatchView, ...]:
    """The batches of single-use codes, the latest first; one query."""
    rows = _batches()
    if promotion:
        rows = rows.filter(promotion=promotion)
    return tuple(_batch(row) for row in rows.order_by("-pk")[:most])


def batch_view(batch_id: int) -> BatchView:
    """Raises NotFound `unknown_batch`."""
    row = _batches().filter(pk=batch_id).first()
    if row is None:
        raise NotFound("There is no such batch.", code="unknown_batch")
    return _batch(row)


def _batches() -> QuerySet[CodeBatch]:
    return CodeBatch.objects.defer("secret").annotate(
        redeemed=Count("codes", filter=Q(codes__state=CodeState.REDEEMED)),
        reserved=Count("codes", filter=Q(codes__state=CodeState.RESERVED)),
    )


def _batch(row: Any) -> BatchView:
    return BatchView(
        id=row.pk,
        promotion=row.promotion,
        name=row.name,
        count=row.count,
        redeemed=row.redeemed,
        reserved=row.reserved,
        made_at=row.made_at,
        made_by=row.made_by,
        valid_until=row.valid_until,
        exported_at=row.exported_at,
        exported_by=row.exported_by,
    )
