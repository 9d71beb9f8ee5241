"""Merchants' closed months beside their purchases, and beside the books of what we owe them."""

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Q, Sum

from commerce.kernel.differences import Difference
from subscriptions.carrier.models import Merchant, MerchantSettlement
from subscriptions.carrier.services.settling import payable_to
from subscriptions.carrier.statements import statements

LOOKED_BACK = 3
"""Months, of which the closed ones are worked out once more."""


def merchant_differences() -> Iterator[Difference]:
    """Each of the last closed months whose purchases now say another sum than was entered, and each
    merchant whose unpaid months are not what is payable to him."""
    months = MerchantSettlement.objects.order_by("-month").values_list("month", flat=True)
    for month in months.distinct()[:LOOKED_BACK]:
        now = {each.merchant_id: each.due.amount for each in statements(month)}
        for row in MerchantSettlement.objects.filter(month=month).select_related("merchant"):
            due = now.get(row.merchant_id)
            if due != row.due:
                identity = f"{row.merchant.code}/{month:%Y-%m}"
                yield Difference("merchant_month", identity, str(due or 0), str(row.due))
    unpaid = Sum("settlements__due", filter=Q(settlements__paid_at=None))
    for each in Merchant.objects.annotate(unpaid=unpaid).order_by("code"):
        owed, due = payable_to(each.pk).amount, each.unpaid or Decimal(0)
        if owed != due:
            yield Difference("merchant_payable", each.code, str(due), str(owed))
