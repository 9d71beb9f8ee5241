"""How the phone of a cart is paid: the last step before the summary, where parts are offered."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.selectors import snapshot_of
from commerce.accounts.context import context_for_request
from commerce.web.policy import Policy, policy
from frontend.shop.in_parts import chosen_in, offered_for, parts_choices, summary_url
from frontend.shop.panel import panel_of
from frontend.shop.session import remember_cart
from frontend.shop.steps import IN_PARTS, steps_of
from frontend.views.summary import open_cart_view


@policy(Policy.VISITOR)
def in_parts(request: HttpRequest, code: str) -> HttpResponse:
    """All today, or in parts: each choice shows what is paid when. Nothing is kept before the
    order; the choice stands in the address. On to the summary where nothing is offered."""
    context = context_for_request(request)
    view = open_cart_view(request, context, code=code)
    if isinstance(view, HttpResponse):
        return view
    if not view.orderable:
        return redirect("checkout:cart", code=view.code)
    found = offered_for(context, view)
    if not found.choices:
        return redirect(summary_url(view.code))
    remember_cart(request, view.code)
    chosen = chosen_in(request.GET, found)
    return render(
        request,
        "frontend/checkout/step_in_parts.html",
        {
            "steps": steps_of(view, here=IN_PARTS),
            "choices": parts_choices(found, quote=view.quote, chosen=chosen),
            "panel": panel_of(
                view.quote,
                catalogue=snapshot_of(view.quote.release),
                in_parts=chosen,
                action_url=summary_url(view.code, chosen),
                action_label=_("Continue: %(step)s") % {"step": _("Summary")},
            ),
            "back_url": reverse("checkout:cart", args=[view.code]),
        },
    )
