"""Carts: opened, filled, handed over; each change answers the whole cart with its quote."""

from typing import Any

from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue.domain.model import Segment as CatalogueSegment
from commerce.accounts.api.caller import caller_of
from commerce.accounts.kinds import Segment
from commerce.kernel.errors import InvalidInput
from commerce.markets.pack import NumberUse
from commerce.ordering.api.offers import segment_of
from commerce.ordering.api.serializers.carts import (
    ArrivalAsked,
    ArrivalSerializer,
    CartAsked,
    CartBundleAsked,
    CartSerializer,
    CartsSerializer,
    CheckoutSerializer,
    HandOverSerializer,
    ItemAsked,
    ItemChange,
    LeaseSerializer,
    LineBundleAsked,
    NumberAsked,
    NumbersSerializer,
    PromotionCodeAsked,
    number_choice,
    only,
)
from commerce.ordering.api.serializers.numbers import UseAsked
from commerce.ordering.api.serializers.quotes import InstalmentChoicesSerializer, QuoteQuery
from commerce.ordering.domain.numbering import DeclaredUse
from commerce.ordering.selectors import cart_view, edited_view, open_carts
from commerce.ordering.services import carts, handover
from commerce.ordering.services.checkout import start_checkout
from commerce.ordering.services.editing import Edited
from commerce.ordering.services.instalments import choices_of
from commerce.ordering.services.numbering import former_numbers, proposed_numbers
from commerce.web.fields import Strict
from commerce.web.idempotency import idempotent
from commerce.web.policy import Policy
from commerce.web.views import ApiView


class CartBase(ApiView):
    policy = Policy.VISITOR
    tag = "Carts"

    def cart(self, request: Request, code: str, **asked: Any) -> Response:
        """The cart as it is now."""
        view = cart_view(caller_of(request), code=code)
        return Response(CartSerializer(view, context=asked).data)

    def edited(self, request: Request, edited: Edited[Any], *, status: int = 200) -> Response:
        """The cart as it was just changed."""
        view = edited_view(caller_of(request), edited)
        return Response(CartSerializer(view).data, status=status)


class CartsView(CartBase):
    @extend_schema(operation_id="listCarts", responses=CartsSerializer(many=False))
    def get(self, request: Request) -> Response:
        """The caller's open carts."""
        return Response(CartsSerializer({"items": open_carts(caller_of(request))}).data)

    @idempotent
    @extend_schema(operation_id="openCart", request=CartAsked, responses={201: CartSerializer})
    def post(self, request: Request) -> Response:
        """Open a new, empty cart.

        A visitor's cart belongs to the cookie that comes with the answer.
        """
        wanted = self.body(CartAsked).get("segment")
        _may_have(request, wanted)
        get_token(request._request)  # a browser needs it for what it changes next
        segment = Segment(wanted) if wanted else None
        begun = carts.begin_cart(caller_of(request), segment=segment)
        response = self.edited(request, begun, status=201)
        response["Location"] = f"{request.path}/{begun.code}"
        return response


class CartView(CartBase):
    @extend_schema(operation_id="getCart", parameters=[QuoteQuery], responses=CartSerializer)
    def get(self, request: Request, code: str) -> Response:
        """A cart, priced and judged now."""
        return self.cart(request, code, **self.query(QuoteQuery))


class CartBundlesView(CartBase):
    @idempotent
    @extend_schema(
        operation_id="addBundle", request=CartBundleAsked, responses={201: CartSerializer}
    )
    def post(self, request: Request, code: str) -> Response:
        """Begin a bundle, with some of its places filled."""
        asked = self.body(CartBundleAsked)
        choices: dict[str, str] = {}
        for choice in asked["choices"]:
            if choice["role"] in choices or choice["quantity"] != 1:
                raise InvalidInput(
                    "Begin with one of each role; add others as items.",
                    code="one_of_each_role",
                    field="choices",
                )
            choices[choice["role"]] = choice["offering"]
        edited = carts.put_bundle(
            caller_of(request),
            code=code,
            bundle=asked["bundle"],
            choices=choices,
            term=asked["term"],
        )
        return self.edited(request, edited, status=201)


class CartBundleView(CartBase):
    @extend_schema(
        operation_id="choosePackLine", request=LineBundleAsked, responses={200: CartSerializer}
    )
    def put(self, request: Request, code: str, group: str) -> Response:
        """Let another bundle be the line of a pack, where several may; the line is emptied."""
        bundle = self.body(LineBundleAsked)["bundle"]
        edited = carts.choose_line(caller_of(request), code=code, group=group, bundle=bundle)
        return self.edited(request, edited)

    @extend_schema(operation_id="removeBundle", responses={200: CartSerializer})
    def delete(self, request: Request, code: str, group: str) -> Response:
        """Take a whole bundle out. Once gone, nothing happens."""
        edited = carts.remove_bundle(caller_of(request), code=code, group=group)
        return self.edited(request, edited)


class CartItemsView(CartBase):
    @idempotent
    @extend_schema(operation_id="addItem", request=ItemAsked, responses={201: CartSerializer})
    def post(self, request: Request, code: str) -> Response:
        """Put an offering into the cart, or into a place of one of its bundles."""
        asked = self.body(ItemAsked)
        if asked["group"]:
            if not asked.get("role"):
                raise InvalidInput(
                    "Say for which role of the bundle.", code="role_missing", field="role"
                )
            edited = carts.choose(
                caller_of(request),
                code=code,
                group=asked["group"],
                role=asked["role"],
                offering=asked["offering"],
                quantity=asked["quantity"],
                term=asked.get("term"),
            )
        else:
            edited = carts.add_line(
                caller_of(request),
                code=code,
                offering=asked["offering"],
                quantity=asked["quantity"],
            )
        return self.edited(request, edited, status=201)


class CartItemView(CartBase):
    @extend_schema(operation_id="changeItem", request=ItemChange, responses=CartSerializer)
    def patch(self, request: Request, code: str, line: str) -> Response:
        """Change how many, or the commitment of a plan."""
        asked = self.body(ItemChange)
        if not asked:
            raise InvalidInput("Say what to change.", code="empty", field="quantity")
        edited = carts.change_line(caller_of(request), code=code, line_id=line, **asked)
        return self.edited(request, edited)

    @extend_schema(operation_id="removeItem", responses={200: CartSerializer})
    def delete(self, request: Request, code: str, line: str) -> Response:
        """Take a line out. Once gone, nothing happens."""
        edited = carts.remove_line(caller_of(request), code=code, line_id=line)
        return self.edited(request, edited)


class CartNumberView(CartBase):
    @extend_schema(operation_id="chooseNumber", request=NumberAsked, responses=CartSerializer)
    def put(self, request: Request, code: str, line: str) -> Response:
        """Say which number a plan, or the line of a special number, gets.

        A kept number needs its RIO, which is checked at once.
        """
        choice = number_choice(self.body(NumberAsked))
        edited = carts.choose_number(caller_of(request), code=code, line_id=line, choice=choice)
        return self.edited(request, edited)


class CartUseView(CartBase):
    @extend_schema(operation_id="declareUse", request=UseAsked, responses=CartSerializer)
    def put(self, request: Request, code: str, line: str) -> Response:
        """Say where the calls to a special number go, and what it serves.

        What the law forbids with the number's tariff is refused with `purpose_forbidden`.
        """
        asked = self.body(UseAsked)
        use = DeclaredUse(asked["route_to"], NumberUse(asked["purpose"]))
        edited = carts.declare_use(caller_of(request), code=code, line_id=line, use=use)
        return self.edited(request, edited)


class CartNumbersView(CartBase):
    @extend_schema(operation_id="proposeNumbers", responses=NumbersSerializer(many=False))
    def get(self, request: Request, code: str) -> Response:
        """Free numbers to choose from; the same when asked again. In `yours`, those of contracts
        of the caller's that ended lately: nobody else can have them."""
        context = caller_of(request)
        found = proposed_numbers(context, code=code, count=6)
        yours = former_numbers(context.party_id)
        return Response(NumbersSerializer({"items": found, "yours": yours}).data)


class CartCodesView(CartBase):
    @extend_schema(
        operation_id="enterPromotionCode", request=PromotionCodeAsked, responses=CartSerializer
    )
    def post(self, request: Request, code: str) -> Response:
        """Enter a promotion code; the quote says what it gives, or why it doesn't."""
        asked = self.body(PromotionCodeAsked)
        edited = carts.enter_code(caller_of(request), code=code, promotion_code=asked["code"])
        return self.edited(request, edited)


class CartCodeView(CartBase):
    @extend_schema(operation_id="dropPromotionCode", responses={200: CartSerializer})
    def delete(self, request: Request, code: str, promotion: str) -> Response:
        """Forget an entered promotion code."""
        edited = carts.drop_code(caller_of(request), code=code, promotion_code=promotion)
        return self.edited(request, edited)


class CheckoutView(CartBase):
    @extend_schema(operation_id="startCheckout", request=Strict, responses=CheckoutSerializer)
    def post(self, request: Request, code: str) -> Response:
        """Hold today's prices for 30 minutes and limited promotions for 15."""
        self.body(Strict)
        return Response(CheckoutSerializer(start_checkout(caller_of(request), code=code)).data)


class CartInstalmentsView(CartBase):
    @extend_schema(operation_id="listInstalmentChoices", responses=InstalmentChoicesSerializer)
    def get(self, request: Request, code: str) -> Response:
        """In how many parts its phones may be paid, and what is due now then."""
        found = choices_of(caller_of(request), code=code)
        return Response(InstalmentChoicesSerializer(found).data)


class HandOverView(CartBase):
    @idempotent
    @extend_schema(operation_id="handOverCart", request=Strict, responses={201: HandOverSerializer})
    def post(self, request: Request, code: str) -> Response:
        """Offer the cart to another channel, for two days."""
        self.body(Strict)
        offered = handover.hand_over(caller_of(request), code=code)
        return Response(HandOverSerializer(offered).data, status=201)


class TakeOverView(CartBase):
    @extend_schema(operation_id="takeOverCart", request=Strict, responses=LeaseSerializer)
    def post(self, request: Request, code: str) -> Response:
        """Ask to change the cart.

        At once if nobody does, else when the editor lets go or after 20 seconds: ask again.
        """
        self.body(Strict)
        return Response(LeaseSerializer(handover.take_over(caller_of(request), code=code)).data)


class ArrivalsView(CartBase):
    @extend_schema(operation_id="arriveWithCart", request=ArrivalAsked, responses=ArrivalSerializer)
    def post(self, request: Request) -> Response:
        """Open a cart that is handed over, and hear what is not as it was seen before."""
        asked = self.body(ArrivalAsked)
        if only(asked, "code", "token") == "code":
            found = handover.open_by_code(caller_of(request), code=asked["code"])
        else:
            found = handover.open_by_link(caller_of(request), token=asked["token"])
        return Response(ArrivalSerializer(found).data)


def _may_have(request: Request, wanted: str | None) -> None:
    """Business carts are for organisations."""
    own = segment_of(caller_of(request))
    if wanted == Segment.BUSINESS and own is not CatalogueSegment.BUSINESS:
        raise InvalidInput(
            "Only members of an organisation order for business.",
            code="segment_not_yours",
            field="segment",
        )
