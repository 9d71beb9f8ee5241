"""What an offering says when it is searched, and what its list price is."""

import unicodedata
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from catalogue.domain.expressions import Scalar
from catalogue.domain.model import ChargeKind, Kind, Offering, Segment, Snapshot
from commerce.kernel.money import Money

MOST_WORDS = 8
_MOST_KEPT = 2**15
"""Folded texts; more than a catalogue of 10,000 offerings has, or each list would fold all."""


class Spoken(NamedTuple):
    """The words of an offering in one language, by their weight in a search."""

    name: str
    sort: str
    summary: str
    rest: str


def spoken(snapshot: Snapshot, offering: Offering, language: str) -> Spoken:
    """What it is called, what it is (category, make), what is said of it, and all the rest."""
    category = snapshot.categories.get(offering.category)
    facts = {
        name: _said(snapshot, name, value, language)
        for name, value in offering.characteristics.items()
    }
    sort = [category.in_(language) if category else "", facts.pop("brand", "")]
    rest = [
        facts.pop("fits_families", ""),
        offering.description.in_(language),
        offering.code.replace("-", " "),
    ]
    summary = [offering.summary.in_(language), *facts.values()]
    return Spoken(offering.name.in_(language), " ".join(sort), " ".join(summary), " ".join(rest))


def _said(snapshot: Snapshot, name: str, value: Scalar | tuple[Scalar, ...], language: str) -> str:
    values = value if isinstance(value, tuple) else (value,)
    return " ".join(_in_words(snapshot, name, each, language) for each in values)


def _in_words(snapshot: Snapshot, name: str, value: Scalar, language: str) -> str:
    """A value as people say it; what is merely a number, a shade or false says nothing."""
    label, named = snapshot.label(name, value), snapshot.label(name)
    if value is True and named:
        return named.in_(language)
    if label is not None:
        return label.in_(language)
    if not isinstance(value, str) or value.startswith("#"):
        return ""
    family = snapshot.families.get(value)
    return family.in_(language) if family else value


def words_typed(text: str) -> tuple[str, ...]:
    """The words of a search, folded; the first eight count."""
    kept = "".join(c if c.isalnum() or c in "-.,+" else " " for c in folded(text))
    words = (word.strip("-.,+") for word in kept.split())
    return tuple(word for word in words if word)[:MOST_WORDS]


def list_price(offering: Offering, *, segment: Segment, at: datetime) -> Money | None:
    """The price without commitment: one-off where there is one, else per month."""
    charges = offering.charges_for(segment=segment, term=0, bundle=None, at=at)
    by_kind = {kind: [c.amount for c in charges if c.kind is kind] for kind in ChargeKind}
    if offering.kind is Kind.PLAN or not by_kind[ChargeKind.ONE_OFF]:
        amounts = by_kind[ChargeKind.RECURRING]
    else:
        amounts = by_kind[ChargeKind.ONE_OFF]
    return sum(amounts[1:], amounts[0]) if amounts else None


@lru_cache(maxsize=_MOST_KEPT)
def folded(text: str) -> str:
    """Lower case, without accents: "Téléphone" and "telephone" are one word."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
