"""A comparison as a page shows it: a head per offering, then rows in groups."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering, Snapshot
from commerce.ordering.comparing import MOST, Comparison, Row
from commerce.ordering.domain.showcase import Shown
from commerce.ordering.showcase import ShopWindow
from frontend.shop.cards import bundle_price, phone_url, plan_price
from frontend.shop.facts import HIDDEN, groups_in, text_of
from frontend.shop.words import drawing, euros, full_name, label_of, model_name, variant_name

Context = dict[str, Any]


def address_of(codes: Sequence[str], *, only_differences: bool = False) -> str:
    """Of the page that compares them; it can be shared."""
    query = f"?offers={','.join(quote(code) for code in codes)}" if codes else ""
    only = "&only=differences" if only_differences and codes else ""
    return f"{reverse('shop:compare')}{query}{only}"


def table_of(shop: ShopWindow, found: Comparison, *, only_differences: bool) -> Context:
    catalogue = shop.window.catalogue
    codes = [shown.offering.code for shown in found.columns]
    kind = found.columns[0].offering.kind
    return {
        "heads": [
            _head(shown, place, found=found, codes=codes, catalogue=catalogue)
            for place, shown in enumerate(found.columns)
        ],
        "columns": len(found.columns),
        "prices": _prices(found),
        "groups": _groups(found, catalogue=catalogue, only_differences=only_differences),
        "differing": sum(row.differs for row in found.rows if row.name not in HIDDEN),
        "only": only_differences,
        "whole_url": address_of(codes),
        "only_url": address_of(codes, only_differences=True),
        "add_url": ""
        if len(codes) >= MOST
        else reverse("shop:phones" if kind is Kind.HANDSET else "shop:plans"),
        "add_label": _("Add a phone") if kind is Kind.HANDSET else _("Add a plan"),
        "title": _("Phones side by side") if kind is Kind.HANDSET else _("Plans side by side"),
        "codes": codes,
    }


def _head(
    shown: Shown, place: int, *, found: Comparison, codes: Sequence[str], catalogue: Snapshot
) -> Context:
    offering = shown.offering
    handset = offering.kind is Kind.HANDSET
    return {
        "title": model_name(catalogue, offering) if handset else full_name(offering),
        "note": variant_name(catalogue, offering) if handset else "",
        "url": phone_url(offering) if handset else reverse("shop:plan", args=[offering.code]),
        "device": drawing(offering),
        "price": bundle_price(shown, catalogue=catalogue) if handset else plan_price(shown),
        "cheapest": place in found.cheapest.total,
        "without_url": address_of([code for code in codes if code != offering.code]),
    }


def _prices(found: Comparison) -> list[Context]:
    """What everything costs: today, each month, and over the commitment."""
    columns, least = found.columns, found.cheapest
    rows = [
        (_("Due today, SIM included"), [s.best.due_today_gross for s in columns], least.today),
        (_("First month"), [s.first_month for s in columns], frozenset[int]()),
        (_("Per month after that"), [s.lasting_month for s in columns], least.month),
        (_("Total over the commitment"), [s.best.commitment_total for s in columns], least.total),
    ]
    table: list[Context] = [
        {
            "name": name,
            "differs": len(set(amounts)) > 1,
            "cells": [
                {"text": euros(amount), "cheapest": n in cheapest}
                for n, amount in enumerate(amounts)
            ],
        }
        for name, amounts, cheapest in rows
    ]
    plans = [full_name(shown.plan) if shown.plan else "" for shown in columns]
    if columns[0].offering.kind is Kind.HANDSET:
        cells = [{"text": name or _("none"), "cheapest": False} for name in plans]
        fit = {"name": _("Cheapest plan that fits"), "differs": len(set(plans)) > 1}
        table.insert(0, {**fit, "cells": cells})
    return table


def _groups(found: Comparison, *, catalogue: Snapshot, only_differences: bool) -> list[Context]:
    rows = {row.name: row for row in found.rows if row.differs or not only_differences}
    offerings = [shown.offering for shown in found.columns]
    return [
        {
            "title": title,
            "rows": [_row(rows[name], offerings, catalogue=catalogue) for name in names],
        }
        for title, names in groups_in(rows)
    ]


def _row(row: Row, offerings: Sequence[Offering], *, catalogue: Snapshot) -> Context:
    cells = [
        {"text": text_of(each, row.name, catalogue=catalogue) if value is not None else "–"}
        for each, value in zip(offerings, row.values, strict=True)
    ]
    return {"name": label_of(catalogue, row.name), "differs": row.differs, "cells": cells}
