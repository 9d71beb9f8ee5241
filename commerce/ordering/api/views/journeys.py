"""Guided choosing, for clients that show a journey of their own."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.serializers.journeys import JourneyStepSerializer, StepQuery, step
from commerce.ordering.journey import journey_step
from commerce.web.policy import Policy
from commerce.web.views import ApiView


class JourneyStepView(ApiView):
    policy = Policy.VISITOR
    tag = "Carts"

    @extend_schema(
        operation_id="getJourneyStep", parameters=[StepQuery], responses=JourneyStepSerializer
    )
    def get(self, request: Request, code: str, group: str, role: str) -> Response:
        """What may fill a role of a bundle in the cart.

        Each candidate with the difference that it makes, or with the reason why it can't be chosen
        and the way out.
        """
        term = self.query(StepQuery).get("term")
        return Response(
            step(journey_step(caller_of(request), code=code, group=group, role=role, term=term))
        )
