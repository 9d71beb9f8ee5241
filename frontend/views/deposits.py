"""What a customer or a firm keeps of a deposit that was paid: its receipt, to print."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from commerce.accounts.context import context_for_request
from commerce.web.policy import Policy, policy
from frontend.business import screen
from frontend.views.customer import tabs
from subscriptions.collection.deposits import Receipt, deposit_receipt
from subscriptions.domain.states import DepositState
from subscriptions.invoicing.services.identities import seller


@policy(Policy.CUSTOMER)
def receipt(request: HttpRequest, deposit_id: int) -> HttpResponse:
    """The customer's."""
    found = deposit_receipt(context_for_request(request).party_id or 0, deposit_id)
    values = {"tabs": tabs("bills"), **_words(found)}
    return render(request, "frontend/account/deposit.html", values)


@policy(Policy.BUSINESS)
def receipt_of_firm(request: HttpRequest, deposit_id: int) -> HttpResponse:
    """The firm's, for each of its members."""
    context = context_for_request(request)
    found = deposit_receipt(context.party_id or 0, deposit_id)
    values = screen.around(context, here="portal:bills") | _words(found)
    return render(request, "frontend/portal/deposit.html", values)


def _words(found: Receipt) -> dict[str, object]:
    words = {
        DepositState.ASKED: _("given back"),
        DepositState.HELD: _("held"),
        DepositState.SETTLED: _("settled: used for open bills, or given back"),
    }
    return {"receipt": found, "seller": seller(), "state": words[found.deposit.state]}
