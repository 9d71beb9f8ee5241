"""How often limited promotions were taken: reservations at checkout, redemptions by orders."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from commerce.kernel.states import Transitions


class UseState(StrEnum):
    """The life of one use of a limited promotion."""

    RESERVED = "reserved"
    REDEEMED = "redeemed"
    RELEASED = "released"


USE_LIFE = Transitions(
    {
        UseState.RESERVED: frozenset({UseState.REDEEMED, UseState.RELEASED}),
        UseState.REDEEMED: frozenset({UseState.RELEASED}),
        UseState.RELEASED: frozenset({UseState.RESERVED}),
    }
)


class PromotionTally(models.Model):
    """The one row per limited promotion on which parallel checkouts meet."""

    code = models.CharField(max_length=80, unique=True)
    taken = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, help_text="as the release in force says")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(total=None) | Q(taken__lte=F("total")), name="tally_within_total"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.taken}"


class PromotionUse(models.Model):
    """One use: `key` is the cart's or order's; a key uses a promotion once."""

    promotion = models.CharField(max_length=80)
    key = models.CharField(max_length=120)
    party = models.ForeignKey(
        "accounts.Party", null=True, on_delete=models.PROTECT, related_name="promotion_uses"
    )
    state = models.CharField(max_length=9, default=UseState.RESERVED)
    until = models.DateTimeField(help_text="business time; of a reservation")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["promotion", "key"], name="promotion_use_once"),
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in UseState]),
                name="promotion_use_state_known",
            ),
        ]
        indexes = [
            models.Index(fields=["key"], name="promotion_use_by_key"),
            models.Index(
                fields=["party", "promotion"],
                condition=~Q(state="released"),
                name="promotion_use_by_party",
            ),
            models.Index(
                fields=["promotion", "until"],
                condition=Q(state="reserved"),
                name="promotion_use_by_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.promotion} {self.key} {self.state}"
