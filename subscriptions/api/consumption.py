"""What lines used: reported by systems of the operator, read by whom the line belongs to."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalogue.domain.usage import Dimension
from commerce.kernel.sentences import in_words
from commerce.web.fields import Instant, MoneySerializer, OneOf, Shown, Strict, Word
from subscriptions.domain.consumption import Report
from subscriptions.domain.usage import UsageTold

MOST_RECORDS = 1000
LONGEST_INSTANT = 40
MONTH = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"
REFERENCE = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$"
AMOUNT = r"^[0-9]{1,8}(\.[0-9]{1,3})?$"


@extend_schema_field({"type": "string", "format": "date-time", "maxLength": LONGEST_INSTANT})
class MomentAsked(serializers.DateTimeField):
    """An instant with its zone, as text."""

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str) or not 20 <= len(value) <= LONGEST_INSTANT:
            self.fail("invalid", format="2026-11-22T06:00:00+01:00")
        return super().to_internal_value(value)


class RecordAsked(Strict):
    """What a line used of something in a month, counted up to `counted_at`.

    A later count replaces an earlier one; the same again, or an older one, changes nothing.
    """

    line = Word(max_length=20, help_text="Its number, national or international")
    month = Word(max_length=7, validators=[RegexValidator(MONTH)], help_text="2026-11")
    allowance = OneOf(Dimension)
    used = Word(
        max_length=12, validators=[RegexValidator(AMOUNT)], help_text="GB, minutes or messages"
    )
    counted_at = MomentAsked(help_text="With its zone: 2026-11-22T06:00:00+01:00")


class RecordsAsked(Strict):
    records = serializers.ListField(child=RecordAsked(), min_length=1, max_length=MOST_RECORDS)


class UsageRecordAsked(Strict):
    """What a line used of something, once; `id` is its name in the system that saw it.

    What is used abroad in Europe is told once, as `europe_gb`: it counts as data too.
    """

    id = Word(max_length=80, validators=[RegexValidator(REFERENCE)])
    line = Word(max_length=20, help_text="Its number, national or international")
    started_at = MomentAsked(help_text="With its zone: 2026-11-22T06:00:00+01:00")
    allowance = OneOf(Dimension)
    quantity = Word(
        max_length=12, validators=[RegexValidator(AMOUNT)], help_text="GB, minutes or messages"
    )
    destination = Word(
        max_length=20, required=False, help_text="Who was called, or where the line was"
    )


class UsageRecordsAsked(Strict):
    source = Word(  # type: ignore[assignment]
        max_length=40, validators=[RegexValidator(REFERENCE)], help_text="The system that saw it"
    )
    records = serializers.ListField(child=UsageRecordAsked(), min_length=1, max_length=MOST_RECORDS)


class UsageFaultSerializer(Shown):
    """`place` counts the records from 0."""

    place = serializers.IntegerField(min_value=0)
    field = serializers.CharField()
    message = serializers.SerializerMethodField()

    def get_message(self, fault: Any) -> str:
        return str(in_words(fault.message, _))


class UsageTakenSerializer(Shown):
    """`barred` came more than a year late; `suspended` are kept and wait for their line; `refused`
    were told before with other facts."""

    added = serializers.IntegerField(min_value=0)
    same = serializers.IntegerField(min_value=0)
    barred = serializers.IntegerField(min_value=0)
    suspended = UsageFaultSerializer(many=True)
    refused = UsageFaultSerializer(many=True)


class TakenSerializer(Shown):
    added = serializers.IntegerField(min_value=0)
    replaced = serializers.IntegerField(min_value=0)
    same = serializers.IntegerField(min_value=0)


class UsedSerializer(Shown):
    """`included` null: there is no end to it."""

    month = serializers.SerializerMethodField()
    allowance = OneOf(Dimension, source="dimension")
    used = serializers.SerializerMethodField()
    included = serializers.SerializerMethodField()
    used_up = serializers.BooleanField()
    counted_at = Instant()

    @extend_schema_field({"type": "string", "pattern": MONTH})
    def get_month(self, found: Any) -> str:
        return f"{found.month:%Y-%m}"

    @extend_schema_field({"type": "string", "pattern": AMOUNT})
    def get_used(self, found: Any) -> str:
        return _plain(found.used)

    @extend_schema_field({"type": ["string", "null"], "pattern": AMOUNT})
    def get_included(self, found: Any) -> str | None:
        return None if found.included is None else _plain(found.included)


class SoFarSerializer(Shown):
    """This month by what records tell: `left` null: there is no end to it; `beyond` are started
    units, `cost` what is billed of them if nothing more is used; `lines` share it."""

    allowance = OneOf(Dimension, source="dimension")
    used = serializers.SerializerMethodField()
    included = serializers.SerializerMethodField()
    left = serializers.SerializerMethodField()
    beyond = serializers.IntegerField(min_value=0)
    cost = MoneySerializer()
    lines = serializers.IntegerField(min_value=1)

    @extend_schema_field({"type": "string", "pattern": AMOUNT})
    def get_used(self, found: Any) -> str:
        return _plain(found.used)

    @extend_schema_field({"type": ["string", "null"], "pattern": AMOUNT})
    def get_included(self, found: Any) -> str | None:
        return None if found.included is None else _plain(found.included)

    @extend_schema_field({"type": ["string", "null"], "pattern": AMOUNT})
    def get_left(self, found: Any) -> str | None:
        return None if found.left is None else _plain(found.left)


class UsualSerializer(Shown):
    """A usual month, as `POST /plan-simulations` takes it: the mean of the last full ones."""

    data_gb = serializers.IntegerField(min_value=0)
    minutes = serializers.IntegerField(min_value=0)
    messages = serializers.IntegerField(min_value=0)


class ConsumptionSerializer(Shown):
    items = UsedSerializer(many=True)
    so_far = SoFarSerializer(many=True)
    usual = UsualSerializer(allow_null=True)


def reports_of(asked: Mapping[str, Any]) -> list[Report]:
    """What `RecordsAsked` validated."""
    return [
        Report(
            line=each["line"],
            month=date.fromisoformat(f"{each['month']}-01"),
            dimension=Dimension(each["allowance"]),
            used=Decimal(each["used"]),
            counted_at=each["counted_at"],
        )
        for each in asked["records"]
    ]


def usage_of(asked: Mapping[str, Any]) -> list[UsageTold]:
    """What `UsageRecordsAsked` validated."""
    return [
        UsageTold(
            reference=each["id"],
            line=each["line"],
            started_at=each["started_at"],
            dimension=Dimension(each["allowance"]),
            quantity=Decimal(each["quantity"]),
            destination=each.get("destination", ""),
        )
        for each in asked["records"]
    ]


def _plain(amount: Decimal) -> str:
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
