"""Withdrawing from a contract that was concluded at a distance."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.serializers.orders import PlacedSerializer
from commerce.ordering.api.serializers.withdrawals import (
    WithdrawalAsked,
    WithdrawalQuoteAsked,
    WithdrawalQuoteSerializer,
)
from commerce.ordering.services.withdrawing import quote_withdrawal, withdraw
from commerce.web.idempotency import idempotent
from commerce.web.policy import Policy
from commerce.web.views import ApiView, created


class WithdrawalQuotesView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(
        operation_id="quoteWithdrawal",
        request=WithdrawalQuoteAsked,
        responses={200: WithdrawalQuoteSerializer},
    )
    def post(self, request: Request, number: str) -> Response:
        """What withdrawing from a bundle of the order would do, and until when it can be done."""
        asked = self.body(WithdrawalQuoteAsked)
        shown = quote_withdrawal(caller_of(request), number=number, group=asked["bundle"])
        return Response(WithdrawalQuoteSerializer(shown).data)


class WithdrawalsView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @idempotent
    @extend_schema(
        operation_id="withdraw", request=WithdrawalAsked, responses={201: PlacedSerializer}
    )
    def post(self, request: Request, number: str) -> Response:
        """Withdraw from a bundle as the quote showed it.

        It is an order, which ends the service at once and brings pieces and money back.
        """
        asked = self.body(WithdrawalAsked)
        placed = withdraw(
            caller_of(request),
            number=number,
            group=asked["bundle"],
            digest=asked["digest"],
            declared=asked["declared"],
        )
        return created(PlacedSerializer(placed).data, at=f"/api/v1/orders/{placed.number}")
