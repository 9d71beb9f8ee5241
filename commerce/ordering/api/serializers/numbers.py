"""Telephone numbers to choose from, with what their class costs and what must be shown with it."""

from typing import Any

from rest_framework import serializers

from commerce.markets.pack import NumberUse
from commerce.ordering.api.serializers.tariffs import CallersTariffSerializer
from commerce.ordering.number_shop import OfferedNumber, SoldClass
from commerce.web.fields import MoneySerializer, OneOf, Shown, Strict, Word, language


class NumbersQuery(Strict):
    pattern = serializers.CharField(
        max_length=20,
        required=False,
        allow_blank=True,
        help_text="Figures: `77` anywhere, `*77` at the end, `06*` at the beginning",
    )
    limit = serializers.IntegerField(min_value=1, max_value=50, default=12)

    def get_fields(self) -> Any:
        named = serializers.CharField(
            max_length=12, required=False, help_text="Of this class alone; special ones by it only"
        )
        return {**super().get_fields(), "class": named}


class NumberClassSerializer(Shown):
    offering = serializers.CharField(allow_null=True, help_text="null: comes with the plan")
    name = serializers.CharField()
    once = MoneySerializer(help_text="With tax for consumers, without for businesses")
    monthly = MoneySerializer()
    tariff = CallersTariffSerializer(allow_null=True)

    def get_fields(self) -> Any:
        return {"class": serializers.CharField(), **super().get_fields()}


class UseAsked(Strict):
    """Where calls to a special number go, and what it serves."""

    route_to = Word(max_length=20, help_text="A landline or mobile number")
    purpose = OneOf(NumberUse, help_text="One that the offering is sold for: its `uses`")


class OfferedNumberSerializer(Shown):
    msisdn = serializers.CharField()
    display = serializers.CharField()

    def get_fields(self) -> Any:
        return {**super().get_fields(), "class": serializers.CharField()}


class OfferedNumbersSerializer(Shown):
    """Free numbers, and the classes in which numbers are sold to the caller; nothing is held."""

    items = OfferedNumberSerializer(many=True)
    classes = NumberClassSerializer(many=True)


def numbers_shown(found: tuple[OfferedNumber, ...], classes: list[SoldClass]) -> Any:
    """As JSON."""
    lang = language()
    items = [{"msisdn": n.msisdn, "display": n.display, "class": n.sold.code} for n in found]
    shown = [
        {
            "class": each.code,
            "offering": each.offering.code if each.offering else None,
            "name": each.offering.name.in_(lang) if each.offering else "Standard",
            "once": each.once,
            "monthly": each.monthly,
            "tariff": each.tariff,
        }
        for each in classes
    ]
    return OfferedNumbersSerializer({"items": items, "classes": shown}).data
