"""A number on its way: its page for the customer, the agent and the operator."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import FaisceauError
from commerce.ordering.selectors import OrderView, order_view
from commerce.web.policy import Policy, policy
from frontend import errors
from frontend.agent.screen import around, contact_bar
from frontend.ops import screen
from frontend.sentences import sentence_of
from frontend.shop.porting import (
    LABELS,
    CorrectForm,
    DayForm,
    RedirectForm,
    forms_of,
    headline,
    porting_values,
)
from frontend.shop.session import order_context
from orchestration.domain.porting import PortState
from orchestration.porting import changing, selectors
from orchestration.porting.selectors import PortingView
from orchestration.porting.settling import settle

DONE: Mapping[str, Any] = {
    "correct": gettext_lazy("The request goes out again with what you corrected."),
    "move": gettext_lazy("The new date is asked for."),
    "cancel": gettext_lazy("The transfer is being cancelled."),
    "redirect": gettext_lazy("The redirection is asked for."),
}


@policy(Policy.VISITOR)
@never_cache
def customer(request: HttpRequest, number: str, line_id: str) -> HttpResponse:
    """The owner's, or of whoever has the order's link."""
    return _page(
        request,
        order_context(request, number),
        number=number,
        line_id=line_id,
        template="frontend/checkout/porting.html",
        here="checkout:porting",
    )


@policy(Policy.AGENT)
@never_cache
def agent(request: HttpRequest, number: str, line_id: str) -> HttpResponse:
    """The same for an agent, once he knows who is calling."""
    context = context_for_request(request)
    return _page(
        request,
        context,
        number=number,
        line_id=line_id,
        template="frontend/agent/porting.html",
        here="agent:porting",
        frame=around(context) | contact_bar(context),
    )


@policy(Policy.OPERATOR)
@never_cache
def portings(request: HttpRequest) -> HttpResponse:
    """All of them, the newest first; of one state, or those for which we owe something."""
    context = context_for_request(request)
    wanted = request.GET.get("state", "")
    state = wanted if wanted in set(PortState) else ""
    rows = selectors.portings(state=state, owed=wanted == "owed")
    chips = [("", _("All")), ("owed", _("Compensation owed"))]
    chips += [(each.value, str(LABELS[each])) for each in PortState]
    values = screen.around(context, here="ops:portings") | {
        "rows": [{"row": row, "label": str(LABELS[row.state])} for row in rows],
        "chips": [
            {"label": label, "url": f"?state={code}", "current": code == wanted}
            for code, label in chips
        ],
    }
    return render(request, "frontend/ops/portings.html", values)


@policy(Policy.OPERATOR)
@never_cache
def porting(request: HttpRequest, porting_id: int) -> HttpResponse:
    """One of them with everything that was said, in full."""
    context = context_for_request(request)
    view = selectors.porting_view(porting_id)
    values = screen.around(context, here="ops:portings") | {
        "porting": view,
        "port_headline": headline(view),
    }
    return render(request, "frontend/ops/porting.html", values)


@policy(Policy.OPERATOR)
@require_POST
def settle_owed(request: HttpRequest, porting_id: int) -> HttpResponse:
    """What we owe for the delay was credited."""
    context = context_for_request(request)
    try:
        settle(context, porting_id=porting_id, note=request.POST.get("note", ""))
        messages.success(request, _("It is noted as credited."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect("ops:porting", porting_id)


def _page(
    request: HttpRequest,
    context: AccountContext,
    *,
    number: str,
    line_id: str,
    template: str,
    here: str,
    frame: Mapping[str, Any] | None = None,
) -> HttpResponse:
    order = order_view(context, number=number)
    view = selectors.port_in_of(order.summary.number, line_id)
    own = reverse(here, args=[order.summary.number, line_id])
    shown = forms_of(view, with_key=not context.staff)
    problem = ""
    if request.method == "POST":
        act = request.POST.get("act", "")
        form = _sent(request, act)
        if act in DONE and _carried_out(context, act, form, view):
            messages.success(request, DONE[act])
            return redirect(own)
        if form is not None and act in shown:
            shown[act] = form
        elif form is not None:  # what has no fields, or can't be done any more
            problem = " ".join(str(text) for each in form.errors.values() for text in each)
    values = porting_values(view, sim_ready=_sim_ready(order, view), order=order) | {
        "order": order,
        "number": order.summary.number,
        "here": own,
        "port_forms": shown,
        "port_problem": problem,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, template, dict(frame or {}) | values, status=status)


def _sent(request: HttpRequest, act: str) -> forms.Form | None:
    match act:
        case "correct":
            return CorrectForm(request.POST, open_day=True, prefix=act)
        case "move":
            return DayForm(request.POST, prefix=act)
        case "redirect":
            return RedirectForm(request.POST, prefix=act)
        case "cancel":
            return forms.Form(request.POST)
        case _:
            return None


def _carried_out(
    context: AccountContext, act: str, form: forms.Form | None, view: PortingView
) -> bool:
    """Do it; what is refused stands in the form."""
    if form is None or not form.is_valid():
        return False
    try:
        _ACTS[act](context, form, view)
    except FaisceauError as refusal:
        errors.put(form, refusal)
        return False
    return True


def _correct(context: AccountContext, form: Any, view: PortingView) -> None:
    said = form.cleaned_data
    changing.correct(
        context,
        number=view.order_number,
        line_id=view.line_id,
        msisdn=said["msisdn"],
        rio=said["rio"],
        port_on=form.wished_on,
        slot=said["slot"],
    )


def _move(context: AccountContext, form: Any, view: PortingView) -> None:
    changing.change_day(
        context,
        number=view.order_number,
        line_id=view.line_id,
        port_on=form.wished_on,
        slot=form.cleaned_data["slot"],
    )


def _cancel(context: AccountContext, form: Any, view: PortingView) -> None:
    changing.cancel(context, number=view.order_number, line_id=view.line_id)


def _redirect(context: AccountContext, form: Any, view: PortingView) -> None:
    changing.redirect_calls(
        context, number=view.order_number, line_id=view.line_id, to=form.cleaned_data["to"]
    )


_ACTS: Mapping[str, Callable[[AccountContext, Any, PortingView], None]] = {
    "correct": _correct,
    "move": _move,
    "cancel": _cancel,
    "redirect": _redirect,
}


def _sim_ready(order: OrderView, view: PortingView) -> bool:
    """Whether the SIM of the same bundle has its number."""
    group = next((item.group for item in order.items if item.line_id == view.line_id), "")
    return any(item.facts.get("iccid") for item in order.items if item.group == group)
