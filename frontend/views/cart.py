"""The cart: what is in it, what it costs, and how it goes to another channel."""

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from catalogue.selectors import snapshot_of
from commerce.accounts.context import context_for_request
from commerce.accounts.kinds import Role
from commerce.kernel.errors import InvalidInput
from commerce.ordering.selectors import cart_view
from commerce.ordering.services import carts, handover
from commerce.web.policy import Policy, policy
from frontend.agent.screen import frame_for
from frontend.shop.cart import arrival_words, cart_page
from frontend.shop.session import cart_of, remember_cart
from frontend.shop.why import why_page
from frontend.views.summary import open_cart_view

HANDED = "handed_over"


@policy(Policy.VISITOR)
def current(request: HttpRequest) -> HttpResponse:
    """The shopper's cart, wherever it is."""
    code = cart_of(request)
    if not code:
        return render(request, "frontend/checkout/cart_empty.html")
    return redirect("checkout:cart", code=code)


@policy(Policy.VISITOR)
def show(request: HttpRequest, code: str) -> HttpResponse:
    view = open_cart_view(request, context_for_request(request), code=code)
    if isinstance(view, HttpResponse):
        return view
    if not view.quote.lines:
        return render(request, "frontend/checkout/cart_empty.html", {"cart_code": view.code})
    remember_cart(request, view.code)
    values = cart_page(view, catalogue=snapshot_of(view.quote.release))
    handed = request.session.get(HANDED, {})
    if handed.get("code") == view.code:
        values["handed"] = handed | {"qr": _qr(handed["url"])}
    return render(request, "frontend/checkout/cart.html", values)


@policy(Policy.VISITOR)
def why(request: HttpRequest, code: str) -> HttpResponse:
    """Why the cart costs what it costs, amount by amount."""
    context = context_for_request(request)
    view = cart_view(context, code=code)
    agent = context.role is Role.AGENT
    values = why_page(view.quote, catalogue=snapshot_of(view.quote.release)) | frame_for(context)
    values |= {
        "name": _("Cart %(code)s") % {"code": view.code},
        "back": reverse("agent:cart" if agent else "checkout:cart", args=[view.code]),
    }
    return render(request, "frontend/checkout/why.html", values)


@policy(Policy.VISITOR)
def arrive(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever has the link goes on with the cart here; differences are told."""
    arrived = handover.open_by_link(context_for_request(request), token=token)
    remember_cart(request, arrived.code)
    view = cart_view(context_for_request(request), code=arrived.code)
    catalogue = snapshot_of(view.quote.release)
    for sentence in arrival_words(arrived.differences, catalogue=catalogue):
        messages.warning(request, sentence)
    messages.success(request, _("Here is the cart %(code)s.") % {"code": arrived.code})
    return redirect("checkout:cart", code=arrived.code)


@policy(Policy.VISITOR)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """One thing by itself, from its own page."""
    context = context_for_request(request)
    code = cart_of(request) or carts.open_cart(context)
    carts.add_line(context, code=code, offering=request.POST.get("offering", "")[:64])
    remember_cart(request, code)
    messages.success(request, _("It is in your cart."))
    return redirect("checkout:cart", code=code)


@policy(Policy.VISITOR)
@require_POST
def change(request: HttpRequest, code: str) -> HttpResponse:
    """One line's quantity, its removal, a whole bundle's, or a promotion code."""
    context, posted = context_for_request(request), request.POST
    if "remove" in posted:
        carts.remove_line(context, code=code, line_id=posted["remove"])
    elif "remove_bundle" in posted:
        carts.remove_bundle(context, code=code, group=posted["remove_bundle"])
    elif "drop_code" in posted:
        carts.drop_code(context, code=code, promotion_code=posted["drop_code"])
    elif "promotion_code" in posted:
        carts.enter_code(context, code=code, promotion_code=posted["promotion_code"])
        messages.success(request, _("The code is entered; see what it gives beside your cart."))
    elif "line" in posted:
        carts.change_line(
            context, code=code, line_id=posted["line"], quantity=_number(posted.get("quantity"))
        )
    return redirect("checkout:cart", code=code)


@policy(Policy.VISITOR)
@require_POST
def hand_over(request: HttpRequest, code: str) -> HttpResponse:
    """Offer the cart to an agent (by its code) or to another device (by the link)."""
    handed = handover.hand_over(context_for_request(request), code=code)
    request.session[HANDED] = {
        "code": handed.code,
        "url": handed.url,
        "until": handed.until.isoformat(),
    }
    return redirect(reverse("checkout:cart", args=[handed.code]) + "#hand-over")


def _number(text: str | None) -> int:
    if not (text or "").strip().isdecimal():
        raise InvalidInput(
            "The quantity is a whole number.", code="quantity_out_of_range", field="quantity"
        )
    return min(int(str(text).strip()[:9]), 10**9)


def _qr(url: str) -> str:
    """The link as a QR code; the picture has no inline style."""
    drawn: str = segno.make(url, error="m").svg_inline(
        border=2, dark="#15142b", light="#ffffff", omitsize=True, svgclass="qr", lineclass=None
    )
    return mark_safe(drawn)  # noqa: S308
