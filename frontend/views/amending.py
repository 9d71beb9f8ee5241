"""Changing an order under way: what it would do is shown first, to the customer or to his agent."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import FaisceauError
from commerce.ordering.selectors import OrderView, order_view
from commerce.web.policy import Policy, policy
from frontend.agent.screen import around, contact_bar
from frontend.sentences import sentence_of
from frontend.shop.amending import FORMS, amending_screen, amendment_screen
from frontend.shop.session import order_context
from orchestration.services.amend import amend_under_way, quote_amendment


@policy(Policy.VISITOR)
@never_cache
def customer(request: HttpRequest, number: str) -> HttpResponse:
    """The customer's page."""
    context = order_context(request, number)
    order = order_view(context, number=number)
    template = "frontend/checkout/amend.html"
    return _page(request, context, order=order, template=template, back="checkout:order")


@policy(Policy.AGENT)
@never_cache
def agent(request: HttpRequest, number: str) -> HttpResponse:
    """The same for an agent, at the customer's word."""
    context = context_for_request(request)
    order = order_view(context, number=number)
    template = "frontend/agent/amend.html"
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
    groups = list(dict.fromkeys(item.group for item in order.items))
    wanted = request.POST.get("bundle", request.GET.get("bundle", ""))
    group = wanted if wanted in groups else groups[0]
    back_to = reverse(back, args=[number])
    values: dict[str, Any] = amending_screen(order, group=group)
    values |= {"order": order, "number": number, "back": back_to}
    values["others"] = [each for each in groups if each != group]
    form = _sent(request)
    if form is not None and form.is_valid():
        try:
            if request.POST.get("token"):
                _amend(request, context, form=form, number=number, group=group)
                return redirect(back_to)
            wish = form.wish  # type: ignore[attr-defined]
            quote = quote_amendment(context, number=number, group=group, wish=wish)
            values |= amendment_screen(quote) | {"form": form, "act": request.POST["act"]}
        except FaisceauError as refusal:
            messages.error(request, sentence_of(refusal))
            return redirect(request.get_full_path())
    elif form is not None:
        values[f"{request.POST['act']}_form"] = form
    if context.staff:
        values |= around(context) | contact_bar(context)
    return render(request, template, values, status=422 if form and form.errors else 200)


def _sent(request: HttpRequest) -> forms.Form | None:
    kind = FORMS.get(request.POST.get("act", ""))
    return kind(request.POST) if kind is not None else None


def _amend(
    request: HttpRequest, context: AccountContext, *, form: Any, number: str, group: str
) -> None:
    token = request.POST.get("token", "")[:64]
    amend_under_way(context, number=number, group=group, wish=form.wish, token=token)
    messages.success(request, _("We are changing it. This page follows it by itself."))
