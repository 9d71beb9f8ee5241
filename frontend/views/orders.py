"""After the order: payment, the way to active, and agreeing to what an agent prepared."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from catalogue.selectors import snapshot_of
from commerce.accounts import selectors as accounts
from commerce.accounts.kinds import Role
from commerce.kernel.clock import PARIS, business_today
from commerce.kernel.errors import FaisceauError, NotFound
from commerce.ordering.domain.states import OrderState
from commerce.ordering.selectors import OrderView, order_by_link, order_view
from commerce.ordering.services.accept import accept_order, pay_by_link
from commerce.ordering.services.next_offers import show_next_offers
from commerce.ordering.services.payment import pay_again
from commerce.ordering.services.withdrawing import withdrawable
from commerce.payments.selectors import PaymentView
from commerce.payments.selectors import payment as payment_view
from commerce.payments.services.checkout import refresh
from commerce.web.policy import Policy, policy
from frontend.agent.screen import frame_for
from frontend.next_offers import offer_cards
from frontend.shop.contract import contracts_of, sections_of
from frontend.shop.deliveries import delivery
from frontend.shop.forms import AcceptForm, note_refusal
from frontend.shop.in_parts import in_parts_text
from frontend.shop.panel import panel_of
from frontend.shop.porting import port_cards
from frontend.shop.session import order_context, order_key, party_of_key, remember_order
from frontend.shop.summary_dates import withdrawal_words
from frontend.shop.tracking import (
    OVER,
    events_of,
    headline,
    may_cancel,
    ordered_rows,
    payment_words,
)
from frontend.shop.why import why_page
from frontend.views.summary import to_hosted_page
from orchestration.boards import told_day
from orchestration.selectors import tracking


@policy(Policy.VISITOR)
def track(request: HttpRequest, number: str) -> HttpResponse:
    """The order's page: its owner's, or of whoever has its link (`?key=`)."""
    key = request.GET.get("key", "")
    if key:
        party_id = party_of_key(key, number=number)
        if party_id is None:
            raise NotFound("This link is not valid (any more).", code="unknown_link")
        remember_order(request, number=number.upper(), party_id=party_id)
        return redirect("checkout:order", number=number)
    context = order_context(request, number)
    order = order_view(context, number=number)
    link = order_key(number=order.summary.number, party_id=order.summary.party_id)
    return render(
        request,
        "frontend/checkout/order.html",
        _progress(order)
        | {
            "panel": panel_of(
                order.quote,
                catalogue=snapshot_of(order.quote.release),
                in_parts=order.in_parts,
                title=_("As agreed"),
                why_url=reverse("checkout:order_why", args=[order.summary.number]),
            ),
            "link": f"{settings.PUBLIC_URL}{request.path}?key={link}",
            "contracts": _contracts(order),
            "ordered": ordered_rows(order),
            "next_offers": _next_offers(request, order),
            "offers_order": order.summary.number,
            "guest": not request.user.is_authenticated,
            "withdrawable": withdrawable(context, number=number),
        },
    )


@policy(Policy.VISITOR)
def why(request: HttpRequest, number: str) -> HttpResponse:
    """Why the order costs what was agreed, amount by amount."""
    context = order_context(request, number)
    order = order_view(context, number=number)
    page = "agent:order" if context.role is Role.AGENT else "checkout:order"
    values = why_page(order.quote, catalogue=snapshot_of(order.quote.release)) | frame_for(context)
    values |= {
        "name": _("Order %(number)s") % {"number": order.summary.number},
        "back": reverse(page, args=[order.summary.number]),
    }
    return render(request, "frontend/checkout/why.html", values)


@policy(Policy.VISITOR)
def progress(request: HttpRequest, number: str) -> HttpResponse:
    """The part of the page that follows the order by itself."""
    order = order_view(order_context(request, number), number=number)
    return render(request, "frontend/checkout/progress.html", _progress(order))


@policy(Policy.VISITOR)
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """What became of the payment, and the way to pay (again); POST leads to the hosted page."""
    context = order_context(request, number)
    order = order_view(context, number=number)
    if order.summary.state is not OrderState.AWAITING_PAYMENT:
        return redirect("checkout:order", number=order.summary.number)
    if request.method == "POST":
        key = pay_again(context, number=number)
        return to_hosted_page(request, key=key, number=number)
    payment = _payment(order, ask=True)
    if payment is not None and payment.is_held:
        return redirect("checkout:order", number=order.summary.number)
    return render(
        request,
        "frontend/checkout/pay.html",
        {
            "order": order,
            "number": order.summary.number,
            "payment": payment_words(payment, order),
            "panel": panel_of(
                order.quote,
                catalogue=snapshot_of(order.quote.release),
                in_parts=order.in_parts,
            ),
        },
    )


@policy(Policy.VISITOR)
def paid(request: HttpRequest, number: str) -> HttpResponse:
    """Back from the hosted page: asks what became of it, and leads on."""
    order = order_view(order_context(request, number), number=number)
    payment = _payment(order, ask=True)
    if order.summary.state is OrderState.AWAITING_PAYMENT and not (payment and payment.is_held):
        return redirect("checkout:pay", number=order.summary.number)
    messages.success(request, _("Thank you. Your payment is there."))
    return redirect("checkout:order", number=order.summary.number)


@policy(Policy.VISITOR)
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """An order that an agent prepared: the customer reads it, agrees and pays."""
    order = order_by_link(token)
    number = order.summary.number
    remember_order(request, number=number, party_id=order.summary.party_id)
    if order.summary.state is not OrderState.AWAITING_ACCEPTANCE:
        return _after_acceptance(order)
    form = AcceptForm(
        request.POST or None, in_parts=order.in_parts is not None, initial=_seen(order)
    )
    if request.method == "POST" and form.is_valid():
        try:
            placed = accept_order(token=token, consents=form.consents)
        except FaisceauError as refusal:
            note_refusal(form, refusal)
        else:
            if not placed.payment_key:
                return redirect("checkout:order", number=number)
            return to_hosted_page(request, key=placed.payment_key, number=number)
    return render(
        request,
        "frontend/checkout/accept.html",
        {
            "order": order,
            "number": number,
            "party": accounts.party(order.summary.party_id),
            "form": form,
            "in_parts": order.in_parts and in_parts_text(order.in_parts),
            "contracts": _contracts(order),
            "has_contract": bool(_contracts(order)),
            "early": withdrawal_words(),
            "today": business_today(),
            "panel": panel_of(
                order.quote,
                catalogue=snapshot_of(order.quote.release),
                in_parts=order.in_parts,
                action_form="order",
                action_label=_("Accept and pay") if order.summary.gross else _("Accept this order"),
            ),
        }
        | delivery(order),
    )


@policy(Policy.VISITOR)
@require_POST
def pay_accepted(request: HttpRequest, token: str) -> HttpResponse:
    """The way to the hosted page for the one who has the link."""
    order = order_by_link(token)
    key = pay_by_link(token=token)
    return to_hosted_page(request, key=key, number=order.summary.number)


def _after_acceptance(order: OrderView) -> HttpResponse:
    if order.summary.state is OrderState.AWAITING_PAYMENT:
        return redirect("checkout:pay", number=order.summary.number)
    return redirect("checkout:order", number=order.summary.number)


def _seen(order: OrderView) -> dict[str, str]:
    return {"expected": str(order.summary.gross.amount), "digest": order.quote.digest()}


def _progress(order: OrderView) -> dict[str, Any]:
    number = order.summary.number
    payment = _payment(order, ask=False)
    steps = tracking(number)
    return {
        "order": order,
        "number": number,
        "headline": headline(order, payment=payment, steps=steps),
        "promised": told_day(number) if order.summary.state is OrderState.IN_PROGRESS else None,
        "events": events_of(order, steps, payment=payment),
        "can_cancel": may_cancel(order, steps),
        "can_amend": order.summary.state is OrderState.IN_PROGRESS,
        "portings": port_cards(order, here="checkout:porting"),
        "live": order.summary.state not in OVER,
        "to_pay": order.summary.state is OrderState.AWAITING_PAYMENT
        and not (payment is not None and payment.is_held),
    } | delivery(order)


def _next_offers(request: HttpRequest, order: OrderView) -> list[dict[str, Any]]:
    """What goes with what was ordered, once it is paid; for the customer himself."""
    context = order_context(request, order.summary.number)
    if context.staff or order.summary.state not in (
        OrderState.ACCEPTED,
        OrderState.IN_PROGRESS,
        OrderState.COMPLETED,
    ):
        return []
    found = show_next_offers(context, order=order.summary.number)
    return offer_cards(found, snapshot_of(order.quote.release))


def _payment(order: OrderView, *, ask: bool) -> PaymentView | None:
    """What is known of the payment; `ask` also asks the provider."""
    if not order.payment_key:
        return None
    try:
        return refresh(key=order.payment_key) if ask else payment_view(order.payment_key)
    except NotFound:
        return None


def _contracts(order: OrderView) -> list[dict[str, Any]]:
    catalogue = snapshot_of(order.quote.release)
    configs = {item.line_id: item.config for item in order.items}
    placed_on = order.summary.placed_at.astimezone(PARIS).date()
    contracts = contracts_of(order.quote, configs=configs, on=placed_on, in_parts=order.in_parts)
    return [
        {"number": place, "sections": sections_of(agreed, catalogue=catalogue)}
        for place, agreed in enumerate(contracts, start=1)
    ]
