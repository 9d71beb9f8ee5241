"""Reads: which bills will be debited, and of which a payment is disputed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from commerce.kernel.clock import business_today
from commerce.kernel.money import Money
from commerce.payments.selectors import disputed, processing, taken_back
from subscriptions.models import DebitNotice, Invoice


@dataclass(frozen=True, slots=True)
class Announced:
    """What the payer was told of a debit: `amount` at most, on that day, from that account."""

    debit_on: date
    amount: Money
    mandate_reference: str
    last4: str


def announced_debit(number: str) -> Announced | None:
    """The debit of a bill that is still to come, the last one announced."""
    found = DebitNotice.objects.filter(invoice__number=number, debit_on__gte=business_today())
    row = found.select_related("invoice").order_by("-pk").first()
    if row is None:
        return None
    amount = Money(row.amount, row.invoice.currency)
    return Announced(row.debit_on, amount, row.mandate_reference, row.last4)


def left_in_peace(numbers: Iterable[str]) -> frozenset[str]:
    """Of open bills, those of which nobody is reminded: they will be debited on a day that was
    announced, or are being debited, or a payment of theirs is disputed and not decided."""
    asked = list(numbers)
    coming = DebitNotice.objects.filter(
        invoice__number__in=asked, debit_on__gte=business_today()
    ).values_list("invoice__number", flat=True)
    announced = frozenset(number for number in coming if number)
    return announced | processing(asked) | disputed(asked)


def objected_to(bill_ids: Iterable[int]) -> frozenset[int]:
    """Of bills, those whose payment its payer had his bank take back for good: nothing more is
    charged for them unless he pays it himself."""
    rows = Invoice.objects.filter(pk__in=list(bill_ids)).values_list("pk", "number", "order_number")
    named = {pk: {number or "", order} - {""} for pk, number, order in rows}
    gone = taken_back(name for names in named.values() for name in names)
    return frozenset(pk for pk, names in named.items() if names & gone)


def announced_under(number: str, mandate_reference: str) -> bool:
    """Whether a bill may be debited under the mandate: its payer was told, in time."""
    told = DebitNotice.objects.filter(invoice__number=number, mandate_reference=mandate_reference)
    return told.filter(debit_on__lte=business_today()).exists()
