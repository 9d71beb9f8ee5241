"""Many lines at once: what a fleet order says per user, and the answer per row. Pure."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from io import StringIO

from commerce.kernel.errors import InvalidInput, RuleViolated

MOST_ROWS = 10_000
MOST_LETTERS = 120
COLUMNS = (
    *("user_name", "user_email", "plan", "handset", "sim", "term"),
    *("site", "cost_centre", "number", "rio"),
)


@dataclass(frozen=True, slots=True)
class FleetLine:
    """A line for one named user. `row` counts from 1.

    `handset` may be empty, `sim` too (the bundle's default); `site` is the label, number or SIRET
    of a delivery site; `number` with `rio` is kept, without them a new one is given.
    """

    row: int
    user_name: str
    user_email: str
    plan: str
    handset: str = ""
    sim: str = ""
    term: int = 24
    site: str = ""
    cost_centre: str = ""
    number: str = ""
    rio: str = ""


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one field of a row; `sentences` by language if the catalogue has them."""

    field: str
    code: str
    message: str
    sentences: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """Every row is answered; an order is only made if all are accepted. `user` is whom it names."""

    row: int
    errors: tuple[RowError, ...] = ()
    user: str = ""

    @property
    def accepted(self) -> bool:
        return not self.errors


class FleetRefused(RuleViolated):
    """At least one row can't be ordered, so none is; `answers` has one entry per row.

    `lines` are those that could be read, when others could not.
    """

    code = "fleet_refused"

    def __init__(self, answers: Sequence[RowAnswer], *, lines: Sequence[FleetLine] = ()) -> None:
        wrong = sum(not answer.accepted for answer in answers)
        super().__init__(
            f"{wrong} of {len(answers)} lines can't be ordered; nothing was ordered.",
            answers=[
                {
                    "row": answer.row,
                    "accepted": answer.accepted,
                    "errors": [
                        {"field": e.field, "code": e.code, "message": e.message}
                        for e in answer.errors
                    ],
                }
                for answer in answers
            ],
        )
        self.answers = tuple(answers)
        self.lines = tuple(lines)


def parse_fleet_csv(text: str) -> tuple[FleetLine, ...]:
    """Lines from a table with a heading; separated by semicolons, commas or tabs.

    Columns in any order, `user_name`, `user_email` and `plan` at least; a byte-order mark and empty
    rows are skipped.

    Raises:
        InvalidInput: `csv_empty`, `csv_columns` (missing or unknown ones), `csv_too_long`.
        FleetRefused: a row has too many cells, or a term that is no number.
    """
    reader = csv.DictReader(StringIO(text.lstrip("\ufeff")), delimiter=_delimiter(text))
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    if not any(names):
        raise InvalidInput("The file is empty.", code="csv_empty", field="file")
    reader.fieldnames = names
    unknown = sorted(set(names) - set(COLUMNS))
    missing = sorted({"user_name", "user_email", "plan"} - set(names))
    if unknown or missing:
        raise InvalidInput(
            f"Use the columns {', '.join(COLUMNS)}.",
            code="csv_columns",
            field="file",
            unknown=unknown,
            missing=missing,
        )
    return fleet_lines(row for row in reader if any(_cells(row).values()))


def fleet_lines(rows: Iterable[Mapping[str, object]]) -> tuple[FleetLine, ...]:
    """Lines from mappings with the names of `COLUMNS` (JSON objects or rows of a table).

    Raises:
        InvalidInput: `fleet_empty`, `fleet_too_long`.
        FleetRefused: rows that are no such mappings, each answered.
    """
    lines: list[FleetLine] = []
    answers: list[RowAnswer] = []
    for number, row in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise InvalidInput(
                f"An order has {MOST_ROWS} lines at most.", code="fleet_too_long", field="lines"
            )
        errors = _shape_errors(row)
        answers.append(RowAnswer(number, tuple(errors), _cells(row).get("user_name", "")))
        if not errors:
            lines.append(_line(number, row))
    if not answers:
        raise InvalidInput("There are no lines.", code="fleet_empty", field="lines")
    if any(not answer.accepted for answer in answers):
        raise FleetRefused(answers, lines=lines)
    return tuple(lines)


def _delimiter(text: str) -> str:
    heading = text.split("\n", 1)[0]
    return max((";", ",", "\t"), key=heading.count)


def _cells(row: Mapping[str, object]) -> dict[str, str]:
    return {str(name): str(value or "").strip() for name, value in row.items() if name is not None}


def _shape_errors(row: Mapping[str, object]) -> list[RowError]:
    errors = []
    if None in row:
        errors.append(RowError("row", "too_many_cells", "The row has more cells than the heading."))
    for name in row:
        if name is not None and name not in COLUMNS:
            errors.append(RowError(str(name)[:40], "unknown_field", "There is no such field."))
    errors += [error for name, value in row.items() for error in _cell_errors(str(name), value)]
    term = row.get("term")
    if term not in (None, "") and not str(term).strip().isdecimal():
        errors.append(RowError("term", "not_a_number", "The term is a number of months."))
    return errors


def _cell_errors(name: str, value: object) -> list[RowError]:
    """Cells are short texts on one line; the term may be a number."""
    if value is None or name not in COLUMNS:
        return []
    if name == "term" and isinstance(value, int) and not isinstance(value, bool):
        return []
    if not isinstance(value, str):
        return [RowError(name, "not_text", "The value is a text.")]
    if len(value) > MOST_LETTERS:
        return [RowError(name, "too_long", f"Use {MOST_LETTERS} letters at most.")]
    if any(ord(letter) < 32 or "\ud800" <= letter <= "\udfff" for letter in value.strip()):
        return [RowError(name, "control_character", "Leave out line breaks and control signs.")]
    return []


def _line(number: int, row: Mapping[str, object]) -> FleetLine:
    cells = _cells({**row})
    given = {f.name: cells[f.name] for f in fields(FleetLine) if cells.get(f.name)}
    term = given.pop("term", "")
    values = {"user_name": "", "user_email": "", "plan": "", **given}
    return FleetLine(row=number, term=int(term) if term else 24, **values)
