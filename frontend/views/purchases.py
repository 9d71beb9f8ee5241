"""Purchases of third parties on a line: seen, limited and stopped; given back by agents."""

from collections.abc import Callable, Mapping
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import FaisceauError, InvalidInput, NotFound
from commerce.web.policy import Policy, policy
from frontend.account.purchases import (
    CATEGORY_NAMES,
    LimitsForm,
    RefundForm,
    limits_form,
    purchases_page,
)
from frontend.account.words import number
from frontend.agent.screen import around, contact_bar
from frontend.sentences import sentence_of
from frontend.views.customer import tabs
from subscriptions.carrier.selectors import merchants_of_line, purchases_of_line, question
from subscriptions.carrier.services.answering import answer, asked_by
from subscriptions.carrier.services.disowning import disown
from subscriptions.carrier.services.limits import block_merchant, set_limits
from subscriptions.carrier.services.refunding import refund_by_agent
from subscriptions.carrier.services.stopping import stop
from subscriptions.contracts.selectors import subscription_view

LONGEST_ID = 18
Act = Callable[[HttpRequest, AccountContext, int], str]


@policy(Policy.CUSTOMER)
@never_cache
def purchases(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """What the customer bought on his bill, what goes on monthly, and what he allows."""
    context = context_for_request(request)
    contract = subscription_view(context.party_id or 0, subscription_id)
    form, done = _acted(request, context, subscription_id, OF_CUSTOMERS)
    if done:
        return redirect("account:purchases", subscription_id)
    found = purchases_of_line(contract.party_id, subscription_id)
    line = reverse("account:line", args=[subscription_id])
    values = {
        "tabs": tabs("home"),
        "trail": [
            {"label": _("My account"), "url": reverse("account:home")},
            {"label": number(contract.msisdn) or _("Contract"), "url": line},
            {"label": _("Purchases on the bill")},
        ],
        "number": number(contract.msisdn),
        "form": form or limits_form(found.limits, merchants=found.merchants),
    }
    return render(request, "frontend/account/purchases.html", values | purchases_page(found))


@policy(Policy.CUSTOMER)
@never_cache
def asked(request: HttpRequest, token: str) -> HttpResponse:
    """A merchant sent the customer here to say yes or no; then he is shown the way back."""
    context = context_for_request(request)
    payment = asked_by(token, party_id=context.party_id or 0)
    if request.method == "POST":
        try:
            answer(context=context, token=token, agreed=request.POST.get("do") == "yes")
        except FaisceauError as error:
            messages.error(request, sentence_of(error))
        return redirect("account:purchase", token)
    asked = question(payment)
    values = {"asked": asked, "number": number(asked.line), "kind": CATEGORY_NAMES[asked.category]}
    return render(request, "frontend/account/purchase.html", values)


@policy(Policy.AGENT)
@never_cache
def for_customer(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """The caller's purchases: why one failed, what was not delivered, what he never bought."""
    context = context_for_request(request)
    contract = subscription_view(context.party_id or 0, subscription_id)
    form, done = _acted(request, context, subscription_id, OF_AGENTS)
    if done:
        return redirect("agent:purchases", subscription_id)
    words = request.GET.get("q", "").strip()[:80]
    found = purchases_of_line(contract.party_id, subscription_id, words=words)
    values = {
        "back": reverse("agent:contact"),
        "number": number(contract.msisdn),
        "words": words,
        "merchants": sorted(found.limits.merchants),
        "form": form or limits_form(found.limits, merchants=found.merchants),
    }
    return render(
        request,
        "frontend/agent/purchases.html",
        around(context) | contact_bar(context) | values | purchases_page(found),
    )


def _acted(
    request: HttpRequest, context: AccountContext, subscription_id: int, known: Mapping[str, Act]
) -> tuple[LimitsForm | None, bool]:
    """Carries out what was sent; the form of the limits if it has to be shown again."""
    act = known.get(request.POST.get("do", ""))
    if request.method != "POST" or act is None:
        return None, False
    form = _limits_form(request, context, subscription_id)
    if act is _limit and not form.is_valid():
        return form, False
    try:
        messages.success(request, act(request, context, subscription_id))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return None, True


def _limit(request: HttpRequest, context: AccountContext, subscription_id: int) -> str:
    form = _limits_form(request, context, subscription_id)
    form.is_valid()
    set_limits(context=context, subscription_id=subscription_id, **form.chosen())
    return _("Kept. It holds for purchases from now on.")


def _limits_form(request: HttpRequest, context: AccountContext, subscription_id: int) -> LimitsForm:
    merchants = merchants_of_line(context.party_id or 0, subscription_id)
    return LimitsForm(request.POST, merchants=merchants)


def _stop(request: HttpRequest, context: AccountContext, subscription_id: int) -> str:
    told = request.POST.get("service", "")
    known = told.isascii() and told.isdigit() and len(told) <= LONGEST_ID
    stop(context=context, held_id=int(told) if known else 0)
    return _("Stopped, free of charge.")


def _refund(request: HttpRequest, context: AccountContext, subscription_id: int) -> str:
    form = RefundForm(request.POST)
    if not form.is_valid():
        raise InvalidInput("Say why, and how much.", code="refund_reason_missing")
    refund_by_agent(context=context, payment_id=_payment(request), **form.cleaned_data)
    return _("Given back. It will be on the customer's bill, if the purchase was.")


def _never_bought(request: HttpRequest, context: AccountContext, subscription_id: int) -> str:
    note = request.POST.get("reason", "")[:200]
    disown(context=context, payment_id=_payment(request), note=note)
    return _("Given back, and the merchant is blocked on this line.")


def _merchant(request: HttpRequest, context: AccountContext, subscription_id: int) -> str:
    code = request.POST.get("merchant", "")
    block_merchant(context=context, subscription_id=subscription_id, code=code, blocked=False)
    return _("The merchant may sell on this line again.")


def _payment(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("payment", ""))
    except ValueError as error:
        raise NotFound("There is no such payment.", code="unknown_payment") from error


OF_CUSTOMERS: Mapping[str, Act] = {"limits": _limit, "stop": _stop}
OF_AGENTS: Mapping[str, Act] = {
    **OF_CUSTOMERS,
    "refund": _refund,
    "never": _never_bought,
    "unblock": _merchant,
}
