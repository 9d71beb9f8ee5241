"""What the home page and the pages of single offers show."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering
from catalogue.selectors import StockFacts
from commerce.ordering.domain.showcase import Shown, models_of
from commerce.ordering.showcase import ShopWindow
from frontend.shop.cards import (
    FEW,
    bundle_price,
    extra_card,
    extra_price,
    free_months,
    phone_badges,
    phone_card,
    phone_url,
    plan_card,
    plan_price,
    stock_badges,
)
from frontend.shop.deliveries import expected_text
from frontend.shop.facts import groups_of, labels_by_law, price_includes, sar_text
from frontend.shop.panel import panel_of
from frontend.shop.words import (
    drawing,
    full_name,
    model_name,
    months,
    said,
    value_text,
    variant_name,
)

Context = dict[str, Any]
TERMS = (24, 12, 0)


def home_page(shop: ShopWindow) -> Context:
    catalogue = shop.window.catalogue
    models = [shop.shown(offering) for offering in _first_of_families(shop)]
    leading = max(models, key=_saving, default=None)
    newest = sorted(models, key=lambda shown: -shown.price_today.amount)[:4]
    plans = [shop.shown(offering) for offering in shop.window.sold(Kind.PLAN)]
    bundled = [shown for shown in plans if shown.term]
    return {
        "leading": leading,
        "offer": _leading(shop, leading) if leading is not None else None,
        "free_months": max((free_months(shown) for shown in plans), default=0),
        "plans": [plan_card(shown, catalogue=catalogue) for shown in bundled][:4],
        "phones": [_model_card(shop, shown) for shown in newest],
        "accessories": [
            extra_card(shop.shown(offering), catalogue=catalogue)
            for offering in _varied(shop.window.sold(Kind.ACCESSORY))[:4]
        ],
        "services": [
            extra_card(shop.shown(offering), catalogue=catalogue)
            for offering in shop.window.sold(Kind.CONTENT)[:4]
        ],
    }


def _saving(shown: Shown) -> Decimal:
    """How much of a phone's price the plan takes off; small phones lead nobody."""
    listed = shown.list_today.amount
    if listed < 300:
        return Decimal(0)
    return 1 - shown.price_today.amount / listed


def _varied(offerings: Sequence[Offering]) -> list[Offering]:
    """One of each type first."""
    seen: set[object] = set()
    first: list[Offering] = []
    rest: list[Offering] = []
    for offering in offerings:
        kind = offering.characteristics.get("type")
        (rest if kind in seen else first).append(offering)
        seen.add(kind)
    return [*first[::-1], *rest]


def _first_of_families(shop: ShopWindow) -> list[Offering]:
    return [variants[0] for variants in models_of(shop.window)]


def _model_card(shop: ShopWindow, shown: Shown) -> Context:
    catalogue = shop.window.catalogue
    return phone_card(
        shown,
        catalogue=catalogue,
        variants=catalogue.family(shown.offering.family or ""),
    )


def _leading(shop: ShopWindow, shown: Shown) -> Context:
    catalogue = shop.window.catalogue
    return {
        "title": model_name(catalogue, shown.offering),
        "url": phone_url(shown.offering),
        "device": drawing(shown.offering),
        "plan": full_name(shown.plan) if shown.plan else "",
        "term": shown.term,
        "list": shown.list_today,
        "price": shown.price_today,
        "panel": panel_of(shown.best, catalogue=catalogue),
    }


def phone_page(
    shop: ShopWindow,
    offering: Offering,
    *,
    variants: Sequence[Offering],
    term: int,
    stock: Mapping[str, StockFacts],
) -> Context:
    catalogue = shop.window.catalogue
    shown = shop.shown(offering, term=term)
    there = stock.get(offering.code)
    sold_out = there is not None and there.orderable == 0
    panel = panel_of(shown.best, catalogue=catalogue)
    if not sold_out:
        panel |= {"action_form": "choose", "action_label": _("Choose this phone")}
    return {
        "title": model_name(catalogue, offering),
        "variant": variant_name(catalogue, offering),
        "maker": str(offering.characteristics.get("brand", "")),
        "summary": said(offering.summary),
        "description": said(offering.description),
        "device": drawing(offering),
        "offering": offering,
        "shown": shown,
        "term": term,
        "badges": [*phone_badges(shown), *stock_badges(offering, stock=there)],
        "price": bundle_price(shown, catalogue=catalogue),
        "panel": panel,
        "bundle": _bundle(shop, offering),
        "terms": _term_chips(offering, term=term, query=f"variant={offering.code}&"),
        "storages": _storages(shop, offering, variants=variants, term=term),
        "colours": _colours(shop, offering, variants=variants, term=term),
        "groups": groups_of(offering, catalogue=catalogue),
        "laws": labels_by_law(offering, catalogue=catalogue),
        "includes": price_includes(offering),
        "sar": sar_text(offering),
        "stock": _stock_words(there),
        "sold_out": sold_out,
        "trail": [
            {"label": _("Home"), "url": reverse("shop:home")},
            {"label": _("Phones"), "url": reverse("shop:phones")},
            {"label": model_name(catalogue, offering)},
        ],
        "fitting": [
            extra_card(shop.shown(accessory), catalogue=catalogue)
            for accessory in _fitting(shop, offering)
        ],
    }


def _bundle(shop: ShopWindow, offering: Offering) -> str:
    found = shop.window.bundle_for(offering)
    return found.code if found is not None else ""


def _fitting(shop: ShopWindow, offering: Offering) -> list[Offering]:
    """Accessories made for the model first, then those for all phones; four of them."""

    def rank(accessory: Offering) -> int:
        facts = accessory.characteristics
        families = facts.get("fits_families")
        if isinstance(families, tuple):
            return 0 if offering.family in families else 9
        if facts.get("fits") == "magnetic":
            return 1 if offering.characteristics.get("magnetic") is True else 9
        return 2

    ranked = sorted(shop.window.sold(Kind.ACCESSORY), key=rank)
    return [accessory for accessory in ranked if rank(accessory) < 9][:4]


def _term_chips(offering: Offering, *, term: int, query: str) -> list[Context]:
    return [
        {
            "label": months(each) if each else _("No commitment"),
            "url": f"?{query}term={each}",
            "current": each == term,
        }
        for each in TERMS
        if not offering.terms or each in offering.terms
    ]


def _storages(
    shop: ShopWindow, offering: Offering, *, variants: Sequence[Offering], term: int
) -> list[Context]:
    """A link per storage: the variant of the same colour, else the first."""
    own = offering.characteristics
    found: dict[object, Offering] = {}
    for variant in variants:
        size = variant.characteristics.get("storage_gb")
        if size is None:
            continue
        if size not in found or variant.characteristics.get("colour") == own.get("colour"):
            found[size] = variant
    ordered = sorted(
        found.values(), key=lambda v: str(v.characteristics.get("storage_gb")).zfill(6)
    )
    return [
        {
            "label": value_text(
                shop.window.catalogue, "storage_gb", variant.characteristics["storage_gb"]
            ),
            "url": f"?variant={variant.code}&term={term}",
            "current": variant.characteristics["storage_gb"] == own.get("storage_gb"),
        }
        for variant in ordered
    ]


def _colours(
    shop: ShopWindow, offering: Offering, *, variants: Sequence[Offering], term: int
) -> list[Context]:
    own = offering.characteristics
    found: dict[object, Offering] = {}
    for variant in variants:
        colour = variant.characteristics.get("colour")
        if colour not in found or variant.characteristics.get("storage_gb") == own.get(
            "storage_gb"
        ):
            found[colour] = variant
    return [
        {
            "hex": str(variant.characteristics.get("colour_hex")),
            "name": value_text(shop.window.catalogue, "colour", variant.characteristics["colour"]),
            "url": f"?variant={variant.code}&term={term}",
            "current": variant.characteristics["colour"] == own.get("colour"),
        }
        for variant in found.values()
        if "colour" in variant.characteristics
    ]


def _stock_words(there: StockFacts | None) -> Context | None:
    if there is None:
        return None
    expected = expected_text(there)
    if expected:
        return {
            "state": "waiting",
            "label": expected,
            "note": _("Order it now, it leaves then."),
        }
    if there.available == 0:
        return {"state": "failed", "label": _("Sold out for now")}
    if there.available <= FEW:
        return {"state": "waiting", "label": _("Only %(n)d left") % {"n": there.available}}
    if there.lead_days <= 1:
        return {"state": "done", "label": _("In stock, shipped within a working day")}
    return {
        "state": "done",
        "label": _("In stock, shipped within %(n)d working days") % {"n": there.lead_days},
    }


def plan_page(shop: ShopWindow, offering: Offering, *, term: int) -> Context:
    catalogue = shop.window.catalogue
    term = term if term in offering.terms else max(offering.terms, default=0)
    shown = shop.shown(offering, term=term)
    goes_with_phone = offering.characteristics.get("with_handset") is True
    return {
        "title": full_name(offering),
        "summary": said(offering.summary),
        "description": said(offering.description),
        "offering": offering,
        "device": drawing(offering),
        "figure": offering.characteristics.get("data_gb"),
        "unit": value_text(catalogue, "data_gb", 1).split("\u00a0")[-1],
        "term": term,
        "terms": _term_chips(offering, term=term, query=""),
        "price": plan_price(shown),
        "bundle": _bundle(shop, offering),
        "panel": panel_of(
            shown.best,
            catalogue=catalogue,
            action_form="choose",
            action_label=_("Choose this plan"),
        ),
        "groups": groups_of(offering, catalogue=catalogue),
        "with_phone": goes_with_phone,
        "phones": [_model_card(shop, each) for each in _phones_for(shop, offering)]
        if goes_with_phone
        else [],
        "savings": [said(applied.name) for applied in shown.best.applied],
        "trail": [
            {"label": _("Home"), "url": reverse("shop:home")},
            {"label": _("Plans"), "url": reverse("shop:plans")},
            {"label": full_name(offering)},
        ],
    }


def _phones_for(shop: ShopWindow, plan: Offering) -> list[Shown]:
    """Four phones that have their reduced price with this plan, and with no cheaper one."""
    found = [
        shown
        for offering in _first_of_families(shop)
        if (shown := shop.shown(offering)).plan is not None and shown.plan.code == plan.code
    ]
    return sorted(found, key=_saving, reverse=True)[:4]


def extra_page(shop: ShopWindow, offering: Offering, *, stock: StockFacts | None) -> Context:
    catalogue = shop.window.catalogue
    shown = shop.shown(offering)
    sold_out = stock is not None and stock.orderable == 0
    accessory = offering.kind is Kind.ACCESSORY
    others = [
        each
        for each in shop.window.sold(offering.kind)
        if each.category == offering.category and each.code != offering.code
    ]
    return {
        "title": full_name(offering),
        "summary": said(offering.summary),
        "description": said(offering.description),
        "offering": offering,
        "device": drawing(offering),
        "price": extra_price(shown),
        "alone": accessory,
        "groups": groups_of(offering, catalogue=catalogue),
        "includes": price_includes(offering),
        "stock": _stock_words(stock),
        "sold_out": sold_out,
        "others": [extra_card(shop.shown(each), catalogue=catalogue) for each in others[:4]],
        "trail": [
            {"label": _("Home"), "url": reverse("shop:home")},
            {"label": _("Accessories"), "url": reverse("shop:accessories")}
            if accessory
            else {
                "label": _("Music, video, press and options"),
                "url": reverse("shop:content"),
            },
            {"label": full_name(offering)},
        ],
    }
