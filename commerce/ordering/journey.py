"""Guided journeys: the steps of a bundle, each with its candidates and what they change."""

from collections.abc import Iterable

from catalogue.domain.model import Offering, Slot, Snapshot
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import NotFound
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.facts import term_of
from commerce.ordering.domain.journey import Step, StepView, step_view
from commerce.ordering.domain.quote import Quote
from commerce.ordering.services.access import find_cart
from commerce.ordering.services.pricing import cart_value, customer_of, priced, pricing_of

LONGEST = 24


def journey_step(
    context: AccountContext,
    *,
    code: str,
    group: str,
    role: str,
    term: int | None = None,
    among: Iterable[str] | None = None,
) -> StepView:
    """The step `role` of the bundle `group`; the same queries whatever the candidates' number.

    `term` prices plans at another commitment than the chosen one; `among` limits the candidates
    to these offerings (and what is chosen).

    Raises:
        NotFound: `unknown_cart`, `unknown_group`, `unknown_role`.
    """
    cart = find_cart(context, code=code)
    value, pricing = cart_value(cart, cart.items.all()), pricing_of(cart)
    if group not in value.bundles:
        raise NotFound("There is no such bundle in the cart.", code="unknown_group")
    bundle = pricing.snapshot.offering(value.bundles[group])
    customer = customer_of(value, pricing=pricing, cart=cart)

    def price(changed: CartValue) -> Quote:
        return priced(changed, pricing=pricing, customer=customer)

    step = Step(
        cart=value,
        group=group,
        bundle=bundle,
        slot=_slot(bundle, role),
        term=0,
        catalogue=pricing.snapshot,
        at=pricing.at,
    )
    step = _at_term(step, term)
    return step_view(step, offerings=_among(step, among, pricing.snapshot), price=price)


def _at_term(step: Step, term: int | None) -> Step:
    """At the term that was asked for, else the chosen plan's, else the longest."""
    if term is None:
        planned = any(entry.role == "plan" for entry in step.entries)
        term = term_of(step.entries) if planned else LONGEST
    return Step(step.cart, step.group, step.bundle, step.slot, term, step.catalogue, step.at)


def _among(step: Step, among: Iterable[str] | None, catalogue: Snapshot) -> list[Offering]:
    if among is None:
        return list(catalogue.of_kind(step.slot.kind))
    codes = dict.fromkeys([*(line.offering for line in step.there), *among])
    return [catalogue.offerings[code] for code in codes if code in catalogue.offerings]


def _slot(bundle: Offering, role: str) -> Slot:
    found = next((slot for slot in bundle.slots if slot.role == role), None)
    if found is None:
        raise NotFound(f"This bundle has no step {role[:20]!r}.", code="unknown_role")
    return found
