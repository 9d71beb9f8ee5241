"""How often limited promotions were taken, and single-use codes: reserved, redeemed, free."""

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


class CodeState(StrEnum):
    """The life of a single-use code."""

    FREE = "free"
    RESERVED = "reserved"
    REDEEMED = "redeemed"


class CodeBatch(models.Model):
    """Single-use codes made at once. They can be written out once: `secret` is forgotten then."""

    promotion = models.CharField(max_length=80)
    name = models.CharField(max_length=80)
    count = models.PositiveIntegerField()
    secret = models.BinaryField(null=True)
    valid_until = models.DateTimeField(null=True, help_text="business time")
    made_at = models.DateTimeField(help_text="business time")
    made_by = models.CharField(max_length=80)
    exported_at = models.DateTimeField(null=True, help_text="business time")
    exported_by = models.CharField(max_length=80, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["promotion", "name"], name="code_batch_once"),
            models.CheckConstraint(
                condition=Q(exported_at=None, secret__isnull=False)
                | Q(exported_at__isnull=False, secret=None),
                name="code_batch_exported_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.promotion}: {self.name}"


class SingleUseCode(models.Model):
    """One code, found by its digest; `key` is the cart or order that has it until `until`."""

    batch = models.ForeignKey(CodeBatch, on_delete=models.PROTECT, related_name="codes")
    digest = models.BinaryField(unique=True)
    state = models.CharField(max_length=8, default=CodeState.FREE)
    key = models.CharField(max_length=120, default="", blank=True)
    until = models.DateTimeField(null=True, help_text="business time; of a reservation")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="free", key="", until=None)
                | (Q(state="reserved", until__isnull=False) & ~Q(key=""))
                | (Q(state="redeemed") & ~Q(key="")),
                name="single_use_code_state_known",
            ),
        ]
        indexes = [
            models.Index(fields=["key"], condition=~Q(key=""), name="single_use_code_by_key"),
            models.Index(
                fields=["until"], condition=Q(state="reserved"), name="single_use_code_by_end"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.state}"


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
