"""What changing an order under way means, in words that a neighbour would use."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from catalogue.domain.model import Kind
from catalogue.selectors import snapshot_of
from commerce.accounts.selectors import Address
from commerce.kernel.clock import business_today
from commerce.ordering.domain.states import ItemState
from commerce.ordering.selectors import OrderItemView, OrderView
from commerce.ordering.services.amending import DROPPABLE, Wish
from frontend.account.forms import AddressForm
from frontend.shop.cancelling import UNDONE
from frontend.shop.porting import forms_of, headline
from frontend.shop.words import full_name, named
from orchestration.porting.selectors import port_ins_of
from orchestration.services.amend import AmendmentQuote

INSTEAD: Mapping[str, Any] = {
    "wait": _("Not at this moment: it is being worked on. Look again in a minute."),
    "return_it": _("It has left or is in use already. Return it or end it, and order anew."),
    "change_the_line": _("The line is in service: change it in your customer area."),
}


class WishForm(forms.Form):
    """One thing that is to be otherwise; `act` names it."""

    act = ""

    @property
    def wish(self) -> Wish:
        """What the valid form asks for."""
        raise NotImplementedError

    @property
    def has_fields(self) -> bool:
        """Whether a person fills anything in."""
        return bool(self.visible_fields())


class ElsewhereForm(WishForm, AddressForm):
    """Where the parcel goes instead."""

    act = "address"
    phone = forms.CharField(max_length=20, required=False, widget=forms.HiddenInput)

    @property
    def wish(self) -> Wish:
        return Wish(deliver_to=Address(**self.cleaned_data))


class DelayForm(WishForm):
    """Nothing more before a day."""

    act = "day"
    not_before = forms.DateField(
        label=_("Not before"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    @property
    def wish(self) -> Wish:
        return Wish(not_before=self.cleaned_data["not_before"])


class NumberAnewForm(WishForm):
    """Any other new number."""

    act = "number"

    @property
    def wish(self) -> Wish:
        return Wish(msisdn="")


class SimForm(WishForm):
    """The other kind of SIM."""

    act = "sim"
    sim = forms.CharField(max_length=64, widget=forms.HiddenInput)

    @property
    def wish(self) -> Wish:
        return Wish(sim=self.cleaned_data["sim"])


class WithoutForm(WishForm):
    """A line that is left out."""

    act = "without"
    without = forms.CharField(max_length=20, widget=forms.HiddenInput)

    @property
    def wish(self) -> Wish:
        return Wish(without=self.cleaned_data["without"])


FORMS: Mapping[str, type[WishForm]] = {
    form.act: form for form in (ElsewhereForm, DelayForm, NumberAnewForm, SimForm, WithoutForm)
}


def amending_screen(order: OrderView, *, group: str, porting: str) -> dict[str, Any]:
    """What can be otherwise in the bundle, each with its form; `porting` names the page on which a
    number that comes along is followed, and changed.

    Of a change of a running line only where it goes and which number it gets.
    """
    items = [i for i in order.items if i.group == group and i.state != ItemState.CANCELLED]
    coming = _coming(order, items, porting=porting)
    address = next((item.deliver_to for item in items if item.deliver_to), None)
    tomorrow = business_today() + timedelta(days=1)
    movable = not order.change and not coming
    return {
        "group": group,
        "names": ", ".join(named(item.name) for item in items[:4]),
        "address_form": ElsewhereForm(initial=asdict(address)) if address else None,
        "day_form": DelayForm(initial={"not_before": tomorrow}) if movable else None,
        "coming": coming,
        "new_number": any(item.config.get("number_choice") == "new" for item in items),
        **({} if order.change else _things(order, items)),
    }


def _things(order: OrderView, items: list[OrderItemView]) -> dict[str, Any]:
    """The other kinds of SIM, and what the bundle may go on without."""
    snapshot = snapshot_of(order.quote.release)
    kinds = {item.line_id: snapshot.offering(item.offering).kind for item in items}
    present = {item.offering for item in items}
    sims = [sim for sim in snapshot.of_kind(Kind.SIM) if sim.code not in present]
    return {
        "sims": [
            {"code": sim.code, "name": full_name(sim)} for sim in sims if Kind.SIM in kinds.values()
        ],
        "lines": [
            {"id": item.line_id, "name": named(item.name)}
            for item in items
            if kinds[item.line_id] in DROPPABLE and len(items) > 1
        ],
    }


def _coming(order: OrderView, items: list[OrderItemView], *, porting: str) -> list[dict[str, Any]]:
    """The numbers that come along: another day, or a new number instead, asked for on their own
    pages."""
    lines = {item.line_id for item in items}
    return [
        {
            **headline(view, order=order),
            "form": forms_of(view, with_key=False).get("move"),
            "can_cancel": view.can_cancel,
            "url": reverse(porting, args=[order.summary.number, view.line_id]),
        }
        for view in port_ins_of(order.summary.number)
        if view.line_id in lines
    ]


def amendment_screen(quote: AmendmentQuote) -> dict[str, Any]:
    """What the wish would do."""
    undone = [str(UNDONE[task.action]) for task in quote.undone if task.action in UNDONE]
    return {
        "quote": quote,
        "undone": list(dict.fromkeys(undone)),
        "refusal": str(INSTEAD.get(quote.instead, "")),
    }
