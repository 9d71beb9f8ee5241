"""Which promotions a unit gets and what each takes off: every permitted combination is tried.

A piece is one unit of one charge, with its `list` price in cents. Prices are looked at month by
month; a one-off charge counts as month 1.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

from tests.oracle.shelf import Data, cents, half_up, holds

HORIZON = 60  # months; no advantage of the cases begins later
Piece = dict[str, Any]
Taken = dict[tuple[int, str], int]


@dataclass(frozen=True)
class Ready:
    """A promotion with the pieces that its benefits work on, found at list prices.

    `parts` has for each benefit its first month, the month after its last, and (piece, kind of
    sum, value) for each piece.
    """

    code: str
    group: str
    priority: int
    exclusive: bool
    parts: tuple[tuple[int, int, tuple[tuple[int, str, Fraction], ...]], ...]


def ready(promotion: Data, pieces: Sequence[Piece]) -> Ready:
    parts = []
    for benefit in promotion["benefits"]:
        first, periods = int(benefit.get("first") or 1), benefit.get("periods")
        end = HORIZON if periods is None else first + int(periods)
        parts.append((first, end, tuple(_touched(benefit, pieces))))
    code = str(promotion["code"])
    return Ready(
        code,
        promotion.get("group") or code,
        int(promotion.get("priority", 0)),
        bool(promotion.get("exclusive")),
        tuple(parts),
    )


def given(promotions: Sequence[Data], pieces: Sequence[Piece], *, months: int) -> list[Ready]:
    """Of all combinations that are permitted, the one that leaves the least to pay over `months`.

    Then the one with the most promotions, then the one whose codes come first. Those that have
    nothing left to take are not given. The others stand in the order in which they are taken.
    """
    able = [ready(p, pieces) for p in sorted(promotions, key=lambda p: str(p["code"]))]
    reduces = {one.code: _charges_of(one, pieces) for one in able}
    able = [one for one in able if one.code in _takers([one], pieces)]
    possible = [
        some
        for size in range(len(able) + 1)
        for some in combinations(able, size)
        if _permitted(some, reduces)
    ]
    best = min(
        possible,
        key=lambda some: (
            to_pay(some, pieces, months=months),
            -len(some),
            [one.code for one in some],
        ),
    )
    takers = _takers(best, pieces)
    return sorted(
        (one for one in best if one.code in takers), key=lambda one: (-one.priority, one.code)
    )


def _permitted(some: Sequence[Ready], reduces: Mapping[str, set[tuple[str, str]]]) -> bool:
    if len({one.group for one in some}) < len(some):
        return False
    return not any(
        (one.exclusive or other.exclusive) and reduces[one.code] & reduces[other.code]
        for one, other in combinations(some, 2)
    )


def _charges_of(one: Ready, pieces: Sequence[Piece]) -> set[tuple[str, str]]:
    """The charges that the promotion reduces, taken alone, in whichever months."""
    return {
        (pieces[i]["offering"], pieces[i]["charge"])
        for month in range(1, HORIZON)
        for i, _ in taken([one], pieces, month=month, always_due=True)
    }


def _takers(some: Sequence[Ready], pieces: Sequence[Piece]) -> set[str]:
    """Which of them take something off, in any month at all."""
    return {code for month in range(1, HORIZON) for _, code in taken(some, pieces, month=month)}


def to_pay(some: Sequence[Ready], pieces: Sequence[Piece], *, months: int) -> int:
    """All that the unit pays over its months, in cents."""
    sums = 0
    for month in range(1, months + 1):
        sums += sum(piece["list"] for piece in pieces if due(piece, month))
        sums -= sum(taken(some, pieces, month=month).values())
    return sums


def due(piece: Piece, month: int) -> bool:
    """A one-off charge in month 1; a recurring one every so many months from the first on."""
    if piece["kind"] == "one_off":
        return month == 1
    return bool((month - 1) % piece["every"] == 0)


def taken(
    some: Iterable[Ready], pieces: Sequence[Piece], *, month: int, always_due: bool = False
) -> Taken:
    """What each promotion takes off each piece that falls due in the month; never nothing."""
    left = {
        i: piece["list"]
        for i, piece in enumerate(pieces)
        if due(piece, month) or (always_due and piece["kind"] == "recurring")
    }
    found: Taken = {}
    for one in sorted(some, key=lambda one: (-one.priority, one.code)):
        for first, end, touched in one.parts:
            if not first <= month < end:
                continue
            for i, kind, value in touched:
                if i not in left:
                    continue
                off = max(0, min(left[i], _off(kind, value, left[i])))
                left[i] -= off
                if off:
                    found[i, one.code] = found.get((i, one.code), 0) + off
    return found


def _off(kind: str, value: Fraction, price: int) -> int:
    if kind == "percent":
        return half_up(price * value / 100)
    if kind == "amount":
        return half_up(value)
    return price - half_up(value)


def _touched(benefit: Data, pieces: Sequence[Piece]) -> Iterator[tuple[int, str, Fraction]]:
    """Each piece that the benefit works on: by what kind of sum, with which value."""
    match benefit["kind"]:
        case "percent_off":
            for i in _aimed(benefit, pieces):
                yield i, "percent", Fraction(str(benefit["value"]))
        case "amount_off":
            for i in _aimed(benefit, pieces):
                yield i, "amount", cents(benefit["value"])
        case "fixed_price":
            for i in _aimed(benefit, pieces):
                yield i, "fixed", cents(benefit["value"])
        case "free_item":
            for i in _free(benefit, pieces):
                yield i, "percent", Fraction(str(benefit.get("value", 100)))
        case "bundle_price":
            for i, share in _shares(benefit, pieces).items():
                yield i, "fixed", Fraction(share)


def _aimed(
    benefit: Data, pieces: Sequence[Piece], target: Mapping[str, Any] | None = None
) -> list[int]:
    kind = benefit.get("charge", "one_off")
    wanted = benefit.get("target") if target is None else target
    return [
        i
        for i, piece in enumerate(pieces)
        if piece["kind"] == kind and holds(wanted, piece["facts"])
    ]


def _free(benefit: Data, pieces: Sequence[Piece]) -> list[int]:
    """Of every buy + free pieces, free: the cheapest ones first, or the dearest."""
    found = _aimed(benefit, pieces)
    buy, free = int(benefit.get("buy", 0)), int(benefit.get("free", 1))
    number = len(found) // (buy + free) * free
    if benefit.get("most") is not None:
        number = min(number, int(benefit["most"]))
    sign = -1 if benefit.get("pick") == "dearest" else 1
    return sorted(found, key=lambda i: (sign * pieces[i]["list"], *_name(pieces[i])))[:number]


def _name(piece: Piece) -> tuple[str, str, str]:
    """Decides between equal prices."""
    return piece["offering"], piece["role"], piece["charge"]


def _shares(benefit: Data, pieces: Sequence[Piece]) -> dict[int, int]:
    """The price of each piece of the sets that are made, in cents: as many sets as save most."""
    price = half_up(cents(benefit["value"]))
    most = len(pieces) if benefit.get("most") is None else int(benefit["most"])
    chosen: list[tuple[int, int]] = []
    saved = made = 0
    for number in range(1, most + 1):
        found = _sets(benefit, pieces, number)
        saving = sum(pieces[i]["list"] for _, i in found or ()) - number * price
        if found is not None and saving > saved:
            chosen, saved, made = found, saving, number
    parts: dict[tuple[int, str, str, str], list[int]] = {}
    for item, i in chosen:
        parts.setdefault((item, *_name(pieces[i])), []).append(i)
    weights = [sum(pieces[i]["list"] for i in members) for members in parts.values()]
    shares = _by_largest_remainder(made * price, weights)
    return {
        i: share // len(members) + (n < share % len(members))
        for members, share in zip(parts.values(), shares, strict=True)
        for n, i in enumerate(members)
    }


def _sets(benefit: Data, pieces: Sequence[Piece], number: int) -> list[tuple[int, int]] | None:
    """(item, piece) for so many sets, item by item, the dearest first; None if one is missing."""
    chosen: list[tuple[int, int]] = []
    for item, wanted in enumerate(benefit["items"]):
        used = {i for _, i in chosen}
        free = [
            i
            for i in _aimed(benefit, pieces, wanted["target"])
            if i not in used and (pieces[i]["kind"] == "one_off" or pieces[i]["every"] == 1)
        ]
        free.sort(key=lambda i: (-pieces[i]["list"], *_name(pieces[i])))
        count = number * int(wanted.get("pieces", 1))
        if len(free) < count:
            return None
        chosen += [(item, i) for i in free[:count]]
    return chosen


def _by_largest_remainder(amount: int, weights: list[int]) -> list[int]:
    """Whole cents that add up to the amount; of equal remainders the first gets the cent."""
    if not weights:
        return []
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    shares = [int(share) for share in exact]
    order = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in order[: amount - sum(shares)]:
        shares[i] += 1
    return shares
