"""Who listens to what. Filled once, by the page `commerce/wiring.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from commerce.events.queues import WorkQueue

Handler = Callable[[Mapping[str, Any]], None]
BusyCheck = Callable[[], int]
Purge = Callable[[], int]
Beginning = Callable[[], None]


class UnknownHandler(LookupError):
    """A row names a handler that this release doesn't have."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """`durable` handlers write to the database alone; the others reach outside."""

    name: str
    event: str
    handler: Handler
    durable: bool
    queue: WorkQueue


@dataclass(frozen=True, slots=True)
class TimerHandler:
    """`housekeeping` repeats for ever and so never keeps the virtual clock waiting."""

    name: str
    handler: Handler
    durable: bool
    housekeeping: bool
    queue: WorkQueue


@dataclass(frozen=True, slots=True)
class ToldOutside:
    """An event that webhooks carry; `name` is what it is called there (`order.accepted`).

    `to_party`: the endpoints of the party that it names hear of it too; else the operator's alone.
    `on_request`: so frequent that it is only told to endpoints that name it, and only written while
    there is one.
    """

    name: str
    event: type
    to_party: bool
    on_request: bool = False


_subscriptions: dict[str, Subscription] = {}
_outside: dict[str, ToldOutside] = {}
_timers: dict[str, TimerHandler] = {}
_busy: dict[str, BusyCheck] = {}
_purges: dict[str, Purge] = {}
_beginnings: dict[str, Beginning] = {}


def subscribe(
    event_type: type | str,
    handler: Handler,
    *,
    name: str,
    durable: bool = True,
    queue: WorkQueue | None = None,
) -> None:
    """Let `handler` hear of every `event_type` from now on; `name` is stored with deliveries.

    With `durable` the handler's effects and the delivery's end are one transaction. Without, it is
    called with no transaction open, may be called again after a crash, and must be idempotent.
    `queue` is the kind of work; else `SETTLING` if `durable`, `CALLS` if not.

    Raises:
        ValueError: the name is taken by another handler, or the event is told on request only.
    """
    event = event_type if isinstance(event_type, str) else event_type.__name__
    if event in _outside and _outside[event].on_request:
        raise ValueError(f"{event} is not written while no endpoint asks for it")
    _put(_subscriptions, name, Subscription(name, event, handler, durable, _kind(queue, durable)))


def register_timer(
    name: str,
    function: Handler,
    *,
    durable: bool = True,
    housekeeping: bool = False,
    queue: WorkQueue | None = None,
) -> None:
    """Let timers call `function` by `name`, with their payload; the rest as in `subscribe`.

    Raises:
        ValueError: the name is taken by another function.
    """
    kind = _kind(queue, durable)
    _put(_timers, name, TimerHandler(name, function, durable, housekeeping, kind))


def register_busy_check(name: str, function: BusyCheck) -> None:
    """Let the virtual clock wait until `function` counts nothing under way.

    Raises:
        ValueError: the name is taken by another function.
    """
    _put(_busy, name, function)


def register_purge(name: str, function: Purge) -> None:
    """Let `function` remove what is kept no longer, every hour; it answers how many rows.

    Raises:
        ValueError: the name is taken by another function.
    """
    _put(_purges, name, function)


def tell_outside(event_type: type, *, name: str, to_party: bool, on_request: bool = False) -> None:
    """Let webhooks carry every `event_type`, under that `name`; the rest as in `ToldOutside`.

    Raises:
        ValueError: the event has another name outside already, names no party to tell it to, or is
            to be told `on_request` and somebody inside listens to it.
    """
    names_party = any(field.name == "party_id" for field in fields(event_type))
    if (to_party or on_request) and not names_party:
        raise ValueError(f"{event_type.__name__} names no party")
    if on_request and subscribers_of(event_type.__name__):
        raise ValueError(f"{event_type.__name__} has subscribers, who would miss it")
    _put(_outside, event_type.__name__, ToldOutside(name, event_type, to_party, on_request))


def told_outside() -> Mapping[str, ToldOutside]:
    """What webhooks carry, by the name of the event."""
    return _outside


def register_beginning(name: str, function: Beginning) -> None:
    """Let a pump that starts call `function`, which sets a timer that repeats for ever.

    Raises:
        ValueError: the name is taken by another function.
    """
    _put(_beginnings, name, function)


def beginnings() -> Mapping[str, Beginning]:
    return _beginnings


def subscribers_of(event: str) -> list[Subscription]:
    """Those who listen to `event`, in the order in which they were named."""
    return [entry for entry in _subscriptions.values() if entry.event == event]


def subscription(name: str) -> Subscription:
    """Raises UnknownHandler when this release has none of that name."""
    try:
        return _subscriptions[name]
    except KeyError:
        raise UnknownHandler(f"nobody subscribes as {name}") from None


def timer_handler(name: str) -> TimerHandler:
    """Raises UnknownHandler when this release has none of that name."""
    try:
        return _timers[name]
    except KeyError:
        raise UnknownHandler(f"no timer handler is called {name}") from None


def housekeeping_names() -> list[str]:
    return [entry.name for entry in _timers.values() if entry.housekeeping]


def busy_checks() -> Mapping[str, BusyCheck]:
    return _busy


def purges() -> Mapping[str, Purge]:
    return _purges


def _kind(queue: WorkQueue | None, durable: bool) -> WorkQueue:
    return queue or (WorkQueue.SETTLING if durable else WorkQueue.CALLS)


def _put(table: dict[str, Any], name: str, entry: Any) -> None:
    present = table.get(name)
    if present is not None and present != entry:
        raise ValueError(f"{name} is already registered")
    table[name] = entry
