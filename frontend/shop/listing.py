"""Facets, counts and sorting over what is on sale; in memory, on frozen values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from catalogue.domain.model import Offering, Snapshot
from catalogue.domain.search import folded
from commerce.ordering.domain.showcase import Shown
from frontend.shop.words import euros, label_of, model_name, said, value_text

PER_MONTH = (10, 20, 30, 60)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one card stands for: a model with its variants, or a single offering."""

    variants: tuple[Offering, ...]
    month: int
    """The price per month once promotions have ended, in whole euros, rounded up."""


@dataclass(frozen=True, slots=True)
class Facet:
    """One question; `values` answers it for a variant of an entry, as text for the address."""

    name: str
    title: str
    values: Callable[[Entry, Offering], tuple[str, ...]]
    say: Callable[[str], str]
    order: Callable[[str], Any] = str


def phone_facets(catalogue: Snapshot) -> tuple[Facet, ...]:
    return (
        _characteristic(catalogue, "brand"),
        Facet(
            "month",
            _("Plan per month"),
            lambda entry, _variant: tuple(str(n) for n in PER_MONTH if entry.month <= n),
            lambda value: _("up to %(amount)s") % {"amount": euros(Decimal(value))},
            int,
        ),
        _characteristic(catalogue, "storage_gb", order=int),
        _characteristic(catalogue, "colour"),
        _characteristic(catalogue, "network"),
        _characteristic(catalogue, "esim"),
        _characteristic(catalogue, "energy_class"),
        _characteristic(catalogue, "form"),
        _characteristic(catalogue, "refurbished"),
    )


def plan_facets(catalogue: Snapshot) -> tuple[Facet, ...]:
    return (
        _characteristic(catalogue, "network"),
        _characteristic(catalogue, "with_handset"),
        Facet(
            "term", _("Commitment"), lambda _entry, o: tuple(str(t) for t in o.terms), _term, int
        ),
    )


def accessory_facets(catalogue: Snapshot) -> tuple[Facet, ...]:
    return (
        _category(catalogue),
        _characteristic(catalogue, "brand"),
        _characteristic(catalogue, "connector"),
        _characteristic(catalogue, "fits"),
        _characteristic(catalogue, "colour"),
    )


def content_facets(catalogue: Snapshot) -> tuple[Facet, ...]:
    return (_category(catalogue),)


def _category(catalogue: Snapshot) -> Facet:
    return Facet(
        "category",
        _("Category"),
        lambda _entry, offering: (offering.category,),
        lambda value: said(catalogue.categories.get(value)),
    )


def _terms(_entry: Entry, offering: Offering) -> tuple[str, ...]:
    return tuple(str(term) for term in offering.terms)


def _term(value: str) -> str:
    return _("None") if value == "0" else _("%(count)s months") % {"count": value}


def _characteristic(catalogue: Snapshot, name: str, *, order: Callable[[str], Any] = str) -> Facet:
    def values(_entry: Entry, offering: Offering) -> tuple[str, ...]:
        value = offering.characteristics.get(name)
        if value is None:
            return ()
        several = value if isinstance(value, tuple) else (value,)
        return tuple(_word(each) for each in several)

    def say(word: str) -> str:
        value: Any = {"yes": True, "no": False}.get(word, int(word) if word.isdigit() else word)
        return value_text(catalogue, name, value)

    return Facet(name, label_of(catalogue, name), values, say, order)


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


Chosen = Mapping[str, frozenset[str]]


def chosen_in(query: Mapping[str, Any], facets: Sequence[Facet]) -> dict[str, frozenset[str]]:
    """The filters in an address; values that no entry has simply match nothing."""
    getlist = getattr(query, "getlist", None)
    found = {}
    for facet in facets:
        values = [v[:40] for v in (getlist(facet.name) if getlist else [])][:20]
        if values:
            found[facet.name] = frozenset(values)
    return found


def matching(
    entries: Iterable[Entry], *, facets: Sequence[Facet], chosen: Chosen
) -> list[tuple[Entry, Offering]]:
    """The entries that have a variant which answers every question, with the first such one."""
    asked = [facet for facet in facets if facet.name in chosen]
    found = []
    for entry in entries:
        for variant in entry.variants:
            if all(chosen[f.name].intersection(f.values(entry, variant)) for f in asked):
                found.append((entry, variant))
                break
    return found


def facets_shown(
    entries: Sequence[Entry], *, facets: Sequence[Facet], chosen: Chosen
) -> list[dict[str, Any]]:
    """The facets for the page; a count says how many would be listed with that answer."""
    shown = []
    for place, facet in enumerate(facets):
        others = {name: words for name, words in chosen.items() if name != facet.name}
        counts = _counts(entries, facet=facet, facets=facets, others=others)
        picked = chosen.get(facet.name, frozenset())
        if len(counts) < 2 and not picked:
            continue
        shown.append(
            {
                "title": facet.title,
                "name": facet.name,
                "open": place < 3 or bool(picked),
                "options": [
                    {
                        "label": facet.say(value),
                        "value": value,
                        "count": counts[value],
                        "chosen": value in picked,
                    }
                    for value in sorted(counts, key=facet.order)
                ],
            }
        )
    return shown


def _counts(
    entries: Sequence[Entry], *, facet: Facet, facets: Sequence[Facet], others: Chosen
) -> dict[str, int]:
    """For every answer that occurs at all, how many entries have it beside the other filters."""
    asked = [each for each in facets if each.name in others]
    counts: dict[str, int] = {}
    for entry in entries:
        answers: set[str] = set()
        for variant in entry.variants:
            values = facet.values(entry, variant)
            for value in values:
                counts.setdefault(value, 0)
            if all(others[f.name].intersection(f.values(entry, variant)) for f in asked):
                answers.update(values)
        for value in answers:
            counts[value] += 1
    return counts


def sorts() -> tuple[tuple[str, str], ...]:
    return (
        ("", _("Our selection")),
        ("price", _("Cheapest today")),
        ("-price", _("Dearest today")),
        ("month", _("Cheapest per month")),
        ("name", _("Name")),
    )


def sorted_by(shown: list[Shown], *, sort: str, catalogue: Snapshot) -> list[Shown]:
    """In the order that was asked for; ties in the catalogue's order."""
    keys: dict[str, Callable[[Shown], Any]] = {
        "price": lambda s: s.price_today.amount,
        "-price": lambda s: -s.price_today.amount,
        "month": lambda s: s.lasting_month.amount,
        "name": lambda s: folded(model_name(catalogue, s.offering)),
    }
    return sorted(shown, key=keys[sort]) if sort in keys else shown
