"""Passing a line on to another holder, and taking one over."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.accounts.identity import AccountContext
from commerce.ordering.api.serializers.holder import (
    HolderChangeSerializer,
    HolderChangesSerializer,
    PassOnAsked,
    TakeOverAsked,
    TakeOverQuoteAsked,
    TakeOverSerializer,
    consents_of,
)
from commerce.ordering.api.serializers.orders import PlacedSerializer
from commerce.ordering.api.views.changes import LARGEST_ID, OWNERS
from commerce.ordering.domain.holder import HolderChangeView
from commerce.ordering.holder_changes import holder_change, holder_changes
from commerce.ordering.services.line_discounts import following_passed_on
from commerce.ordering.services.passing_on import pass_on, take_back
from commerce.ordering.services.taking_over import decline, take_over, take_over_of
from commerce.web.idempotency import idempotent
from commerce.web.policy import Policy
from commerce.web.views import ApiView, created

TAKERS = (Policy.CUSTOMER, Policy.BUSINESS)


class HolderChangesView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @extend_schema(operation_id="listHolderChanges", responses={200: HolderChangesSerializer})
    def get(self, request: Request, subscription_id: int) -> Response:
        """Whether somebody else was asked to take the line over, the last time first."""
        context, line = caller_of(request), min(subscription_id, LARGEST_ID)
        found = holder_changes(context, subscription_id=line)
        return Response(_shown(context, line, found))

    @idempotent
    @extend_schema(
        operation_id="passLineOn", request=PassOnAsked, responses={201: HolderChangeSerializer}
    )
    def post(self, request: Request, subscription_id: int) -> Response:
        """Ask somebody to take the line over, as it stands.

        Nothing changes until he accepts; he has fourteen days for it.
        """
        context, line = caller_of(request), min(subscription_id, LARGEST_ID)
        asked = self.body(PassOnAsked)
        pass_on(context, subscription_id=line, email=asked["email"], on=asked.get("on"))
        found = holder_change(context.party_id or 0, line)
        return created(
            HolderChangeSerializer(found).data,
            at=f"/api/v1/subscriptions/{line}/holder-changes",
        )


def _shown(
    context: AccountContext, line: int, found: tuple[HolderChangeView, ...]
) -> Mapping[str, Any]:
    shown = {
        "items": found,
        "beside": following_passed_on(context.party_id or 0, subscription_id=line),
    }
    told: Mapping[str, Any] = HolderChangesSerializer(shown).data
    return told


class HolderChangeTakenBackView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @extend_schema(operation_id="keepLine", request=None, responses={200: HolderChangesSerializer})
    def post(self, request: Request, subscription_id: int) -> Response:
        """Ask nobody any more, as long as he has not accepted."""
        context, line = caller_of(request), min(subscription_id, LARGEST_ID)
        take_back(context, subscription_id=line)
        found = holder_changes(context, subscription_id=line)
        return Response(_shown(context, line, found))


class TakeOverQuotesView(ApiView):
    policy = TAKERS
    tag = "Subscriptions"

    @extend_schema(
        operation_id="quoteTakeOver",
        request=TakeOverQuoteAsked,
        responses={200: TakeOverSerializer},
    )
    def post(self, request: Request) -> Response:
        """What whoever has the link would take on."""
        context = caller_of(request)
        offer = take_over_of(self.body(TakeOverQuoteAsked)["token"], party_id=context.party_id)
        return Response(TakeOverSerializer(offer).data)


class TakeOversView(ApiView):
    policy = TAKERS
    tag = "Subscriptions"

    @idempotent
    @extend_schema(
        operation_id="takeLineOver", request=TakeOverAsked, responses={201: PlacedSerializer}
    )
    def post(self, request: Request) -> Response:
        """Take the line over as the quote showed it: an order of the new holder."""
        asked = self.body(TakeOverAsked)
        placed = take_over(
            caller_of(request),
            token=asked["token"],
            digest=asked["digest"],
            consents=consents_of(asked),
            purchase_order=asked["purchase_order_number"],
        )
        return created(PlacedSerializer(placed).data, at=f"/api/v1/orders/{placed.number}")


class TakeOverDeclinedView(ApiView):
    policy = TAKERS
    tag = "Subscriptions"

    @extend_schema(
        operation_id="declineTakeOver", request=TakeOverQuoteAsked, responses={204: None}
    )
    def post(self, request: Request) -> Response:
        """Decline: the line stays where it is."""
        decline(caller_of(request), token=self.body(TakeOverQuoteAsked)["token"])
        return Response(status=204)
