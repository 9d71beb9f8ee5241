"""The simple form of a promotion: its rules as fields and readable rows, and how it was tried."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from catalogue.importer.drafts import Finding
from commerce.kernel.sentences import in_words
from commerce.kernel.tax import Basis
from commerce.ordering.trials import Trial
from frontend.shop.words import euros, said
from promotions.domain.benefits import EarlyExit
from promotions.domain.compiler import Form

WHOLE = ("priority", "limits-total", "limits-per_party")
WORDS = ("requires_code", "group", "valid_from", "valid_until")
FLAGS = ("exclusive", "single_use")
OF_BENEFIT = ("value", "first", "periods")
CHARGES = ("one_off", "recurring")
_INDEX = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form; `options` make it a choice, `flag` a box."""

    name: str
    label: str
    value: str
    wrong: str = ""
    options: tuple[tuple[str, str], ...] = ()
    flag: bool = False


@dataclass(frozen=True, slots=True)
class Benefit:
    title: str
    target: tuple[str, ...]
    fields: tuple[Field, ...]


def editor(
    data: Any, *, findings: Sequence[Finding], posted: Mapping[str, str], wrong: Mapping[str, str]
) -> dict[str, Any] | None:
    """What the form shows; None for what isn't a mapping and can be mended as text only."""
    if not isinstance(data, Mapping):
        return None
    told = {
        _name_of(each.field): in_words(each.message, _) for each in findings if each.field
    } | dict(wrong)

    def field(name: str, label: str, **more: Any) -> Field:
        value = posted.get(name) if name in posted else _value(data, name)
        return Field(name, label, value or "", told.get(name, ""), **more)

    exits = tuple((each.value, _word(each.value)) for each in EarlyExit)
    return {
        "terms": [field(name, _word(name)) for name in (*WORDS, *WHOLE)]
        + [field("early_exit", _word("early_exit"), options=exits)],
        "flags": [field(name, _word(name), flag=True) for name in FLAGS],
        "conditions": list(_rows(data.get("when"))),
        "condition_wrong": told.get("when", ""),
        "benefits": [
            _benefit(each, place, field)
            for place, each in enumerate(data.get("benefits") or ())
            if isinstance(each, Mapping)
        ],
    }


def applied(data: Any, posted: Any) -> tuple[Any, dict[str, str]]:
    """The promotion with what was typed, and what is wrong by name of the field."""
    result, wrong = deepcopy(data), dict[str, str]()
    for name in WORDS:
        if name in posted:
            _put(result, name, posted[name].strip() or None)
    for name in FLAGS:
        if f"has-{name}" in posted:
            _put(result, name, True if name in posted else None)
    if "early_exit" in posted:
        asked = posted["early_exit"]
        _put(result, "early_exit", asked if asked != EarlyExit.NOTHING else None)
    for name in WHOLE:
        _whole(result, name, posted, wrong)
    for place, benefit in enumerate(result.get("benefits") or ()):
        if not isinstance(benefit, dict):
            continue
        at = f"benefits-{place}-"
        for name in ("kind", "charge"):
            if posted.get(at + name):
                benefit[name] = posted[at + name]
        for name in ("first", "periods"):
            _whole(result, at + name, posted, wrong)
        if at + "value" in posted and posted[at + "value"].strip() != _value(data, at + "value"):
            _amount(result, at + "value", posted, wrong)
    return result, wrong


def trial_shown(trial: Trial) -> dict[str, Any]:
    """What a trial says: sums per kind of customer, examples, samples."""
    return {
        "seen": trial.tried.seen,
        "placed": trial.placed,
        "applied": trial.tried.applied,
        "since": trial.since,
        "totals": [
            (_basis(basis), total.sales, euros(total.today), euros(total.commitment))
            for basis, total in trial.tried.totals.items()
        ],
        "examples": [
            (each.name, euros(each.before), euros(each.today), euros(each.commitment))
            for each in trial.tried.examples
        ],
        "samples": [
            (
                said(each.name),
                None
                if each.effect is None
                else (euros(each.effect.today), euros(each.effect.commitment)),
            )
            for each in trial.samples
        ],
    }


def _basis(basis: Basis) -> str:
    return _("Businesses, without tax") if basis is Basis.HT else _("Consumers, with tax")


def _benefit(data: Mapping[str, Any], place: int, field: Any) -> Benefit:
    at = f"benefits-{place}-"
    kinds = tuple((each.value, _word(each.value)) for each in Form)
    charges = tuple((each, _word(each)) for each in CHARGES)
    return Benefit(
        _("Benefit %(number)s") % {"number": place + 1},
        tuple(_rows(data.get("target"))),
        (
            field(at + "kind", _word("kind"), options=kinds),
            field(at + "charge", _word("charge"), options=charges),
            *(field(at + name, _word(name)) for name in OF_BENEFIT),
        ),
    )


def _rows(expression: Any, *, depth: int = 0) -> Iterator[str]:
    """An expression as lines that can be read; what stands inside another is set in."""
    inset = "\u2003" * depth
    if not isinstance(expression, Mapping):
        return
    for key, words in (("all", _("all of:")), ("any", _("any of:")), ("not", _("not:"))):
        if key in expression:
            parts = expression[key]
            if key != "all" or depth:
                yield inset + words
                depth += 1
            for part in parts if isinstance(parts, list) else [parts]:
                yield from _rows(part, depth=depth)
            return
    for operator in expression:
        if operator != "fact":
            value = expression[operator]
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{inset}{expression.get('fact', '')} {_word(str(operator))} {shown}"


def _name_of(field: str) -> str:
    """benefits[0].value -> benefits-0-value."""
    return _INDEX.sub(r".\1", field).replace(".", "-")


def _value(data: Any, name: str) -> str:
    for step in name.split("-"):
        if isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return ""
    if isinstance(data, bool):
        return "1" if data else ""
    return "" if data is None else str(data)


def _put(data: Any, name: str, value: Any) -> None:
    """Set it, or drop it where it is None; a mapping on the way is made, and dropped if empty."""
    first, _dash, rest = name.partition("-")
    if isinstance(data, list):
        _put(data[int(first)], rest, value)
    elif not rest:
        if value is None:
            data.pop(first, None)
        else:
            data[first] = value
    else:
        inner = data.setdefault(first, {})
        _put(inner, rest, value)
        if not inner:
            del data[first]


def _whole(result: Any, name: str, posted: Any, wrong: dict[str, str]) -> None:
    text = posted[name].strip() if name in posted else None
    if text is None:
        return
    if text and not re.fullmatch(r"-?\d{1,6}", text):
        wrong[name] = _("A whole number.")
        return
    _put(result, name, int(text) if text else None)


def _amount(result: Any, name: str, posted: Any, wrong: dict[str, str]) -> None:
    try:
        amount = Decimal(posted[name].strip().replace(",", "."))
        if not amount.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        wrong[name] = _("An amount like 19.99.")
        return
    _put(result, name, int(amount) if amount == amount.to_integral_value() else amount)


def _word(name: str) -> str:
    words = {
        "requires_code": _("Code to enter"), "group": _("Group: one of it is given"),
        "valid_from": _("From"), "valid_until": _("Until"), "priority": _("Priority"),
        "limits-total": _("At most, in all"), "limits-per_party": _("At most, per customer"),
        "early_exit": _("When the customer leaves early"), "nothing": _("nothing is owed"),
        "give_back": _("what was saved is given back"), "exclusive": _("With no other promotion"),
        "single_use": _("Needs a single-use code"), "kind": _("What is given"),
        "charge": _("On which price"), "value": _("How much"), "first": _("From month"),
        "periods": _("For so many months"), "one_off": _("what is paid once"),
        "recurring": _("what is paid each month"), "percent_off": _("per cent off"),
        "amount_off": _("an amount off"), "fixed_price": _("a fixed price"),
        "free_item": _("pieces for free"), "bundle_price": _("a price for several together"),
        "is": _("is"), "is_not": _("is not"), "in": _("is one of"), "absent": _("is unknown"),
        "includes": _("includes"), "includes_fact": _("includes"),
        "at_least": _("is at least"), "at_most": _("is at most"),
    }  # fmt: skip
    return str(words.get(name, name))
