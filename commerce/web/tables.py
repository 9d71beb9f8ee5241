"""Files for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Sequence


def cell(value: object) -> object:
    """No formula: texts come from outside. Figures stay figures."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """As CSV: semicolons, amounts with a point."""
    text = io.StringIO()
    file = csv.writer(text, delimiter=";", lineterminator="\r\n")
    file.writerow(columns)
    file.writerows(map(cell, row) for row in rows)
    return text.getvalue()
