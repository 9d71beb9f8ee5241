"""What an accepted order says to those who fulfil it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from catalogue.domain.model import Segment
from catalogue.domain.sourcing import PartnerKind, Share
from commerce.ordering.domain.states import ItemAction
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import ChangeKind


@dataclass(frozen=True, slots=True)
class DeliveryAddress:
    """Where parcels of an item go."""

    name: str
    line1: str
    postcode: str
    city: str
    line2: str = ""
    country: str = "FR"
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one partner sends of a bundle, or keeps ready in his shop, at one time: what he has, or
    what he expects on a day. Written `partner` or `partner:day`."""

    partner: str
    kind: PartnerKind
    expected_on: date | None = None

    def __str__(self) -> str:
        return f"{self.partner}:{self.expected_on}" if self.expected_on else self.partner


@dataclass(frozen=True, slots=True)
class FulfilmentItem:
    """One order item. `config` is what was asked, `facts` what was learnt since (iccid...);
    `shares` say who serves it, where it is a thing; `subject` is the item of a running contract
    that it modifies or deletes."""

    line_id: str
    group: str
    role: str
    offering: str
    name: str
    quantity: int
    term: int
    recipe: str | None
    characteristics: Mapping[str, object]
    config: Mapping[str, str]
    facts: Mapping[str, str]
    charges: tuple[AgreedCharge, ...]
    shares: tuple[Share, ...] = ()
    deliver_to: DeliveryAddress | None = None
    not_before: date | None = None
    action: ItemAction = ItemAction.ADD
    subject: int | None = None

    def said(self, name: str) -> str:
        """What the customer said, or an operator who replaced it since; empty if nobody did."""
        return said(name, config=self.config, facts=self.facts)

    @property
    def came_along(self) -> bool:
        """Whether the number that comes from another operator is here."""
        brought = self.config.get("number_choice") == "port"
        return brought and self.facts.get("msisdn") == self.config["msisdn"]

    @property
    def temporary(self) -> str:
        """As `temporary_number`."""
        return temporary_number(config=self.config, facts=self.facts)


def said(name: str, *, config: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """As `FulfilmentItem.said`, for an item of any shape."""
    return facts.get(name) or config.get(name, "")


def temporary_number(*, config: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """The number with which a line works until the one that comes along is here; empty: none."""
    lent = facts.get("temporary", "")
    return lent if config.get("number_choice") == "port" and lent == facts.get("msisdn") else ""


def parcels_of(item: FulfilmentItem) -> tuple[Parcel, ...]:
    """The parcels in which the item comes."""
    return tuple(parcel_of(share) for share in item.shares)


def parcel_of(share: Share) -> Parcel:
    return Parcel(share.partner, share.kind, share.expected_on)


@dataclass(frozen=True, slots=True)
class FulfilmentOrder:
    """An order as orchestration needs it; items of one `group` are fulfilled as one plan.

    `subject` is the running contract that it changes; None where new ones begin. `withdraws` names
    the order and the bundle that it is withdrawn from ("F-1/g1"). `purchase_order` is the number of
    a firm's own order.
    """

    number: str
    party_id: int
    segment: Segment
    channel: str
    release: int
    language: str
    email: str
    phone: str
    items: tuple[FulfilmentItem, ...]
    placed_on: date | None = None
    change: ChangeKind | None = None
    subject: int | None = None
    withdraws: str = ""
    purchase_order: str = ""

    def group(self, group: str) -> tuple[FulfilmentItem, ...]:
        return tuple(item for item in self.items if item.group == group)


@dataclass(frozen=True, slots=True)
class ChargedItem:
    """An order item with its agreed charges; `names` are its texts by language. `taken_out`: it was
    cancelled, alone or with its bundle."""

    line_id: str
    group: str
    offering: str
    names: Mapping[str, str]
    charges: tuple[AgreedCharge, ...]
    taken_out: bool = False


@dataclass(frozen=True, slots=True)
class OrderCharges:
    """What was agreed to be paid for an order, as those who bill it need it; `cost_centres` are
    those of a firm, by group."""

    number: str
    party_id: int
    segment: Segment
    release: int
    purchase_order: str
    items: tuple[ChargedItem, ...]
    cost_centres: Mapping[str, str] = field(default_factory=dict)
