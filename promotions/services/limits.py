"""Uses of limited promotions: reserved when checkout starts, redeemed by the order, or released.

Parallel checkouts meet on the tally's row: one guarded UPDATE decides who gets the last one.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from commerce.kernel.clock import business_now
from commerce.rows import Given, Prepared
from promotions.domain.model import Promotion
from promotions.models import USE_LIFE, PromotionTally, PromotionUse, UseState
from promotions.services import single_use
from promotions.services.single_use import used_up_meanwhile

_USES = Prepared(
    lambda: PromotionUse.objects.select_for_update().filter(key=Given("key")).order_by("promotion")
)


def reserve(
    promotions: Iterable[Promotion],
    *,
    key: str,
    party_id: int | None,
    until: datetime,
    codes: Collection[str] = (),
) -> None:
    """Keep one use of each limited promotion among `promotions` for `key`, and of no other.

    Of those with single-use codes, one of the entered `codes` is kept. In the caller's
    transaction. What `key` held before and no longer asks for is released. May be repeated: the
    end moves.

    Raises:
        RuleViolated: `promotion_used_up`; `detail["promotion"]` names it. Nothing is kept then.
    """
    promotions = tuple(promotions)
    single_use.reserve(promotions, codes=codes, key=key, until=until)
    wanted = {promotion.code: promotion for promotion in promotions if promotion.limits}
    held = _held(key)
    for code in sorted(set(held) - set(wanted)):
        _let_go(held[code])
    for code in sorted(wanted):
        if code in held:
            _prolong(held[code], party_id=party_id, until=until)
        else:
            _take(wanted[code], key=key, party_id=party_id, until=until)


def prolong(*, key: str, until: datetime) -> None:
    """What `key` has reserved is kept until `until`; nothing else is taken."""
    PromotionUse.objects.filter(key=key, state=UseState.RESERVED).update(until=until)
    single_use.prolong(key=key, until=until)


@transaction.atomic
def redeem(*, key: str) -> None:
    """The order is accepted: its reservations are used for good. May be repeated."""
    PromotionUse.objects.filter(key=key, state=UseState.RESERVED).update(state=UseState.REDEEMED)
    single_use.redeem(key=key)


@transaction.atomic
def release(*, key: str, promotions: Collection[str] | None = None) -> None:
    """Give back what `key` reserved or redeemed, of all promotions or of those alone. May be
    repeated."""
    for use in _held(key).values():
        if promotions is None or use.promotion in promotions:
            _let_go(use)
    single_use.release(key=key, promotions=promotions)


@transaction.atomic
def release_expired(*, at: datetime, codes: Collection[str] | None = None) -> int:
    """Give back reservations whose time was over at `at`; how many."""
    expired = PromotionUse.objects.filter(state=UseState.RESERVED, until__lte=at)
    if codes is not None:
        expired = expired.filter(promotion__in=codes)
    found = list(expired.select_for_update(skip_locked=True).order_by("promotion", "pk"))
    for use in found:
        _let_go(use)
    if codes is None:
        single_use.release_expired(at=at)
    return len(found)


def _held(key: str) -> dict[str, PromotionUse]:
    return {use.promotion: use for use in _USES.rows(key=key) if use.state != UseState.RELEASED}


def _take(promotion: Promotion, *, key: str, party_id: int | None, until: datetime) -> None:
    total = promotion.limits.total
    _ensure_tally(promotion)
    if not _count_up(promotion.code, total=total) and not (
        release_expired(at=business_now(), codes=[promotion.code])
        and _count_up(promotion.code, total=total)
    ):
        raise used_up_meanwhile(promotion)
    # From here on the tally's row is ours: nobody else counts uses of this promotion.
    if _had(promotion, party_id=party_id, key=key):
        raise used_up_meanwhile(promotion)
    PromotionUse.objects.update_or_create(
        promotion=promotion.code,
        key=key,
        defaults={"party_id": party_id, "state": UseState.RESERVED, "until": until},
    )


def _ensure_tally(promotion: Promotion) -> None:
    tally = PromotionTally(code=promotion.code, total=promotion.limits.total)
    PromotionTally.objects.bulk_create([tally], ignore_conflicts=True)


def _count_up(code: str, *, total: int | None) -> bool:
    """One statement decides: the count grows only within the limit."""
    rows = PromotionTally.objects.filter(code=code)
    if total is not None:
        rows = rows.filter(taken__lt=total)
    return bool(rows.update(taken=F("taken") + 1, total=total))


def _had(promotion: Promotion, *, party_id: int | None, key: str) -> bool:
    """Whether the party has had its share; a visitor without a name is judged when he has one."""
    limit = promotion.limits.per_party
    if limit is None or party_id is None:
        return False
    now = business_now()
    uses = PromotionUse.objects.filter(promotion=promotion.code, party_id=party_id).filter(
        Q(state=UseState.REDEEMED) | Q(state=UseState.RESERVED, until__gt=now)
    )
    return uses.exclude(key=key).count() >= limit


def _prolong(use: PromotionUse, *, party_id: int | None, until: datetime) -> None:
    if use.state == UseState.RESERVED and (use.until, use.party_id) != (until, party_id):
        use.until, use.party_id = until, party_id
        use.save(update_fields=["until", "party"])


def _let_go(use: PromotionUse) -> None:
    USE_LIFE.check(UseState(use.state), UseState.RELEASED)
    use.state = UseState.RELEASED
    use.save(update_fields=["state"])
    PromotionTally.objects.filter(code=use.promotion, taken__gt=0).update(taken=F("taken") - 1)
