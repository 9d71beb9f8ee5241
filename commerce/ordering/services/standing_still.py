"""A line that is to stand still, or to go on; and what blocks it all the same."""

from catalogue.domain.model import Kind, Snapshot
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.ordering.domain.changes import BLOCKS_BY_WISH, GONE, ChangeRequest
from commerce.ordering.domain.states import ItemAction
from commerce.ordering.services.changed_line import has_recipe, kind_of, touch, touched_plan
from commerce.ordering.services.writing import Touched
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.domain.views import ItemView, SubscriptionView


def check_block(
    context: AccountContext, request: ChangeRequest, contract: SubscriptionView
) -> None:
    """For unpaid bills only the system stops a line; a block may become harder."""
    ours = context.role is Role.SYSTEM and request.block is BlockKind.UNPAID
    if request.block not in BLOCKS_BY_WISH and not ours:
        raise InvalidInput("Say why the line is to stand still.", code="block", field="block")
    blocked = request.block in contract.blocks
    if request.kind is ChangeKind.SUSPEND and not request.outgoing_only:
        blocked = blocked and request.block not in contract.outgoing_only
    if request.kind is ChangeKind.RESUME and not blocked:
        raise RuleViolated("The line does not stand still for that.", code="not_suspended")
    if request.kind is ChangeKind.SUSPEND and blocked:
        raise RuleViolated("The line stands still already.", code="already_suspended")


def touched_with_services(
    request: ChangeRequest,
    contract: SubscriptionView,
    items: tuple[ItemView, ...],
    *,
    catalogue: Snapshot,
) -> tuple[Touched, ...]:
    """The line, and the services on it that stand still and go on with it: those of which the
    release says how. They work on while the line can be called."""
    kind = request.kind
    if request.outgoing_only or lifts(request, contract) in contract.outgoing_only:
        return (touched_plan(items, catalogue=catalogue),)
    services = [
        item
        for item in items
        if kind_of(item, catalogue) is Kind.CONTENT
        and has_recipe(item, kind=kind, catalogue=catalogue)
    ]
    return (
        touched_plan(items, catalogue=catalogue),
        *(touch(item, ItemAction.MODIFY, catalogue=catalogue) for item in services),
    )


def still_blocked(request: ChangeRequest, contract: SubscriptionView) -> bool:
    lifted = lifts(request, contract)
    return lifted is not None and bool([block for block in contract.blocks if block != lifted])


def lifts(request: ChangeRequest, contract: SubscriptionView) -> BlockKind | None:
    """Which block ends with it: with another SIM that of the one that was lost."""
    if request.kind is ChangeKind.RESUME:
        return request.block
    lost = request.reason in GONE or BlockKind.LOST_SIM in contract.blocks
    return BlockKind.LOST_SIM if request.kind is ChangeKind.SIM and lost else None
