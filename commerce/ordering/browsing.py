"""Lists and searches of what is on sale: narrowed by facets with counts, sorted, with prices."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, reduce
from itertools import chain, islice
from operator import or_
from threading import Lock
from types import MappingProxyType

from catalogue.domain.expressions import Scalar
from catalogue.domain.model import Kind, Offering, Segment
from catalogue.domain.search import folded, list_price
from catalogue.domain.shelf import (
    Bits,
    Chosen,
    Facet,
    Groups,
    bits_of,
    check_choices,
    choices,
    members,
    narrowed,
    ordered,
)
from catalogue.finding import Matches, Reading, Word, matches
from catalogue.selectors import kept_per_release, stock_of
from commerce.kernel.errors import InvalidInput
from commerce.ordering.domain.showcase import SHOWN_TERM
from commerce.ordering.showcase import Key, ShopWindow

SORTS = ("relevance", "price", "price_down", "month", "month_down", "name", "newest")
CHARACTERISTICS = (
    *("brand", "storage_gb", "colour", "network", "esim", "refurbished", "energy_class", "form"),
    *("connector", "fits", "with_handset", "service"),
)
PRICED = ("month", "price")
SEARCHED = (Kind.HANDSET, Kind.PLAN, Kind.ACCESSORY, Kind.CONTENT, Kind.OPTION)
"""What people look for; SIM cards and fees come by themselves."""
FACETS = ("kind", "category", "terms", *CHARACTERISTICS, *PRICED)
BANDS = MappingProxyType(
    {
        "month": ("..9.99", "10..19.99", "20..29.99", "30..59.99", "60.."),
        "price": ("..49.99", "50..199.99", "200..399.99", "400..799.99", "800.."),
    }
)
"""Both ends count, to the cent."""
Kinds = tuple[Kind, ...]
ALL_KINDS = tuple(Kind)
_LAST = Decimal("Infinity")
_one_at_a_time = Lock()


@dataclass(frozen=True, slots=True)
class Wish:
    """What to look for. `chosen` are accepted answers by facet; `grouped` makes the variants of a
    model one result; `counted` are the facets whose counts are wanted."""

    kinds: tuple[Kind, ...] = ()
    text: str = ""
    chosen: Chosen = field(default_factory=lambda: MappingProxyType({}))
    sort: str = "relevance"
    counted: tuple[str, ...] = ()
    grouped: bool = False
    in_stock: bool = False
    term: int = SHOWN_TERM
    language: str = "fr"


@dataclass(frozen=True, slots=True)
class Listed:
    """A part of the results in their order, how many there are, and the counts by facet."""

    offerings: tuple[Offering, ...]
    total: int
    counts: Mapping[str, Mapping[str, int]]
    words: tuple[Word, ...]
    mended: str


def browse(
    shop: ShopWindow, wish: Wish, *, limit: int, offset: int = 0, strict: bool = False
) -> Listed:
    """What fits the wish, from `offset` on.

    A facet counts as if nothing had been chosen from itself, so that its choices can be changed.
    The words of a search cost at most three queries, nothing else asks the database.

    Raises:
        InvalidInput: `unknown_sort`; `unknown_facet_value` if `strict`.
    """
    if wish.sort not in SORTS:
        raise InvalidInput(
            f"Sort by one of: {', '.join(SORTS)}.", code="unknown_sort", field="sort"
        )
    found = matches(shop.window.catalogue, wish.text)
    return _listed(shop, wish, found, limit=limit, offset=offset, strict=strict)


def without_word(shop: ShopWindow, wish: Wish, word: str) -> int:
    """How many results the search would have without one of its words."""
    kept = " ".join(each for each in wish.text.split() if folded(each) != word)
    if not kept:
        return 0
    found = matches(shop.window.catalogue, kept)
    return _listed(shop, wish, found, limit=0, offset=0, strict=False).total


def _listed(
    shop: ShopWindow, wish: Wish, found: Matches, *, limit: int, offset: int, strict: bool
) -> Listed:
    shelf = _shelf(shop.key)
    facets = _facets(shop, shelf, wish)
    if strict:
        check_choices(facets, wish.chosen)
    chosen, nearest = choices(facets, wish.chosen), shelf.matching(found)
    pool = reduce(or_, nearest, 0) & shelf.of_kinds(wish.kinds)
    if wish.in_stock:
        pool &= _there(shelf, narrowed(pool, chosen))
    bits = narrowed(pool, chosen)
    groups = shelf.groups if wish.grouped else shelf.singles
    shown = _shown(shelf, _in_order(shop, wish, bits, nearest), grouped=wish.grouped)
    counts = {
        name: _counts(facets[name], narrowed(pool, chosen, but=name), groups, pool=pool)
        for name in wish.counted
    }
    return Listed(
        tuple(shelf.offerings[place] for place in islice(shown, offset, offset + limit)),
        groups.count(bits),
        counts,
        found.words,
        found.mended,
    )


@dataclass(frozen=True, slots=True)
class Shelf:
    """Everything that one segment can buy on one channel, in the catalogue's order."""

    offerings: tuple[Offering, ...]
    places: tuple[int, ...]
    """Of each offering of the catalogue, in the document's order; -1 for what is not on sale."""
    kinds: Mapping[Kind, Bits]
    """Phones before plans before what goes with them."""
    facets: Mapping[str, Facet]
    groups: Groups
    singles: Groups

    def matching(self, found: Matches) -> tuple[Bits, ...]:
        """What was found in sets that are equally near, the nearest first; then phones before plans
        before what goes with them. All in one set if nothing was asked for."""
        size = len(self.offerings)
        if found.ranks is None:
            return ((1 << size) - 1,)
        placed = ([self.places[n] for n in rank] for rank in found.ranks)
        near = [bits_of((n for n in rank if n >= 0), size=size) for rank in placed]
        return tuple(
            bits & self.kinds[kind] for bits in near for kind in Kind if kind in self.kinds
        )

    def of_kinds(self, kinds: Collection[Kind]) -> Bits:
        found = 0
        for kind in kinds or Kind:
            found |= self.kinds.get(kind, 0)
        return found


@lru_cache(maxsize=16)
def _shelf(key: Key) -> Shelf:
    window = ShopWindow(key).window
    document = list(window.catalogue.offerings.values())
    sold = [n for n, offering in enumerate(document) if window.sells(offering)]
    sold.sort(key=lambda n: _place_in_shop(document[n], segment=window.segment, at=window.at))
    places = [-1] * len(document)
    for place, n in enumerate(sold):
        places[n] = place
    offerings = tuple(document[n] for n in sold)
    kinds = Facet.of("kind", [(offering.kind.value,) for offering in offerings])
    facets = {name: _characteristic(name, offerings) for name in CHARACTERISTICS}
    facets |= {
        "kind": kinds,
        "category": Facet.of("category", [(offering.category,) for offering in offerings]),
        "terms": Facet.of("terms", [tuple(map(str, offering.terms)) for offering in offerings]),
    }
    return Shelf(
        offerings,
        tuple(places),
        MappingProxyType({k: kinds.answers[k] for k in Kind if k in kinds.answers}),
        MappingProxyType(facets),
        Groups.of([offering.family for offering in offerings]),
        Groups.of([None] * len(offerings)),
    )


def _place_in_shop(
    offering: Offering, *, segment: Segment, at: datetime
) -> tuple[int, Decimal, str]:
    """In the merchant's order; of a model the cheapest variant first."""
    price = list_price(offering, segment=segment, at=at)
    return (offering.rank, price.amount if price else _LAST, offering.code)


def _characteristic(name: str, offerings: Sequence[Offering]) -> Facet:
    return Facet.of(name, [answers_of(offering, name) for offering in offerings])


def answers_of(offering: Offering, name: str) -> tuple[str, ...]:
    """The values of a characteristic as text, as addresses and programs write them."""
    value = offering.characteristics.get(name)
    if value is None:
        return ()
    return tuple(_text(each) for each in (value if isinstance(value, tuple) else (value,)))


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _prices(key: Key, term: int, kinds: Kinds) -> Mapping[int, tuple[Decimal, Decimal]]:
    """By place: the price today, and that of a month once promotions ended.

    They are worked out once per kind, however many ask at the same time.
    """
    with _one_at_a_time:
        parts = [_prices_of(key, term, kind) for kind in kinds]
    return {place: prices for part in parts for place, prices in part.items()}


@lru_cache(maxsize=128)
def _prices_of(key: Key, term: int, kind: Kind) -> Mapping[int, tuple[Decimal, Decimal]]:
    # Not by the shop window, which keeps each quote and looks for lowest prices of the past too.
    window, shelf = ShopWindow(key).window, _shelf(key)
    found = {}
    for place in members(shelf.of_kinds((kind,))):
        shown = window.shown(shelf.offerings[place], term=term)
        found[place] = (shown.price_today.amount, shown.lasting_month.amount)
    return MappingProxyType(found)


@lru_cache(maxsize=32)
def _priced(key: Key, term: int, kinds: Kinds) -> Mapping[str, Facet]:
    prices = _prices(key, term, kinds)
    places = range(len(_shelf(key).offerings))
    today = [(str(prices[n][0]),) if n in prices else () for n in places]
    month = [(str(prices[n][1]),) if n in prices and prices[n][1] else () for n in places]
    return MappingProxyType(
        {
            "price": Facet.of("price", today, bands=BANDS["price"]),
            "month": Facet.of("month", month, bands=BANDS["month"]),
        }
    )


def _facets(shop: ShopWindow, shelf: Shelf, wish: Wish) -> Mapping[str, Facet]:
    """Those of the shelf, and those that need every price only when one of them is asked for."""
    if not any(name in PRICED for name in (*wish.chosen, *wish.counted)):
        return shelf.facets
    return {**shelf.facets, **_priced(shop.key, wish.term, wish.kinds or ALL_KINDS)}


def _counts(facet: Facet, bits: Bits, groups: Groups, *, pool: Bits) -> dict[str, int]:
    """For every answer that occurs among what the words and kinds leave; 0 where filters do."""
    return {
        answer: groups.count(places & bits) for answer, places in facet.options() if places & pool
    }


def _there(shelf: Shelf, bits: Bits) -> Bits:
    """The places of `bits` that can be shipped; one query."""
    places = list(members(bits))
    stock = stock_of([shelf.offerings[n].code for n in places if shelf.offerings[n].stocked])
    return bits_of(
        (
            n
            for n in places
            if not (offering := shelf.offerings[n]).stocked
            or (offering.code in stock and stock[offering.code].available)
        ),
        size=len(shelf.offerings),
    )


def _in_order(shop: ShopWindow, wish: Wish, bits: Bits, nearest: Sequence[Bits]) -> Iterator[int]:
    """The places in `bits` in the order that was wished."""
    if wish.sort == "relevance":
        return chain.from_iterable(members(bits & alike) for alike in nearest)
    return ordered(bits, _sorted(shop.key, wish))


def _sorted(key: Key, wish: Wish) -> tuple[int, ...]:
    by_price = wish.sort.startswith(("price", "month"))
    term, kinds = (wish.term, wish.kinds or ALL_KINDS) if by_price else (0, ())
    return _sorted_by(key, wish.sort, term, kinds, wish.language if wish.sort == "name" else "")


@lru_cache(maxsize=128)
def _sorted_by(key: Key, sort: str, term: int, kinds: Kinds, language: str) -> tuple[int, ...]:
    """All places, or those of `kinds`, in that order; ties in the catalogue's order."""
    offerings = _shelf(key).offerings
    prices = _prices(key, term, kinds)
    places = sorted(prices) if kinds else range(len(offerings))
    never = datetime.min.replace(tzinfo=UTC)
    keys: dict[str, Callable[[int], object]] = {
        "price": lambda n: prices[n][0],
        "price_down": lambda n: -prices[n][0],
        "month": lambda n: prices[n][1] or _LAST,
        "month_down": lambda n: -prices[n][1],
        "name": lambda n: folded(offerings[n].name.in_(language)),
        "newest": lambda n: never - (offerings[n].valid_from or never),
    }
    return tuple(sorted(places, key=keys[sort]))  # type: ignore[arg-type]


def _shown(shelf: Shelf, places: Iterator[int], *, grouped: bool) -> Iterator[int]:
    """The places; of the variants of a model the first."""
    seen: set[str] = set()
    for place in places:
        family = shelf.offerings[place].family if grouped else None
        if family is not None:
            if family in seen:
                continue
            seen.add(family)
        yield place


def in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Answers by size where they are numbers or ranges of them, else by the alphabet.

    They may come from an address: what is a digit elsewhere ("²") is no number here.
    """

    def place(answer: str) -> tuple[int, Decimal, str]:
        start = answer.partition("..")[0] or "0"
        number = start.isascii() and start.replace(".", "", 1).isdigit()
        return (0, Decimal(start), "") if number else (1, Decimal(0), folded(answer))

    return sorted(counts.items(), key=lambda item: place(item[0]))


def unknown_words(listed: Listed) -> tuple[str, ...]:
    """What was typed and stands nowhere."""
    return tuple(word.typed for word in listed.words if word.reading is Reading.UNKNOWN)


MOST_SUGGESTED = 6
_FEW = 2


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What somebody who has typed so far may mean; variants of a model are one offering."""

    offerings: tuple[Offering, ...]
    categories: tuple[tuple[str, int], ...]
    brands: tuple[tuple[str, int], ...]
    mended: str


NOTHING = Suggestions((), (), (), "")


def suggest(shop: ShopWindow, text: str, *, kinds: tuple[Kind, ...], language: str) -> Suggestions:
    """The nearest offerings of `kinds`, and the categories and makes that the words name.

    At most three queries; nothing for fewer than two letters.
    """
    catalogue = shop.window.catalogue
    found = matches(catalogue, text, typing=True)
    if found.ranks is None or len(text.strip()) < _FEW:
        return NOTHING
    shelf = _shelf(shop.key)
    wanted = shelf.of_kinds(kinds)
    places = chain.from_iterable(members(alike & wanted) for alike in shelf.matching(found))
    shown = islice(_shown(shelf, places, grouped=True), MOST_SUGGESTED)
    used = tuple(word.used for word in found.words if word.reading is not Reading.FILLER)

    def named(name: str, say: Callable[[str], str]) -> tuple[tuple[str, int], ...]:
        whole = {
            answer: shelf.groups.count(bits & wanted)
            for answer, bits in shelf.facets[name].answers.items()
            if _begins(say(answer), used)
        }
        return tuple((answer, count) for answer, count in whole.items() if count)[:_FEW]

    def category(code: str) -> str:
        label = catalogue.categories.get(code)
        return label.in_(language) if label else code

    return Suggestions(
        tuple(shelf.offerings[place] for place in shown),
        named("category", category),
        named("brand", str),
        found.mended,
    )


def _begins(label: str, words: Sequence[str]) -> bool:
    """Whether each of the words begins one of the label's."""
    own = folded(label).split()
    return all(any(each.startswith(word) for each in own) for word in words)


kept_per_release(_shelf, _prices_of, _priced, _sorted_by)
