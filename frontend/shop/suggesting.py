"""Suggestions below the search field: where each leads, and what it is."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalogue.domain.model import Kind, Offering, Snapshot
from commerce.ordering.browsing import Suggestions
from frontend.shop.cards import extra_url, phone_url
from frontend.shop.listing import kind_names
from frontend.shop.words import drawing, full_name, model_name, said

Option = dict[str, Any]


def suggested(found: Suggestions, *, catalogue: Snapshot) -> list[Option]:
    """Categories and makes first, because they are few; then offerings."""
    return [
        *(
            _group(said(catalogue.categories.get(code)), count, name="category", value=code)
            for code, count in found.categories
        ),
        *(_group(brand, count, name="brand", value=brand) for brand, count in found.brands),
        *(_offering(each, catalogue=catalogue) for each in found.offerings),
    ]


def _group(label: str, count: int, *, name: str, value: str) -> Option:
    query = urlencode({"q": label, name: value})
    return {
        "label": label,
        "note": ngettext("%(count)d result", "%(count)d results", count) % {"count": count},
        "kind": _("Category") if name == "category" else _("Make"),
        "url": f"{reverse('shop:search')}?{query}",
    }


def _offering(offering: Offering, *, catalogue: Snapshot) -> Option:
    handset = offering.kind is Kind.HANDSET
    return {
        "label": model_name(catalogue, offering) if handset else full_name(offering),
        "note": kind_names().get(offering.kind, ""),
        "device": drawing(offering),
        "url": _url(offering),
    }


def _url(offering: Offering) -> str:
    if offering.kind is Kind.HANDSET:
        return phone_url(offering, chosen=False)
    if offering.kind is Kind.PLAN:
        return reverse("shop:plan", args=[offering.code])
    return extra_url(offering)
