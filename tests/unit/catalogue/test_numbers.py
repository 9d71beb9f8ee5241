# ruff: noqa: E501  (one case a line)
"""Classes by look, searched figures, and the tariffs of special numbers."""

import re
from datetime import date
from typing import Any

import pytest

from catalogue.domain.numbers import Look, NumberClass, Where, class_of, read_pattern
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.markets.fr.special_numbers import (
    Cap,
    Range,
    is_special,
    service_price,
    special_tariff,
)
from commerce.markets.pack import Tariff
from tests.fixtures.vectors import VECTORS

DAY = date(2026, 11, 22)
CLASSES = (
    NumberClass("gold", (Look(same=4), Look(run=5), Look(pairs=3))),
    NumberClass("silver", (Look(same=3), Look(run=4), Look(pairs=2))),
)


@pytest.mark.parametrize(
    ("number", "klass"),
    [
        ("0639981111", "gold"),
        ("0639945678", "gold"),
        ("0639987654", "gold"),
        ("0639424242", "gold"),
        ("0639980111", "silver"),
        ("0639980123", "silver"),
        ("0639984242", "silver"),
        ("0639980007", "standard"),
        ("0639980011", "standard"),
    ],
)
def test_the_look_of_a_number_makes_its_class(number: str, klass: str) -> None:
    assert class_of(number, CLASSES) == klass


@pytest.mark.parametrize(
    ("asked", "where", "figures"),
    [
        ("77", Where.ANYWHERE, "77"),
        ("*77", Where.END, "77"),
        ("*77*", Where.ANYWHERE, "77"),
        ("06 39*", Where.BEGINNING, "0639"),
        ("", Where.ANYWHERE, ""),
    ],
)
def test_a_star_says_where_the_figures_stand(asked: str, where: Where, figures: str) -> None:
    assert read_pattern(asked) == (where, figures)


@pytest.mark.parametrize("asked", ["7%7", "abc", "12345678901", "*", "7*7"])
def test_only_figures_are_searched_for(asked: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_pattern(asked)
    assert refused.value.code == "number_pattern_invalid"


@pytest.mark.parametrize(
    ("number", "mode", "price", "category", "colour", "sign", "duties"),
    [
        ("0805", "free", "0", "free", "green", "Service et appel gratuits", 2),
        ("0806", "ordinary", "0", "ordinary", "grey", "Service gratuit + prix appel", 2),
        ("0810", "per_call", "0.15", "surcharged", "magenta", "Service 0,15 € / appel + prix appel", 6),
        ("0825", "per_minute", "0.20", "surcharged", "magenta", "Service 0,20 € / min + prix appel", 6),
        ("0899", "per_call", "3.00", "surcharged", "magenta", "Service 3,00 € / appel + prix appel", 6),
        ("3919", "free", "0", "free", "green", "Service et appel gratuits", 2),
        ("3290", "per_minute", "0.50", "surcharged", "magenta", "Service 0,50 € / min + prix appel", 6),
    ],
)  # fmt: skip
def test_a_special_number_wears_its_price_sign(
    number: str, mode: str, price: str, category: str, colour: str, sign: str, duties: int
) -> None:
    found = special_tariff(number, tariff=Tariff(mode, Money.of(price)), on=DAY)
    assert (found.category, found.colour, found.sign["fr"]) == (category, colour, sign)
    assert len(found.duties) == duties
    forbidden = {"after_sales", "complaints"} if category == "surcharged" else set()
    assert set(found.forbidden) == forbidden


@pytest.mark.parametrize(
    "case", VECTORS["sva_charge"], ids=lambda c: f"{c['rate_per_min']}-{c['seconds']}"
)
def test_a_minute_is_charged_by_the_second(case: dict[str, Any]) -> None:
    tariff = Tariff("per_minute", Money.of(case["rate_per_min"]))
    assert service_price(tariff, seconds=case["seconds"]) == Money.of(case["price"])


def test_a_call_costs_the_same_however_long_it_lasts() -> None:
    tariff = Tariff("per_call", Money.of("3.00"))
    assert [service_price(tariff, seconds=n) for n in (1, 1800)] == [Money.of("3.00")] * 2


@pytest.mark.parametrize(
    ("number", "mode", "price", "code"),
    [
        ("0810", "per_minute", "0.07", "tariff_above_cap"),
        ("0810", "per_call", "0.16", "tariff_above_cap"),
        ("0825", "per_minute", "0.21", "tariff_above_cap"),
        ("0899", "per_call", "3.01", "tariff_above_cap"),
        ("3290", "per_minute", "0.81", "tariff_above_cap"),
        ("0805", "free", "0.01", "tariff_above_cap"),
        ("0805", "per_minute", "0.05", "tariff_not_of_range"),
        ("0899", "free", "0", "tariff_not_of_range"),
        ("0809", "", "0", "tariff_not_of_range"),
        ("329", "per_minute", "0.50", "short_number_not_whole"),
        ("0639", "free", "0", "number_not_special"),
        ("0836", "per_minute", "0.10", "number_not_special"),
        ("0823", "per_minute", "0", "tariff_price_invalid"),
        ("0823", "per_call", "-0.10", "tariff_price_invalid"),
        ("0805", "free", "-0.01", "tariff_price_invalid"),
        ("0823", "per_minute", "0.155", "tariff_price_invalid"),
    ],
)
def test_a_tariff_beyond_the_law_is_refused(number: str, mode: str, price: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        special_tariff(number, tariff=Tariff(mode, Money.of(price)), on=DAY)
    assert refused.value.code == code


def test_a_tariff_is_judged_by_the_cap_of_its_day() -> None:
    """A cap that went down binds what is sold from its day on, not what was agreed before."""
    caps = tuple(
        Cap(since, per_minute=Money.of(most))
        for since, most in ((date(2015, 10, 1), "0.80"), (date(2027, 1, 1), "0.60"))
    )
    ranges = [Range(re.compile("089"), frozenset({"surcharged"}), caps)]
    tariff = Tariff("per_minute", Money.of("0.80"))
    for day in (date(2014, 1, 1), date(2026, 12, 31)):
        agreed = special_tariff("0899", tariff=tariff, on=day, ranges=ranges)
        assert agreed.category == "surcharged"
    with pytest.raises(InvalidInput) as refused:
        special_tariff("0899", tariff=tariff, on=date(2027, 1, 1), ranges=ranges)
    assert refused.value.code == "tariff_above_cap"


@pytest.mark.parametrize("number", ["112", "3008", "3179", "118000", "0639980001", "0139980001"])
def test_what_nobody_can_sell_as_a_special_number(number: str) -> None:
    assert not is_special(number)


@pytest.mark.parametrize(
    ("number", "special"),
    [
        ("0804990123", True),
        ("3782", True),
        # No range of theirs is sold any more, and no call is led there.
        ("0836990123", True),
        ("0884990123", True),
        # The country's own prefix, typed without its plus.
        ("33639981234", False),
        ("37821", False),
        ("0804", False),
    ],
)
def test_only_a_whole_number_is_special(number: str, special: bool) -> None:
    assert is_special(number) is special
