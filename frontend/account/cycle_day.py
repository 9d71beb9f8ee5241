"""The bill day and what another one would do, as pages show them."""

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from frontend.account.explaining import days_text
from frontend.shop.words import named
from frontend.typography import day_of_month_text
from subscriptions.contracts.services.cycle_day import CycleDayView, MoveShown


class BillDayForm(forms.Form):
    """`digest`: of the bills that were shown."""

    day = forms.TypedChoiceField(
        label=_("Day of the month"),
        coerce=int,
        error_messages={"invalid_choice": _("Bills are not made on that day.")},
    )
    reason = forms.CharField(label=_("Reason"), max_length=200, required=False)
    digest = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, view: CycleDayView, **options: Any) -> None:
        super().__init__(*args, **options)
        day = self.fields["day"]
        assert isinstance(day, forms.TypedChoiceField)
        day.choices = [
            (each, day_of_month_text(each, language=get_language()))
            for each in view.offered
            if each != view.day
        ]


def shown_move(move: MoveShown) -> dict[str, Any]:
    """The first days line by line, and the coming bills beside those of today."""
    return {
        "day": move.day,
        "former": move.former,
        "first": move.first,
        "days": days_text(move.first),
        "lines": [
            {"name": named(line.names), "days": days_text(line.days), "amount": line.amount}
            for line in move.lines
        ],
        "before": move.before,
        "after": move.after,
        "digest": move.digest,
    }
