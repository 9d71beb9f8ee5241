"""Running lines as a journey knows them, and what conditions may know of their owner."""

from dataclasses import replace
from datetime import date

from catalogue.domain.model import Segment, Snapshot
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_today
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.kernel.periods import full_months
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.drafts import OwnLine
from commerce.ordering.services.pricing import Pricing, customer_facts
from promotions.domain.model import CustomerFacts
from subscriptions.contracts.selectors import subscription_view, subscriptions_of
from subscriptions.domain.views import SubscriptionView


def own_lines(context: AccountContext, *, catalogue: Snapshot) -> tuple[OwnLine, ...]:
    """The caller's running lines, the latest first."""
    if context.party_id is None:
        return ()
    found = subscriptions_of(context.party_id)
    return tuple(line_of(each, catalogue=catalogue) for each in found if each.status == "active")


def own_line(context: AccountContext, line: int | None, *, catalogue: Snapshot) -> OwnLine:
    """Raises NotFound `unknown_subscription`: there is none, it is another's, or it has ended."""
    unknown = NotFound("There is no such subscription.", code="unknown_subscription")
    if context.party_id is None or line is None:
        raise unknown
    found = subscription_view(context.party_id, line)
    if found.status != "active":
        raise unknown
    return line_of(found, catalogue=catalogue)


def facts_of(
    context: AccountContext, line: OwnLine | None, *, segment: Segment, pricing: Pricing
) -> CustomerFacts:
    """What conditions may know before there is a cart; of an owner's line, its own commitment."""
    value = CartValue(code="", lines=(), segment=segment, channel=str(context.channel))
    facts = customer_facts(value, pricing=pricing, party_id=context.party_id)
    return facts if line is None else at_line(facts, line, on=business_today())


def at_line(facts: CustomerFacts, line: OwnLine, *, on: date) -> CustomerFacts:
    """The facts of one line: its commitment instead of the one that ends first, and the lines
    beside it."""
    left = full_months(on, line.bound_until) if line.bound_until is not None else None
    return replace(facts, months_to_commitment_end=left, line=line.id)


def line_of(found: SubscriptionView, *, catalogue: Snapshot) -> OwnLine:
    """A contract as a journey knows it."""
    has: dict[str, tuple[str, ...]] = {}
    monthly = Money.zero()
    for item in found.items:
        offering = catalogue.offerings.get(item.offering)
        if item.until_on is not None or offering is None:
            continue
        role = offering.kind.value
        has[role] = (*has.get(role, ()), item.offering)
        for charge in item.charges:
            monthly = monthly + charge.amount * charge.quantity / charge.every_months
    return OwnLine(
        id=found.id,
        number=found.msisdn,
        has=has,
        monthly=monthly.rounded(),
        activated_on=found.activated_on,
        bound_until=found.commitment_ends_on,
        months=found.commitment_months,
    )
