"""The form of a promotion: its head, who gets it, what is given; data -> form -> data, exactly."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from catalogue.domain.expressions import Operator
from catalogue.drafting import Vocabulary
from catalogue.importer.drafts import Finding
from commerce.kernel.sentences import in_words
from frontend.backoffice import facts
from frontend.backoffice.benefits import (
    Benefit,
    Item,
    acted,
    benefits_of,
    data_of,
    posted_benefits,
)
from frontend.backoffice.conditions import (
    TEST,
    Row,
    Rows,
    changed,
    expression_of,
    possible,
    posted_rows,
    roots,
    rows_of,
)
from promotions.domain.benefits import EarlyExit
from promotions.domain.compiler import Form
from promotions.domain.model import Pick

TEXTS = ("name-fr", "name-en", "hint-fr", "hint-en")
WHOLE = ("version", "priority", "limits-total", "limits-per_party")
WORDS = ("requires_code", "group", "valid_from", "valid_until")
LISTS = (
    *("reasons", "trigger-codes", "trigger-offerings", "trigger-kinds", "trigger-categories"),
    "trigger-bundles",
)
FLAGS = ("exclusive", "single_use")
CHARGES = ("one_off", "recurring")
CHOICES: Mapping[str, Sequence[str]] = {
    "kind": [each.value for each in Form],
    "charge": CHARGES,
    "pick": [each.value for each in Pick],
}
LEADING = frozenset({"hint-fr", "trigger-codes", "limits-total"})
"""The fields that speak for what they are part of."""
OPTIONAL = frozenset({"charge", "pick"})
WHEN = "when"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form; `options` make it a choice, `flag` a box, `values` names a list."""

    name: str
    label: str
    value: str
    wrong: str = ""
    options: tuple[tuple[str, str], ...] = ()
    flag: bool = False
    values: str = ""
    focus: bool = False


@dataclass(frozen=True, slots=True)
class RowShown:
    """A row with its fields; `hidden` travel along, `verbs` are the moves that it can make."""

    row: Row
    prefix: str
    at: str
    number: int
    word: str
    hidden: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]
    verbs: tuple[tuple[str, str], ...]
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What stands in the fields and what is wrong there; `now` is the field to go on with."""

    posted: Mapping[str, str]
    wrong: Mapping[str, str]
    findings: Mapping[str, str]
    now: str = ""

    def at(self, name: str, *places: str) -> str:
        """What is wrong with a field, by its name or by its places in the part as it is kept."""
        return self.wrong.get(name) or next(
            (self.findings[place] for place in places if place in self.findings), ""
        )


@dataclass(frozen=True, slots=True)
class PromotionForm:
    """What the form holds: its rows, and the fields of the head as they were typed (if any)."""

    when: Rows
    benefits: tuple[Benefit, ...]
    posted: Mapping[str, str] = field(default_factory=dict)
    now: str = ""


def form_of(data: Any) -> PromotionForm:
    """The form of a promotion as it is kept."""
    when = data.get(WHEN) if isinstance(data, Mapping) else None
    return PromotionForm(rows_of(when, where=WHEN), benefits_of(data))


def posted_form(data: Any, posted: Mapping[str, str]) -> PromotionForm:
    """The form as it was sent; parts of it that were not sent are as they are kept."""
    kept = form_of(data)
    return PromotionForm(
        posted_rows(posted, WHEN) if "has-when" in posted else kept.when,
        posted_benefits(posted) if "has-benefits" in posted else kept.benefits,
        posted,
    )


def done(form: PromotionForm, act: str) -> PromotionForm:
    """The form after an act on its rows: `when 2 up`, `benefits-0-target - add-test`, ..."""
    path, _, rest = act.partition(" ")
    index, _, verb = rest.partition(" ")
    place = int(index) if index.isdecimal() and len(index) < 4 else None
    if path == WHEN:
        rows, now = changed(form.when, place, verb)
        return replace(form, when=rows, now=f"{WHEN}-{now}-fact")
    first, *inner = path.split("-")
    if first == "benefits":
        benefits, name = acted(form.benefits, inner, place, verb)
        return replace(form, benefits=benefits, now=name)
    return form


def applied(
    data: Any, form: PromotionForm, *, vocabulary: Vocabulary
) -> tuple[Any, dict[str, str]]:
    """The promotion with what the form says, and what is wrong by name of the field."""
    result, wrong = deepcopy(data), dict[str, str]()
    for name in (*TEXTS, *WORDS, *WHOLE, *LISTS, "early_exit"):
        if name in form.posted and _text(form.posted[name]) != _text(_value(data, name)):
            _typed(result, name, form.posted[name].strip(), wrong)
    for name in FLAGS:
        if f"has-{name}" in form.posted and (name in form.posted) != bool(_value(data, name)):
            _put(result, name, True if name in form.posted else None)
    when, faults = expression_of(form.when, part=data, vocabulary=vocabulary)
    wrong |= {f"{WHEN}-{place}-{key}": said for (place, key), said in faults.items()}
    if when is not None or result.get(WHEN) is not None:
        _put(result, WHEN, when)
    benefits, faulty = data_of(form.benefits, part=data, vocabulary=vocabulary)
    if benefits or "benefits" in result:
        result["benefits"] = benefits
    return result, wrong | faulty


def editor(
    data: Any,
    form: PromotionForm,
    *,
    findings: Sequence[Finding],
    wrong: Mapping[str, str],
    vocabulary: Vocabulary,
) -> dict[str, Any] | None:
    """What the page shows; None for what isn't a mapping and can be mended as text only."""
    if not isinstance(data, Mapping):
        return None
    said = {each.field: str(in_words(each.message, _)) for each in findings if each.field}
    told = Told(form.posted, wrong, said, form.now)

    def head(name: str, **more: Any) -> Field:
        value = told.posted.get(name) if told.posted else _value(data, name)
        places = [name.replace("-", "."), *([name.partition("-")[0]] if name in LEADING else ())]
        return Field(name, _word(name), value or "", told.at(name, *places), **more)

    exits = tuple((each.value, _word(each.value)) for each in EarlyExit)
    return {
        "texts": [head(name) for name in TEXTS],
        "terms": [head(name) for name in (*WORDS, *WHOLE)] + [head("early_exit", options=exits)],
        "more": [head(name) for name in LISTS],
        "more_open": any(_value(data, name) for name in LISTS),
        "flags": [head(name, flag=True) for name in FLAGS],
        "when": _rows_shown(form.when, WHEN, facts.CONDITIONS, told, vocabulary),
        "when_wrong": told.at("", WHEN) if not form.when else "",
        "benefits": [
            _benefit_shown(each, place, told, vocabulary, count=len(form.benefits))
            for place, each in enumerate(form.benefits)
        ],
        "benefits_wrong": told.at("", "benefits"),
        "lists": facts.lists(vocabulary).items(),
        "adds": [(verb, _word(verb)) for verb in ADDS],
        "unkept": bool(form.posted),
    }


ADDS = ("add-test", "add-all", "add-any", "add-not")


def _benefit_shown(
    benefit: Benefit, place: int, told: Told, vocabulary: Vocabulary, *, count: int
) -> dict[str, Any]:
    prefix = f"benefits-{place}"

    def one(name: str) -> Field:
        key = f"{prefix}-{name}"
        value = benefit.said.get(name, "")
        return Field(
            key,
            _word(name),
            value,
            told.at(key, f"{benefit.was}.{name}") if benefit.was else told.at(key),
            _options(name, value),
            focus=key == told.now,
        )

    return {
        "title": _("Benefit %(number)s") % {"number": place + 1},
        "prefix": prefix,
        "at": str(place),
        "was": benefit.was,
        "written": benefit.written,
        "wrong": told.at("", benefit.was) if benefit.was else "",
        "verbs": _verbs({"up" if place else "", "down" if place < count - 1 else ""}),
        "fields": [one(name) for name in benefit.names],
        "target": None
        if benefit.has_items
        else _rows_shown(benefit.target, f"{prefix}-target", facts.TARGETS, told, vocabulary),
        "parts": [
            _item_shown(each, n, f"{prefix}-items", told, vocabulary, count=len(benefit.items))
            for n, each in enumerate(benefit.items)
        ],
        "has_items": benefit.has_items,
        "items_wrong": told.at("", f"{benefit.was}.items") if benefit.was else "",
    }


def _item_shown(
    item: Item, place: int, prefix: str, told: Told, vocabulary: Vocabulary, *, count: int
) -> dict[str, Any]:
    name = f"{prefix}-{place}"
    key = f"{name}-pieces"
    wrong = told.at(key, f"{item.was}.pieces") if item.was else told.at(key)
    return {
        "title": _("Part %(number)s") % {"number": place + 1},
        "prefix": name,
        "at": str(place),
        "was": item.was,
        "verbs": _verbs({"up" if place else "", "down" if place < count - 1 else ""}),
        "pieces": Field(key, _word("pieces"), item.pieces, wrong, focus=key == told.now),
        "target": _rows_shown(item.target, f"{name}-target", facts.TARGETS, told, vocabulary),
    }


def _rows_shown(
    rows: Rows,
    prefix: str,
    known: Sequence[facts.Asked],
    told: Told,
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    top = roots(rows)
    return {
        "prefix": prefix,
        "grouped": len(top) == 1 and rows[top[0]].form in ("all", "any"),
        "rows": [
            _row_shown(row, place, rows, prefix, known, told, vocabulary)
            for place, row in enumerate(rows)
        ],
    }


def _row_shown(
    row: Row,
    place: int,
    rows: Rows,
    prefix: str,
    known: Sequence[facts.Asked],
    told: Told,
    vocabulary: Vocabulary,
) -> RowShown:
    name = f"{prefix}-{place}"
    if row.form == TEST and not row.was and not row.name:
        row = replace(row, fact=known[0].name)
    fields = tuple(_fields(row, name, known, told, vocabulary)) if row.form == TEST else ()
    shown = {each.name.rpartition("-")[2] for each in fields}
    kept = {"form": row.form, "depth": str(row.depth), "was": row.was}
    typed = {"fact": row.fact, "detail": row.detail, "operator": row.operator, "value": row.value}
    typed = {key: value for key, value in typed.items() if key not in shown and value}
    wrong = told.at(f"{name}-form") or (told.at("", row.was) if row.was else "")
    return RowShown(
        row,
        prefix,
        str(place),
        place + 1,
        _word(row.form),
        tuple((f"{name}-{key}", value) for key, value in (kept | typed).items()),
        fields,
        _verbs(possible(rows, place)),
        wrong,
    )


def _fields(
    row: Row, name: str, known: Sequence[facts.Asked], told: Told, vocabulary: Vocabulary
) -> Iterator[Field]:
    asked = facts.named(row.fact)
    key = f"{name}-fact"
    yield Field(key, _("What"), row.fact, options=_facts(known, row.fact), focus=key == told.now)
    if asked.is_family or not asked.name:
        key = f"{name}-detail"
        yield Field(key, _("Which"), row.detail, told.at(key), values=asked.details)
    operators = tuple((each.value, _word(each.value)) for each in Operator)
    key = f"{name}-operator"
    yield Field(key, _("How"), row.operator, told.at(key), options=operators)
    if row.operator == Operator.ABSENT:
        return
    key = f"{name}-value"
    kind = facts.type_of(row.name, vocabulary=vocabulary)
    flags = (("", "–"), ("true", _("yes")), ("false", _("no"))) if kind == facts.FLAG else ()
    options = flags if row.value in dict(flags) else ()
    values = "" if options else facts.values_of(row.name)
    yield Field(key, _("With what"), row.value, told.at(key), options=options, values=values)


def _facts(known: Sequence[facts.Asked], now: str) -> tuple[tuple[str, str], ...]:
    """What can be asked, each behind its group; what is asked now is among it in any case."""
    every = {each.name: f"{each.group} · {each.label}" for each in known}
    every.setdefault(now, now)
    return tuple((every | {"": str(facts.OTHER.label)}).items())


def _options(name: str, value: str) -> tuple[tuple[str, str], ...]:
    if name not in CHOICES:
        return ()
    words = [*([""] if name in OPTIONAL else []), *CHOICES[name]]
    every = dict.fromkeys([*words, value])
    return tuple((each, _word(each) if each else "–") for each in every)


def _verbs(can: Any) -> tuple[tuple[str, str], ...]:
    return tuple((verb, _word(verb)) for verb in ("up", "down", "into", "out") if verb in can)


def _value(data: Any, name: str) -> str:
    for step in name.split("-"):
        data = data.get(step) if isinstance(data, Mapping) else None
    if isinstance(data, bool):
        return "1" if data else ""
    if isinstance(data, list):
        return ", ".join(map(str, data))
    return "" if data is None else str(data)


def _text(value: str) -> str:
    """As a field of one line keeps it."""
    return " ".join(value.split())


def _typed(result: Any, name: str, text: str, wrong: dict[str, str]) -> None:
    if name in WHOLE and text:
        if not re.fullmatch(r"-?\d{1,6}", text):
            wrong[name] = _("A whole number.")
        else:
            _put(result, name, int(text))
    elif name in LISTS:
        _put(result, name, [word.strip() for word in text.split(",") if word.strip()] or None)
    elif name == "early_exit":
        _put(result, name, text if text != EarlyExit.NOTHING else None)
    else:
        _put(result, name, text or None)


def _put(data: Any, name: str, value: Any) -> None:
    """Set it, or drop it where it is None; a mapping on the way is made, and dropped if empty."""
    first, _dash, rest = name.partition("-")
    if not rest:
        if value is None:
            data.pop(first, None)
        else:
            data[first] = value
        return
    inner = data.get(first)
    if not isinstance(inner, dict):
        inner = data[first] = {}
    _put(inner, rest, value)
    if not inner:
        del data[first]


def _word(name: str) -> str:
    words = {
        "name-fr": _("Name (fr)"), "name-en": _("Name (en)"),
        "hint-fr": _("How to get it (fr)"), "hint-en": _("How to get it (en)"),
        "version": _("Version"), "reasons": _("Reasons of an agent, with commas"),
        "trigger-codes": _("Looked at with these offerings (codes)"),
        "trigger-offerings": _("Looked at with these offerings"),
        "trigger-kinds": _("Looked at with these kinds"),
        "trigger-categories": _("Looked at with these categories"),
        "trigger-bundles": _("Looked at in these bundles"),
        "requires_code": _("Code to enter"), "group": _("Group: one of it is given"),
        "valid_from": _("Valid from"), "valid_until": _("Valid until"),
        "priority": _("Priority"),
        "limits-total": _("At most, in all"), "limits-per_party": _("At most, per customer"),
        "early_exit": _("When the customer leaves early"), "nothing": _("nothing is owed"),
        "give_back": _("what was saved is given back"), "exclusive": _("With no other promotion"),
        "single_use": _("Needs a single-use code"), "kind": _("What is given"),
        "charge": _("On which price"), "value": _("How much"), "first": _("From which month"),
        "periods": _("For so many months"), "one_off": _("what is paid once"),
        "recurring": _("what is paid each month"), "percent_off": _("per cent off"),
        "amount_off": _("an amount off"), "fixed_price": _("a fixed price"),
        "free_item": _("pieces for free"), "bundle_price": _("a price for several together"),
        "buy": _("Pieces bought"), "free": _("Pieces given for them"),
        "most": _("At most so often"), "pick": _("Which are given"),
        "cheapest": _("the cheapest"), "dearest": _("the dearest"), "pieces": _("Pieces"),
        "is": _("is"), "is_not": _("is not"), "in": _("is one of"), "absent": _("is unknown"),
        "includes": _("includes"), "includes_fact": _("includes the fact"),
        "at_least": _("is at least"), "at_most": _("is at most"),
        "all": _("all of:"), "any": _("any of:"), "not": _("not:"),
        "written": _("as it stands in the text"),
        "up": _("Up"), "down": _("Down"), "into": _("Into the group above"),
        "out": _("Out of its group"),
        "add-test": _("Add a condition"), "add-all": _("Add a group: all of"),
        "add-any": _("Add a group: any of"), "add-not": _("Add: not"),
    }  # fmt: skip
    return str(words.get(name, name))
