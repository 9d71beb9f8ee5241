"""Frozen values to JSON and back, by their type hints; amounts as text, dates in ISO 8601."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from commerce.kernel.money import Money

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """`value` as what JSON knows: objects, lists, text, whole numbers, true, false, null.

    Raises:
        TypeError: it holds something else than dataclasses, mappings, sequences and scalars.
    """
    return _writer(value.__class__)(value)


@cache
def _writer(kind: type[Any]) -> Callable[[Any], Any]:
    """How values of one type are written; found once per type."""
    if issubclass(kind, Enum) and issubclass(kind, str):
        return lambda value: value.value
    if kind is NoneType or issubclass(kind, (bool, int, str)):
        return lambda value: value
    if issubclass(kind, Money):
        return lambda value: f"{value.amount} {value.currency}"
    if issubclass(kind, Decimal):
        return str
    if issubclass(kind, (date, datetime)):
        return lambda value: value.isoformat()
    if issubclass(kind, (tuple, list)):
        return lambda value: [_writer(part.__class__)(part) for part in value]
    if issubclass(kind, (frozenset, set)):
        return lambda value: sorted(to_plain(part) for part in value)
    if issubclass(kind, Mapping):
        return lambda value: {str(key): to_plain(part) for key, part in value.items()}
    if is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
        return lambda value: {name: to_plain(getattr(value, name)) for name in names}
    raise TypeError(f"no JSON form for a {kind.__name__}")


def from_plain(kind: type[T], plain: Any) -> T:
    """The value of `kind` that `to_plain` turned into `plain`.

    Raises:
        TypeError, ValueError, KeyError: `plain` is not of that shape.
    """
    result: T = _read(kind, plain)
    return result


@cache
def _hints(kind: type[Any]) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, plain: Any) -> Any:
    origin = get_origin(kind)
    if origin is not None:
        return _read_generic(origin, get_args(kind), plain)
    if kind is Money:
        amount, currency = plain.split(" ")
        return Money(Decimal(amount), currency)
    if kind is Decimal:
        return Decimal(plain)
    if kind is datetime or kind is date:
        return kind.fromisoformat(plain)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(plain)
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        return kind(**{name: _read(hints[name], part) for name, part in plain.items()})  # type: ignore[operator]
    if kind is Any or kind is object:
        return plain
    if not isinstance(plain, kind):
        raise TypeError(f"{plain!r} is not a {kind}")
    return plain


def _read_generic(origin: Any, args: tuple[Any, ...], plain: Any) -> Any:
    if origin in (Union, UnionType):
        if plain is None and NoneType in args:
            return None
        wanted = [arg for arg in args if arg is not NoneType]
        return _read(wanted[0], plain)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_read(args[0], part) for part in plain)
        return tuple(_read(arg, part) for arg, part in zip(args, plain, strict=True))
    if origin is frozenset:
        return frozenset(_read(args[0], part) for part in plain)
    if issubclass(origin, Mapping):
        return MappingProxyType({key: _read(args[1], part) for key, part in plain.items()})
    raise TypeError(f"no JSON form for {origin}")
