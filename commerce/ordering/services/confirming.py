"""A written wish that its customer confirms by the link that was sent to the address we know.

The link is only sent where all agrees: name, e-mail address, reference and line. Whatever does not
is an agent's to look at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.db import transaction

from catalogue.domain.search import folded
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, RequestKind, Role, Segment
from commerce.accounts.services.requests import settle_request
from commerce.accounts.written import ContractRequestFacts, contract_request
from commerce.kernel.errors import Conflict, NotFound
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.models import Order
from commerce.ordering.services import links
from commerce.ordering.services.changes import place_change
from commerce.ordering.services.place import Checkout, PlacedOrder
from commerce.ordering.services.stated import STATEMENT_GOOD_FOR, Bundle, is_meant
from commerce.ordering.services.withdrawing import withdraw, withdrawable
from subscriptions.contracts.finding import bundles_on_bill, parties_of
from subscriptions.contracts.selectors import subscriptions_of
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.domain.views import SubscriptionView

_SALT = "contract-request"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for, found: the contract that ends, or the bundle of an order that is
    withdrawn from; `context` acts for its customer."""

    asked: ContractRequestFacts
    context: AccountContext
    subscription_id: int | None = None
    number: str = ""
    group: str = ""


def disagreeing(asked: ContractRequestFacts) -> tuple[str, ...]:
    """What of the request does not agree with the customer to whom it was laid: `name`, `email`,
    `contract`, `line`; all of it where there is none."""
    if asked.party_id is None:
        return ("name", "email", "contract", "line")
    party = accounts.party(asked.party_id)
    known = parties_of(reference=asked.contract) | _ordered_by(asked.contract)
    agrees = {
        "name": _words(asked.name) == _words(party.name),
        "email": asked.email.lower() == party.email.lower(),
        "contract": party.id in known,
        "line": _agrees_on_the_line(asked, party.id),
    }
    return tuple(name for name, so in agrees.items() if not so)


def confirmation_link(asked: ContractRequestFacts) -> str:
    """Where the customer confirms it; empty where an agent has to look first."""
    if _wish(asked) is None:
        return ""
    return links.absolute(links.CONFIRM, token=signing.dumps(asked.reference, salt=_SALT))


def wish_of(token: str) -> Wish:
    """What the link confirms.

    Raises:
        NotFound: `unknown_request`: it is forged, too old, or no longer so.
        Conflict: `already_handled`.
    """
    try:
        reference: Any = signing.loads(token, salt=_SALT, max_age=STATEMENT_GOOD_FOR)
    except signing.BadSignature:
        raise _unknown() from None
    asked = contract_request(reference)
    if asked.handled_at is not None:
        raise Conflict("This request is settled already.", code="already_handled")
    wish = _wish(asked)
    if wish is None:
        raise _unknown()
    return wish


@transaction.atomic
def end_as_asked(wish: Wish, *, request: ChangeRequest, checkout: Checkout) -> PlacedOrder:
    """As `place_change`; nobody has to see to the request any more."""
    assert wish.subscription_id is not None
    placed = place_change(
        wish.context, subscription_id=wish.subscription_id, request=request, checkout=checkout
    )
    return _settled(wish, placed)


@transaction.atomic
def withdraw_as_asked(wish: Wish, *, digest: str, declared: str) -> PlacedOrder:
    """As `withdraw`; nobody has to see to the request any more."""
    placed = withdraw(
        wish.context, number=wish.number, group=wish.group, digest=digest, declared=declared
    )
    return _settled(wish, placed)


def _settled(wish: Wish, placed: PlacedOrder) -> PlacedOrder:
    settle_request(context=wish.context, reference=wish.asked.reference, outcome=placed.number)
    return placed


def _wish(asked: ContractRequestFacts) -> Wish | None:
    """None unless all agrees, and one contract or bundle alone can be meant."""
    if asked.party_id is None or disagreeing(asked):
        return None
    party = accounts.party(asked.party_id)
    if party.segment != Segment.CONSUMER:
        return None
    actor = Actor(ActorKind.VISITOR, None, party.name)
    context = AccountContext(actor, party.id, Role.CUSTOMER, Channel.WEB)
    if asked.kind is RequestKind.END:
        contracts = _meant(asked, party.id)
        return Wish(asked, context, contracts[0].id) if len(contracts) == 1 else None
    bundles = _bundles(asked, context)
    return Wish(asked, context, None, *bundles[0]) if len(bundles) == 1 else None


def _meant(asked: ContractRequestFacts, party_id: int) -> list[SubscriptionView]:
    """The running contracts of which it speaks."""
    running = _running(party_id)
    billed = bundles_on_bill(asked.contract) & running.keys()
    return [
        each
        for bundle, each in running.items()
        if is_meant(asked, bundle, line=each.msisdn, billed=billed)
    ]


def _running(party_id: int) -> Mapping[Bundle, SubscriptionView]:
    return {
        (each.order_number, each.group): each
        for each in subscriptions_of(party_id)
        if each.status != SubscriptionStatus.ENDED
    }


def _agrees_on_the_line(asked: ContractRequestFacts, party_id: int) -> bool:
    """Whether the line is the customer's, and none of another contract than what is named."""
    if not asked.line_number:
        return True
    if party_id not in parties_of(msisdn=asked.line_number):
        return False
    billed = bundles_on_bill(asked.contract)
    spoken_of = {
        each.msisdn
        for bundle, each in _running(party_id).items()
        if bundle in billed or bundle[0] == asked.contract
    }
    return not spoken_of or asked.line_number in spoken_of


def _bundles(asked: ContractRequestFacts, context: AccountContext) -> list[tuple[str, str]]:
    """Those that can be withdrawn from: of the order that is named, or on the bill that is, and
    with the line if one is."""
    on_bill = bundles_on_bill(asked.contract)
    orders = {number for number, _ in on_bill} or {asked.contract}
    found = [(number, group) for number in orders for group in withdrawable(context, number=number)]
    if asked.line_number:
        held = _meant(asked, context.party_id or 0)
        meant = {(each.order_number, each.group) for each in held}
        found = [each for each in found if each in meant]
    return [each for each in found if not on_bill or each in on_bill]


def _ordered_by(number: str) -> frozenset[int]:
    return frozenset(Order.objects.filter(number=number).values_list("party_id", flat=True))


def _words(name: str) -> list[str]:
    """First and last name in either order."""
    return sorted(folded(name).split())


def _unknown() -> NotFound:
    return NotFound("This link is no longer good.", code="unknown_request")
