"""What orchestration asks of the outside: our words, two errors with two meanings.

Every call carries a `key` under which the provider carries it out at most once. Each raises
`Refused` (the provider said no) or `Unknown` (no answer: `find` tells later what became of it).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from commerce.kernel.money import Money
from commerce.ordering.domain.fulfilment import DeliveryAddress
from orchestration.domain.settlement import Settled


@dataclass(frozen=True, slots=True)
class Answer:
    """The provider took it. `facts` are what it told at once (ids, ICCIDs, addresses)."""

    facts: Mapping[str, Any]


class Standing(StrEnum):
    NEVER_ARRIVED = "never_arrived"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A message that a provider sends about a request; `occurred_at` is business time."""

    id: str
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What the provider knows of a key, with everything that it has told or tried to tell since."""

    standing: Standing
    answer: Mapping[str, Any]
    events: tuple[ProviderEvent, ...] = ()


class Provider(Protocol):
    def find(self, key: str) -> Found:
        """What became of the request `key`. Raises Unknown when the provider does not answer."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """An earlier request is to be undone: the one that was sent under the key `of`.

    `id` is what the provider called what he made of it; empty if his answer never came: then he is
    asked, and nothing is to be done if he refused it or never heard of it.
    """

    of: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class ShipmentLine:
    item_reference: str
    sku: str
    quantity: int
    needs_imei: bool
    needs_iccid: bool


@dataclass(frozen=True, slots=True)
class Shipment:
    reference: str
    lines: tuple[ShipmentLine, ...]
    deliver_to: DeliveryAddress


@dataclass(frozen=True, slots=True)
class Return:
    """Pieces that a customer sends back; `declared` is what he says of them."""

    reference: str
    sku: str
    quantity: int
    declared: str


class Logistics(Provider, Protocol):
    """Own warehouse or a drop-ship supplier; tells shipment.picked, .shipped and .delivered, and of
    what comes back return.announced (with its label), .sent and .settled (with its grade)."""

    def ship(self, request: Shipment, *, key: str) -> Answer: ...

    def cancel(self, request: TakeBack, *, key: str) -> Answer:
        """Refused (`too_late`) once the parcel has left."""

    def announce_return(self, request: Return, *, key: str) -> Answer:
        """Facts: `return_id`."""

    def cancel_return(self, request: TakeBack, *, key: str) -> Answer:
        """Refused (`too_late`) once the parcel is on its way."""


@dataclass(frozen=True, slots=True)
class PickUp:
    """What a customer will fetch in a shop."""

    reference: str
    shop: str
    customer_ref: str
    lines: tuple[ShipmentLine, ...]


class Shops(Provider, Protocol):
    """Our shops; tell pick_up.ready, with the code to show there, and pick_up.collected."""

    def reserve(self, request: PickUp, *, key: str) -> Answer: ...

    def cancel(self, request: TakeBack, *, key: str) -> Answer:
        """Refused (`too_late`) once it was fetched."""


@dataclass(frozen=True, slots=True)
class PortIn:
    """A number to be brought from another operator; `slot` is local time, "08:00-12:00"."""

    reference: str
    msisdn: str
    rio: str
    wished_on: date
    slot: str


@dataclass(frozen=True, slots=True)
class PortMove:
    """Another day and slot for a porting that is agreed or asked for."""

    porting_id: str
    wished_on: date
    slot: str


@dataclass(frozen=True, slots=True)
class PortRedirect:
    """While the number moves, calls to it shall go to `to`; where the donor offers that."""

    porting_id: str
    to: str


@dataclass(frozen=True, slots=True)
class PortOutAnswer:
    """Our answer as the donor: may the number leave, and if not, for which motive."""

    porting_id: str
    eligible: bool
    motive: str = ""
    sub_motive: str = ""


class Porting(Provider, Protocol):
    """The clearing house; tells port.eligible, .refused, .scheduled, .started, .completed, .failed,
    and of numbers that others ask for portout.requested, .scheduled, .completed, .cancelled."""

    def port_in(self, request: PortIn, *, key: str) -> Answer: ...

    def cancel(self, request: TakeBack, *, key: str) -> Answer:
        """Refused (`too_late`) after the eve of the porting day at 20:00."""

    def move(self, request: PortMove, *, key: str) -> Answer:
        """Refused: `too_late`, `date_past`, `date_not_working`."""

    def redirect(self, request: PortRedirect, *, key: str) -> Answer:
        """Refused: `redirection_not_offered`, `too_late`."""

    def answer(self, request: PortOutAnswer, *, key: str) -> Answer: ...


@dataclass(frozen=True, slots=True)
class ProfileOrder:
    """ES2+ DownloadOrder (GSMA SGP.22): reserve an eSIM profile."""

    reference: str
    eid: str = ""


@dataclass(frozen=True, slots=True)
class ProfileConfirmation:
    """ES2+ ConfirmOrder with release: the profile can be downloaded by its activation code."""

    reference: str
    iccid: str


class Esim(Provider, Protocol):
    def download_order(self, request: ProfileOrder, *, key: str) -> Answer:
        """Facts: `iccid`."""

    def confirm_order(self, request: ProfileConfirmation, *, key: str) -> Answer:
        """Facts: `lpa`, the activation code ("LPA:1$address$matching-id")."""

    def cancel_order(self, request: TakeBack, *, key: str) -> Answer:
        """ES2+ CancelOrder: the profile is free again, confirmed or not; `id` is its ICCID."""


@dataclass(frozen=True, slots=True)
class LineActivation:
    reference: str
    msisdn: str
    iccid: str
    plan: str
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberRoute:
    """Calls to the special number `number` are led to `route_to`; their `price` (tax included) is
    announced before they begin where `announced`."""

    reference: str
    number: str
    route_to: str
    category: str
    mode: str
    price: Decimal
    announced: bool


@dataclass(frozen=True, slots=True)
class LineChange:
    """What the running line `line_id` is to have from now on: its plan and all of its services."""

    reference: str
    line_id: str
    plan: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SimSwap:
    """The running line `line_id` is to be reached by the SIM `iccid` instead of its present one."""

    reference: str
    line_id: str
    iccid: str


@dataclass(frozen=True, slots=True)
class SimEnd:
    """The SIM `iccid`, which the line `line_id` no longer has, is not to work anywhere any more."""

    reference: str
    line_id: str
    iccid: str


@dataclass(frozen=True, slots=True)
class LineNumber:
    """The running line `line_id` is to have the number `msisdn`."""

    reference: str
    line_id: str
    msisdn: str


@dataclass(frozen=True, slots=True)
class LineOrder:
    """Something that is asked of a running line as a whole."""

    reference: str
    line_id: str


@dataclass(frozen=True, slots=True)
class NetworkLine:
    """A line as the network has it; `reference` is what we named it."""

    line_id: str
    reference: str
    msisdn: str
    iccid: str


class Network(Provider, Protocol):
    """Provisioning of lines and of special numbers; tells line.activated, sim.activated and
    route.active."""

    def activate(self, request: LineActivation, *, key: str) -> Answer: ...

    def change(self, request: LineChange, *, key: str) -> Answer: ...

    def swap_sim(self, request: SimSwap, *, key: str) -> Answer:
        """The old one works until sim.activated is told."""

    def end_sim(self, request: SimEnd, *, key: str) -> Answer:
        """Refused (`still_in_use`) while the line has it."""

    def renumber(self, request: LineNumber, *, key: str) -> Answer: ...

    def suspend(self, request: LineOrder, *, key: str) -> Answer:
        """Nothing but emergency calls until `resume`."""

    def restrict(self, request: LineOrder, *, key: str) -> Answer:
        """It can be called, and calls emergency numbers alone, until `resume` or `suspend`."""

    def resume(self, request: LineOrder, *, key: str) -> Answer: ...

    def route(self, request: NumberRoute, *, key: str) -> Answer: ...

    def end(self, request: TakeBack, *, key: str) -> Answer: ...

    def end_route(self, request: TakeBack, *, key: str) -> Answer: ...

    def lines(self) -> Iterable[NetworkLine]:
        """Every line that has not ended. Raises Unknown."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    reference: str
    service: str
    customer_ref: str


@dataclass(frozen=True, slots=True)
class EntitlementOrder:
    """Something that is asked of a running entitlement."""

    reference: str
    entitlement_id: str


class Content(Provider, Protocol):
    """Partners who tell entitlement.used when the customer first opens the service."""

    def entitle(self, request: Entitlement, *, key: str) -> Answer:
        """Facts: `entitlement_id`, `activation_url`."""

    def suspend(self, request: EntitlementOrder, *, key: str) -> Answer:
        """The service can't be used until `resume`."""

    def resume(self, request: EntitlementOrder, *, key: str) -> Answer: ...

    def end(self, request: TakeBack, *, key: str) -> Answer: ...

    def entitlements(self) -> Iterable[str]:
        """The references of those that have not ended, once for each. Raises Unknown."""

    def settlement(self, month: date) -> Sequence[Settled]:
        """What the partner wants to be paid for a month that is over. Raises Unknown."""


@dataclass(frozen=True, slots=True)
class BillingStart:
    """From `starts_on` (a local date) the items of one bundle of an order are billed."""

    reference: str
    order_number: str
    group: str
    party_id: int
    starts_on: date


@dataclass(frozen=True, slots=True)
class BillingChange:
    """From `on` (a local date) a running contract is billed as the change order says."""

    order_number: str
    group: str
    party_id: int
    on: date


@dataclass(frozen=True, slots=True)
class BillingNumber:
    """From `on` (a local date) the contract that began with the bundle has the number `msisdn`,
    which came along with it, in place of a temporary one."""

    order_number: str
    group: str
    party_id: int
    msisdn: str
    on: date


class MoneyKind(StrEnum):
    TAKEN = "taken"
    PAID_BACK = "paid_back"


@dataclass(frozen=True, slots=True)
class OrderBill:
    """What is due once with an order is billed, all bundles together."""

    order_number: str
    party_id: int


@dataclass(frozen=True, slots=True)
class OrderCredit:
    """What an order's bill holds of one cancelled bundle, or of some of its lines, is credited."""

    order_number: str
    group: str
    party_id: int
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WearBill:
    """What is `owed`, by line of the bundle, for pieces that came back worse than they left."""

    order_number: str
    group: str
    party_id: int
    owed: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class MoneyMoved:
    """Money for an order, or for a bill of ours (`order_number` is its number then), taken from the
    customer or paid back; `reference` names the movement."""

    reference: str
    order_number: str
    party_id: int
    kind: MoneyKind
    amount: Money
    on: date


class Billing(Provider, Protocol):
    """Who bills our customers. Everything that is billed goes through here, so by one of them."""

    def bill_order(self, request: OrderBill, *, key: str) -> Answer:
        """The one-off charges; facts: `bill`, empty if nothing is due once."""

    def credit_order(self, request: OrderCredit, *, key: str) -> Answer:
        """After `bill_order`; facts: `credit_note`, empty if nothing of it was billed."""

    def bill_wear(self, request: WearBill, *, key: str) -> Answer:
        """After `credit_order`; facts: `bill`."""

    def start(self, request: BillingStart, *, key: str) -> Answer:
        """The recurring charges; facts: `subscription_id`."""

    def change(self, request: BillingChange, *, key: str) -> Answer:
        """What a change order begins and ends of a contract that it knows; facts: `change_id`."""

    def renumber(self, request: BillingNumber, *, key: str) -> Answer:
        """Nothing is billed otherwise, but that number stands on its bills."""

    def note_money(self, request: MoneyMoved, *, key: str) -> Answer:
        """A fact for its books; nothing is to be done."""
