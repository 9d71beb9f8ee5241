"""Another bill day: what it would do is shown, and then it is confirmed."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_today
from commerce.kernel.errors import FaisceauError, NotFound
from commerce.kernel.tax import Basis
from commerce.web.policy import Policy, policy
from frontend.account.cycle_day import BillDayForm, shown_move
from frontend.agent.screen import around, contact_bar
from frontend.business import screen
from frontend.sentences import sentence_of
from frontend.shop.words import on_day
from frontend.typography import day_of_month_text
from frontend.views.customer import tabs
from subscriptions.accounts.selectors import account_view
from subscriptions.contracts.services.cycle_day import cycle_day_of, move_cycle_day, show_move


@policy(Policy.CUSTOMER)
@never_cache
def of_customer(request: HttpRequest) -> HttpResponse:
    frame = {
        "tabs": tabs("bills"),
        "trail": [
            {"label": _("My account"), "url": reverse("account:home")},
            {"label": _("Bills"), "url": reverse("account:bills")},
            {"label": _("Bill day")},
        ],
    }
    template = "frontend/account/cycle_day.html"
    context = context_for_request(request)
    return _page(request, context, template, frame, back="account:bills")


@policy(Policy.BUSINESS)
@never_cache
def of_firm(request: HttpRequest) -> HttpResponse:
    context = context_for_request(request)
    frame = screen.around(context, here="portal:bills") | {
        "trail": [
            {"label": _("Bills"), "url": reverse("portal:bills")},
            {"label": _("Bill day")},
        ],
    }
    template = "frontend/portal/cycle_day.html"
    return _page(request, context, template, frame, back="portal:bills")


@policy(Policy.AGENT)
@never_cache
def for_customer(request: HttpRequest) -> HttpResponse:
    context = context_for_request(request)
    account = account_view(context.party_id or 0)
    frame = around(context) | contact_bar(context)
    frame |= {"without_tax": account is not None and account.basis is Basis.HT}
    template = "frontend/agent/cycle_day.html"
    return _page(request, context, template, frame, back="agent:contact")


def _page(
    request: HttpRequest,
    context: AccountContext,
    template: str,
    frame: dict[str, Any],
    *,
    back: str,
) -> HttpResponse:
    view = cycle_day_of(context.party_id or 0)
    if view is None:
        raise NotFound("There is no bill day yet, or no bill to come.", code="no_bill_day")
    form = BillDayForm(request.POST or request.GET or None, view=view)
    later = view.movable_on if view.movable_on and view.movable_on > business_today() else None
    values = frame | {"view": view, "form": form, "back": reverse(back), "waits_until": later}
    if not form.is_bound or not form.is_valid():
        return render(request, template, values, status=422 if request.method == "POST" else 200)
    asked = form.cleaned_data
    try:
        if request.method == "POST":
            from_on = move_cycle_day(
                context, day=asked["day"], reason=asked["reason"], digest=asked["digest"]
            )
            chosen = day_of_month_text(asked["day"], language=get_language())
            said = _("Bills are made on day %(day)s of the month from the bill of %(from)s on.")
            messages.success(request, said % {"day": chosen, "from": on_day(from_on)})
            return redirect(back)
        values["move"] = shown_move(show_move(context, day=asked["day"]))
    except NotFound:
        raise
    except FaisceauError as refusal:
        form.add_error(None, sentence_of(refusal))
        return render(request, template, values, status=422)
    return render(request, template, values)
