"""In which shops what is in a cart can be fetched."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from catalogue.shops import Shop, shops, shops_with
from commerce.ordering.selectors import CartView


@dataclass(frozen=True, slots=True)
class PickUpShop:
    """`lacks`: the offerings of which it has too few pieces, and how many it has; nothing: all
    can be fetched there."""

    shop: Shop
    lacks: Mapping[str, int]

    @property
    def has_all(self) -> bool:
        return not self.lacks


def pick_up_shops(wanted: Mapping[str, int], *, near: str = "") -> tuple[PickUpShop, ...]:
    """Shops with all of `wanted` (pieces by offering) first, of these the nearest; two queries."""
    found = [PickUpShop(*each) for each in shops_with(wanted, among=shops(near=near))]
    return tuple(sorted(found, key=lambda each: not each.has_all))


def things_in(cart: CartView) -> Mapping[str, int]:
    """Pieces by offering of what is carried or fetched."""
    wanted: Counter[str] = Counter()
    for line in cart.quote.lines:
        if line.id in cart.shares:
            wanted[line.offering] += line.quantity
    return wanted
