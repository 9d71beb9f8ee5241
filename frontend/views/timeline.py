"""The timeline of a contract: for its holder, his firm, and the agent who speaks with him."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.accounts.kinds import Role
from commerce.ordering.timeline import timeline_of
from commerce.web.policy import Policy, policy
from frontend.account.paid_later import paid_later
from frontend.account.timeline import timeline_page
from frontend.account.words import number
from frontend.agent.screen import around, contact_bar
from frontend.business import screen
from frontend.views.customer import tabs
from subscriptions.contracts.selectors import subscription_view


@policy(Policy.CUSTOMER)
def of_line(request: HttpRequest, subscription_id: int) -> HttpResponse:
    party_id = context_for_request(request).party_id or 0
    contract = subscription_view(party_id, subscription_id)
    values = {
        "tabs": tabs("home"),
        "trail": [
            {"label": _("My account"), "url": reverse("account:home")},
            {
                "label": number(contract.msisdn) or _("Contract"),
                "url": reverse("account:line", args=[subscription_id]),
            },
            {"label": _("Timeline")},
        ],
        "number": number(contract.msisdn),
    }
    shown = timeline_page(timeline_of(party_id, subscription_id))
    return render(request, "frontend/account/timeline.html", values | shown)


@policy(Policy.BUSINESS)
@never_cache
def for_firm(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """For whoever belongs to the firm, also who only looks."""
    context = context_for_request(request)
    party_id = context.party_id or 0
    line = number(subscription_view(party_id, subscription_id).msisdn) or _("Contract")
    values = screen.around(context, here="portal:lines") | {
        "trail": [
            {"label": _("Lines"), "url": reverse("portal:lines")},
            {"label": line},
            {"label": _("Timeline")},
        ],
        "number": line,
        "line": subscription_id,
        "may_ask": context.role is not Role.VIEWER,
    }
    shown = timeline_page(timeline_of(party_id, subscription_id))
    return render(request, "frontend/portal/timeline.html", values | shown)


@policy(Policy.AGENT)
@never_cache
def for_customer(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """Also where a yes on the phone is noted, with its record."""
    context = context_for_request(request)
    party_id = context.party_id or 0
    contract = subscription_view(party_id, subscription_id)
    values = {
        "number": number(contract.msisdn),
        "by_agent": True,
        "paid_later": paid_later(party_id, subscription_id, route="agent:answer_paid_later"),
    }
    frame = around(context) | contact_bar(context)
    shown = timeline_page(timeline_of(party_id, subscription_id))
    return render(request, "frontend/agent/timeline.html", frame | values | shown)
