"""Retention offers, for agents."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.serializers.carts import CartSerializer, RetentionAsked
from commerce.ordering.api.views.carts import CartBase
from commerce.ordering.services.retention import let_go, retain
from commerce.web.policy import Policy


class RetentionView(CartBase):
    policy = Policy.AGENT

    @extend_schema(
        operation_id="giveRetentionOffer", request=RetentionAsked, responses=CartSerializer
    )
    def put(self, request: Request, code: str, promotion: str) -> Response:
        """Let the cart have a retention offer, for one of its reasons. For agents."""
        reason = self.body(RetentionAsked)["reason"]
        retain(caller_of(request), code=code, promotion=promotion, reason=reason)
        return self.cart(request, code)

    @extend_schema(operation_id="takeRetentionOfferBack", responses={200: CartSerializer})
    def delete(self, request: Request, code: str, promotion: str) -> Response:
        """Take a retention offer back. Once gone, nothing happens."""
        let_go(caller_of(request), code=code, promotion=promotion)
        return self.cart(request, code)
