"""The uses of single-use codes: reserved when checkout starts, redeemed by the order, or freed.

Parallel checkouts meet on the code's row: one guarded UPDATE decides who gets it.
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q, QuerySet

from commerce.kernel.clock import business_now
from commerce.kernel.errors import RuleViolated
from promotions.digests import digests
from promotions.domain.codes import normalise
from promotions.domain.model import Promotion
from promotions.models import CodeState, SingleUseCode


def reserve(
    promotions: Collection[Promotion], *, codes: Collection[str], key: str, until: datetime
) -> None:
    """One of `codes` for each promotion that needs one; what `key` held else is freed.

    Raises:
        RuleViolated: `promotion_used_up`; `detail["promotion"]` names it.
    """
    wanted = {promotion.code: promotion for promotion in promotions if promotion.single_use}
    if not wanted:
        release_reserved(key=key)
        return
    kept: list[int] = []
    entered = _entered(codes, promotions=wanted, key=key)
    for name in sorted(wanted):
        taken = next((pk for pk in entered.get(name, ()) if _take(pk, key=key, until=until)), None)
        if taken is None:
            raise used_up_meanwhile(wanted[name])
        kept.append(taken)
    _free(SingleUseCode.objects.filter(key=key, state=CodeState.RESERVED).exclude(pk__in=kept))


def prolong(*, key: str, until: datetime) -> None:
    """What `key` has reserved is kept until `until`."""
    SingleUseCode.objects.filter(key=key, state=CodeState.RESERVED).update(until=until)


def redeem(*, key: str) -> None:
    """The order is accepted: its codes are used for good."""
    SingleUseCode.objects.filter(key=key, state=CodeState.RESERVED).update(
        state=CodeState.REDEEMED, until=None
    )


def release(*, key: str, promotions: Collection[str] | None = None) -> None:
    """Everything that `key` reserved or redeemed can be used again; or that of `promotions`."""
    rows = SingleUseCode.objects.filter(key=key)
    if promotions is not None:
        rows = rows.filter(batch__promotion__in=promotions)
    _free(rows)


def release_reserved(*, key: str) -> None:
    """What `key` reserved can be used again."""
    _free(SingleUseCode.objects.filter(key=key, state=CodeState.RESERVED))


def release_expired(*, at: datetime) -> None:
    """Reservations whose time was over at `at` can be used again."""
    _free(SingleUseCode.objects.filter(state=CodeState.RESERVED, until__lte=at))


def used_up_meanwhile(promotion: Promotion) -> RuleViolated:
    return RuleViolated(
        "This promotion has been used up meanwhile; the price changes without it.",
        code="promotion_used_up",
        promotion=promotion.code,
    )


def _entered(
    codes: Collection[str], *, promotions: Collection[str], key: str
) -> dict[str, list[int]]:
    """The rows of the entered codes, by promotion; too late ones only if `key` has them already."""
    asked = digests(code for code in codes if normalise(code))
    in_time = Q(batch__valid_until=None) | Q(batch__valid_until__gt=business_now())
    rows = SingleUseCode.objects.filter(in_time | Q(key=key), digest__in=asked).filter(
        batch__promotion__in=promotions
    )
    found: dict[str, list[int]] = {}
    for pk, promotion in rows.order_by("pk").values_list("pk", "batch__promotion"):
        found.setdefault(promotion, []).append(pk)
    return found


def _take(pk: int, *, key: str, until: datetime) -> bool:
    """One statement decides: free, ours already, or kept by somebody whose time is over.

    It looks at the row alone: with a join, two of them could both see it free.
    """
    ours = Q(state=CodeState.RESERVED, key=key)
    over = Q(state=CodeState.RESERVED, until__lte=business_now())
    rows = SingleUseCode.objects.filter(Q(state=CodeState.FREE) | ours | over, pk=pk)
    return bool(rows.update(state=CodeState.RESERVED, key=key, until=until))


def _free(rows: QuerySet[SingleUseCode]) -> None:
    rows.update(state=CodeState.FREE, key="", until=None)
