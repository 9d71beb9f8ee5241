"""Confirming a written wish by the link of its acknowledgement, without an account."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from commerce.accounts.kinds import RequestKind
from commerce.kernel.errors import Conflict, FaisceauError
from commerce.ordering.services.confirming import (
    Wish,
    end_as_asked,
    wish_of,
    withdraw_as_asked,
)
from commerce.ordering.services.place import Checkout, PlacedOrder
from commerce.ordering.services.terminating import earliest_end
from commerce.ordering.services.withdrawing import quote_withdrawal
from commerce.web.policy import Policy, policy
from frontend.sentences import sentence_of
from frontend.shop.session import remember_order
from frontend.shop.withdrawing import withdrawal_screen
from frontend.views.changes import ChangePage
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import ChangeKind


@policy(Policy.VISITOR)
@never_cache
def page(request: HttpRequest, token: str) -> HttpResponse:
    """What the end, or the withdrawal, means today; confirmed, it is an order like any other."""
    try:
        wish = wish_of(token)
    except Conflict as settled:
        return _said(request, sentence_of(settled))
    if wish.asked.kind is RequestKind.END:
        return _end(request, wish)
    return _withdraw(request, wish)


class _End(ChangePage):
    def __init__(self, request: HttpRequest, wish: Wish) -> None:
        assert wish.subscription_id is not None
        self.wish = wish
        super().__init__(
            request,
            subscription_id=wish.subscription_id,
            kind=ChangeKind.TERMINATE,
            asks=True,
            context=wish.context,
        )

    def place(self, checkout: Checkout) -> PlacedOrder:
        return end_as_asked(self.wish, request=self.wanted, checkout=checkout)


def _end(request: HttpRequest, wish: Wish) -> HttpResponse:
    if not request.GET and (said := _said_of_end(wish)):
        return redirect(f"{request.path}?{urlencode(said)}")
    shown = _End(request, wish)
    placed = shown.order()
    if placed is not None:
        return _followed(request, placed)
    return render(request, "frontend/legal/confirm_end.html", shown.values())


def _said_of_end(wish: Wish) -> dict[str, str]:
    """The day, where it is late enough, and the motive that were stated."""
    assert wish.subscription_id is not None
    contract = subscription_view(wish.context.party_id or 0, wish.subscription_id)
    wished, said = wish.asked.wished_on, {"motive": wish.asked.motive}
    if wished is not None and wished > earliest_end(contract):
        said["on"] = wished.isoformat()
    return {name: value for name, value in said.items() if value}


def _withdraw(request: HttpRequest, wish: Wish) -> HttpResponse:
    problem = ""
    if request.method == "POST":
        try:
            placed = withdraw_as_asked(
                wish,
                digest=request.POST.get("digest", "")[:64],
                declared=request.POST.get("declared", "as_new")[:20],
            )
        except FaisceauError as error:
            problem = sentence_of(error)
        else:
            return _followed(request, placed)
    shown = quote_withdrawal(wish.context, number=wish.number, group=wish.group)
    values = withdrawal_screen(shown) | {"number": wish.number, "back": "/", "problem": problem}
    return render(request, "frontend/legal/confirm_withdrawal.html", values)


def _followed(request: HttpRequest, placed: PlacedOrder) -> HttpResponse:
    remember_order(request, number=placed.number, party_id=placed.party_id)
    return redirect("checkout:order", number=placed.number)


def _said(request: HttpRequest, sentence: str) -> HttpResponse:
    values = {"title": _("Your request"), "problem": sentence}
    return render(request, "frontend/legal/confirm_end.html", values)
