"""Withdrawing from a bundle of an order: what it does, and the statement."""

from rest_framework import serializers

from commerce.ordering.api.serializers.changes import ComingBillSerializer, FollowingSerializer
from commerce.ordering.domain.withdrawing import Condition, WithdrawalQuote
from commerce.web.fields import MoneySerializer, OneOf, Shown, Strict, Word, Wording


class WithdrawalQuoteAsked(Strict):
    bundle = Word(max_length=60, default="", allow_blank=True, help_text="The `group` of its items")


class WithdrawalAsked(WithdrawalQuoteAsked):
    """`digest` is that of the quote; `declared` says how the pieces are that come back."""

    digest = Word(max_length=64)
    declared = OneOf(Condition, default=Condition.AS_NEW)


class ThingBackSerializer(Shown):
    """A piece that comes back, and what was paid for it."""

    line_id = serializers.CharField()
    name = Wording()
    quantity = serializers.IntegerField()
    price = MoneySerializer()


class WithdrawalQuoteSerializer(Shown):
    """The contract ends on `ends_on`; where `days_are_paid`, the days used are due in proportion.
    `refund` goes back to the card once the `things` are on their way back, on `refund_by` at the
    latest if they are by then; wear that shows when they are looked at is billed. `coming` has not
    arrived: it is not sent any more, or comes back if it has left. `takes_back`: the orders for the
    line that are taken back with it, `beside` what the holder's other lines cost otherwise then."""

    number = serializers.CharField()
    bundle = serializers.CharField(source="group")
    last_day = serializers.DateField()
    ends_on = serializers.DateField()
    days_are_paid = serializers.BooleanField()
    ends = serializers.ListField(child=Wording())
    things = ThingBackSerializer(many=True)
    coming = serializers.ListField(child=Wording())
    bills = ComingBillSerializer(many=True)
    refund = MoneySerializer()
    refund_by = serializers.DateField()
    beside = FollowingSerializer(many=True)
    takes_back = serializers.ListField(child=serializers.CharField())
    digest = serializers.SerializerMethodField()

    def get_digest(self, shown: WithdrawalQuote) -> str:
        return shown.digest()
