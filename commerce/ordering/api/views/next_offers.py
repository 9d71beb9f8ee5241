"""Next best offers, alike for programs, customers and agents."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.offers import segment_of
from commerce.ordering.api.serializers.next_offers import (
    AcceptedSerializer,
    DeclineAsked,
    NextOffersSerializer,
)
from commerce.ordering.services.next_offers import (
    accept_next_offer,
    decline_next_offer,
    show_next_offers,
)
from commerce.web.policy import Policy
from commerce.web.views import ApiView


class NextOffersView(ApiView):
    policy = Policy.VISITOR
    tag = "Next offers"

    @extend_schema(operation_id="listNextOffers", responses=NextOffersSerializer(many=False))
    def get(self, request: Request) -> Response:
        """What to propose to the caller's customer now, the best first.

        Each is recorded as shown, once per channel and day. An agent sees those of the customer of
        his contact.
        """
        context = caller_of(request)
        found = show_next_offers(context, segment=segment_of(context))
        return Response(NextOffersSerializer({"items": found}).data)


class AcceptNextOfferView(ApiView):
    policy = Policy.VISITOR
    tag = "Next offers"

    @extend_schema(
        operation_id="acceptNextOffer", request=None, responses={200: AcceptedSerializer}
    )
    def post(self, request: Request, offer: int) -> Response:
        """The customer wants to see it: where it leads. May be repeated."""
        lead = accept_next_offer(caller_of(request), offer_id=offer)
        return Response(AcceptedSerializer({"lead": lead}).data)


class DeclineNextOfferView(ApiView):
    policy = Policy.VISITOR
    tag = "Next offers"

    @extend_schema(operation_id="declineNextOffer", request=DeclineAsked, responses={204: None})
    def post(self, request: Request, offer: int) -> Response:
        """The customer does not want it; it is not proposed again for a while. May be repeated."""
        asked = self.body(DeclineAsked)
        decline_next_offer(caller_of(request), offer_id=offer, reason=asked["reason"])
        return Response(status=204)
