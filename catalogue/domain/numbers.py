"""Which class a telephone number is of, by its look; and what people search numbers by. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from commerce.kernel.errors import InvalidInput

STANDARD = "standard"
"""The class of every number that no rule names; it costs nothing."""
_PATTERN = re.compile(r"\*?\d{1,10}\*?", re.ASCII)


class Where(StrEnum):
    """Where in a number the figures are looked for."""

    ANYWHERE = "anywhere"
    BEGINNING = "beginning"
    END = "end"


@dataclass(frozen=True, slots=True)
class Look:
    """What the end of a number looks like; all that is not 0 must hold.

    `same`: so many equal figures (4: 7777). `run`: so many that rise or fall by one (4: 6789).
    `pairs`: so many equal pairs (2: 4242).
    """

    same: int = 0
    run: int = 0
    pairs: int = 0

    def fits(self, number: str) -> bool:
        return (
            (not self.same or _same(number[-self.same :], self.same))
            and (not self.run or _run(number[-self.run :], self.run))
            and (not self.pairs or _pairs(number[-2 * self.pairs :], self.pairs))
        )


@dataclass(frozen=True, slots=True)
class NumberClass:
    """A class with the looks of which any one makes a number its own."""

    code: str
    looks: tuple[Look, ...]


def class_of(number: str, classes: Sequence[NumberClass]) -> str:
    """The first of `classes` that fits; `STANDARD` if none does."""
    return next(
        (each.code for each in classes if any(look.fits(number) for look in each.looks)), STANDARD
    )


def numbers_between(first: str, last: str) -> Iterator[str]:
    """Both ends belong to it; zeros in front stay."""
    return (f"{n:0{len(first)}d}" for n in range(int(first), int(last) + 1))


def classes_from(data: Sequence[Mapping[str, object]]) -> tuple[NumberClass, ...]:
    """From `[{code: gold, looks: [{same: 4}]}]`, as the importer accepted it."""
    return tuple(
        NumberClass(
            str(each["code"]),
            tuple(Look(**look) for look in each["looks"]),  # type: ignore[attr-defined]
        )
        for each in data
    )


def read_pattern(asked: str) -> tuple[Where, str]:
    """Where to look for which figures: `77` anywhere, `*77` at the end, `06*` at the beginning.

    Spaces and points between the figures do not count; no figures fit every number.

    Raises:
        InvalidInput: `number_pattern_invalid`.
    """
    bare = re.sub(r"[\s.\-\u00a0\u202f]", "", asked)
    if bare and not _PATTERN.fullmatch(bare):
        raise InvalidInput(
            "Search by 1 to 10 figures; a star before them means at the end: *77.",
            code="number_pattern_invalid",
            field="pattern",
        )
    figures = bare.strip("*")
    if bare == f"*{figures}":
        return Where.END, figures
    return (Where.BEGINNING if bare == f"{figures}*" else Where.ANYWHERE), figures


def _same(end: str, length: int) -> bool:
    return len(end) == length and len(set(end)) == 1


def _run(end: str, length: int) -> bool:
    steps = {int(b) - int(a) for a, b in pairwise(end)}
    return len(end) == length and steps in ({1}, {-1})


def _pairs(end: str, count: int) -> bool:
    return len(end) == 2 * count and end == end[-2:] * count
