"""Orders that were placed before shares were stored get them from the pieces that they hold.

Without shares nothing of them would be sent. What is over needs none.
"""

from collections import defaultdict
from typing import Any

from django.db import migrations

from catalogue.domain.sourcing import leaves_after
from commerce.kernel.clock import PARIS

OVER = ("completed", "cancelled", "rejected")
CHUNK = 500


def give_shares(apps: Any, schema_editor: Any) -> None:
    """Item by item, as many pieces as it has, from whose shelf they are kept."""
    order_item = apps.get_model("ordering", "OrderItem")
    bare = order_item.objects.filter(shares=[]).exclude(order__state__in=OVER)
    orders = list(bare.order_by("order_id").values_list("order_id", flat=True).distinct())
    for first in range(0, len(orders), CHUNK):
        items = bare.filter(order__in=orders[first : first + CHUNK]).select_related("order")
        changed = _served(apps, list(items.order_by("order_id", "position")))
        order_item.objects.bulk_update(changed, ["shares", "supplier"], batch_size=CHUNK)


def _served(apps: Any, items: list[Any]) -> list[Any]:
    kept = _kept(apps, {item.order.number for item in items})
    changed = []
    for item in items:
        there = kept[item.order.number, item.offering]
        item.shares = list(_shares(there, item))
        if item.shares:
            item.supplier = item.shares[0]["partner"]
            changed.append(item)
    return changed


def _kept(apps: Any, numbers: set[str]) -> dict[tuple[str, str], list[list[Any]]]:
    """By order and offering: [partner, kind, pieces left]."""
    holds = apps.get_model("offering", "StockHold").objects.filter(
        key__in=numbers, state__in=("held", "committed")
    )
    kinds = dict(apps.get_model("offering", "Supplier").objects.values_list("partner", "kind"))
    found: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)
    for hold in holds.select_related("stock_record__partner").order_by("pk"):
        record = hold.stock_record
        kind = str(kinds.get(record.partner_id, "own"))
        found[hold.key, record.partner_sku].append([record.partner.code, kind, hold.quantity])
    return found


def _shares(there: list[list[Any]], item: Any) -> Any:
    missing = item.quantity
    placed_on = item.order.placed_at.astimezone(PARIS).date()
    for source in there:
        count = min(source[2], missing)
        if count:
            source[2] -= count
            missing -= count
            yield {
                "partner": source[0],
                "kind": source[1],
                "quantity": count,
                "leaves_on": leaves_after(placed_on, lead_days=1).isoformat(),
                "expected_on": None,
            }


class Migration(migrations.Migration):
    dependencies = [
        ("ordering", "0006_shares"),
        ("offering", "0007_partners_and_what_comes"),
    ]

    operations = [migrations.RunPython(give_shares, migrations.RunPython.noop)]
