"""Running lines as a journey knows them, and what conditions may know of their owner."""

from datetime import date

from catalogue.domain.model import Segment, Snapshot
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_today
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.ordering.domain.drafts import OwnLine
from commerce.ordering.services.pricing import Pricing
from promotions.domain.model import CustomerFacts
from promotions.selectors import used_up
from subscriptions import selectors as subscriptions
from subscriptions.domain.views import SubscriptionView


def own_lines(context: AccountContext, *, catalogue: Snapshot) -> tuple[OwnLine, ...]:
    """The caller's running lines, the latest first."""
    if context.party_id is None:
        return ()
    found = subscriptions.subscriptions_of(context.party_id)
    return tuple(_line(each, catalogue=catalogue) for each in found if each.status == "active")


def own_line(context: AccountContext, line: int | None, *, catalogue: Snapshot) -> OwnLine:
    """Raises NotFound `unknown_subscription`: there is none, or it is another's."""
    if context.party_id is None or line is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    return _line(subscriptions.subscription_view(context.party_id, line), catalogue=catalogue)


def facts_of(
    context: AccountContext, line: OwnLine | None, *, segment: Segment, pricing: Pricing
) -> CustomerFacts:
    """What conditions may know before there is a cart; more of an owner's line."""
    used = used_up(pricing.promotions, party_id=context.party_id, key="")
    known = context.party_id is not None
    if line is None:
        return CustomerFacts(segment=segment, known=known, used_up=used)
    today = business_today()
    left = max(_months(today, line.bound_until), 0) if line.bound_until is not None else None
    return CustomerFacts(
        segment=segment,
        known=known,
        tenure_months=_months(line.activated_on, today),
        lines=1,
        owns=tuple(sorted(code for codes in line.has.values() for code in codes)),
        months_to_commitment_end=left,
        used_up=used,
    )


def _line(found: SubscriptionView, *, catalogue: Snapshot) -> OwnLine:
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
    )


def _months(start: date, end: date) -> int:
    """Whole months from `start` to `end`; negative if it lies before."""
    whole = (end.year - start.year) * 12 + end.month - start.month
    return whole - (end.day < start.day)
