"""A number on its way, in words: where it is, what to check, what was said, what can be done."""

from datetime import date
from typing import Any

from django import forms
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from commerce.kernel.clock import business_today
from commerce.markets.fr.rio import MOBILE_OPERATORS
from commerce.ordering.selectors import OrderView
from frontend.shop.contract import display_number
from frontend.shop.number_choice import days_to_choose, slots_to_choose
from frontend.shop.words import euros, named, on_day
from frontend.typography import moment_text
from orchestration.domain.porting import MENDABLE, PortState
from orchestration.porting.selectors import LogEntry, PortingView, port_ins_of

STEPS = (
    PortState.RIO_CHECKED,
    PortState.SENT,
    PortState.ELIGIBLE,
    PortState.SCHEDULED,
    PortState.PORTING,
    PortState.PORTED,
)
LABELS: dict[PortState, Any] = {
    PortState.DRAFT: gettext_lazy("being prepared"),
    PortState.RIO_CHECKED: gettext_lazy("RIO checked"),
    PortState.WAITING_WITHDRAWAL: gettext_lazy("waits for the end of the 14 days"),
    PortState.SENT: gettext_lazy("asked for"),
    PortState.RECEIVED: gettext_lazy("received"),
    PortState.ELIGIBLE: gettext_lazy("agreed by the other operator"),
    PortState.INELIGIBLE: gettext_lazy("refused"),
    PortState.SCHEDULED: gettext_lazy("date set"),
    PortState.PORTING: gettext_lazy("moving now"),
    PortState.PORTED: gettext_lazy("moved"),
    PortState.FAILED: gettext_lazy("did not succeed"),
    PortState.CANCELLED: gettext_lazy("cancelled"),
}
_TONES: dict[PortState, str] = {
    PortState.PORTED: "done",
    PortState.INELIGIBLE: "failed",
    PortState.FAILED: "failed",
    PortState.CANCELLED: "pending",
}
_SAID: dict[str, Any] = {
    "port.request": gettext_lazy("We asked your former operator for the number."),
    "port.eligible": gettext_lazy("Your former operator agreed."),
    "port.refused": gettext_lazy("Your former operator refused."),
    "port.scheduled": gettext_lazy("The date was set."),
    "port.started": gettext_lazy("The move began."),
    "port.completed": gettext_lazy("The number arrived here."),
    "port.failed": gettext_lazy("The move failed; the number works at your former operator again."),
    "port.cancel": gettext_lazy("We asked to cancel the transfer."),
    "port.cancel.accepted": gettext_lazy("The transfer is cancelled."),
    "port.cancel.refused": gettext_lazy("It was too late to cancel."),
    "port.move": gettext_lazy("We asked for another date."),
    "port.move.accepted": gettext_lazy("The other date was taken."),
    "port.move.refused": gettext_lazy("The other date was not possible."),
    "port.redirect": gettext_lazy("We asked to redirect your calls during the move."),
    "port.redirect.accepted": gettext_lazy("Your calls will be redirected during the move."),
    "port.redirect.refused": gettext_lazy("Your calls can't be redirected."),
    "late": gettext_lazy("The transfer is late; we owe you a compensation."),
    "credited": gettext_lazy("The compensation was credited."),
    "day_wished": gettext_lazy("Another date was wished."),
}
_WAITS: dict[str, Any] = {
    "cancel": gettext_lazy("We are cancelling the transfer; the answer comes in a moment."),
    "move": gettext_lazy("We are asking for the other date; the answer comes in a moment."),
    "redirect": gettext_lazy("We are asking to redirect your calls."),
}
_REFUSED: dict[str, Any] = {
    "cancel": gettext_lazy("It was too late to cancel: the number moves as planned."),
    "move": gettext_lazy("The date could not be changed: the number moves as planned."),
    "redirect": gettext_lazy("Your former operator does not redirect calls."),
}


class DayForm(forms.Form):
    """Another day and time for the number."""

    port_on = forms.ChoiceField(label=gettext_lazy("Day"))
    slot = forms.ChoiceField(label=gettext_lazy("Time"))

    def __init__(self, *args: Any, open_day: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = days_to_choose()
        for name, choices in (
            ("port_on", days if open_day else days[1:]),
            ("slot", slots_to_choose()),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
        self.fields["port_on"].required = not open_day

    @property
    def wished_on(self) -> date | None:
        told = self.cleaned_data["port_on"]
        return date.fromisoformat(told) if told else None


class CorrectForm(DayForm):
    """What the other operator did not recognise, corrected."""

    msisdn = forms.CharField(
        label=gettext_lazy("Number to keep"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    rio = forms.CharField(
        label=gettext_lazy("RIO code"),
        max_length=20,
        help_text=gettext_lazy("Call 3179 from the line that you keep: the code comes by SMS."),
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off"}),
    )
    field_order = ("msisdn", "rio", "port_on", "slot")


class RedirectForm(forms.Form):
    """Where calls go while the number moves."""

    to = forms.CharField(
        label=gettext_lazy("Number that takes your calls"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )


def headline(view: PortingView, *, order: OrderView | None = None) -> dict[str, str]:
    """Where it is: the number, a status, and a sentence; `order` knows with which number the line
    works until then."""
    lent = display_number(temporary_of(view, order)) if order is not None else ""
    until = _("Until then you are reachable at %(number)s.") % {"number": lent} if lent else ""
    return {
        "number": display_number(view.msisdn),
        "state": _TONES.get(view.state, "running"),
        "label": str(LABELS[view.state]),
        "text": f"{_sentence(view)} {until}".strip(),
        "temporary": lent,
    }


def temporary_of(view: PortingView, order: OrderView) -> str:
    """The number of ours with which the line works as long as the other is not here."""
    return next((i.temporary for i in order.items if i.line_id == view.line_id), "")


def port_cards(order: OrderView, *, here: str) -> list[dict[str, str]]:
    """A card for each number that comes with an order; `here` names the page on which it is
    followed."""
    return [
        headline(view, order=order) | {"url": reverse(here, args=[view.order_number, view.line_id])}
        for view in port_ins_of(order.summary.number)
    ]


def _sentence(view: PortingView) -> str:
    match view.state:
        case PortState.INELIGIBLE if view.motive is not None:
            return f"{named(view.motive.text)} {named(view.motive.next_step)}"
        case PortState.FAILED:
            return _(
                "Your number works with your former operator again: keep the old SIM in. "
                "Choose a new date."
            )
        case PortState.SCHEDULED | PortState.PORTING:
            return _("It moves on %(day)s, between %(slot)s.") % {
                "day": on_day(view.day) if view.day else "",
                "slot": view.slot.replace("-", _(" and ")),
            }
        case PortState.PORTED:
            return _("Your number works here. Your old contract has ended with the transfer.")
        case PortState.CANCELLED:
            return _("The number stays with your former operator.")
        case PortState.WAITING_WITHDRAWAL:
            return _("You asked to wait for the end of the 14 days of withdrawal.")
        case _ if view.due_on is not None:
            return _("It is here on %(day)s at the latest.") % {"day": on_day(view.due_on)}
        case _:
            return _("We ask your former operator as soon as your SIM is ready.")


def steps(view: PortingView) -> list[dict[str, str]]:
    """The way with its stamps, and what comes."""
    stamps = view.stamps
    found = []
    for step in STEPS:
        at = stamps.get(step)
        # What an earlier attempt had reached is over.
        reached = at is not None and at >= stamps.get(PortState.RIO_CHECKED, at)
        found.append(
            {
                "title": _titles()[step],
                "state": _step_state(step, view, reached=reached),
                "at": _moment(at) if reached and at is not None else "",
                "text": "",
            }
        )
    if view.state in MENDABLE or view.state is PortState.CANCELLED:
        at = stamps[view.state]
        last = {"title": str(LABELS[view.state]).capitalize(), "at": _moment(at), "text": ""}
        reached_steps = [each for each in found if each["state"] == "done"]
        return [*reached_steps, {**last, "state": "failed"}]
    return found


def _titles() -> dict[PortState, str]:
    return {
        PortState.RIO_CHECKED: _("RIO checked"),
        PortState.SENT: _("Asked of your former operator"),
        PortState.ELIGIBLE: _("Agreed by your former operator"),
        PortState.SCHEDULED: _("Date set"),
        PortState.PORTING: _("The number moves"),
        PortState.PORTED: _("The number is here"),
    }


def _step_state(step: PortState, view: PortingView, *, reached: bool) -> str:
    if not reached:
        return "coming"
    return "running" if step is view.state and step is not PortState.PORTED else "done"


def _at_the_move(temporary: str) -> str:
    """Whose line works with a temporary number has its SIM in the telephone already."""
    if temporary:
        return _(
            "During the move the line may be down for four hours; then it has your number, with the"
            " SIM that is in your phone."
        )
    return _("During the move the line may be down for four hours; then put in the new SIM.")


def check_list(
    view: PortingView, *, sim_ready: bool, temporary: str = ""
) -> list[tuple[bool, str]]:
    """What the customer sees to until the number is here: (done already, what); `temporary` is the
    number with which the line works meanwhile, if it does."""
    if view.state in (PortState.PORTED, PortState.CANCELLED):
        return []
    return [
        (view.state is not PortState.INELIGIBLE, _("The RIO fits the number.")),
        (sim_ready, _("Your new SIM or eSIM is ready: have it at hand on the day.")),
        (False, _("Keep the old line active until the move: pay it, do not let it be cut.")),
        (False, _("Do not end the old contract yourself: the transfer ends it for you.")),
        (False, _("A commitment that still runs there remains due to your former operator.")),
        (False, _at_the_move(temporary)),
    ]


def log(view: PortingView) -> list[dict[str, str]]:
    """What was said to and by the other operator, in plain words; the newest last."""
    found = []
    for entry in view.log:
        text = _SAID.get(entry.name)
        if entry.kind == "state" or text is None:
            continue
        found.append({"at": _moment(entry.at), "text": f"{text} {_detail(entry, view)}".strip()})
    return found


def _detail(entry: LogEntry, view: PortingView) -> str:
    told = entry.data
    day = str(told.get("wished_on") or told.get("date") or "")
    if entry.name in ("port.request", "port.move", "port.scheduled", "day_wished") and day:
        slot = str(told.get("slot", "")).replace("-", " – ")
        return f"({on_day(date.fromisoformat(day[:10]))}, {slot})"
    if entry.name == "port.eligible" or entry.name == "port.refused":
        operator = MOBILE_OPERATORS.get(view.operator, "")
        return f"({operator})" if operator else ""
    return ""


def porting_values(
    view: PortingView, *, sim_ready: bool, order: OrderView | None = None
) -> dict[str, Any]:
    """The context of `components/porting.html`, without the forms."""
    return {
        "porting": view,
        "port_headline": headline(view, order=order),
        "port_steps": steps(view),
        "port_checks": check_list(
            view, sim_ready=sim_ready, temporary=temporary_of(view, order) if order else ""
        ),
        "port_log": log(view),
        "port_waits": str(_WAITS.get(view.asked, "")),
        "port_refused_call": str(_REFUSED.get(view.refused_call, "")),
        "port_cut_off": _moment(view.cut_off) if view.cut_off and view.can_move else "",
        "port_owed": _owed(view),
        "port_redirected": display_number(view.redirect_to) if view.redirect_to else "",
        "port_live": view.state not in (PortState.PORTED, PortState.CANCELLED),
    }


def _owed(view: PortingView) -> str:
    if not view.owed:
        return ""
    said = {"amount": euros(view.owed, short=False), "days": view.days_late}
    if view.credited_on is not None:
        return _("The transfer was late: %(amount)s go back to you with the bill of %(day)s.") % {
            **said,
            "day": on_day(view.credited_on),
        }
    if view.settled_at is not None:
        return _("The transfer was late: %(amount)s were credited to you.") % said
    return (
        _("The transfer is late by %(days)s working day(s): we owe you %(amount)s so far.") % said
    )


def forms_of(view: PortingView, *, with_key: bool) -> dict[str, forms.Form]:
    """Empty forms for what can be done now, with what is known; the RIO is its owner's alone."""
    known = {"port_on": view.day.isoformat() if view.day else "", "slot": view.slot}
    found: dict[str, forms.Form] = {}
    if view.can_correct:
        today = business_today()
        known["port_on"] = known["port_on"] if view.day and view.day > today else ""
        said = {"msisdn": display_number(view.msisdn), "rio": view.rio if with_key else ""}
        found["correct"] = CorrectForm(initial={**known, **said}, open_day=True, prefix="correct")
    if view.can_move:
        found["move"] = DayForm(initial=known, prefix="move")
    if view.can_redirect:
        found["redirect"] = RedirectForm(prefix="redirect")
    return found


def _moment(at: Any) -> str:
    return moment_text(timezone.localtime(at), language=get_language())
