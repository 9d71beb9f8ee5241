"""The operators' boards: which orders will be late, what is to be done by hand."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.web.policy import Policy, policy
from frontend.ops import boards, screen
from orchestration.boards import late_orders
from orchestration.domain.jeopardy import Colour

LATE = (Colour.RED, Colour.AMBER)


@policy(Policy.OPERATOR)
@never_cache
def jeopardy(request: HttpRequest) -> HttpResponse:
    """Orders that will be late, those that break their word first on top, with the reason."""
    context = context_for_request(request)
    wanted = request.GET.get("colour", "")
    colour = Colour(wanted) if wanted in LATE else None
    values = screen.around(context, here="ops:jeopardy") | {
        "rows": boards.late_rows(late_orders(colour=colour)),
        "chips": _chips(colour),
    }
    return render(request, "frontend/ops/jeopardy.html", values)


def _chips(colour: Colour | None) -> list[dict[str, Any]]:
    return [
        {"label": _("All"), "url": "?", "current": colour is None},
        *(
            {
                "label": boards.COLOUR_WORDS[each][1],
                "url": f"?colour={each.value}",
                "current": each is colour,
            }
            for each in LATE
        ),
    ]
