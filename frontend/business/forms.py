"""Forms of the business portal."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commerce.ordering.domain.fleet import COLUMNS
from commerce.ordering.domain.instalments import Choice
from frontend.shop.in_parts import InPartsForm

MOST_BYTES = 2 * 1024 * 1024
EXAMPLE = ";".join(COLUMNS)


class LinesForm(forms.Form):
    """Lines as a table, pasted or as a file; after `clean` both are one text."""

    table = forms.CharField(
        label=_("Lines, one per user"),
        help_text=_("Paste them from your spreadsheet, with its headings."),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={
                "rows": 8,
                "spellcheck": "false",
                "autocapitalize": "off",
                "wrap": "off",
                "placeholder": EXAMPLE,
            }
        ),
    )
    file = forms.FileField(
        label=_("Or a CSV file"),
        help_text=_("It takes the place of what stands above."),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
    )

    def clean_file(self) -> str:
        """The text in the file; empty without one."""
        upload = self.cleaned_data.get("file")
        if upload is None:
            return ""
        if (upload.size or 0) > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 2 MB."))
        try:
            return str(upload.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError(_("Save the file as text in UTF-8.")) from error

    def text(self) -> str:
        """The table: the file's if there is one. It then stands in the field, to be mended."""
        text = str(self.cleaned_data.get("file") or self.cleaned_data.get("table", ""))
        self.data = {**dict(self.data.items()), "table": text}
        return text


class OrderForm(InPartsForm):
    """What makes priced lines an order."""

    purchase_order = forms.CharField(
        label=_("Your purchase-order number"),
        help_text=_("It is printed on every bill of these lines."),
        max_length=60,
        error_messages={"required": _("Enter your purchase-order number; it goes on the bills.")},
    )
    terms = forms.BooleanField(
        label=_("We accept the terms for businesses"),
        error_messages={"required": _("Please accept the terms of sale to order.")},
    )
    field_order = ("purchase_order", "instalments", "instalments_agreed", "terms")

    def __init__(self, *args: Any, in_parts: Sequence[Choice] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.offer(in_parts, on_invoice=True)


class NumberForm(forms.Form):
    """A special number: which one, where its calls go, what it serves."""

    msisdn = forms.CharField(
        max_length=10,
        error_messages={"required": _("Choose a number.")},
    )
    route_to = forms.CharField(
        label=_("Calls are led to"),
        help_text=_("Your switchboard or a line: a landline or mobile number, 01 99 00 12 34."),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
        error_messages={"required": _("Enter the number that calls are led to.")},
    )
    purpose = forms.ChoiceField(
        label=_("What the number serves"),
        help_text=_("The law forbids some uses with some tariffs, so we ask."),
        widget=forms.RadioSelect,
        error_messages={"required": _("Say what the number serves.")},
    )

    def __init__(self, *args: Any, uses: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        purpose = self.fields["purpose"]
        assert isinstance(purpose, forms.ChoiceField)
        purpose.choices = uses


class EndpointForm(forms.Form):
    """Where a firm's program hears of events, and of which."""

    url = forms.CharField(
        label=_("Address"),
        help_text=_("Of your program, beginning with https://."),
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": _("Enter the address that events are sent to.")},
    )
    name = forms.CharField(
        label=_("Name"),
        help_text=_("For you: which program that is."),
        max_length=100,
        error_messages={"required": _("Give it a name, so that colleagues know what it is for.")},
    )
    types = forms.MultipleChoiceField(
        label=_("What it hears of"),
        help_text=_("Nothing chosen: everything but single steps, also what is new one day."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, types: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["types"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = types


class ReplayForm(forms.Form):
    """What happened from one day to another, to be told again."""

    prefix = "replay"
    first = forms.DateField(
        label=_("From"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": _("Enter the first day.")},
    )
    last = forms.DateField(
        label=_("To"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": _("Enter the last day.")},
    )
    type = forms.ChoiceField(label=_("Event"), required=False)

    def __init__(self, *args: Any, types: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["type"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("All of them")), *types]

    def clean(self) -> dict[str, Any]:
        """The last day is not before the first."""
        said: dict[str, Any] = super().clean() or {}
        first, last = said.get("first"), said.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day comes after the first."))
        return said
