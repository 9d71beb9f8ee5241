"""The lives of a subscription, an invoice, a bill run and a parked account, as tables."""

from enum import StrEnum

from commerce.kernel.states import Transitions


class SubscriptionStatus(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


SUBSCRIPTION_LIFE = Transitions(
    {
        SubscriptionStatus.PENDING: frozenset(
            {SubscriptionStatus.ACTIVE, SubscriptionStatus.ENDED}
        ),
        SubscriptionStatus.ACTIVE: frozenset(
            {SubscriptionStatus.SUSPENDED, SubscriptionStatus.ENDED}
        ),
        SubscriptionStatus.SUSPENDED: frozenset(
            {SubscriptionStatus.ACTIVE, SubscriptionStatus.ENDED}
        ),
    }
)


class InvoiceState(StrEnum):
    """`HELD`: the bill differs from the promise and waits for an operator. Issued is for ever."""

    DRAFT = "draft"
    HELD = "held"
    ISSUED = "issued"


class AgreementState(StrEnum):
    """Of one party that pays another's bills. `WITHDRAWN`: asked for, and taken back."""

    ASKED = "asked"
    AGREED = "agreed"
    WITHDRAWN = "withdrawn"


class Side(StrEnum):
    """Of such an agreement: who pays, and whose bills are paid."""

    PAYER = "payer"
    PAID = "paid"


class LinkState(StrEnum):
    """Of a link to pay with. `PAID`: nothing is open any more on its bills, whatever paid them."""

    SENT = "sent"
    OPENED = "opened"
    PAID = "paid"
    EXPIRED = "expired"


class DebitState(StrEnum):
    """What became of a direct debit that was announced: its bank has still to say whether it pays
    one that is `UNDER_WAY`."""

    ANNOUNCED = "announced"
    UNDER_WAY = "under_way"
    MADE = "made"
    FAILED = "failed"


class DepositState(StrEnum):
    """Of a deposit: asked for, held, or settled (it has paid for bills, or gone back)."""

    ASKED = "asked"
    HELD = "held"
    SETTLED = "settled"


INVOICE_LIFE = Transitions(
    {
        InvoiceState.DRAFT: frozenset({InvoiceState.HELD, InvoiceState.ISSUED}),
        InvoiceState.HELD: frozenset({InvoiceState.DRAFT}),
    }
)


class InvoiceKind(StrEnum):
    ORDER = "order"
    RECURRING = "recurring"
    CREDIT_NOTE = "credit_note"


class EntryState(StrEnum):
    """Of a movement at the bank: part of it is nobody's yet, all of it is somebody's, or it has
    nothing to do with customers."""

    WAITING = "waiting"
    BOOKED = "booked"
    ASIDE = "aside"


class LineKind(StrEnum):
    """`PRORATED` is a part of a cycle, priced by days; `REPAIR` corrects an earlier bill.

    No promise names `USAGE`, what was used beyond a plan, nor `THIRD`, a purchase from a third
    party or what is given back of one."""

    ONE_OFF = "one_off"
    RECURRING = "recurring"
    PRORATED = "prorated"
    BENEFIT = "benefit"
    REPAIR = "repair"
    THIRD = "third"
    USAGE = "usage"


class ChangeKind(StrEnum):
    """What an order may do to a contract that runs."""

    ADD = "add"
    REMOVE = "remove"
    PLAN = "plan"
    RENEW = "renew"
    SUSPEND = "suspend"
    RESUME = "resume"
    SIM = "sim"
    NUMBER = "number"
    HOLDER = "holder"
    ADVANTAGES = "advantages"
    TERMINATE = "terminate"
    WITHDRAW = "withdraw"


ENDING = frozenset({ChangeKind.TERMINATE, ChangeKind.WITHDRAW})
"""They end the contract, and go before every other change of it."""
CLOSING = ENDING | {ChangeKind.HOLDER}
"""The contract holds nothing any more; with the last its line goes on under another holder."""
AT_ANY_TIME = frozenset({ChangeKind.SUSPEND, ChangeKind.RESUME})
"""They touch neither what the contract holds nor what it costs: no other change is in the way."""


APART = frozenset({ChangeKind.SIM, ChangeKind.NUMBER})
"""They change what the line is reached by, not what the contract holds or costs from month to
month: each is in the way of its own kind alone."""


class BlockKind(StrEnum):
    """Why a contract's service stands still; they are independent of one another."""

    UNPAID = "unpaid"
    LOST_SIM = "lost_sim"
    WISH = "wish"
    FRAUD = "fraud"


class PromiseState(StrEnum):
    """Pledged with the order; active once the activation day has fixed its dates."""

    PENDING = "pending"
    ACTIVE = "active"


PROMISE_LIFE = Transitions({PromiseState.PENDING: frozenset({PromiseState.ACTIVE})})


class RunState(StrEnum):
    """`RUNNING`: bills are drafted. `HELD`: its control totals deviate, and nobody has decided yet.
    `ISSUING`: they agree, and the drafts get their numbers."""

    RUNNING = "running"
    HELD = "held"
    ISSUING = "issuing"
    FINISHED = "finished"


RUN_LIFE = Transitions(
    {
        RunState.RUNNING: frozenset({RunState.HELD, RunState.ISSUING, RunState.FINISHED}),
        RunState.HELD: frozenset({RunState.RUNNING, RunState.ISSUING}),
        RunState.ISSUING: frozenset({RunState.FINISHED}),
    }
)
"""Straight from running to finished goes a trial, which issues nothing."""


class ChunkState(StrEnum):
    """`DRAFTED`: the bills are written and checked, and wait for their numbers. `REJECTED`: its
    drafts are to be thrown away and drafted anew."""

    PENDING = "pending"
    DRAFTED = "drafted"
    REJECTED = "rejected"
    FINISHED = "finished"


CHUNK_LIFE = Transitions(
    {
        ChunkState.PENDING: frozenset({ChunkState.DRAFTED, ChunkState.FINISHED}),
        ChunkState.DRAFTED: frozenset({ChunkState.FINISHED, ChunkState.REJECTED}),
        ChunkState.REJECTED: frozenset({ChunkState.DRAFTED}),
    }
)


class Release(StrEnum):
    """What an operator may decide about a held bill, or a held run."""

    ISSUE = "issue"
    REDRAFT = "redraft"
