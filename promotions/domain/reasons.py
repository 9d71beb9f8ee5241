"""Sentences for promotions that were within reach and not given."""

from collections.abc import Mapping
from datetime import date

from catalogue.domain.model import Text
from promotions.domain.model import Miss, MissedPromotion

_SENTENCES: Mapping[Miss, tuple[str, str]] = {
    Miss.NOT_YET: (
        "Cette offre commence le {from}.",
        "This offer starts on {from}.",
    ),
    Miss.OVER: (
        "Cette offre a pris fin le {until}.",
        "This offer ended on {until}.",
    ),
    Miss.CONDITION: (
        "Votre choix ne remplit pas encore les conditions de cette offre.",
        "Your choice does not yet meet the conditions of this offer.",
    ),
    Miss.NOTHING_TO_REDUCE: (
        "Rien dans votre panier n'est à réduire par cette offre.",
        "Nothing in your cart is left to be reduced by this offer.",
    ),
    Miss.BETTER_ONE: (
        "Une offre plus avantageuse pour vous s'applique déjà.",
        "An offer that saves you more already applies.",
    ),
    Miss.EXCLUSIVE: (
        "Cette offre ne se cumule pas avec une autre qui s'applique déjà.",
        "This offer can't be combined with another that already applies.",
    ),
    Miss.USED_UP: (
        "Cette offre a déjà été utilisée ou n'est plus disponible.",
        "This offer has already been used or is no longer available.",
    ),
}
_DAYS = frozenset({"from", "until"})
_MONTHS: Mapping[str, tuple[str, ...]] = {
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août"),
        *("septembre", "octobre", "novembre", "décembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June", "July", "August"),
        *("September", "October", "November", "December"),
    ),
}
_TERM = (
    "Choisissez un engagement de {wanted} mois pour en profiter.",
    "Choose a commitment of {wanted} months to get it.",
)


def sentence(missed: MissedPromotion) -> Text:
    """Why, in words: the promotion's own hint when a condition fails, else a general sentence."""
    if missed.reason is Miss.CONDITION:
        if missed.promotion.hint is not None:
            return missed.promotion.hint
        if missed.values.get("fact") == "term_months" and missed.values.get("wanted"):
            return _text(_TERM, missed.values)
    return _text(_SENTENCES[missed.reason], missed.values)


def _text(pair: tuple[str, str], values: Mapping[str, str]) -> Text:
    return Text(
        {
            language: words.format(**{name: _said(name, values[name], language) for name in values})
            for language, words in zip(("fr", "en"), pair, strict=True)
        }
    )


def _said(name: str, value: str, language: str) -> str:
    """Days as people write them: 1er décembre 2026, 1 December 2026."""
    if name not in _DAYS:
        return value
    day = date.fromisoformat(value)
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return f"{number} {_MONTHS[language][day.month - 1]} {day.year}"
