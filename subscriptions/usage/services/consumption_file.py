"""Consumption from a CSV file: all of it, or nothing and every fault with its line and field."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

from catalogue.domain.usage import Dimension
from catalogue.importer.sources import CatalogueInvalid, Problem
from commerce.kernel.sentences import Sentence
from subscriptions.domain.consumption import Report
from subscriptions.usage.services.consumption import (
    MOST,
    ConsumptionRefused,
    Taken,
    take_consumption,
)

T = TypeVar("T")
COLUMNS = ("line", "month", "allowance", "used", "counted_at")
MOST_FAULTS = 100


class ConsumptionFileInvalid(CatalogueInvalid):
    """Nothing of the file was taken in; `problems` has what was found."""

    code = "consumption_invalid"


def import_consumption(text: str, *, file: str) -> Taken:
    """Take in what `text` says (with the headings `COLUMNS`); the same again changes nothing.

    Raises:
        ConsumptionFileInvalid: with the first 100 problems or so.
    """
    problems: list[Problem] = []
    rows = list(read(text, columns=COLUMNS, most=MOST, of=_report, into=Reader(file, problems)))
    if problems:
        raise ConsumptionFileInvalid(problems)
    try:
        return take_consumption([report for _, report in rows])
    except ConsumptionRefused as refused:
        raise ConsumptionFileInvalid(
            [
                Problem(file, rows[fault.place][0], fault.field, fault.message)
                for fault in refused.faults[:MOST_FAULTS]
            ]
        ) from None


def _report(told: Mapping[str, str], reader: "Reader") -> Report:
    return Report(
        line=told["line"],
        month=reader.month(told["month"]),
        dimension=reader.dimension(told["allowance"]),
        used=reader.amount(told["used"], "used"),
        counted_at=reader.instant(told["counted_at"], "counted_at"),
    )


def read(
    text: str,
    *,
    columns: tuple[str, ...],
    most: int,
    of: Callable[[Mapping[str, str], "Reader"], T],
    into: "Reader",
) -> Iterator[tuple[int, T]]:
    """What the lines of a CSV file say, each with its number; what is amiss goes to the reader.

    Ends after 100 problems or so.
    """
    separator = ";" if ";" in text.partition("\n")[0] else ","
    lines = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator)
    try:
        if tuple(lines.fieldnames or ()) != columns:
            heading = separator.join(columns)
            into.refuse("file", Sentence("The first line must be %(heading)s.", heading=heading))
            return
        for count, values in enumerate(lines, start=1):
            into.line = lines.line_num
            if count > most:
                into.refuse("file", Sentence("%(most)s lines at most.", most=most))
            if len(into.problems) >= MOST_FAULTS or count > most:
                return
            yield into.line, of({name: (values.get(name) or "").strip() for name in columns}, into)
    except csv.Error as error:
        into.refuse("file", Sentence("This is not CSV: %(error)s.", error=error))


@dataclass(slots=True)
class Reader:
    """Reads the values of a line; what can't be read is noted, and something else stands for it."""

    file: str
    problems: list[Problem]
    line: int = 1

    def refuse(self, field: str, message: str) -> None:
        self.problems.append(Problem(self.file, self.line, field, message))

    def month(self, text: str) -> date:
        try:
            return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007  a month has no zone
        except ValueError:
            self.refuse("month", Sentence("A month like 2026-11."))
            return date.min

    def dimension(self, text: str) -> Dimension:
        known = ", ".join(Dimension)
        if text in set(Dimension):
            return Dimension(text)
        self.refuse("allowance", Sentence("One of: %(known)s.", known=known))
        return Dimension.DATA

    def amount(self, text: str, field: str) -> Decimal:
        if re.fullmatch(r"\d{1,8}(\.\d{1,3})?", text, re.ASCII):
            return Decimal(text)
        self.refuse(field, Sentence("An amount like 12.5, with three decimals at most."))
        return Decimal(0)

    def instant(self, text: str, field: str) -> datetime:
        with suppress(ValueError):
            found = datetime.fromisoformat(text)
            if found.tzinfo is not None:
                return found
        self.refuse(field, Sentence("An instant with its zone, as 2026-11-22T06:00:00+01:00."))
        return datetime.min.replace(tzinfo=UTC)
