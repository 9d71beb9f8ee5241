"""Whose webhooks an actor may see and manage."""

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import MEMBER_ROLES, Role
from commerce.kernel.errors import Forbidden

MANAGERS = frozenset({Role.ADMINISTRATOR, Role.BUYER, Role.OPERATOR})


def owner_of_webhooks(context: AccountContext, *, manage: bool = False) -> int | None:
    """The firm for which the actor acts; None for the operator's own systems and partners.

    Raises:
        Forbidden: `webhooks_of_firms_only` for anyone else, `may_not_manage_webhooks`.
    """
    if context.role != Role.OPERATOR and (
        context.role not in MEMBER_ROLES or context.party_id is None
    ):
        raise Forbidden(
            "Webhooks are for firms and for the operator.", code="webhooks_of_firms_only"
        )
    if manage and context.role not in MANAGERS:
        raise Forbidden(
            "Ask an administrator or a buyer of your firm to manage its webhooks.",
            code="may_not_manage_webhooks",
        )
    return None if context.role == Role.OPERATOR else context.party_id
