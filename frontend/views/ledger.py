"""The ledger for operators: what moved, for which bill, and where an account stands."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.web.policy import Policy, policy
from frontend.ops import screen
from subscriptions.domain.ledger import Book, TransferKind, TransferView
from subscriptions.ledger.selectors import Wanted, balance_of, transfers

ROWS = 50
LARGEST = 2**63 - 1
KINDS = {
    TransferKind.INVOICE: _("Bill"),
    TransferKind.CREDIT_NOTE: _("Credit note"),
    TransferKind.PAYMENT: _("Payment"),
    TransferKind.REFUND: _("Paid back"),
    TransferKind.ALLOCATION: _("Bill paid"),
    TransferKind.REVERSAL: _("Taken back"),
    TransferKind.WRITE_OFF: _("Given up"),
    TransferKind.DISPUTE: _("Dispute"),
    TransferKind.DEPOSIT: _("Deposit"),
    TransferKind.INSTALMENT: _("Part"),
    TransferKind.SET_OFF: _("Set off"),
}
BOOKS = {
    Book.RECEIVABLE: _("Open on bills"),
    Book.UNAPPLIED: _("The customer’s"),
    Book.PROVIDER: _("With the payment provider"),
    Book.BANK: _("At the bank"),
    Book.REVENUE: _("Revenue"),
    Book.VAT: _("VAT"),
    Book.LOSS: _("Loss"),
    Book.DEPOSIT: _("Deposits held"),
    Book.COLLECTED: _("Collected for merchants"),
    Book.DEFERRED: _("Paid in parts, not due yet"),
    Book.MERCHANTS: _("Set off with merchants"),
}


class Finder(forms.Form):
    """What stands in the address of the page."""

    named = forms.CharField(label=_("Bill or order"), max_length=40, required=False)
    account = forms.IntegerField(
        label=_("Billing account"), min_value=1, max_value=LARGEST, required=False
    )
    kind = forms.ChoiceField(
        label=_("What happened"),
        choices=[("", _("All")), *((kind.value, label) for kind, label in KINDS.items())],
        required=False,
    )
    before = forms.IntegerField(
        min_value=1, max_value=LARGEST, required=False, widget=forms.HiddenInput
    )


@policy(Policy.OPERATOR)
@never_cache
def ledger(request: HttpRequest) -> HttpResponse:
    """The latest transfers first, 50 at a time; with the balance where an account is named."""
    finder = Finder(request.GET)
    asked = finder.cleaned_data if finder.is_valid() else {}
    account = asked.get("account")
    wanted = Wanted(
        account_id=account,
        named=asked.get("named", "").strip(),
        kind=TransferKind(asked["kind"]) if asked.get("kind") else None,
        before=asked.get("before"),
    )
    found = transfers(wanted, limit=ROWS + 1) if finder.is_valid() else ()
    shown = found[:ROWS]
    older = {name: value for name, value in asked.items() if value and name != "before"}
    values = screen.around(context_for_request(request), here="ops:ledger") | {
        "finder": finder,
        "rows": [_row(each) for each in shown],
        "balance": balance_of(account) if account else None,
        "account": account,
        "older": urlencode({**older, "before": shown[-1].id}) if len(found) > ROWS else "",
    }
    status = 200 if finder.is_valid() else 422
    return render(request, "frontend/ops/ledger.html", values, status=status)


def _row(each: TransferView) -> dict[str, Any]:
    return {
        "transfer": each,
        "kind": KINDS[each.kind],
        "debit": BOOKS[each.debit],
        "credit": BOOKS[each.credit],
    }
