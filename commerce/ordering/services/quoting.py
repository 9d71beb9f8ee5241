"""A quote without a cart: nothing is stored, and what can't be is refused as in a cart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.checks import Issue, blocking, issues
from commerce.ordering.domain.instalments import Choice
from commerce.ordering.domain.packs import groups_of, place_in
from commerce.ordering.domain.quote import Quote
from commerce.ordering.services.editing import refuse
from commerce.ordering.services.instalments import choice_for
from commerce.ordering.services.pricing import customer_facts, priced, pricing_now
from promotions.selectors import known_code


@dataclass(frozen=True, slots=True)
class Answer:
    """The quote, and what is still to be chosen before it could be ordered; with what is paid when,
    if parts were asked for."""

    quote: Quote
    unfinished: tuple[Issue, ...]
    instalments: Choice | None = None


def in_pack(
    bundle: str, lines: Sequence[CartLine], *, group: str
) -> tuple[tuple[CartLine, ...], Mapping[str, str]]:
    """The lines of a bundle in its groups, those of a pack in the groups of its lines; with the
    bundle of each group.

    Raises:
        NotFound: `unknown_offering`.
    """
    pack = pricing_now().snapshot.offering(bundle)
    groups, placed = groups_of(pack, group), []
    for line in lines:
        place, name, code = place_in(pack, group, line.role)
        groups[place] = code
        placed.append(replace(line, group=place, role=name))
    return tuple(placed), groups


def quote_value(context: AccountContext, *, value: CartValue, instalments: int = 0) -> Answer:
    """What `value` would cost the actor now, with the catalogue and promotions in force; and in so
    many `instalments`, if he asks for them.

    Raises:
        NotFound: `unknown_offering`.
        RuleViolated: `unknown_promotion_code`, or the first rule that forbids what is chosen; of
            paying in parts those of `in_parts`.
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
    quote = priced(value, pricing=pricing, customer=customer)
    choice = None
    if instalments:
        choice = choice_for(
            instalments,
            quote=quote,
            segment=value.segment,
            party_id=context.party_id,
            snapshot=pricing.snapshot,
        )
    return Answer(quote, found, choice)
