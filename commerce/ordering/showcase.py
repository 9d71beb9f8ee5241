"""The shop window: offerings with their prices, kept in the process while nothing changes them."""

from bisect import bisect_right
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from catalogue.domain.lowest import lowest_before
from catalogue.domain.model import Offering, Segment
from catalogue.history import eras
from catalogue.selectors import current_snapshot, kept_per_release, previewed, snapshot_of
from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.reductions import ANNOUNCED, Sold, prices_asked, runs_longer
from commerce.ordering.domain.showcase import SHOWN_TERM, Shown, Window
from commerce.ordering.services.pricing import assumed_activation
from promotions.domain.compiler import compile_promotions
from promotions.selectors import promotions_of

SHORT, LONG = 2 * ANNOUNCED, timedelta(days=400)
"""How far back prices are looked at: where a reduction began within 30 days, and where before."""

Key = tuple[int, datetime, str, str]


def window(
    *, at: datetime, segment: Segment = Segment.CONSUMER, channel: str = "web"
) -> "ShopWindow":
    """What is on sale at `at`; one cheap query. A preview says itself for whom and where."""
    shown = previewed()
    if shown is not None and shown.segment is not None:
        segment, channel = shown.segment, shown.channel
    return window_of(current_snapshot(at).release, at=at, segment=segment, channel=channel)


def window_of(release: int, *, at: datetime, segment: Segment, channel: str) -> "ShopWindow":
    """As `window`, of a release that is known to be in force; no query."""
    return ShopWindow((release, _since(release, at), segment.value, channel))


class ShopWindow:
    """A `Window` whose prices are worked out once per process, release, day and promotion edge."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.window = _window(key)

    def shown(
        self, offering: Offering, *, term: int = SHOWN_TERM, plan: Offering | None = None
    ) -> Shown:
        """As `Window.shown`."""
        return _shown(self.key, offering.code, term, plan.code if plan else "")

    def plans_for(self, handset: Offering, *, term: int) -> tuple[Offering, ...]:
        """As `Window.plans_for`."""
        return _plans(self.key, handset.code, term)

    def lowest_before(self, offering: Offering) -> Money | None:
        """The lowest price of the 30 days before the reduction that is announced; see `Shown`."""
        return _lowest(self.key, offering.code)

    def fleet(self, *, handset: Offering, plan: Offering, users: int) -> Quote | None:
        """As `Window.fleet`."""
        return _fleet(self.key, handset.code, plan.code, users)


def _since(release: int, at: datetime) -> datetime:
    """The last instant up to `at` at which a price may have changed: an edge, midnight, or a time
    of the day that a promotion asks for."""
    edges = _edges(release)
    place = bisect_right(edges, at)
    turns = (turn for turn in _turns(release, at.astimezone(PARIS).date()) if turn <= at)
    return max((*turns, *edges[place - 1 : place]))


@lru_cache(maxsize=16)
def _turns(release: int, day: date) -> tuple[datetime, ...]:
    """Midnight, and for each time that a condition names its minute and the one after it: "at most
    18:00" holds to the end of that minute."""
    times = [time.fromisoformat(t) for t in promotions_of(snapshot_of(release)).times_of_day]
    minutes = [datetime.combine(day, t, PARIS).astimezone(UTC) for t in (time(), *times)]
    return (*minutes, *(minute + timedelta(minutes=1) for minute in minutes[1:]))


@lru_cache(maxsize=16)
def _edges(release: int) -> tuple[datetime, ...]:
    snapshot = snapshot_of(release)
    spans = [(o.valid_from, o.valid_until) for o in snapshot.offerings.values()]
    for offering in snapshot.offerings.values():
        spans += [(price.valid_from, price.valid_until) for price in offering.charges]
    for promotion in promotions_of(snapshot).promotions.values():
        spans.append((promotion.valid_from, promotion.valid_until))
    return tuple(sorted({edge for span in spans for edge in span if edge}))


@lru_cache(maxsize=16)
def _window(key: Key) -> Window:
    release, at, segment, channel = key
    snapshot = snapshot_of(release)
    return Window(
        snapshot,
        promotions_of(snapshot),
        Segment(segment),
        channel,
        at,
        assumed_activation(at),
    )


@lru_cache(maxsize=20_000)
def _shown(key: Key, code: str, term: int, plan: str) -> Shown:
    found = _window(key)
    offering = found.catalogue.offering(code)
    shown = found.shown(offering, term=term, plan=found.catalogue.offering(plan) if plan else None)
    return replace(shown, lowest_before=_lowest(key, code))


@lru_cache(maxsize=4096)
def _plans(key: Key, handset: str, term: int) -> tuple[Offering, ...]:
    found = _window(key)
    return found.plans_for(found.catalogue.offering(handset), term=term)


@lru_cache(maxsize=20_000)
def _lowest(key: Key, code: str) -> Money | None:
    """The law speaks of consumers only. A reduction older than 400 days is no longer told."""
    _release, at, segment, channel = key
    if segment != Segment.CONSUMER:
        return None
    for days in (SHORT, LONG):
        sold = _sold(key, days)
        at = max(at, sold[-1].since)
        asked = prices_asked(sold, code, segment=Segment(segment), channel=channel, at=at)
        if not runs_longer(asked, at=at):
            break
    return lowest_before(asked, at=at)


@lru_cache(maxsize=8)
def _sold(key: Key, back: timedelta) -> tuple[Sold, ...]:
    """What was on sale in the days before; two queries, then kept as long as the prices are."""
    window, at = _window(key), key[1]
    return tuple(
        Sold(
            era.since,
            era.catalogue,
            window.promotions
            if era.catalogue.promotions == window.catalogue.promotions
            else compile_promotions(era.catalogue.promotions),
        )
        for era in eras(window.catalogue, since=at - back, at=at)
    )


@lru_cache(maxsize=64)
def _fleet(key: Key, handset: str, plan: str, users: int) -> Quote | None:
    found = _window(key)
    offering = found.catalogue.offering
    return found.fleet(handset=offering(handset), plan=offering(plan), users=users)


kept_per_release(_edges, _turns, _window, _shown, _plans, _lowest, _sold, _fleet)
