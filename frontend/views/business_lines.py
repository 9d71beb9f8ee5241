"""A firm's lines with their cost centres and purchase orders, changed in place."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.accounts.kinds import Role
from commerce.kernel.errors import FaisceauError
from commerce.web.policy import Policy, policy
from commerce.web.problems import problem_of
from frontend.account import words
from frontend.business import screen
from frontend.sentences import sentence_of
from frontend.shop.words import named
from subscriptions.contracts.booked import BookedLine, booked_lines
from subscriptions.contracts.services.booking import WRITTEN, assign_codes
from subscriptions.domain.buyers import LETTERS, BuyerCodes

HERE = "portal:lines"
PER_PAGE = 50
FIGURES = 18
"""Of an id at most."""


@policy(Policy.BUSINESS)
@never_cache
def lines(request: HttpRequest) -> HttpResponse:
    """All that run, or those looked for; what is typed beside them stands on the coming bills."""
    context = context_for_request(request)
    said: Mapping[int, BuyerCodes] = {}
    status, refused = 200, ""
    if request.method == "POST":
        said = _said(request)
        try:
            count = assign_codes(context, codes=said, seen=_said(request, before="was-") or None)
        except FaisceauError as error:
            refused = sentence_of(error)
            problem = problem_of(error)
            status = problem.status if problem else 400
        else:
            messages.success(request, _changed(count))
            return redirect(request.get_full_path())
    text = request.GET.get("q", "").strip()[:60]
    found = booked_lines(context.party_id or 0, text=text)
    page = Paginator(range(found.count()), PER_PAGE).get_page(request.GET.get("page", "1"))
    rows = found.page(offset=PER_PAGE * (page.number - 1), limit=PER_PAGE)
    values = screen.around(context, here=HERE) | {
        "rows": [_row(line, said.get(line.id, line.codes)) for line in rows],
        "refused": refused,
        "page": page,
        "text": text,
        "query": urlencode({"q": text}) + "&" if text else "",
        "may_change": context.role is not Role.VIEWER,
        "letters": LETTERS,
    }
    return render(request, "frontend/portal/booked.html", values, status=status)


def _said(request: HttpRequest, *, before: str = "") -> dict[int, BuyerCodes]:
    """The codes by contract, as the form names them: `cost_centre-7`, `purchase_order-7`; with
    `was-` before it what stood there when the form was drawn."""
    asked = [each for each in request.POST.getlist("line") if each.isdecimal()]
    return {
        int(each): BuyerCodes(*(request.POST.get(f"{before}{name}-{each}", "") for name in WRITTEN))
        for each in asked
        if len(each) <= FIGURES and f"{before}{WRITTEN[0]}-{each}" in request.POST
    }


def _changed(count: int) -> str:
    if not count:
        return _("Nothing was changed.")
    text = ngettext(
        "%(count)s line is changed; its coming bills say so.",
        "%(count)s lines are changed; their coming bills say so.",
        count,
    )
    return text % {"count": count}


def _row(line: BookedLine, typed: BuyerCodes) -> dict[str, Any]:
    """With what is typed in its fields; `codes` is what is kept."""
    return {
        "id": line.id,
        "user": line.user_name,
        "number": words.number(line.msisdn),
        "plan": named(line.plan),
        "order": line.order_number,
        "codes": line.codes,
        "typed": typed,
    }
