"""Shops in which things are fetched."""

from rest_framework import serializers

from commerce.ordering.api.serializers.orders import PickUpShopSerializer
from commerce.web.fields import Shown, Strict, Word


class ShopsQuery(Strict):
    """The nearest first; those that have one piece at least of each offering before the others."""

    near = Word(max_length=80, default="", allow_blank=True, help_text="A postcode or a town")
    offerings = Word(
        max_length=2000, default="", allow_blank=True, help_text="Codes, separated by commas"
    )


class ShopSerializer(PickUpShopSerializer):
    has_all = serializers.BooleanField()


class ShopsSerializer(Shown):
    items = ShopSerializer(many=True)
