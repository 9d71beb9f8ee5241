"""What a content partner settles and our books say otherwise: operators decide about it."""

from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.kernel.errors import FaisceauError, NotFound
from commerce.web.policy import Policy, policy
from frontend.ops import boards, screen
from frontend.sentences import sentence_of
from orchestration.boards import count_waiting, settled_months, waiting_differences
from orchestration.services import settlement

HERE = "ops:settlements"


@policy(Policy.OPERATOR)
@never_cache
def settlements(request: HttpRequest) -> HttpResponse:
    """The differences that wait, and the months that were looked at."""
    values = screen.around(context_for_request(request), here=HERE) | {
        "rows": [
            {"row": each, "words": boards.DIFFERENCE_WORDS[each.difference.kind]}
            for each in waiting_differences()
        ],
        "months": settled_months(),
        "waiting": count_waiting(),
    }
    return render(request, "frontend/ops/settlements.html", values)


@policy(Policy.OPERATOR)
@require_POST
def decide_difference(request: HttpRequest, difference_id: int) -> HttpResponse:
    """Say what became of one."""
    context = context_for_request(request)
    try:
        settlement.decide(context, difference_id=difference_id, note=request.POST.get("note", ""))
        messages.success(request, _("It is noted what became of it."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect(HERE)


@policy(Policy.OPERATOR)
@require_POST
def look_again(request: HttpRequest, month: str) -> HttpResponse:
    """Ask for the partner's file of a month once more."""
    context = context_for_request(request)
    try:
        settlement.look_again(context, month=_month(month))
        messages.success(request, _("The partner is asked for the month once more."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect(HERE)


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise NotFound("This month was never settled.", code="unknown_settlement") from error
