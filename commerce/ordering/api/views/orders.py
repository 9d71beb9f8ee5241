"""Orders: placed from a cart, looked at, paid, cancelled; approved or rejected."""

from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.serializers.orders import (
    ApprovalsSerializer,
    ItemsQuery,
    NoteAsked,
    OrderAsked,
    OrderDetailSerializer,
    OrderItemsSerializer,
    OrdersQuery,
    OrdersSerializer,
    PaymentSessionSerializer,
    PlacedSerializer,
    checkout_of,
)
from commerce.ordering.domain.states import OrderState
from commerce.ordering.selectors import approvals_waiting, order_view, orders_of
from commerce.ordering.services.approval import approve_order, reject_order
from commerce.ordering.services.cancel import cancel_order
from commerce.ordering.services.payment import pay_again
from commerce.ordering.services.place import place_order
from commerce.payments.services.checkout import open_session
from commerce.web.fields import Strict
from commerce.web.idempotency import idempotent
from commerce.web.policy import Policy
from commerce.web.views import ApiView, created


class OrdersView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(
        operation_id="listOrders", parameters=[OrdersQuery], responses=OrdersSerializer(many=False)
    )
    def get(self, request: Request) -> Response:
        """The caller's orders, newest first."""
        asked = self.query(OrdersQuery)
        limit, state = asked["limit"], asked.get("state")
        found = orders_of(
            caller_of(request),
            state=OrderState(state) if state else None,
            before=asked.get("before", ""),
            limit=limit + 1,
        )
        following = None
        if len(found) > limit:
            query = {**request.query_params.dict(), "before": found[limit - 1].number}
            following = f"{request.path}?{urlencode(query)}"
        return Response(OrdersSerializer({"items": found[:limit], "next": following}).data)

    @idempotent
    @extend_schema(operation_id="placeOrder", request=OrderAsked, responses={201: PlacedSerializer})
    def post(self, request: Request) -> Response:
        """Order what is in a cart.

        At the total that the buyer saw; if the price has changed meanwhile, nothing is ordered and
        the new total is told. The same cart again gives the same order.
        """
        asked = self.body(OrderAsked)
        placed = place_order(caller_of(request), code=asked["cart"], checkout=checkout_of(asked))
        return created(PlacedSerializer(placed).data, at=f"{request.path}/{placed.number}")


class OrderView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(operation_id="getOrder", responses=OrderDetailSerializer)
    def get(self, request: Request, number: str) -> Response:
        """One order: what was agreed, its states, its approval."""
        return Response(OrderDetailSerializer(order_view(caller_of(request), number=number)).data)


class OrderItemsView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"

    @extend_schema(
        operation_id="listOrderItems",
        parameters=[ItemsQuery],
        responses=OrderItemsSerializer(many=False),
    )
    def get(self, request: Request, number: str) -> Response:
        """The lines of an order, with users, numbers and places of delivery."""
        asked = self.query(ItemsQuery)
        items = order_view(caller_of(request), number=number).items
        limit, offset = asked["limit"], asked["offset"]
        page = {"items": items[offset : offset + limit], "total": len(items), **asked}
        return Response(OrderItemsSerializer(page).data)


class PaymentSessionView(ApiView):
    policy = Policy.VISITOR
    tag = "Orders"
    refusals = (503,)

    @idempotent
    @extend_schema(
        operation_id="openPaymentSession",
        request=Strict,
        responses={201: PaymentSessionSerializer},
    )
    def post(self, request: Request, number: str) -> Response:
        """Open the hosted page for what is due today.

        The present one while it is open, a new attempt once that was declined or cancelled.
        """
        self.body(Strict)
        key = pay_again(caller_of(request), number=number)
        url = open_session(key=key)
        return created(PaymentSessionSerializer({"url": url}).data, at=url)


class OrderActView(ApiView):
    """An act on an order that answers what has become of it."""

    tag = "Orders"

    def shown(self, request: Request, number: str) -> Response:
        return Response(OrderDetailSerializer(order_view(caller_of(request), number=number)).data)


class CancelView(OrderActView):
    policy = Policy.VISITOR

    @extend_schema(operation_id="cancelOrder", request=NoteAsked, responses=OrderDetailSerializer)
    def post(self, request: Request, number: str) -> Response:
        """End an order that still waits; its cart opens again. Once cancelled, nothing happens."""
        asked = self.body(NoteAsked)
        cancel_order(caller_of(request), number=number, reason=asked["note"] or "customer")
        return self.shown(request, number)


class ApproveView(OrderActView):
    policy = Policy.BUSINESS
    tag = "Approvals"

    @idempotent
    @extend_schema(operation_id="approveOrder", request=NoteAsked, responses=OrderDetailSerializer)
    def post(self, request: Request, number: str) -> Response:
        """Let a waiting order bind.

        By another member than its buyer whose limit suffices. Once approved, nothing happens.
        """
        approve_order(caller_of(request), number=number, note=self.body(NoteAsked)["note"])
        return self.shown(request, number)


class RejectView(OrderActView):
    policy = Policy.BUSINESS
    tag = "Approvals"

    @idempotent
    @extend_schema(operation_id="rejectOrder", request=NoteAsked, responses=OrderDetailSerializer)
    def post(self, request: Request, number: str) -> Response:
        """Refuse a waiting order; what was held for it is free again."""
        reject_order(caller_of(request), number=number, note=self.body(NoteAsked)["note"])
        return self.shown(request, number)


class ApprovalsView(ApiView):
    policy = Policy.BUSINESS
    tag = "Approvals"

    @extend_schema(operation_id="listApprovals", responses=ApprovalsSerializer(many=False))
    def get(self, request: Request) -> Response:
        """The orders that the caller may decide on."""
        return Response(ApprovalsSerializer({"items": approvals_waiting(caller_of(request))}).data)
