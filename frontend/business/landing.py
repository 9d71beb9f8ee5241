"""The page for firms that do not know us yet."""

from datetime import datetime
from typing import Any

from catalogue.domain.model import Kind, Offering, Segment
from commerce.ordering.showcase import ShopWindow, window
from frontend.business import screen
from frontend.business.panel import fleet_panel
from frontend.shop.words import drawing, full_name, model_name

USERS = 25
"""Lines of the example: a fleet that earns what large orders earn, said with it."""


def landing_page(at: datetime) -> dict[str, Any]:
    """The context of the page; `example` is None while no fleets are sold."""
    shop = window(at=at, segment=Segment.BUSINESS, channel="portal")
    catalogue = shop.window.catalogue
    return {
        "offers": screen.offers(catalogue),
        "phones": screen.pictured(catalogue),
        "example": _example(shop),
        "users": USERS,
    }


def _example(shop: ShopWindow) -> dict[str, Any] | None:
    """A phone of the middle of the range with a plan of the middle: what many firms take."""
    phone = _middle(list(shop.window.sold(Kind.HANDSET)))
    plan = _middle(list(shop.window.sold(Kind.PLAN)))
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
        "savings": quote.applied,
    }


def _middle(offerings: list[Offering]) -> Offering | None:
    ranked = sorted(offerings, key=lambda each: (each.rank, each.code))
    return ranked[len(ranked) // 2] if ranked else None
