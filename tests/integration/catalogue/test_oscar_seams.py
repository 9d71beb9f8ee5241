"""Each class that we replace resolves, and Oscar itself uses ours."""

from datetime import datetime
from decimal import Decimal
from importlib import import_module

import pytest
from django.utils.module_loading import import_string
from oscar.apps.catalogue.models import Product
from oscar.core.loading import get_class

from commerce.oscar_overrides import OVERRIDES

# Where Oscar, by its own imports, holds the class that we replace.
USED_BY_OSCAR = {
    ("partner.strategy", "Selector"): (
        "oscar.apps.basket.middleware",
        "oscar.apps.search.search_indexes",
        "oscar.apps.customer.utils",
    ),
    ("offer.applicator", "Applicator"): (
        "oscar.apps.basket.middleware",
        "oscar.apps.basket.utils",
    ),
}


@pytest.mark.parametrize(("seam", "path"), OVERRIDES.items())
def test_an_override_resolves_and_oscar_uses_it(seam: tuple[str, str], path: str) -> None:
    ours = import_string(path)
    assert get_class(*seam) is ours
    for module in USED_BY_OSCAR[seam]:
        assert getattr(import_module(module), seam[1]) is ours, module


def test_oscar_shows_the_price_of_the_release(shop: datetime) -> None:
    selector = get_class("partner.strategy", "Selector")()
    handset = Product.objects.get(upc="ardoval-x2-128-lilas")
    info = selector.strategy().fetch_for_product(handset)
    assert (info.price.incl_tax, info.price.tax) == (Decimal("549.00"), Decimal("91.50"))
    parent = selector.strategy().fetch_for_parent(handset.parent)
    assert parent.price.incl_tax == Decimal("549.00")


def test_oscar_has_no_price_for_what_consumers_can_not_buy(shop: datetime) -> None:
    info = (
        get_class("partner.strategy", "Selector")()
        .strategy()
        .fetch_for_product(Product.objects.get(upc="flotte-50"))
    )
    assert not info.price.exists
