"""Cancelling an order: what it would undo is shown first, to the customer or to his agent."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import FaisceauError
from commerce.ordering.domain.states import WAITING
from commerce.ordering.selectors import OrderView, order_view
from commerce.ordering.services.cancel import cancel_order
from commerce.web.policy import Policy, policy
from frontend.agent.screen import around, contact_bar
from frontend.sentences import sentence_of
from frontend.shop.cancelling import cancellation_screen
from frontend.shop.session import order_context
from orchestration.services.cancel import cancel_under_way, quote_cancellation


@policy(Policy.VISITOR)
@never_cache
def customer(request: HttpRequest, number: str) -> HttpResponse:
    """The customer's page."""
    context = order_context(request, number)
    order = order_view(context, number=number)
    template = "frontend/checkout/cancel.html"
    return _page(request, context, order=order, template=template, back="checkout:order")


@policy(Policy.AGENT)
@never_cache
def agent(request: HttpRequest, number: str) -> HttpResponse:
    """The same for an agent, at the customer's word."""
    context = context_for_request(request)
    order = order_view(context, number=number)
    template = "frontend/agent/cancel.html"
    return _page(request, context, order=order, template=template, back="agent:order")


def _page(
    request: HttpRequest,
    context: AccountContext,
    *,
    order: OrderView,
    template: str,
    back: str,
) -> HttpResponse:
    number = order.summary.number
    group = request.POST.get("bundle", request.GET.get("bundle", ""))[:20]
    groups = (group,) if group else ()
    back_to = reverse(back, args=[number])
    try:
        if request.method == "POST":
            _cancel(request, context, order=order, groups=groups)
            return redirect(back_to)
        if order.summary.state in WAITING:
            screen: dict[str, Any] = {"waiting": True}
        else:
            quote = quote_cancellation(context, number=number, groups=groups)
            screen = cancellation_screen(quote, order=order, group=group)
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
        return redirect(back_to if error.code != "impact_changed" else request.get_full_path())
    values = screen | {"order": order, "number": number, "back": back_to}
    if context.staff:
        values |= around(context) | contact_bar(context)
    return render(request, template, values)


def _cancel(
    request: HttpRequest, context: AccountContext, *, order: OrderView, groups: tuple[str, ...]
) -> None:
    number, note = order.summary.number, request.POST.get("note", "").strip()[:300]
    if order.summary.state in WAITING:
        cancel_order(
            context, number=number, reason=note or ("agent" if context.staff else "customer")
        )
        messages.success(request, _("The order is cancelled. Its cart is open again."))
        return
    token = request.POST.get("token", "")[:64]
    cancel_under_way(context, number=number, token=token, groups=groups, note=note)
    messages.success(request, _("We are taking everything back. This page follows it by itself."))
