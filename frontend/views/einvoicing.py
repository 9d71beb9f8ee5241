"""Electronic invoices that came back or are stuck, and the reports of sales: for operators."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.kernel.errors import FaisceauError
from commerce.web.policy import Policy, policy
from frontend.account.einvoices import einvoice_page, error_text, request_pill
from frontend.ops import screen
from frontend.sentences import sentence_of
from subscriptions.einvoicing.selectors import came_back, reports, stuck
from subscriptions.einvoicing.services import einvoice_decisions

HERE = "ops:einvoicing"


@policy(Policy.OPERATOR)
@never_cache
def board(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, and the last reports."""
    values = screen.around(context_for_request(request), here=HERE) | {
        "back": [einvoice_page(each) for each in came_back()],
        "stuck": [einvoice_page(each) for each in stuck()],
        "reports": [(each, request_pill(each.state), error_text(each.error)) for each in reports()],
    }
    return render(request, "frontend/ops/einvoicing.html", values)


@policy(Policy.OPERATOR)
@require_POST
def decide(request: HttpRequest, einvoice_id: int) -> HttpResponse:
    """Send it again, or say what was done about it."""
    context = context_for_request(request)
    try:
        if request.POST.get("decision") == "send":
            einvoice_decisions.send_again(context, einvoice_id=einvoice_id)
            messages.success(request, _("The invoice is sent again."))
        else:
            note = request.POST.get("note", "")
            einvoice_decisions.note_handled(context, einvoice_id=einvoice_id, note=note)
            messages.success(request, _("It is noted what became of it."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect(HERE)
