"""Usage records from a CSV file, ten thousand at a time; one that broke off is just read again."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from catalogue.importer.sources import Problem
from commerce.kernel.sentences import Sentence
from subscriptions.domain.usage import UsageTold
from subscriptions.usage.services.consumption_file import ConsumptionFileInvalid, Reader, read
from subscriptions.usage.services.usage import MOST, UsageTaken, take_usage

COLUMNS = ("id", "line", "started_at", "allowance", "quantity", "destination")
MOST_LINES = 200_000
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}", re.ASCII)
LONGEST_DESTINATION = 20


def import_usage(text: str, *, file: str, source: str) -> Iterator[UsageTaken]:
    """Take in what the system `source` tells in `text`, part by part; places are lines of the file.

    Raises:
        ConsumptionFileInvalid: what can't be read, the first 100 problems or so; then nothing of
            the file was taken in.
    """
    problems: list[Problem] = []
    reader = Reader(file, problems)
    rows = list(read(text, columns=COLUMNS, most=MOST_LINES, of=_record, into=reader))
    if problems:
        raise ConsumptionFileInvalid(problems)
    for first in range(0, len(rows), MOST):
        part = rows[first : first + MOST]
        taken = take_usage([told for _, told in part], source=source)
        yield replace(
            taken,
            suspended=tuple(replace(f, place=part[f.place][0]) for f in taken.suspended),
            refused=tuple(replace(f, place=part[f.place][0]) for f in taken.refused),
        )


def _record(told: Mapping[str, str], reader: Reader) -> UsageTold:
    if not REFERENCE.fullmatch(told["id"]):
        reader.refuse("id", Sentence("A name of letters, figures and . _ : / -, 80 at most."))
    return UsageTold(
        reference=told["id"],
        line=told["line"],
        started_at=reader.instant(told["started_at"], "started_at"),
        dimension=reader.dimension(told["allowance"]),
        quantity=reader.amount(told["quantity"], "quantity"),
        destination=told["destination"][:LONGEST_DESTINATION],
    )
