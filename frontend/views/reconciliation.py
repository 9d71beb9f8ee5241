"""What daily reconciliation found: each difference, until it is explained or gone."""

import csv
import io
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.kernel.errors import FaisceauError
from commerce.web.policy import Policy, policy
from commerce.web.tables import cell
from frontend.ops import screen
from frontend.sentences import sentence_of
from orchestration.boards import FoundView, differences_found, kinds_found, last_reconciliation
from orchestration.services import reconciling

HERE = "ops:reconciliation"
SHOWN = 200
KINDS = {
    "unbilled": gettext_lazy("a contract’s charge is not billed"),
    "billed_after_end": gettext_lazy("billed beyond its end"),
    "promise": gettext_lazy("a bill differs from its promise"),
    "ledger": gettext_lazy("the ledger says another amount"),
    "purchase_unbilled": gettext_lazy("a bill left out a purchase from a third party"),
    "merchant_bills": gettext_lazy("the bills say another sum than a merchant’s purchases"),
    "merchant_month": gettext_lazy("a merchant’s closed month is not what he sold"),
    "merchant_commission": gettext_lazy(
        "the invoice of our commission is not what a merchant's month says of it"
    ),
    "merchant_set_off": gettext_lazy("a merchant's books have set off another sum than the ledger"),
    "merchant_payable": gettext_lazy("we owe a merchant another sum than his unpaid months"),
    "instalments": gettext_lazy("a price paid in parts is not put off as agreed"),
    "uncollected": gettext_lazy("nothing asks for what is open on a bill"),
    "payer": gettext_lazy("who has to pay does not owe the bill"),
    "overpaid": gettext_lazy("more was paid than the bill claims"),
    "bank_waiting": gettext_lazy("money at the bank has waited for three days"),
    "deposit": gettext_lazy("a deposit is held otherwise than it came"),
    "bank_unbooked": gettext_lazy("a movement at the bank is not all booked"),
    "bank_balance": gettext_lazy("the movements do not lead to the bank’s balance"),
    "payment": gettext_lazy("the payment provider took another amount"),
    "refund": gettext_lazy("the payment provider gave another amount back"),
    "dispute": gettext_lazy("a bank took a payment back, or gave it again, unheard of"),
    "line_without_contract": gettext_lazy("the network has a line that no contract holds"),
    "contract_without_line": gettext_lazy("the network does not know a contract’s line"),
    "line_twice": gettext_lazy("the network has a line twice"),
    "line_with_other_sim": gettext_lazy("the network has another SIM"),
    "content_without_contract": gettext_lazy("a partner serves what no contract holds"),
    "contract_without_content": gettext_lazy("a partner does not serve what a contract holds"),
    "content_twice": gettext_lazy("a partner serves it twice"),
    "settlement": gettext_lazy("the partner’s settlement differs"),
}
WORDS = {
    "never": gettext_lazy("never"),
    "none": gettext_lazy("no day"),
    "asked for": gettext_lazy("asked for"),
    "a line": gettext_lazy("a line"),
    "no line": gettext_lazy("no line"),
    "a service": gettext_lazy("a service"),
    "nothing": gettext_lazy("nothing"),
}
PARTS = {
    "payments": gettext_lazy("Payment provider"),
    "network": gettext_lazy("Network"),
    "content": gettext_lazy("Content partners"),
}


@policy(Policy.OPERATOR)
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """The newest day: how many of each kind, and each that waits or was explained."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    counted = kinds_found()
    last = last_reconciliation()
    values = screen.around(context_for_request(request), here=HERE) | {
        "last": last,
        "silent": [PARTS.get(part, part) for part in last.silent] if last else [],
        "chips": [
            {"label": _("All differences"), "url": "?", "count": sum(counted.values()),
             "current": not kind},
            *(
                {"label": KINDS.get(each, each), "url": f"?kind={each}", "count": count,
                 "current": each == kind}
                for each, count in counted.items()
            ),
        ],
        "rows": [_row(each) for each in differences_found(kind=kind, limit=SHOWN)],
    }  # fmt: skip
    return render(request, "frontend/ops/reconciliation.html", values)


@policy(Policy.OPERATOR)
def as_file(request: HttpRequest) -> HttpResponse:
    """All that is not solved, as a table."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";", lineterminator="\n")
    writer.writerow(
        ("kind", "identity", "expected", "found", "first_on", "last_on", "state", "by", "note")
    )
    for each in differences_found(limit=reconciling.MOST):
        row = (each.kind, each.identity, each.expected, each.found, each.first_on, each.last_on)
        writer.writerow(map(cell, (*row, each.state, each.decided_by, each.note)))
    answer = HttpResponse(file.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="reconciliation.csv"'
    return answer


@policy(Policy.OPERATOR)
@require_POST
def explain(request: HttpRequest, difference_id: int) -> HttpResponse:
    """Say why one is so, or what was done about it."""
    context = context_for_request(request)
    try:
        reconciling.explain(context, difference_id=difference_id, note=request.POST.get("note", ""))
        messages.success(request, _("It is noted what became of it."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect(HERE)


@policy(Policy.OPERATOR)
@require_POST
def look_now(request: HttpRequest) -> HttpResponse:
    """Have everything looked at once more."""
    reconciling.look_now(context_for_request(request))
    messages.success(request, _("Everything is looked at once more; reload the page in a while."))
    return redirect(HERE)


def _row(each: FoundView) -> dict[str, Any]:
    return {
        "found": each,
        "words": KINDS.get(each.kind, each.kind),
        "expected": WORDS.get(each.expected, each.expected),
        "said": WORDS.get(each.found, each.found),
    }
