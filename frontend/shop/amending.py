"""What changing an order under way means, in words that a neighbour would use."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from catalogue.domain.model import Kind
from catalogue.selectors import snapshot_of
from commerce.accounts.selectors import Address
from commerce.kernel.clock import business_today
from commerce.ordering.domain.states import ItemState
from commerce.ordering.selectors import OrderView
from commerce.ordering.services.amending import DROPPABLE, Wish
from frontend.shop.cancelling import UNDONE
from frontend.shop.words import named
from orchestration.services.amend import AmendmentQuote

INSTEAD: Mapping[str, Any] = {
    "wait": _("Not at this moment: it is being worked on. Look again in a minute."),
    "return_it": _("It has left or is in use already. Return it or end it, and order anew."),
    "change_the_line": _("The line is in service: change it in your customer area."),
}


class AddressForm(forms.Form):
    """Where the parcel goes instead."""

    name = forms.CharField(label=_("Name"), max_length=80)
    line1 = forms.CharField(label=_("Number and street"), max_length=80)
    line2 = forms.CharField(label=_("Building, floor"), max_length=80, required=False)
    postcode = forms.CharField(label=_("Postcode"), max_length=10)
    city = forms.CharField(label=_("Town"), max_length=80)

    @property
    def wish(self) -> Wish:
        return Wish(deliver_to=Address(**self.cleaned_data))


class DelayForm(forms.Form):
    """Nothing more before a day."""

    not_before = forms.DateField(
        label=_("Not before"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    @property
    def wish(self) -> Wish:
        return Wish(not_before=self.cleaned_data["not_before"])


class NumberAnewForm(forms.Form):
    """Any other new number."""

    @property
    def wish(self) -> Wish:
        return Wish(msisdn="")


class SimForm(forms.Form):
    """The other kind of SIM."""

    sim = forms.CharField(max_length=64, widget=forms.HiddenInput)

    @property
    def wish(self) -> Wish:
        return Wish(sim=self.cleaned_data["sim"])


class WithoutForm(forms.Form):
    """A line that is left out."""

    without = forms.CharField(max_length=20, widget=forms.HiddenInput)

    @property
    def wish(self) -> Wish:
        return Wish(without=self.cleaned_data["without"])


FORMS: Mapping[str, type[forms.Form]] = {
    "address": AddressForm,
    "day": DelayForm,
    "number": NumberAnewForm,
    "sim": SimForm,
    "without": WithoutForm,
}


def amending_screen(order: OrderView, *, group: str) -> dict[str, Any]:
    """What can be otherwise in the bundle, each with its form."""
    snapshot = snapshot_of(order.quote.release)
    items = [i for i in order.items if i.group == group and i.state != ItemState.CANCELLED]
    kinds = {item.line_id: snapshot.offering(item.offering).kind for item in items}
    present = {item.offering for item in items}
    sims = [
        offering
        for offering in snapshot.of_kind(Kind.SIM)
        if offering.code not in present and Kind.SIM in kinds.values()
    ]
    tomorrow = business_today() + timedelta(days=1)
    address = next((item.deliver_to for item in items if item.deliver_to), None)
    return {
        "group": group,
        "names": ", ".join(named(item.name) for item in items[:4]),
        "address_form": AddressForm() if address else None,
        "day_form": DelayForm(initial={"not_before": tomorrow}),
        "new_number": any(item.config.get("number_choice") == "new" for item in items),
        "sims": [{"code": sim.code, "name": named(sim.name)} for sim in sims],
        "lines": [
            {"id": item.line_id, "name": named(item.name)}
            for item in items
            if kinds[item.line_id] in DROPPABLE
        ],
    }


def amendment_screen(quote: AmendmentQuote) -> dict[str, Any]:
    """What the wish would do."""
    undone = [str(UNDONE[task.action]) for task in quote.undone if task.action in UNDONE]
    return {
        "quote": quote,
        "undone": list(dict.fromkeys(undone)),
        "refusal": str(INSTEAD.get(quote.instead, "")),
    }
