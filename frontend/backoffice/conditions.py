"""A condition as rows that are typed, moved and removed: expression -> rows -> expression, exactly.

A row stands in the group above it whose depth is one less. A row that nobody touched becomes what
it was, to the type of its value.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from catalogue.domain.expressions import Operator
from catalogue.drafting import Vocabulary
from catalogue.importer.sources import trail_of
from frontend.backoffice.facts import ANY, FLAG, NUMBER, asked, type_of

GROUPS = ("all", "any", "not")
TEST, WRITTEN = "test", "written"
FIELDS = ("form", "depth", "was", "fact", "detail", "operator", "value")
MOST_ROWS = 100
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Row:
    """A group, a test, or (WRITTEN) what only its text can say.

    `was` is its place in the part as it is kept, like `when.all[1]`; a new row has none. The name
    of the fact is `fact` and `detail` together.
    """

    form: str
    depth: int = 0
    was: str = ""
    fact: str = ""
    detail: str = ""
    operator: str = Operator.IS.value
    value: str = ""

    @property
    def name(self) -> str:
        return self.fact + self.detail

    @property
    def is_group(self) -> bool:
        return self.form in GROUPS


Rows = tuple[Row, ...]


def rows_of(data: Any, *, where: str, depth: int = 0) -> Rows:
    """The rows of an expression that stands at `where` in its part."""
    found = tuple(_rows(data, where=where, depth=depth))
    return found if len(found) <= MOST_ROWS else (Row(WRITTEN, depth, where, value="…"),)


def posted_rows(posted: Mapping[str, str], prefix: str) -> Rows:
    """The rows as the fields of the form say them."""
    found: list[Row] = []
    while f"{prefix}-{len(found)}-form" in posted and len(found) < MOST_ROWS:
        said = {name: posted.get(f"{prefix}-{len(found)}-{name}", "") for name in FIELDS}
        above = found[-1] if found else None
        deepest = min(above.depth + above.is_group, DEEPEST) if above else 0
        depth = int(said["depth"]) if said["depth"].isdecimal() else 0
        found.append(Row(**{**said, "depth": min(depth, deepest)}))  # type: ignore[arg-type]
    return tuple(found)


def expression_of(
    rows: Rows, *, part: Any, vocabulary: Vocabulary
) -> tuple[Any, dict[tuple[int, str], str]]:
    """The expression that the rows say (None: nothing), and what is wrong by row and field."""
    wrong: dict[tuple[int, str], str] = {}
    read = _Reader(rows, part, vocabulary, wrong)
    found = [read.node(place) for place in roots(rows)]
    if len(found) > 1:
        return {"all": found}, wrong
    return (found[0] if found else None), wrong


def changed(rows: Rows, place: int | None, verb: str) -> tuple[Rows, int | None]:
    """The rows after an act on one of them, and the row to go on with.

    Verbs are `up`, `down`, `into` (the group before it), `out` (of its group), `remove`, and
    `add-test`, `add-all`, `add-any`, `add-not`: at the end of a group, or of everything.
    """
    if place is not None and not 0 <= place < len(rows):
        return rows, None
    if verb.startswith("add-"):
        return _added(rows, place, verb.removeprefix("add-"))
    if place is None:
        return rows, None
    end = _end(rows, place)
    block, depth = rows[place:end], rows[place].depth
    rest = rows[:place] + rows[end:]
    before, parent = _sibling_before(rows, place), _parent(rows, place)
    match verb:
        case "remove":
            return rest, min(place, len(rest) - 1) if rest else None
        case "up" if before is not None:
            return rest[:before] + block + rest[before:], before
        case "down" if end < len(rows) and rows[end].depth == depth:
            after = _end(rows, end)
            return rows[:place] + rows[end:after] + block + rows[after:], place + after - end
        case "into" if before is not None and rows[before].is_group and _room(block):
            return rows[:place] + _moved(block, 1) + rows[end:], place
        case "out" if parent is not None:
            gap = _end(rows, parent) - len(block)
            return rest[:gap] + _moved(block, -1) + rest[gap:], gap
    return rows, place


def possible(rows: Rows, place: int) -> frozenset[str]:
    """The verbs that would change something."""
    return frozenset(
        verb for verb in ("up", "down", "into", "out") if changed(rows, place, verb)[0] != rows
    )


def roots(rows: Rows) -> list[int]:
    """Where the rows stand that stand in no other."""
    return [place for place, row in enumerate(rows) if row.depth == 0]


def at(data: Any, where: str) -> Any:
    """What stands at `where`, like `when.all[1]`; None if nothing does."""
    for step in trail_of(where):
        if isinstance(data, Mapping):
            data = data.get(str(step))
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


@dataclass(frozen=True, slots=True)
class _Reader:
    rows: Rows
    part: Any
    vocabulary: Vocabulary
    wrong: dict[tuple[int, str], str]

    def node(self, place: int) -> Any:
        row = self.rows[place]
        if row.is_group:
            return self._group(place)
        kept = at(self.part, row.was) if row.was else None
        if kept is not None and rows_of(kept, where=row.was, depth=row.depth)[:1] == (row,):
            return deepcopy(kept)
        if row.form != TEST:
            self.wrong[place, "form"] = _("This is no longer there. Remove it.")
            return {}
        return self._test(place)

    def _group(self, place: int) -> dict[str, Any]:
        row, end = self.rows[place], _end(self.rows, place)
        inner = [
            self.node(other)
            for other in range(place + 1, end)
            if self.rows[other].depth == row.depth + 1
        ]
        if row.form != "not":
            return {row.form: inner}
        if not inner:
            self.wrong[place, "form"] = _("Add what must not hold.")
        return {"not": inner[0] if len(inner) == 1 else {"all": inner}}

    def _test(self, place: int) -> dict[str, Any]:
        row = self.rows[place]
        if not row.name or row.name.endswith("."):
            self.wrong[place, "detail"] = _("Say which.")
        if row.operator not in set(Operator):
            self.wrong[place, "operator"] = _("Choose one.")
        return {"fact": row.name, row.operator: self._value(place)}

    def _value(self, place: int) -> Any:
        row = self.rows[place]
        if row.operator == Operator.ABSENT:
            return True
        text = row.value.strip()
        if not text:
            self.wrong[place, "value"] = _("Say with what it is compared.")
            return text
        if row.operator == Operator.INCLUDES_FACT:
            return text
        kind = type_of(row.name, vocabulary=self.vocabulary)
        try:
            if row.operator == Operator.IN:
                return [_typed(word.strip(), kind) for word in text.split(",") if word.strip()]
            return _typed(text, kind)
        except InvalidOperation:
            self.wrong[place, "value"] = _("A number.")
            return text


def _rows(data: Any, *, where: str, depth: int) -> Iterator[Row]:
    group = _group_of(data)
    if data is None:
        return
    if group and depth < DEEPEST:
        yield Row(group, depth, where)
        parts = [data["not"]] if group == "not" else data[group]
        for index, part in enumerate(parts):
            place = f"{where}.not" if group == "not" else f"{where}.{group}[{index}]"
            yield from _rows(part, where=place, depth=depth + 1)
    elif _is_test(data):
        operator = next(key for key in data if key != "fact")
        fact, detail = asked(data["fact"])
        yield Row(TEST, depth, where, fact.name, detail, operator, shown(data[operator]))
    else:
        yield Row(WRITTEN, depth, where, value=str(data))


def shown(value: Any) -> str:
    """A value as it stands in its field."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(shown(each) for each in value) if isinstance(value, list) else str(value)


def _group_of(data: Any) -> str:
    if not isinstance(data, Mapping) or len(data) != 1:
        return ""
    ((name, parts),) = data.items()
    if name == "not":
        return "not" if isinstance(parts, Mapping) else ""
    return str(name) if name in GROUPS and isinstance(parts, list) and None not in parts else ""


def _is_test(data: Any) -> bool:
    if not isinstance(data, Mapping) or len(data) != 2 or not isinstance(data.get("fact"), str):
        return False
    (operator,) = (key for key in data if key != "fact")
    return operator in set(Operator) and data["fact"] != ""


def _typed(text: str, kind: str) -> Any:
    """Raises InvalidOperation: not a number."""
    if kind == FLAG or (kind == ANY and text in ("true", "false")):
        return text == "true"
    if kind == NUMBER or (kind == ANY and re.fullmatch(r"-?\d{1,15}([.,]\d{1,6})?", text)):
        number = Decimal(text.replace(",", ".").replace("\u202f", ""))
        if not number.is_finite() or abs(number.adjusted()) > 15:
            raise InvalidOperation
        return int(number) if "." not in str(number) and "E" not in str(number) else number
    return text


def _added(rows: Rows, place: int | None, form: str) -> tuple[Rows, int | None]:
    if form not in (TEST, *GROUPS) or len(rows) >= MOST_ROWS:
        return rows, place
    if place is None:
        top = roots(rows)
        if len(top) != 1 or not rows[top[0]].is_group or rows[top[0]].form == "not":
            return (*rows, Row(form)), len(rows)
        place = top[0]
    if not rows[place].is_group or rows[place].depth >= DEEPEST:
        return rows, place
    end = _end(rows, place)
    return (*rows[:end], Row(form, rows[place].depth + 1), *rows[end:]), end


def _end(rows: Sequence[Row], place: int) -> int:
    """Behind the row and all that stands in it."""
    end = place + 1
    while end < len(rows) and rows[end].depth > rows[place].depth:
        end += 1
    return end


def _sibling_before(rows: Rows, place: int) -> int | None:
    for other in range(place - 1, -1, -1):
        if rows[other].depth == rows[place].depth:
            return other
        if rows[other].depth < rows[place].depth:
            return None
    return None


def _parent(rows: Rows, place: int) -> int | None:
    above = (n for n in range(place - 1, -1, -1) if rows[n].depth < rows[place].depth)
    return next(above, None)


def _moved(block: Rows, by: int) -> Rows:
    return tuple(replace(row, depth=row.depth + by) for row in block)


def _room(block: Rows) -> bool:
    return max(row.depth for row in block) < DEEPEST
