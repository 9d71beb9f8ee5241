"""The dated facts of one customer's life, in the field's words.

Days are local days of the account's time zone; spans are half-open. Amounts are in the master basis
of the account: with tax (TTC) for a consumer, without (HT) for a business. A fact takes effect on
its day `on` and is known since its day `known`: before, after or on that day. `entry` numbers the
facts as they were entered; of two facts for one day the later entry comes second. The order of the
facts in the tuple means nothing.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Buyer(StrEnum):
    """Whose prices are the master: a consumer's with tax, a business's without."""

    CONSUMER = "consumer"
    BUSINESS = "business"


class Effect(StrEnum):
    """What a benefit makes of the price of a charge; `value` of the benefit is p, f or a below."""

    AT_PERCENT = "at p percent of it"
    AT_PRICE = "the price f instead, if that is less"
    PERCENT_OFF = "p percent off"
    AMOUNT_OFF = "a off, not below nothing"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The days from `start` to the eve of `end`."""

    start: date
    end: date

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    @property
    def days(self) -> int:
        """How many."""
        return (self.end - self.start).days


@dataclass(frozen=True, slots=True)
class Account:
    """A billing account; a `cycle_day` of None is taken from the first activation.

    `rates` holds percent by tax class; "standard" is always there.
    """

    buyer: Buyer
    cycle_day: int | None
    rates: tuple[tuple[str, Decimal], ...]
    zone: str = "Europe/Paris"
    currency: str = "EUR"

    def rate(self, tax: str) -> Decimal:
        """The rate of a tax class, in percent."""
        return dict(self.rates)[tax]


@dataclass(frozen=True, slots=True)
class OneOff:
    """Owed once: when the item starts, or (`at_order`) when the order is accepted."""

    code: str
    price: Decimal
    tax: str = "standard"
    at_order: bool = False


@dataclass(frozen=True, slots=True)
class Recurring:
    """Owed in advance for `every` months at a time."""

    code: str
    price: Decimal
    tax: str = "standard"
    every: int = 1


@dataclass(frozen=True, slots=True)
class Usage:
    """Owed in arrears: so much per started unit over what a calendar month includes.

    That of an option adds what it includes to the plan's of the same code; the plan's price counts.
    """

    code: str
    price: Decimal
    included: Decimal
    tax: str = "standard"


Charge = OneOff | Recurring | Usage


@dataclass(frozen=True, slots=True)
class Benefit:
    """What lowers one charge of the item that it came with, from its month `first` for `months`.

    Months count from the start of the item, or from the renewal that gave the benefit; None is
    without end. A one-off charge has no months: its benefits just hold. "N months free" is
    AT_PERCENT of 0.
    """

    code: str
    charge: str
    effect: Effect
    value: Decimal
    months: int | None = None
    first: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """A plan or an option, with its charges and the benefits that it was sold with.

    Plans of one account that name the same `pool` share what they include. What is free at first
    and `asked` about goes on for money only with the holder's yes, which the lives here give.
    """

    code: str
    charges: tuple[Charge, ...]
    benefits: tuple[Benefit, ...] = ()
    pool: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Of a line that was another holder's: since when, and on which cycle day his account was."""

    since: date
    cycle_day: int


@dataclass(frozen=True, slots=True)
class Contract:
    """One line: ordered on a day, active from another one, or never (None).

    A port-in is just that: active on the day on which the number comes. `commitment` in months,
    0 for none; `subsidised` if a handset was. One that was `taken_over` goes on as it stood: its
    items carry the benefits that they were first sold with.
    """

    code: str
    ordered: date
    activated: date | None
    plan: Item
    options: tuple[Item, ...] = ()
    commitment: int = 0
    subsidised: bool = False
    taken_over: TakenOver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that became known on a day."""

    entry: int
    known: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractFact(Fact):
    """Something about one contract."""

    contract: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAdded(ContractFact):
    """An option runs from the day `on`."""

    item: Item
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRemoved(ContractFact):
    """An option no longer runs on the day `on`."""

    item: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChanged(ContractFact):
    """Another plan from the day `on`; None: from the end of the cycle in which it became known."""

    plan: Item
    on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsAnnounced(ContractFact):
    """We tell the holder that `successor` takes the place of the plan that he has, from the day
    `from_on` on at the earliest."""

    successor: Item
    from_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended(ContractFact):
    """The service is closed on these days; `billed` says whether they are paid for all the same."""

    days: Span
    billed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed(ContractFact):
    """A new commitment from the day `on`, with the plan that was chosen for it."""

    on: date
    plan: Item
    commitment: int
    subsidised: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated(ContractFact):
    """The contract ends: `on` is the first day without it. `fee` is False for a lawful motive."""

    on: date
    fee: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(ContractFact):
    """Another holder has said yes to the line: the contract ends here, free of charge, on the first
    day of its next contract month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(ContractFact):
    """The consumer withdrew within 14 days; known that day.

    `early` says that he had expressly asked for the service to begin before the 14 days were over.
    """

    on: date
    early: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Used(ContractFact):
    """A usage record, received on the day `known`; the same `record` may come again.

    `charge` is the code of the plan's usage charge, `quantity` in its unit, `at` in UTC.
    """

    record: str
    charge: str
    quantity: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned(ContractFact):
    """What was due once with the order for a charge of an item is given back, as it was sent back:
    by a credit note of its own on the day when it is known."""

    item: str
    charge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSet(ContractFact):
    """The customer's own limit to what third parties may put on a line's bill in a month."""

    month: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought(ContractFact):
    """A third party's purchase, confirmed by the customer and put on the line's bill if it may be.

    `amount` is what the merchant said, with the tax in it or without.
    """

    code: str
    amount: Decimal
    with_tax: bool = True
    tax: str = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack(ContractFact):
    """So much of a third party's purchase goes back, in its merchant's terms; None: the rest."""

    purchase: str
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidLate(Fact):
    """A bill was found to be unpaid after its day, for the first time."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensated(Fact):
    """A goodwill, or what a late port-in is worth: off the next bill."""

    code: str
    amount: Decimal
    tax: str = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleDayMoved(Fact):
    """Bills come on another day (1 to 28) from the end of the cycle in which this became known."""

    day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesDiscounted(Fact):
    """From now on, who orders a line while at least `lines` others run has its plan for less.

    `percent` off the plan's recurring charges, for as long as he has it; a later offer replaces it.
    """

    lines: int
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Life:
    """All there is to know of one billing account, up to the day `until`."""

    account: Account
    contracts: tuple[Contract, ...]
    facts: tuple[Fact, ...]
    until: date
