"""Retention offers: an agent gives one to the customer's cart, and says for which reason."""

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound
from commerce.ordering.models import Cart, CartItem
from commerce.ordering.services.editing import changed
from commerce.ordering.services.pricing import Pricing


def retain(context: AccountContext, *, code: str, promotion: str, reason: str) -> None:
    """Let the cart have a retention offer for one of its reasons; the quote says what it gives.

    The cart keeps it in every channel. Another reason replaces the one before.

    Raises:
        Forbidden: `agents_only`, or as for every change of a cart.
        NotFound: `unknown_promotion`. InvalidInput: `unknown_reason`; `detail["reasons"]` are
            those there are.
    """
    _check_agent(context)

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        found = pricing.promotions.promotions.get(promotion)
        if found is None or not found.reasons:
            raise NotFound("There is no such retention offer.", code="unknown_promotion")
        if reason not in found.reasons:
            raise InvalidInput(
                f"The reason is one of: {', '.join(found.reasons)}.",
                code="unknown_reason",
                field="reason",
                reasons=list(found.reasons),
            )
        cart.retained = {**cart.retained, promotion: reason}

    changed(context, code=code, change=change)


def let_go(context: AccountContext, *, code: str, promotion: str) -> None:
    """Take a retention offer back. Once gone, nothing happens.

    Raises:
        Forbidden: `agents_only`, or as for every change of a cart.
    """
    _check_agent(context)

    def change(cart: Cart, items: list[CartItem], pricing: Pricing) -> None:
        cart.retained = {code: why for code, why in cart.retained.items() if code != promotion}

    changed(context, code=code, change=change)


def _check_agent(context: AccountContext) -> None:
    if context.role is not Role.AGENT:
        raise Forbidden("Only an agent gives retention offers.", code="agents_only")
