"""Who serves a line: a table of cases, then what must hold for all."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.domain.sourcing import PartnerKind, Share, Source, Wish, dealt

TODAY = date(2026, 11, 23)
"""A Monday."""
SOON, LATER = date(2026, 12, 8), date(2026, 12, 21)

HOUSE = Source("house", PartnerKind.OWN, 0, 1, free=3)
NEAR = Source("near", PartnerKind.SUPPLIER, 1, 2, free=10)
FAR = Source("far", PartnerKind.SUPPLIER, 2, 1, free=10)
QUICK = Source("quick", PartnerKind.SUPPLIER, 1, 1, free=10)


def shares(quantity: int, *sources: Source) -> list[str]:
    """How the line is served, in words: `house 2 leaves 2026-11-24`."""
    found = dealt([Wish("1", "phone", quantity)], sources={"phone": sources}, today=TODAY)
    return [_said(share) for share in found.shares.get("1", ())]


def _said(share: Share) -> str:
    ahead = f" expected {share.expected_on}" if share.expected_on else ""
    return f"{share.partner} {share.quantity}{ahead} leaves {share.leaves_on}"


@pytest.mark.parametrize(
    ("case", "quantity", "sources", "expected"),
    [
        ("the own warehouse first", 2, [NEAR, HOUSE], ["house 2 leaves 2026-11-24"]),
        ("then the preferred supplier", 2, [FAR, NEAR], ["near 2 leaves 2026-11-25"]),
        ("of equals the quicker one", 2, [NEAR, QUICK], ["quick 2 leaves 2026-11-24"]),
        ("whole where one has all", 5, [HOUSE, NEAR], ["near 5 leaves 2026-11-25"]),
        (
            "split where none has all",
            12,
            [HOUSE, NEAR],
            ["house 3 leaves 2026-11-24", "near 9 leaves 2026-11-25"],
        ),
        ("not at all rather than in part", 14, [HOUSE, NEAR], []),
        (
            "ahead when nothing is there",
            2,
            [replace(HOUSE, free=0, coming=5, expected_on=SOON)],
            ["house 2 expected 2026-12-08 leaves 2026-12-09"],
        ),
        (
            "what is there before what comes",
            5,
            [replace(HOUSE, coming=5, expected_on=SOON)],
            ["house 3 leaves 2026-11-24", "house 2 expected 2026-12-08 leaves 2026-12-09"],
        ),
        (
            "of what comes the first to come",
            2,
            [
                replace(HOUSE, free=0, coming=5, expected_on=LATER),
                replace(NEAR, free=0, coming=5, expected_on=SOON),
            ],
            ["near 2 expected 2026-12-08 leaves 2026-12-10"],
        ),
        ("never beyond what comes", 6, [replace(HOUSE, free=0, coming=5, expected_on=SOON)], []),
        (
            "a date that has passed promises nothing",
            1,
            [replace(HOUSE, free=0, coming=5, expected_on=TODAY)],
            [],
        ),
    ],
)
def test_who_serves_a_line(
    case: str, quantity: int, sources: list[Source], expected: list[str]
) -> None:
    assert shares(quantity, *sources) == expected, case


def test_lines_take_from_one_another_in_their_order() -> None:
    wishes = [Wish(str(n), "phone", 1) for n in range(5)]
    found = dealt(wishes, sources={"phone": [HOUSE, replace(NEAR, free=1)]}, today=TODAY)
    assert [found.shares[str(n)][0].partner for n in range(4)] == ["house"] * 3 + ["near"]
    assert (found.short, "4" in found.shares) == ({"phone": 1}, False)


def test_nothing_is_ready_on_a_day_without_work() -> None:
    sunday = date(2026, 11, 22)
    shop = Source("shop", PartnerKind.SHOP, 0, 0, free=1)
    found = dealt([Wish("1", "phone", 1)], sources={"phone": [shop]}, today=sunday)
    assert found.shares["1"][0].leaves_on == TODAY


def test_what_has_no_source_needs_no_pieces() -> None:
    found = dealt([Wish("1", "plan", 3)], sources={}, today=TODAY)
    assert (found.shares, found.short) == ({}, {})


stock = st.lists(
    st.builds(
        Source,
        partner=st.sampled_from(["a", "b", "c", "d"]),
        kind=st.sampled_from([PartnerKind.OWN, PartnerKind.SUPPLIER]),
        preference=st.integers(0, 2),
        lead_days=st.integers(0, 3),
        free=st.integers(0, 4),
        coming=st.integers(0, 4),
        expected_on=st.sampled_from([None, TODAY, SOON, LATER]),
    ),
    unique_by=lambda source: source.partner,
    max_size=4,
)


@given(sources=stock, quantities=st.lists(st.integers(1, 6), max_size=5))
def test_nobody_gives_more_than_he_has_and_each_line_gets_all_or_nothing(
    sources: list[Source], quantities: list[int]
) -> None:
    wishes = [Wish(str(n), "phone", quantity) for n, quantity in enumerate(quantities)]
    found = dealt(wishes, sources={"phone": sources}, today=TODAY)
    there: Counter[str] = Counter()
    ahead: Counter[str] = Counter()
    for wish in wishes:
        served = found.shares.get(wish.line, ())
        assert sum(share.quantity for share in served) in (0, wish.quantity)
        for share in served:
            (ahead if share.expected_on else there)[share.partner] += share.quantity
    for source in sources:
        assert there[source.partner] <= source.free
        assert ahead[source.partner] <= source.incoming(today=TODAY)
