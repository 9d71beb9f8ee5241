"""The agent console: find the customer, establish who calls, see everything, end with a note."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts import selectors as accounts
from commerce.accounts import written
from commerce.accounts.context import context_for_request, forget_context
from commerce.accounts.kinds import Channel, Segment
from commerce.accounts.services import contacts, requests
from commerce.kernel.errors import FaisceauError
from commerce.ordering.desk import look_up
from commerce.ordering.services import carts
from commerce.ordering.services.next_offers import accept_next_offer, decline_next_offer
from commerce.web.policy import Policy, policy
from frontend import errors
from frontend.account import words
from frontend.account.bills import download
from frontend.account.explaining import explanation_page
from frontend.agent.forms import CheckForm, ContactForm, EndContactForm, SettleForm
from frontend.agent.screen import (
    CART,
    agent_path,
    around,
    contact_bar,
    customer_screen,
    request_rows,
)
from subscriptions.invoicing.explaining import explanation
from subscriptions.invoicing.files import Form

FRAME = "frontend/agent/contact.html"


@policy(Policy.AGENT)
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Search, my open contacts, written requests that nobody has seen to."""
    context = context_for_request(request)
    text = request.GET.get("q", "").strip()[:80]
    found = look_up(context, text=text) if text else None
    form = ContactForm(initial={"channel": Channel.CALL_CENTRE.value})
    values = around(context, search_text=text) | {
        "found": found,
        "people": [
            {"party": party, "phone": words.number(party.phone)}
            for party in (found.parties if found else ())
        ],
        "form": form,
        "reasons": words.reasons(),
        "open_contacts": [
            {"contact": facts, "name": name, "reason": words.reason(facts.reason)}
            for facts, name in accounts.open_contacts(context.actor.id or 0)
        ],
        "requests": request_rows(written.open_contract_requests()),
        "settle_form": SettleForm(),
    }
    return render(request, "frontend/agent/home.html", values)


@policy(Policy.AGENT)
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Begin a contact, with a customer who was found or with somebody unknown."""
    context = context_for_request(request)
    form = ContactForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose the reason of the contact."))
        return redirect("agent:home")
    party = request.POST.get("party", "")
    contact_id = contacts.begin_contact(
        context=context,
        party_id=int(party) if party.isdecimal() else None,
        reason=form.cleaned_data["reason"],
        channel=Channel(form.cleaned_data["channel"]),
        note=form.cleaned_data["note"],
    )
    contacts.enter_contact(request, contact_id=contact_id)
    return redirect("agent:contact")


@policy(Policy.AGENT)
@require_POST
def resume(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Go on with a contact of one's own that is still open."""
    contacts.enter_contact(request, contact_id=contact_id)
    return redirect("agent:contact")


@policy(Policy.AGENT)
@never_cache
def contact(request: HttpRequest) -> HttpResponse:
    """Everything about the customer of the present contact on one screen."""
    context = context_for_request(request)
    if context.contact_id is None:
        return redirect("agent:home")
    return render(request, FRAME, _screen(request))


@policy(Policy.AGENT)
@never_cache
def bill_file(request: HttpRequest, number: str) -> HttpResponse:
    """A bill of the customer of the present contact, to be read with him."""
    return download(context_for_request(request), number, form=Form.PDF)


@policy(Policy.AGENT)
@never_cache
def bill_explained(request: HttpRequest, number: str) -> HttpResponse:
    """Why a bill of the present contact's customer differs from last month's, to be told him."""
    context = context_for_request(request)
    told = explanation_page(explanation(context.party_id or 0, number))
    values = around(context) | contact_bar(context) | {"told": told}
    return render(request, "frontend/agent/explained.html", values)


@policy(Policy.AGENT)
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Note which facts were asked and whether the answers were right."""
    context = context_for_request(request)
    form = CheckForm(request.POST)
    if context.contact_id is None or not form.is_valid():
        return render(request, FRAME, _screen(request, check_form=form), status=422)
    level = contacts.verify_caller(
        context=context,
        contact_id=context.contact_id,
        facts_checked=form.cleaned_data["facts"],
        passed=form.cleaned_data["passed"] == "yes",
    )
    if level == "L0":
        messages.warning(
            request,
            _("The caller's identity is not established. Two facts with right answers are needed."),
        )
    else:
        messages.success(request, _("Identity established, level %(level)s.") % {"level": level})
    return redirect("agent:contact")


@policy(Policy.AGENT)
@require_POST
def attach(request: HttpRequest) -> HttpResponse:
    """The caller turns out to be this customer."""
    context = context_for_request(request)
    party = request.POST.get("party", "")
    if context.contact_id is not None and party.isdecimal():
        contacts.attach_party(context=context, contact_id=context.contact_id, party_id=int(party))
        forget_context(request)
    return redirect("agent:contact")


@policy(Policy.AGENT)
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End the contact with a note on the customer's timeline."""
    context = context_for_request(request)
    form = EndContactForm(request.POST)
    if context.contact_id is not None and form.is_valid():
        contacts.end_contact(
            context=context, contact_id=context.contact_id, note=form.cleaned_data["note"]
        )
        contacts.leave_contact(request)
        messages.success(request, _("The contact is ended and noted."))
    return redirect("agent:home")


@policy(Policy.AGENT)
@require_POST
def answer_offer(request: HttpRequest, offer: int) -> HttpResponse:
    """What the customer said to a next best offer; a yes leads to the guide."""
    context = context_for_request(request)
    if request.POST.get("answer") == "accept":
        lead = accept_next_offer(context, offer_id=offer)
        if lead.line:
            return redirect(agent_path(lead))
        return redirect("agent:cart", code=_cart_with(request, lead.offering))
    decline_next_offer(context, offer_id=offer, reason=request.POST.get("reason", ""))
    messages.success(request, _("Noted: declined."))
    return redirect("agent:contact")


@policy(Policy.AGENT)
@require_POST
def settle(request: HttpRequest, reference: str) -> HttpResponse:
    """A written request is dealt with; what came of it is noted."""
    context = context_for_request(request)
    form = SettleForm(request.POST)
    if form.is_valid():
        try:
            requests.note_handled(
                context=context, reference=reference, outcome=form.cleaned_data["outcome"]
            )
            messages.success(
                request, _("Request %(reference)s is settled.") % {"reference": reference}
            )
        except FaisceauError as error:
            errors.put(form, error)
    if form.errors:
        messages.error(request, " ".join(str(e) for each in form.errors.values() for e in each))
    return redirect("agent:contact" if context.contact_id is not None else "agent:home")


def _cart_with(request: HttpRequest, offering: str) -> str:
    """A new cart of the caller with one thing in it, opened within this contact."""
    context = context_for_request(request)
    with transaction.atomic():
        code = carts.begin_cart(context, segment=Segment.CONSUMER).code
        carts.add_line(context, code=code, offering=offering)
    request.session[CART] = (context.contact_id, code)
    return code


def _screen(request: HttpRequest, **forms: Any) -> dict[str, Any]:
    context = context_for_request(request)
    contact_id, code = request.session.get(CART, (None, ""))
    cart = code if contact_id == context.contact_id else ""
    return customer_screen(context, cart=cart) | forms
