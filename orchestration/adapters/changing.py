"""What an order says to whoever bills, ourselves or another."""

from collections.abc import Iterable, Mapping

from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder
from commerce.ordering.domain.states import ItemAction
from subscriptions.domain.states import AT_ANY_TIME, ChangeKind

NEW_FACTS: Mapping[ChangeKind, tuple[str, ...]] = {
    ChangeKind.RENEW: ("imei",),
    ChangeKind.SIM: ("iccid", "lpa", "eid"),
    ChangeKind.NUMBER: ("msisdn",),
}
"""What the contract says otherwise after a change of that kind, learnt while it was carried out."""
OF_A_LINE = ("msisdn", "iccid", "imei", "eid", "lpa")
"""What the contract of a new line says of it."""


def facts_of(items: Iterable[FulfilmentItem]) -> Mapping[str, str]:
    """What was learnt of all of them."""
    return {name: value for item in items for name, value in item.facts.items()}


def config_of(items: Iterable[FulfilmentItem]) -> Mapping[str, str]:
    """What was asked of all of them."""
    return {name: value for item in items for name, value in item.config.items()}


def new_facts(order: FulfilmentOrder) -> Mapping[str, str]:
    """What the contract says otherwise of its line after the change."""
    assert order.change is not None
    facts = facts_of(order.items)
    return {name: facts[name] for name in NEW_FACTS.get(order.change, ()) if name in facts}


def begun(order: FulfilmentOrder) -> tuple[FulfilmentItem, ...]:
    """What the contract holds from now on; nothing where it only stands still or goes on."""
    return tuple(item for item in _moved(order) if item.action is not ItemAction.DELETE)


def ended(order: FulfilmentOrder) -> tuple[int, ...]:
    """The running items that end with it, by their ids."""
    return tuple(item.subject for item in _moved(order) if item.subject is not None)


def _moved(order: FulfilmentOrder) -> tuple[FulfilmentItem, ...]:
    """All but fees, and but a line that is only reached otherwise or not at all."""
    if order.change in AT_ANY_TIME or order.change is ChangeKind.NUMBER:
        return ()
    if order.change is ChangeKind.SIM:
        return tuple(item for item in order.items if item.role == "sim")
    return tuple(item for item in order.items if item.role != "fee")
