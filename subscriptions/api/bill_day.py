"""The day of the month on which the caller is billed, and its move."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.kernel.errors import NotFound
from commerce.web.fields import MoneySerializer, Shown, Strict, Wording
from commerce.web.views import ApiView
from subscriptions.api.views import OWNERS, party_of
from subscriptions.contracts.services.cycle_day import cycle_day_of, move_cycle_day, show_move


class BillDaySerializer(Shown):
    """`day` is what is agreed; after a move it holds from the bill of `from_on` on. A customer may
    move it from `movable_on` on (null: now), to one of the days `offered`."""

    day = serializers.IntegerField(min_value=1, max_value=28)
    from_on = serializers.DateField(allow_null=True)
    movable_on = serializers.DateField(allow_null=True)
    offered = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=28))


class DayAsked(Strict):
    day = serializers.IntegerField(min_value=1, max_value=31)


class MoveAsked(DayAsked):
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)
    digest = serializers.CharField(
        max_length=16,
        default="",
        allow_blank=True,
        help_text="Of the preview; if other bills would come by now, nothing is moved",
    )


class PromisedBillSerializer(Shown):
    on = serializers.DateField()
    amount = MoneySerializer()


class FirstLineSerializer(Shown):
    """What a charge costs for the days from `start` to the eve of `end`, after its advantages."""

    name = Wording(source="names")
    start = serializers.DateField(source="days.start")
    end = serializers.DateField(source="days.end")
    amount = MoneySerializer()


class CycleMoveSerializer(Shown):
    """The next bills as they are promised (`before`) and would be (`after`): that of `first_start`
    holds a part of a month, line by line, to the eve of `first_end`."""

    day = serializers.IntegerField(min_value=1, max_value=28)
    former = serializers.IntegerField(min_value=1, max_value=28)
    first_start = serializers.DateField(source="first.start")
    first_end = serializers.DateField(source="first.end")
    lines = FirstLineSerializer(many=True)
    before = PromisedBillSerializer(many=True)
    after = PromisedBillSerializer(many=True)
    digest = serializers.CharField()


class BillDayView(ApiView):
    policy = OWNERS
    tag = "Invoices"
    refusals = (404,)

    @extend_schema(operation_id="getBillDay", responses=BillDaySerializer)
    def get(self, request: Request) -> Response:
        """The day of the month on which the caller's bills are made."""
        return Response(BillDaySerializer(_present(party_of(caller_of(request)))).data)

    @extend_schema(
        operation_id="moveBillDay", request=MoveAsked, responses={200: BillDaySerializer}
    )
    def put(self, request: Request) -> Response:
        """Have bills made on another day: the running cycle goes on to its end, the days from there
        to the first new bill day are billed as a part of a month."""
        asked, caller = self.body(MoveAsked), caller_of(request)
        party_id = party_of(caller)
        move_cycle_day(caller, **asked)
        return Response(BillDaySerializer(_present(party_id)).data)


class BillDayPreviewView(ApiView):
    policy = OWNERS
    tag = "Invoices"
    refusals = (404, 422)

    @extend_schema(
        operation_id="previewBillDay",
        parameters=[DayAsked],
        responses=CycleMoveSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """What another bill day would make of the next bills; nothing is changed."""
        asked, caller = self.query(DayAsked), caller_of(request)
        party_of(caller)
        return Response(CycleMoveSerializer(show_move(caller, day=asked["day"])).data)


def _present(party_id: int) -> Any:
    found = cycle_day_of(party_id)
    if found is None:
        raise NotFound("There is no bill day yet, or no bill to come.", code="no_bill_day")
    return found
