"""The benefits of a promotion as fields: data -> fields -> data, exactly."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from catalogue.drafting import Vocabulary
from frontend.backoffice.conditions import (
    Rows,
    at,
    changed,
    expression_of,
    posted_rows,
    rows_of,
)
from promotions.domain.compiler import BENEFIT_KEYS, Form

CHOSEN = ("kind", "charge", "pick")
NAMES = ("kind", "charge", "value", "first", "periods", "buy", "free", "most", "pick")
MOST = 20
LONGEST = 9

Wrong = dict[str, str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """What belongs to a price for several together: so many pieces of what the target finds."""

    was: str = ""
    pieces: str = ""
    target: Rows = ()


@dataclass(frozen=True, slots=True)
class Benefit:
    """`was` is its place in the part as it is kept; `written`: only its text can say it."""

    was: str = ""
    written: bool = False
    said: Mapping[str, str] = field(default_factory=dict)
    target: Rows = ()
    items: tuple[Item, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The fields of its kind."""
        kind = self.said.get("kind", "")
        known = BENEFIT_KEYS[Form(kind)] if kind in set(Form) else frozenset(NAMES)
        return tuple(name for name in NAMES if name in known)

    @property
    def has_items(self) -> bool:
        return self.said.get("kind") == Form.BUNDLE_PRICE


NEW = Benefit(said={"kind": Form.PERCENT_OFF.value, "charge": "recurring"})


def benefits_of(data: Any) -> tuple[Benefit, ...]:
    """The benefits of a promotion as it is kept."""
    found = data.get("benefits") if isinstance(data, Mapping) else None
    return tuple(
        _benefit(each, where=f"benefits[{place}]")
        for place, each in enumerate(found if isinstance(found, list) else ())
    )


def posted_benefits(posted: Mapping[str, str]) -> tuple[Benefit, ...]:
    """The benefits as the fields of the form say them."""
    found: list[Benefit] = []
    while f"benefits-{len(found)}-was" in posted:
        prefix = f"benefits-{len(found)}"
        found.append(
            Benefit(
                was=posted[f"{prefix}-was"],
                written=f"{prefix}-written" in posted,
                said={
                    name: posted[f"{prefix}-{name}"].strip()
                    for name in NAMES
                    if f"{prefix}-{name}" in posted
                },
                target=posted_rows(posted, f"{prefix}-target"),
                items=_posted_items(posted, f"{prefix}-items"),
            )
        )
    return tuple(found)


def data_of(
    benefits: Sequence[Benefit], *, part: Any, vocabulary: Vocabulary
) -> tuple[list[Any], Wrong]:
    """The list that the fields say, and what is wrong by name of the field."""
    wrong: Wrong = {}
    found = [
        _data(each, f"benefits-{place}", part=part, vocabulary=vocabulary, wrong=wrong)
        for place, each in enumerate(benefits)
    ]
    return found, wrong


def acted(
    benefits: tuple[Benefit, ...], path: Sequence[str], place: int | None, verb: str
) -> tuple[tuple[Benefit, ...], str]:
    """After an act on a benefit, an item or a row of a target; and the field to go on with.

    `path` is what the fields in question are named by, without "benefits": () for the benefits
    themselves, ("0", "target"), ("0", "items"), ("0", "items", "1", "target").
    """
    if not path:
        found, now = _moved(benefits, place, verb, NEW)
        return found, f"benefits-{now}-kind"
    index, *inner = path
    own = int(index) if index.isdecimal() else -1
    if not 0 <= own < len(benefits) or not inner:
        return benefits, ""
    benefit, name = benefits[own], f"benefits-{own}"
    if inner == ["target"]:
        rows, row = changed(benefit.target, place, verb)
        benefit, name = replace(benefit, target=rows), f"{name}-target-{row}-fact"
    elif inner == ["items"]:
        items, now = _moved(benefit.items, place, verb, Item(pieces="1"))
        benefit, name = replace(benefit, items=items), f"{name}-items-{now}-pieces"
    elif len(inner) == 3 and inner[1].isdecimal() and int(inner[1]) < len(benefit.items):
        item = benefit.items[int(inner[1])]
        rows, row = changed(item.target, place, verb)
        items = _with(benefit.items, int(inner[1]), replace(item, target=rows))
        name = f"{name}-items-{inner[1]}-target-{row}-fact"
        benefit = replace(benefit, items=items)
    return _with(benefits, own, benefit), name


def text_in(data: Any, name: str) -> str:
    """What stands under a name of a mapping, as its field shows it."""
    value = data.get(name) if isinstance(data, Mapping) else None
    return "" if value is None else str(value)


def _benefit(data: Any, *, where: str) -> Benefit:
    if not isinstance(data, Mapping) or not _has_shape(data):
        return Benefit(where, written=True)
    items = data.get("items") or ()
    return Benefit(
        was=where,
        said={name: text_in(data, name) for name in NAMES if name in data},
        target=rows_of(data.get("target"), where=f"{where}.target"),
        items=tuple(
            Item(
                f"{where}.items[{place}]",
                text_in(each, "pieces"),
                rows_of(each.get("target"), where=f"{where}.items[{place}].target"),
            )
            for place, each in enumerate(items)
        ),
    )


def _has_shape(data: Mapping[str, Any]) -> bool:
    """Whether the form has a field for all of it."""
    items = data.get("items", [])
    scalars = all(not isinstance(data.get(name), Mapping | list) for name in NAMES)
    return (
        scalars
        and set(data) <= {*NAMES, "target", "items"}
        and data.get("kind") in set(Form)
        and isinstance(items, list)
        and all(isinstance(each, Mapping) and set(each) <= {"target", "pieces"} for each in items)
    )


def _posted_items(posted: Mapping[str, str], prefix: str) -> tuple[Item, ...]:
    found: list[Item] = []
    while f"{prefix}-{len(found)}-was" in posted:
        name = f"{prefix}-{len(found)}"
        rows = posted_rows(posted, f"{name}-target")
        pieces = posted.get(f"{name}-pieces", "").strip()
        found.append(Item(posted[f"{name}-was"], pieces, rows))
    return tuple(found)


def _data(benefit: Benefit, name: str, *, part: Any, vocabulary: Vocabulary, wrong: Wrong) -> Any:
    kept = at(part, benefit.was) if benefit.was else None
    if benefit.written:
        return deepcopy(kept)
    data = dict(kept) if isinstance(kept, Mapping) else {}
    kind = benefit.said.get("kind", "")
    if text_in(data, "kind") != kind:
        data = {key: value for key, value in data.items() if key in _known(kind)}
    for key in benefit.names:
        if key in benefit.said:
            _set(data, key, benefit.said[key], f"{name}-{key}", wrong)
    _target(data, benefit.target, f"{name}-target", part=part, vocabulary=vocabulary, wrong=wrong)
    if benefit.has_items or "items" in data:
        data["items"] = [
            _item(each, f"{name}-items-{place}", part=part, vocabulary=vocabulary, wrong=wrong)
            for place, each in enumerate(benefit.items)
        ]
    return data


def _item(item: Item, name: str, *, part: Any, vocabulary: Vocabulary, wrong: Wrong) -> Any:
    kept = at(part, item.was) if item.was else None
    data = dict(kept) if isinstance(kept, Mapping) else {}
    _target(data, item.target, f"{name}-target", part=part, vocabulary=vocabulary, wrong=wrong)
    _set(data, "pieces", item.pieces, f"{name}-pieces", wrong)
    return data


def _target(
    data: dict[str, Any], rows: Rows, name: str, *, part: Any, vocabulary: Vocabulary, wrong: Wrong
) -> None:
    expression, faults = expression_of(rows, part=part, vocabulary=vocabulary)
    wrong |= {f"{name}-{place}-{key}": said for (place, key), said in faults.items()}
    if expression is not None:
        data["target"] = expression
    elif data.get("target") is not None:
        del data["target"]


def _set(data: dict[str, Any], key: str, text: str, name: str, wrong: Wrong) -> None:
    """Put what was typed, unless it is what stands there already."""
    if text == text_in(data, key).strip():
        return
    if not text:
        data.pop(key, None)
    elif key in CHOSEN:
        data[key] = text
    else:
        _number(data, key, text, name, wrong)


def _number(data: dict[str, Any], key: str, text: str, name: str, wrong: Wrong) -> None:
    try:
        number = Decimal(text.replace(",", ".").replace("\u202f", ""))
        if not number.is_finite() or abs(number.adjusted()) > LONGEST:
            raise InvalidOperation
        whole = number == number.to_integral_value()
        if key != "value" and not whole:
            raise InvalidOperation
    except InvalidOperation:
        wrong[name] = _("An amount like 19.99.") if key == "value" else _("A whole number.")
        return
    data[key] = int(number) if whole else number


def _known(kind: str) -> frozenset[str]:
    return BENEFIT_KEYS[Form(kind)] if kind in set(Form) else frozenset({*NAMES, "target", "items"})


def _moved(each: tuple[T, ...], place: int | None, verb: str, new: T) -> tuple[tuple[T, ...], int]:
    """A list after `add`, `remove`, `up` or `down`, and the place to go on with."""
    if verb == "add":
        return ((*each, new), len(each)) if len(each) < MOST else (each, len(each) - 1)
    if place is None or not 0 <= place < len(each):
        return each, 0
    rest = (*each[:place], *each[place + 1 :])
    to = {"up": max(place - 1, 0), "down": min(place + 1, len(rest))}.get(verb, place)
    if verb == "remove":
        return rest, min(place, max(len(rest) - 1, 0))
    return (*rest[:to], each[place], *rest[to:]), to


def _with(each: tuple[T, ...], place: int, new: T) -> tuple[T, ...]:
    return (*each[:place], new, *each[place + 1 :])
