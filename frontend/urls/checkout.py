"""From a choice to an order: the guided journey, the cart, the summary, payment, tracking."""

from django.urls import path, register_converter

from frontend.views import (
    amending,
    cancelling,
    cart,
    guide,
    holder,
    in_parts,
    journey,
    orders,
    paying,
    porting,
    summary,
    withdrawing,
)


class CartCode:
    """A cart's name as it is spoken and typed: 7K2-Q9F, in either case."""

    regex = "[0-9A-Za-z]{3}-[0-9A-Za-z]{3}"

    def to_python(self, value: str) -> str:
        return value.upper()

    def to_url(self, value: str) -> str:
        return value


register_converter(CartCode, "cart")

app_name = "checkout"
urlpatterns = [
    path("build/", guide.index, name="guide"),
    path("build/usage/", guide.usage, name="usage"),
    path("build/start/", journey.start, name="start"),
    path("build/rio/", journey.check_rio, name="rio"),
    path("build/<cart:code>/in-parts/", in_parts.in_parts, name="in_parts"),
    path("build/<slug:entry>/keep/", guide.keep, name="keep"),
    path("build/<slug:entry>/<str:role>/", guide.step, name="draft"),
    path("build/<cart:code>/<str:group>/<str:role>/", journey.step, name="step"),
    path("cart/add/", cart.add, name="add"),
    path("cart/summary/", summary.summary, name="summary"),
    path("cart/pick-up/", summary.pick_up, name="pick_up"),
    path("cart/contract-summary/", summary.durable, name="durable"),
    path("cart/<cart:code>/", cart.show, name="cart"),
    path("cart/<cart:code>/why/", cart.why, name="cart_why"),
    path("cart/<cart:code>/change/", cart.change, name="change"),
    path("cart/<cart:code>/hand-over/", cart.hand_over, name="hand_over"),
    path("cart/<str:token>/", cart.arrive, name="arrive"),
    path("orders/<slug:number>/", orders.track, name="order"),
    path("orders/<slug:number>/why/", orders.why, name="order_why"),
    path("orders/<slug:number>/progress/", orders.progress, name="progress"),
    path("orders/<slug:number>/change/", amending.customer, name="amend"),
    path("orders/<slug:number>/cancel/", cancelling.customer, name="cancel"),
    path("orders/<slug:number>/withdraw/", withdrawing.customer, name="withdraw"),
    path("orders/<slug:number>/pay/", orders.pay, name="pay"),
    path("orders/<slug:number>/paid/", orders.paid, name="paid"),
    path("orders/<slug:number>/numbers/<str:line_id>/", porting.customer, name="porting"),
    path("take-over/<str:token>/", holder.take_line_over, name="take_line_over"),
    path("accept/<str:token>/", orders.accept, name="accept"),
    path("pay/<str:token>/", paying.by_link, name="pay_link"),
    path("accept/<str:token>/pay/", orders.pay_accepted, name="pay_accepted"),
]
