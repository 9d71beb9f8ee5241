"""What pages and the API show of contracts and bills: frozen values.

Texts (`names`, `label`) are by language. Amounts are in the account's basis unless said otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis, TaxPart
from subscriptions.domain.bank import reference_of
from subscriptions.domain.buyers import NO_CODES, Borne, BuyerCodes, by_cost_centre
from subscriptions.domain.einvoicing import EinvoiceView
from subscriptions.domain.instalments import BillPart, PlanView, PrintedPart
from subscriptions.domain.states import InvoiceKind

Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class History:
    """What a party has on a day: see `docs/promotions.md`, conditions on the customer. `running`
    are the contracts that `lines` counts, in the order in which they began."""

    tenure_months: int = 0
    lines: int = 0
    owns: tuple[str, ...] = ()
    months_to_commitment_end: int | None = None
    running: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BenefitView:
    code: str
    kind: str
    value: Decimal
    first: int
    periods: int | None
    from_piece: int
    pieces: int | None
    names: Names


@dataclass(frozen=True, slots=True)
class ChargeView:
    """A recurring charge: `amount` for one unit every `every_months`."""

    code: str
    amount: Money
    every_months: int
    quantity: int
    benefits: tuple[BenefitView, ...]


@dataclass(frozen=True, slots=True)
class ItemView:
    """`order_number` is the order that brought the item, `line_id` its line there."""

    id: int
    order_number: str
    line_id: str
    offering: str
    names: Names
    facts: Mapping[str, str]
    from_on: date
    until_on: date | None
    charges: tuple[ChargeView, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A contract; `lpa` is the eSIM's activation code, empty for a physical SIM.

    `items` are all that it ever held. `blocks` say why its service stands still, those among them
    that are `outgoing_only` why it can only be called. `leaves`: its number is on its way to
    another operator.
    """

    id: int
    order_number: str
    group: str
    party_id: int
    account_id: int
    status: str
    msisdn: str
    iccid: str
    imei: str
    eid: str
    lpa: str
    user_name: str
    activated_on: date
    commitment_months: int
    commitment_ends_on: date | None
    next_bill_on: date | None
    basis: Basis
    items: tuple[ItemView, ...]
    ended_on: date | None = None
    codes: BuyerCodes = NO_CODES
    blocks: tuple[str, ...] = ()
    outgoing_only: tuple[str, ...] = ()
    leaves: bool = False

    @property
    def stands_still(self) -> bool:
        """Whether something blocks it altogether."""
        return bool(set(self.blocks) - set(self.outgoing_only))

    def items_on(self, day: date) -> tuple[ItemView, ...]:
        """What it holds on a day."""
        return tuple(
            item
            for item in self.items
            if item.from_on <= day and (item.until_on is None or day < item.until_on)
        )


@dataclass(frozen=True, slots=True)
class BillSummary:
    """An issued bill; `period` is None for the bill of an order. Sums are net, tax and gross.

    Of them `open` is still to pay today, nothing on a credit note; `prepaid` was paid on the day of
    issue, `deferred` is paid in parts and not due yet.
    """

    number: str
    kind: str
    account_id: int
    order_number: str
    purchase_order: str
    issued_on: date
    due_on: date
    period: Period | None
    basis: Basis
    net: Money
    tax: Money
    gross: Money
    open: Money
    prepaid: Money
    deferred: Money = field(default_factory=Money.zero)

    @property
    def paid(self) -> Money:
        """What was paid of it so far, or credited."""
        if self.kind == InvoiceKind.CREDIT_NOTE:
            return Money.zero(self.gross.currency)
        return self.gross - self.open - self.deferred


class Section(StrEnum):
    """Where a line stands on the bill."""

    OWN_SERVICES = "own_services"
    COMMUNICATIONS = "communications"
    THIRD_PARTIES = "third_parties"
    ONE_OFF = "one_off"


@dataclass(frozen=True, slots=True)
class BillLineView:
    """A line; `promised` is the amount that the promise names for it, None if it names none."""

    kind: str
    label: Names
    order_number: str
    group: str
    item: str
    charge: str
    benefit: str
    period: int
    days: Period | None
    quantity: int
    amount: Money
    tax_class: str
    tax_rate: Decimal
    promised: Money | None
    codes: BuyerCodes = NO_CODES


@dataclass(frozen=True, slots=True)
class BillSection:
    code: Section
    lines: tuple[BillLineView, ...]
    total: Money


@dataclass(frozen=True, slots=True)
class CommitmentView:
    """What the law wants on a bill: until when a contract binds. `ends_on` None: not at all."""

    subscription_id: int
    msisdn: str
    ends_on: date | None
    months_left: int


@dataclass(frozen=True, slots=True)
class Identity:
    """A party as an invoice names it (CGI ann. II 242 nonies A; C. com. L441-9).

    `company_number` is the SIREN, `site_number` the SIRET; both are empty for a consumer. `iban` is
    that of the seller.
    """

    name: str
    line1: str = ""
    line2: str = ""
    postcode: str = ""
    city: str = ""
    country: str = "FR"
    company_number: str = ""
    site_number: str = ""
    vat_number: str = ""
    registration: str = ""
    language: str = "fr"
    iban: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier invoice."""

    number: str
    issued_on: date


class PayBy(StrEnum):
    """How a bill was to be paid on the day of its issue; `ORDER`: with the order that it is for;
    `PAYER`: another party pays it."""

    TRANSFER = "transfer"
    DEBIT = "debit"
    CARD = "card"
    ORDER = "order"
    PAYER = "payer"


@dataclass(frozen=True, slots=True)
class PaymentMeans:
    """`last4` are the last figures of the payer's account or card; the `mandate` under which it is
    debited, and our `creditor` identifier, are a debit's."""

    by: PayBy
    last4: str = ""
    mandate: str = ""
    creditor: str = ""


@dataclass(frozen=True, slots=True)
class TransferTo:
    """The creditor `reference` (ISO 11649) names the bill."""

    iban: str
    reference: str
    payee: str


@dataclass(frozen=True, slots=True)
class BillView:
    """A bill with its promise laid over it; `mentions` are codes of legal sentences.

    `template`, `seller` and `buyer` are None of a bill that was issued before they were kept, and
    `means` too where nothing was known of how it would be paid. One that is `collected` is charged
    to a card, or paid by hand; one that is `transferred` is to be transferred as it stands today,
    whatever its `means` were; `electronic` is a business's at the accredited platform. Of an
    order's bill `instalments` says how its devices are paid in parts; parts of other bills that are
    to be paid `with_it`, or are `to_come` after it, are no charge of it; `printed` are those that
    its document names, as they stood on the day of issue. Another party pays it whose name is
    `payer`, if there is one.
    """

    summary: BillSummary
    sections: tuple[BillSection, ...]
    tax_parts: tuple[TaxPart, ...]
    mentions: tuple[str, ...]
    commitments: tuple[CommitmentView, ...]
    promised: Money
    as_promised: bool
    template: int | None = None
    seller: Identity | None = None
    buyer: Identity | None = None
    corrects: tuple[Reference, ...] = ()
    collected: bool = False
    means: PaymentMeans | None = None
    transferred: bool = False
    electronic: EinvoiceView | None = None
    instalments: PlanView | None = None
    with_it: tuple[BillPart, ...] = ()
    to_come: tuple[BillPart, ...] = ()
    printed: tuple[PrintedPart, ...] = ()
    payer: str = ""

    @property
    def cost_centres(self) -> tuple[Borne, ...]:
        """What each cost centre of its buyer bears, in the basis of the bill; nothing where no line
        names one."""
        lines = (line for section in self.sections for line in section.lines)
        bears = ((line.codes.cost_centre, line.amount) for line in lines)
        return by_cost_centre(bears, currency=self.summary.gross.currency)

    @property
    def transfer(self) -> TransferTo | None:
        """Where what is open today is to be transferred to; None if it is paid otherwise."""
        if not self.transferred:
            return None
        return transfer_to(self.summary.number, seller=self.seller, open_=self.summary.open)


def transfer_to(number: str, *, seller: Identity | None, open_: Money) -> TransferTo | None:
    """None where nothing is open, or the seller has no account."""
    if open_.amount <= 0 or seller is None or not seller.iban:
        return None
    return TransferTo(seller.iban, reference_of(number), seller.name)


@dataclass(frozen=True, slots=True)
class PromisedBillLine:
    item: str
    charge: str
    benefit: str
    amount: Money


@dataclass(frozen=True, slots=True)
class PromisedBill:
    """One bill as promised; number 0 is the order's own. `billed` by an issued one, or not."""

    period: int
    starts_on: date | None
    list_amount: Money
    amount: Money
    lines: tuple[PromisedBillLine, ...]
    billed: Money | None


@dataclass(frozen=True, slots=True)
class PromiseView:
    order_number: str
    group: str
    state: str
    basis: Basis
    activated_on: date | None
    commitment_months: int
    bills: tuple[PromisedBill, ...]


@dataclass(frozen=True, slots=True)
class AccountView:
    id: int
    party_id: int
    segment: str
    basis: Basis
    currency: str
    cycle_day: int | None
    next_bill_on: date | None
    payment_days: int
    purchase_order: str
    parked: bool


@dataclass(frozen=True, slots=True)
class ParkedAccount:
    """An account that waits for an operator; `gross` of its held bill, None without one."""

    account_id: int
    party_id: int
    rule: str
    reasons: tuple[Mapping[str, str], ...]
    parked_at: datetime
    held_bill: int | None
    period: Period | None
    gross: Money | None


@dataclass(frozen=True, slots=True)
class DeviationView:
    """A control total of a bill run that does not agree; `control` is one of
    `subscriptions.domain.control.Control`, the others are figures."""

    control: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class RunDecisionView:
    """What was found when the totals of a run were laid side by side, and what was decided."""

    made_at: datetime
    deviations: tuple[DeviationView, ...]
    decision: str
    note: str
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class BillRunView:
    """The billing of all accounts due on a day, how far it is, and what came of it.

    A `trial`, of all or of one account, issues nothing. Of the accounts that were `due`, `taken`
    are drafted: they were `billed`, are `held`, or had `nothing` to pay. `parts` are its chunks by
    their state. So many accounts were `moved` within the last minute.
    """

    id: int
    on: date
    trial: bool
    account_id: int | None
    state: str
    started_at: datetime
    finished_at: datetime | None
    due: int
    parts: Mapping[str, int]
    taken: int
    billed: int
    held: int
    nothing: int
    drafts: int
    gross: Money
    issued: int
    moved: int
    parked: tuple[Mapping[str, object], ...] = ()
    controls: tuple[RunDecisionView, ...] = ()
