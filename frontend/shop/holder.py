"""A line that goes to another holder, in words: for the one who gives it up and who takes it on."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.holder import HolderChangeView, HolderState, TakeOver
from frontend.shop.contract import display_number
from frontend.shop.words import euros, months, on_day, said
from subscriptions.domain.charges import Phase


class PassOnForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail address of the new holder"),
        max_length=254,
        help_text=gettext_lazy("He gets a link, sees what he takes on, and accepts or declines."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    on = forms.DateField(
        label=gettext_lazy("Not before this day"),
        required=False,
        help_text=gettext_lazy(
            "It goes with the first month of the contract that begins then; without a day with the"
            " next one."
        ),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    agreed = forms.BooleanField(
        label=gettext_lazy("I give up this line and its number from the day on which it goes."),
        error_messages={"required": gettext_lazy("Please confirm that you give the line up.")},
    )


class TakeOverForm(forms.Form):
    """What he agrees to, and that it is what he saw."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    purchase_order = forms.CharField(
        label=gettext_lazy("Your purchase-order number"),
        help_text=gettext_lazy("It is printed on every bill of these lines."),
        max_length=60,
        required=False,
    )
    summary = forms.BooleanField(
        label=gettext_lazy("I have read what I take on, and the commitment that is left of it."),
        error_messages={"required": gettext_lazy("Please confirm that you have read it.")},
    )
    terms = forms.BooleanField(
        label=gettext_lazy("I accept the terms of sale."),
        error_messages={"required": gettext_lazy("Please accept the terms of sale to order.")},
    )

    @property
    def consents(self) -> OrderConsents:
        return OrderConsents(
            terms=self.cleaned_data["terms"],
            contract_summary_confirmed=self.cleaned_data["summary"],
        )


def standing(wish: HolderChangeView | None) -> dict[str, str] | None:
    """How far it is, as the title and the text of an alert; None if it is over or never was."""
    if wish is None or not wish.is_open:
        return None
    if wish.state is HolderState.ACCEPTED and wish.on is not None:
        return {
            "title": _("This line goes to its new holder on %(day)s.") % {"day": on_day(wish.on)},
            "text": _("Until then it is yours. Nothing is owed for the end of your contract."),
        }
    text = _("There is time for it until %(day)s; until then nothing changes.")
    wished = _("It goes on %(day)s at the earliest.") % {"day": on_day(wish.on)} if wish.on else ""
    return {
        "title": _("%(email)s is asked to take this line over.") % {"email": wish.email},
        "text": f"{text % {'day': on_day(wish.until.date())}} {wished}".strip(),
    }


def offer_page(offer: TakeOver) -> dict[str, Any]:
    """What the new holder is shown."""
    return {
        "offer": offer,
        "number": display_number(offer.msisdn),
        "rows": [
            {"name": said(name), "price": phases_text(offer.phases(item))}
            for item, name in offer.names.items()
        ],
        "ends": [said(name) for name in offer.ends],
        "monthly": phases_text(offer.monthly),
    }


def phases_text(phases: tuple[Phase, ...]) -> str:
    """`9,99 € for 5 months, then 19,99 € per month`; `included` where nothing is to be paid."""
    if not any(phase.list_amount for phase in phases):
        return _("included")
    *limited, last = phases
    rest = _("%(amount)s per month") % {"amount": euros(last.amount, short=False)}
    parts = [
        _("%(amount)s for %(months)s")
        % {"amount": euros(phase.amount, short=False), "months": months(phase.periods or 1)}
        for phase in limited
    ]
    return (
        _("%(before)s, then %(rest)s") % {"before": ", ".join(parts), "rest": rest}
        if parts
        else rest
    )
