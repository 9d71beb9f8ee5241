"""Consumption from a CSV file: all of it, or nothing and every fault with its line and field."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from catalogue.domain.usage import Dimension
from catalogue.importer.sources import CatalogueInvalid, Problem
from commerce.kernel.sentences import Sentence
from subscriptions.domain.consumption import Report
from subscriptions.services.consumption import MOST, ConsumptionRefused, Taken, take_consumption

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
    rows = list(_read(text, file=file, problems=problems))
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


def _read(text: str, *, file: str, problems: list[Problem]) -> Iterator[tuple[int, Report]]:
    separator = ";" if ";" in text.partition("\n")[0] else ","
    lines = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator)
    reader = _Reader(file, problems)
    try:
        if tuple(lines.fieldnames or ()) != COLUMNS:
            heading = separator.join(COLUMNS)
            reader.refuse("file", Sentence("The first line must be %(heading)s.", heading=heading))
            return
        for count, values in enumerate(lines, start=1):
            reader.line = lines.line_num
            if count > MOST:
                reader.refuse("file", Sentence("%(most)s lines at most.", most=MOST))
            if len(problems) >= MOST_FAULTS or count > MOST:
                return
            told = {name: (values.get(name) or "").strip() for name in COLUMNS}
            yield reader.line, reader.report(told)
    except csv.Error as error:
        reader.refuse("file", Sentence("This is not CSV: %(error)s.", error=error))


@dataclass(slots=True)
class _Reader:
    """Reads the values of a line; what can't be read is noted, and something else stands for it."""

    file: str
    problems: list[Problem]
    line: int = 1

    def report(self, told: Mapping[str, str]) -> Report:
        return Report(
            line=told["line"],
            month=self._month(told["month"]),
            dimension=self._dimension(told["allowance"]),
            used=self._amount(told["used"]),
            counted_at=self._instant(told["counted_at"]),
        )

    def refuse(self, field: str, message: str) -> None:
        self.problems.append(Problem(self.file, self.line, field, message))

    def _month(self, text: str) -> date:
        try:
            return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007  a month has no zone
        except ValueError:
            self.refuse("month", Sentence("A month like 2026-11."))
            return date.min

    def _dimension(self, text: str) -> Dimension:
        known = ", ".join(Dimension)
        if text in set(Dimension):
            return Dimension(text)
        self.refuse("allowance", Sentence("One of: %(known)s.", known=known))
        return Dimension.DATA

    def _amount(self, text: str) -> Decimal:
        if re.fullmatch(r"\d{1,8}(\.\d{1,3})?", text, re.ASCII):
            return Decimal(text)
        self.refuse("used", Sentence("An amount like 12.5, with three decimals at most."))
        return Decimal(0)

    def _instant(self, text: str) -> datetime:
        with suppress(ValueError):
            found = datetime.fromisoformat(text)
            if found.tzinfo is not None:
                return found
        self.refuse(
            "counted_at", Sentence("An instant with its zone, as 2026-11-22T06:00:00+01:00.")
        )
        return datetime.min.replace(tzinfo=UTC)
