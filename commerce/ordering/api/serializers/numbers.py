"""Telephone numbers to choose from, with what their class costs and what must be shown with it."""

from typing import Any

from rest_framework import serializers

from commerce.ordering.number_shop import OfferedNumber, SoldClass
from commerce.web.fields import MoneySerializer, OneOf, Shown, Strict, language


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


class DutySerializer(Shown):
    code = serializers.CharField()
    text = serializers.CharField()


class CallerTariffSerializer(Shown):
    """What callers of a special number pay, and what the law wants shown with the number."""

    category = OneOf(("free", "ordinary", "surcharged"))
    mode = OneOf(("free", "ordinary", "per_minute", "per_call"))
    price = MoneySerializer(help_text="Of the service, with tax")
    colour = OneOf(("green", "grey", "magenta"), help_text="Of the price sign")
    sign = serializers.CharField(help_text="The words of the price sign")
    duties = DutySerializer(many=True)


class NumberClassSerializer(Shown):
    offering = serializers.CharField(allow_null=True, help_text="null: comes with the plan")
    name = serializers.CharField()
    once = MoneySerializer(help_text="With tax for consumers, without for businesses")
    monthly = MoneySerializer()
    tariff = CallerTariffSerializer(allow_null=True)

    def get_fields(self) -> Any:
        return {"class": serializers.CharField(), **super().get_fields()}


class OfferedNumberSerializer(Shown):
    msisdn = serializers.CharField()
    display = serializers.CharField()

    def get_fields(self) -> Any:
        return {**super().get_fields(), "class": serializers.CharField()}


class OfferedNumbersSerializer(Shown):
    """Free numbers, and the classes in which numbers are sold to the caller; nothing is held."""

    items = OfferedNumberSerializer(many=True)
    classes = NumberClassSerializer(many=True)


def tariff_shown(tariff: Any) -> Any:
    """The tariff in the caller's language; None stays None."""
    if tariff is None:
        return None
    lang = language()
    return {
        "category": tariff.category,
        "mode": tariff.tariff.mode,
        "price": tariff.tariff.price,
        "colour": tariff.colour,
        "sign": tariff.sign[lang],
        "duties": [{"code": duty.code, "text": duty.text[lang]} for duty in tariff.duties],
    }


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
            "tariff": tariff_shown(each.tariff),
        }
        for each in classes
    ]
    return OfferedNumbersSerializer({"items": items, "classes": shown}).data
