"""Amounts, dates and sentences, as French and English readers expect them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from commerce.kernel.money import Money
from frontend.typography import (
    day_of_month_text,
    day_text,
    difference_text,
    moment_text,
    money_text,
    month_text,
    set_text,
)

NB, NARROW = "\u00a0", "\u202f"


@pytest.mark.parametrize(
    ("amount", "language", "short", "expected"),
    [
        ("449", "fr", False, f"449,00{NB}€"),
        ("449", "en", False, "€449.00"),
        ("449", "fr", True, f"449{NB}€"),
        ("19.99", "fr", True, f"19,99{NB}€"),
        ("1299", "fr", True, f"1{NARROW}299{NB}€"),
        ("1299.5", "en", True, "€1,299.50"),
        ("-6", "fr", False, f"−6,00{NB}€"),
        ("2.675", "fr", False, f"2,68{NB}€"),
        ("7", "de", False, f"7,00{NB}€"),
    ],
)
def test_an_amount_is_written_as_its_reader_writes_it(
    amount: str, language: str, short: bool, expected: str
) -> None:
    assert money_text(Money.of(amount), language=language, short=short) == expected


@pytest.mark.parametrize(
    ("amount", "language", "expected"),
    [
        ("10", "fr", f"+{NB}10{NB}€"),
        ("-6", "fr", f"−{NB}6{NB}€"),
        ("-2.5", "en", "−€2.50"),
        ("0", "fr", f"0{NB}€"),
        ("0.001", "fr", f"0{NB}€"),
    ],
)
def test_a_difference_has_its_sign_and_nothing_has_none(
    amount: str, language: str, expected: str
) -> None:
    assert difference_text(Money.of(amount), language=language) == expected


def test_the_first_of_a_month_is_an_ordinal_in_french_only() -> None:
    assert day_text(date(2027, 5, 1), language="fr") == f"1er{NB}mai 2027"
    assert day_text(date(2027, 5, 1), language="en") == f"1{NB}May 2027"
    assert day_text(date(2027, 5, 22), language="fr", short=True) == f"22{NB}mai"


def test_months_are_short_or_whole() -> None:
    assert month_text(date(2026, 12, 1), language="fr") == f"déc.{NB}2026"
    assert month_text(date(2026, 12, 1), language="en", short=False) == f"December{NB}2026"


def test_a_moment_has_its_day_and_its_minute() -> None:
    at = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
    assert moment_text(at, language="fr") == f"22{NB}novembre 2026 à 09:05"
    assert moment_text(at, language="en") == f"22{NB}November 2026 at 09:05"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pourquoi ce prix ?", f"Pourquoi ce prix{NARROW}?"),
        ("Accessoires : 3", f"Accessoires{NB}: 3"),
        ("L'appel dure 5 min", f"L’appel dure 5{NB}min"),
        ("130 Go à 1 299 €", f"130{NB}Go à 1{NARROW}299{NB}€"),
        ("« oui »", f"«{NB}oui{NB}»"),
        ('<a href="x : y">a : b</a> &amp; c', f'<a href="x : y">a{NB}: b</a> &amp; c'),
    ],
)
def test_french_sentences_get_their_spaces_and_leave_markup_alone(text: str, expected: str) -> None:
    assert set_text(text, language="fr") == expected
    assert set_text(expected, language="fr") == expected


def test_english_sentences_keep_their_spaces() -> None:
    assert set_text("Why this price? 20 GB isn't: much", language="en") == (
        f"Why this price? 20{NB}GB isn’t: much"
    )


def test_a_bare_decimal_is_in_euros() -> None:
    assert money_text(Decimal("1.5"), language="fr") == f"1,50{NB}€"


@pytest.mark.parametrize(
    ("day", "language", "expected"), [(1, "fr", "1er"), (1, "en", "1"), (21, "fr", "21")]
)
def test_the_first_of_a_month_is_an_ordinal_in_french_alone(
    day: int, language: str, expected: str
) -> None:
    assert day_of_month_text(day, language=language) == expected
