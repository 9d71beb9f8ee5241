"""What is asked at the checkout and in the step of the number."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commerce.accounts.selectors import Address, PartyFacts
from commerce.kernel.errors import FaisceauError
from commerce.kernel.money import Money
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.instalments import Choice
from frontend.sentences import sentence_of
from frontend.shop.in_parts import InPartsForm

EARLY = (("now", _("Begin as soon as possible")), ("wait", _("Wait until the 14 days are over")))


class ConsentForm(forms.Form):
    """What must be agreed to before an order binds, and when the service shall begin."""

    early = forms.ChoiceField(
        label=_("When shall the service begin?"), choices=EARLY, widget=forms.RadioSelect
    )
    summary = forms.BooleanField(
        label=_("I have received the contract summary and agree to it."),
        error_messages={"required": _("Please confirm the contract summary to order.")},
    )
    terms = forms.BooleanField(
        label=_("I accept the terms of sale."),
        error_messages={"required": _("Please accept the terms of sale to order.")},
    )
    expected = forms.DecimalField(widget=forms.HiddenInput, max_digits=12, decimal_places=2)
    digest = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    @property
    def consents(self) -> OrderConsents:
        return OrderConsents(
            terms=self.cleaned_data["terms"],
            contract_summary_confirmed=self.cleaned_data["summary"],
            early_execution_requested=self.cleaned_data["early"] == "now",
        )

    @property
    def expected_total(self) -> Money:
        return Money(self.cleaned_data["expected"])


class AcceptForm(ConsentForm):
    """What the customer agrees to of an order that an agent prepared; `in_parts`: its parts too."""

    instalments_agreed = forms.BooleanField(
        label=_("I agree to pay each of the parts with its bill."),
        error_messages={"required": _("Please agree to pay the parts on their days.")},
    )

    def __init__(self, *args: Any, in_parts: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not in_parts:
            del self.fields["instalments_agreed"]

    @property
    def consents(self) -> OrderConsents:
        agreed = self.cleaned_data.get("instalments_agreed", False)
        return replace(super().consents, instalments=agreed)


class CheckoutForm(InPartsForm, ConsentForm):
    """Who orders, where things go, and the consents."""

    first_name = forms.CharField(label=_("First name"), max_length=80)
    last_name = forms.CharField(label=_("Last name"), max_length=80)
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("The contract summary and every bill go there."),
        error_messages={"invalid": _("Enter an e-mail address like name@example.org.")},
    )
    phone = forms.CharField(
        label=_("Phone number"),
        max_length=20,
        help_text=_("For the parcel and news of your order."),
    )
    line1 = forms.CharField(label=_("Number and street"), max_length=80)
    line2 = forms.CharField(label=_("Building, floor"), max_length=80, required=False)
    postcode = forms.CharField(label=_("Postcode"), max_length=10)
    city = forms.CharField(label=_("Town"), max_length=80)
    pick_up_at = forms.ChoiceField(required=False)
    password = forms.CharField(
        label=_("Password for your account"),
        required=False,
        max_length=128,
        widget=forms.PasswordInput(render_value=False),
        help_text=_("Without one, you follow your order by its link. At least 8 characters."),
    )

    WHO = ("first_name", "last_name", "email", "phone")
    WHERE = ("line1", "line2", "postcode", "city")
    AUTOCOMPLETE: Mapping[str, str] = {
        "first_name": "given-name",
        "last_name": "family-name",
        "email": "email",
        "phone": "tel",
        "line1": "address-line1",
        "line2": "address-line2",
        "postcode": "postal-code",
        "city": "address-level2",
        "password": "new-password",
    }

    def __init__(
        self,
        *args: Any,
        known: PartyFacts | None = None,
        shops: Sequence[tuple[str, str]] = (),
        in_parts: Sequence[Choice] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["pick_up_at"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", ""), *shops]
        self.shops = shops
        self.offer(in_parts)
        for name, word in self.AUTOCOMPLETE.items():
            self.fields[name].widget.attrs["autocomplete"] = word
        self.fields["phone"].widget.input_type = "tel"
        self.fields["postcode"].widget.attrs["inputmode"] = "numeric"
        if known is not None:
            for name in ("password", "email"):
                del self.fields[name]

    @property
    def consents(self) -> OrderConsents:
        return replace(super().consents, instalments=self.parts_agreed)

    @property
    def address(self) -> Address:
        values = self.cleaned_data
        return Address(
            name=f"{values['first_name']} {values['last_name']}",
            line1=values["line1"],
            line2=values["line2"],
            postcode=values["postcode"],
            city=values["city"],
            phone=values["phone"],
        )


class NumberForm(forms.Form):
    """A new number, or one that is kept with its RIO."""

    keep = forms.ChoiceField(
        label=_("Your number"),
        choices=(("new", _("A new number")), ("port", _("Keep my number"))),
        widget=forms.RadioSelect,
    )
    proposed = forms.CharField(required=False, max_length=20)
    msisdn = forms.CharField(
        label=_("Number to keep"),
        required=False,
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "inputmode": "tel",
                "autocomplete": "tel-national",
                "placeholder": "06 39 98 12 34",
            }
        ),
    )
    rio = forms.CharField(
        label=_("RIO code"),
        required=False,
        max_length=20,
        help_text=_("Call 3179 from the line that you keep, it is free: the code comes by SMS."),
        widget=forms.TextInput(
            attrs={"autocapitalize": "characters", "autocomplete": "off", "spellcheck": "false",
                   "placeholder": "02PA1B2C3RE+"}
        ),
    )  # fmt: skip
    port_on = forms.ChoiceField(label=_("Wished day"), required=False)
    slot = forms.ChoiceField(label=_("Time slot"), required=False)
    temporary = forms.BooleanField(
        label=_("Be reachable at once with a temporary number"),
        required=False,
        help_text=_("Your line works as soon as your SIM does; your own number takes its place."),
    )

    def __init__(
        self, *args: Any, days: list[tuple[str, str]], slots: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("port_on", days), ("slot", slots)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("keep") == "port":
            for name, message in (
                ("msisdn", _("Enter the number that you keep.")),
                ("rio", _("Enter the RIO of that number.")),
            ):
                if not values.get(name):
                    self.add_error(name, message)
        return values

    @property
    def wished_on(self) -> date | None:
        text = self.cleaned_data.get("port_on") or ""
        return date.fromisoformat(text) if text else None


FIELDS_OF_ERRORS: Mapping[str, str] = {
    "number": "msisdn",
    "port_slot": "slot",
    "contract_summary_confirmed": "summary",
    "deliver_to": "line1",
    "customer": "email",
}


def note_refusal(form: forms.Form, error: FaisceauError) -> None:
    """Put a refusal of the house beside the field that it speaks of, else above the form."""
    name = str(error.detail.get("field") or "")
    name = FIELDS_OF_ERRORS.get(name, name)
    form.add_error(name if name in form.fields else None, sentence_of(error))


def day_choices(days: tuple[date, ...], *, say: Any) -> list[tuple[str, str]]:
    """Days as options; the first choice leaves it to us."""
    return [(day.isoformat(), say(day)) for day in days]
