"""For operators' programs: which orders will be late, and why."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.web.fields import Instant, OneOf, Shown, Strict, words
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from orchestration.boards import LateOrder, late_orders
from orchestration.domain.jeopardy import Colour

LATE = (Colour.AMBER.value, Colour.RED.value)


class JeopardyQuery(Strict):
    """Of one colour, if it is given."""

    colour = OneOf(LATE, required=False)


class LateOrderSerializer(Shown):
    """`told_by` is the end of the day that the customer was told first, `told_on` the day told
    last; the task is the one on which the end depends, `port` whose provider has it. `waits_for`:
    the orders that have to be over first."""

    order = serializers.CharField(source="order_number")
    bundle = serializers.CharField(source="group")
    colour = OneOf(LATE)
    since = Instant()
    told_by = Instant()
    told_on = serializers.DateField()
    expected = Instant()
    hours_late = serializers.SerializerMethodField(help_text="Less than 0 while it is in time.")
    task = serializers.CharField(source="key")
    task_id = serializers.IntegerField(allow_null=True)
    action = serializers.CharField(allow_blank=True)
    port = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True)
    cause = serializers.CharField(allow_blank=True)
    claimed_by = serializers.CharField(allow_blank=True)
    waits_for = words(source="orders")

    def get_hours_late(self, order: LateOrder) -> int:
        return int(order.late.total_seconds() // 3600)


class LateOrdersSerializer(Shown):
    items = LateOrderSerializer(many=True)


class JeopardyView(ApiView):
    policy = Policy.OPERATOR
    tag = "Operations"

    @extend_schema(
        operation_id="listJeopardy", parameters=[JeopardyQuery], responses=LateOrdersSerializer
    )
    def get(self, request: Request) -> Response:
        """The 100 orders that will break their day first, each with the task that is late."""
        asked = self.query(JeopardyQuery).get("colour")
        found = late_orders(colour=Colour(asked) if asked else None)
        return Response(LateOrdersSerializer({"items": found}).data)
