"""Compares answers with Stripe's published examples and with the types of the official client."""

import importlib
import json
import pkgutil
import typing
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import stripe
from stripe._stripe_object import StripeObject, UntypedStripeObject

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "stripe" / "fixtures3.json"

NOT_ANSWERED = {
    "charge": {"refunds", "source"},
    "payment_intent": {"source", "managed_payments"},
    "checkout.session": {"managed_payments"},
    "payment_method": {"metadata.order_id"},
}
"""In the examples and not in plain answers: expandable lists, legacy sources, opt-in features."""

OPEN = frozenset({"metadata"})
"""Objects whose keys are the caller's."""


def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FIXTURES.read_text())["resources"][name]
    return found


def differences_from_example(
    answer: dict[str, Any], example: dict[str, Any], *, name: str, path: str = ""
) -> list[str]:
    """Keys that the example has and the answer has not, and values of another JSON type."""
    found = []
    absent = NOT_ANSWERED.get(name, set())
    for key, expected in example.items():
        here = f"{path}{key}"
        if here in absent:
            continue
        if key not in answer:
            found.append(f"{here} is missing")
        elif isinstance(answer[key], dict) and isinstance(expected, dict):
            if key not in OPEN:
                found += differences_from_example(answer[key], expected, name=name, path=f"{here}.")
        elif (
            answer[key] is not None
            and expected is not None
            and type(answer[key]) not in (type(expected), Decimal)
        ):
            found.append(f"{here} is {type(answer[key]).__name__}")
    return found


def _stripe_names() -> dict[str, Any]:
    """Every class of the client by its plain name, to resolve forward references."""
    names: dict[str, Any] = {}
    for module in pkgutil.iter_modules(stripe.__path__):
        if module.name.startswith("_") and not module.name.endswith("_service"):
            loaded = importlib.import_module(f"stripe.{module.name}")
            names.update(
                {key: value for key, value in vars(loaded).items() if isinstance(value, type)}
            )
    return names


NAMES = _stripe_names()


def misfits(value: object, hint: Any, *, path: str) -> list[str]:
    """Where `value` (JSON) does not fit the annotation `hint` of the official client."""
    if isinstance(hint, (str, ForwardRef)):
        name = hint if isinstance(hint, str) else hint.__forward_arg__
        return misfits(value, NAMES[name], path=path)
    origin = get_origin(hint)
    if origin is Union:
        return _misfits_of_union(value, get_args(hint), path=path)
    if origin is Literal:
        return [] if value in get_args(hint) else [f"{path}: {value!r} is no documented value"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{path}: no list"]
        item = get_args(hint)[0]
        return [
            bad for n, each in enumerate(value) for bad in misfits(each, item, path=f"{path}[{n}]")
        ]
    if origin in (stripe.ListObject, UntypedStripeObject):
        return _misfits_of_generic(value, hint, path=path)
    if isinstance(hint, type) and issubclass(hint, StripeObject):
        return _misfits_of_object(value, hint, path=path)
    if hint is Any:
        return []
    expected = str if hint is Decimal and isinstance(value, str) else hint
    fits = isinstance(value, expected) and not (expected is int and isinstance(value, bool))
    return [] if fits else [f"{path}: {value!r} is no {expected.__name__}"]


def _misfits_of_union(value: object, options: tuple[Any, ...], *, path: str) -> list[str]:
    if value is None:
        return [] if NoneType in options else [f"{path}: null"]
    flat = [option for option in options if option is not NoneType]
    if any(get_origin(option) is Literal for option in flat):
        flat = [option for option in flat if option is not str]
    tries = [misfits(value, option, path=path) for option in flat]
    return min(tries, key=len)


def _misfits_of_generic(value: object, hint: Any, *, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: no object"]
    item = get_args(hint)[0]
    if get_origin(hint) is stripe.ListObject:
        if set(value) != {"object", "data", "has_more", "url"}:
            return [f"{path}: no list object"]
        return [bad for each in value["data"] for bad in misfits(each, item, path=f"{path}.data")]
    return [bad for key, each in value.items() for bad in misfits(each, item, path=f"{path}.{key}")]


def _misfits_of_object(value: object, hint: type[StripeObject], *, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: no object"]
    hints = getattr(hint, "__annotations__", {})
    if not hints:
        return []
    found = [f"{path}.{key}: not in the client's type" for key in value if key not in hints]
    for key, annotation in hints.items():
        if get_origin(annotation) is typing.ClassVar:
            continue
        if key in value:
            found += misfits(value[key], annotation, path=f"{path}.{key}")
        elif NoneType not in get_args(annotation):
            found.append(f"{path}.{key}: missing")
    return found
