"""A line that goes to another holder: the wish, what the other takes on, his yes or no."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from commerce.ordering.api.serializers.changes import FollowingSerializer
from commerce.ordering.api.serializers.orders import ConsentsAsked
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.holder import HolderState, TakeOver
from commerce.web.fields import (
    Instant,
    MoneySerializer,
    OneOf,
    Shown,
    Strict,
    Word,
    Wording,
)


class PassOnAsked(Strict):
    """Who is to be asked; he gets a link by e-mail. The line goes with the first month of its
    contract that begins `on` that day or later (three months ahead at most), else with the next."""

    email = serializers.EmailField(max_length=254)
    on = serializers.DateField(required=False)


class HolderChangeSerializer(Shown):
    """`asked` until the other answers or `until` is over; `accepted`: the line goes to him on the
    day `on`, then it is `done`. `called_off`: his order was cancelled. Before that `on` is the
    earliest day that is wished, if one is."""

    state = OneOf(HolderState)
    email = serializers.CharField()
    asked_at = Instant()
    until = Instant()
    on = serializers.DateField(allow_null=True)


class HolderChangesSerializer(Shown):
    """`beside`: what other lines of the holder would cost otherwise if this one went now."""

    items = HolderChangeSerializer(many=True)
    beside = FollowingSerializer(many=True)


class TakeOverQuoteAsked(Strict):
    """The secret of the link that was sent."""

    token = Word(max_length=64)


class TakeOverAsked(TakeOverQuoteAsked):
    """`digest` is that of the quote; a firm says its `purchase_order_number`."""

    digest = Word(max_length=64)
    purchase_order_number = Word(max_length=60, default="", allow_blank=True)
    consents = ConsentsAsked()


class PhaseOfLineSerializer(Shown):
    """So many months from the `first` on (null: without end) at `amount`."""

    first = serializers.IntegerField()
    months = serializers.IntegerField(source="periods", allow_null=True)
    amount = MoneySerializer()


class LineBillSerializer(Shown):
    """What the bill of that day will say of the line."""

    on = serializers.DateField()
    amount = MoneySerializer()


class TakeOverSerializer(Shown):
    """The line as it stands, from the day `on`; `monthly` and `bills` are in the basis of its
    contract. `ends` does not go along."""

    msisdn = serializers.CharField()
    giver = serializers.CharField(help_text="Who gives the line up")
    on = serializers.DateField()
    goes = serializers.SerializerMethodField()
    ends = serializers.ListField(child=Wording())
    monthly = PhaseOfLineSerializer(many=True)
    bound_until = serializers.DateField(allow_null=True)
    bills = LineBillSerializer(many=True)
    until = Instant()
    digest = serializers.SerializerMethodField()

    def get_goes(self, offer: TakeOver) -> list[str]:
        return [Wording().to_representation(name) for name in offer.names.values()]

    def get_digest(self, offer: TakeOver) -> str:
        return offer.digest()


def consents_of(asked: Mapping[str, Any]) -> OrderConsents:
    return OrderConsents(**asked["consents"])
