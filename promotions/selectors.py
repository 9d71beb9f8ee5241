"""Reads of promotions: those of a release, and those that a customer can't have again."""

from collections import Counter

from django.db.models import F

from catalogue.domain.model import Snapshot
from commerce.kernel.clock import business_now
from promotions.domain.compiler import CompiledPromotions
from promotions.models import PromotionTally, PromotionUse, UseState


def promotions_of(snapshot: Snapshot) -> CompiledPromotions:
    """The release's promotions; compiled once per release and process."""
    return _compiled(snapshot.release, snapshot.digest, _Held(snapshot))


def used_up(
    promotions: CompiledPromotions, *, party_id: int | None, key: str = ""
) -> frozenset[str]:
    """Limited promotions of which nothing is left for this party; what `key` holds is not counted.

    At most two queries, none without limited promotions. Reservations whose time is over count as
    free.
    """
    if not promotions.limited:
        return frozenset()
    full = set(
        PromotionTally.objects.filter(total__isnull=False, taken__gte=F("total")).values_list(
            "code", flat=True
        )
    )
    uses = PromotionUse.objects.exclude(state=UseState.RELEASED)
    mine: Counter[str] = Counter()
    own: set[str] = set()
    for code, used_by, state, until, party in uses.filter(_of(party_id, key, full)).values_list(
        "promotion", "key", "state", "until", "party_id"
    ):
        if used_by == key:
            own.add(code)
        elif state == UseState.RESERVED and until <= business_now():
            full.discard(code)
        elif party_id is not None and party == party_id:
            mine[code] += 1
    gone = full | {
        code
        for code, count in mine.items()
        if (limit := _per_party(promotions, code)) is not None and count >= limit
    }
    return frozenset(gone - own)
