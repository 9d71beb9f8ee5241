"""Queues per kind of work, and whose turn it is: who orders much stands behind himself alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

AT_ONCE = 20
"""Bundles of one order that are handled like anybody's; each further twenty wait a turn longer."""
MOST_TURNS = 32_000
AFTER_ORDERS = MOST_TURNS
"""The turn of what a run leads to: behind the lines of every order, as there may be a million."""


class WorkQueue(StrEnum):
    """Kinds of work that wait for different things, and so for different workers.

    `SETTLING` needs the database alone; `CALLS` waits for providers, `PAYMENTS` for the payment
    provider, `MESSAGES` for whoever carries messages, `WEBHOOKS` for the programs of others;
    `BILLING` makes bills; `BULK` is what large orders and bill runs lead to, of whatever kind.
    """

    SETTLING = "settling"
    CALLS = "calls"
    PAYMENTS = "payments"
    MESSAGES = "messages"
    WEBHOOKS = "webhooks"
    BILLING = "billing"
    BULK = "bulk"


_FOLLOW = frozenset({WorkQueue.SETTLING, WorkQueue.CALLS, WorkQueue.MESSAGES})
_turn: ContextVar[int] = ContextVar("turn", default=0)


def turn_of(position: int) -> int:
    """The turn of the bundle that stands at `position` (from 0) of its order."""
    return min(position // AT_ONCE, MOST_TURNS)


def current_turn() -> int:
    """The turn of the work that is being carried out; 0 outside of bulk orders."""
    return _turn.get()


@contextmanager
def in_turn(turn: int) -> Iterator[None]:
    """What is told and set within the block has this turn, as it follows from that work."""
    token = _turn.set(turn)
    try:
        yield
    finally:
        _turn.reset(token)


def placed(queue: WorkQueue) -> tuple[WorkQueue, int]:
    """Where work of the kind `queue` waits that is told of now, and with which turn.

    Money is nobody's bulk: payments and bills keep their queues. Webhooks keep theirs too, with
    the turn: a slow receiver holds up neither `BULK` nor those who hear of small orders.
    """
    turn = current_turn()
    if turn and queue in _FOLLOW:
        return WorkQueue.BULK, turn
    return queue, turn if queue is WorkQueue.WEBHOOKS else 0
