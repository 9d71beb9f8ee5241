"""Facets with exact counts over thousands of offerings, by sets of places as the bits of integers.

Place n of the shelf is bit n. Narrowing and counting are then a few operations on long integers,
whatever the number of offerings; nothing is walked but what is shown.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from operator import itemgetter, or_
from types import MappingProxyType

from commerce.kernel.errors import InvalidInput

Chosen = Mapping[str, Collection[str]]
Bits = int
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,4})?")


def bits_of(places: Iterable[int], *, size: int) -> Bits:
    """The set of `places`, each below `size`."""
    marked = bytearray(size // 8 + 1)
    for place in places:
        marked[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(marked, "little")


def members(bits: Bits) -> Iterator[int]:
    """The places in `bits`, the lowest first."""
    written = f"{bits:b}"[::-1]
    place = written.find("1")
    while place >= 0:
        yield place
        place = written.find("1", place + 1)


def ordered(bits: Bits, order: Sequence[int]) -> Iterator[int]:
    """The places in `bits`, in that order; stops costing when the reader stops."""
    marked = bits.to_bytes((bits.bit_length() >> 3) + 1, "little")
    end = len(marked)
    for place in order:
        if place >> 3 < end and marked[place >> 3] & (1 << (place & 7)):
            yield place


@dataclass(frozen=True, slots=True)
class Facet:
    """A question about offerings: for each answer the places that give it.

    `numbers` are the answers that are some, rising. `bands` are ranges that are counted instead of
    single answers, as "10..19.99"; both ends count.
    """

    name: str
    answers: Mapping[str, Bits]
    numbers: tuple[tuple[Decimal, Bits], ...] = ()
    bands: Mapping[str, Bits] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(
        cls, name: str, values: Sequence[Collection[str]], *, bands: tuple[str, ...] = ()
    ) -> "Facet":
        """`values[n]` are the answers of place n, as text."""
        places: dict[str, list[int]] = {}
        for place, answers in enumerate(values):
            for answer in answers:
                places.setdefault(answer, []).append(place)
        size = len(values)
        found = {answer: bits_of(where, size=size) for answer, where in places.items()}
        read = ((_number(answer), bits) for answer, bits in found.items())
        numbers = tuple(sorted(((n, bits) for n, bits in read if n is not None), key=itemgetter(0)))
        ranges = {band: _within(numbers, band) for band in bands}
        return cls(name, MappingProxyType(found), numbers, MappingProxyType(ranges))

    def accepts(self, answer: str) -> bool:
        """Whether the answer can be chosen: one that somebody gives, or a range of numbers."""
        return answer in self.answers or (bool(self.numbers) and limits(answer) is not None)

    def chosen(self, answers: Collection[str]) -> Bits:
        """The places that give one of `answers`; a range takes every number within it."""
        return reduce(or_, (self._one(answer) for answer in answers), 0)

    def options(self) -> Iterator[tuple[str, Bits]]:
        """What can be chosen, with its places."""
        return iter((self.bands or self.answers).items())

    def _one(self, answer: str) -> Bits:
        found = self.answers.get(answer, self.bands.get(answer))
        return _within(self.numbers, answer) if found is None else found


def _within(numbers: Sequence[tuple[Decimal, Bits]], text: str) -> Bits:
    """The places whose number is in the range; none if it is no range."""
    ends = limits(text)
    if ends is None:
        return 0
    low, high = ends
    first = 0 if low is None else bisect_left(numbers, low, key=itemgetter(0))
    last = len(numbers) if high is None else bisect_right(numbers, high, key=itemgetter(0))
    return reduce(or_, (bits for _, bits in numbers[first:last]), 0)


@dataclass(frozen=True, slots=True)
class Groups:
    """Places that are one thing to whoever looks (the variants of a model); others stand alone."""

    alone: Bits
    several: tuple[Bits, ...]

    @classmethod
    def of(cls, names: Sequence[str | None]) -> "Groups":
        """`names[n]` is the group of place n, None if it stands alone."""
        members: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            if name is not None:
                members.setdefault(name, []).append(place)
        size = len(names)
        alone = bits_of((n for n, name in enumerate(names) if name is None), size=size)
        return cls(alone, tuple(bits_of(where, size=size) for where in members.values()))

    def count(self, bits: Bits) -> int:
        """How many groups have a place in `bits`."""
        return (bits & self.alone).bit_count() + sum(1 for group in self.several if group & bits)


def choices(facets: Mapping[str, Facet], chosen: Chosen) -> dict[str, Bits]:
    """For every question with a choice the places that answer it so."""
    return {name: facets[name].chosen(answers) for name, answers in chosen.items() if answers}


def narrowed(bits: Bits, chosen: Mapping[str, Bits], *, but: str = "") -> Bits:
    """The places of `bits` that answer every question as chosen, `but` one."""
    for name, places in chosen.items():
        if name != but:
            bits &= places
    return bits


def check_choices(facets: Mapping[str, Facet], chosen: Chosen) -> None:
    """Raises InvalidInput `unknown_facet_value` for an answer that nothing gives."""
    for name, answers in chosen.items():
        for answer in answers:
            if not facets[name].accepts(answer):
                raise InvalidInput(
                    f"Nothing here has {name} {answer[:40]!r}.",
                    code="unknown_facet_value",
                    field=name,
                    value=answer[:40],
                )


def limits(text: str) -> tuple[Decimal | None, Decimal | None] | None:
    """The ends of "10..19.99", "10.." or "..9.99"; None if it is no range."""
    low, dots, high = text.partition("..")
    if not dots or not (low or high):
        return None
    ends = (_number(low) if low else None, _number(high) if high else None)
    if (low and ends[0] is None) or (high and ends[1] is None):
        return None
    return ends


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None
