"""What Oscar's dashboard shows as price: the list price of the current release, for consumers."""

from decimal import Decimal
from typing import Any

from oscar.apps.partner.prices import TaxInclusiveFixedPrice
from oscar.apps.partner.prices import Unavailable as NoPrice
from oscar.apps.partner.strategy import StockRequired, Structured, UseFirstStockRecord

from catalogue.domain.model import Charge, ChargeKind, Segment
from catalogue.selectors import current_snapshot
from commerce.kernel.clock import business_now
from commerce.kernel.tax import Basis, tax_parts


class ReleasePrices(UseFirstStockRecord, StockRequired, Structured):  # type: ignore[misc]
    """Prices of the release, availability of the stock record."""

    def pricing_policy(self, product: Any, _stockrecord: Any) -> Any:
        """The one-off list price with tax; a product that the release doesn't sell has none."""
        snapshot = current_snapshot()
        offering = snapshot.offerings.get(product.upc or "")
        if offering is None:
            return NoPrice()
        charges = offering.charges_for(
            segment=Segment.CONSUMER, term=0, bundle=None, at=business_now()
        )
        one_off = [charge for charge in charges if charge.kind is ChargeKind.ONE_OFF]
        if not one_off:
            return NoPrice()
        return _with_tax(one_off[0], rate=snapshot.tax_rates[one_off[0].tax_class])

    def parent_pricing_policy(self, _product: Any, children_stock: Any) -> Any:
        """A model costs what its cheapest variant costs."""
        prices = [self.pricing_policy(child, stockrecord) for child, stockrecord in children_stock]
        known = [price for price in prices if price.exists]
        return min(known, key=lambda price: price.incl_tax) if known else NoPrice()


class Selector:
    """Replaces Oscar's: one strategy for everyone."""

    def strategy(self, request: Any = None, user: Any = None, **_kwargs: Any) -> ReleasePrices:
        return ReleasePrices(request)


def _with_tax(charge: Charge, *, rate: Decimal) -> Any:
    (part,) = tax_parts({rate: charge.amount}, basis=Basis.TTC)
    return TaxInclusiveFixedPrice(
        currency=charge.amount.currency, excl_tax=part.net.amount, tax=part.tax.amount
    )
