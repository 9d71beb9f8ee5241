"""Cancelling what is under way: what it would undo, then doing so."""

from enum import StrEnum

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.domain.states import OrderState
from commerce.ordering.selectors import order_view
from commerce.web.fields import MoneySerializer, OneOf, Shown, Strict, Word, words
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from orchestration.services.cancel import (
    MOST_BUNDLES,
    CancellationQuote,
    cancel_under_way,
    quote_cancellation,
)


class Refusal(StrEnum):
    NONE = ""
    PAST_RETURN = "past_return"
    NUMBER_MOVES = "number_moves"
    PASSING = "passing"
    BUNDLE_OVER = "bundle_over"
    CANCELLING = "cancelling"


def _bundles() -> serializers.ListField:
    return serializers.ListField(
        child=Word(max_length=20, allow_blank=True),
        max_length=MOST_BUNDLES,
        default=list,
        help_text="Only these bundles of the order; all of it without.",
    )


class CancellationQuoteAsked(Strict):
    bundles = _bundles()


class CancellationAsked(Strict):
    """`token` comes from the quote, which must still be true."""

    token = Word(max_length=64)
    bundles = _bundles()
    note = Word(max_length=300, default="", allow_blank=True)


class TouchedSerializer(Shown):
    task = serializers.CharField(source="key")
    action = serializers.CharField()
    lines = words()


class BundleSerializer(Shown):
    """`refusal` is empty where it can be cancelled; `passed` says what can't be taken back."""

    bundle = serializers.CharField(source="group")
    undone = TouchedSerializer(many=True)
    stopped = TouchedSerializer(many=True)
    kept = TouchedSerializer(many=True)
    passed = TouchedSerializer(many=True)
    refusal = OneOf(Refusal, allow_blank=True)


class CancellationQuoteSerializer(Shown):
    number = serializers.CharField()
    possible = serializers.BooleanField()
    bundles = BundleSerializer(many=True)
    credit = MoneySerializer()
    refund = MoneySerializer()
    token = serializers.CharField()


class CancellingSerializer(Shown):
    number = serializers.CharField()
    state = OneOf(OrderState)


class CancellationQuoteView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(
        operation_id="quoteCancellation",
        request=CancellationQuoteAsked,
        responses=CancellationQuoteSerializer,
    )
    def post(self, request: Request, number: str) -> Response:
        """What cancelling an accepted order would undo, stop and keep, and what is paid back."""
        asked = self.body(CancellationQuoteAsked)
        quote: CancellationQuote = quote_cancellation(
            caller_of(request), number=number, groups=asked["bundles"]
        )
        return Response(CancellationQuoteSerializer(quote).data)


class CancellationView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(
        operation_id="cancelUnderWay",
        request=CancellationAsked,
        responses=CancellingSerializer,
    )
    def post(self, request: Request, number: str) -> Response:
        """Take back what the quote showed.

        It is carried out at once or a little later; the order is `cancelled` when all of it is.
        """
        asked, caller = self.body(CancellationAsked), caller_of(request)
        cancel_under_way(
            caller,
            number=number,
            token=asked["token"],
            groups=asked["bundles"],
            note=asked["note"],
        )
        summary = order_view(caller, number=number).summary
        return Response(
            CancellingSerializer({"number": summary.number, "state": summary.state.value}).data
        )
