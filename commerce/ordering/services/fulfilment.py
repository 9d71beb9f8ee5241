"""What fulfilment tells orders. Each may be repeated."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db import transaction

from catalogue.services import numbers
from commerce.accounts.identity import SYSTEM
from commerce.events import outbox
from commerce.kernel.clock import business_now
from commerce.kernel.errors import NotFound
from commerce.ordering.domain.fulfilment import temporary_number
from commerce.ordering.domain.numbering import NUMBER_KEYS
from commerce.ordering.domain.states import GIVEN_UP, ItemState, OrderState
from commerce.ordering.events import OrderBegun, OrderCompleted, OrderItemActivated
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import holds, unpaid
from commerce.ordering.services.moving import move
from commerce.rows import Given, Prepared, update
from subscriptions.domain.states import AT_ANY_TIME

KEPT_FOR_LINE = timedelta(minutes=1)
"""Only until it is assigned, in the same transaction."""
_LOCKED = Prepared(lambda: Order.objects.select_for_update().filter(number=Given("number")))
_PLANNED = Prepared(
    lambda: (
        OrderItem.objects.select_for_update(of=("self",))
        .filter(order__number=Given("number"), group=Given("group"), state=ItemState.PLANNED)
        .order_by("pk")
    )
)
# Not their order with them: it is locked before its items, as everywhere, or not at all.
_LINES = Prepared(
    lambda: (
        OrderItem.objects.select_for_update(of=("self",))
        .filter(order__number=Given("number"), line_id__in=Given("lines", each="text"))
        .order_by("pk")
    )
)


@transaction.atomic
def start_fulfilment(*, order_number: str) -> bool:
    """The order is in the hands of fulfilment; from here on it can't simply be cancelled.

    False if it was cancelled just before.

    Raises:
        NotFound: `unknown_order`. IllegalTransition: it is not accepted.
    """
    order = _locked(order_number)
    if order.state in GIVEN_UP:
        return False
    if order.state not in (OrderState.IN_PROGRESS, OrderState.COMPLETED):
        _begin(order)
    return True


def is_still_accepted(order_number: str) -> bool:
    """Whether the order binds and nothing has begun; it stays so until the caller's transaction
    ends."""
    return _locked(order_number).state == OrderState.ACCEPTED


@transaction.atomic
def record_item_facts(*, order_number: str, facts: Mapping[str, Mapping[str, str]]) -> None:
    """Add what was learnt of items (iccid, imei, msisdn, lpa, ...), by line id.

    New values replace those of the same name; unknown lines are left out.
    """
    changed = []
    for item in _LINES.rows(number=order_number, lines=list(facts)):
        merged = {**item.facts, **facts[item.line_id]}
        if merged != item.facts:
            item.facts = merged
            changed.append(item)
    update(changed, ["facts"])


@transaction.atomic
def deliver_elsewhere(
    *, order_number: str, lines: Sequence[str], address: Mapping[str, str]
) -> None:
    """What is still to be carried of these lines goes to another address."""
    changed = _LINES.rows(number=order_number, lines=list(lines))
    for item in changed:
        item.deliver_to = {**item.deliver_to, **address}
    update(changed, ["deliver_to"])


@transaction.atomic
def change_port_in(
    *, order_number: str, line_id: str, config: Mapping[str, str]
) -> Mapping[str, str]:
    """The line's number choice is now `config` (as `numbering.checked_choice` makes it): another
    number to bring along, its corrected key or day, or a new number, which is assigned at once: the
    one that the line has until then, if it has one.

    Answers the line's whole config, with the number it gets.

    Raises:
        NotFound: `unknown_line`.
        RuleViolated: `number_is_ours`, `port_under_way`, `number_taken`, `no_number_left`.
    """
    _locked(order_number)
    item = _LINES.first(number=order_number, lines=[line_id])
    if item is None:
        raise NotFound("The order has no such line.", code="unknown_line", line=line_id)
    key = holds.number_key(order_number, line_id)
    chosen = dict(config)
    lent = item.facts.get("temporary")
    if chosen["number_choice"] == "new" and lent:
        numbers.withdraw_port_ins([key])
        numbers.keep_lent(key)
        chosen["msisdn"] = lent
    elif chosen["number_choice"] == "new":
        numbers.withdraw_port_ins([key])
        until = business_now() + KEPT_FOR_LINE
        chosen["msisdn"] = numbers.hold_number(
            msisdn=chosen.get("msisdn") or None, key=key, until=until
        )
        item.facts = {**item.facts, "msisdn": numbers.assign(key)}
    elif chosen["msisdn"] != item.config.get("msisdn"):
        numbers.withdraw_port_ins([key])
        numbers.announce_port_ins({key: chosen["msisdn"]})
    if "temporary" in item.config:  # so its plan was made, whatever number comes of it
        chosen["temporary"] = item.config["temporary"]
    rest = {name: value for name, value in item.config.items() if name not in NUMBER_KEYS}
    whole = rest | chosen
    item.config = whole
    item.save(update_fields=["config", "facts"])
    return whole


@transaction.atomic
def activate_items(*, order_number: str, group: str) -> None:
    """Nothing of a bundle is to come any more: its lines are in service, with the numbers that they
    have, also those with which they were to work only for a time. The order is locked before them,
    as everywhere."""
    order = _locked(order_number)
    ported = order.items.filter(group=group, config__number_choice="port")
    for line in ported.exclude(state=ItemState.CANCELLED):
        if temporary_number(config=line.config, facts=line.facts):
            change_port_in(
                order_number=order_number, line_id=line.line_id, config={"number_choice": "new"}
            )
    holds.close_port_ins(order, group=group)
    _activate(order, group=group)


def _activate(order: Order, *, group: str) -> None:
    lines = _PLANNED.rows(number=order.number, group=group)
    for line in lines:
        line.state = ItemState.ACTIVE
    update(lines, ["state"])
    outbox.publish_all(
        OrderItemActivated(number=order.number, party_id=order.party_id, line_id=line.line_id)
        for line in lines
    )


@transaction.atomic
def line_works(*, order_number: str, group: str) -> None:
    """The lines of a bundle are in service, though a number is still to come along."""
    _activate(_locked(order_number), group=group)


@transaction.atomic
def complete_order(*, order_number: str) -> None:
    """Everything that was ordered is delivered and in service, or was taken back.

    As long as something is planned nothing happens: whoever puts the last bundle in service, or
    takes it back, comes after that.

    Raises:
        NotFound: `unknown_order`. IllegalTransition: it is not in progress.
    """
    order = _locked(order_number)
    if order.state == OrderState.COMPLETED or _is_planned(order):
        return
    if order.state == OrderState.ACCEPTED:
        _begin(order)
    move(order, OrderState.COMPLETED, context=SYSTEM)
    outbox.publish(OrderCompleted(number=order.number, party_id=order.party_id))
    if order.change in AT_ANY_TIME and order.subject is not None:
        unpaid.treat_soon(party_id=order.party_id, subscription_ids=[order.subject])


def _begin(order: Order) -> None:
    move(order, OrderState.IN_PROGRESS, context=SYSTEM, reason="fulfilment_started")
    outbox.publish(OrderBegun(number=order.number, party_id=order.party_id))


def _is_planned(order: Order) -> bool:
    return order.items.filter(state=ItemState.PLANNED).exists()


def _locked(order_number: str) -> Order:
    found = _LOCKED.first(number=order_number)
    if found is None:
        raise NotFound("There is no such order.", code="unknown_order", order=order_number)
    return found
