"""A quote without a cart: nothing is stored, and what can't be is refused as in a cart."""

from dataclasses import dataclass

from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.checks import Issue, blocking, issues
from commerce.ordering.domain.quote import Quote
from commerce.ordering.services.editing import refuse
from commerce.ordering.services.pricing import priced, pricing_now
from promotions.domain.model import CustomerFacts
from promotions.selectors import used_up


@dataclass(frozen=True, slots=True)
class Answer:
    """The quote, and what is still to be chosen before it could be ordered."""

    quote: Quote
    unfinished: tuple[Issue, ...]


def quote_value(context: AccountContext, *, value: CartValue) -> Answer:
    """What `value` would cost the actor now, with the catalogue and promotions in force.

    Raises:
        NotFound: `unknown_offering`.
        RuleViolated: `unknown_promotion_code`, or the first rule that forbids what is chosen.
    """
    pricing = pricing_now()
    for code in value.codes:
        if not pricing.promotions.knows_code(code):
            raise RuleViolated(
                f"The code {code!r} is not known. Check how it is written.",
                code="unknown_promotion_code",
                field="codes",
            )
    found = issues(value, catalogue=pricing.snapshot, at=pricing.at)
    wrong = blocking(found)
    if wrong is not None:
        raise refuse(wrong)
    customer = CustomerFacts(
        segment=value.segment,
        known=context.party_id is not None,
        used_up=used_up(pricing.promotions, party_id=context.party_id, key=""),
    )
    return Answer(priced(value, pricing=pricing, customer=customer), found)
