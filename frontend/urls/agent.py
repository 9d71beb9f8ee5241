"""The agent console: find, speak, open the cart, send the link, note."""

from django.urls import path

from frontend.views import (
    agent,
    agent_cart,
    agent_guide,
    amending,
    cancelling,
    changes,
    dunning,
    porting,
    purchases,
    withdrawing,
)

app_name = "agent"
urlpatterns = [
    path("agent/", agent.home, name="home"),
    path("agent/contacts/", agent.begin, name="begin"),
    path("agent/contacts/<int:contact_id>/resume/", agent.resume, name="resume"),
    path("agent/contact/", agent.contact, name="contact"),
    path("agent/contact/check/", agent.check, name="check"),
    path("agent/contact/customer/", agent.attach, name="attach"),
    path("agent/contact/end/", agent.end, name="end"),
    path("agent/offers/<int:offer>/", agent.answer_offer, name="answer_offer"),
    path(
        "agent/lines/<int:subscription_id>/change/<slug:kind>/",
        changes.change_for_customer,
        name="change_line",
    ),
    path("agent/lines/<int:subscription_id>/purchases/", purchases.for_customer, name="purchases"),
    path("agent/lines/<int:subscription_id>/esim/", changes.esim_again, name="esim_again"),
    path("agent/lines/<int:subscription_id>/rio/", changes.rio, name="rio"),
    path("agent/requests/<str:reference>/", agent.settle, name="settle"),
    path("agent/cart/", agent_cart.open_cart, name="open_cart"),
    path("agent/cart/<str:code>/", agent_cart.cart, name="cart"),
    path("agent/cart/<str:code>/lines/", agent_cart.change, name="change"),
    path("agent/cart/<str:code>/lines/<str:line_id>/number/", agent_cart.number, name="number"),
    path("agent/cart/<str:code>/editing/", agent_cart.editing, name="editing"),
    path("agent/cart/<str:code>/take-over/", agent_cart.take, name="take_over"),
    path("agent/cart/<str:code>/send/", agent_cart.send, name="send"),
    path("agent/orders/<str:number>/", agent_cart.order, name="order"),
    path("agent/orders/<str:number>/send-again/", agent_cart.send_again, name="send_again"),
    path("agent/orders/<str:number>/change/", amending.agent, name="amend_order"),
    path("agent/orders/<str:number>/cancel/", cancelling.agent, name="cancel_order"),
    path("agent/orders/<str:number>/withdraw/", withdrawing.agent, name="withdraw"),
    path("agent/orders/<str:number>/numbers/<str:line_id>/", porting.agent, name="porting"),
    path("agent/bills/<str:number>/explained/", agent.bill_explained, name="bill_explained"),
    path("agent/bills/<str:number>/pdf/", agent.bill_file, name="bill_pdf"),
    path("agent/promise/", dunning.promise_of_caller, name="promise"),
    path("agent/guide/", agent_guide.index, name="guide"),
    path("agent/guide/usage/", agent_guide.usage, name="usage"),
    path("agent/guide/<slug:entry>/keep/", agent_guide.keep, name="keep"),
    path("agent/guide/<slug:entry>/<str:role>/", agent_guide.step, name="draft"),
    path("agent/orders/<str:number>/state/", agent_cart.order_state, name="order_state"),
]
