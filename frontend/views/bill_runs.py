"""Bill runs as operators see them: how far one is, why one is held, and a trial of any day."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.kernel.errors import FaisceauError
from commerce.kernel.money import Money
from commerce.web.policy import Policy, policy
from frontend.ops import screen
from frontend.ops.bill_runs import run_words
from frontend.sentences import sentence_of
from frontend.typography import money_text, number_text
from subscriptions.domain.control import Control
from subscriptions.domain.states import ChunkState, Release, RunState
from subscriptions.domain.views import BillRunView, DeviationView, RunDecisionView
from subscriptions.invoicing.selectors import bill_run_view
from subscriptions.invoicing.services import bill_run

HERE = "ops:billing"
CONTROLS: Mapping[str, Any] = {
    Control.ACCOUNTS: gettext_lazy("Accounts whose cycle day it is, and those settled"),
    Control.DRAFTS: gettext_lazy("Bills counted, and bills in the tables"),
    Control.GROSS: gettext_lazy("Sum of the bills counted, and in the tables"),
    Control.LINES: gettext_lazy("Sum of the bills, and of their lines"),
    Control.PROMISED: gettext_lazy("Promised for the lines, and billed by them"),
    Control.LEFT_OUT: gettext_lazy("Accounts due that were not taken up"),
    Control.PARKED: gettext_lazy("Accounts held"),
    Control.COUNT: gettext_lazy("Bills of the same cycle days a month before, and now"),
    Control.AVERAGE: gettext_lazy("Average bill of the same cycle days a month before, and now"),
}
IN_MONEY = {Control.GROSS, Control.LINES, Control.PROMISED, Control.AVERAGE}
DECIDED = {
    Release.ISSUE: gettext_lazy("Its bills were issued as they were drafted"),
    Release.REDRAFT: gettext_lazy("Its drafts were thrown away and made anew"),
}


class TrialForm(forms.Form):
    on = forms.DateField()
    account = forms.IntegerField(min_value=1, max_value=2**62, required=False)


@policy(Policy.OPERATOR)
@never_cache
def one(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run or trial: how far it is, what came of it, and what is to be decided."""
    values = screen.around(context_for_request(request), here=HERE) | _shown(run_id)
    return render(request, "frontend/ops/bill_run.html", values)


@policy(Policy.OPERATOR)
@never_cache
def progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """The live part of a run's page."""
    return render(request, "frontend/ops/bill_run_progress.html", _shown(run_id))


@policy(Policy.OPERATOR)
@require_POST
def decide(request: HttpRequest, run_id: int) -> HttpResponse:
    """Issue the bills of a held run as they are drafted, or have them drafted anew."""
    decision = request.POST.get("decision", "")
    by, note = context_for_request(request).actor.name, request.POST.get("note", "")[:500]
    try:
        if decision in set(Release):
            bill_run.decide(run_id=run_id, decision=Release(decision), note=note, operator=by)
            messages.success(request, _("The bill run goes on."))
        else:
            messages.error(request, _("Choose what should become of the held bill run."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect("ops:bill_run", run_id)


@policy(Policy.OPERATOR)
@require_POST
def try_out(request: HttpRequest) -> HttpResponse:
    """Begin a trial of the run of a day, of all accounts or of one."""
    form = TrialForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a day, and the number of an account or none."))
        return redirect(HERE)
    try:
        account_id = form.cleaned_data["account"]
        run_id = bill_run.start_trial(on=form.cleaned_data["on"], account_id=account_id)
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
        return redirect(HERE)
    return redirect("ops:bill_run", run_id)


def _shown(run_id: int) -> dict[str, Any]:
    run = bill_run_view(run_id)
    return {
        "run": run,
        "pill": run_words(run),
        "held_run": run.state == RunState.HELD,
        "live": run.state in (RunState.RUNNING, RunState.ISSUING),
        "steps": list(_steps(run)),
        "rate": _rate(run),
        "controls": [_control(each, run) for each in run.controls],
        "parked": [
            {"account": each["account"], "rule": screen.rule_label(str(each["rule"]))}
            for each in run.parked
        ],
    }


def _steps(run: BillRunView) -> Iterator[Mapping[str, Any]]:
    """What is done of what is to be done, in both stages."""
    chunks = sum(run.parts.values())
    finished = run.parts[ChunkState.FINISHED]
    drafted = finished + run.parts[ChunkState.DRAFTED]
    drafted_text = _("%(done)s of %(all)s accounts, %(parts)s of %(chunks)s parts")
    issued_text = _("%(done)s of %(all)s bills, %(parts)s of %(chunks)s parts")
    yield _step(
        _("Drafted and checked"), drafted_text,
        done=run.taken, all=run.due, parts=drafted, chunks=chunks,
    )  # fmt: skip
    if not run.trial:
        yield _step(
            _("Issued"), issued_text,
            done=run.issued, all=run.drafts, parts=finished, chunks=chunks,
        )  # fmt: skip


def _step(name: str, text: str, **figures: int) -> Mapping[str, Any]:
    said = {of: number_text(count, language=get_language()) for of, count in figures.items()}
    chunks = max(figures["chunks"], 1)
    return {"name": name, "text": text % said, "done": figures["parts"], "all": chunks}


def _rate(run: BillRunView) -> str:
    """Accounts in the last minute, and how long the present stage takes at that pace."""
    if run.state not in (RunState.RUNNING, RunState.ISSUING) or not run.moved:
        return ""
    said = ngettext(
        "%(count)s account in the last minute", "%(count)s accounts in the last minute", run.moved
    ) % {"count": number_text(run.moved, language=get_language())}
    left = run.due - run.taken if run.state == RunState.RUNNING else run.drafts - run.issued
    minutes = -(-timedelta(minutes=max(left, 0) / run.moved) // timedelta(minutes=1))
    if not minutes:
        return said
    rest = ngettext(
        "at this pace %(minutes)s minute is left of this stage",
        "at this pace %(minutes)s minutes are left of this stage",
        minutes,
    ) % {"minutes": number_text(minutes, language=get_language())}
    return f"{said}; {rest}"


def _control(each: RunDecisionView, run: BillRunView) -> dict[str, Any]:
    return {
        "control": each,
        "rows": [
            {
                "what": CONTROLS.get(found.control, found.control),
                "expected": _figure(found, found.expected, run),
                "found": _figure(found, found.found, run),
            }
            for found in each.deviations
        ],
        "decided": DECIDED[Release(each.decision)] if each.decision else "",
    }


def _figure(found: DeviationView, text: str, run: BillRunView) -> str:
    if found.control in IN_MONEY:
        amount = Money(Decimal(text), run.gross.currency)
        return money_text(amount, language=get_language())
    return number_text(Decimal(text), language=get_language())
