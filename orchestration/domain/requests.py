"""What each action asks of its provider, made from the order alone; and what answers teach us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from commerce.kernel.errors import RuleViolated
from commerce.markets.fr.working_days import add_working_days, is_working_day
from commerce.markets.identifiers import is_iccid
from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder, parcel_of

DEFAULT_SLOT = "08:00-12:00"

LineFacts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that a later task takes back: its key, and what its answer told, if it came."""

    key: str
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskContext:
    """The order as it is now, and the items that the task serves; `today` is a local date.

    `parcel` as it is written: of the items the task handles those shares alone. `sent` is what the
    task takes back, if that is what it does.
    """

    order: FulfilmentOrder
    group: str
    lines: tuple[str, ...]
    today: date
    parcel: str = ""
    sent: Sent | None = None

    @property
    def bundle(self) -> tuple[FulfilmentItem, ...]:
        return self.order.group(self.group)

    @property
    def items(self) -> tuple[FulfilmentItem, ...]:
        return tuple(item for item in self.bundle if item.line_id in self.lines)

    @property
    def item(self) -> FulfilmentItem:
        return self.items[0]

    def reference(self, item: FulfilmentItem) -> str:
        """The business identity of an item, the same in every request about it."""
        return f"{self.order.number}/{item.line_id}"

    def in_parcel(self, item: FulfilmentItem) -> int:
        """How many pieces of the item the parcel holds; all of them without a parcel."""
        if not self.parcel:
            return item.quantity
        return sum(s.quantity for s in item.shares if str(parcel_of(s)) == self.parcel)

    def piece_reference(self, item: FulfilmentItem) -> str:
        """As `reference`; where the item comes in several parcels, each has its own."""
        whole = self.in_parcel(item) == item.quantity
        return self.reference(item) if whole else f"{self.reference(item)}/{self.parcel}"

    def fact(self, name: str) -> str:
        """A fact of the bundle, learnt by an earlier task.

        Raises:
            RuleViolated: `fact_missing`: nothing told it yet; an operator can supply it.
        """
        for item in self.bundle:
            if item.facts.get(name):
                return item.facts[name]
        raise RuleViolated(
            f"{self.order.number} has no {name} yet; supply it and retry.",
            code="fact_missing",
            fact=name,
        )

    def asked(self, name: str) -> str:
        """What the customer said about the task's item, or an operator who replaced it since.

        Raises:
            RuleViolated: `fact_missing`: nothing was said; an operator can supply it.
        """
        said = self.item.said(name)
        if not said:
            raise RuleViolated(
                f"{self.order.number} does not say the {name}; supply it and retry.",
                code="fact_missing",
                fact=name,
            )
        return said


def port_day(*, wished: str, not_before: date | None, today: date) -> date:
    """The working day on which a number is brought over, from the day after `today` on.

    The wished day, unless it is no working day or the customer must first wait for the end of the
    withdrawal period (decision 2012-0576, article 7).
    """
    earliest = max(not_before or today, add_working_days(today, days=1))
    day = max(date.fromisoformat(wished), earliest) if wished else earliest
    return day if is_working_day(day) else add_working_days(day, days=1)


def shipment_lines(context: TaskContext) -> list[dict[str, Any]]:
    """One line per item: handsets need their IMEI told, physical SIM cards their ICCID."""
    return [
        {
            "item_reference": context.piece_reference(item),
            "sku": item.offering,
            "quantity": context.in_parcel(item),
            "needs_imei": item.role == "handset",
            "needs_iccid": item.role == "sim",
        }
        for item in context.items
    ]


def deliver_to(context: TaskContext) -> Any:
    """Raises RuleViolated `address_missing`."""
    address = next((item.deliver_to for item in context.items if item.deliver_to), None)
    if address is None:
        raise RuleViolated(
            f"{context.order.number} has no delivery address; add one and retry.",
            code="address_missing",
        )
    return address


def facts_of_event(kind: str, data: Mapping[str, Any], *, context: TaskContext) -> LineFacts:
    """What a callback teaches about which order line."""
    if kind == "shipment.picked":
        return _picked(data.get("lines", ()), context=context)
    if kind == "pick_up.ready":
        return _ready(data, context=context)
    told = {
        "shipment.shipped": ("carrier", "tracking_number"),
        "shipment.delivered": ("delivered_at",),
        "pick_up.collected": ("collected_at",),
        "port.eligible": ("donor_operator",),
        "port.scheduled": ("date", "slot", "cut_over_at"),
        "port.completed": ("ported_at", "msisdn"),
        "line.activated": ("line_id", "imsi", "activated_at"),
        "sim.activated": ("imsi",),
        "profile.downloaded": ("eid",),
        "route.active": ("route_id", "routed_at"),
        "return.announced": ("return_number",),
        "return.sent": ("sent_at",),
        "return.settled": ("grade", "graded_at"),
    }.get(kind, ())
    if kind == "parcel.shipped" or "parcels" in data:
        return _in_parcels(data.get("parcels") or (data,), context=context)
    if kind == "shipment.shipped":
        return {
            line: _shipped(data, line=line, told=told, context=context) for line in context.lines
        }
    renamed = {"date": "port_date", "slot": "port_slot"} if kind.startswith("port.") else {}
    facts = {renamed.get(name, name): str(data[name]) for name in told if data.get(name)}
    return dict.fromkeys(context.lines, facts) if facts else {}


def _in_parcels(parcels: Sequence[Mapping[str, Any]], *, context: TaskContext) -> LineFacts:
    """Of a shipment that was split, what is told of the parcel in which each line comes."""
    by_reference = {context.piece_reference(item): item.line_id for item in context.items}
    return {
        by_reference[reference]: {
            name: str(parcel[name]) for name in ("carrier", "tracking_number")
        }
        for parcel in parcels
        for reference in parcel.get("item_references", ())
        if reference in by_reference
    }


def _picked(lines: Sequence[Mapping[str, Any]], *, context: TaskContext) -> LineFacts:
    """The IMEIs and ICCIDs that were read at the pick; a card with a wrong check digit is not
    learnt, so that no line is put on it: its activation waits for an operator."""
    by_reference = {context.piece_reference(item): item for item in context.items}
    learnt: dict[str, dict[str, str]] = {}
    for line in lines:
        item = by_reference.get(str(line.get("item_reference")))
        if item is None:
            continue
        read = {
            "imei": [str(each) for each in line.get("imeis") or ()],
            "iccid": [str(each) for each in line.get("iccids") or () if is_iccid(str(each))],
        }
        facts = {
            name: ",".join([*_known(item, name), *found]) for name, found in read.items() if found
        }
        if facts:
            learnt[item.line_id] = facts
    return learnt


def _known(item: FulfilmentItem, name: str) -> list[str]:
    """What an earlier parcel of the same item told."""
    told = item.facts.get(name, "") if len(item.shares) > 1 else ""
    return [part.strip() for part in told.split(",") if part.strip()]


def _shipped(
    data: Mapping[str, Any], *, line: str, told: Sequence[str], context: TaskContext
) -> Mapping[str, str]:
    item = next(item for item in context.items if item.line_id == line)
    return {
        name: ", ".join([*_known(item, name), str(data[name])]) for name in told if data.get(name)
    }


def _ready(data: Mapping[str, Any], *, context: TaskContext) -> LineFacts:
    learnt = {
        line: dict(facts) for line, facts in _picked(data.get("lines", ()), context=context).items()
    }
    for line in context.lines:
        learnt.setdefault(line, {})["pick_up_code"] = str(data.get("code", ""))
    return learnt


REFUSING_EVENTS = frozenset({"port.refused", "port.failed"})


@dataclass(frozen=True, slots=True)
class Misfortune:
    """`told` instead of what a task awaits, which will not come: the task falls out for `cause`;
    `sentence` says what is left to do."""

    told: str
    cause: str
    sentence: str


MISFORTUNES = {
    "shipment.delivered": Misfortune(
        "shipment.lost",
        "parcel_lost",
        "The carrier has lost the parcel: claim it there, then send it again by hand and complete"
        " this, or give the money back and skip it.",
    ),
    "profile.installed": Misfortune(
        "profile.failed",
        "profile_failed",
        "The phone could not install the eSIM, whose code works once: cancel this change, and order"
        " another SIM for the customer.",
    ),
}
"""By what is awaited."""
BEYOND = {"return.sent": "return.settled"}
"""What has come back, or is lost on the way, was sent, also if nobody said so."""
