"""What a change would make of a contract's coming bills, before it is ordered."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import takewhile

from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from subscriptions.domain.changes import EndedCharge, closing, superseded_from
from subscriptions.domain.charges import AgreedCharge, spans
from subscriptions.domain.invoice import bill_period
from subscriptions.domain.promise import promised_from
from subscriptions.models import PromiseLine, Subscription
from subscriptions.services.change import ended_item


@dataclass(frozen=True, slots=True)
class BillBeforeAndAfter:
    """A coming bill of one contract, as promised now and as it would be with the change."""

    on: date
    before: Money
    after: Money


def bills_with_change(
    subscription_id: int,
    *,
    on: date,
    begins: Sequence[AgreedCharge],
    ends: Collection[int],
    tax_rates: Mapping[str, Decimal],
    count: int = 4,
    settled_on: date | None = None,
) -> tuple[BillBeforeAndAfter, ...]:
    """The next `count` bills if `begins` are added and the items `ends` end on the day `on`.

    By the same functions that write the promise of the change when it takes effect. Bills that are
    made before `on` hold what they hold without it; the first one after them settles the change,
    or one of its own on the day `settled_on`.

    Raises:
        NotFound: `unknown_subscription`.
    """
    contract = Subscription.objects.select_related("account").filter(pk=subscription_id).first()
    if contract is None or contract.account.cycle_day is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    cycle_day = contract.account.cycle_day
    next_bill = contract.account.next_bill_on or on
    bills_from = _settling_bill(next_bill, on=on, cycle_day=cycle_day)
    before, after = _promised(contract, since=next_bill), _Sums()
    after.update(before)
    for item in contract.items.filter(pk__in=ends).select_related("begun_by"):
        ended = ended_item(item, contract, on=on)
        for present in ended.charges:
            charge = (
                _billed_meanwhile(present, cycle_day=cycle_day, bills_from=bills_from)
                if bills_from > next_bill
                else present
            )
            gone = PromiseLine.objects.filter(
                promise_id=ended.promise_id,
                item=ended.line_id,
                charge=charge.agreed.code,
                starts_on__gte=superseded_from(charge, cycle_day=cycle_day),
                superseded_by__isnull=True,
            )
            for day, amount in gone.values_list("due_on", "amount"):
                after[day] -= amount
            for line in closing(charge, cycle_day=cycle_day, bills_from=settled_on or bills_from):
                after[line.due_on] += line.due.amount.amount
    for line in promised_from(
        begins,
        tax_rates=tax_rates,
        activation=on,
        cycle_day=cycle_day,
        periods=_MOST,
        bills_from=bills_from,
    ):
        after[line.due_on] += line.due.amount.amount
    days = sorted(day for day in before.keys() | after.keys() if day is not None)[:count]
    return tuple(BillBeforeAndAfter(day, Money(before[day]), Money(after[day])) for day in days)


_MOST = 15


def _settling_bill(next_bill: date, *, on: date, cycle_day: int) -> date:
    """The day of the first bill that is made on the day `on` or later."""
    while next_bill < on:
        next_bill = bill_period(next_bill, cycle_day=cycle_day).end
    return next_bill


def _billed_meanwhile(charge: EndedCharge, *, cycle_day: int, bills_from: date) -> EndedCharge:
    """As the bills before that of `bills_from` will leave it: with all that begins by then."""
    every = spans(charge.agreed, activation=charge.since, cycle_day=cycle_day)
    begun = takewhile(lambda span: span.period.start < bills_from, every)
    return replace(charge, billed_until=max(span.period.end for span in begun))


class _Sums(defaultdict[date | None, Decimal]):
    def __init__(self) -> None:
        super().__init__(Decimal)


def _promised(contract: Subscription, *, since: date) -> _Sums:
    promises = [contract.promise_id, *contract.changes.values_list("promise_id", flat=True)]
    lines = PromiseLine.objects.filter(
        promise__in=promises, superseded_by__isnull=True, due_on__gte=since
    )
    sums = _Sums()
    for day, amount in lines.values_list("due_on", "amount"):
        sums[day] += amount
    return sums
