"""Finding offerings in a snapshot: text, filters and facets, in memory."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from catalogue.domain.expressions import Scalar
from catalogue.domain.model import ChargeKind, Kind, Offering, Segment, Snapshot
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money

Filters = Mapping[str, Sequence[str]]
SORTS = ("relevance", "price", "price_down", "name", "newest")
RANGE = re.compile(r"(\d+(?:\.\d+)?)?\.\.(\d+(?:\.\d+)?)?")

_MOST_KEPT = 2**15
"""Folded texts; more than a catalogue of 10,000 offerings has, or each search would fold all."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One choice of a facet and how many results it would leave."""

    value: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    name: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Results in their order, and the facets that narrow them further."""

    offerings: tuple[Offering, ...]
    facets: tuple[Facet, ...]


def find(
    snapshot: Snapshot,
    *,
    segment: Segment,
    channel: str,
    at: datetime,
    kinds: Iterable[Kind] = (),
    text: str = "",
    filters: Filters | None = None,
    facets: Sequence[str] = (),
    sort: str = "relevance",
) -> Found:
    """What that segment can buy on that channel, narrowed by words and characteristics.

    Words are found whatever their accents and case; all must occur. `filters` names a
    characteristic, "category" or "price" and its accepted values; a range is "300..600". A facet
    counts as if its own filter were not set, so that its choices can be changed.

    Raises:
        InvalidInput: an unknown order of sorting.
    """
    if sort not in SORTS:
        raise InvalidInput(
            f"Sort by one of: {', '.join(SORTS)}.", code="unknown_sort", field="sort"
        )
    wanted, chosen = frozenset(kinds), filters or {}
    words = folded(text).split()
    pool = [
        offering
        for offering in snapshot.offerings.values()
        if (not wanted or offering.kind in wanted)
        and offering.sellable(segment=segment, channel=channel, at=at)
        and all(word in searchable(offering) for word in words)
    ]
    found = [o for o in pool if _passes(o, chosen, segment=segment)]
    return Found(
        tuple(_sorted(found, words=words, sort=sort, segment=segment)),
        tuple(_facet(name, pool, chosen, segment=segment) for name in facets),
    )


def list_price(offering: Offering, *, segment: Segment) -> Money | None:
    """The price without commitment: one-off where there is one, else per month."""
    charges = offering.charges_for(segment=segment, term=0, bundle=None)
    by_kind = {kind: [c.amount for c in charges if c.kind is kind] for kind in ChargeKind}
    if offering.kind is Kind.PLAN or not by_kind[ChargeKind.ONE_OFF]:
        amounts = by_kind[ChargeKind.RECURRING]
    else:
        amounts = by_kind[ChargeKind.ONE_OFF]
    return sum(amounts[1:], amounts[0]) if amounts else None


@lru_cache(maxsize=_MOST_KEPT)
def folded(text: str) -> str:
    """Lower case, without accents: "Téléphone" and "telephone" are one word."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@lru_cache(maxsize=_MOST_KEPT)
def _words_of(*texts: str) -> str:
    return folded(" ".join(texts))


def searchable(offering: Offering) -> str:
    """Everything that a search looks at, in every language."""
    named = (str(v) for v in offering.characteristics.values() if isinstance(v, str))
    return _words_of(
        offering.code.replace("-", " "),
        *offering.name.by_language.values(),
        *offering.summary.by_language.values(),
        *named,
    )


def _passes(
    offering: Offering, filters: Filters, *, segment: Segment, but: str | None = None
) -> bool:
    return all(
        name == but or not values or _has(offering, name, values, segment=segment)
        for name, values in filters.items()
    )


def _has(offering: Offering, name: str, values: Sequence[str], *, segment: Segment) -> bool:
    own = _values(offering, name, segment=segment)
    return any(_matches(one, value) for one in own for value in values)


def _matches(own: Scalar, wanted: str) -> bool:
    limits = RANGE.fullmatch(wanted)
    if limits and isinstance(own, (int, Decimal)) and not isinstance(own, bool):
        low, high = limits.groups()
        return (low is None or own >= Decimal(low)) and (high is None or own <= Decimal(high))
    return _as_text(own) == wanted


def _values(offering: Offering, name: str, *, segment: Segment) -> tuple[Scalar, ...]:
    if name == "category":
        return (offering.category,)
    if name == "price":
        price = list_price(offering, segment=segment)
        return (price.amount,) if price else ()
    value = offering.characteristics.get(name)
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _as_text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _facet(name: str, pool: list[Offering], filters: Filters, *, segment: Segment) -> Facet:
    counts: Counter[Scalar] = Counter()
    for offering in pool:
        if _passes(offering, filters, segment=segment, but=name):
            counts.update(set(_values(offering, name, segment=segment)))
    chosen = filters.get(name, ())
    return Facet(
        name,
        tuple(
            FacetValue(_as_text(value), count, _as_text(value) in chosen)
            for value, count in sorted(counts.items(), key=lambda item: _place(item[0]))
        ),
    )


def _place(value: Scalar) -> tuple[int, Decimal, str]:
    """Numbers by size, then words by the alphabet."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return (0, Decimal(value), "")
    return (1, Decimal(0), folded(_as_text(value)))


def _sorted(
    found: list[Offering], *, words: list[str], sort: str, segment: Segment
) -> list[Offering]:
    def price(offering: Offering) -> Decimal:
        amount = list_price(offering, segment=segment)
        return amount.amount if amount else Decimal("Infinity")

    match sort:
        case "price":
            return sorted(found, key=lambda o: (price(o), o.rank, o.code))
        case "price_down":
            return sorted(found, key=lambda o: (-price(o), o.rank, o.code))
        case "name":
            return sorted(found, key=lambda o: (folded(o.name.in_("fr")), o.code))
        case "newest":
            return sorted(found, key=lambda o: (-o.rank, o.code))
        case _:
            return sorted(found, key=lambda o: (_distance(o, words), o.rank, o.code))


def _distance(offering: Offering, words: list[str]) -> int:
    """Nearer when the words stand in the name than elsewhere."""
    if not words:
        return 0
    name = folded(" ".join(offering.name.by_language.values()))
    return sum(word not in name for word in words)
