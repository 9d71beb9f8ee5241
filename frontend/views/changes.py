"""A change of a running line: shown with its bills before and after, then ordered."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from catalogue.selectors import current_snapshot, snapshot_of
from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.accounts.selectors import party
from commerce.kernel.clock import business_now
from commerce.kernel.errors import FaisceauError
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.domain.instalments import NO_CHOICES
from commerce.ordering.services.changed_line import segment_of
from commerce.ordering.services.changes import place_change, quote_change
from commerce.ordering.services.place import Checkout, PlacedOrder
from commerce.web.policy import Policy, policy
from frontend import errors
from frontend.account.forms import AddressForm
from frontend.agent.screen import around, contact_bar
from frontend.sentences import sentence_of
from frontend.shop.changing import LEADS, TITLES, ChangeForm, change_page, request_in
from frontend.shop.contract import display_number
from frontend.shop.in_parts import ASKED, chosen_in
from frontend.shop.replacing import choosing
from frontend.views.customer import tabs
from frontend.views.summary import to_hosted_page
from orchestration.esim import send_again
from orchestration.porting.rio import send_rio
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import APART, ChangeKind


@policy(Policy.CUSTOMER)
def change(request: HttpRequest, subscription_id: int, kind: str) -> HttpResponse:
    """The owner sees what changes, agrees where something is bought, and orders it."""
    page = ChangePage(request, subscription_id=subscription_id, kind=kind, asks=True)
    placed = page.order()
    if placed is not None:
        if placed.payment_key:
            return to_hosted_page(request, key=placed.payment_key, number=placed.number)
        messages.success(request, _("Thank you. We are on it; you can follow it here."))
        return redirect("checkout:order", number=placed.number)
    back = reverse("account:line", args=[subscription_id])
    frame = {
        "tabs": tabs("home"),
        "trail": [
            {"label": _("My account"), "url": reverse("account:home")},
            {"label": display_number(page.number) or _("Contract"), "url": back},
            {"label": str(page.title)},
        ],
        "back": back,
    }
    return render(request, "frontend/account/change.html", frame | page.values())


@policy(Policy.AGENT)
@never_cache
def change_for_customer(request: HttpRequest, subscription_id: int, kind: str) -> HttpResponse:
    """The agent orders it for the caller; what is bought waits for the customer's own yes."""
    page = ChangePage(request, subscription_id=subscription_id, kind=kind, asks=False)
    placed = page.order()
    if placed is not None:
        return redirect("agent:order", number=placed.number)
    frame = around(page.context) | contact_bar(page.context) | {"back": reverse("agent:contact")}
    return render(request, "frontend/agent/change.html", frame | page.values())


@policy(Policy.AGENT)
@require_POST
def esim_again(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """The customer is told again where the code of his eSIM is."""
    context = context_for_request(request)
    contract = subscription_view(context.party_id or 0, subscription_id)
    try:
        send_again(context, contract)
    except FaisceauError as refusal:
        messages.error(request, sentence_of(refusal))
    else:
        messages.success(request, _("The customer was sent the way to his eSIM again."))
    return redirect("agent:contact")


@policy(Policy.AGENT)
@require_POST
def rio(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """The caller gets the RIO of his line by message, as from 3179."""
    try:
        send_rio(context_for_request(request), subscription_id=subscription_id)
    except FaisceauError as refusal:
        messages.error(request, sentence_of(refusal))
    else:
        messages.success(request, _("The customer was sent the RIO of the line."))
    return redirect("agent:contact")


class ChangePage:
    """One change as it is asked in the address; `asks`: who looks at it is who agrees."""

    def __init__(
        self,
        request: HttpRequest,
        *,
        subscription_id: int,
        kind: str,
        asks: bool,
        context: AccountContext | None = None,
    ) -> None:
        if kind not in TITLES:
            raise Http404
        self.request, self.line = request, subscription_id
        self.context: AccountContext = context or context_for_request(request)
        self.wanted: ChangeRequest = request_in(ChangeKind(kind), request.GET)
        self.title = TITLES[self.wanted.kind]
        self.problem, self.shown = "", None
        self.choose = self._choose()
        try:
            self.shown = quote_change(
                self.context, subscription_id=subscription_id, request=self.wanted
            )
        except FaisceauError as refusal:
            if refusal.code == "unknown_subscription":
                raise
            if self.choose is None or "reason" in request.GET:
                self.problem = sentence_of(refusal)
        self.asks = asks
        agrees = asks and self.shown is not None and self.shown.binds
        self.form = self._form(agrees)

    @property
    def number(self) -> str:
        return self.shown.number if self.shown is not None else ""

    def order(self) -> PlacedOrder | None:
        """The order, if one was asked for and could be placed; else the form says why not."""
        if self.request.method != "POST" or self.shown is None or not self.form.is_valid():
            return None
        checkout = Checkout(
            expected_total=self.form.expected_total,
            digest=self.form.cleaned_data["digest"],
            consents=self.form.consents,
            language=(get_language() or "fr")[:2],
            deliver_to=self.form.address,
            instalments=self.form.parts,
        )
        try:
            return self.place(checkout)
        except FaisceauError as refusal:
            errors.put(self.form, refusal)
        return None

    def place(self, checkout: Checkout) -> PlacedOrder:
        return place_change(
            self.context, subscription_id=self.line, request=self.wanted, checkout=checkout
        )

    def values(self) -> dict[str, Any]:
        if self.shown is None:
            lead = LEADS.get(self.wanted.kind, "") if self.choose else ""
            return {
                "title": self.title,
                "lead": lead,
                "problem": self.problem,
                "choose": self.choose,
            }
        catalogue = snapshot_of(self.shown.quote.release)
        request = self.request
        shown = change_page(
            self.shown,
            catalogue=catalogue,
            form=self.form,
            asks=self.asks,
            in_parts=chosen_in(request.POST or request.GET, self.shown.in_parts),
        )
        return shown | {"choose": self.choose, "in_parts_url": request.get_full_path()}

    def _choose(self) -> dict[str, Any] | None:
        """What is asked on the page itself: of another SIM or number."""
        if self.wanted.kind not in APART:
            return None
        contract = subscription_view(self.context.party_id or 0, self.line)
        return choosing(
            self.wanted.kind,
            self.request.GET,
            catalogue=current_snapshot(business_now()),
            segment=segment_of(contract),
            channel=str(self.context.channel),
            salt=f"line-{contract.id}",
        )

    def _form(self, agrees: bool) -> ChangeForm:
        seen: dict[str, Any] = {}
        if self.shown is not None:
            seen = {
                "expected": self.shown.quote.due_today_gross.amount,
                "digest": self.shown.digest(),
            }
        delivers = self.shown is not None and self.shown.delivers
        parts = self.shown.in_parts if self.shown is not None else NO_CHOICES
        chosen = chosen_in(self.request.GET, parts)
        seen |= {ASKED: chosen.parts} if chosen is not None else {}
        if delivers and (known := party(self.context.party_id or 0).addresses):
            seen |= {name: getattr(known[0], name) for name in AddressForm.base_fields}
        return ChangeForm(
            self.request.POST or None,
            asks=agrees,
            delivers=delivers,
            in_parts=parts.choices,
            initial=seen,
        )
