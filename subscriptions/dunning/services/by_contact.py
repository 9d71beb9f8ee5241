"""What who owes does about his case, or an agent for the caller; each is asked whether he may."""

from datetime import date

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.errors import Forbidden
from subscriptions.dunning.services import dunning, late_interest


def promise(
    context: AccountContext, *, on: date, note: str = "", case_id: int | None = None
) -> None:
    """Promise to pay on the day `on` what is overdue, of the open case or of `case_id`, if it is
    still open.

    Raises:
        Forbidden: `viewer`; `caller_not_verified`. As `dunning.promise_to_pay`.
    """
    _may_promise(context)
    dunning.promise_to_pay(
        party_id=context.party_id or 0, on=on, by=context.actor.name, note=note, case_id=case_id
    )


def take_back(context: AccountContext, *, case_id: int | None = None) -> None:
    """Promise no longer; as above.

    Raises:
        Forbidden: `viewer`; `caller_not_verified`. As `dunning.take_promise_back`.
    """
    _may_promise(context)
    dunning.take_promise_back(
        party_id=context.party_id or 0, by=context.actor.name, case_id=case_id
    )


def waive(context: AccountContext, *, interest_id: int, reason: str) -> None:
    """An agent waives what the customer whom he speaks with was asked for.

    Raises:
        Forbidden: `waived_by_agents`; `caller_not_verified`. As `late_interest.waive`.
    """
    if context.role is not Role.AGENT:
        raise Forbidden("Interest is waived by an agent.", code="waived_by_agents")
    require_verified(context)
    late_interest.waive(
        party_id=context.party_id or 0,
        interest_id=interest_id,
        by=context.actor.name,
        reason=reason,
    )


def _may_promise(context: AccountContext) -> None:
    if context.role is Role.VIEWER:
        raise Forbidden("A viewer can't promise.", code="viewer")
    require_verified(context)
