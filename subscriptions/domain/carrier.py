"""Purchases of third parties on the telephone bill: their lives, what forbids one, what it costs.

Who sells is a merchant with a contract of his own. The caps are the law's (CMF L521-3-1); a line
may have lower ones and blocks of its own. Sums are tax included: what the customer pays.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.kernel.states import Transitions
from commerce.markets.pack import CarrierCaps

CENT = Decimal("0.01")


class PaymentState(StrEnum):
    """CAMARA Carrier Billing 0.5; we answer at once, so its `processing` never comes."""

    PENDING_VALIDATION = "pending_validation"
    RESERVED = "reserved"
    SUCCEEDED = "succeeded"
    DENIED = "denied"
    CANCELLED = "cancelled"


PAYMENT_LIFE = Transitions(
    {
        PaymentState.PENDING_VALIDATION: frozenset(
            {PaymentState.RESERVED, PaymentState.DENIED, PaymentState.CANCELLED}
        ),
        PaymentState.RESERVED: frozenset(
            {PaymentState.SUCCEEDED, PaymentState.DENIED, PaymentState.CANCELLED}
        ),
    }
)
OPEN = (PaymentState.PENDING_VALIDATION, PaymentState.RESERVED)
COUNTED = (*OPEN, PaymentState.SUCCEEDED)
"""They use up the month's cap: who reserves may confirm. What is refunded later counted too."""


class RefundKind(StrEnum):
    """After a total refund no other follows."""

    TOTAL = "total"
    PARTIAL = "partial"


class Category(StrEnum):
    """What the law lets stand on a telephone bill; goods never."""

    DIGITAL = "digital"
    VOICE = "voice"
    DONATION = "donation"
    TICKET = "ticket"


CATEGORIES: Mapping[str, Category] = {
    **{str(each): each for each in Category},
    **dict.fromkeys(
        ("apps", "games", "music", "video", "streaming", "press", "books", "digital-content"),
        Category.DIGITAL,
    ),
    **dict.fromkeys(("calls", "voice-services"), Category.VOICE),
    **dict.fromkeys(("donations", "charity"), Category.DONATION),
    **dict.fromkeys(("ticketing", "transport", "parking", "events"), Category.TICKET),
}
"""What merchants call their things (`purchaseCategoryCode`); another word is none of them."""


class MerchantBook(StrEnum):
    """The books in which what we owe merchants is kept, each per merchant: the `COST` of what they
    sell through us, what is `PAYABLE` to them, and what left our `BANK`."""

    COST = "cost"
    PAYABLE = "payable"
    BANK = "bank"


class Rule(StrEnum):
    """What forbade a purchase."""

    LINE_BLOCKED = "line_blocked"
    NOT_LEGAL = "category_not_allowed"
    NOT_IN_CONTRACT = "not_in_merchants_contract"
    NOT_CONFIRMED = "needs_confirmation"
    ALL_BLOCKED = "blocked_by_customer"
    CATEGORY_BLOCKED = "category_blocked_by_customer"
    MERCHANT_BLOCKED = "merchant_blocked_by_customer"
    OVER_PURCHASE_CAP = "over_purchase_cap"
    OVER_MONTH_CAP = "over_month_cap"
    OVER_OWN_PURCHASE_CAP = "over_own_purchase_cap"
    OVER_OWN_MONTH_CAP = "over_own_month_cap"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the customer chose for a line; None is the law's cap."""

    per_purchase: Money | None = None
    per_month: Money | None = None
    blocked: bool = False
    categories: frozenset[Category] = frozenset()
    merchants: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """A purchase to be decided. It is `confirmed` if the customer himself says yes to it or to what
    it belongs to, beside what he does at the merchant's."""

    gross: Money
    category: Category | None
    merchant: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Price:
    """To the cent, once; `net` is what the rate leaves of `gross`."""

    net: Money
    gross: Money


def refusal(
    asked: Asked,
    *,
    line_open: bool,
    contract: frozenset[Category],
    limits: Limits,
    caps: CarrierCaps,
    spent: Money,
    together: Money,
) -> Rule | None:
    """The first rule that forbids the purchase on a line that has `spent` so much this month, and
    so much `together` with the lines that count with it.

    Exactly a cap is allowed (CMF L521-3-1: at most 50 EUR each and 300 EUR a month and subscriber).
    """
    month = spent + asked.gross
    own_purchase, own_month = limits.per_purchase, limits.per_month
    forbids = (
        (Rule.LINE_BLOCKED, not line_open),
        (Rule.NOT_LEGAL, asked.category is None),
        (Rule.NOT_IN_CONTRACT, asked.category not in contract),
        (Rule.NOT_CONFIRMED, not asked.confirmed),
        (Rule.ALL_BLOCKED, limits.blocked),
        (Rule.CATEGORY_BLOCKED, asked.category in limits.categories),
        (Rule.MERCHANT_BLOCKED, asked.merchant in limits.merchants),
        (Rule.OVER_PURCHASE_CAP, caps.per_purchase < asked.gross),
        (Rule.OVER_MONTH_CAP, caps.per_month < together + asked.gross),
        (Rule.OVER_OWN_PURCHASE_CAP, own_purchase is not None and own_purchase < asked.gross),
        (Rule.OVER_OWN_MONTH_CAP, own_month is not None and own_month < month),
    )
    return next((rule for rule, holds in forbids if holds), None)


def price_of(amount: Money, *, tax_included: bool, tax: Decimal | None, rate: Decimal) -> Price:
    """What a merchant's `amount` costs, at the `rate` (percent) of his contract.

    A tax that he names himself is taken, if it is that of his rate but for a cent.

    Raises:
        InvalidInput: `tax_mismatch`; `less_than_a_cent`.
    """
    whole = 1 + rate / 100
    if tax_included:
        gross = amount.rounded()
    else:
        gross = amount + Money(tax, amount.currency) if tax is not None else amount * whole
        gross = gross.rounded()
    price = Price((gross / whole).rounded(), gross)
    if gross.amount < CENT:
        raise InvalidInput("An amount is at least a cent.", code="less_than_a_cent")
    if tax is not None and abs(tax - (gross.amount - gross.amount / whole)) > CENT:
        raise InvalidInput(
            f"The tax is not that of {rate} %, which the contract names.", code="tax_mismatch"
        )
    return price


def refunded(
    payment: Price, *, amount: Decimal, part: Decimal, remaining: Decimal, given_back: Price
) -> Price:
    """What a refund of `part` is worth of a payment of `amount`, both in the merchant's terms.

    All refunds of a payment are rounded together: never do they come to more than it, and once
    nothing is `remaining` to exactly it.
    """
    done = amount - remaining + part
    return Price(
        (payment.net * done / amount).rounded() - given_back.net,
        (payment.gross * done / amount).rounded() - given_back.gross,
    )


def steps_crossed(*, before: Money, after: Money, step: Money) -> int:
    """How many multiples of `step` lie above `before` and up to `after` (AFMM charter: the customer
    is told each 5 EUR)."""
    return int(after.amount // step.amount) - int(before.amount // step.amount)


def month_of(day: date) -> date:
    """The calendar month that a purchase counts in, by its first day."""
    return day.replace(day=1)


def purchase_label(
    service: str, seller: str, support: str, monthly: bool, *, given_back: bool
) -> Mapping[str, str]:
    """What a bill says of a purchase beside its day and price (arrêté of 31 Dec 2013): the service,
    who sold it, and who helps."""
    if given_back:
        before = {"fr": "Remboursement : ", "en": "Refund: "}
    elif monthly:
        before = {"fr": "Abonnement : ", "en": "Subscription: "}
    else:
        before = {"fr": "", "en": ""}
    return {
        "fr": f"{before['fr']}{service} \u2013 {seller} (assistance : {support})",
        "en": f"{before['en']}{service} \u2013 {seller} (help: {support})",
    }


def share_of(net: Money, *, share: Decimal, purchases: int, fee: Money) -> Money:
    """What a merchant gets of a month: his `share` (percent) of what was sold without tax, less
    what was given back, and less the fee of each purchase; rounded once. Below zero he owes it."""
    return (net * share / 100).rounded() - fee * purchases


def stopped_by(text: str, services: Collection[tuple[str, str]]) -> tuple[int, ...] | None:
    """Which of the monthly services, by their places, a customer's SMS ends; None if it ends
    nothing, as it does not begin with STOP.

    A service (code and name) is meant if its code or name begins with what follows. STOP alone, or
    with a name that nobody has, ends all: who writes it wants to be charged no more.
    """
    word, _, rest = text.strip().partition(" ")
    if word.casefold().rstrip(".!") != "stop":
        return None
    named = rest.strip().casefold()
    found = tuple(
        place
        for place, names in enumerate(services)
        if named and any(name.casefold().startswith(named) for name in names)
    )
    return found or tuple(range(len(services)))
