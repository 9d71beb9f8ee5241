"""`expand[]`: identifiers replaced by the objects that they name."""

import copy
from collections.abc import Sequence

from commerce.sandbox.payments import refunds, sessions
from commerce.sandbox.payments.errors import ApiError, Document, invalid
from commerce.sandbox.payments.world import World

EXPANDABLE = {
    "payment_intent": {
        "customer": "customer",
        "latest_charge": "charge",
        "payment_method": "payment_method",
    },
    "charge": {"customer": "customer", "payment_intent": "payment_intent"},
    "checkout.session": {
        "customer": "customer",
        "payment_intent": "payment_intent",
        "setup_intent": "setup_intent",
    },
    "setup_intent": {
        "customer": "customer",
        "mandate": "mandate",
        "payment_method": "payment_method",
    },
    "mandate": {"payment_method": "payment_method"},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "refund": {
        "charge": "charge",
        "customer": "customer",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
    },
    "payment_method": {"customer": "customer"},
    "customer": {},
}
DEEPEST = 4


def expanded(world: World, body: Document, *, paths: Sequence[str]) -> Document:
    """A copy of `body` with each dotted path expanded; lists start with `data`.

    Raises:
        ApiError: a property that can't be expanded, or more than four levels.
    """
    if not paths:
        return body
    answer = copy.deepcopy(body)
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise invalid("You cannot expand more than 4 levels of a property.", param="expand")
        _expand(world, answer, steps, path=path)
    return answer


def _expand(world: World, body: Document, steps: Sequence[str], *, path: str) -> None:
    step, rest = steps[0], steps[1:]
    if body["object"] in ("list", "search_result"):
        if step != "data":
            raise _refused(path)
        for item in body["data"]:
            if rest:
                _expand(world, item, rest, path=path)
        return
    body[step] = _value(world, body, step, path=path)
    if rest and isinstance(body[step], dict):
        _expand(world, body[step], rest, path=path)


def _value(world: World, body: Document, step: str, *, path: str) -> Document | None:
    kind = body["object"]
    if kind == "checkout.session" and step == "line_items":
        return sessions.lines_of(world, body["id"])
    if kind == "charge" and step == "refunds":
        return refunds.of_charge(world, body["id"])
    if step not in EXPANDABLE.get(kind, {}):
        raise _refused(path)
    value = body[step]
    if value is None or isinstance(value, dict):
        return value
    found = world.store.find(EXPANDABLE[kind][step], value)
    assert found is not None
    return copy.deepcopy(found.body)


def _refused(path: str) -> ApiError:
    return invalid(f"This property cannot be expanded ({path}).", param="expand")
