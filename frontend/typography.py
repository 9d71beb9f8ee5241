"""Amounts, dates and sentences as French and English readers expect them to be set.

Pure: the language is a parameter; the template tags pass the active one. Texts are kept in the
process: a list says few amounts and sentences often, and setting one takes longer than all around.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency, format_decimal

from commerce.kernel.money import Money

NBSP = "\u00a0"
NARROW = "\u202f"
MINUS = "\u2212"
LOCALES = {"fr": "fr_FR", "en": "en_GB"}

_KEPT = 4096
"""Texts of each sort."""
_TAGS = re.compile(r"(<[^>]*>|&#?\w+;)")
_UNITS = r"€|%|Go|Mo|GB|MB|mois|months?|ans?|h|min|g|mm|cm|mAh|W|Mpx|MP"
_NUMBER_AND_UNIT = re.compile(rf"(?<=\d) (?={_UNITS}\b|[€%])")
_DIGIT_GROUP = re.compile(r"(?<=\d) (?=\d{3}\b)")


def locale_of(language: str | None) -> str:
    """The Babel locale of a Django language code; French when we do not have it."""
    return LOCALES.get((language or "fr")[:2], "fr_FR")


@lru_cache(maxsize=_KEPT)
def money_text(value: Money | Decimal | int, *, language: str | None, short: bool = False) -> str:
    """`449,00 €` or `€449.00`, rounded half up to the cent; `short` leaves out zero cents."""
    money = (value if isinstance(value, Money) else Money(Decimal(value))).rounded()
    whole = short and money.amount == money.amount.to_integral_value()
    text: str = format_currency(
        money.amount.quantize(Decimal(1)) if whole else money.amount,
        money.currency,
        locale=locale_of(language),
        currency_digits=not whole,
        format=("#,##0\u00a0¤" if locale_of(language) == "fr_FR" else "¤#,##0") if whole else None,
    )
    return text.replace("-", MINUS)


def difference_text(value: Money | Decimal, *, language: str | None, short: bool = True) -> str:
    """A change of price with its sign: `+ 10 €`, `− 6 €`; English `+€10`. Zero has no sign."""
    money = value if isinstance(value, Money) else Money(Decimal(value))
    amount = money_text(
        Money(abs(money.rounded().amount), money.currency), language=language, short=short
    )
    if not money.rounded():
        return amount
    sign = "+" if money.amount > 0 else MINUS
    gap = NBSP if locale_of(language) == "fr_FR" else ""
    return f"{sign}{gap}{amount}"


@lru_cache(maxsize=_KEPT)
def number_text(value: Decimal | int, *, language: str | None) -> str:
    text: str = format_decimal(value, locale=locale_of(language))
    return text.replace("-", MINUS)


@lru_cache(maxsize=_KEPT)
def day_text(value: date, *, language: str | None, short: bool = False) -> str:
    """`22 mai 2027`, `1er mai 2027`; `short` without the year."""
    locale = locale_of(language)
    pattern = "d MMMM" if short else "d MMMM y"
    text: str = format_date(value, pattern, locale=locale)
    if locale == "fr_FR" and value.day == 1:
        text = "1er" + text[1:]
    return text.replace(" ", NBSP, 1)


def day_of_month_text(day: int, *, language: str | None) -> str:
    """`5`; the first of a month is `1er` in French."""
    return "1er" if day == 1 and locale_of(language) == "fr_FR" else str(day)


@lru_cache(maxsize=_KEPT)
def month_text(value: date, *, language: str | None, short: bool = True) -> str:
    """`déc. 2026` or, not `short`, `décembre 2026`."""
    text: str = format_skeleton("yMMM" if short else "yMMMM", value, locale=locale_of(language))
    return text.replace(" ", NBSP)


def moment_text(value: datetime, *, language: str | None) -> str:
    """`22 mai 2027 à 14:05`, in the zone that the value carries."""
    joint = " à " if locale_of(language) == "fr_FR" else " at "
    clock: str = format_time(value, "HH:mm", locale=locale_of(language), tzinfo=value.tzinfo)
    return day_text(value, language=language) + joint + clock


@lru_cache(maxsize=_KEPT)
def set_text(text: str, *, language: str | None) -> str:
    """The sentence with its non-breaking spaces and curly apostrophes; tags and entities stay."""
    return "".join(
        part if _TAGS.fullmatch(part) else _set(part, language=language)
        for part in _TAGS.split(text)
    )


def _set(text: str, *, language: str | None) -> str:
    text = re.sub(r"(?<=\w)'(?=\w)", "’", text)
    text = _NUMBER_AND_UNIT.sub(NBSP, text)
    if locale_of(language) != "fr_FR":
        return text
    text = _DIGIT_GROUP.sub(NARROW, text)
    text = re.sub(r"[ \u00a0]+([;?!])", NARROW + r"\1", text)
    text = re.sub(r"[ ]+([:»])", NBSP + r"\1", text)
    return re.sub(r"«[ ]+", "«" + NBSP, text)
