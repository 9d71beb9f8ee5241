"""Which function answers which request of the API."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from commerce.sandbox.payments import (
    charges,
    customers,
    disputes,
    events,
    lists,
    mandates,
    payment_intents,
    payment_methods,
    refunds,
    sessions,
    setup_intents,
)
from commerce.sandbox.payments.errors import ApiError, Document, missing
from commerce.sandbox.payments.world import Call, World

Endpoint = Callable[[World, Call], Document]


def _event(world: World, call: Call) -> Document:
    call.params.finish()
    found = world.store.find("event", call.id)
    if found is None:
        raise missing("event", call.id)
    return events.shown(world, found)


def _events(world: World, call: Call) -> Document:
    conditions: lists.Conditions = ()
    wanted = call.params.text("type")
    several = call.params.texts("types")
    if wanted is not None:
        conditions = (("type GLOB ?", wanted),)
    elif several:
        marks = " OR ".join(["type = '" + kind.replace("'", "") + "'" for kind in several])
        conditions = ((f"({marks}) IS NOT ?", None),)
    answer = lists.page(
        world,
        call,
        "event",
        url="/v1/events",
        conditions=conditions,
        show=lambda event: events.shown(world, event),
    )
    call.params.finish()
    return answer


TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "customers", customers.create),
    ("GET", "customers", customers.listed),
    ("GET", "customers/search", customers.search),
    ("GET", "customers/:id", customers.retrieve),
    ("POST", "customers/:id", customers.update),
    ("DELETE", "customers/:id", customers.delete),
    ("GET", "customers/:id/payment_methods", payment_methods.listed_of_customer),
    ("GET", "customers/:id/payment_methods/:id", payment_methods.retrieve_of_customer),
    ("POST", "payment_methods", payment_methods.create),
    ("GET", "payment_methods", payment_methods.listed),
    ("GET", "payment_methods/:id", payment_methods.retrieve),
    ("POST", "payment_methods/:id", payment_methods.update),
    ("POST", "payment_methods/:id/attach", payment_methods.attach),
    ("POST", "payment_methods/:id/detach", payment_methods.detach),
    ("POST", "payment_intents", payment_intents.create),
    ("GET", "payment_intents", payment_intents.listed),
    ("GET", "payment_intents/search", payment_intents.search),
    ("GET", "payment_intents/:id", payment_intents.retrieve),
    ("POST", "payment_intents/:id", payment_intents.update),
    ("POST", "payment_intents/:id/confirm", payment_intents.confirm),
    ("POST", "payment_intents/:id/capture", payment_intents.capture),
    ("POST", "payment_intents/:id/cancel", payment_intents.cancel),
    ("GET", "setup_intents", setup_intents.listed),
    ("GET", "setup_intents/:id", setup_intents.retrieve),
    ("GET", "mandates/:id", mandates.retrieve),
    ("GET", "disputes", disputes.listed),
    ("GET", "disputes/:id", disputes.retrieve),
    ("POST", "disputes/:id", disputes.update),
    ("POST", "disputes/:id/close", disputes.close),
    ("GET", "charges", charges.listed),
    ("GET", "charges/:id", charges.retrieve),
    ("POST", "charges/:id", charges.update),
    ("POST", "checkout/sessions", sessions.create),
    ("GET", "checkout/sessions", sessions.listed),
    ("GET", "checkout/sessions/:id", sessions.retrieve),
    ("POST", "checkout/sessions/:id", sessions.update),
    ("POST", "checkout/sessions/:id/expire", sessions.expire),
    ("GET", "checkout/sessions/:id/line_items", sessions.line_items),
    ("POST", "refunds", refunds.create),
    ("GET", "refunds", refunds.listed),
    ("GET", "refunds/:id", refunds.retrieve),
    ("POST", "refunds/:id", refunds.update),
    ("GET", "events", _events),
    ("GET", "events/:id", _event),
)


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    endpoint: Endpoint


ROUTES = tuple(
    _Route(method, re.compile("/v1/" + path.replace(":id", "([^/]+)")), endpoint)
    for method, path, endpoint in TABLE
)


def resolve(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
    """The endpoint and the identifiers in the path; the first matching row of the table wins.

    Raises:
        ApiError: 404, the sandbox has no such endpoint.
    """
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is not None and route.method == method:
            return route.endpoint, match.groups()
    raise ApiError(
        404,
        "invalid_request_error",
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove"
        " the trailing slash. If you are trying to retrieve an object, make sure you passed a"
        " valid (non-empty) identifier in your code.",
    )
