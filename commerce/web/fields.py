"""What the API's serializers are made of: exact about types, strict about names, bounded.

A request field takes its own JSON type and nothing that could be read as it; a name that is not
known is refused instead of ignored. What goes out is written from frozen values.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, cached_property
from operator import attrgetter, itemgetter
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.utils.serializer_helpers import BindingDict

from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money

MOST_NAMES_TOLD = 5
LARGEST_AMOUNT = Decimal("9999999999.99")


def language() -> str:
    """The request's language, as catalogue texts know it: `fr` or `en`."""
    return (get_language() or "fr").partition("-")[0]


class Strict(serializers.Serializer[Any]):
    """A request (body or query): a member that nobody declared is an error, `unknown_field`.

    Its fields are bound once per class: DRF copies them for each request, so that one may change
    them, which none of ours does.
    """

    @cached_property
    def fields(self) -> Any:
        """The fields by name; not to be changed."""
        return _fields_of(type(self))

    def to_internal_value(self, data: Any) -> Any:
        """As DRF, after a look at the names."""
        if isinstance(data, Mapping):
            strange = [str(name)[:40] for name in data if name not in self.fields]
            if strange:
                sentence = _("There is no such field.")
                raise serializers.ValidationError(
                    {
                        name: [ErrorDetail(sentence, code="unknown_field")]
                        for name in strange[:MOST_NAMES_TOLD]
                    }
                )
        return super().to_internal_value(data)


class Shown(serializers.Serializer[Any]):
    """An answer: written from a frozen value, never read.

    The declaration is what the OpenAPI document says; it is walked once per class, not once per
    value, because a page of offerings has hundreds of nested ones.
    """

    def to_representation(self, instance: Any) -> Any:
        """As DRF writes it, member by member in the declared order."""
        return _writer(type(self))(instance, self.context)


@cache
def _fields_of(kind: type[Strict]) -> BindingDict:
    serializer = kind()
    bound = BindingDict(serializer)
    for name, field in serializer.get_fields().items():
        bound[name] = field
    return bound


Read = Callable[[Any], Any]
Write = Callable[[Any, Mapping[str, Any]], Any]
"""Writes a value, given the context of the answer."""


@cache
def _writer(kind: type[Shown]) -> Write:
    """What writes a value of that kind."""
    fields = kind().fields.items()
    members = [(name, field.source_attrs, _write_of(kind, field)) for name, field in fields]
    of_mappings = [(name, _reader(path, itemgetter), say) for name, path, say in members]
    of_objects = [(name, _reader(path, attrgetter), say) for name, path, say in members]

    def write(value: Any, context: Mapping[str, Any]) -> dict[str, Any]:
        written = {}
        for name, read, say in of_mappings if isinstance(value, Mapping) else of_objects:
            found = read(value)
            written[name] = None if found is None else say(found, context)
        return written

    return write


def _write_of(kind: type[Shown], field: Any) -> Write:
    if isinstance(field, serializers.ListSerializer):
        each = _write_of(kind, field.child)
        return lambda values, context: [each(value, context) for value in values]
    if isinstance(field, serializers.SerializerMethodField):
        method = getattr(kind, str(field.method_name))
        return lambda value, context: method(kind(context=context), value)
    if isinstance(field, Shown) and type(field).to_representation is Shown.to_representation:
        return _writer(type(field))
    say = str if type(field) is serializers.CharField else field.to_representation
    return lambda value, context: say(value)


def _reader(path: Sequence[str], getter: Callable[[str], Read]) -> Read:
    """Follows attributes, or keys of mappings; an empty path is the value itself.

    `getter` reads the first; what it finds may be of another sort.
    """
    if not path:
        return lambda value: value
    first, *rest = path
    begin = getter(first)
    if not rest:
        return begin

    def read(value: Any) -> Any:
        found = begin(value)
        for name in rest:
            if found is None:
                return None
            found = found[name] if isinstance(found, Mapping) else getattr(found, name)
        return found

    return read


class Word(serializers.CharField):
    """A text, as text; numbers are not turned into one. Always bounded."""

    def __init__(self, *, max_length: int, **options: Any) -> None:
        super().__init__(max_length=max_length, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A whole number within bounds; no text and no truth value is read as one."""

    def __init__(self, *, min_value: int, max_value: int, **options: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **options)

    def to_internal_value(self, data: Any) -> int:
        whole = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
        if isinstance(data, bool) or not whole:
            self.fail("invalid")
        return super().to_internal_value(int(data))


class Flag(serializers.BooleanField):
    """true or false, nothing that could be meant as such."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=str(data)[:40])
        return data


class Day(serializers.DateField):
    """A calendar day, YYYY-MM-DD."""

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or len(value) != 10:
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


@extend_schema_field({"type": "string", "format": "date-time", "maxLength": 40})
class Moment(serializers.DateTimeField):
    """An instant as ISO 8601 writes it; without an offset it is the shop's."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or len(value) > 40:
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ssZ")
        return super().to_internal_value(value)


class OneOf(serializers.ChoiceField):
    """One word of an enumeration."""

    def __init__(self, words: type[Enum] | Sequence[str], **options: Any) -> None:
        if isinstance(words, type):
            choices = [(str(word.value), word.name) for word in words]
        else:
            choices = [(word, word) for word in words]
        super().__init__(choices=choices, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=str(data)[:40])
        value: str = super().to_internal_value(data)
        return value


class MoneyAsked(Strict):
    """An amount in euros with its cents, as it was shown."""

    amount = serializers.RegexField(
        r"^[0-9]{1,9}\.[0-9]{2}$", max_length=12, help_text="Major units, two decimals: 129.90"
    )
    currency = OneOf(["EUR"])


def money_of(asked: Mapping[str, str]) -> Money:
    """What `MoneyAsked` validated."""
    return Money(Decimal(asked["amount"]), asked["currency"])


class MoneySerializer(Shown):
    """An amount in major units; text, so that no program rounds it."""

    amount = serializers.SerializerMethodField(help_text="Major units, two decimals: 129.90")
    currency = OneOf(["EUR"])

    def to_representation(self, instance: Money) -> dict[str, str]:
        """The two members; there are more amounts in an answer than anything else."""
        return {"amount": self.get_amount(instance), "currency": instance.currency}

    @extend_schema_field({"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$"})
    def get_amount(self, money: Money) -> str:
        return str(money.rounded().amount)


@extend_schema_field(OpenApiTypes.STR)
class Wording(serializers.Field[Any, Any, str, Any]):
    """A text per language (a catalogue `Text` or a plain mapping) in the request's language."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: Any) -> str:
        texts: Mapping[str, str] = getattr(value, "by_language", value)
        return texts.get(language()) or texts.get("en") or next(iter(texts.values()), "")


@extend_schema_field(OpenApiTypes.DATETIME)
class Instant(serializers.Field[Any, Any, str, Any]):
    """An instant, written with the offset of the shop's time zone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(PARIS).isoformat(timespec="seconds")


def words(**options: Any) -> serializers.ListField:
    """A list of codes, in an answer."""
    return serializers.ListField(child=serializers.CharField(), **options)
