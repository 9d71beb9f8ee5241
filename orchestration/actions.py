"""The actions that a recipe may name: which port, what is asked, what the answer teaches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string
from pydantic import TypeAdapter

from catalogue.domain.model import Kind
from catalogue.selectors import snapshot_of
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import total
from commerce.ordering.number_shop import callers_tariff
from commerce.ordering.services.open_changes import open_stops
from commerce.ordering.services.withdrawing import owed_for_wear
from orchestration.adapters.changing import begun, ended
from orchestration.adapters.client import plain
from orchestration.domain.requests import (
    DEFAULT_SLOT,
    LineFacts,
    TaskContext,
    deliver_to,
    port_day,
    shipment_lines,
)
from orchestration.models import Effect
from orchestration.ports import (
    Answer,
    Billing,
    BillingChange,
    BillingNumber,
    BillingStart,
    Entitlement,
    EntitlementOrder,
    LineActivation,
    LineChange,
    LineNumber,
    LineOrder,
    NumberRoute,
    OrderBill,
    OrderCredit,
    PickUp,
    PortIn,
    ProfileConfirmation,
    ProfileOrder,
    Provider,
    Return,
    Shipment,
    SimEnd,
    SimSwap,
    TakeBack,
    WearBill,
)
from subscriptions.contracts.lines import has_ended
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import ENDING
from subscriptions.domain.views import SubscriptionView

STOP = "network.suspend"


@dataclass(frozen=True, slots=True)
class Action:
    """An effect through a port. `ask` makes the request, `learn` the facts of the order's lines;
    `needless`: as things are when its turn comes, nothing is to be asked."""

    port: str
    method: str
    request: type[Any]
    ask: Callable[[TaskContext], Mapping[str, Any]]
    learn: Callable[[Answer, TaskContext], LineFacts]
    needless: Callable[[TaskContext], bool] = lambda context: False

    def carry_out(self, stored: Mapping[str, Any], *, key: str) -> Answer:
        """Send the stored request under `key`. Raises Refused or Unknown."""
        request = _reader(self.request).validate_python(stored)  # type: ignore[arg-type]
        answer: Answer = getattr(provider(self.port), self.method)(request, key=key)
        return answer


@cache
def _reader(request: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(request)


@cache
def provider(port: str) -> Provider:
    """The adapter that the settings choose for `port`."""
    made: Provider = import_string(settings.ADAPTERS[port])()
    return made


def speaks_for(code: str, *, port: str) -> bool:
    """Whether the provider that calls itself `code` is the one behind `port`."""
    return code in (port, getattr(provider(port), "prefix", port))


def billing() -> Billing:
    """Whoever bills; our own subscriptions or an external biller."""
    return cast(Billing, provider("billing"))


def action(name: str) -> Action:
    """Raises RuleViolated `unknown_action`."""
    found = ACTIONS.get(name)
    if found is None:
        raise RuleViolated(f"No action is called {name!r}.", code="unknown_action", action=name)
    return found


def _ship(context: TaskContext) -> Mapping[str, Any]:
    return {**_parcel(context), "deliver_to": plain(deliver_to(context))}


def _reserve(context: TaskContext) -> Mapping[str, Any]:
    return {
        **_parcel(context),
        "shop": context.parcel,
        "customer_ref": f"P-{context.order.party_id}",
    }


def _parcel(context: TaskContext) -> Mapping[str, Any]:
    return {
        "reference": f"{context.order.number}/{context.group}/{context.parcel or 'ship'}",
        "lines": shipment_lines(context),
    }


def _port_in(context: TaskContext) -> Mapping[str, Any]:
    config = context.item.config
    day = port_day(
        wished=config.get("port_on", ""), not_before=context.item.not_before, today=context.today
    )
    return {
        "reference": context.reference(context.item),
        "msisdn": config["msisdn"],
        "rio": config["rio"],
        "wished_on": day.isoformat(),
        "slot": config.get("port_slot") or DEFAULT_SLOT,
    }


def _activate(context: TaskContext) -> Mapping[str, Any]:
    return {
        "reference": context.reference(context.item),
        # What comes along takes the place of a temporary number by a task of its own.
        "msisdn": context.item.facts.get("temporary") or context.fact("msisdn"),
        "iccid": context.fact("iccid"),
        "plan": context.item.offering,
        "services": [item.offering for item in context.bundle if item.role == "option"],
    }


def _route(context: TaskContext) -> Mapping[str, Any]:
    found = callers_tariff(context.item.characteristics, on=context.order.placed_on)
    return {
        "reference": context.reference(context.item),
        "number": context.fact("msisdn"),
        "route_to": context.asked("route_to"),
        "category": found.category,
        "mode": found.tariff.mode,
        "price": str(found.tariff.price.amount),
        "announced": bool(found.tariff.price),
    }


def _entitle(context: TaskContext) -> Mapping[str, Any]:
    return {
        "reference": context.reference(context.item),
        "service": str(context.item.characteristics.get("service", context.item.offering)),
        "customer_ref": f"P-{context.order.party_id}",
    }


def _start_billing(context: TaskContext) -> Mapping[str, Any]:
    return {
        "reference": f"{context.order.number}/{context.group}",
        "order_number": context.order.number,
        "group": context.group,
        "party_id": context.order.party_id,
        "starts_on": context.today.isoformat(),
    }


def _change_line(context: TaskContext) -> Mapping[str, Any]:
    """What the line has when it is done: what the contract holds by then, which other orders may
    have changed since, with what begins and without what ends."""
    order = context.order
    assert order.subject is not None
    contract = subscription_view(order.party_id, order.subject)
    catalogue, gone, new = snapshot_of(order.release).offerings, ended(order), begun(order)
    left = [item.offering for item in contract.items_on(context.today) if item.id not in gone]
    held = [(code, catalogue[code].kind) for code in left if code in catalogue]
    held += [(item.offering, catalogue[item.offering].kind) for item in new]
    return {
        **_line(context),
        "plan": next((code for code, kind in held if kind is Kind.PLAN), ""),
        "services": [code for code, kind in held if kind is Kind.OPTION],
    }


def _swap_sim(context: TaskContext) -> Mapping[str, Any]:
    return {**_line(context), "iccid": context.fact("iccid")}


def _end_sim(context: TaskContext) -> Mapping[str, Any]:
    return {**_line(context), "iccid": context.fact("old_iccid")}


def _renumber(context: TaskContext) -> Mapping[str, Any]:
    return {**_line(context), "msisdn": context.fact("msisdn")}


def _stays_away(context: TaskContext) -> bool:
    """As `_not_here`; or the line has ended meanwhile."""
    return has_ended(context.order.number, group=context.group) or _not_here(context)


def _stands_still(context: TaskContext) -> bool:
    """Something blocks the line besides what the order lifts; it may have begun after the order."""
    return bool(set(_contract(context).blocks) - {context.item.config.get("lifts", "")})


def _goes_on(context: TaskContext) -> bool:
    """Nothing blocks the line altogether any more: another order let it go on meanwhile."""
    return not _contract(context).stands_still


def _services_stand_still(context: TaskContext) -> bool:
    """As `_stands_still`; a service works on a line that can be called alone."""
    contract = _contract(context)
    blocks = set(contract.blocks) - set(contract.outgoing_only)
    return bool(blocks - {context.item.config.get("lifts", "")})


def _is_stopped(context: TaskContext) -> bool:
    """Something blocks the line altogether, so that there is nothing to restrict."""
    return _contract(context).stands_still


def _is_not_restricted(context: TaskContext) -> bool:
    """With what the order lifts nothing is left that restricts the line, or it stands still."""
    return _is_stopped(context) or not _stands_still(context)


def _contract(context: TaskContext) -> SubscriptionView:
    assert context.order.subject is not None
    return subscription_view(context.order.party_id, context.order.subject)


def _stopped_by_nobody(context: TaskContext) -> bool:
    """Nothing has stopped the line altogether while the network was asked to let it go on, or to
    let it be called: such a request may be late, or sent again, and come after one to stop it."""
    assert context.order.subject is not None
    stops = open_stops(context.order.subject)
    asked = Effect.objects.filter(task__action=STOP, task__plan__order_number__in=stops)
    return _goes_on(context) and not asked.exists()


def _line(context: TaskContext) -> Mapping[str, Any]:
    return {
        "reference": f"{context.order.number}/{context.group}",
        "line_id": context.fact("line_id"),
    }


def _stopped(name: str) -> Callable[[TaskContext], Mapping[str, Any]]:
    """What an earlier order began, and called by the fact `name`."""

    def ask(context: TaskContext) -> Mapping[str, Any]:
        return {"of": "", "id": context.asked(name)}

    return ask


def _service(context: TaskContext) -> Mapping[str, Any]:
    return {
        "reference": context.reference(context.item),
        "entitlement_id": context.asked("entitlement_id"),
    }


def _change_billing(context: TaskContext) -> Mapping[str, Any]:
    """From today; but, even if we were late, a contract ends on the day that was said, and what
    nobody agreed to pay for on the one on which it would have begun to cost, as a line goes to
    another holder on the one that he was told."""
    ends_on = context.item.facts.get("ends_on") if context.order.change in ENDING else None
    said = context.item.config.get("effective_on") or ends_on
    return {
        "order_number": context.order.number,
        "group": context.group,
        "party_id": context.order.party_id,
        "on": said or context.today.isoformat(),
    }


def _number_of_contract(context: TaskContext) -> Mapping[str, Any]:
    return {
        "order_number": context.order.number,
        "group": context.group,
        "party_id": context.order.party_id,
        "msisdn": context.item.config["msisdn"],
        "on": context.today.isoformat(),
    }


def _not_here(context: TaskContext) -> bool:
    """The number that should come along has not come, and will not: the line keeps what it has."""
    return not context.item.came_along


def _bill_order(context: TaskContext) -> Mapping[str, Any]:
    return {"order_number": context.order.number, "party_id": context.order.party_id}


def _credit(context: TaskContext) -> Mapping[str, Any]:
    return {**_bill_order(context), "group": context.group, "lines": list(context.lines)}


def _return(context: TaskContext) -> Mapping[str, Any]:
    item = context.item
    return {
        "reference": context.reference(item),
        "sku": item.offering,
        "quantity": item.quantity,
        "declared": item.config.get("declared", ""),
    }


def _credit_back(context: TaskContext) -> Mapping[str, Any]:
    """Of the order that is withdrawn from."""
    number, _, group = context.order.withdraws.partition("/")
    return {"order_number": number, "group": group, "party_id": context.order.party_id}


def _wear(context: TaskContext) -> Mapping[str, Any]:
    owed = owed_for_wear(context.bundle)
    return {
        **_credit_back(context),
        "owed": {line: str(amount.amount) for line, amount in owed.items()},
    }


def _as_new(context: TaskContext) -> bool:
    return not owed_for_wear(context.bundle)


def _billed_wear(answer: Answer, context: TaskContext) -> LineFacts:
    owed = total(owed_for_wear(context.bundle).values())
    told = {"wear": str(owed.amount)}
    return dict.fromkeys(context.lines, told)


def _taken_back(name: str) -> Callable[[TaskContext], Mapping[str, Any]]:
    """Names what the earlier request made by the fact `name` of its answer, if it came."""

    def ask(context: TaskContext) -> Mapping[str, Any]:
        if context.sent is None:
            raise RuleViolated("It was done by hand; undo it there.", code="done_by_hand")
        return {"of": context.sent.key, "id": str(context.sent.answer.get(name) or "")}

    return ask


def _told(*names: str) -> Callable[[Answer, TaskContext], LineFacts]:
    def learn(answer: Answer, context: TaskContext) -> LineFacts:
        facts = {name: str(answer.facts[name]) for name in names if answer.facts.get(name)}
        return dict.fromkeys(context.lines, facts) if facts else {}

    return learn


def _referenced(context: TaskContext) -> Mapping[str, Any]:
    return {"reference": context.reference(context.item)}


def _undo(port: str, method: str, name: str) -> Action:
    return Action(port, method, TakeBack, _taken_back(name), _told())


ACTIONS: Mapping[str, Action] = {
    "logistics.ship": Action("logistics", "ship", Shipment, _ship, _told("shipment_id")),
    "dropship.ship": Action("dropship", "ship", Shipment, _ship, _told("shipment_id")),
    "shop.reserve": Action("shop", "reserve", PickUp, _reserve, _told("reservation_id")),
    "porting.port_in": Action("porting", "port_in", PortIn, _port_in, _told("porting_id")),
    "esim.download": Action("esim", "download_order", ProfileOrder, _referenced, _told("iccid")),
    "esim.confirm": Action(
        "esim",
        "confirm_order",
        ProfileConfirmation,
        lambda context: {**_referenced(context), "iccid": context.fact("iccid")},
        _told("lpa"),
    ),
    "network.activate": Action("network", "activate", LineActivation, _activate, _told("line_id")),
    "network.change": Action("network", "change", LineChange, _change_line, _told()),
    "network.swap_sim": Action("network", "swap_sim", SimSwap, _swap_sim, _told()),
    "network.end_sim": Action("network", "end_sim", SimEnd, _end_sim, _told()),
    "network.renumber": Action("network", "renumber", LineNumber, _renumber, _told()),
    "network.cut_over": Action("network", "renumber", LineNumber, _renumber, _told(), _stays_away),
    STOP: Action("network", "suspend", LineOrder, _line, _told()),
    "network.suspend_again": Action(
        "network", "suspend", LineOrder, _line, _told(), _stopped_by_nobody
    ),
    "network.restrict": Action("network", "restrict", LineOrder, _line, _told(), _is_stopped),
    "network.restrict_again": Action(
        "network", "restrict", LineOrder, _line, _told(), _is_not_restricted
    ),
    "network.resume": Action("network", "resume", LineOrder, _line, _told(), _stands_still),
    "network.route": Action("network", "route", NumberRoute, _route, _told("route_id")),
    "content.entitle": Action(
        "content", "entitle", Entitlement, _entitle, _told("entitlement_id", "activation_url")
    ),
    "content.suspend": Action("content", "suspend", EntitlementOrder, _service, _told(), _goes_on),
    "content.resume": Action(
        "content", "resume", EntitlementOrder, _service, _told(), _services_stand_still
    ),
    "logistics.take_back": Action(
        "logistics", "announce_return", Return, _return, _told("return_id")
    ),
    "logistics.cancel_return": _undo("logistics", "cancel_return", "return_id"),
    "billing.credit_back": Action("billing", "credit_order", OrderCredit, _credit_back, _told()),
    "billing.wear": Action("billing", "bill_wear", WearBill, _wear, _billed_wear, _as_new),
    "logistics.cancel": _undo("logistics", "cancel", "shipment_id"),
    "dropship.cancel": _undo("dropship", "cancel", "shipment_id"),
    "shop.cancel": _undo("shop", "cancel", "reservation_id"),
    "porting.cancel": _undo("porting", "cancel", "porting_id"),
    "esim.cancel": _undo("esim", "cancel_order", "iccid"),
    "network.end": _undo("network", "end", "line_id"),
    "network.end_route": _undo("network", "end_route", "route_id"),
    "content.end": _undo("content", "end", "entitlement_id"),
    "content.stop": Action("content", "end", TakeBack, _stopped("entitlement_id"), _told()),
    "network.stop": Action("network", "end", TakeBack, _stopped("line_id"), _told()),
    "network.stop_route": Action("network", "end_route", TakeBack, _stopped("route_id"), _told()),
    "billing.credit": Action("billing", "credit_order", OrderCredit, _credit, _told()),
    "billing.change": Action(
        "billing", "change", BillingChange, _change_billing, _told("change_id")
    ),
    "billing.number": Action(
        "billing", "renumber", BillingNumber, _number_of_contract, _told(), _not_here
    ),
    "billing.owed": Action("billing", "bill_order", OrderBill, _bill_order, _told()),
    "billing.order": Action("billing", "bill_order", OrderBill, _bill_order, _told()),
    "billing.start": Action(
        "billing", "start", BillingStart, _start_billing, _told("subscription_id")
    ),
}
