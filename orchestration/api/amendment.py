"""Changing what is under way: what it would undo and do anew, then doing so."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.accounts.selectors import Address
from commerce.ordering.api.serializers.orders import AddressAsked
from commerce.ordering.selectors import order_view
from commerce.ordering.services.amending import Wish
from commerce.web.fields import Day, Instant, MoneySerializer, OneOf, Shown, Strict, Word, words
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from orchestration.api.cancellation import CancellingSerializer, TouchedSerializer
from orchestration.services.amend import amend_under_way, quote_amendment


class AmendmentRefusal(StrEnum):
    NONE = ""
    PAST_RETURN = "past_return"
    NUMBER_MOVES = "number_moves"
    PASSING = "passing"
    CANCELLING = "cancelling"
    TOO_MANY_CHANGES = "too_many_changes"


class Instead(StrEnum):
    """What can be done where it is refused."""

    NONE = ""
    WAIT = "wait"
    RETURN_IT = "return_it"
    CHANGE_THE_LINE = "change_the_line"


class WishAsked(Strict):
    """What is to be otherwise in the bundle; what is not named stays.

    `msisdn`: another new number, empty for any. `sim`: the offering of another kind of SIM.
    `without`: the line of the bundle that is left out.
    """

    deliver_to = AddressAsked(required=False)
    not_before = Day(required=False, help_text="Nothing more is sent or begun before that day")
    msisdn = Word(max_length=20, required=False, allow_blank=True)
    sim = Word(max_length=64, default="", allow_blank=True)
    without = Word(max_length=20, default="", allow_blank=True)


class AmendmentQuoteAsked(Strict):
    bundle = Word(max_length=20, allow_blank=True, help_text="The `group` of its items")
    wish = WishAsked()


class AmendmentAsked(Strict):
    """`token` comes from the quote, which must still be true."""

    bundle = Word(max_length=20, allow_blank=True, help_text="The `group` of its items")
    wish = WishAsked()
    token = Word(max_length=64)
    note = Word(max_length=300, default="", allow_blank=True)


class AmendmentQuoteSerializer(Shown):
    """`redone` is done a second time, `added` for the first; `ready_at` is expected then. `passed`
    says what can't be taken back; `instead` what can be done where it is refused."""

    number = serializers.CharField()
    bundle = serializers.CharField(source="group")
    possible = serializers.BooleanField()
    undone = TouchedSerializer(many=True)
    stopped = TouchedSerializer(many=True)
    kept = TouchedSerializer(many=True)
    passed = TouchedSerializer(many=True)
    redone = words()
    added = words()
    ready_at = Instant()
    credit = MoneySerializer()
    refund = MoneySerializer()
    refusal = OneOf(AmendmentRefusal, allow_blank=True)
    instead = OneOf(Instead, allow_blank=True)
    token = serializers.CharField()


class AmendmentQuoteView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(
        operation_id="quoteAmendment",
        request=AmendmentQuoteAsked,
        responses=AmendmentQuoteSerializer,
    )
    def post(self, request: Request, number: str) -> Response:
        """What changing a bundle of an accepted order would undo, do anew and keep."""
        asked = self.body(AmendmentQuoteAsked)
        quote = quote_amendment(
            caller_of(request), number=number, group=asked["bundle"], wish=_wish(asked["wish"])
        )
        return Response(AmendmentQuoteSerializer(quote).data)


class AmendmentView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(
        operation_id="amendUnderWay", request=AmendmentAsked, responses=CancellingSerializer
    )
    def post(self, request: Request, number: str) -> Response:
        """Do what the quote showed, at once or a little later; the tracking follows it."""
        asked, caller = self.body(AmendmentAsked), caller_of(request)
        amend_under_way(
            caller,
            number=number,
            group=asked["bundle"],
            wish=_wish(asked["wish"]),
            token=asked["token"],
            note=asked["note"],
        )
        summary = order_view(caller, number=number).summary
        return Response(
            CancellingSerializer({"number": summary.number, "state": summary.state.value}).data
        )


def _wish(asked: Mapping[str, Any]) -> Wish:
    address = asked.get("deliver_to")
    return Wish(
        deliver_to=Address(**address) if address else None,
        not_before=asked.get("not_before"),
        msisdn=asked.get("msisdn"),
        sim=asked["sim"],
        without=asked["without"],
    )
