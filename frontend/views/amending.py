"""Changing an order under way: what it would do is shown first, to the customer or to his agent."""

from typing import Any
from urllib.parse import urlencode

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
from frontend import errors
from frontend.agent.screen import around, contact_bar
from frontend.sentences import sentence_of
from frontend.shop.amending import FORMS, WishForm, amending_screen, amendment_screen
from frontend.shop.session import order_context
from frontend.shop.words import named
from orchestration.services.amend import amend_under_way, quote_amendment


@policy(Policy.VISITOR)
@never_cache
def customer(request: HttpRequest, number: str) -> HttpResponse:
    """The customer's page."""
    context = order_context(request, number)
    order = order_view(context, number=number)
    template = "frontend/checkout/amend.html"
    return _page(request, context, order=order, template=template, space="checkout")


@policy(Policy.AGENT)
@never_cache
def agent(request: HttpRequest, number: str) -> HttpResponse:
    """The same for an agent, at the customer's word."""
    context = context_for_request(request)
    order = order_view(context, number=number)
    template = "frontend/agent/amend.html"
    return _page(request, context, order=order, template=template, space="agent")


def _page(
    request: HttpRequest,
    context: AccountContext,
    *,
    order: OrderView,
    template: str,
    space: str,
) -> HttpResponse:
    """`space`: of the addresses to which the page leads."""
    number = order.summary.number
    groups = list(dict.fromkeys(item.group for item in order.items))
    wanted = request.POST.get("bundle", request.GET.get("bundle", ""))
    group = wanted if wanted in groups else groups[0]
    back_to = reverse(f"{space}:order", args=[number])
    here = f"{request.path}?{urlencode({'bundle': group})}"
    values = amending_screen(order, group=group, porting=f"{space}:porting") | {
        "order": order,
        "number": number,
        "back": back_to,
        "here": here,
        "others": [_named(order, each) for each in groups if each != group],
    }
    form = _sent(request)
    if form is not None and form.is_valid():
        try:
            if request.POST.get("token"):
                _amend(request, context, form=form, number=number, group=group)
                return redirect(back_to)
            wish = form.wish
            quote = quote_amendment(context, number=number, group=group, wish=wish)
            values |= amendment_screen(quote) | {"form": form, "act": form.act}
        except FaisceauError as refusal:
            if refusal.code == "impact_changed":
                messages.error(request, sentence_of(refusal))
                return redirect(here)
            errors.put(form, refusal)
    if form is not None and form.errors:
        values |= _with_errors(form)
    if context.staff:
        values |= around(context) | contact_bar(context)
    return render(request, template, values, status=422 if form and form.errors else 200)


def _named(order: OrderView, group: str) -> dict[str, str]:
    items = [item for item in order.items if item.group == group]
    return {"group": group, "names": ", ".join(named(item.name) for item in items[:4])}


def _sent(request: HttpRequest) -> WishForm | None:
    kind = FORMS.get(request.POST.get("act", ""))
    return kind(request.POST) if kind is not None else None


def _with_errors(form: WishForm) -> dict[str, Any]:
    """Beside its fields where it has some, else above all."""
    if form.has_fields:
        return {f"{form.act}_form": form}
    return {"problem": " ".join(str(text) for each in form.errors.values() for text in each)}


def _amend(
    request: HttpRequest, context: AccountContext, *, form: WishForm, number: str, group: str
) -> None:
    token = request.POST.get("token", "")[:64]
    amend_under_way(context, number=number, group=group, wish=form.wish, token=token)
    messages.success(request, _("We are changing it. This page follows it by itself."))
