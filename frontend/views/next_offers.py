"""A customer's answer to a next best offer, in his account or on his order's page."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from commerce.ordering.services.links import lead_path
from commerce.ordering.services.next_offers import accept_next_offer, decline_next_offer
from commerce.web.policy import Policy, policy
from frontend.shop.session import order_context


@policy(Policy.VISITOR)
@require_POST
def accept(request: HttpRequest, offer: int) -> HttpResponse:
    """Yes: on to the journey."""
    context = order_context(request, request.POST.get("order", ""))
    return redirect(lead_path(accept_next_offer(context, offer_id=offer)))


@policy(Policy.VISITOR)
@require_POST
def decline(request: HttpRequest, offer: int) -> HttpResponse:
    """No: it is not shown again for a while."""
    order = request.POST.get("order", "")
    decline_next_offer(order_context(request, order), offer_id=offer)
    messages.success(request, _("Noted. We won't propose it again for a while."))
    return redirect("checkout:order", number=order) if order else redirect("account:home")
