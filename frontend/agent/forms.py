"""Forms of the agent console."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commerce.accounts.kinds import Channel
from commerce.ordering.domain.instalments import Choice
from frontend.account.words import fact, reasons
from frontend.shop.in_parts import InPartsForm

ASKED = ("birth_date", "address", "email", "phone", "contract_number", "last_bill")
"""What the console lets an agent ask; the texts of the facts stand beside them while he asks."""


class ContactForm(forms.Form):
    """Why somebody calls."""

    reason = forms.ChoiceField(label=_("Reason"))
    channel = forms.ChoiceField(
        label=_("Channel"),
        choices=[(Channel.CALL_CENTRE.value, _("Phone")), (Channel.WEB.value, _("Written, web"))],
    )
    note = forms.CharField(
        label=_("Note"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["reason"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = reasons()


class CheckForm(forms.Form):
    """Which facts were asked and whether all answers were right; never the answers."""

    facts = forms.MultipleChoiceField(
        label=_("Asked for"), required=False, widget=forms.CheckboxSelectMultiple
    )
    passed = forms.ChoiceField(
        label=_("Result"),
        choices=[("yes", _("all answers right")), ("no", _("not established"))],
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["facts"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(code, fact(code)) for code in ASKED]


class EndContactForm(forms.Form):
    note = forms.CharField(
        label=_("What was said and agreed"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SettleForm(forms.Form):
    outcome = forms.CharField(label=_("What came of it"), max_length=300)


class SendForm(InPartsForm):
    """Who gets the link; only what is not known of the customer yet is asked for."""

    first_name = forms.CharField(label=_("First name"), max_length=80)
    last_name = forms.CharField(label=_("Last name"), max_length=80)
    email = forms.EmailField(label=_("E-mail address"), max_length=254)
    phone = forms.CharField(
        label=_("Mobile phone"), max_length=20, help_text=_("The link goes there by SMS.")
    )
    line1 = forms.CharField(label=_("Street and number"), max_length=80)
    line2 = forms.CharField(label=_("Building, floor"), max_length=80, required=False)
    postcode = forms.CharField(label=_("Postcode"), max_length=10)
    city = forms.CharField(label=_("Town"), max_length=80)

    pick_up_at = forms.ChoiceField(label=_("Pick up in shop"), required=False)

    CUSTOMER = ("first_name", "last_name", "email", "phone")
    ADDRESS = ("line1", "line2", "postcode", "city")
    field_order = (*CUSTOMER, *ADDRESS, "pick_up_at", "instalments")

    def __init__(
        self,
        *args: object,
        customer: bool = True,
        address: bool = True,
        shops: Sequence[tuple[str, str]] = (),
        in_parts: Sequence[Choice] = (),
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.offer(in_parts, agrees=False)
        field = self.fields["pick_up_at"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("No, by parcel")), *shops]
        dropped = (() if customer else self.CUSTOMER) + (() if address else self.ADDRESS)
        for name in (*dropped, *(() if shops else ("pick_up_at",))):
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """What is fetched in a shop needs no address."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("pick_up_at"):
            for name in self.ADDRESS:
                self.errors.pop(name, None)
        return values
