"""A quote without a cart: nothing is stored, and what can't be is refused as in a cart."""

from dataclasses import dataclass, replace

from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.checks import Issue, blocking, issues
from commerce.ordering.domain.quote import Quote
from commerce.ordering.services.editing import refuse
from commerce.ordering.services.pricing import customer_facts, priced, pricing_now
from promotions.selectors import known_code


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
    codes = {code: known_code(pricing.promotions, code) for code in value.codes}
    for code, known in codes.items():
        if known is None:
            raise RuleViolated(
                f"The code {code!r} is not known. Check how it is written.",
                code="unknown_promotion_code",
                field="codes",
            )
    found = issues(value, catalogue=pricing.snapshot, at=pricing.at)
    wrong = blocking(found)
    if wrong is not None:
        raise refuse(wrong)
    value = replace(value, codes=tuple(known for known in codes.values() if known))
    customer = customer_facts(value, pricing=pricing, party_id=context.party_id)
    return Answer(priced(value, pricing=pricing, customer=customer), found)
