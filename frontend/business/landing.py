"""The page for firms that do not know us yet."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalogue.domain.model import Kind, Offering, Segment
from catalogue.domain.search import list_price
from commerce.ordering.showcase import ShopWindow, window
from frontend.business import screen
from frontend.business.numbers import offer_cards
from frontend.business.panel import fleet_panel
from frontend.shop.words import drawing, full_name, model_name

USERS = 25
"""Lines of the example: a fleet that earns what large orders earn, said with it."""


def landing_page(at: datetime) -> dict[str, Any]:
    """The context of the page; `example` is None while no fleets are sold."""
    shop = window(at=at, segment=Segment.BUSINESS, channel="portal")
    catalogue = shop.window.catalogue
    phones = screen.pictured(catalogue, at=shop.window.at, most=12)
    bars = [phone for phone in phones if phone["device"]["form"] == "bar"]
    return {
        "offers": screen.offers(catalogue, at=shop.window.at),
        "phones": phones[::2][:5],
        "pictures": (bars or phones)[:3],
        "numbers": offer_cards(catalogue),
        "example": _example(shop),
        "users": USERS,
    }


def _example(shop: ShopWindow) -> dict[str, Any] | None:
    """A phone from the middle of the range with a plan from the middle: what many firms take."""
    phone = _middle(shop.window.sold(Kind.HANDSET), at=shop.window.at)
    plan = _middle(shop.window.sold(Kind.PLAN), at=shop.window.at)
    if phone is None or plan is None:
        return None
    quote = shop.fleet(handset=phone, plan=plan, users=USERS)
    if quote is None:
        return None
    catalogue = shop.window.catalogue
    return {
        "phone": model_name(catalogue, phone),
        "plan": full_name(plan),
        "device": drawing(phone),
        "panel": fleet_panel(quote, catalogue=catalogue),
        "line_monthly": (quote.monthly[-1].amount / USERS).rounded() if quote.monthly else None,
    }


def _middle(offerings: Sequence[Offering], *, at: datetime) -> Offering | None:
    """The one in the middle by its price without commitment."""

    def price(offering: Offering) -> tuple[Decimal, str]:
        listed = list_price(offering, segment=Segment.BUSINESS, at=at)
        return (listed.amount if listed else Decimal(0), offering.code)

    ranked = sorted(offerings, key=price)
    return ranked[len(ranked) // 2] if ranked else None
