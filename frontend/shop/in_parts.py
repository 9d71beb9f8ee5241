"""A phone that is paid in parts, in words: what may be chosen, and what is paid when."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.accounts.identity import AccountContext
from commerce.kernel.money import Money, total
from commerce.kernel.sentences import in_words
from commerce.ordering.domain.instalments import NO_CHOICES, Choice, Choices
from commerce.ordering.domain.quote import Quote
from commerce.ordering.selectors import CartView
from commerce.ordering.services.instalments import choices_of, is_offered
from frontend.shop.words import euros, on_day

ASKED = "instalments"


class InPartsForm(forms.Form):
    """Whether the phones are paid at once or in parts; `offer` says in how many."""

    instalments = forms.TypedChoiceField(
        label=gettext_lazy("All at once, or in parts without any fee?"),
        coerce=int,
        initial=0,
        widget=forms.RadioSelect,
    )
    instalments_agreed = forms.BooleanField(
        label=gettext_lazy("If I pay in parts, I agree to pay each of them with its bill."),
        required=False,
    )

    def offer(
        self, choices: Sequence[Choice], *, agrees: bool = True, on_invoice: bool = False
    ) -> None:
        """To be called once made; `agrees`: who fills it in may agree to the days of the parts;
        `on_invoice`: nothing is paid with the order, the first part comes with its bill."""
        split = self.fields[ASKED]
        assert isinstance(split, forms.TypedChoiceField)
        split.choices = [
            ("0", _("All with the bill of the order") if on_invoice else _("All today")),
            *((str(each.parts), _option(each, on_invoice=on_invoice)) for each in choices),
        ]
        if not choices:
            del self.fields[ASKED]
        if not (choices and agrees):
            del self.fields["instalments_agreed"]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if ASKED not in self.fields and self.data.get(ASKED, "0") not in ("", "0"):
            self.add_error(None, _("It can no longer be paid in parts. Nothing was ordered."))
        asked = values.get(ASKED) and "instalments_agreed" in self.fields
        if asked and not values.get("instalments_agreed"):
            self.add_error("instalments_agreed", _("Please agree to pay the parts on their days."))
        return values

    @property
    def parts(self) -> int:
        """In how many parts; 0: at once."""
        return int(self.cleaned_data.get(ASKED) or 0)

    @property
    def parts_agreed(self) -> bool:
        return bool(self.cleaned_data.get("instalments_agreed"))


def chosen_in(query: Mapping[str, str], found: Choices) -> Choice | None:
    """The choice that the address or the form names; None: all today."""
    said = str(query.get(ASKED) or "")
    return found.of(int(said)) if said.isdecimal() and len(said) < 4 else None


def summary_url(code: str, chosen: Choice | None = None) -> str:
    asked = {"cart": code} | ({ASKED: str(chosen.parts)} if chosen is not None else {})
    return f"{reverse('checkout:summary')}?{urlencode(asked)}"


def parts_choices(found: Choices, *, quote: Quote, chosen: Choice | None) -> list[dict[str, Any]]:
    """All today and each number of parts, as `components/choice.html` shows a choice."""
    whole = {
        "title": _("All today"),
        "text": _("Nothing of the phone is left to pay later."),
        **_state(quote.due_today_gross, url="?", current=chosen is None),
    }
    return [
        whole,
        *(
            {
                "title": _("In %(parts)s parts") % {"parts": each.parts},
                "text": in_parts_text(each),
                **_state(each.due_now, url=f"?{ASKED}={each.parts}", current=each is chosen),
            }
            for each in found.choices
        ),
    ]


def offered_for(context: AccountContext, view: CartView) -> Choices:
    """What may be chosen for a cart; nothing is asked where nobody in its segment may."""
    return choices_of(context, code=view.code) if is_offered(view.segment) else NO_CHOICES


def why_not(found: Choices) -> str:
    """Why a phone that others may pay in parts can't be here; empty where there is none, or where
    nobody may."""
    quiet = found.choices or found.code in ("", "nothing_in_parts", "instalments_off")
    return "" if quiet else str(in_words(found.sentence, _))


def _option(choice: Choice, *, on_invoice: bool) -> str:
    return format_html(
        '<span><b>{}</b><span class="second option-text">{} {}</span></span>',
        _("In %(parts)s parts") % {"parts": choice.parts},
        in_parts_text(choice, on_invoice=on_invoice),
        (
            _("%(due)s is due with that bill in all.")
            if on_invoice
            else _("You pay %(due)s now in all.")
        )
        % {"due": euros(choice.due_now, short=False)},
    )


def _state(today: Money, *, url: str, current: bool) -> dict[str, Any]:
    return {
        "url": url,
        "state": "chosen" if current else "",
        "price_text": euros(today, short=False),
        "price_note": _("%(amount)s today") % {"amount": euros(today, short=False)}
        if current
        else _("today"),
        "badges": [],
        "changes": [],
        "misses": [],
    }


def in_parts_text(choice: Choice, *, on_invoice: bool = False) -> str:
    """What is paid of the phone today and later, each part with its day."""
    price = total(choice.amounts)
    said = (
        _("Of %(price)s for phones, %(first)s with the bill of the order")
        if on_invoice
        else _("Of %(price)s for the phone, %(first)s today")
    ) % {
        "price": euros(price, short=False),
        "first": euros(choice.amounts[0], short=False),
    }
    later = (
        _("%(amount)s on %(day)s")
        % {"amount": euros(part.amount, short=False), "day": on_day(part.due_on)}
        for part in choice.later
    )
    return _("%(amounts)s. Without fee or interest, with your bills.") % {
        "amounts": "; ".join([said, *later])
    }
