"""Withdrawing from a contract: what it does is shown first, then it is confirmed (L221-21)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import FaisceauError
from commerce.ordering.services.withdrawing import quote_withdrawal, withdraw
from commerce.web.policy import Policy, policy
from frontend.agent.screen import around, contact_bar
from frontend.sentences import sentence_of
from frontend.shop.session import order_context, remember_order
from frontend.shop.withdrawing import withdrawal_screen


@policy(Policy.VISITOR)
@never_cache
def customer(request: HttpRequest, number: str) -> HttpResponse:
    """The customer's page; `?bundle=` names the part of the order."""
    context = order_context(request, number)
    template = "frontend/checkout/withdraw.html"
    return _page(request, context, number, template=template, back="checkout:order")


@policy(Policy.AGENT)
@never_cache
def agent(request: HttpRequest, number: str) -> HttpResponse:
    """The same for an agent, at the customer's word."""
    context = context_for_request(request)
    template = "frontend/agent/withdraw.html"
    return _page(request, context, number, template=template, back="agent:order")


def _page(
    request: HttpRequest,
    context: AccountContext,
    number: str,
    *,
    template: str,
    back: str,
) -> HttpResponse:
    back_to = reverse(back, args=[number])
    group = request.GET.get("bundle", "")[:60]
    try:
        if request.method == "POST":
            placed = withdraw(
                context,
                number=number,
                group=group,
                digest=request.POST.get("digest", "")[:64],
                declared=request.POST.get("declared", "as_new")[:20],
            )
            if not context.staff:
                remember_order(request, number=placed.number, party_id=placed.party_id)
            messages.success(request, _("You have withdrawn. We confirm it by e-mail."))
            return redirect(back, placed.number)
        shown = quote_withdrawal(context, number=number, group=group)
    except FaisceauError as error:
        if error.code in ("unknown_order", "unknown_bundle"):
            raise
        messages.error(request, sentence_of(error))
        return redirect(back_to if error.code != "impact_changed" else request.get_full_path())
    values = withdrawal_screen(shown) | {"number": number, "back": back_to}
    if context.staff:
        values |= around(context) | contact_bar(context)
    return render(request, template, values)
