"""Purchases of third parties on the telephone bill: their lives, what forbids one, what it costs.

Who sells is a merchant with a contract of his own. The caps are the law's (CMF L521-3-1); a line
may have lower ones and blocks of its own. Sums are tax included: what the customer pays.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money, total
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


class Selling(StrEnum):
    """In whose name a merchant's things are sold, by his contract.

    As a `RESELLER` we buy and sell on; as an `UNTOLD` agent we sell in our own name for his
    account: to the customer, the tax and the books both are our sale (art. 256 V CGI). As a `TOLD`
    agent we sell in the merchant's name, and the customer is told so: the sale and its tax are his,
    what we collect is owed to him, and our commission alone is ours (art. 267 II 2 CGI).
    """

    RESELLER = "reseller"
    UNTOLD = "untold"
    TOLD = "told"


COLLECTED = "collected"
"""The tax class of lines that bill another's sale: no tax of ours is in them."""
NEVER_BOUGHT = "never bought"
"""So begins the reason of what nobody bought, as it is kept and as merchants' programs read it;
what the customer said follows after a colon. Pages say it in their own language."""


class MerchantBook(StrEnum):
    """The books in which what we owe merchants is kept, each per merchant: the `COST` of what we
    buy of them to sell it, what is `PAYABLE` to them, and what left our `BANK`. Of what is sold in
    their own name `HELD` is what bills collect for them, and `SET_OFF` what our invoices to them
    claim, as the customers' ledger has it too; before there were such invoices our commission was
    in `FEES` and the tax on it in `VAT`."""

    COST = "cost"
    PAYABLE = "payable"
    BANK = "bank"
    HELD = "held"
    FEES = "fees"
    VAT = "vat"
    SET_OFF = "set_off"


class Rule(StrEnum):
    """What forbade a purchase."""

    NOT_OPENED = "not_opened_by_firm"
    LINE_BLOCKED = "line_blocked"
    NOT_LEGAL = "category_not_allowed"
    NOT_IN_CONTRACT = "not_in_merchants_contract"
    NOT_CONFIRMED = "needs_confirmation"
    ALL_BLOCKED = "blocked_by_customer"
    CATEGORY_BLOCKED = "category_blocked_by_customer"
    MERCHANT_BLOCKED = "merchant_blocked_by_customer"
    OVER_PURCHASE_CAP = "over_purchase_cap"
    OVER_MONTH_CAP = "over_month_cap"
    OVER_MERCHANT_CAP = "over_merchant_cap"
    OVER_OWN_PURCHASE_CAP = "over_own_purchase_cap"
    OVER_OWN_DAY_CAP = "over_own_day_cap"
    OVER_OWN_MONTH_CAP = "over_own_month_cap"
    OVER_OWN_CATEGORY_CAP = "over_own_category_cap"
    OVER_OWN_MERCHANT_CAP = "over_own_merchant_cap"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the customer chose for a line; None is the law's cap. `per_category` caps what a month
    holds of a kind, `per_merchant` of what a merchant (his code) sells; `categories` and
    `merchants` are blocked. A line that is not `opened` is a firm's that never said what its users
    may buy."""

    opened: bool = True
    per_purchase: Money | None = None
    per_day: Money | None = None
    per_month: Money | None = None
    per_category: Mapping[Category, Money] = field(default_factory=dict)
    per_merchant: Mapping[str, Money] = field(default_factory=dict)
    blocked: bool = False
    categories: frozenset[Category] = frozenset()
    merchants: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Spent:
    """What counts on a line: in this calendar month, of it `today`, and of it of the kind
    (`of_kind`) that is asked for and of the merchant who asks (`of_merchant`); `together` is the
    month's with the lines that count with it."""

    month: Money
    today: Money
    of_kind: Money
    of_merchant: Money
    together: Money


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
    spent: Spent,
    of_contract: Money | None = None,
) -> Rule | None:
    """The first rule that forbids the purchase on a line that has `spent` so much. `of_contract` is
    what a line may spend in a month with this merchant by his contract, if that says so.

    Exactly a cap is allowed (CMF L521-3-1: at most 50 EUR each and 300 EUR a month and subscriber).
    """
    own = limits.per_category.get(asked.category) if asked.category else None

    def beyond(cap: Money | None, before: Money) -> bool:
        return cap is not None and cap < before + asked.gross

    nothing = Money.zero(asked.gross.currency)
    forbids = (
        (Rule.NOT_OPENED, not limits.opened),
        (Rule.LINE_BLOCKED, not line_open),
        (Rule.NOT_LEGAL, asked.category is None),
        (Rule.NOT_IN_CONTRACT, asked.category not in contract),
        (Rule.NOT_CONFIRMED, not asked.confirmed),
        (Rule.ALL_BLOCKED, limits.blocked),
        (Rule.CATEGORY_BLOCKED, asked.category in limits.categories),
        (Rule.MERCHANT_BLOCKED, asked.merchant in limits.merchants),
        (Rule.OVER_PURCHASE_CAP, caps.per_purchase < asked.gross),
        (Rule.OVER_MONTH_CAP, beyond(caps.per_month, spent.together)),
        (Rule.OVER_MERCHANT_CAP, beyond(of_contract, spent.of_merchant)),
        (Rule.OVER_OWN_PURCHASE_CAP, beyond(limits.per_purchase, nothing)),
        (Rule.OVER_OWN_DAY_CAP, beyond(limits.per_day, spent.today)),
        (Rule.OVER_OWN_MONTH_CAP, beyond(limits.per_month, spent.month)),
        (Rule.OVER_OWN_CATEGORY_CAP, beyond(own, spent.of_kind)),
        (
            Rule.OVER_OWN_MERCHANT_CAP,
            beyond(limits.per_merchant.get(asked.merchant), spent.of_merchant),
        ),
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


def may_be_sold(categories: Collection[Category], *, selling: Selling) -> bool:
    """Whether a merchant may sell such things in that way.

    Who authorises the charge of an electronic service can name nobody else as its seller (art. 9a
    of regulation 282/2011); a donation is nobody's sale, so that it is only collected.
    """
    never = Category.DIGITAL if selling is Selling.TOLD else Category.DONATION
    return never not in categories


def purchase_label(
    service: str,
    seller: str,
    support: str,
    monthly: bool,
    collected_at: Decimal | None = None,
    *,
    given_back: bool,
) -> Mapping[str, str]:
    """What a bill says of a purchase beside its day and price (arrêté of 31 Dec 2013): the service,
    who sold it, and who helps; of what is sold in the seller's own name that it is, and the rate
    (percent) of his tax in it."""
    if given_back:
        before = {"fr": "Remboursement : ", "en": "Refund: "}
    elif monthly:
        before = {"fr": "Abonnement : ", "en": "Subscription: "}
    else:
        before = {"fr": "", "en": ""}
    in_his_name = {"fr": "", "en": ""}
    if collected_at is not None:
        tax = f"{collected_at.normalize():f}"
        in_his_name = {
            "fr": ", en son nom et pour son compte"
            + (f", TVA {tax.replace('.', ',')} % comprise" if collected_at else ""),
            "en": ", in his name and for his account"
            + (f", his VAT of {tax} % included" if collected_at else ""),
        }
    return {
        "fr": f"{before['fr']}{service} \u2013 {seller}{in_his_name['fr']}"
        f" (assistance : {support})",
        "en": f"{before['en']}{service} \u2013 {seller}{in_his_name['en']} (help: {support})",
    }


def share_of(net: Money, *, share: Decimal, purchases: int, fee: Money) -> Money:
    """What a merchant gets of a month: his `share` (percent) of what was sold without tax, less
    what was given back, and less the fee of each purchase; rounded once. Below zero he owes it."""
    return (net * share / 100).rounded() - fee * purchases


@dataclass(frozen=True, slots=True)
class Sold:
    """What was sold less what was given back, under the same terms: without and with tax, in so
    many `purchases`; the `share` is in percent, the `fee` of each purchase."""

    net: Money
    gross: Money
    share: Decimal
    purchases: int
    fee: Money


@dataclass(frozen=True, slots=True)
class Settled:
    """What a merchant's month comes to: what is `due` to him, and of it our `commission` (without
    tax) with its `tax`, both zero where what he sells is our own sale."""

    due: Money
    commission: Money
    tax: Money


def settled(selling: Selling, *, terms: Iterable[Sold], rate: Decimal) -> Settled:
    """A month, of what was sold under each of its terms. Our own sale costs his share; of his own
    sale he gets all that was collected, less what his share leaves us and the tax on that at `rate`
    (percent), which is rounded once, as the invoice of the month rounds it."""
    found = [
        (each, share_of(each.net, share=each.share, purchases=each.purchases, fee=each.fee))
        for each in terms
    ]
    part = total(share for _, share in found)
    if selling is not Selling.TOLD:
        return Settled(part, Money.zero(part.currency), Money.zero(part.currency))
    commission = total(each.net for each, _ in found) - part
    tax = (commission * rate / 100).rounded()
    return Settled(total(each.gross for each, _ in found) - commission - tax, commission, tax)


def commission_label(net: Money) -> Mapping[str, str]:
    """What an invoice to a merchant says of our commission on what was sold without tax; below
    zero more was given back."""
    figures = f"{abs(net.amount):.2f}"
    of = {"fr": "vos ventes facturées", "en": "your sales on our customers' bills"}
    if net.amount < 0:
        of = {"fr": "vos ventes remboursées", "en": "your sales that were given back"}
    return {
        "fr": f"Commission sur {of['fr']} à nos clients ({figures.replace('.', ',')} € hors taxe)",
        "en": f"Commission on {of['en']} (€{figures} without tax)",
    }


def fees_label() -> Mapping[str, str]:
    """And of the fee of each purchase."""
    return {"fr": "Frais par achat", "en": "Fee of each purchase"}


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
