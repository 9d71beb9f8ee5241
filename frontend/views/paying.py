"""Bills paid by hand, and the cards that bills are charged to."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.kernel.errors import FaisceauError, ProviderError
from commerce.payments.services import methods
from commerce.payments.services.checkout import open_session
from commerce.web.policy import Policy, policy
from frontend.sentences import sentence_of
from subscriptions.services.collecting import pay_by_hand


@policy(Policy.CUSTOMER)
@require_POST
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """To the provider's page, with what is open on the bill."""
    context = context_for_request(request)
    page = reverse("account:bill", args=[number])
    try:
        key = pay_by_hand(
            party_id=context.party_id or 0,
            number=number,
            label=_("Bill %(number)s") % {"number": number},
            back=request.build_absolute_uri(f"{page}?back=1"),
        )
        return redirect(open_session(key=key))
    except ProviderError:
        messages.warning(request, _("The payment page did not answer. Try again in a moment."))
    except FaisceauError as error:
        if error.code == "unknown_bill":
            raise
        messages.warning(request, sentence_of(error))
    return redirect(page)


@policy(Policy.CUSTOMER)
@require_POST
def card(request: HttpRequest, card: int) -> HttpResponse:
    """Charge bills to this card from now on, or forget it."""
    party_id = context_for_request(request).party_id or 0
    if request.POST.get("do") == "remove":
        methods.remove(party_id=party_id, saved_id=card)
        messages.success(request, _("The card is removed."))
    else:
        methods.choose(party_id=party_id, saved_id=card)
        messages.success(request, _("Your bills are charged to this card from now on."))
    return redirect("account:bills")
