"""What is wrong with the promotions of a catalogue, told before it is published.

A promotion that can't be read would stop every quote; one that asks for what is not there, or for
a fact that nothing sets, would never be given and nobody would know why.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from catalogue.domain.expressions import Expression, Operator, Scalar, Test
from catalogue.domain.model import Kind, Segment, Snapshot
from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence
from promotions.domain.compiler import compile_promotions, placed_tests
from promotions.domain.following import unfollowed
from promotions.domain.model import BundlePrice, CustomerFacts, Promotion

Finding = tuple[str, str]
"""A field of the catalogue, like `promotions[3].trigger`, and a sentence."""

ROLES = frozenset({Kind.HANDSET, Kind.PLAN, Kind.SIM})
BUILT_IN = frozenset({"code", "kind", "category", "family"})
CUSTOMER = frozenset({*CustomerFacts(segment=Segment.CONSUMER, months_to_commitment_end=0).facts()})
UNIT = frozenset(
    {
        *("term_months", "item.port_in", "item.new_line", "codes", "kinds", "roles", "categories"),
        *("bundle.code", "bundle.codes", "bundle.complete"),
        *("bundle.list_today", "bundle.list_monthly"),
        *("cart.codes", "cart.channel", "cart.list_today", "cart.list_monthly"),
        *("item.renewal", "at.date", "at.weekday", "at.time"),
    }
)
LINE = frozenset({"line.charge", "line.role", "line.quantity"})
_SHAPES = {
    "at.date": r"\d{4}-\d\d-\d\d",
    "at.weekday": "monday|tuesday|wednesday|thursday|friday|saturday|sunday",
    "at.time": r"([01]\d|2[0-3]):[0-5]\d",
}
OFFERINGS = frozenset({"codes", "customer.owns", "line.code", "line.codes"})


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Everything wrong, promotion by promotion."""
    read: dict[str, int] = {}
    for index, entry in enumerate(snapshot.promotions):
        where = f"promotions[{index}]"
        try:
            (promotion,) = compile_promotions([entry]).promotions.values()
        except InvalidInput as error:
            field = str(error.detail["field"]).replace("promotions[0]", where, 1)
            yield field, error.message
            continue
        if promotion.code in read:
            first = f"promotions[{read[promotion.code]}]"
            yield (
                f"{where}.code",
                Sentence(
                    "The code %(code)s is that of %(first)s too.", code=promotion.code, first=first
                ),
            )
        read.setdefault(promotion.code, index)
        if entry.get("trigger"):
            yield from _of_trigger(promotion, where=f"{where}.trigger", snapshot=snapshot)
        yield from _of_one(promotion, where=where, snapshot=snapshot)


def _of_one(promotion: Promotion, *, where: str, snapshot: Snapshot) -> Iterator[Finding]:
    begin, end = promotion.valid_from, promotion.valid_until
    if begin and end and end <= begin:
        yield f"{where}.valid_until", Sentence("It ends before it begins.")
    for language in promotion.name.by_language:
        if promotion.hint and not promotion.hint.by_language.get(language):
            yield (
                f"{where}.hint",
                Sentence("The hint is missing in %(language)s.", language=language),
            )
    known = partial(is_fact, snapshot=snapshot)
    yield from of_expression(promotion.when, where=f"{where}.when", snapshot=snapshot, known=known)
    for number, benefit in enumerate(promotion.benefits):
        place = f"{where}.benefits[{number}]"
        for index, target in enumerate(benefit.targets):
            named = (
                f"{place}.items[{index}].target"
                if isinstance(benefit, BundlePrice)
                else f"{place}.target"
            )
            yield from of_expression(
                target, where=named, snapshot=snapshot, known=partial(known, line=True)
            )
        for said in unfollowed(promotion, benefit, snapshot=snapshot):
            yield f"{place}.periods", said


def _of_trigger(promotion: Promotion, *, where: str, snapshot: Snapshot) -> Iterator[Finding]:
    for fact, values in promotion.trigger.items():
        for value in sorted(values, key=str):
            if not _is_there(fact, value, snapshot=snapshot):
                yield (
                    where,
                    Sentence("There is no %(value)s among the %(fact)s.", value=value, fact=fact),
                )


def of_expression(
    expression: Expression, *, where: str, snapshot: Snapshot, known: Callable[[str], bool]
) -> Iterator[Finding]:
    """What is wrong with a condition that may ask the facts that are `known`."""
    for place, test in placed_tests(expression, where=where):
        names = [test.name]
        if test.operator is Operator.INCLUDES_FACT:
            names.append(str(test.value))
        for name in names:
            if not known(name):
                yield place, Sentence("Nothing sets the fact %(name)s here.", name=name)
        yield from _of_value(test, where=place, snapshot=snapshot)


def _of_value(test: Test, *, where: str, snapshot: Snapshot) -> Iterator[Finding]:
    yield from _of_size(test, where=where)
    if test.operator is Operator.IN and not isinstance(test.value, tuple):
        yield where, Sentence("Give a list of what %(name)s may be.", name=test.name)
    if test.operator not in {Operator.IS, Operator.IN, Operator.INCLUDES}:
        return
    for value in test.value if isinstance(test.value, tuple) else (test.value,):
        if value is not None and not _is_there(test.name, value, snapshot=snapshot):
            yield (
                where,
                Sentence("There is no %(value)s among the %(name)s.", value=value, name=test.name),
            )


def _of_size(test: Test, *, where: str) -> Iterator[Finding]:
    """What is compared by size is a number; a day is 2026-11-27, a time 18:30."""
    shape = _SHAPES.get(test.name)
    if shape is not None:
        for value in test.value if isinstance(test.value, tuple) else (test.value,):
            if not re.fullmatch(shape, str(value)):
                yield (
                    where,
                    Sentence("%(value)s can't be %(name)s.", value=repr(value), name=test.name),
                )
    elif test.operator in {Operator.AT_LEAST, Operator.AT_MOST} and not _is_number(test.value):
        yield (
            where,
            Sentence(
                "%(name)s is compared with %(value)s, which is not a number.",
                name=test.name,
                value=repr(test.value),
            ),
        )


def is_fact(name: str, *, snapshot: Snapshot, line: bool = False) -> bool:
    """Whether something sets the fact: on a line for targets, on a unit for conditions."""
    prefix, _, last = name.rpartition(".")
    if line:
        return name in LINE or (prefix == "line" and is_characteristic(last, snapshot=snapshot))
    if prefix in ROLES:
        return is_characteristic(last, snapshot=snapshot)
    if prefix == "cart.count":
        return last in set(Kind)
    if prefix == "cart.quantity":
        return last in snapshot.offerings
    return name in UNIT or name in CUSTOMER


def is_characteristic(name: str, *, snapshot: Snapshot) -> bool:
    """Whether a thing that is sold has it."""
    return name in BUILT_IN or any(
        name in offering.characteristics for offering in snapshot.offerings.values()
    )


def _is_there(fact: str, value: Scalar, *, snapshot: Snapshot) -> bool:
    """Whether a name that `fact` is compared with exists; True for facts that are no names."""
    known: Mapping[str, object] | frozenset[str]
    last = fact.rpartition(".")[2]
    if fact in OFFERINGS or (last == "code" and fact != "bundle.code"):
        known = snapshot.offerings
    elif fact == "bundle.code":
        known = {offering.code: None for offering in snapshot.of_kind(Kind.BUNDLE)}
    elif last in {"category", "categories"}:
        known = snapshot.categories
    elif last in {"kind", "kinds"}:
        known = frozenset(Kind)
    elif last == "family":
        known = snapshot.families
    elif fact == "customer.segment":
        known = frozenset(Segment)
    else:
        return True
    return value in known


def _is_number(value: object) -> bool:
    return not isinstance(value, bool | str | tuple | type(None))
