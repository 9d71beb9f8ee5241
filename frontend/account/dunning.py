"""What is overdue in words: what will happen and when, what happened, and how to stop it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from commerce.kernel.clock import business_today
from frontend import typography
from frontend.shop.words import on_day
from subscriptions.domain.dunning import Action, CaseState, EntryKind
from subscriptions.dunning.interest import interest_of
from subscriptions.dunning.selectors import CaseView, EntryView, case_of
from subscriptions.dunning.services.dunning import NOBODY_REACHED

GRADES: Mapping[str, Any] = {
    "": gettext_lazy("reminded"),
    Action.RESTRICT: gettext_lazy("can only be called"),
    Action.SUSPEND: gettext_lazy("stopped"),
    Action.TERMINATE: gettext_lazy("being ended"),
}
"""How an account's lines are treated, by the grade of its case."""
_COMING: Mapping[Action, Any] = {
    Action.RETRY: gettext_lazy("The saved card is charged again."),
    Action.MESSAGE: gettext_lazy("A reminder is sent."),
    Action.RESTRICT: gettext_lazy("The lines can only be called; emergency calls stay possible."),
    Action.SUSPEND: gettext_lazy("The lines are stopped; emergency calls stay possible."),
    Action.TERMINATE: gettext_lazy("The contracts are ended, after their notice."),
}
_DONE: Mapping[str, Any] = {
    Action.RETRY: gettext_lazy("The saved card was charged again"),
    Action.MESSAGE: gettext_lazy("A reminder was sent"),
    Action.RESTRICT: gettext_lazy("The lines were restricted: they can only be called"),
    Action.SUSPEND: gettext_lazy("The lines were stopped"),
    Action.TERMINATE: gettext_lazy("The end of the contracts was ordered"),
    EntryKind.OPENED: gettext_lazy("Overdue"),
    EntryKind.PROMISED: gettext_lazy("Payment promised"),
    EntryKind.KEPT: gettext_lazy("The promise was kept"),
    EntryKind.BROKEN: gettext_lazy("The promise was not kept"),
    EntryKind.RETRACTED: gettext_lazy("The promise was taken back"),
    EntryKind.FEE: gettext_lazy("Recovery costs asked for"),
    EntryKind.INTEREST: gettext_lazy("Interest asked for"),
    EntryKind.WAIVED: gettext_lazy("Interest waived"),
    EntryKind.GIVEN_BACK: gettext_lazy("Given back, as the money had come before"),
    EntryKind.LOST: gettext_lazy("Written off"),
    EntryKind.PAUSED: gettext_lazy("Paused"),
    EntryKind.RESUMED: gettext_lazy("Goes on"),
    EntryKind.CLOSED: gettext_lazy("Paid"),
}


_NOTES: Mapping[str, Any] = {
    NOBODY_REACHED: gettext_lazy(
        "The next message would reach nobody: neither an e-mail address nor a postal address is"
        " known. Find one out, then let the case go on."
    ),
}
"""What the machine notes, in words."""


class PromiseForm(forms.Form):
    """The day on which everything that is overdue will be paid."""

    on = forms.DateField(
        label=gettext_lazy("Payment promised for"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


def overdue(party_id: int) -> dict[str, Any] | None:
    """What pages show of the party's open case; None if nothing is overdue."""
    case = case_of(party_id)
    return case_words(case) if case is not None and case.bills else None


def case_words(case: CaseView) -> dict[str, Any]:
    today = business_today()
    form = PromiseForm()
    first, last = today + timedelta(days=1), today + timedelta(days=case.promise_days)
    form.fields["on"].widget.attrs |= {"min": first.isoformat(), "max": last.isoformat()}
    return {
        "case": case,
        "standing": standing(case),
        "coming": [
            {
                "state": "coming",
                "title": str(_COMING[each.step.action]),
                "at": on_day(each.on),
                "iso": each.on.isoformat(),
            }
            for each in case.coming
        ]
        if case.state is not CaseState.PAUSED
        else [],
        "form": form,
        "latest": last,
        "may_take_back": case.state is CaseState.PROMISED,
        "may_promise": case.state is CaseState.RUNNING and case.promises_left > 0,
    }


def interest(party_id: int) -> list[dict[str, Any]]:
    """What late bills were asked to bear, the latest first, with how it was worked out."""
    language = get_language()
    return [
        {
            "asked": each,
            "parts": [
                _("%(open)s for %(days)s at %(percent)s%% a year")
                % {
                    "open": typography.money_text(part.open, language=language),
                    "days": ngettext("%(count)s day", "%(count)s days", part.days.days)
                    % {"count": part.days.days},
                    "percent": typography.number_text(part.percent, language=language),
                }
                for part in each.parts
            ],
        }
        for each in interest_of(party_id)
    ]


def mark_text(mark: str) -> str:
    """What a past case has left: the hardest that was done, or that it was given up."""
    return str(_DONE.get(mark, mark))


def standing(case: CaseView) -> str:
    """Why nothing happens just now, or how the lines are treated."""
    if case.state is CaseState.PAUSED:
        return _("Paused: nothing happens while we look into it.")
    if case.promised_for is not None:
        return _("Payment is promised for %(day)s; until then nothing happens.") % {
            "day": on_day(case.promised_for)
        }
    return {
        Action.RESTRICT.value: _("The lines can only be called until this is paid."),
        Action.SUSPEND.value: _("The lines are stopped until this is paid."),
        Action.TERMINATE.value: _("The contracts end, unless this is paid before."),
    }.get(case.grade, "")


def history(case: CaseView) -> list[dict[str, Any]]:
    """For staff: what happened, the latest first."""
    return [_entry(each) for each in reversed(case.history)]


def _entry(each: EntryView) -> dict[str, Any]:
    on = each.facts.get("on", "") if each.kind is EntryKind.PROMISED else ""
    return {
        "title": str(_DONE.get(each.action or each.kind, each.kind)),
        "step": each.step,
        "promised_for": on,
        "at": each.at,
        "by": each.by,
        "note": str(_NOTES.get(each.note, each.note)),
    }
