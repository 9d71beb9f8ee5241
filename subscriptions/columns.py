"""Columns and constraints that many tables have."""

from decimal import Decimal
from enum import StrEnum

from django.db import models
from django.db.models import Q


def known(field: str, words: type[StrEnum], *, name: str) -> models.CheckConstraint:
    """The column holds one of the words."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": [str(word) for word in words]}), name=name
    )


def amount_field() -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(max_digits=14, decimal_places=2)
