"""The guide on the agent's screen: the same journeys, for the caller of the present contact."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from catalogue.selectors import current_snapshot
from commerce.accounts.context import context_for_request
from commerce.accounts.kinds import Segment
from commerce.kernel.clock import business_now
from commerce.ordering.domain.changes import KIND_OF_JOURNEY
from commerce.ordering.journey import open_draft
from commerce.ordering.lines import own_lines
from commerce.ordering.services import carts
from commerce.web.policy import Policy, policy
from frontend.agent.screen import CART, around, contact_bar
from frontend.shop.changing import change_url
from frontend.shop.places import draft_in
from frontend.views.guide import (
    Page,
    as_bundle,
    changes_line,
    entries_page,
    said_in,
    usage_page,
)

ROUTE = "agent:draft"


@policy(Policy.AGENT)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """Where to begin for the caller: the ways in, and each of his lines."""
    context = context_for_request(request)
    catalogue = current_snapshot(business_now())
    lines = own_lines(context, catalogue=catalogue)
    values = entries_page(context, lines=lines, catalogue=catalogue, route=ROUTE)
    return render(
        request, "frontend/agent/guide.html", around(context) | contact_bar(context) | values
    )


@policy(Policy.AGENT)
@never_cache
def step(request: HttpRequest, entry: str, role: str) -> HttpResponse:
    """A step of a draft, with the words to say beside it."""
    context = context_for_request(request)
    page = Page(request, context, entry=entry, code=role, route=ROUTE)
    frame = around(context) | contact_bar(context)
    values = frame | page.values() | {"keep_url": reverse("agent:keep", args=[entry])}
    return render(request, "frontend/agent/guide_step.html", values)


@policy(Policy.AGENT)
@require_POST
def keep(request: HttpRequest, entry: str) -> HttpResponse:
    """Put the draft into a new cart of the caller, and go on there."""
    context, posted = context_for_request(request), request.POST
    if context.contact_id is None or context.party_id is None:
        messages.error(request, _("Begin the contact first: say why the customer calls."))
        return redirect("agent:home")
    draft, line = draft_in(posted), posted.get("line", "")
    line_id = int(line) if line.isdecimal() and len(line) < 16 else None
    view = open_draft(context, entry=entry, draft=draft, line=line_id).view()
    if view.line is not None and changes_line(view):
        kind = KIND_OF_JOURNEY[view.journey.entry.code]
        return redirect(change_url("agent:change_line", view.line.id, kind, said_in(posted)))
    with transaction.atomic():
        code = carts.begin_cart(context, segment=Segment.CONSUMER).code
        if view.journey.entry.of_line:
            for chosen in view.laid.cart.lines:
                if chosen.role == "accessory":
                    carts.add_line(context, code=code, offering=chosen.offering)
        else:
            carts.put_bundle(context, code=code, **as_bundle(view))
    request.session[CART] = (context.contact_id, code)
    return redirect("agent:cart", code=code)


@policy(Policy.AGENT)
@never_cache
def usage(request: HttpRequest) -> HttpResponse:
    """The best plan for the usage that the caller describes."""
    context = context_for_request(request)
    values = usage_page(request, context, route=ROUTE)
    return render(
        request, "frontend/agent/usage.html", around(context) | contact_bar(context) | values
    )
