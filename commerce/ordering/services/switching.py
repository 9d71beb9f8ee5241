"""Changing a slot of a bundle together with what must change with it."""

from catalogue.domain.model import Refusal
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.adapting import Change, confirmation_of
from commerce.ordering.domain.cart import CartLine
from commerce.ordering.domain.journey import ALTERNATIVE, Chosen, choose, step_in
from commerce.ordering.models import Cart, CartItem
from commerce.ordering.services.editing import Wish, append, changed, item_of, put
from commerce.ordering.services.pricing import Pricing, cart_value


def switch(
    context: AccountContext,
    *,
    code: str,
    group: str,
    role: str,
    offering: str,
    term: int | None = None,
    accepted: str = "",
) -> tuple[Change, ...]:
    """Put `offering` in a role, and change what follows on the way so that the bundle stays valid.

    `accepted` is the `confirmation` of the consequences that the buyer was shown (empty: none).
    Returns what changed with it.

    Raises:
        NotFound: `unknown_cart`, `unknown_group`, `unknown_role`, `unknown_offering`.
        RuleViolated: `changes_needed`: other things change with it than were accepted, `detail`
            has the `changes` and their `confirmation`; `incompatible` and others as `choose`.
    """

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> tuple[Change, ...]:
        value = cart_value(cart, items)
        step = step_in(
            value, group=group, role=role, term=term, catalogue=pricing.snapshot, at=pricing.at
        )
        wanted = pricing.snapshot.offering(offering)
        if step.slot.maximum > 1 and not step.rivals:
            put(cart, items, Wish(group, role, offering), catalogue=pricing.snapshot)
            return ()
        made = choose(step, wanted)
        _check(made, accepted=accepted, group=group, role=role)
        _write(cart, items, made.lines)
        return made.consequences

    return changed(context, code=code, change=change).result


def _check(made: Chosen, *, accepted: str, group: str, role: str) -> None:
    if made.refusal is not None:
        raise _refused(made.refusal, group=group, role=role)
    confirmation = confirmation_of(made.consequences)
    if confirmation != accepted:
        raise RuleViolated(
            "Other choices of this bundle must change with it. Look at them, then confirm.",
            code="changes_needed",
            changes=[change.key for change in made.consequences],
            confirmation=confirmation,
            group=group,
            role=role,
        )


def _refused(refusal: Refusal, *, group: str, role: str) -> RuleViolated:
    known = {"not_a_candidate", "no_price", "term_not_offered"}
    return RuleViolated(
        refusal.message.in_("en"),
        code=refusal.code if refusal.code in known else "incompatible",
        rule="" if refusal.code in known else refusal.code,
        group=group,
        role=role,
        sentences=dict(refusal.message.by_language),
        way_out=dict(refusal.way_out.by_language),
    )


def _write(cart: Cart, items: list[CartItem], lines: tuple[CartLine, ...]) -> None:
    kept = {line.id for line in lines}
    items[:] = [item for item in items if item.line_id in kept]
    for line in lines:
        if line.id == ALTERNATIVE:
            append(cart, items, Wish(line.group, line.role, line.offering, term=line.term))
        else:
            item = item_of(items, line.id)
            item.offering, item.quantity, item.term = line.offering, line.quantity, line.term
