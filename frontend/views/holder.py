"""Passing a line on to another holder, and taking one over."""

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
from commerce.accounts.kinds import Role
from commerce.kernel.errors import FaisceauError
from commerce.ordering.holder_changes import holder_change
from commerce.ordering.services.line_discounts import following_passed_on
from commerce.ordering.services.passing_on import pass_on, take_back
from commerce.ordering.services.taking_over import decline, take_over, take_over_of
from commerce.web.policy import Policy, policy
from frontend import errors
from frontend.agent.screen import around, contact_bar
from frontend.business import screen
from frontend.sentences import sentence_of
from frontend.shop.beside import beside
from frontend.shop.contract import display_number
from frontend.shop.holder import PassOnForm, TakeOverForm, offer_page, standing
from frontend.views.customer import tabs
from subscriptions.contracts.selectors import subscription_view


@policy(Policy.CUSTOMER)
@never_cache
def pass_line_on(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """The holder asks somebody to take his line over, and may take that back."""
    context = context_for_request(request)
    here = reverse("account:holder", args=[subscription_id])
    back = reverse("account:line", args=[subscription_id])
    page = _pass_on(request, context, subscription_id, here=here)
    if isinstance(page, HttpResponse):
        return page
    trail = [
        {"label": _("My account"), "url": reverse("account:home")},
        {"label": page["number"], "url": back},
        {"label": _("Change of holder")},
    ]
    frame = {"tabs": tabs("home"), "trail": trail, "back": back}
    return render(request, "frontend/account/holder.html", frame | page)


@policy(Policy.BUSINESS)
@never_cache
def pass_firms_line_on(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """The same for a firm's line, in its portal."""
    context = context_for_request(request)
    here = reverse("portal:holder", args=[subscription_id])
    page = _pass_on(request, context, subscription_id, here=here)
    if isinstance(page, HttpResponse):
        return page
    lines = reverse("portal:lines")
    frame = screen.around(context, here="portal:lines") | {
        "trail": [
            {"label": _("Lines"), "url": lines},
            {"label": page["number"]},
            {"label": _("Change of holder")},
        ],
        "back": lines,
        "firm": True,
        "may_ask": context.role is not Role.VIEWER,
    }
    return render(request, "frontend/portal/holder.html", frame | page)


@policy(Policy.AGENT)
@never_cache
def pass_on_for_customer(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """The same for an agent, at the holder's word; the new holder answers himself."""
    context = context_for_request(request)
    here = reverse("agent:holder", args=[subscription_id])
    page = _pass_on(request, context, subscription_id, here=here)
    if isinstance(page, HttpResponse):
        return page
    frame = around(context) | contact_bar(context) | {"back": reverse("agent:contact")}
    return render(request, "frontend/agent/holder.html", frame | page)


def _pass_on(
    request: HttpRequest, context: AccountContext, line: int, *, here: str
) -> HttpResponse | dict[str, Any]:
    contract = subscription_view(context.party_id or 0, line)
    form = PassOnForm(request.POST if request.POST.get("do") == "ask" else None)
    try:
        if request.POST.get("do") == "take_back":
            take_back(context, subscription_id=line)
            messages.success(request, _("Nobody is asked any more; the line stays."))
            return redirect(here)
        if form.is_valid():
            said = form.cleaned_data
            pass_on(context, subscription_id=line, email=said["email"], on=said["on"])
            messages.success(request, _("We have sent the link."))
            return redirect(here)
    except FaisceauError as refusal:
        errors.put(form, refusal)
    wish = holder_change(contract.party_id, line)
    return {
        "form": form,
        "number": display_number(contract.msisdn) or _("Contract"),
        "wish": wish,
        "standing": standing(wish),
        "beside": beside(following_passed_on(contract.party_id, subscription_id=line)),
    }


@policy(Policy.VISITOR)
@never_cache
def take_line_over(request: HttpRequest, token: str) -> HttpResponse:
    """Who has the link sees what he would take on; to accept it he signs in or registers."""
    context = context_for_request(request)
    if request.POST.get("do") == "decline":
        decline(context, token=token)
        return render(request, "frontend/checkout/take_over.html", {"declined": True})
    form = TakeOverForm(request.POST or None)
    if context.party_id is not None and not context.staff and form.is_valid():
        try:
            placed = take_over(
                context,
                token=token,
                digest=form.cleaned_data["digest"],
                consents=form.consents,
                purchase_order=form.cleaned_data["purchase_order"],
            )
        except FaisceauError as refusal:
            if refusal.code == "unknown_link":
                raise
            errors.put(form, refusal)
        else:
            messages.success(request, _("Thank you. The line will be yours on that day."))
            return redirect("checkout:order", number=placed.number)
    return render(
        request, "frontend/checkout/take_over.html", _offer(request, context, token, form)
    )


def _offer(
    request: HttpRequest, context: AccountContext, token: str, form: TakeOverForm
) -> dict[str, Any]:
    after = urlencode({"next": request.path})
    values = {
        "form": form,
        "signed_in": context.party_id is not None and not context.staff,
        "log_in_url": f"{reverse('account:login')}?{after}",
        "register_url": f"{reverse('account:register')}?{after}",
    }
    try:
        offer = take_over_of(token, party_id=context.party_id)
    except FaisceauError as refusal:
        if refusal.code == "unknown_link":
            raise
        return values | {"problem": sentence_of(refusal)}
    form.initial["digest"] = offer.digest()
    if not offer.business:
        del form.fields["purchase_order"]
    if form.is_bound:
        form.data = {**request.POST.dict(), "digest": offer.digest()}
    return values | offer_page(offer)
