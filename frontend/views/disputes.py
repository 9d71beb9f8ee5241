"""Disputed payments, for operators: until when evidence is taken, and what became of them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.payments.ports import DisputeState
from commerce.payments.selectors import DisputeView, closed_disputes, open_disputes
from commerce.web.policy import Policy, policy
from frontend.ops import screen

STATES = {
    DisputeState.ASKED: ("waiting", _("The bank asks")),
    DisputeState.OPEN: ("waiting", _("Evidence is asked for")),
    DisputeState.REVIEWED: ("running", _("The bank decides")),
    DisputeState.WON: ("done", _("Won")),
    DisputeState.LOST: ("failed", _("Lost")),
    DisputeState.DROPPED: ("done", _("Dropped")),
}
REASONS = {
    "fraudulent": _("The holder says that he did not pay"),
    "product_not_received": _("Nothing was delivered"),
    "product_unacceptable": _("Not as it was described"),
    "duplicate": _("Paid twice"),
    "credit_not_processed": _("A refund did not come"),
    "subscription_canceled": _("The contract was ended"),
    "unrecognized": _("The holder does not recognise it"),
    "debit_not_authorized": _("The holder did not authorise the debit"),
    "customer_initiated": _("The holder asked his bank for it back"),
    "insufficient_funds": _("There was too little on the account"),
    "incorrect_account_details": _("The account details are wrong"),
    "bank_cannot_process": _("The bank can't carry it out"),
    "general": _("No reason given"),
}


@policy(Policy.OPERATOR)
@never_cache
def disputes(request: HttpRequest) -> HttpResponse:
    """Those to answer first, then those that are decided."""
    values = screen.around(context_for_request(request), here="ops:disputes") | {
        "open": [_row(each) for each in open_disputes()],
        "closed": [_row(each) for each in closed_disputes()],
    }
    return render(request, "frontend/ops/disputes.html", values)


def _row(dispute: DisputeView) -> dict[str, Any]:
    state, label = STATES[dispute.state]
    return {
        "dispute": dispute,
        "state": state,
        "label": label,
        "reason": REASONS.get(dispute.reason, dispute.reason.replace("_", " ")),
        "money": _("with us") if dispute.is_ours else _("with the bank"),
    }
