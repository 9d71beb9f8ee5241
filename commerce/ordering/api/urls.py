"""Addresses of the selling API, below /api/v1/."""

from django.urls import path, register_converter

from commerce.ordering.api.views import carts, orders
from commerce.ordering.api.views.changes import ChangeQuotesView, ChangesView
from commerce.ordering.api.views.fleet import FleetOrdersView, FleetQuotesView
from commerce.ordering.api.views.holder import (
    HolderChangesView,
    HolderChangeTakenBackView,
    TakeOverDeclinedView,
    TakeOverQuotesView,
    TakeOversView,
)
from commerce.ordering.api.views.journeys import (
    DraftStepView,
    JourneyStepView,
    JourneysView,
    PlanSimulationsView,
)
from commerce.ordering.api.views.me import MeView
from commerce.ordering.api.views.next_offers import (
    AcceptNextOfferView,
    DeclineNextOfferView,
    NextOffersView,
)
from commerce.ordering.api.views.numbers import NumbersView
from commerce.ordering.api.views.offerings import (
    ComparisonsView,
    OfferingsView,
    OfferingView,
    SuggestionsView,
)
from commerce.ordering.api.views.quotes import QuotesView
from commerce.ordering.api.views.retention import RetentionView
from commerce.ordering.api.views.shops import ShopsView
from commerce.ordering.api.views.timeline import TimelineView
from commerce.ordering.api.views.trials import TrialView
from commerce.ordering.api.views.withdrawals import WithdrawalQuotesView, WithdrawalsView


class CodeConverter:
    """The name of a cart, a line or a promotion code: letters, digits, dots and hyphens."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(CodeConverter, "name")

urlpatterns = [
    path("me", MeView.as_view(), name="me"),
    path("offerings", OfferingsView.as_view(), name="offerings"),
    path("offerings/<slug:code>", OfferingView.as_view(), name="offering"),
    path("suggestions", SuggestionsView.as_view(), name="suggestions"),
    path("comparisons", ComparisonsView.as_view(), name="comparisons"),
    path("numbers", NumbersView.as_view(), name="numbers"),
    path("quotes", QuotesView.as_view(), name="quotes"),
    path("carts", carts.CartsView.as_view(), name="carts"),
    path("carts/arrivals", carts.ArrivalsView.as_view(), name="cart-arrivals"),
    path("carts/<name:code>", carts.CartView.as_view(), name="cart"),
    path("carts/<name:code>/bundles", carts.CartBundlesView.as_view(), name="cart-bundles"),
    path(
        "carts/<name:code>/bundles/<name:group>",
        carts.CartBundleView.as_view(),
        name="cart-bundle",
    ),
    path("carts/<name:code>/items", carts.CartItemsView.as_view(), name="cart-items"),
    path("carts/<name:code>/items/<name:line>", carts.CartItemView.as_view(), name="cart-item"),
    path(
        "carts/<name:code>/items/<name:line>/number",
        carts.CartNumberView.as_view(),
        name="cart-number",
    ),
    path("carts/<name:code>/items/<name:line>/use", carts.CartUseView.as_view(), name="cart-use"),
    path("carts/<name:code>/numbers", carts.CartNumbersView.as_view(), name="cart-numbers"),
    path("carts/<name:code>/codes", carts.CartCodesView.as_view(), name="cart-codes"),
    path(
        "carts/<name:code>/codes/<name:promotion>",
        carts.CartCodeView.as_view(),
        name="cart-promotion-code",
    ),
    path(
        "carts/<name:code>/retention/<name:promotion>",
        RetentionView.as_view(),
        name="cart-retention",
    ),
    path("carts/<name:code>/checkout", carts.CheckoutView.as_view(), name="cart-checkout"),
    path(
        "carts/<name:code>/instalments",
        carts.CartInstalmentsView.as_view(),
        name="cart-instalments",
    ),
    path("carts/<name:code>/hand-over", carts.HandOverView.as_view(), name="cart-hand-over"),
    path("carts/<name:code>/take-over", carts.TakeOverView.as_view(), name="cart-take-over"),
    path(
        "carts/<name:code>/groups/<name:group>/steps/<name:role>",
        JourneyStepView.as_view(),
        name="journey-step",
    ),
    path("catalogue/drafts/<int:draft>/trial", TrialView.as_view(), name="draft-trial"),
    path("journeys", JourneysView.as_view(), name="journeys"),
    path("journeys/<slug:entry>/steps/<name:role>", DraftStepView.as_view(), name="draft-step"),
    path("next-offers", NextOffersView.as_view(), name="next-offers"),
    path("next-offers/<int:offer>/accept", AcceptNextOfferView.as_view(), name="accept-next-offer"),
    path(
        "next-offers/<int:offer>/decline",
        DeclineNextOfferView.as_view(),
        name="decline-next-offer",
    ),
    path("plan-simulations", PlanSimulationsView.as_view(), name="plan-simulations"),
    path("shops", ShopsView.as_view(), name="shops"),
    path("orders", orders.OrdersView.as_view(), name="orders"),
    path("orders/<name:number>", orders.OrderView.as_view(), name="order"),
    path("orders/<name:number>/items", orders.OrderItemsView.as_view(), name="order-items"),
    path(
        "orders/<name:number>/payment-session",
        orders.PaymentSessionView.as_view(),
        name="order-payment-session",
    ),
    path("orders/<name:number>/cancel", orders.CancelView.as_view(), name="order-cancel"),
    path(
        "orders/<name:number>/withdrawal-quote",
        WithdrawalQuotesView.as_view(),
        name="order-withdrawal-quote",
    ),
    path("orders/<name:number>/withdrawals", WithdrawalsView.as_view(), name="order-withdrawals"),
    path("orders/<name:number>/approve", orders.ApproveView.as_view(), name="order-approve"),
    path("orders/<name:number>/reject", orders.RejectView.as_view(), name="order-reject"),
    path(
        "subscriptions/<int:subscription_id>/change-quotes",
        ChangeQuotesView.as_view(),
        name="change-quotes",
    ),
    path(
        "subscriptions/<int:subscription_id>/timeline", TimelineView.as_view(), name="line-timeline"
    ),
    path("subscriptions/<int:subscription_id>/changes", ChangesView.as_view(), name="line-changes"),
    path(
        "subscriptions/<int:subscription_id>/holder-changes",
        HolderChangesView.as_view(),
        name="holder-changes",
    ),
    path(
        "subscriptions/<int:subscription_id>/holder-changes/take-back",
        HolderChangeTakenBackView.as_view(),
        name="holder-change-taken-back",
    ),
    path("take-over-quotes", TakeOverQuotesView.as_view(), name="take-over-quotes"),
    path("take-overs", TakeOversView.as_view(), name="take-overs"),
    path("take-overs/decline", TakeOverDeclinedView.as_view(), name="take-over-declined"),
    path("fleet-quotes", FleetQuotesView.as_view(), name="fleet-quotes"),
    path("fleet-orders", FleetOrdersView.as_view(), name="fleet-orders"),
    path("approvals", orders.ApprovalsView.as_view(), name="approvals"),
]
