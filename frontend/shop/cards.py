"""Cards of the shop: a phone with the plan that goes with it, plans, accessories, services."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering, Snapshot
from catalogue.selectors import StockFacts, kept_per_release
from commerce.kernel.money import Money
from commerce.ordering.domain.showcase import Shown
from commerce.ordering.showcase import Key, ShopWindow
from frontend.shop.deliveries import expected_text
from frontend.shop.words import (
    drawing,
    euros,
    full_name,
    language,
    model_name,
    months,
    on_day,
    phase_start,
    said,
    schedule_text,
    term_text,
    value_text,
    variant_name,
)

Card = dict[str, Any]
FEW = 5


def card_of(
    shop: ShopWindow, offering: Offering, *, stock: StockFacts | None, narrowed: bool
) -> Card:
    """The card of whatever it is; a phone's leads to this variant if the list was `narrowed`."""
    card = _card(shop.key, offering.code, language(), narrowed)
    return card | {"badges": [*card["badges"], *stock_badges(offering, stock=stock)]}


@lru_cache(maxsize=4096)
def _card(key: Key, code: str, _language: str, narrowed: bool) -> Card:
    """All but what the stock says; in the active language, by which it is kept."""
    shop = ShopWindow(key)
    catalogue = shop.window.catalogue
    offering = catalogue.offering(code)
    shown = shop.shown(offering)
    match offering.kind:
        case Kind.HANDSET:
            family = catalogue.family(offering.family) if offering.family else (offering,)
            variants = [each for each in family if shop.window.sells(each)]
            return phone_card(
                shown,
                catalogue=catalogue,
                variants=variants,
                query="chosen" if narrowed else "",
            )
        case Kind.PLAN:
            return plan_card(shown, catalogue=catalogue)
        case _:
            return extra_card(shown, catalogue=catalogue)


kept_per_release(_card)


def phone_card(
    shown: Shown,
    *,
    catalogue: Snapshot,
    variants: Sequence[Offering],
    query: str = "",
) -> Card:
    """A model, shown by one of its variants."""
    offering = shown.offering
    colours: dict[str, Offering] = {}
    for variant in variants:
        colours.setdefault(str(variant.characteristics.get("colour_hex")), variant)
    return {
        "compare": offering.code,
        "url": phone_url(offering, chosen=bool(query)),
        "title": model_name(catalogue, offering),
        "maker": variant_name(catalogue, offering),
        "text": said(offering.summary),
        "device": drawing(offering),
        "badges": phone_badges(shown),
        "price": bundle_price(shown, catalogue=catalogue),
        "colours": [
            {
                "hex": shade,
                "name": value_text(catalogue, "colour", variant.characteristics["colour"]),
            }
            for shade, variant in colours.items()
            if "colour" in variant.characteristics
        ],
    }


def phone_url(offering: Offering, *, chosen: bool = True) -> str:
    """The page of a phone's model; the variant in the query when it was `chosen`."""
    path = reverse("shop:phone", args=[offering.family or offering.code])
    return f"{path}?variant={offering.code}" if chosen else path


def phone_badges(shown: Shown) -> list[dict[str, str]]:
    badges = []
    free = free_months(shown)
    if free:
        badges.append(
            {"label": _("%(months)s of plan free") % {"months": months(free)}, "kind": "mint"}
        )
    if shown.offering.characteristics.get("refurbished") is True:
        badges.append({"label": _("Refurbished"), "kind": "beam"})
    return badges


def stock_badges(offering: Offering, *, stock: StockFacts | None) -> list[dict[str, str]]:
    """That few are left, none, or none before a day; that none at all is left of a phone is said
    on its page."""
    if stock is None or stock.available > FEW:
        return []
    if stock.available:
        return [{"label": _("Only a few left"), "kind": "sun"}]
    expected = expected_text(stock)
    if expected or offering.kind is not Kind.HANDSET:
        return [{"label": expected or _("Sold out"), "kind": ""}]
    return []


def free_months(shown: Shown) -> int:
    """How many months cost nothing before the first that does."""
    first = shown.best.monthly[0] if shown.best.monthly else None
    if first is None or first.amount or not first.list_amount:
        return 0
    return first.periods or 0


def bundle_price(shown: Shown, *, catalogue: Snapshot) -> dict[str, Any]:
    """The price today with the plan, then what each month costs, then the price without."""
    if shown.bundled is None or shown.plan is None:
        return {
            "main": shown.list_today,
            "lowest": lowest_text(shown.offering, shown.lowest_before),
        }
    plan = full_name(shown.plan)
    return {
        "main": shown.price_today,
        "per": _("today"),
        "list": shown.list_today if shown.list_today != shown.price_today else None,
        "following": _("With %(plan)s: %(schedule)s.")
        % {"plan": plan, "schedule": schedule_text(shown.bundled)},
        "condition": _("%(term)s. Without a plan: %(price)s.")
        % {"term": term_text(shown.term), "price": euros(shown.list_today)},
        "lowest": lowest_text(shown.offering, shown.lowest_before),
    }


def lowest_text(offering: Offering, lowest: Money | None) -> str:
    """The sentence that the law asks for where a reduction is announced, else empty."""
    if lowest is None:
        return ""
    text = (
        _("Without a plan, lowest price of the 30 days before the reduction: %(price)s.")
        if offering.kind is Kind.HANDSET
        else _("Lowest price of the 30 days before the reduction: %(price)s.")
    )
    return text % {"price": euros(lowest)}


def plan_price(shown: Shown) -> dict[str, Any]:
    """The first months, what they become and when, the commitment and what is due today."""
    quote = shown.best
    price: dict[str, Any] = {
        "main": shown.first_month,
        "per": _("per month"),
        "lowest": lowest_text(shown.offering, shown.lowest_before),
    }
    phases = quote.monthly
    if len(phases) > 1:
        price["list"] = shown.lasting_month
    if len(phases) > 2:
        price["following"] = f"{schedule_text(quote)}."
    elif len(phases) == 2:
        price["following"] = _("for %(months)s, then %(amount)s per month from %(day)s.") % {
            "months": months(phases[0].periods or 0),
            "amount": euros(shown.lasting_month),
            "day": on_day(phase_start(quote, phases[-1])),
        }
    price["condition"] = _("%(term)s. Due today: %(today)s, SIM included.") % {
        "term": term_text(shown.term),
        "today": euros(quote.due_today_gross),
    }
    return price


def plan_card(shown: Shown, *, catalogue: Snapshot) -> Card:
    offering = shown.offering
    badges = []
    free = free_months(shown)
    if free:
        badges.append({"label": _("%(months)s free") % {"months": months(free)}, "kind": "mint"})
    facts = offering.characteristics
    return {
        "plan": True,
        "compare": offering.code,
        "url": reverse("shop:plan", args=[offering.code]),
        "title": full_name(offering),
        "figure": str(facts.get("data_gb", "")),
        "unit": value_text(catalogue, "data_gb", facts["data_gb"]).split("\u00a0")[-1]
        if "data_gb" in facts
        else "",
        "network": value_text(catalogue, "network", facts["network"]) if "network" in facts else "",
        "text": said(offering.summary),
        "badges": badges,
        "price": plan_price(shown),
    }


def extra_card(shown: Shown, *, catalogue: Snapshot) -> Card:
    """An accessory, an option or a content service."""
    offering = shown.offering
    return {
        "url": extra_url(offering),
        "title": full_name(offering),
        "maker": said(catalogue.categories.get(offering.category)),
        "text": said(offering.summary),
        "device": drawing(offering),
        "badges": [],
        "price": extra_price(shown),
    }


def extra_url(offering: Offering) -> str:
    name = "shop:accessory" if offering.kind is Kind.ACCESSORY else "shop:service"
    return reverse(name, args=[offering.code])


def extra_price(shown: Shown) -> dict[str, Any]:
    quote = shown.best
    if not quote.monthly:
        price: dict[str, Any] = {
            "main": shown.price_today,
            "lowest": lowest_text(shown.offering, shown.lowest_before),
        }
        before = shown.lowest_before or shown.list_today
        if before > shown.price_today:
            price["list"] = before
        return price
    price = {
        "main": shown.first_month,
        "per": _("per month"),
        "lowest": lowest_text(shown.offering, shown.lowest_before),
    }
    if len(quote.monthly) > 1:
        price["following"] = schedule_text(quote)
    if shown.price_today > Money.zero():
        price["condition"] = _("Due today: %(today)s.") % {"today": euros(shown.price_today)}
    return price
