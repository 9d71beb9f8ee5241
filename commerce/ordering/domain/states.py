"""The lives of carts, orders and their items."""

from enum import StrEnum

from commerce.kernel.states import Transitions


class CartState(StrEnum):
    """`CLOSED`: joined to another cart, or given up."""

    OPEN = "open"
    ORDERED = "ordered"
    CLOSED = "closed"


class OrderState(StrEnum):
    """A consumer accepts and pays; a business order may wait for an approver instead."""

    AWAITING_APPROVAL = "awaiting_approval"
    AWAITING_ACCEPTANCE = "awaiting_acceptance"
    AWAITING_PAYMENT = "awaiting_payment"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


ORDER_LIFE = Transitions(
    {
        OrderState.AWAITING_APPROVAL: frozenset(
            {OrderState.ACCEPTED, OrderState.REJECTED, OrderState.CANCELLED}
        ),
        OrderState.AWAITING_ACCEPTANCE: frozenset(
            {OrderState.AWAITING_PAYMENT, OrderState.ACCEPTED, OrderState.CANCELLED}
        ),
        OrderState.AWAITING_PAYMENT: frozenset({OrderState.ACCEPTED, OrderState.CANCELLED}),
        OrderState.ACCEPTED: frozenset({OrderState.IN_PROGRESS, OrderState.CANCELLED}),
        OrderState.IN_PROGRESS: frozenset({OrderState.COMPLETED, OrderState.CANCELLED}),
    }
)
WAITING = frozenset(
    {
        OrderState.AWAITING_APPROVAL,
        OrderState.AWAITING_ACCEPTANCE,
        OrderState.AWAITING_PAYMENT,
    }
)
"""Nothing has been promised to the outside yet: stock, numbers and promotions are only held."""

UNDER_WAY = frozenset({OrderState.ACCEPTED, OrderState.IN_PROGRESS})
GIVEN_UP = frozenset({OrderState.CANCELLED, OrderState.REJECTED})


class ItemAction(StrEnum):
    """What a line of an order does (TMF622): what is added is new, the others have a subject."""

    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"


class ItemState(StrEnum):
    PLANNED = "planned"
    ACTIVE = "active"
    CANCELLED = "cancelled"
