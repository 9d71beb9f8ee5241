"""When things come, parcel by parcel, in words."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from catalogue.domain.sourcing import PartnerKind, Share
from catalogue.selectors import StockFacts
from catalogue.shops import Shop
from commerce.ordering.domain.states import GIVEN_UP, OrderState
from commerce.ordering.picking_up import PickUpShop, pick_up_shops, things_in
from commerce.ordering.selectors import CartView, OrderView
from frontend.shop.words import named, on_day
from orchestration.domain.keeping import PICK_UP

NEAREST = 5


def expected_text(stock: StockFacts | None) -> str:
    """Nothing is there now, but can be ordered: when it comes. Empty in all other cases."""
    if stock is None or stock.available or not stock.coming or stock.back_order_on is None:
        return ""
    return _("Expected on %(day)s") % {"day": on_day(stock.back_order_on)}


def when_texts(shares: Sequence[Share]) -> list[str]:
    """When the pieces of a line leave, a sentence per parcel."""
    return [_when(share, alone=len(shares) == 1) for share in shares]


def _when(share: Share, *, alone: bool) -> str:
    values = {
        "n": share.quantity,
        "day": on_day(share.leaves_on),
        "expected": on_day(share.expected_on) if share.expected_on else "",
    }
    if share.kind is PartnerKind.SHOP:
        # Nothing is fetched in two parts: a shop has all of a line, or it is not offered.
        text = _("Ready in the shop on %(day)s")
    elif share.expected_on is not None:
        text = (
            _("Expected on %(expected)s, leaves on %(day)s")
            if alone
            else ngettext(
                "%(n)d expected on %(expected)s, leaves on %(day)s",
                "%(n)d expected on %(expected)s, leave on %(day)s",
                share.quantity,
            )
        )
    elif alone:
        text = _("Leaves on %(day)s")
    else:
        text = ngettext("%(n)d leaves on %(day)s", "%(n)d leave on %(day)s", share.quantity)
    return text % values


def delivery(order: OrderView) -> dict[str, Any]:
    """What the template `checkout/parcels.html` shows; nothing is to come of an order that was
    given up or is complete."""
    over = order.summary.state in {*GIVEN_UP, OrderState.COMPLETED}
    return {"parcels": [] if over else parcels_of(order), "pick_up": pick_up_of(order)}


def parcels_of(order: OrderView) -> list[dict[str, Any]]:
    """What the customer was told: a parcel per partner and day, with what is in it."""
    parcels: dict[tuple[date, str], list[str]] = {}
    titles: dict[tuple[date, str], str] = {}
    for item in order.items:
        for share in item.shares:
            key = (share.leaves_on, share.partner)
            count = f"{share.quantity} × " if share.quantity > 1 else ""
            parcels.setdefault(key, []).append(f"{count}{named(item.name)}")
            titles[key] = _parcel_title(share)
    return [
        {"title": titles[key], "things": ", ".join(_counted(parcels[key]))}
        for key in sorted(parcels)
    ]


def _parcel_title(share: Share) -> str:
    values = {"day": on_day(share.leaves_on)}
    if share.kind is PartnerKind.SHOP:
        return _("Ready in the shop on %(day)s") % values
    if share.expected_on is not None:
        return _("Back-ordered, leaves on %(day)s") % values
    return _("Leaves on %(day)s") % values


def _counted(names: Iterable[str]) -> list[str]:
    """Lines of a fleet that are alike are said once."""
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return [f"{count} × {name}" if count > 1 else name for name, count in found.items()]


def pick_up_of(order: OrderView) -> dict[str, Any] | None:
    """The shop in which the order is fetched, and the code to show there once it is ready."""
    if order.pick_up_at is None:
        return None
    code = next((item.facts["pick_up_code"] for item in order.items
                 if item.facts.get("pick_up_code")), "")  # fmt: skip
    fetched = any(item.facts.get("collected_at") for item in order.items)
    return shop_words(order.pick_up_at) | {
        "ready_code": "" if fetched else code,
        "days": PICK_UP.days,
    }


def shop_words(shop: Shop) -> dict[str, Any]:
    language = get_language() or "fr"
    return {
        "code": shop.code,
        "name": shop.name,
        "address": f"{shop.line1}, {shop.postcode} {shop.city}",
        "hours": [line.in_(language) for line in shop.hours],
    }


def pick_up_choices(
    cart: CartView, *, near: str = "", most: int | None = NEAREST
) -> list[tuple[str, str]]:
    """The nearest shops that have all of the cart, as options."""
    wanted = things_in(cart)
    if not wanted:
        return []
    found = [each for each in pick_up_shops(wanted, near=near) if each.has_all]
    return [(each.shop.code, _line(each)) for each in found[:most]]


def _line(each: PickUpShop) -> str:
    return f"{each.shop.name}, {each.shop.line1}, {each.shop.postcode} {each.shop.city}"
