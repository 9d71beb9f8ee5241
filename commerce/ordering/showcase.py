"""The shop window: offerings with their prices, kept in the process while nothing changes them."""

from bisect import bisect_right
from datetime import UTC, datetime, time
from functools import lru_cache

from catalogue.domain.model import Offering, Segment
from catalogue.selectors import current_snapshot, previewed, snapshot_of
from commerce.kernel.clock import PARIS
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.showcase import SHOWN_TERM, Shown, Window
from commerce.ordering.services.pricing import assumed_activation
from promotions.selectors import promotions_of

Key = tuple[int, datetime, str, str]


def window(
    *, at: datetime, segment: Segment = Segment.CONSUMER, channel: str = "web"
) -> "ShopWindow":
    """What is on sale at `at`; one cheap query. A preview says itself for whom and where."""
    shown = previewed()
    if shown is not None and shown.segment is not None:
        segment, channel = shown.segment, shown.channel
    release = current_snapshot(at).release
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

    def fleet(self, *, handset: Offering, plan: Offering, users: int) -> Quote | None:
        """As `Window.fleet`."""
        return _fleet(self.key, handset.code, plan.code, users)


def _since(release: int, at: datetime) -> datetime:
    """The last instant up to `at` at which a price may have changed: an edge, or midnight."""
    midnight = datetime.combine(at.astimezone(PARIS).date(), time(), PARIS).astimezone(UTC)
    edges = _edges(release)
    place = bisect_right(edges, at)
    return max(midnight, edges[place - 1]) if place else midnight


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
    return found.shown(offering, term=term, plan=found.catalogue.offering(plan) if plan else None)


@lru_cache(maxsize=64)
def _fleet(key: Key, handset: str, plan: str, users: int) -> Quote | None:
    found = _window(key)
    offering = found.catalogue.offering
    return found.fleet(handset=offering(handset), plan=offering(plan), users=users)
