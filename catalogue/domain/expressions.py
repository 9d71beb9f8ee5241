"""Attribute expressions: one small typed tree for catalogue rules and promotion conditions.

Facts are a flat mapping from a dotted name ("plan.network", "handset.storage_gb", "term_months")
to a scalar or a tuple of scalars. A missing fact satisfies only `absent`. The value of
`includes_fact` is the name of another fact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence

Scalar: TypeAlias = str | int | bool | Decimal
Facts: TypeAlias = Mapping[str, "Scalar | tuple[Scalar, ...]"]


class Operator(StrEnum):
    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    INCLUDES = "includes"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    INCLUDES_FACT = "includes_fact"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of the fact `name` with `value`."""

    name: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...] | None = None

    def holds(self, facts: Facts) -> bool:
        fact = facts.get(self.name)
        if self.operator is Operator.ABSENT:
            return fact is None
        if fact is None:
            return False
        if self.operator is Operator.INCLUDES_FACT:
            other = facts.get(str(self.value))
            return other is not None and _compare(fact, Operator.INCLUDES, other)
        return _compare(fact, self.operator, self.value)


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; none at all holds too."""

    parts: "tuple[Expression, ...]" = ()

    def holds(self, facts: Facts) -> bool:
        return all(part.holds(facts) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: "tuple[Expression, ...]" = ()

    def holds(self, facts: Facts) -> bool:
        return any(part.holds(facts) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    part: "Expression"

    def holds(self, facts: Facts) -> bool:
        return not self.part.holds(facts)


Expression: TypeAlias = Test | All | AnyOf | Not

ALWAYS = All()


def _compare(
    fact: Scalar | tuple[Scalar, ...], operator: Operator, value: Scalar | tuple[Scalar, ...] | None
) -> bool:
    match operator:
        case Operator.IS:
            return fact == value
        case Operator.IS_NOT:
            return fact != value
        case Operator.IN:
            return isinstance(value, tuple) and fact in value
        case Operator.INCLUDES:
            return value in (fact if isinstance(fact, tuple) else (fact,))
        case Operator.AT_LEAST:
            return _not_below(fact, value)
        case Operator.AT_MOST:
            return _not_below(value, fact)
        case _:
            return False


def _not_below(one: object, other: object) -> bool:
    """Numbers by size; texts (days and times in ISO 8601) by their letters."""
    if isinstance(one, str) and isinstance(other, str):
        return one >= other
    return _number(one) >= _number(other)


def _number(value: object) -> Decimal:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return Decimal(value)
    raise InvalidInput(Sentence("%(value)s is not a number", value=repr(value)), field="value")


def parse(data: object, *, where: str = "when") -> Expression:
    """From the readable form of the catalogue files.

    `{"all": [...]}`, `{"any": [...]}`, `{"not": {...}}`, or `{"fact": "plan.network", "is": "5G"}`
    with exactly one operator. Nothing at all means "always".

    Raises:
        InvalidInput: anything else; `detail["field"]` says where.
    """
    if data is None:
        return ALWAYS
    if not isinstance(data, Mapping):
        raise InvalidInput(Sentence("An expression is a mapping."), field=where)
    if "all" in data:
        return All(_parse_list(data["all"], where=f"{where}.all"))
    if "any" in data:
        return AnyOf(_parse_list(data["any"], where=f"{where}.any"))
    if "not" in data:
        return Not(parse(data["not"], where=f"{where}.not"))
    return _parse_test(data, where=where)


def _parse_list(data: object, *, where: str) -> tuple[Expression, ...]:
    if not isinstance(data, (list, tuple)):
        raise InvalidInput(Sentence("A list of expressions is expected."), field=where)
    return tuple(parse(part, where=f"{where}[{i}]") for i, part in enumerate(data))


def _parse_test(data: Mapping[object, object], *, where: str) -> Test:
    operators = [key for key in data if key != "fact"]
    if "fact" not in data or len(operators) != 1 or operators[0] not in set(Operator):
        known = ", ".join(Operator)
        raise InvalidInput(
            Sentence("Give `fact` and exactly one of: %(known)s.", known=known), field=where
        )
    raw = data[operators[0]]
    value = tuple(raw) if isinstance(raw, list) else raw
    if isinstance(value, float):
        value = Decimal(str(value))
    return Test(str(data["fact"]), Operator(str(operators[0])), value)  # type: ignore[arg-type]
