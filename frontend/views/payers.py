"""Who pays whose bills: asked for, accepted, ended; and what is to pay of them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.errors import FaisceauError
from commerce.payments.services.checkout import refresh
from commerce.web.policy import Policy, policy
from frontend.account.bills import is_under_way
from frontend.account.payers import AcceptForm, AskForm, shown_payables
from frontend.agent.screen import around, contact_bar
from frontend.business import screen
from frontend.sentences import sentence_of
from frontend.views.customer import tabs
from subscriptions.accounts.payers import agreements_of
from subscriptions.accounts.services import payers
from subscriptions.collection.payables import payables_of
from subscriptions.collection.services.collecting import LEAST
from subscriptions.domain.states import Side
from subscriptions.ledger.selectors import payments_of_bill

SHOWN = 6
"""Statements on a page."""


@policy(Policy.CUSTOMER)
@never_cache
def of_customer(request: HttpRequest) -> HttpResponse:
    frame: dict[str, Any] = {
        "tabs": tabs("bills"),
        "trail": [
            {"label": _("My account"), "url": reverse("account:home")},
            {"label": _("Bills"), "url": reverse("account:bills")},
            {"label": _("Who pays")},
        ],
    }
    context = context_for_request(request)
    frame["payable"] = _payable(context.party_id or 0, back="back" in request.GET)
    return _page(request, context, "frontend/account/payers.html", frame, here="account:payables")


def _payable(party_id: int, *, back: bool) -> frozenset[str]:
    """Which of the bills on the page may be paid by hand now, by their numbers; `back`: the
    customer comes from the provider's page."""
    found = set()
    for statement in payables_of(party_id, limit=SHOWN):
        for bill in statement.bills:
            if bill.open < LEAST:
                continue
            known = payments_of_bill(bill.number)
            if back:
                known = tuple(refresh(key=each.key) if each.is_open else each for each in known)
            if not any(map(is_under_way, known)):
                found.add(bill.number)
    return frozenset(found)


@policy(Policy.BUSINESS)
@never_cache
def of_firm(request: HttpRequest) -> HttpResponse:
    context = context_for_request(request)
    frame = screen.around(context, here="portal:bills") | {
        "trail": [{"label": _("Bills"), "url": reverse("portal:bills")}, {"label": _("Who pays")}],
        "by_transfer": True,
    }
    return _page(request, context, "frontend/portal/payers.html", frame, here="portal:payables")


@policy(Policy.AGENT)
@never_cache
def for_customer(request: HttpRequest) -> HttpResponse:
    context = context_for_request(request)
    frame = around(context) | contact_bar(context)
    return _page(request, context, "frontend/agent/payers.html", frame, here="agent:payables")


def _page(
    request: HttpRequest,
    context: AccountContext,
    template: str,
    frame: dict[str, Any],
    *,
    here: str,
) -> HttpResponse:
    """A code is shown once, on the answer to the question for it."""
    party_id = context.party_id or 0
    told = request.POST if request.method == "POST" else None
    ask = AskForm(told if told and "side" in told else None)
    accept = AcceptForm(told if told and "code" in told else None)
    code = refusal = ""
    try:
        if ask.is_bound and ask.is_valid():
            code = payers.ask(context, side=Side(ask.cleaned_data["side"]))
        elif accept.is_bound and accept.is_valid():
            answer = payers.refuse if told and "refuse" in told else payers.accept
            answer(context, code=accept.cleaned_data["code"].strip())
            return redirect(here)
        elif told and told.get("end", "").isdecimal():
            payers.end(context, agreement_id=min(int(told["end"]), 2**63 - 1))
            return redirect(here)
    except FaisceauError as refused:
        refusal = sentence_of(refused)
    failed = bool(refusal) or (told is not None and not code)
    statements = payables_of(party_id, limit=SHOWN)
    values = frame | {
        "agreements": agreements_of(party_id),
        "statements": [
            shown_payables(each, by_transfer="by_transfer" in frame) for each in statements
        ],
        "ask": ask,
        "accept": accept,
        "code": code,
        "refusal": refusal,
        "may_decide": context.role in (Role.CUSTOMER, Role.ADMINISTRATOR, Role.AGENT),
        "here": reverse(here),
    }
    return render(request, template, values, status=422 if failed else 200)
