"""What operators read of the merchants' books: what is payable to each, and the closed months."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from subscriptions.carrier.models import Merchant, MerchantSettlement
from subscriptions.carrier.services.settling import payable_to


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A merchant's month that was closed; `paid_at` and `reference` once it was paid out."""

    due: Money
    closed_at: datetime
    paid_at: datetime | None
    reference: str

    @property
    def days(self) -> tuple[str, str]:
        """On which it was closed and paid (in Paris), the second empty while it is not."""
        paid = f"{self.paid_at.astimezone(PARIS):%Y-%m-%d}" if self.paid_at else ""
        return f"{self.closed_at.astimezone(PARIS):%Y-%m-%d}", paid


@dataclass(frozen=True, slots=True)
class Payable:
    """What we owe a merchant for his closed months (below zero he owes us), and how many of them
    are not paid."""

    code: str
    name: str
    owed: Money
    months: int


def settled(month: date) -> Mapping[str, ClosedMonth]:
    """The closed statements of a month (by its first day), by the merchants' codes."""
    rows = MerchantSettlement.objects.filter(month=month).select_related("merchant")
    return {
        row.merchant.code: ClosedMonth(Money(row.due), row.closed_at, row.paid_at, row.reference)
        for row in rows
    }


def payables() -> tuple[Payable, ...]:
    """Of all merchants with closed months that are not paid, by their names."""
    found = []
    for row in Merchant.objects.filter(settlements__paid_at=None).distinct().order_by("name", "pk"):
        months = row.settlements.filter(paid_at=None).count()
        if months:
            found.append(Payable(row.code, row.name, payable_to(row.pk), months))
    return tuple(found)
