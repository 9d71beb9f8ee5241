"""Business orders above the buyer's limit wait for another member; nobody approves his own."""

from dataclasses import replace

from django.db import transaction

from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.selectors import MemberFacts
from commerce.events import outbox
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, Forbidden, RuleViolated
from commerce.kernel.money import Money
from commerce.notifications.services import send
from commerce.ordering.domain.states import OrderState
from commerce.ordering.events import ApprovalAsked
from commerce.ordering.models import Approval, Order
from commerce.ordering.services import acceptance, links
from commerce.ordering.services.access import find_order
from commerce.ordering.services.writing import Draft, write_order


def write_with_approval(draft: Draft, *, context: AccountContext) -> Order:
    """As `write_order`; a member's order above his limit waits for an approver.

    What counts is the whole obligation: due today and over the commitment, without tax.

    Raises:
        RuleViolated: `no_approver`: nobody up the tree may approve so much.
    """
    if draft.membership_id is None or draft.state is not OrderState.ACCEPTED:
        return write_order(draft, context=context)
    buyer = accounts.membership(draft.membership_id)
    amount = draft.quote.commitment_total.rounded()
    if amount <= buyer.limit:
        return write_order(draft, context=context)
    approver = accounts.approver_for(unit_id=buyer.unit_id, amount=amount, buyer_id=buyer.id)
    if approver is None:
        raise RuleViolated(
            f"Nobody in your organisation may approve an order of {amount}.",
            code="no_approver",
            amount=str(amount),
        )
    order = write_order(replace(draft, state=OrderState.AWAITING_APPROVAL), context=context)
    _ask(order, buyer=buyer, approver=approver, amount=amount)
    return order


@transaction.atomic
def approve_order(context: AccountContext, *, number: str, note: str = "") -> None:
    """Let the order bind. Once approved, nothing happens.

    Raises:
        NotFound: `unknown_order`.
        Forbidden: `own_order`, `not_an_approver`, or `limit_too_low` for the actor.
        Conflict: `already_decided`.
    """
    order, approval = _undecided(context, number=number, verdict=True)
    if approval is None:
        return
    _decide(approval, context=context, approved=True, note=note)
    acceptance.bind(order, context=context, reason="approved")
    _tell(order, "order_approved", approver=context.actor.name)


@transaction.atomic
def reject_order(context: AccountContext, *, number: str, note: str = "") -> None:
    """Refuse the order; what was held for it is free again. Once rejected, nothing happens.

    Raises: as `approve_order`, but no limit is asked for.
    """
    order, approval = _undecided(context, number=number, verdict=False)
    if approval is None:
        return
    _decide(approval, context=context, approved=False, note=note)
    acceptance.give_up(order, OrderState.REJECTED, context=context, reason=note[:80] or "rejected")
    _tell(order, "order_rejected", approver=context.actor.name, reason=note)


def _ask(order: Order, *, buyer: MemberFacts, approver: MemberFacts, amount: Money) -> None:
    Approval.objects.create(
        order=order,
        amount=amount.amount,
        limit=buyer.limit.amount,
        asked_of_id=approver.id,
        asked_of_name=approver.name,
        asked_at=business_now(),
    )
    outbox.publish(
        ApprovalAsked(number=order.number, party_id=order.party_id, asked_of=approver.id)
    )
    if approver.email:
        send(
            code="approval_needed",
            to=approver.email,
            language=order.language,
            values={
                "order": order.number,
                "buyer": buyer.name,
                "amount": str(amount),
                "url": links.absolute(links.APPROVE, number=order.number),
            },
            reference=f"{order.number}/approval",
        )


def _undecided(
    context: AccountContext, *, number: str, verdict: bool
) -> tuple[Order, Approval | None]:
    order = find_order(context, number=number, lock=True)
    approval = Approval.objects.filter(order=order).first()
    if approval is None:
        raise Conflict(f"The order {order.number} needs no approval.", code="already_decided")
    _may_decide(context, order=order, amount=Money(approval.amount) if verdict else None)
    if approval.approved is verdict:
        return order, None
    if order.state != OrderState.AWAITING_APPROVAL:
        raise Conflict(
            f"The order {order.number} is decided already.",
            code="already_decided",
            state=order.state,
        )
    return order, approval


def _may_decide(context: AccountContext, *, order: Order, amount: Money | None) -> None:
    if context.membership_id is None or context.role not in (Role.APPROVER, Role.ADMINISTRATOR):
        raise Forbidden("Only an approver decides on orders.", code="not_an_approver")
    member = accounts.membership(context.membership_id)
    own = order.membership_id == member.id
    if not own and member.user_id is not None and order.membership_id is not None:
        own = accounts.membership(order.membership_id).user_id == member.user_id
    if own:
        raise Forbidden("Nobody approves his own order.", code="own_order")
    if amount is not None and member.limit < amount:
        raise Forbidden(
            f"Your limit of {member.limit} is below {amount}.",
            code="limit_too_low",
            limit=str(member.limit),
            amount=str(amount),
        )


def _decide(approval: Approval, *, context: AccountContext, approved: bool, note: str) -> None:
    approval.approved = approved
    approval.decided_by_id = context.membership_id
    approval.decided_by_name = context.actor.name
    approval.decided_at = business_now()
    approval.note = note.strip()[:300]
    approval.save()


def _tell(order: Order, code: str, **values: str) -> None:
    if order.email:
        send(
            code=code,
            to=order.email,
            language=order.language,
            values={"order": order.number, **values},
            reference=f"{order.number}/{code}",
        )
