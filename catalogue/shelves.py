"""What lies on the shelves, partner by partner, for those who look after it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Count
from oscar.apps.partner.models import Partner, StockRecord

from catalogue.domain.sourcing import PartnerKind


@dataclass(frozen=True, slots=True)
class PartnerFacts:
    code: str
    name: str
    kind: PartnerKind
    preference: int
    offerings: int


@dataclass(frozen=True, slots=True)
class ShelfRow:
    """Pieces not sold yet: there (`held` of them are kept for buyers), and to come."""

    partner: str
    offering: str
    pieces: int
    held: int
    lead_days: int
    coming: int
    coming_held: int
    expected_on: date | None


def partners() -> tuple[PartnerFacts, ...]:
    """All partners, as they are asked: the own warehouse, suppliers, shops."""
    rows = Partner.objects.annotate(offerings=Count("stockrecords")).values_list(
        "code", "name", "supplier__kind", "supplier__preference", "offerings"
    )
    found = [
        PartnerFacts(code, name, PartnerKind(kind or PartnerKind.OWN), preference or 0, count)
        for code, name, kind, preference, count in rows
    ]
    order = list(PartnerKind)
    return tuple(sorted(found, key=lambda p: (order.index(p.kind), p.preference, p.code)))


def shelf(
    partner: str, *, text: str = "", offset: int = 0, limit: int | None = None
) -> tuple[tuple[ShelfRow, ...], int]:
    """A page of what a partner has, by offering (those whose code has `text` in it), and how many
    rows there are in all."""
    rows = StockRecord.objects.filter(partner__code=partner).select_related("supply", "partner")
    if text:
        rows = rows.filter(partner_sku__icontains=text)
    end = None if limit is None else offset + limit
    found = rows.order_by("partner_sku")[offset:end]
    return tuple(_rows(found)), rows.count()


def _rows(records: Iterable[StockRecord]) -> Iterator[ShelfRow]:
    for record in records:
        supply = getattr(record, "supply", None)
        yield ShelfRow(
            record.partner.code,
            record.partner_sku,
            record.num_in_stock or 0,
            record.num_allocated or 0,
            supply.lead_days if supply else 1,
            supply.coming if supply else 0,
            supply.coming_held if supply else 0,
            supply.back_order_on if supply else None,
        )
