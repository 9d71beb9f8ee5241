"""Facets, chosen filters and sorting of a list, in words and as addresses."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Snapshot
from catalogue.domain.shelf import limits
from commerce.ordering.browsing import PRICED, Listed, in_order
from frontend.shop.words import euros, label_of, months, said, value_text

PHONES = (
    *("brand", "month", "price", "storage_gb", "colour", "network", "esim", "energy_class"),
    *("form", "refurbished"),
)
PLANS = ("network", "month", "with_handset", "terms")
ACCESSORIES = ("category", "brand", "price", "connector", "fits", "colour")
CONTENT = ("category", "month")
SEARCH = ("kind", "brand", "category", "price", "month", "storage_gb", "colour", "network")
OPEN = 3
_MOST = 20
_LONGEST = 40

Chosen = Mapping[str, tuple[str, ...]]


def chosen_in(query: QueryDict, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The filters in an address; answers that nothing gives simply match nothing."""
    found = {
        name: tuple(dict.fromkeys(each[:_LONGEST] for each in query.getlist(name) if each))[:_MOST]
        for name in names
    }
    return {name: answers for name, answers in found.items() if answers}


def facets_shown(
    listed: Listed, *, names: Sequence[str], chosen: Chosen, catalogue: Snapshot
) -> list[dict[str, Any]]:
    """The facets for the page; a count says how many would be listed with that answer.

    What leaves nothing to choose is left out; what was chosen always stays.
    """
    shown: list[dict[str, Any]] = []
    for name in names:
        picked = chosen.get(name, ())
        counts = {**dict.fromkeys(picked, 0), **listed.counts.get(name, {})}
        if len(counts) < 2 and not picked:
            continue
        shown.append(
            {
                "title": title_of(name, catalogue=catalogue),
                "name": name,
                "open": len(shown) < OPEN or bool(picked),
                "options": [
                    {
                        "label": answer_text(name, answer, catalogue=catalogue),
                        "value": answer,
                        "count": count,
                        "chosen": answer in picked,
                    }
                    for answer, count in in_order(counts)
                ],
            }
        )
    return shown


def chosen_chips(query: QueryDict, *, chosen: Chosen, catalogue: Snapshot) -> list[dict[str, str]]:
    """Every filter that is set, as a link that takes it away."""
    chips = []
    for name, answers in chosen.items():
        for answer in answers:
            left = query.copy()
            left.pop("page", None)
            left.setlist(name, [each for each in left.getlist(name) if each != answer])
            chips.append(
                {
                    "title": title_of(name, catalogue=catalogue),
                    "label": answer_text(name, answer, catalogue=catalogue),
                    "url": f"?{left.urlencode()}",
                }
            )
    return chips


def title_of(name: str, *, catalogue: Snapshot) -> str:
    titles = {
        "kind": _("What"),
        "category": _("Category"),
        "terms": _("Commitment"),
        "month": _("Price per month"),
        "price": _("Price today"),
    }
    return titles.get(name) or label_of(catalogue, name)


def answer_text(name: str, answer: str, *, catalogue: Snapshot) -> str:
    """An answer of a facet in words; what the address made up stands as it is."""
    match name:
        case "kind":
            return kind_names().get(answer, answer)
        case "category":
            return said(catalogue.categories.get(answer)) or answer
        case "terms":
            return months(int(answer)) if answer in ("12", "24") else _("No commitment")
    if name in PRICED:
        return _range_text(answer)
    value: Any = {"true": True, "false": False}.get(answer, answer)
    if answer.isdecimal() and len(answer) < 8:
        value = int(answer)
    return value_text(catalogue, name, value)


def kind_names() -> dict[str, str]:
    return {
        Kind.HANDSET: _("Phones"),
        Kind.PLAN: _("Plans"),
        Kind.ACCESSORY: _("Accessories"),
        Kind.CONTENT: _("Music, video, press"),
        Kind.OPTION: _("Options"),
    }


def _range_text(answer: str) -> str:
    low, high = limits(answer) or (None, None)
    if low is not None and high is not None:
        return _("%(low)s to %(high)s") % {"low": euros(low), "high": euros(high)}
    if high is not None:
        return _("Up to %(amount)s") % {"amount": euros(high)}
    if low is not None:
        return _("%(amount)s and more") % {"amount": euros(low)}
    return answer


def sorts(query: QueryDict, *, current: str) -> list[dict[str, Any]]:
    """Links that sort the list otherwise; the first page of each."""
    links = []
    for word, label in _sorts():
        target = query.copy()
        target.pop("page", None)
        target.pop("sort", None)
        if word != "relevance":
            target["sort"] = word
        links.append({"label": label, "url": f"?{target.urlencode()}", "current": word == current})
    return links


def _sorts() -> tuple[tuple[str, str], ...]:
    return (
        ("relevance", _("Our selection")),
        ("price", _("Cheapest today")),
        ("price_down", _("Dearest today")),
        ("month", _("Cheapest per month")),
        ("newest", _("Newest")),
        ("name", _("Name")),
    )
