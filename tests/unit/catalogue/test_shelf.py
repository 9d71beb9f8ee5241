"""Facets, ranges, groups and counts on a shelf of a few things, worked out by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.domain.search import folded, words_typed
from catalogue.domain.shelf import (
    Chosen,
    Facet,
    Groups,
    bits_of,
    check_choices,
    choices,
    limits,
    members,
    narrowed,
    ordered,
)
from commerce.kernel.errors import InvalidInput

# place:   0 red 64    1 blue 64    2 red 128    3 blue and green 256    4 nothing known
COLOURS = Facet.of("colour", [("red",), ("blue",), ("red",), ("blue", "green"), ()])
SIZES = Facet.of("size", [("64",), ("64",), ("128",), ("256",), ()], bands=("..99", "100.."))
FACETS = {"colour": COLOURS, "size": SIZES}
ALL = 0b11111


@pytest.mark.parametrize(
    ("chosen", "places"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"colour": ["red"]}, [0, 2]),
        ({"colour": ["red", "green"]}, [0, 2, 3]),
        ({"colour": ["blue"], "size": ["64", "256"]}, [1, 3]),
        ({"size": ["64..128"]}, [0, 1, 2]),
        ({"size": ["128.."]}, [2, 3]),
        ({"size": ["..64"]}, [0, 1]),
        ({"colour": ["violet"]}, []),
        ({"colour": []}, [0, 1, 2, 3, 4]),
    ],
)
def test_all_questions_must_be_answered_by_any_of_the_answers(
    chosen: Chosen, places: list[int]
) -> None:
    assert list(members(narrowed(ALL, choices(FACETS, chosen)))) == places


def test_a_facet_counts_without_its_own_choice() -> None:
    chosen = {"colour": ["red"], "size": ["64"]}
    others = narrowed(ALL, choices(FACETS, chosen), but="colour")
    counts = {answer: (bits & others).bit_count() for answer, bits in COLOURS.options()}
    assert counts == {"red": 1, "blue": 1, "green": 0}


def test_bands_are_counted_where_there_are_any() -> None:
    assert {band: bits.bit_count() for band, bits in SIZES.options()} == {"..99": 2, "100..": 2}


def test_variants_of_a_model_count_once() -> None:
    groups = Groups.of(["x", "x", None, None, "y"])
    assert [groups.count(bits) for bits in (0b11111, 0b00011, 0b10001, 0b01100, 0)] == [
        4, 1, 2, 2, 0,
    ]  # fmt: skip


@pytest.mark.parametrize("answer", ["violet", "1..x", "..", "red..blue", "10..20"])
def test_an_answer_that_nothing_gives_is_refused_with_its_place(answer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_choices(FACETS, {"colour": [answer]})
    assert refused.value.code == "unknown_facet_value"
    assert refused.value.detail == {"field": "colour", "value": answer}


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("10..19.99", (Decimal(10), Decimal("19.99"))),
        ("10..", (Decimal(10), None)),
        ("..9.99", (None, Decimal("9.99"))),
        ("..", None),
        ("10", None),
        ("a..b", None),
        ("1e9..", None),
    ],
)  # fmt: skip
def test_ranges(text: str, ends: object) -> None:
    assert limits(text) == ends


@given(st.sets(st.integers(0, 300)), st.permutations(range(301)))
def test_a_set_of_places_comes_back_in_any_order(places: set[int], order: list[int]) -> None:
    bits = bits_of(places, size=301)
    assert list(ordered(bits, order)) == [place for place in order if place in places]
    assert list(members(bits)) == sorted(places)
    assert bits.bit_count() == len(places)


def test_words_are_read_without_accents_and_case() -> None:
    assert folded("Éco-PARTICIPATION") == "eco-participation"
    assert words_typed("  Étui (cuir), USB-C ! 6,4 ") == ("etui", "cuir", "usb-c", "6,4")
    assert len(words_typed("a " * 50)) == 8
