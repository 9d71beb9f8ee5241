"""What subscriptions and billing tell the rest of the house."""

from dataclasses import dataclass
from datetime import date

from commerce.events.outbox import Event


@dataclass(frozen=True, slots=True)
class SubscriptionActivated(Event):
    """A contract runs: `group` of the order `order_number`."""

    order_number: str
    group: str
    subscription_id: int
    party_id: int
    activated_on: date


@dataclass(frozen=True, slots=True)
class SubscriptionChanged(Event):
    """The order `order_number` changed a running contract from the day `on`; kinds: `add`, ..."""

    subscription_id: int
    party_id: int
    order_number: str
    kind: str
    on: date


@dataclass(frozen=True, slots=True)
class CycleDayMoved(Event):
    """From the bill day `from_on` on the account is billed on the `day` of the month instead of the
    `former`; `by` and `channel` say who had it moved, `reason` why."""

    account_id: int
    party_id: int
    from_on: date
    former: int
    day: int
    reason: str
    by: str
    channel: str


@dataclass(frozen=True, slots=True)
class PayerMoved(Event):
    """That a party pays another's bills, issued from `from_on` on and before `until_on`, was
    `agreed` or has `ended`; `side` says whether the party is the `payer` or is `paid`."""

    agreement_id: int
    account_id: int
    party_id: int
    side: str
    state: str
    from_on: date
    until_on: date | None


@dataclass(frozen=True, slots=True)
class InvoiceIssued(Event):
    """A bill has its number; it never changes again. `gross` is what is to pay, tax included."""

    number: str
    account_id: int
    party_id: int
    kind: str
    gross: str
    due_on: date


@dataclass(frozen=True, slots=True)
class ElectronicInvoiceMoved(Event):
    """What became of a bill at the accredited platform: `deposited`, `rejected`, `refused` by its
    buyer, `paid`; `motive` is the platform's code."""

    number: str
    party_id: int
    status: str
    motive: str


@dataclass(frozen=True, slots=True)
class DunningMoved(Event):
    """How hard the lines of an account that has not paid are to be treated: `grade` is empty,
    `restrict`, `suspend` or `terminate`. Empty too once nothing is overdue any more."""

    case_id: int
    account_id: int
    party_id: int
    grade: str


@dataclass(frozen=True, slots=True)
class DunningCaseOpened(Event):
    """Bills of an account are overdue: `owed` in all, the oldest since the due day `since`."""

    case_id: int
    account_id: int
    party_id: int
    since: date
    owed: str


@dataclass(frozen=True, slots=True)
class DunningStepTaken(Event):
    """The `step` of the dunning table was done, `owed` being overdue: `action` is `retry`,
    `message`, `restrict`, `suspend` or `terminate`."""

    case_id: int
    account_id: int
    party_id: int
    step: str
    action: str
    owed: str


@dataclass(frozen=True, slots=True)
class DunningCaseClosed(Event):
    """Nothing of the account is overdue any more."""

    case_id: int
    account_id: int
    party_id: int


@dataclass(frozen=True, slots=True)
class PaymentPromiseMoved(Event):
    """A promise to pay on the day `on` what is overdue was `made`, `kept`, `broken` or
    `taken_back`."""

    case_id: int
    account_id: int
    party_id: int
    state: str
    on: date


@dataclass(frozen=True, slots=True)
class LateInterestMoved(Event):
    """Interest on the late bill `bill` was `asked` for, as a line of the next bill, or is `waived`,
    or `given_back`, as the money had come before; `state` says which. `interest_id` names it."""

    interest_id: int
    case_id: int
    account_id: int
    party_id: int
    bill: str
    amount: str
    state: str


@dataclass(frozen=True, slots=True)
class DebitMoved(Event):
    """The direct debit of the bill `number` under a mandate is `announced` for the day `on`, was
    `made`, or has `failed` for the bank's `reason`; `state` says which."""

    number: str
    party_id: int
    state: str
    amount: str
    mandate: str
    on: date
    reason: str


@dataclass(frozen=True, slots=True)
class AccountParked(Event):
    """An account waits for an operator; `rule` names the first thing that is wrong."""

    account_id: int
    party_id: int
    rule: str


@dataclass(frozen=True, slots=True)
class BillRunHeld(Event):
    """The control totals `controls` of the bill run of the day `on` deviate: none of its bills is
    issued before an operator has decided."""

    run_id: int
    on: date
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AllowanceReached(Event):
    """A line has used `percent` (80 or 100) of what its plan includes of `allowance` in the month
    (named by its first day)."""

    subscription_id: int
    party_id: int
    month: date
    allowance: str
    percent: int
