"""Who pays whose bills, and what is to pay of them, as pages show it."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from frontend.account.transfers import transfer_box
from subscriptions.bank.selectors import our_iban
from subscriptions.collection.payables import Payables
from subscriptions.domain.states import Side
from subscriptions.domain.views import TransferTo


class AskForm(forms.Form):
    """Who asks: to pay another's bills, or to have its own paid."""

    side = forms.ChoiceField(
        label=_("What do you ask for?"),
        choices=[
            (Side.PAYER.value, _("To pay another party’s bills")),
            (Side.PAID.value, _("That another party pays these bills")),
        ],
    )


class AcceptForm(forms.Form):
    code = forms.CharField(label=_("Code that you were given"), max_length=64)


def shown_payables(payables: Payables, *, by_transfer: bool) -> dict[str, Any]:
    """A day's statement; with where it is transferred to, as one, where that is how it is paid."""
    iban = our_iban()
    to = TransferTo(iban=iban, reference=payables.reference, payee=settings.SELLER["name"])
    transferred = by_transfer and iban and payables.open.amount > 0
    return {
        "statement": payables,
        "transfer": transfer_box(to, amount=payables.open) if transferred else None,
    }
