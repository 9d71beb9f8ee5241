"""What is overdue: a customer promises to pay, an agent notes it, operators see to the cases."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import FaisceauError
from commerce.web.policy import Policy, policy
from frontend.account.dunning import GRADES, PromiseForm, case_words, history, interest
from frontend.ops import screen
from frontend.sentences import sentence_of
from frontend.shop.words import on_day
from subscriptions.domain.dunning import CaseState
from subscriptions.dunning import selectors as cases
from subscriptions.dunning.services import by_contact, dunning

HERE = "ops:dunning"


@policy(Policy.CUSTOMER)
@require_POST
def promise(request: HttpRequest) -> HttpResponse:
    """The customer says when he will pay."""
    _promise(request, context_for_request(request))
    return redirect("account:bills")


@policy(Policy.BUSINESS)
@require_POST
def promise_of_firm(request: HttpRequest) -> HttpResponse:
    """A member of the firm says when it will pay."""
    _promise(request, context_for_request(request))
    return redirect("portal:bills")


@policy(Policy.AGENT)
@require_POST
def promise_of_caller(request: HttpRequest) -> HttpResponse:
    """The caller, who is known, says when he will pay."""
    _promise(request, context_for_request(request))
    return redirect("agent:contact")


def _promise(request: HttpRequest, context: AccountContext) -> None:
    form = PromiseForm(request.POST)
    try:
        if "take_back" in request.POST:
            by_contact.take_back(context)
            messages.success(request, _("The promise is taken back; what was to come goes on."))
        elif form.is_valid():
            on = form.cleaned_data["on"]
            by_contact.promise(context, on=on)
            said = _("Thank you. Nothing more happens until %(day)s.") % {"day": on_day(on)}
            messages.success(request, said)
        else:
            messages.error(request, _("Choose a day."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))


@policy(Policy.AGENT)
@require_POST
def waive_interest(request: HttpRequest, interest_id: int) -> HttpResponse:
    """Take back interest that the caller was asked for, with its reason."""
    context = context_for_request(request)
    try:
        reason = request.POST.get("reason", "")
        by_contact.waive(context, interest_id=interest_id, reason=reason)
        messages.success(request, _("The interest is waived; the next bill gives it back."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect("agent:contact")


@policy(Policy.OPERATOR)
@never_cache
def board(request: HttpRequest) -> HttpResponse:
    """The open cases, those whose next step comes first; all, of a grade or of a state."""
    asked = request.GET.get("of", "")
    counted = cases.counted()
    found = (
        cases.open_cases(state=asked)
        if asked in counted.states
        else cases.open_cases(grade=_grade(asked))
    )
    page = reverse(HERE)
    chips = [("", _("All"), sum(counted.grades.values()))]
    chips += [
        (grade or "reminded", str(words), counted.grades.get(grade, 0))
        for grade, words in GRADES.items()
    ]
    chips += [
        (CaseState.PROMISED, _("payment promised"), counted.states[CaseState.PROMISED]),
        (CaseState.PAUSED, _("paused"), counted.states[CaseState.PAUSED]),
    ]
    values = screen.around(context_for_request(request), here=HERE) | {
        "chips": [
            {
                "label": label,
                "count": count,
                "url": f"{page}?of={code}" if code else page,
                "current": code == asked,
            }
            for code, label, count in chips
        ],
        "rows": [
            {
                "case": each,
                "pill": ("pending" if each.state is CaseState.PAUSED else "waiting"),
                "grade": str(GRADES[each.grade]),
                "state": _state(each),
            }
            for each in found
        ],
    }
    return render(request, "frontend/ops/dunning.html", values)


@policy(Policy.OPERATOR)
@never_cache
def case(request: HttpRequest, case_id: int) -> HttpResponse:
    """One case: what is overdue, what comes, what happened."""
    found = cases.case_view(case_id)
    values = screen.around(context_for_request(request), here=HERE) | {
        "overdue": case_words(found),
        "history": history(found),
        "interest": interest(found.party_id),
        "grade": str(GRADES[found.grade]),
        "may_give_up": not cases.running_contracts(found.account_id),
    }
    return render(request, "frontend/ops/case.html", values)


@policy(Policy.OPERATOR)
@require_POST
def decide_case(request: HttpRequest, case_id: int) -> HttpResponse:
    """Pause a case with its reason, let it go on, or write off what is overdue."""
    by, note = context_for_request(request).actor.name, request.POST.get("note", "")
    try:
        if request.POST.get("decision") == "pause":
            dunning.pause(case_id=case_id, by=by, reason=note)
            messages.success(request, _("The case is paused."))
        elif request.POST.get("decision") == "give_up":
            dunning.give_up(case_id=case_id, by=by, reason=note)
            messages.success(request, _("It is written off."))
            return redirect(HERE)
        else:
            dunning.resume(case_id=case_id, by=by, note=note)
            messages.success(request, _("The case goes on."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
        if error.code == "unknown_case":
            return redirect(HERE)
    return redirect("ops:case", case_id)


def _grade(asked: str) -> str | None:
    if asked == "reminded":
        return ""
    return asked if asked in GRADES and asked else None


def _state(each: cases.CaseView) -> str:
    if each.state is CaseState.PAUSED:
        return _("paused")
    if each.promised_for is not None:
        return _("payment promised for %(day)s") % {"day": on_day(each.promised_for)}
    return ""
