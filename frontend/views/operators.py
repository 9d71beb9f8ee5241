"""The operators' boards: which orders will be late, what is to be done by hand."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.kernel.errors import FaisceauError
from commerce.web.policy import Policy, policy
from frontend.ops import boards, screen
from frontend.sentences import sentence_of
from orchestration.boards import late_orders, manual_tasks
from orchestration.domain.jeopardy import Colour
from orchestration.services import manual as services
from orchestration.services.correcting import replace_and_retry

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


@policy(Policy.OPERATOR)
@never_cache
def manual(request: HttpRequest) -> HttpResponse:
    """What is to be done by hand, with who has taken it."""
    context = context_for_request(request)
    rows = boards.manual_rows(manual_tasks(), me=context.actor.id)
    values = screen.around(context, here="ops:manual") | {"rows": rows}
    return render(request, "frontend/ops/manual.html", values)


@policy(Policy.OPERATOR)
@require_POST
def by_hand(request: HttpRequest, task_id: int) -> HttpResponse:
    """Take a task, leave it to others, or complete it."""
    context, act = context_for_request(request), request.POST.get("act", "")
    try:
        if act == "claim":
            services.claim(context, task_id=task_id)
            messages.success(request, _("The task is yours."))
        elif act == "release":
            services.release(context, task_id=task_id)
            messages.success(request, _("The task is left to others."))
        else:
            note = request.POST.get("note", "")[:500]
            services.complete(context, task_id=task_id, note=note, facts=_values(request))
            messages.success(request, _("The task is done."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect("ops:manual")


@policy(Policy.OPERATOR)
@require_POST
def correct(request: HttpRequest, task_id: int) -> HttpResponse:
    """Replace what a task fell out over, and try it again."""
    values = {name: value for name, value in _values(request).items() if value.strip()}
    try:
        replace_and_retry(context_for_request(request), task_id=task_id, values=values)
        messages.success(request, _("The task is tried again with the new data."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect(screen.decided_at(request.POST))


def _values(request: HttpRequest) -> dict[str, str]:
    """The fields of a form that are data of a task."""
    return {
        name.removeprefix("value_"): str(value)
        for name, value in request.POST.items()
        if name.startswith("value_")
    }


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
