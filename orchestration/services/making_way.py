"""Orders that change a contract make way for its end."""

from dataclasses import replace

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.states import WAITING
from commerce.ordering.selectors import order_states
from commerce.ordering.services.cancel import cancel_order
from commerce.ordering.services.changes import open_apart
from orchestration.services.cancel import cancel_under_way, quote_cancellation

_FOR_GOOD = frozenset({"past_return", "bundle_over", "cancelling"})


def make_way(context: AccountContext, *, number: str, note: str) -> None:
    """Take back the change `number`.

    Raises:
        Conflict, RuleViolated: it can't be taken back, or is not yet; as `cancel_under_way`.
    """
    if order_states([number])[number] in WAITING:
        cancel_order(context, number=number, reason=note)
        return
    shown = quote_cancellation(context, number=number)
    cancel_under_way(context, number=number, token=shown.token, note=note)


def end_with_contract(*, subscription_id: int, party_id: int) -> None:
    """Take back another SIM or number that is on its way to a contract that has ended.

    What can't be taken back any more, as a card that has left, stays with an operator. May be
    repeated.

    Raises:
        Conflict, RuleViolated: it can't be taken back yet.
    """
    context = replace(SYSTEM, party_id=party_id)
    for number in open_apart(subscription_id):
        try:
            make_way(context, number=number, note="contract_ended")
        except RuleViolated as refusal:
            if refusal.code not in _FOR_GOOD:
                raise
