"""What was free at first: the holder says whether it goes on for money."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.kernel.errors import FaisceauError, NotFound
from commerce.web.policy import Policy, policy
from frontend.sentences import sentence_of
from subscriptions.contracts.services.answering import answer_continuation


@policy(Policy.CUSTOMER)
@require_POST
def answer(request: HttpRequest, subscription_id: int, item_id: int) -> HttpResponse:
    _answer(request, subscription_id, item_id)
    return redirect(reverse("account:line", args=[subscription_id]) + "#paid-later")


@policy(Policy.AGENT)
@require_POST
def answer_for_customer(request: HttpRequest, subscription_id: int, item_id: int) -> HttpResponse:
    _answer(request, subscription_id, item_id)
    return redirect(reverse("agent:timeline", args=[subscription_id]) + "#paid-later")


def _answer(request: HttpRequest, subscription_id: int, item_id: int) -> None:
    agreed = request.POST.get("agreed") == "yes"
    try:
        answer_continuation(
            context_for_request(request),
            subscription_id=subscription_id,
            item_id=item_id,
            agreed=agreed,
            record=request.POST.get("record", ""),
        )
    except NotFound:
        raise
    except FaisceauError as refusal:
        messages.error(request, sentence_of(refusal))
    else:
        yes = _("Kept: it goes on. You get a confirmation by e-mail.")
        no = _("Kept: it ends with its free months and costs nothing.")
        messages.success(request, yes if agreed else no)
