"""What may be asked of a running line, and what the answer says before it is ordered. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from catalogue.domain.model import Text
from commerce.kernel.money import Money
from commerce.ordering.domain.drafts import NO_CHOICES
from commerce.ordering.domain.facts import INSTEAD
from commerce.ordering.domain.instalments import NO_CHOICES as NO_PARTS
from commerce.ordering.domain.instalments import Choices
from commerce.ordering.domain.line_discounts import Following
from commerce.ordering.domain.quote import Quote
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import BlockKind, ChangeKind

JOURNEYS: Mapping[ChangeKind, str] = {
    ChangeKind.ADD: "add",
    ChangeKind.RENEW: "renew",
    ChangeKind.PLAN: "change-plan",
}
"""The journeys whose drafts become orders of that kind: something is bought, so that the customer
agrees as with any other contract."""
KIND_OF_JOURNEY: Mapping[str, ChangeKind] = {entry: kind for kind, entry in JOURNEYS.items()}
CAN_WAIT = frozenset({ChangeKind.ADD, ChangeKind.REMOVE, ChangeKind.PLAN})
"""What may begin with the next bill; the others are for now."""
BLOCKS_BY_WISH = frozenset({BlockKind.WISH, BlockKind.LOST_SIM})
"""What a customer may ask for himself, and lift again."""


ENDING_NAMES: Mapping[str, Mapping[str, str]] = {
    "termination_fee": {"fr": "Frais de résiliation anticipée", "en": "Early termination fee"},
    "given_back": {"fr": "Avantages à rendre", "en": "Advantages given back"},
}
"""What is owed once for ending a contract, by charge code; as it stands on the bill."""


class ChangeReason(StrEnum):
    """Why a SIM or a number is replaced; fees of the catalogue name those that they are for."""

    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"
    FAULTY = "faulty"
    NEW_PHONE = "new_phone"
    REISSUE = "reissue"
    WISH = "wish"
    NUISANCE = "nuisance"


REASONS: Mapping[ChangeKind, tuple[ChangeReason, ...]] = {
    ChangeKind.SIM: (
        ChangeReason.LOST,
        ChangeReason.STOLEN,
        ChangeReason.DAMAGED,
        ChangeReason.FAULTY,
        ChangeReason.NEW_PHONE,
        ChangeReason.REISSUE,
    ),
    ChangeKind.NUMBER: (ChangeReason.WISH, ChangeReason.NUISANCE),
}
GONE = frozenset({ChangeReason.LOST, ChangeReason.STOLEN})
"""The old SIM is in somebody else's hands, perhaps: the line is stopped at once."""


class When(StrEnum):
    NOW = "now"
    CYCLE_END = "cycle_end"


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """What is wanted of a line: `choices` by role and `term` as in a journey's draft, `items` of
    the contract that end, `block` for standing still and going on. Another SIM stands in `choices`
    and is wanted for a `reason`, as another number is, which is `msisdn` or any that is free. A
    contract is ended `on` a day (None: as soon as possible), perhaps for a legitimate `motive`;
    `ported`: because its number went to another operator, which ends it at once (L44-4 CPCE).
    `outgoing_only`: the line can still be called. `unpaid`: we end it, as bills are not paid.
    `unanswered`: we take `items` off `on` the day on which they would begin to cost, as nobody
    agreed to pay for them. `announced`: `on` that day we change the plan as its holder was told."""

    kind: ChangeKind
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_CHOICES)
    term: int | None = None
    items: tuple[int, ...] = ()
    when: When = When.NOW
    block: BlockKind | None = None
    reason: ChangeReason | None = None
    msisdn: str = ""
    on: date | None = None
    motive: str = ""
    ported: bool = False
    outgoing_only: bool = False
    unpaid: bool = False
    unanswered: bool = False
    announced: bool = False


@dataclass(frozen=True, slots=True)
class LeftInParts:
    """What is left of the parts of the phone on a `bill` (empty: not made yet): it `falls_due` with
    the end, or goes on, the last part until `last_on`. It is no price of the end."""

    bill: str
    left: Money
    falls_due: bool
    last_on: date | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """What ending a contract costs: the `fee` and the advantages `given_back`, both with tax where
    the contract's prices are; `without_motive`, what both would be without the legitimate motive
    that has still to be proved. `earliest`: the first day on which it can end; `months_left` of the
    commitment then, a month begun among them. `free_until`: nothing is owed by who asks for it by
    that day, as we change the contract. `in_parts`: what is left of devices then."""

    earliest: date
    months_left: int
    fee: Money
    given_back: Money
    without_motive: Money
    tax_class: str
    free_until: date | None = None
    in_parts: tuple[LeftInParts, ...] = ()

    @property
    def owed(self) -> Money:
        return self.fee + self.given_back

    def charges(self) -> tuple[AgreedCharge, ...]:
        """What is billed on the day of the end, each under its own name."""
        amounts = {"termination_fee": self.fee, "given_back": self.given_back}
        return tuple(
            AgreedCharge(code, code, False, amount, self.tax_class)
            for code, amount in amounts.items()
            if amount
        )


@dataclass(frozen=True, slots=True)
class ComingBill:
    """A bill of the line, as promised now and with the change."""

    on: date
    before: Money
    after: Money


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order for the line that takes effect on the later day `on`, whatever comes before."""

    number: str
    on: date


@dataclass(frozen=True, slots=True)
class Unfit:
    """What the line has and loses with the change, as it does not go with what is chosen."""

    name: Text
    message: Text


@dataclass(frozen=True, slots=True)
class ChangeQuote:
    """What a change costs today, what it makes of the coming bills and of the commitment.

    `on` is the day on which it is taken to take effect. `begins` and `ends` are names.
    `delivers`: something is carried to the customer. `unfit` are those of `ends` that nobody asked
    to end.
    `still_blocked`: the line stands still afterwards all the same, for another reason. `leaving`
    says what it costs to end the contract, if that is what is asked; `takes_back` are the orders
    for the line that are taken back then, `waits` those that take effect on a later day all the
    same, and that the bills count. `beside`: what other lines of the holder cost otherwise as this
    one leaves. `in_parts`: how a phone that is bought with it may be paid.
    """

    request: ChangeRequest
    subscription_id: int
    number: str
    on: date
    quote: Quote
    begins: tuple[Text, ...]
    ends: tuple[Text, ...]
    bills: tuple[ComingBill, ...]
    bound_until: date | None
    bound_until_after: date | None
    still_blocked: bool = False
    unfit: tuple[Unfit, ...] = ()
    leaving: Leaving | None = None
    delivers: bool = False
    takes_back: tuple[str, ...] = ()
    waits: tuple[WaitingOrder, ...] = ()
    beside: tuple[Following, ...] = ()
    in_parts: Choices = NO_PARTS

    @property
    def binds(self) -> bool:
        """Whether the customer must agree to a contract: something is bought."""
        return self.request.kind in JOURNEYS

    @property
    def asks(self) -> bool:
        """Whether nobody may order it for a consumer without his own yes: it binds or costs."""
        return self.binds or bool(self.quote.due_today_gross)

    def configs(self) -> Mapping[str, Mapping[str, str]]:
        """What the contract summary must know of its lines: a plan that takes the place of another
        stays within the commitment that there is, and one that is renewed keeps its number."""
        if self.request.kind is ChangeKind.RENEW:
            return {line.id: {"number_choice": "keep"} for line in self.quote.lines}
        if self.request.kind is not ChangeKind.PLAN:
            return {}
        config = {INSTEAD: "yes"}
        if self.bound_until is not None:
            config["bound_until"] = self.bound_until.isoformat()
        return {line.id: config for line in self.quote.lines}

    def digest(self) -> str:
        """SHA-256 of what is agreed: the quote's, what ends, and what else is ordered for the line,
        which its bills count."""
        asked = self.request
        parts = (
            self.quote.digest(),
            str(self.subscription_id),
            asked.kind,
            asked.when,
            asked.block or "",
            asked.reason or "",
            asked.msisdn,
            ",".join(map(str, sorted(asked.items))),
            ",".join(sorted(each.name.in_("fr") for each in self.unfit)),
            *((str(self.on), asked.motive, str(self.leaving.owed)) if self.leaving else ()),
            *self.takes_back,
            *(f"{each.number}:{each.on}" for each in self.waits),
            *(
                f"{each.subscription_id}:{move.code}:{move.amount}"
                for each in self.beside
                for move in each.moves
            ),
        )
        return hashlib.sha256("|".join(parts).encode()).hexdigest()
