"""Columns and constraints that many tables have."""

from decimal import Decimal
from enum import StrEnum

from django.db import models
from django.db.models import Q

from subscriptions.domain.cycles import CycleDay, cycle_of, stored


def known(field: str, words: type[StrEnum], *, name: str) -> models.CheckConstraint:
    """The column holds one of the words."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": [str(word) for word in words]}), name=name
    )


def amount_field() -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(max_digits=14, decimal_places=2)


class Cycled(models.Model):
    """With a cycle day, which may have been moved: `cycle_before` are the earlier ones, each as the
    bill day on which it ceased to hold and the day itself."""

    cycle_day = models.PositiveSmallIntegerField(null=True)
    cycle_before = models.JSONField(default=list, db_default=[], blank=True)

    class Meta:
        abstract = True

    @property
    def cycle(self) -> CycleDay:
        """The bill days, once there are any."""
        assert self.cycle_day is not None
        return cycle_of(self.cycle_day, self.cycle_before)

    def keep_cycle(self, cycle_day: CycleDay) -> None:
        """Set both columns; the caller saves them."""
        self.cycle_day, self.cycle_before = stored(cycle_day)
