"""When the prices of the shop window are worked out anew."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalogue.domain.model import Snapshot
from catalogue.history import Era
from catalogue.selectors import forget_snapshots
from commerce.ordering import showcase
from commerce.ordering.showcase import ShopWindow, window
from tests.unit.ordering.shop import promotion, snapshot

RELEASE = 990_001
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
EVENING = {
    "all": [
        {"fact": "kinds", "includes": "accessory"},
        {"fact": "at.time", "at_least": "18:00"},
        {"fact": "at.time", "at_most": "19:59"},
    ]
}


@pytest.fixture(autouse=True)
def _evenings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    shop = replace(snapshot(release=RELEASE), promotions=(promotion("evening", when=EVENING),))

    def of(release: int) -> Snapshot:
        return shop

    monkeypatch.setattr(showcase, "current_snapshot", of)
    monkeypatch.setattr(showcase, "snapshot_of", of)
    monkeypatch.setattr(showcase, "eras", lambda catalogue, **_: (Era(LONG_AGO, catalogue),))
    forget_snapshots()
    yield
    forget_snapshots()


@pytest.mark.parametrize(
    ("local", "cents"),
    [
        ("00:00", 2490),
        ("17:59", 2490),
        ("18:00", 2241),
        ("19:59", 2241),
        ("20:00", 2490),
        ("23:59", 2490),
    ],
)
def test_a_promotion_of_some_hours_is_shown_in_those_hours(local: str, cents: int) -> None:
    # Whoever looked at noon has left his prices in the process.
    assert _price(_at("12:00")) == 2490
    assert _price(_at(local)) == cents


def test_between_two_turns_prices_are_worked_out_once() -> None:
    first, second = (window(at=_at(local)) for local in ("18:01", "19:58"))

    assert first.key == second.key


def _at(local: str) -> datetime:
    """On a winter's day in Paris."""
    return datetime.fromisoformat(f"2026-11-23T{local}:30+01:00").astimezone(UTC)


def _price(at: datetime) -> int:
    shop: ShopWindow = window(at=at)
    return shop.shown(shop.window.catalogue.offering("case")).price_today.cents
