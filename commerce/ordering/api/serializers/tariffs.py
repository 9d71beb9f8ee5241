"""What callers of a special number pay, and what must stand beside the number."""

from rest_framework import serializers

from commerce.markets.pack import Mention, SpecialTariff
from commerce.web.fields import MoneySerializer, OneOf, Shown, language


class DutySerializer(Shown):
    code = serializers.CharField()
    text = serializers.SerializerMethodField()

    def get_text(self, duty: Mention) -> str:
        return duty.text[language()]


class CallersTariffSerializer(Shown):
    """What callers of a special number pay, and what the law wants shown with the number."""

    category = OneOf(("free", "ordinary", "surcharged"))
    mode = OneOf(("free", "ordinary", "per_minute", "per_call"), source="tariff.mode")
    price = MoneySerializer(source="tariff.price", help_text="Of the service, with tax")
    colour = OneOf(("green", "grey", "magenta"), help_text="Of the price sign")
    sign = serializers.SerializerMethodField(help_text="The words of the price sign")
    duties = DutySerializer(many=True)

    def get_sign(self, tariff: SpecialTariff) -> str:
        return tariff.sign[language()]
