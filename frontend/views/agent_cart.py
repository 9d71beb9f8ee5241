"""The cart of the caller on the agent's screen, and the order that the agent prepares of it."""

from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from catalogue.domain.model import Kind
from catalogue.selectors import current_snapshot, snapshot_of
from commerce.accounts import selectors as accounts
from commerce.accounts.context import context_for_request, forget_context
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Segment
from commerce.accounts.selectors import Address
from commerce.accounts.services.contacts import attach_party
from commerce.kernel.clock import business_now
from commerce.kernel.errors import FaisceauError, Forbidden, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.ordering import selectors as ordering
from commerce.ordering.domain.instalments import Choice, Choices
from commerce.ordering.selectors import CartView
from commerce.ordering.services import carts, handover, retention
from commerce.ordering.services.links_again import resend_link
from commerce.ordering.services.place import Checkout, NewCustomer, place_order
from commerce.ordering.services.switching import switch
from commerce.ordering.services.withdrawing import withdrawable
from commerce.ordering.services.writing import needs_delivery
from commerce.web.policy import Policy, policy
from frontend import errors
from frontend.agent.cart import cart_screen, difference_text, order_screen, state_of
from frontend.agent.forms import SendForm
from frontend.agent.screen import CART, around, contact_bar
from frontend.sentences import sentence_of
from frontend.shop.deliveries import pick_up_choices
from frontend.shop.in_parts import ASKED, chosen_in, offered_for, why_not
from frontend.shop.number_choice import keep_number, number_form, number_values
from frontend.shop.porting import port_cards

STARTS = {"plan-only", "handset-and-plan"}


@policy(Policy.AGENT)
@require_POST
def open_cart(request: HttpRequest) -> HttpResponse:
    """Open the cart whose code the caller spells out, or begin a new one for him."""
    context = context_for_request(request)
    if context.contact_id is None:
        messages.error(request, _("Begin the contact first: say why the customer calls."))
        return redirect("agent:home")
    bundle = request.POST.get("new", "")
    if bundle in STARTS:
        code = _begun(context, bundle=bundle)
        request.session[CART] = (context.contact_id, code)
        return redirect("agent:cart", code=code)
    try:
        arrival = handover.open_by_code(context, code=request.POST.get("code", ""))
    except Forbidden as refusal:
        messages.error(request, _why_not(refusal, context))
        return redirect("agent:contact")
    request.session[CART] = (context.contact_id, arrival.code)
    view = ordering.cart_view(context, code=arrival.code)
    if context.party_id is None and view.party_id is not None:
        attach_party(context=context, contact_id=context.contact_id, party_id=view.party_id)
        forget_context(request)
        messages.info(request, _("The cart's customer is now the customer of this contact."))
    catalogue = snapshot_of(view.quote.release)
    for difference in arrival.differences:
        messages.warning(request, difference_text(difference, catalogue))
    if not arrival.differences:
        messages.success(request, _("Same content and same prices as the customer sees."))
    return redirect("agent:cart", code=arrival.code)


@policy(Policy.AGENT)
@never_cache
def cart(request: HttpRequest, code: str) -> HttpResponse:
    context = context_for_request(request)
    view = ordering.cart_view(context, code=code)
    if view.ordered:
        number = ordering.order_placed_from(context, code=view.code)
        if number is not None:
            return redirect("agent:order", number=number)
    return render(request, "frontend/agent/cart.html", _screen(request, context, view))


@policy(Policy.AGENT)
@require_POST
def change(request: HttpRequest, code: str) -> HttpResponse:
    """Add, change or take out; refused changes come back as a sentence."""
    context = context_for_request(request)
    group, role = request.POST.get("group", ""), request.POST.get("role", "")
    if "remove" in request.POST:
        carts.remove_line(context, code=code, line_id=request.POST["remove"])
    elif "drop_code" in request.POST:
        carts.drop_code(context, code=code, promotion_code=request.POST["drop_code"])
    elif "promotion_code" in request.POST:
        carts.enter_code(context, code=code, promotion_code=request.POST["promotion_code"])
    elif "retain" in request.POST:
        promotion, reason = request.POST["retain"][:64], request.POST.get("reason", "")[:64]
        retention.retain(context, code=code, promotion=promotion, reason=reason)
    elif "let_go" in request.POST:
        retention.let_go(context, code=code, promotion=request.POST["let_go"][:64])
    elif "line" in request.POST:
        carts.choose_line(context, code=code, group=group, bundle=request.POST["line"][:130])
    elif "offering" in request.POST:
        try:
            switch(
                context,
                code=code,
                group=group,
                role=role,
                offering=request.POST["offering"],
                accepted=request.POST.get("accept", "")[:2000],
            )
        except RuleViolated as refusal:
            if refusal.code != "changes_needed":
                raise
            wanted = urlencode({"group": group, "role": role, "confirm": request.POST["offering"]})
            return redirect(f"{reverse('agent:cart', args=[code])}?{wanted}#add")
    response = redirect("agent:cart", code=code)
    query = {name: value for name, value in (("group", group), ("role", role)) if value}
    response["Location"] += f"?{urlencode(query)}" if query else ""
    return response


@policy(Policy.AGENT)
@never_cache
def number(request: HttpRequest, code: str, line_id: str) -> HttpResponse:
    """The number of a new line: one of ours that the caller likes, or his own with its RIO."""
    context = context_for_request(request)
    view = ordering.cart_view(context, code=code)
    line = next((x for x in view.quote.lines if x.id == line_id and x.role == "plan"), None)
    if line is None:
        raise NotFound("The cart has no such line.", code="unknown_line")
    form = number_form(request, view, line_id=line.id)
    if form.is_valid() and keep_number(context, form, code=view.code, line_id=line.id):
        messages.success(request, _("The number is noted."))
        return redirect("agent:cart", code=view.code)
    values = _screen(request, context, view) | number_values(
        request, context, view, line_id=line.id, form=form
    )
    return render(request, "frontend/agent/number.html", values)


@policy(Policy.AGENT)
@never_cache
def editing(request: HttpRequest, code: str) -> HttpResponse:
    """Who changes the cart now; asked for again while the screen is open."""
    view = ordering.cart_view(context_for_request(request), code=code)
    return render(request, "frontend/agent/editing.html", {"cart": view})


@policy(Policy.AGENT)
@require_POST
def take(request: HttpRequest, code: str) -> HttpResponse:
    """Ask to change the cart."""
    context = context_for_request(request)
    lease = handover.take_over(context, code=code)
    if lease.mine:
        messages.success(request, _("You are changing the cart now."))
    else:
        messages.info(
            request,
            _("%(editor)s has been asked. Try again in 20 seconds.") % {"editor": lease.editor},
        )
    return redirect("agent:cart", code=code)


@policy(Policy.AGENT)
@require_POST
def send(request: HttpRequest, code: str) -> HttpResponse:
    """Prepare the order and send the customer the link to accept and pay."""
    context = context_for_request(request)
    view = ordering.cart_view(context, code=code)
    form = _send_form(context, view, request, found=offered_for(context, view))
    if form.is_valid():
        try:
            placed = place_order(context, code=code, checkout=_checkout(request, form, context))
        except FaisceauError as error:
            errors.put(form, error)
        else:
            if context.party_id is None and context.contact_id is not None:
                attach_party(
                    context=context, contact_id=context.contact_id, party_id=placed.party_id
                )
                forget_context(request)
            messages.success(request, _("The link is on its way by SMS."))
            return redirect("agent:order", number=placed.number)
    values = _screen(request, context, view) | {"send_form": form}
    return render(request, "frontend/agent/cart.html", values, status=422)


@policy(Policy.AGENT)
@require_POST
def send_again(request: HttpRequest, number: str) -> HttpResponse:
    """Send the customer a new link to accept; the old one ends."""
    resend_link(context_for_request(request), number=number)
    messages.success(request, _("A new link is on its way by SMS; the old one no longer opens."))
    return redirect("agent:order", number=number)


@policy(Policy.AGENT)
@never_cache
def order(request: HttpRequest, number: str) -> HttpResponse:
    """The order with both channels and names; its state follows by itself."""
    context = context_for_request(request)
    view = ordering.order_view(context, number=number)
    cards = port_cards(view, here="agent:porting")
    values = around(context) | contact_bar(context) | order_screen(view)
    values |= {"portings": cards, "withdrawable": withdrawable(context, number=number)}
    return render(request, "frontend/agent/order.html", values)


@policy(Policy.AGENT)
@never_cache
def order_state(request: HttpRequest, number: str) -> HttpResponse:
    view = ordering.order_view(context_for_request(request), number=number)
    return render(request, "frontend/agent/order_state.html", state_of(view))


@transaction.atomic
def _begun(context: AccountContext, *, bundle: str) -> str:
    """A new cart with the bundle's plan and SIM as the catalogue proposes them."""
    snapshot = current_snapshot(business_now())
    code = carts.begin_cart(context, segment=Segment.CONSUMER).code
    choices = {
        slot.name: slot.default
        for slot in snapshot.offering(bundle).slots
        if slot.minimum and slot.default and slot.always
    }
    plan = snapshot.offerings.get(choices.get("plan", ""))
    term = max(plan.terms, default=0) if plan is not None else 0
    carts.put_bundle(context, code=code, bundle=bundle, choices=choices, term=term)
    return code


def _why_not(refusal: Forbidden, context: AccountContext) -> str:
    """What the agent does so that the cart opens."""
    if refusal.code == "caller_not_verified":
        return _("Establish who is calling first, then open the cart.")
    if refusal.code == "other_customer" and context.party_id is None:
        return _("This cart belongs to a known customer: search for him, then open it.")
    return sentence_of(refusal)


def _screen(request: HttpRequest, context: AccountContext, view: CartView) -> dict[str, object]:
    role, group = request.GET.get("role", ""), request.GET.get("group", "")
    bar = contact_bar(context)
    contact = bar["contact"]
    verified = context.party_id is None or (contact is not None and contact.verified)
    found = offered_for(context, view)
    chosen = chosen_in(request.POST or request.GET, found)
    screen = cart_screen(context, view, role=role, group=group, query=request.GET, in_parts=chosen)
    return (
        around(context)
        | bar
        | screen
        | {
            "verified": verified,
            "send_form": _send_form(context, view, found=found, chosen=chosen),
            "not_in_parts": why_not(found),
        }
    )


def _send_form(
    context: AccountContext,
    view: CartView,
    request: HttpRequest | None = None,
    *,
    found: Choices,
    chosen: Choice | None = None,
) -> SendForm:
    """Asks for what is not known yet: who the customer is, where a parcel goes; and how he wants to
    pay his phone, if he may choose."""
    party_id = view.party_id or context.party_id
    party = accounts.party(party_id) if party_id is not None else None
    catalogue = snapshot_of(view.quote.release)
    carried = any(
        needs_delivery(catalogue.offering(line.offering))
        for line in view.quote.lines
        if catalogue.offering(line.offering).kind is not Kind.BUNDLE
    )
    return SendForm(
        request.POST if request is not None else None,
        customer=party is None,
        address=carried and (party is None or not party.addresses),
        shops=pick_up_choices(view, near=_postcode(party), most=None),
        in_parts=found.choices,
        initial={ASKED: chosen.parts} if chosen is not None else {},
    )


def _postcode(party: accounts.PartyFacts | None) -> str:
    """Near which shops are offered first: the customer's first address."""
    return party.addresses[0].postcode if party is not None and party.addresses else ""


def _checkout(request: HttpRequest, form: SendForm, context: AccountContext) -> Checkout:
    said = form.cleaned_data
    customer = None
    if "email" in said:
        customer = NewCustomer(
            email=said["email"],
            first_name=said["first_name"],
            last_name=said["last_name"],
            phone=said["phone"],
        )
    address = None
    if said.get("line1"):
        name = f"{said['first_name']} {said['last_name']}" if customer else ""
        if not name and context.party_id is not None:
            name = accounts.party(context.party_id).name
        address = Address(
            name=name,
            line1=said["line1"],
            line2=said["line2"],
            postcode=said["postcode"],
            city=said["city"],
        )
    return Checkout(
        expected_total=_total(request.POST.get("expected", "")),
        digest=request.POST.get("digest", "")[:64],
        customer=customer,
        deliver_to=address,
        pick_up_at=said.get("pick_up_at", ""),
        language=get_language() or "fr",
        instalments=form.parts,
    )


def _total(text: str) -> Money:
    try:
        return Money(Decimal(text))
    except InvalidOperation:
        return Money(Decimal(-1))
