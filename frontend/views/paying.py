"""Bills paid by hand, also by a link that an agent sent, and the methods that bills are charged to:
consumers' and firms'."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.selectors import reach
from commerce.kernel.errors import FaisceauError, Forbidden, ProviderError
from commerce.notifications.models import MessageChannel
from commerce.payments.ports import MethodKind
from commerce.payments.selectors import payments_of
from commerce.payments.services import methods, setups
from commerce.payments.services.checkout import open_session, refresh
from commerce.web.policy import Policy, policy
from frontend.account.bills import is_under_way
from frontend.agent.paying import DEPOSIT
from frontend.sentences import sentence_of
from frontend.shop.words import language
from subscriptions.collection.services import instalments, links
from subscriptions.collection.services.collecting import pay_by_hand


@policy(Policy.CUSTOMER)
@require_POST
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """To the provider's page, with what is open on the bill; `for_another` says from where."""
    context = context_for_request(request)
    for_another = "for_another" in request.POST
    page = reverse("account:payables") if for_another else reverse("account:bill", args=[number])

    def opened() -> str:
        key = pay_by_hand(
            party_id=context.party_id or 0,
            number=number,
            label=_("Bill %(number)s") % {"number": number},
            back=request.build_absolute_uri(f"{page}?back=1"),
        )
        return open_session(key=key)

    return _to_provider(request, opened, otherwise=page)


@policy(Policy.CUSTOMER)
@require_POST
def pay_off(request: HttpRequest, number: str) -> HttpResponse:
    """To the provider's page, with all that is left of a bill that is paid in parts."""
    context = context_for_request(request)
    return _pay_off(request, context, number, page=reverse("account:bill", args=[number]))


@policy(Policy.BUSINESS)
@require_POST
def pay_off_for_firm(request: HttpRequest, number: str) -> HttpResponse:
    """As `pay_off`; not for viewers."""
    context = context_for_request(request)
    if context.role is Role.VIEWER:
        raise Forbidden("A viewer can't pay.", code="viewer")
    return _pay_off(request, context, number, page=reverse("portal:bill", args=[number]))


def _pay_off(
    request: HttpRequest, context: AccountContext, number: str, *, page: str
) -> HttpResponse:
    def opened() -> str:
        key = instalments.pay_off(
            party_id=context.party_id or 0,
            number=number,
            label=_("All parts that are left of bill %(number)s") % {"number": number},
            back=request.build_absolute_uri(f"{page}?back=1"),
        )
        return open_session(key=key)

    return _to_provider(request, opened, otherwise=page)


@policy(Policy.VISITOR)
@never_cache
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """What whoever has the link may pay, and to whom; nothing says whose bills these are. POST
    leads to the provider's page."""
    link = links.opened(token=token)
    page = reverse("checkout:pay_link", args=[token])
    if request.method == "POST":
        back = request.build_absolute_uri(f"{page}?back=1")

        def to_pay() -> str:
            key = links.pay(
                token=token, label=_("Bill %(number)s"), deposit_label=_("Deposit"), back=back
            )
            return open_session(key=key)

        return _to_provider(request, to_pay, otherwise=page)
    payments = payments_of(link.reference)
    if "back" in request.GET:
        payments = tuple(refresh(key=each.key) if each.is_open else each for each in payments)
    values = {
        "link": link,
        "under_way": bool(link.open) and any(map(is_under_way, payments)),
        "creditor": settings.SELLER["name"],
    }
    return render(request, "frontend/checkout/pay_link.html", values)


@policy(Policy.AGENT)
@require_POST
def send_link(request: HttpRequest) -> HttpResponse:
    """Send the caller, who is known, a link to pay a bill, all that is overdue, or a deposit."""
    asked = request.POST.get("channel", "")
    by = MessageChannel.SMS if asked == MessageChannel.SMS else MessageChannel.EMAIL
    context, number = context_for_request(request), request.POST.get("bill", "")
    try:
        if number == DEPOSIT:
            links.ask_deposit(context, channel=by)
        else:
            links.send_link(context, channel=by, number=number)
        messages.success(request, _("The link to pay is sent."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect("agent:contact")


@policy(Policy.CUSTOMER)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """To the provider's page, where a card or an account is added and nothing paid."""
    return _add(request, context_for_request(request), page=reverse("account:bills"))


@policy(Policy.CUSTOMER)
@require_POST
def method(request: HttpRequest, method: int) -> HttpResponse:
    """Charge bills to this card or account from now on, or forget it."""
    return _change(request, context_for_request(request), method, page="account:bills")


@policy(Policy.BUSINESS)
@require_POST
def add_for_firm(request: HttpRequest) -> HttpResponse:
    """As `add`; for administrators."""
    return _add(request, _administrator(request), page=reverse("portal:bills"))


@policy(Policy.BUSINESS)
@require_POST
def method_of_firm(request: HttpRequest, method: int) -> HttpResponse:
    """As `method`; for administrators."""
    return _change(request, _administrator(request), method, page="portal:bills")


def note_added(request: HttpRequest, *, party_id: int) -> None:
    """The browser is back from the provider's page: say whether a method has been added there."""
    if "added" not in request.GET:
        return
    if setups.back_from_setup(party_id=party_id):
        messages.success(request, _("Your payment method is kept. Your bills are charged to it."))
    else:
        messages.warning(request, _("The payment method is not there yet. Look again in a moment."))


def _administrator(request: HttpRequest) -> AccountContext:
    context = context_for_request(request)
    if context.role is not Role.ADMINISTRATOR:
        raise Forbidden("Only an administrator decides how bills are paid.", code="not_permitted")
    return context


def _add(request: HttpRequest, context: AccountContext, *, page: str) -> HttpResponse:
    party_id = context.party_id or 0
    asked = request.POST.get("kind", "")
    kind = MethodKind(asked) if asked in set(MethodKind) else MethodKind.CARD
    back = request.build_absolute_uri(page)

    def opened() -> str:
        key = setups.request_setup(
            party_id=party_id,
            kind=kind,
            email=reach(party_id).email,
            language=language(),
            success_url=f"{back}?added=1",
            cancel_url=back,
        )
        return setups.open_setup(key=key)

    return _to_provider(request, opened, otherwise=page)


def _change(
    request: HttpRequest, context: AccountContext, method_id: int, *, page: str
) -> HttpResponse:
    party_id = context.party_id or 0
    try:
        if request.POST.get("do") == "remove":
            methods.remove(party_id=party_id, saved_id=method_id)
            messages.success(request, _("The payment method is removed."))
        else:
            methods.choose(party_id=party_id, saved_id=method_id)
            messages.success(request, _("Your bills are charged to it from now on."))
    except FaisceauError as error:
        if error.code == "unknown_method":
            raise
        messages.warning(request, sentence_of(error))
    return redirect(page)


def _to_provider(
    request: HttpRequest, opened: Callable[[], str], *, otherwise: str
) -> HttpResponse:
    """To the address of his page; back with a sentence if there is none."""
    try:
        return redirect(opened())
    except ProviderError:
        messages.warning(request, _("The payment page did not answer. Try again in a moment."))
    except FaisceauError as error:
        if error.code == "unknown_bill":
            raise
        messages.warning(request, sentence_of(error))
    return redirect(otherwise)
