"""Files for spreadsheets, and others that are written text by text."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from tempfile import SpooledTemporaryFile

IN_MEMORY = 1_000_000
"""Bytes of a file; what is longer waits on the disk for a client that may be slow."""


def cell(value: object) -> object:
    """No formula: texts come from outside. Figures stay figures."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """As CSV: semicolons, amounts with a point."""
    return "".join(rows_of(columns, rows))


def rows_of(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The same line by line, for tables that fit into no memory."""
    text = io.StringIO()
    file = csv.writer(text, delimiter=";", lineterminator="\r\n")
    file.writerow(columns)
    yield text.getvalue()
    for row in rows:
        text.seek(0)
        text.truncate()
        file.writerow(map(cell, row))
        yield text.getvalue()


def spooled(texts: Iterable[str]) -> tuple["SpooledTemporaryFile[bytes]", bytes]:
    """A file of the texts, from its beginning, and its SHA-256; with as little memory however long
    it is. Who is given it closes it."""
    file, digest = SpooledTemporaryFile[bytes](max_size=IN_MEMORY), sha256()
    for text in texts:
        part = text.encode()
        digest.update(part)
        file.write(part)
    file.seek(0)
    return file, digest.digest()
