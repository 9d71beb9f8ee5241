"""Which partner serves a line: the own warehouse first, then suppliers by preference and delay.

What is there is sent before what is still to come; a line stays whole where one partner has all
of it, and is split over partners where none has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from commerce.markets.fr.working_days import add_working_days, is_working_day

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


class PartnerKind(StrEnum):
    """Whose shelf it is. What lies in a shop is only for those who fetch it there."""

    OWN = "own"
    SUPPLIER = "supplier"
    SHOP = "shop"


_RANK = {kind: place for place, kind in enumerate(PartnerKind)}


@dataclass(frozen=True, slots=True)
class Source:
    """What one partner has of one offering. `coming` pieces are there from `expected_on` on;
    `lead_days` are working days until a piece that is there leaves."""

    partner: str
    kind: PartnerKind
    preference: int
    lead_days: int
    free: int
    coming: int = 0
    expected_on: date | None = None

    def incoming(self, *, today: date) -> int:
        """Pieces that can be promised for a date to come; a date that has passed promises none."""
        ahead = self.expected_on is not None and self.expected_on > today
        return self.coming if ahead else 0


@dataclass(frozen=True, slots=True)
class Share:
    """Pieces of a line from one partner; with `expected_on`, pieces that he has from then on.

    `leaves_on` is the working day on which they leave, or lie ready in the shop.
    """

    partner: str
    kind: PartnerKind
    quantity: int
    leaves_on: date
    expected_on: date | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """`quantity` pieces of an offering for one line."""

    line: str
    offering: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Dealt:
    """The shares by line, and by offering how many pieces are missing (all offerings served: none).

    A line that can't be served in full has no shares and takes nothing from the others.
    """

    shares: Mapping[str, tuple[Share, ...]]
    short: Mapping[str, int]


def expected_day(text: str) -> date:
    """The day on which pieces are expected, of a file.

    Raises:
        ValueError: it is no ISO date of this century.
    """
    day = date.fromisoformat(text)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{text} is not between {FIRST_DAY} and {LAST_DAY}")
    return day


def preferred(sources: Iterable[Source]) -> tuple[Source, ...]:
    """In the order in which partners are asked."""
    return tuple(
        sorted(sources, key=lambda s: (_RANK[s.kind], s.preference, s.lead_days, s.partner))
    )


def dealt(wishes: Iterable[Wish], *, sources: Mapping[str, Iterable[Source]], today: date) -> Dealt:
    """Serve the wishes in their order from `sources` (by offering); offerings without any source
    need no pieces."""
    left = {code: list(preferred(there)) for code, there in sources.items()}
    shares: dict[str, tuple[Share, ...]] = {}
    short: dict[str, int] = {}
    for wish in wishes:
        if wish.offering not in left:
            continue
        there = left[wish.offering]
        taken = _taken(wish.quantity, there, today=today)
        if taken:
            shares[wish.line] = taken
            _take(there, taken)
        else:
            short[wish.offering] = short.get(wish.offering, 0) + wish.quantity
    return Dealt(shares, short)


def _taken(quantity: int, there: list[Source], *, today: date) -> tuple[Share, ...]:
    """The shares of one line; none if there are too few pieces."""
    whole = next((s for s in there if s.free >= quantity), None)
    if whole is not None:
        return (_share(whole, quantity, today=today),)
    ahead = sorted(
        (s for s in there if s.incoming(today=today) > 0), key=lambda s: s.expected_on or today
    )
    offers = [(s, s.free, None) for s in there if s.free > 0] + [
        (s, s.coming, s.expected_on) for s in ahead
    ]
    taken, missing = [], quantity
    for source, pieces, expected_on in offers:
        count = min(pieces, missing)
        if count:
            taken.append(_share(source, count, today=today, expected_on=expected_on))
            missing -= count
    return () if missing else tuple(taken)


def _share(source: Source, count: int, *, today: date, expected_on: date | None = None) -> Share:
    leaves_on = leaves_after(expected_on or today, lead_days=source.lead_days)
    return Share(source.partner, source.kind, count, leaves_on, expected_on)


def leaves_after(day: date, *, lead_days: int) -> date:
    """The working day on which pieces leave that are there on `day`."""
    found = add_working_days(day, days=lead_days)
    return found if is_working_day(found) else add_working_days(found, days=1)


def _take(there: list[Source], taken: Iterable[Share]) -> None:
    for share in taken:
        place = next(n for n, s in enumerate(there) if s.partner == share.partner)
        source = there[place]
        if share.expected_on is None:
            there[place] = replace(source, free=source.free - share.quantity)
        else:
            there[place] = replace(source, coming=source.coming - share.quantity)
