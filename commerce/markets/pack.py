"""What a country brings: one pack per market, looked up by its code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol, cast

from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Mention:
    """A sentence that an invoice must carry, per language."""

    code: str
    text: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CarrierCaps:
    """The most that third parties may put on a telephone bill."""

    per_purchase: Money
    per_month: Money


@dataclass(frozen=True, slots=True)
class Tariff:
    """What callers of a special number pay for the service: `mode` free, ordinary, per_minute or
    per_call; `price` tax included."""

    mode: str
    price: Money


class NumberUse(StrEnum):
    """What a special number serves, as its holder declares: SERVICE is paid for by the call itself,
    AFTER_SALES follows up contracts that run."""

    SALES = "sales"
    INFORMATION = "information"
    SERVICE = "service"
    AFTER_SALES = "after_sales"
    COMPLAINTS = "complaints"


TARIFFS: Mapping[str, Sentence] = {
    "free": Sentence("free of charge"),
    "ordinary": Sentence("at the price of a call"),
    "surcharged": Sentence("surcharged"),
    "per_minute": Sentence("surcharged per minute"),
    "per_call": Sentence("surcharged per call"),
}
"""The modes and categories of tariffs in words."""
USES: Mapping[str, Sentence] = {
    NumberUse.SALES: Sentence("sales"),
    NumberUse.INFORMATION: Sentence("information"),
    NumberUse.SERVICE: Sentence("services paid by the call"),
    NumberUse.AFTER_SALES: Sentence("after-sales service"),
    NumberUse.COMPLAINTS: Sentence("complaints"),
}


@dataclass(frozen=True, slots=True)
class SpecialTariff:
    """A tariff as the law sees it: its category, the colour and words of the price sign that must
    be shown with the number, what else is to be kept to, and the uses that the law forbids, each
    with its sentence.
    """

    category: str
    colour: str
    tariff: Tariff
    sign: Mapping[str, str]
    duties: tuple[Mention, ...]
    forbidden: Mapping[NumberUse, Mention] = field(default_factory=dict)


class Mend(StrEnum):
    """What a customer can do about a refused porting: correct the DATA, WAIT and send it again, ask
    the line's HOLDER, or NONE but take a new number."""

    DATA = "data"
    WAIT = "wait"
    HOLDER = "holder"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Motive:
    """Why a porting may be refused, and the customer's next step; by language."""

    code: str
    mend: Mend
    text: Mapping[str, str]
    next_step: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PortingRules:
    """The delays of number portability, in working days; what is owed for a late one.

    `answer_days`: the donor says whether the number may leave. `total_days`: from the request to
    the porting, unless the customer wished a later day. `cancel_until`: on the eve of the cut-over,
    local time. `recoverable_days` after the end of its contract a number can still be had back, and
    its key still be asked for (calendar days).
    """

    answer_days: int
    total_days: int
    cancel_until: time
    slots: tuple[str, ...]
    late_per_day: Money
    late_at_most: Money
    recoverable_days: int


@dataclass(frozen=True, slots=True)
class TerminationRules:
    """How a contract is ended: the notice in days from the receipt, and for which `motives`, by
    code and language, nothing is owed once they are proved."""

    notice_days: int
    motives: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class WithdrawalRules:
    """`refund_days` from the statement on; `wear`, by grade of a piece that came back, is the share
    of its price that is owed."""

    refund_days: int
    wear: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class DebitRules:
    """`notice_days`: how long before a debit its payer is told of it, as the terms say;
    `refund_weeks` after it he may have the money back without a reason."""

    notice_days: int
    refund_weeks: int


@dataclass(frozen=True, slots=True)
class LateRate:
    """What is overdue bears `percent` a year from the day `since` on, until another rate does."""

    since: date
    percent: Decimal


@dataclass(frozen=True, slots=True)
class TermsRules:
    """A change of running contracts is told `notice_months` before it takes effect; who does not
    want it leaves free of charge until `leave_months` after that day."""

    notice_months: int
    leave_months: int


@dataclass(frozen=True, slots=True)
class CycleRules:
    """The `days` of the month on which an account may be billed, and how many months a customer
    waits between two moves of his."""

    days: tuple[int, ...]
    months_between: int


@dataclass(frozen=True, slots=True)
class FreeThenPaidRules:
    """Which `kinds` of offerings a consumer must expressly agree to pay for when their free months
    are over: he is asked `asks_days` before the first paid day, and answers until `answers_days`
    before it, that day included."""

    kinds: frozenset[str]
    asks_days: int
    answers_days: int


class AtEnd(StrEnum):
    """What becomes of the parts that are left when the contract ends that the device came with."""

    GOES_ON = "goes_on"
    FALLS_DUE = "falls_due"


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """How a price may be paid in parts, always without fee or interest.

    `parts`: into how many, today's included. From `least` on, tax included. The first part is at
    least `first_share` of the price (zero: all are equal), `cautious_share` where the credit rule
    asks for more. No part falls due later than `longest_days` after the bill (None: no limit).
    With the end of the contract what is left goes on, or falls due, as `at_end` says.
    """

    parts: tuple[int, ...]
    least: Money
    first_share: Decimal
    cautious_share: Decimal
    longest_days: int | None = None
    at_end: AtEnd = AtEnd.GOES_ON


@dataclass(frozen=True, slots=True)
class CreditRules:
    """Who may pay a device in parts: `terms` by segment; in those of `by_default` without a word of
    the operator. `closed` says by segment why it is not possible, whatever an operator says."""

    terms: Mapping[str, CreditTerms]
    by_default: frozenset[str] = frozenset()
    closed: Mapping[str, Sentence] = field(default_factory=dict)


class Market(Protocol):
    """The rules of one country. All functions are pure."""

    code: str
    currency: str
    time_zone: str

    def tax_rates(self, on: date) -> Mapping[str, Decimal]:
        """Rate per cent (20, 2.1) by tax class on that day."""

    def normalise_number(self, text: str) -> str:
        """A telephone number as people write it, in national form without spaces.

        Raises:
            InvalidInput: `number_invalid`.
        """

    def display_number(self, number: str) -> str:
        """As people of the country write it."""

    def is_mobile(self, number: str) -> bool:
        """Whether a national number is a mobile one."""

    def is_special(self, number: str) -> bool:
        """Whether a number is a special one, whose callers may pay for a service."""

    def special_tariff(self, number: str, *, tariff: Tariff, on: date) -> SpecialTariff:
        """The category of a special number (or of all that begin so) at `tariff`, by the rules of
        the day `on`.

        Raises:
            InvalidInput: it is no special number, or the tariff is not allowed for it.
        """

    def service_price(self, tariff: Tariff, *, seconds: int) -> Money:
        """What the service costs a caller who stays that long, beside the price of the call."""

    def quarantine_days(self) -> tuple[int, int]:
        """How long a number rests at least and at most before another user gets it."""

    def check_port_key(self, *, number: str, key: str) -> str:
        """The normalised key that lets `number` leave its operator.

        Raises:
            InvalidInput: the code says what is wrong with it.
        """

    def port_key_of(self, *, number: str, operator: str, business: bool, contract: str) -> str:
        """The key that lets a number of ours leave; `operator` are our two characters, `contract`
        six letters or figures that stand for its contract."""

    def porting_rules(self) -> PortingRules:
        """Delays, slots and compensation of number portability."""

    def porting_motives(self) -> Mapping[str, Motive]:
        """The closed list of reasons for which a porting may be refused, by code."""

    def is_working_day(self, day: date) -> bool:
        """Whether things happen that the law counts in working days."""

    def add_working_days(self, day: date, *, days: int) -> date:
        """The day that comes `days` working days after `day`, which itself never counts."""

    def termination_rules(self) -> TerminationRules:
        """Notice, and the motives that cost nothing."""

    def early_termination_fee(
        self,
        instalments: Sequence[Money],
        *,
        elapsed: int,
        subsidised: bool,
        committed_on: date,
        business: bool,
    ) -> Money:
        """What is owed for leaving after `elapsed` full months, when `instalments` are left of a
        commitment that began on the day `committed_on`."""

    def terms_rules(self) -> TermsRules:
        """Changes of running contracts that we make."""

    def cycle_rules(self) -> CycleRules:
        """On which days bills are made, and how often a customer may move his."""

    def free_then_paid_rules(self) -> FreeThenPaidRules:
        """What goes on for money only with an express consent."""

    def withdrawal_rules(self) -> WithdrawalRules:
        """The refund, and what is owed for wear."""

    def withdrawal_last_day(self, concluded_on: date) -> date:
        """The last day on which a distance contract can be withdrawn from."""

    def debit_rules(self) -> DebitRules:
        """Notice and refund of direct debits."""

    def carrier_caps(self) -> CarrierCaps:
        """The caps for purchases of third parties."""

    def dunning_policy(self) -> Mapping[str, Any]:
        """What becomes of unpaid bills: what `subscriptions.domain.dunning.read_policy` reads."""

    def letter_days(self) -> int:
        """How many days a letter is given to arrive."""

    def late_rates(self) -> tuple[LateRate, ...]:
        """What a professional's late bill bears, as its mentions say, the earliest first."""

    def credit_rules(self) -> CreditRules:
        """Devices that are paid in parts."""

    def invoice_mentions(self, *, business: bool) -> tuple[Mention, ...]:
        """What the invoice of that kind of buyer must say."""

    def check_company(self, *, site: str, vat_number: str) -> str:
        """The registration number of the company that has this site and this VAT number.

        Raises:
            InvalidInput: `company_number_invalid`: one is wrong, or they are of two companies.
        """


def market(code: str) -> Market:
    """The pack of that country.

    Raises:
        LookupError: there is none.
    """
    if not code.isidentifier():
        raise LookupError(f"there is no market {code!r}")
    try:
        module = import_module(f"commerce.markets.{code}.market")
    except ModuleNotFoundError as error:
        raise LookupError(f"there is no market {code!r}") from error
    return cast("Market", module.MARKET)
