"""Reads of promotions: those of a release, and those that a customer can't have again."""

from collections import Counter

from django.db.models import F, Q

from catalogue.domain.model import Snapshot
from promotions.domain.compiler import CompiledPromotions, compile_promotions
from promotions.models import PromotionTally, PromotionUse, UseState

_MOST_KEPT = 16
_compiled: dict[tuple[int, str], CompiledPromotions] = {}


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


def used_up(
    promotions: CompiledPromotions, *, party_id: int | None, key: str = ""
) -> frozenset[str]:
    """Limited promotions of which nothing is left for this party; what `key` holds is its own.

    Two queries whatever their number; none when no promotion has a limit.
    """
    if not promotions.limited:
        return frozenset()
    full = PromotionTally.objects.filter(taken__gte=F("total")).values_list("code", flat=True)
    uses = PromotionUse.objects.exclude(state=UseState.RELEASED).filter(
        Q(key=key) | Q(party_id=party_id) if party_id is not None else Q(key=key)
    )
    own: set[str] = set()
    had: Counter[str] = Counter()
    for code, used_by in uses.values_list("promotion", "key"):
        if used_by == key:
            own.add(code)
        else:
            had[code] += 1
    limits = {promotion.code: promotion.limits.per_party for promotion in promotions.limited}
    gone = {code for code, count in had.items() if count >= (limits.get(code) or count + 1)}
    return frozenset((gone | set(full)) - own)
