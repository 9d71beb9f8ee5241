"""An order's way to the customer, in steps that he cares about."""

from enum import StrEnum

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.domain.states import OrderState
from commerce.ordering.selectors import order_view
from commerce.web.fields import Instant, OneOf, Shown, words
from commerce.web.policy import Policy
from commerce.web.views import ApiView
from orchestration.selectors import tracking


class StepState(StrEnum):
    AHEAD = "ahead"
    RUNNING = "running"
    STUCK = "stuck"
    DONE = "done"


class MilestoneSerializer(Shown):
    code = serializers.CharField()
    state = OneOf(StepState)
    at = Instant(allow_null=True)
    expected_at = Instant(allow_null=True)
    lines = words(source="line_ids")
    waits_for = words(source="orders")


class TrackingSerializer(Shown):
    """`state` is the order's; steps are there once it is accepted."""

    number = serializers.CharField()
    state = OneOf(OrderState)
    milestones = MilestoneSerializer(many=True)


class TrackingView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(operation_id="trackOrder", responses=TrackingSerializer)
    def get(self, request: Request, number: str) -> Response:
        """Where an order is: what is done, what runs, what is waited for."""
        summary = order_view(caller_of(request), number=number).summary
        found = {
            "number": summary.number,
            "state": summary.state.value,
            "milestones": tracking(summary.number),
        }
        return Response(TrackingSerializer(found).data)
