"""The summary before the signature, the consents, and the order."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalogue.selectors import snapshot_of
from commerce.accounts import selectors as accounts
from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Role
from commerce.accounts.models import User
from commerce.accounts.services.customers import add_address, register_customer
from commerce.accounts.session import log_in_user
from commerce.kernel.clock import business_today
from commerce.kernel.errors import FaisceauError, InvalidInput, NotFound
from commerce.ordering.domain.instalments import Choice, Choices
from commerce.ordering.selectors import CartView, cart_view, order_placed_from
from commerce.ordering.services.checkout import start_checkout
from commerce.ordering.services.place import Checkout, NewCustomer, PlacedOrder, place_order
from commerce.payments.services.checkout import open_session
from commerce.web.policy import Policy, policy
from frontend.shop.contract import contracts_of, sections_of
from frontend.shop.deliveries import pick_up_choices
from frontend.shop.forms import CheckoutForm, note_refusal
from frontend.shop.in_parts import ASKED, chosen_in, offered_for, summary_url, why_not
from frontend.shop.panel import panel_of
from frontend.shop.session import (
    cart_of,
    forget_cart,
    order_of_cart,
    remember_cart,
    remember_order,
    remember_ordered,
)
from frontend.shop.steps import steps_of
from frontend.shop.summary_dates import withdrawal_words


@policy(Policy.VISITOR)
def summary(request: HttpRequest) -> HttpResponse:
    """What is agreed to, then who orders and the consents; POST orders and leads to payment."""
    context = context_for_request(request)
    code = request.GET.get("cart", "")[:12] or cart_of(request)
    if not code:
        return redirect("shop:cart")
    view = open_cart_view(request, context, code=code)
    if isinstance(view, HttpResponse):
        return view
    if not view.orderable:
        return redirect("checkout:cart", code=view.code)
    start_checkout(context, code=code)
    remember_cart(request, view.code)
    view = cart_view(context, code=code)
    known = accounts.party(context.party_id) if context.party_id is not None else None
    offered = offered_for(context, view)
    if request.method == "POST":
        shops = pick_up_choices(view, near=request.POST.get("postcode", "")[:10])
        form = CheckoutForm(request.POST, known=known, shops=shops, in_parts=offered.choices)
        if form.is_valid():
            try:
                placed = _place(request, context, code=view.code, form=form)
            except FaisceauError as refusal:
                note_refusal(form, refusal)
                if refusal.code == "price_changed":
                    view = cart_view(context, code=code)
                    form.data = {**request.POST.dict(), **_expected(view)}
            else:
                return _to_payment(request, placed)
    else:
        prefilled = _prefilled(known)
        shops = pick_up_choices(view, near=prefilled.get("postcode", ""))
        form = CheckoutForm(
            known=known,
            shops=shops,
            in_parts=offered.choices,
            initial=_expected(view) | prefilled | _asked(request, offered),
        )
    chosen = chosen_in(request.POST or request.GET, offered)
    page = _page(view, form=form, known=known, chosen=chosen) | {"not_in_parts": why_not(offered)}
    return render(request, "frontend/checkout/summary.html", page)


@policy(Policy.VISITOR)
def pick_up(request: HttpRequest) -> HttpResponse:
    """The shops that have all of the cart, the nearest to a postcode or town first."""
    code = request.GET.get("cart", "")[:12] or cart_of(request)
    view = cart_view(context_for_request(request), code=code)
    shops = pick_up_choices(view, near=request.GET.get("postcode", "")[:80])
    form = CheckoutForm(shops=shops, initial={"pick_up_at": request.GET.get("pick_up_at", "")})
    return render(
        request, "frontend/checkout/pick_up.html", {"form": form, "shops": shops, "code": view.code}
    )


@policy(Policy.VISITOR)
def durable(request: HttpRequest) -> HttpResponse:
    """The contract summary alone, to keep or print."""
    context = context_for_request(request)
    code = request.GET.get("cart", "")[:12] or cart_of(request)
    view = cart_view(context, code=code)
    chosen = chosen_in(request.GET, offered_for(context, view))
    catalogue = snapshot_of(view.quote.release)
    contracts = contracts_of(view.quote, configs=view.configs, in_parts=chosen)
    return render(
        request,
        "frontend/checkout/durable.html",
        {
            "contracts": [
                {"number": place, "sections": sections_of(agreed, catalogue=catalogue)}
                for place, agreed in enumerate(contracts, start=1)
            ],
            "today": business_today(),
            "back_url": summary_url(view.code, chosen),
        },
    )


def _page(
    view: CartView, *, form: CheckoutForm, known: Any, chosen: Choice | None
) -> dict[str, Any]:
    catalogue = snapshot_of(view.quote.release)
    contracts = contracts_of(view.quote, configs=view.configs, in_parts=chosen)
    return {
        "code": view.code,
        "form": form,
        "in_parts_url": summary_url(view.code),
        "known": known,
        "who": [form[name] for name in form.WHO if name in form.fields],
        "where": [form[name] for name in form.WHERE],
        "shops": form.shops,
        "things": bool(view.shares),
        "steps": steps_of(view, here=""),
        "contracts": [
            {"number": place, "sections": sections_of(agreed, catalogue=catalogue)}
            for place, agreed in enumerate(contracts, start=1)
        ],
        "has_contract": bool(contracts),
        "early": withdrawal_words(),
        "today": business_today(),
        "prices_until": view.prices_until,
        "panel": panel_of(
            view.quote,
            catalogue=catalogue,
            in_parts=chosen,
            action_form="order",
            action_label=_("Order and pay") if view.quote.due_today_gross else _("Order now"),
        ),
    }


def _asked(request: HttpRequest, offered: Choices) -> dict[str, str]:
    """What was chosen in the step before, which stands in the address."""
    chosen = chosen_in(request.GET, offered)
    return {ASKED: str(chosen.parts)} if chosen is not None else {}


def _expected(view: CartView) -> dict[str, str]:
    return {"expected": str(view.quote.due_today_gross.amount), "digest": view.quote.digest()}


def _prefilled(known: accounts.PartyFacts | None) -> dict[str, str]:
    if known is None:
        return {}
    values = {"first_name": known.first_name, "last_name": known.last_name, "phone": known.phone}
    if known.addresses:
        first = known.addresses[0]
        values |= {
            "line1": first.line1,
            "line2": first.line2,
            "postcode": first.postcode,
            "city": first.city,
        }
    return values


def _place(
    request: HttpRequest, context: AccountContext, *, code: str, form: CheckoutForm
) -> PlacedOrder:
    """The order and, where a password was given, the account: both or neither."""
    values = form.cleaned_data
    language = (get_language() or "fr")[:2]
    user: User | None = None
    with transaction.atomic():
        if context.party_id is None and values.get("password"):
            user = register_customer(
                email=values["email"],
                password=values["password"],
                first_name=values["first_name"],
                last_name=values["last_name"],
                phone=values["phone"],
                language=language,
                context=context,
            )
            context = _as_customer(context, user)
        placed = place_order(
            context,
            code=code,
            checkout=Checkout(
                expected_total=form.expected_total,
                digest=values["digest"],
                consents=form.consents,
                customer=_customer(values) if context.party_id is None else None,
                deliver_to=form.address,
                pick_up_at=values["pick_up_at"],
                language=language,
                instalments=form.parts,
            ),
        )
        add_address(party_id=placed.party_id, address=form.address)
    if user is not None:
        log_in_user(request, user=user)
    remember_order(request, number=placed.number, party_id=placed.party_id)
    remember_ordered(request, cart=code, number=placed.number)
    forget_cart(request)
    return placed


def _as_customer(context: AccountContext, user: User) -> AccountContext:
    if user.party_id is None:
        raise InvalidInput("This login has no customer.", code="customer_missing")
    return replace(
        context,
        actor=Actor(ActorKind.USER, user.pk, user.get_full_name() or user.email),
        party_id=user.party_id,
        role=Role.CUSTOMER,
    )


def _customer(values: dict[str, Any]) -> NewCustomer:
    return NewCustomer(
        email=values["email"],
        first_name=values["first_name"],
        last_name=values["last_name"],
        phone=values["phone"],
    )


def _to_payment(request: HttpRequest, placed: PlacedOrder) -> HttpResponse:
    """To the hosted page; if it can't be opened now, to the order's own page of payment."""
    if not placed.payment_key:
        messages.success(request, _("Thank you. Your order is placed; nothing is due today."))
        return redirect("checkout:order", number=placed.number)
    return to_hosted_page(request, key=placed.payment_key, number=placed.number)


def to_hosted_page(request: HttpRequest, *, key: str, number: str) -> HttpResponse:
    try:
        return redirect(open_session(key=key))
    except FaisceauError:
        messages.warning(
            request, _("The payment page did not answer. Your order is kept: try again below.")
        )
        return redirect("checkout:pay", number=number)


def open_cart_view(
    request: HttpRequest, context: AccountContext, *, code: str
) -> CartView | HttpResponse:
    """The cart while it can be changed; else the way to the order that came of it.

    Raises:
        NotFound: `unknown_cart`.
    """
    number = order_of_cart(request, code)
    try:
        view = cart_view(context, code=code)
    except NotFound:
        if not number:
            raise
    else:
        if not view.ordered:
            return view
        number = number or order_placed_from(context, code=view.code) or ""
    messages.info(request, _("The cart %(code)s was ordered already.") % {"code": code})
    return redirect("checkout:order", number=number) if number else redirect("shop:cart")
