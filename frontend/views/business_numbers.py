"""Special numbers in the portal: those of the firm, those on sale, and the order of one."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from catalogue.selectors import current_snapshot, snapshot_of
from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import FaisceauError, NotFound
from commerce.markets.pack import NumberUse
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.numbering import DeclaredUse, Keep, NumberChoice
from commerce.ordering.number_shop import SoldClass
from commerce.ordering.selectors import (
    CartView,
    cart_view,
    order_placed_from,
    special_numbers,
)
from commerce.ordering.services import carts
from commerce.ordering.services.place import Checkout, place_order
from commerce.web.policy import Policy, policy
from frontend.business import numbers as words
from frontend.business import screen
from frontend.business.forms import NumberForm, OrderForm
from frontend.business.panel import fleet_panel
from frontend.sentences import sentence_of
from frontend.shop.contract import contracts_of, sections_of
from frontend.shop.words import language
from frontend.typography import set_text

BUNDLE, ROLE = "special-number", "number"
HERE = "portal:numbers"
CART = "portal_number_cart"
"""Where the session keeps the cart of the number that is being chosen."""


@policy(Policy.BUSINESS)
@never_cache
def numbers(request: HttpRequest) -> HttpResponse:
    """The firm's special numbers with their price signs, and those on sale."""
    context = context_for_request(request)
    catalogue = current_snapshot()
    values = screen.around(context, here=HERE) | {
        "rows": words.held_rows(special_numbers(context), catalogue=catalogue),
        "offers": words.offer_cards(catalogue),
    }
    return render(request, "frontend/portal/numbers.html", values)


@policy(Policy.BUSINESS)
@never_cache
def choose(request: HttpRequest, offering: str) -> HttpResponse:
    """One kind of special number: its tariff and duties, a free one by its figures, and its use."""
    context = context_for_request(request)
    catalogue = current_snapshot()
    sold = _sold(offering)
    form = NumberForm(request.POST or None, uses=words.use_choices(catalogue))
    if request.method == "POST" and form.is_valid():
        code = _kept(request, context, form, offering=offering)
        if code:
            return redirect("portal:number_order", code=code)
    figures = request.GET.get("figures", "")[:14]
    found = words.free_numbers(
        catalogue, sold, figures=figures, salt=f"{context.party_id}-{context.membership_id}"
    )
    values = screen.around(context, here=HERE) | {
        "trail": [{"label": _("Numbers"), "url": reverse(HERE)}],
        "offer": words.offer_card(sold, catalogue=catalogue),
        "form": form,
        "figures": figures,
        "numbers": found,
        "picked": request.POST.get("msisdn", "") or (found[0][0] if found else ""),
    }
    status = 422 if form.errors else 200
    return render(request, "frontend/portal/number_choose.html", values, status=status)


@policy(Policy.BUSINESS)
@never_cache
def order_number(request: HttpRequest, code: str) -> HttpResponse:
    """The chosen number with its price, its sign and the contract summary; POST orders it."""
    context = context_for_request(request)
    view = cart_view(context, code=code)
    if view.ordered:
        placed = order_placed_from(context, code=view.code)
        return redirect("portal:order", number=placed) if placed else redirect(HERE)
    catalogue = snapshot_of(view.quote.release)
    chosen = words.chosen_number(view, catalogue=catalogue)
    if chosen is None:
        return redirect(HERE)
    form = OrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        number = _ordered(context, view, form, digest=request.POST.get("digest", "")[:64])
        if number:
            messages.success(request, _("The order %(number)s is placed.") % {"number": number})
            return redirect("portal:order", number=number)
        view = cart_view(context, code=code)
    contracts = contracts_of(view.quote, configs=view.configs)
    values = screen.around(context, here=HERE) | {
        "trail": [{"label": _("Numbers"), "url": reverse(HERE)}],
        "chosen": chosen,
        "form": form,
        "digest": view.quote.digest(),
        "contracts": [
            {"number": place, "sections": sections_of(agreed, catalogue=catalogue)}
            for place, agreed in enumerate(contracts, start=1)
        ],
        "today": business_today(),
        "panel": fleet_panel(
            view.quote,
            catalogue=catalogue,
            title=_("What it costs"),
            action_label=_("Order this number"),
            action_form="number-order",
        ),
    }
    status = 422 if form.errors else 200
    return render(request, "frontend/portal/number_order.html", values, status=status)


def _sold(offering: str) -> SoldClass:
    """Raises NotFound `unknown_offering`."""
    for sold in words.sold_numbers(current_snapshot()):
        if sold.offering is not None and sold.offering.code == offering:
            return sold
    raise NotFound(f"No offering is called {offering!r}.", code="unknown_offering")


def _kept(request: HttpRequest, context: AccountContext, form: NumberForm, *, offering: str) -> str:
    """The cart that keeps the number for 15 minutes; empty when it was refused, as `form` says."""
    said = form.cleaned_data
    try:
        with transaction.atomic():
            code = _cart(request, context)
            carts.put_bundle(context, code=code, bundle=BUNDLE, choices={ROLE: offering})
            line = cart_view(context, code=code).quote.lines[0].id
            choice = NumberChoice(Keep.NEW, said["msisdn"])
            carts.choose_number(context, code=code, line_id=line, choice=choice)
            use = DeclaredUse(said["route_to"], NumberUse(said["purpose"]))
            carts.declare_use(context, code=code, line_id=line, use=use)
    except FaisceauError as refusal:
        _note(form, refusal)
        return ""
    request.session[CART] = code
    return code


def _cart(request: HttpRequest, context: AccountContext) -> str:
    """The cart of the number chosen before, emptied, so that it is free again; or a new one."""
    with suppress(NotFound):
        view = cart_view(context, code=request.session.get(CART, ""))
        if not view.ordered and view.expires_at > business_now():
            for group in view.bundles:
                carts.remove_bundle(context, code=view.code, group=group)
            return view.code
    return carts.begin_cart(context).code


def _ordered(context: AccountContext, view: CartView, form: OrderForm, *, digest: str) -> str:
    checkout = Checkout(
        expected_total=view.quote.due_today_gross,
        digest=digest,
        consents=OrderConsents(terms=form.cleaned_data["terms"]),
        purchase_order=form.cleaned_data["purchase_order"],
        language=language(),
    )
    try:
        return place_order(context, code=view.code, checkout=checkout).number
    except FaisceauError as refusal:
        _note(form, refusal)
        return ""


def _note(form: Any, refusal: FaisceauError) -> None:
    field = str(refusal.detail.get("field", ""))
    sentence = set_text(sentence_of(refusal), language=language())
    form.add_error(field if field in form.fields else None, sentence)
