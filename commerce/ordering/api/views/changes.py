"""What changes a running line is quoted and ordered."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.serializers.changes import (
    ChangeAsked,
    ChangeOrderAsked,
    ChangeQuoteSerializer,
    change_checkout_of,
    request_of,
)
from commerce.ordering.api.serializers.orders import PlacedSerializer
from commerce.ordering.services.changes import place_change, quote_change
from commerce.web.idempotency import idempotent
from commerce.web.policy import Policy
from commerce.web.views import ApiView, created

OWNERS = (Policy.CUSTOMER, Policy.BUSINESS, Policy.AGENT)
LARGEST_ID = 2**63 - 1


class ChangeQuotesView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @extend_schema(
        operation_id="quoteChange", request=ChangeAsked, responses={200: ChangeQuoteSerializer}
    )
    def post(self, request: Request, subscription_id: int) -> Response:
        """What a change of the line would cost.

        Due today, the coming bills before and after, and the end of the commitment. Nothing is
        kept.
        """
        found = quote_change(
            caller_of(request),
            subscription_id=min(subscription_id, LARGEST_ID),
            request=request_of(self.body(ChangeAsked)),
        )
        return Response(ChangeQuoteSerializer(found).data)


class ChangesView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @idempotent
    @extend_schema(
        operation_id="orderChange", request=ChangeOrderAsked, responses={201: PlacedSerializer}
    )
    def post(self, request: Request, subscription_id: int) -> Response:
        """Order a change of the line, at the total that was seen.

        It is an order like any other. One at a time changes a line, but for `suspend` and `resume`.
        """
        asked = self.body(ChangeOrderAsked)
        placed = place_change(
            caller_of(request),
            subscription_id=min(subscription_id, LARGEST_ID),
            request=request_of(asked),
            checkout=change_checkout_of(asked),
        )
        return created(PlacedSerializer(placed).data, at=f"/api/v1/orders/{placed.number}")
