"""Forms of the business portal."""

from django import forms
from django.utils.translation import gettext_lazy as _

from commerce.ordering.domain.fleet import COLUMNS

MOST_BYTES = 2 * 1024 * 1024
EXAMPLE = ";".join(COLUMNS)


class FleetForm(forms.Form):
    """Lines as a table, pasted or as a file, and the firm's own order number."""

    purchase_order = forms.CharField(
        label=_("Your purchase-order number"), max_length=60, required=False
    )
    table = forms.CharField(
        label=_("Lines (one per user, with a heading)"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "placeholder": EXAMPLE}),
    )
    file = forms.FileField(label=_("Or a CSV file"), required=False)
    terms = forms.BooleanField(label=_("We accept the terms for businesses"), required=False)

    def text(self) -> str:
        """The table: the file's if there is one.

        Raises:
            forms.ValidationError: too large, or not text in UTF-8.
        """
        upload = self.cleaned_data.get("file")
        if upload is None:
            return str(self.cleaned_data.get("table", ""))
        if upload.size > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 2 MB."))
        try:
            return str(upload.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError(_("Save the file as text in UTF-8.")) from error
