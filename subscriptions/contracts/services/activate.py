"""The beginning of a contract: it joins its billing account, dates its promise, gets its bill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db import transaction

from commerce.accounts.kinds import Segment
from commerce.events.outbox import publish
from commerce.kernel.clock import business_now
from commerce.kernel.periods import add_months, cycle_day_for
from commerce.rows import insert
from subscriptions.accounts.services import calendar
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.contracts.services import asking, promise
from subscriptions.contracts.services.compensate import bring_forward
from subscriptions.domain.buyers import NO_CODES, BuyerCodes
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.continuing import PaidLater
from subscriptions.domain.invoice import Names
from subscriptions.events import SubscriptionActivated
from subscriptions.invoicing.services import first_bill
from subscriptions.models import (
    BillingAccount,
    ItemBenefit,
    ItemCharge,
    Subscription,
    SubscriptionChange,
    SubscriptionItem,
)


@dataclass(frozen=True, slots=True)
class ActivatedItem:
    """A line of the order with its agreed charges; `names` are its texts by language."""

    line_id: str
    offering: str
    charges: tuple[AgreedCharge, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    names: Names = field(default_factory=dict)


@transaction.atomic
def activate(
    *,
    order_number: str,
    group: str,
    party_id: int,
    segment: str,
    items: Sequence[ActivatedItem],
    tax_rates: Mapping[str, Decimal],
    term_months: int,
    activated_on: date,
    release: int,
    channel: str,
    msisdn: str = "",
    iccid: str = "",
    imei: str = "",
    eid: str = "",
    lpa: str = "",
    user_name: str = "",
    codes: BuyerCodes = NO_CODES,
    benefit_names: Mapping[str, Names] | None = None,
) -> int:
    """Start the contract `group` of an order on `activated_on`; the id of its subscription.

    A consumer's first bill is made at once. A business gets one bill for all that was activated
    since the last bill run, from the next one (04:00). One-off charges among the items are left
    to `one_off.bill_order`. `tax_rates` are per cent by tax class. May be repeated: the same
    subscription is answered and nothing is done again.

    Raises:
        NotFound: nothing was promised to that contract.
    """
    account = locked_account(party_id=party_id, segment=segment)
    known = Subscription.objects.filter(order_number=order_number, group=group).first()
    if known is not None:
        return known.pk
    if account.cycle_day is None:
        account.cycle_day = cycle_day_for(activated_on)
        account.save(update_fields=["cycle_day"])
    asked = asking.asked_about(account, items, on=activated_on)
    promise_id = promise.fix(
        order_number=order_number,
        group=group,
        activated_on=activated_on,
        cycle_day=account.cycle,
        costs_on={line: later.costs_on for line, later in asked.items()},
    )
    subscription = Subscription.objects.create(
        order_number=order_number,
        group=group,
        party_id=party_id,
        account=account,
        promise_id=promise_id,
        msisdn=msisdn,
        iccid=iccid,
        imei=imei,
        eid=eid,
        lpa=lpa,
        user_name=user_name,
        cost_centre=codes.cost_centre,
        purchase_order=codes.purchase_order,
        activated_on=activated_on,
        activated_at=business_now(),
        commitment_months=term_months,
        commitment_ends_on=add_months(activated_on, term_months) if term_months else None,
        release=release,
        channel=channel,
    )
    store_items(
        subscription,
        items=items,
        tax_rates=tax_rates,
        benefit_names=benefit_names or {},
        asked=asked,
    )
    publish(
        SubscriptionActivated(
            order_number=order_number,
            group=group,
            subscription_id=subscription.pk,
            party_id=party_id,
            activated_on=activated_on,
        )
    )
    _bill(account, subscription)
    return subscription.pk


def store_items(
    subscription: Subscription,
    *,
    items: Sequence[ActivatedItem],
    tax_rates: Mapping[str, Decimal],
    benefit_names: Mapping[str, Names],
    asked: Mapping[str, PaidLater],
    begun_by: SubscriptionChange | None = None,
) -> None:
    """The contract holds `items` from its first day on, or from the day of the change on; the lines
    `asked` go on for money only with a yes."""
    rows = insert(
        SubscriptionItem(
            subscription=subscription,
            line_id=item.line_id,
            offering=item.offering,
            names=dict(item.names),
            facts=dict(item.facts),
            from_on=begun_by.on if begun_by else subscription.activated_on,
            begun_by=begun_by,
        )
        for item in items
    )
    agreed = [
        (row, charge)
        for row, item in zip(rows, items, strict=True)
        for charge in item.charges
        if charge.recurring
    ]
    charges = insert(
        ItemCharge(
            item=row,
            code=charge.code,
            amount=charge.amount.amount,
            every_months=charge.every_months,
            quantity=charge.quantity,
            tax_class=charge.tax_class,
            tax_rate=tax_rates[charge.tax_class],
        )
        for row, charge in agreed
    )
    insert(
        ItemBenefit(
            charge=stored,
            position=position,
            code=benefit.code,
            kind=benefit.kind.value,
            value=benefit.value,
            first=benefit.first,
            periods=benefit.periods,
            from_piece=benefit.from_piece,
            pieces=benefit.pieces,
            early_exit=benefit.early_exit.value,
            names=dict(benefit_names.get(benefit.code, {})),
        )
        for stored, (_, charge) in zip(charges, agreed, strict=True)
        for position, benefit in enumerate(charge.benefits)
    )
    asking.watch([(row, asked[row.line_id]) for row in rows if row.line_id in asked])


def _bill(account: BillingAccount, subscription: Subscription) -> None:
    if account.segment == Segment.BUSINESS:
        waiting = account.next_bill_on
        calendar.bill_from(account, subscription.activated_on)
        if waiting is not None and account.next_bill_on != waiting:
            bring_forward(account, from_on=waiting)
        return
    period = first_bill.make(account, subscription)
    if account.next_bill_on is None:
        calendar.bill_from(account, period.end)
