"""What a contract would be for somebody who takes it over, read from what was agreed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal

from commerce.kernel.money import Money
from commerce.kernel.periods import cycle_day_for
from subscriptions.contracts.services.change import ended_item
from subscriptions.domain.charges import AgreedCharge, contract_month, month_start
from subscriptions.domain.continuing import first_paid_days
from subscriptions.domain.promise import promised_from
from subscriptions.domain.taking_over import remaining
from subscriptions.models import BillingAccount, Subscription

_SHOWN = 4


def next_month_start(subscription_id: int, *, item_id: int, after: date) -> date:
    """The first day of the contract month that follows the day `after`: what the item was given for
    months is then used up in whole ones."""
    row = Subscription.objects.select_related("account").get(pk=subscription_id)
    since = row.items.get(pk=item_id).from_on
    month = contract_month(after, activation=since, cycle_day=row.account.cycle)
    return month_start(month + 1, activation=since, cycle_day=row.account.cycle)


def charges_left(
    subscription_id: int, *, lines: Mapping[int, str], on: date
) -> Mapping[int, tuple[AgreedCharge, ...]]:
    """What the items cost again and again from the day `on`, by their ids; `lines` are the names
    under which they go on."""
    row = Subscription.objects.select_related("account").get(pk=subscription_id)
    cycle_day = row.account.cycle
    items = row.items.select_related("begun_by").filter(pk__in=lines).order_by("pk")
    return {
        item.pk: tuple(
            remaining(
                ended.agreed, since=ended.since, on=on, cycle_day=cycle_day, item=lines[item.pk]
            )
            for ended in ended_item(item, row, on=on).charges
        )
        for item in items
    }


def first_bills(
    charges: Iterable[AgreedCharge],
    *,
    tax_rates: Mapping[str, Decimal],
    party_id: int | None,
    on: date,
    asked: Collection[str] = (),
) -> tuple[tuple[date, Money], ...]:
    """What the first bills will say of a contract that begins on the day `on`, on the cycle of the
    party's account, or on its own where there is none yet; the lines `asked` go on for money only
    with a yes."""
    account = BillingAccount.objects.filter(party=party_id, cycle_day__isnull=False).first()
    cycle_day = account.cycle if account else cycle_day_for(on)
    sums: dict[date, Money] = defaultdict(Money.zero)
    begun = tuple(charges)
    for line in promised_from(
        begun,
        tax_rates=tax_rates,
        activation=on,
        cycle_day=cycle_day,
        periods=_SHOWN,
        costs_on=first_paid_days(
            [charge for charge in begun if charge.item in asked], activation=on, cycle_day=cycle_day
        ),
    ):
        assert line.due_on is not None
        sums[line.due_on] += line.due.amount
    return tuple(sorted(sums.items()))[:_SHOWN]
