"""What all changes of a running line share: who may, what is touched, what is known of it."""

from collections.abc import Mapping
from dataclasses import replace

from catalogue.domain.model import Kind, Segment, Snapshot
from catalogue.selectors import last_sold
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.errors import Forbidden, RuleViolated
from commerce.kernel.tax import Basis
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.domain.numbering import comes_along
from commerce.ordering.domain.states import ItemAction
from commerce.ordering.models import OrderItem
from commerce.ordering.services.numbering import has_temporary_number
from commerce.ordering.services.writing import Touched
from subscriptions.domain.states import ChangeKind
from subscriptions.domain.views import ItemView, SubscriptionView

REMOVABLE = frozenset({Kind.OPTION, Kind.CONTENT})


def segment_of(contract: SubscriptionView) -> Segment:
    return Segment.BUSINESS if contract.basis is Basis.HT else Segment.CONSUMER


def check_may(context: AccountContext, *, consumer: bool) -> None:
    if context.role is Role.SYSTEM:
        return
    if context.role is Role.VIEWER:
        raise Forbidden("A viewer can't order.", code="viewer")
    if not consumer and context.membership_id is None:
        raise Forbidden("Only members of an organisation order for it.", code="members_only")
    require_verified(context)


def kind_of(item: ItemView, catalogue: Snapshot) -> Kind | None:
    offering = last_sold(item.offering, catalogue=catalogue)
    return offering.kind if offering is not None else None


def touch(item: ItemView, action: ItemAction, *, catalogue: Snapshot) -> Touched:
    kind = kind_of(item, catalogue)
    return Touched(
        item.id, item.offering, kind.value if kind else "", action, _learnt([item]).get(item.id, {})
    )


def touched_plan(items: tuple[ItemView, ...], *, catalogue: Snapshot) -> Touched:
    """The line itself, which goes on as what it is. Of its number and SIM `known_of` says what is
    so now; what the order that brought the plan learnt may be long past."""
    plan = next((item for item in items if kind_of(item, catalogue) is Kind.PLAN), None)
    if plan is None:
        raise RuleViolated("This contract has no line.", code="change_not_offered")
    return replace(touch(plan, ItemAction.MODIFY, catalogue=catalogue), facts={})


def has_recipe(item: ItemView, *, kind: ChangeKind, catalogue: Snapshot) -> bool:
    """Whether the release says how such a change is done to the item."""
    offering = last_sold(item.offering, catalogue=catalogue)
    if offering is None:
        return False
    return f"{offering.specification.recipe}.{kind}" in catalogue.recipes


def told_of_end(
    items: tuple[ItemView, ...], *, kind: ChangeKind, catalogue: Snapshot
) -> tuple[Touched, ...]:
    """What somebody has to be told of the end: all that has a recipe for it, the plan first. The
    rest ends with the contract, without a word to anybody."""
    told = [item for item in items if has_recipe(item, kind=kind, catalogue=catalogue)]
    if not told:
        raise RuleViolated("This contract has no line.", code="change_not_offered")
    told.sort(key=lambda item: kind_of(item, catalogue) is not Kind.PLAN)
    return tuple(touch(item, ItemAction.DELETE, catalogue=catalogue) for item in told)


def check_number_here(contract: SubscriptionView) -> None:
    """Raises RuleViolated `number_comes_along`: the line has its number only until the one that
    comes from another operator is here."""
    if has_temporary_number(contract.order_number, group=contract.group):
        raise comes_along()


def known_of(
    request: ChangeRequest,
    contract: SubscriptionView,
    items: tuple[ItemView, ...],
    *,
    catalogue: Snapshot,
) -> dict[str, str]:
    """What those who carry the change out must know of the line: its names with us and others. What
    the change replaces is `old_...`, so that nobody takes it for the new one."""
    plans = [item for item in items if kind_of(item, catalogue) is Kind.PLAN]
    learnt = _learnt(plans[:1])
    line_id = next((facts["line_id"] for facts in learnt.values() if "line_id" in facts), "")
    iccid = "old_iccid" if request.kind is ChangeKind.SIM else "iccid"
    msisdn = "old_msisdn" if request.kind is ChangeKind.NUMBER else "msisdn"
    known = {msisdn: contract.msisdn, iccid: contract.iccid, "line_id": line_id}
    return {name: value for name, value in known.items() if value}


def _learnt(items: list[ItemView]) -> dict[int, Mapping[str, str]]:
    """What the orders that brought the items learnt of them since."""
    found = OrderItem.objects.filter(
        order__number__in={item.order_number for item in items},
        line_id__in={item.line_id for item in items},
    ).values_list("order__number", "line_id", "facts")
    by_line = {(number, line): facts for number, line, facts in found}
    return {
        item.id: {**item.facts, **by_line.get((item.order_number, item.line_id), {})}
        for item in items
    }
