"""Everything that is known of one contract, as the timeline tells it; a fixed number of queries."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db import connection
from django.db.models import Prefetch, Sum

from commerce.kernel.clock import PARIS
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from commerce.markets.pack import market
from promotions.domain.benefits import Benefit, BenefitKind, EarlyExit
from subscriptions.contracts.continuing import not_agreed
from subscriptions.contracts.terms import touching
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import ChangeKind
from subscriptions.domain.timeline import (
    Act,
    Amends,
    Announced,
    Answered,
    Billed,
    Changed,
    Debited,
    Dunned,
    Held,
    Life,
    Moved,
)
from subscriptions.models import (
    Compensation,
    DebitNotice,
    DunningEntry,
    ItemBenefit,
    ItemCharge,
    PaidContinuation,
    PromiseLine,
    Subscription,
    SubscriptionChange,
    SubscriptionItem,
)

COMING = 3
"""Promised bills that are told."""
_BILLED = """
SELECT invoice.number, invoice.issued_on, sum(line.amount),
       sum(line.amount) FILTER (WHERE line.kind NOT IN ('third', 'usage')),
       sum(promised.amount)
  FROM unnest(%s::text[], %s::text[]) AS named (order_number, "group")
  JOIN subscriptions_invoiceline AS line
    ON line.order_number = named.order_number AND line.group = named.group
  JOIN subscriptions_invoice AS invoice ON invoice.id = line.invoice_id
  LEFT JOIN subscriptions_promise AS promise
    ON promise.order_number = line.order_number AND promise.group = line.group
  LEFT JOIN subscriptions_promiseline AS promised
    ON promised.promise_id = promise.id AND promised.item = line.item
   AND promised.charge = line.charge AND promised.period = line.period
   AND promised.benefit = line.benefit AND promised.superseded_by_id IS NULL
 WHERE invoice.state = 'issued'
 GROUP BY invoice.id ORDER BY invoice.issued_on, invoice.id
"""


def life_of(party_id: int, subscription_id: int, *, acts: Sequence[Act]) -> Life:
    """The contract with the orders `acts` that were placed for it.

    Raises:
        NotFound: `unknown_subscription`: it is not the party's.
    """
    contract = (
        Subscription.objects.select_related("account")
        .filter(party=party_id, pk=subscription_id)
        .first()
    )
    if contract is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    account = contract.account
    changes = list(contract.changes.order_by("pk"))
    bills = _bills(contract, changes)
    return Life(
        order=contract.order_number,
        began_on=contract.activated_on,
        ended_on=contract.ended_on,
        cycle_day=account.cycle,
        commitment_months=contract.commitment_months,
        commitment_ends_on=contract.commitment_ends_on,
        acts=acts,
        items=_items(contract),
        changes=tuple(_changed(row) for row in changes),
        bills=bills,
        coming_bills=_coming(contract, changes),
        debits=_debits(account_id=account.pk, bills=bills, currency=account.currency),
        dunning=_dunning(account_id=account.pk, since=contract.activated_on),
        answers=_answers(contract),
        amends=_amends(contract),
        announced=_announced(contract),
        moves=_moves(contract),
    )


def _items(contract: Subscription) -> tuple[Held, ...]:
    charges = ItemCharge.objects.order_by("pk").prefetch_related(
        Prefetch("benefits", ItemBenefit.objects.order_by("position"))
    )
    rows = (
        contract.items.select_related("begun_by")
        .prefetch_related(Prefetch("charges", charges))
        .order_by("pk")
    )
    return tuple(_held(row, contract) for row in rows)


def _held(row: SubscriptionItem, contract: Subscription) -> Held:
    charges = list(row.charges.all())
    return Held(
        id=row.pk,
        order=row.begun_by.order_number if row.begun_by else contract.order_number,
        names=row.names,
        since=row.from_on,
        until=row.until_on,
        begun_by=row.begun_by_id,
        ended_by=row.first_ended_by_id or row.ended_by_id,
        charges=tuple(
            _agreed(charge, item=row.line_id, currency=contract.account.currency)
            for charge in charges
        ),
        benefit_names={
            benefit.code: benefit.names for charge in charges for benefit in charge.benefits.all()
        },
    )


def _agreed(charge: ItemCharge, *, item: str, currency: str) -> AgreedCharge:
    return AgreedCharge(
        item=item,
        code=charge.code,
        recurring=True,
        amount=Money(charge.amount, currency),
        tax_class=charge.tax_class,
        every_months=charge.every_months,
        benefits=tuple(_benefit(row) for row in charge.benefits.all()),
        quantity=charge.quantity,
    )


def _benefit(row: ItemBenefit) -> Benefit:
    return Benefit(
        code=row.code,
        kind=BenefitKind(row.kind),
        value=row.value,
        first=row.first,
        periods=row.periods,
        from_piece=row.from_piece,
        pieces=row.pieces,
        early_exit=EarlyExit(row.early_exit),
    )


def _changed(row: SubscriptionChange) -> Changed:
    return Changed(row.pk, ChangeKind(row.kind), row.order_number, row.on, row.at, row.facts)


def _bills(contract: Subscription, changes: Sequence[SubscriptionChange]) -> tuple[Billed, ...]:
    named = [(contract.order_number, contract.group)]
    named += [(change.order_number, change.group) for change in changes]
    with connection.cursor() as cursor:
        cursor.execute(_BILLED, [[order for order, _ in named], [group for _, group in named]])
        rows = cursor.fetchall()
    currency, nothing = contract.account.currency, Decimal(0)
    return tuple(
        Billed(
            number=number,
            on=issued_on,
            amount=Money(amount, currency),
            promised_part=Money(part or nothing, currency),
            promised=Money(promised or nothing, currency),
        )
        for number, issued_on, amount, part, promised in rows
    )


def _coming(
    contract: Subscription, changes: Sequence[SubscriptionChange]
) -> tuple[tuple[date, Money], ...]:
    since = contract.account.next_bill_on
    if since is None:
        return ()
    promises = [contract.promise_id, *(change.promise_id for change in changes)]
    sums = (
        PromiseLine.objects.filter(
            promise__in=promises, superseded_by__isnull=True, due_on__gte=since
        )
        .exclude(not_agreed(item__subscription=contract))
        .values_list("due_on")
        .annotate(amount=Sum("amount"))
        .order_by("due_on")[:COMING]
    )
    return tuple((day, Money(amount, contract.account.currency)) for day, amount in sums if day)


def _debits(*, account_id: int, bills: Sequence[Billed], currency: str) -> tuple[Debited, ...]:
    rows = DebitNotice.objects.filter(
        invoice__account=account_id,
        invoice__payer__isnull=True,
        invoice__number__in=[bill.number for bill in bills],
    ).select_related("invoice")
    return tuple(
        Debited(
            bill=row.invoice.number or "",
            on=row.debit_on,
            amount=Money(row.amount, currency),
            last4=row.last4,
            told_on=row.told_at.astimezone(PARIS).date(),
        )
        for row in rows.order_by("pk")
    )


def _dunning(*, account_id: int, since: date) -> tuple[Dunned, ...]:
    rows = DunningEntry.objects.filter(case__account=account_id, on__gte=since).order_by("pk")
    return tuple(Dunned(row.kind, row.action, row.on, row.at, row.by) for row in rows)


def _answers(contract: Subscription) -> tuple[Answered, ...]:
    rows = PaidContinuation.objects.filter(item__subscription=contract).select_related("item")
    return tuple(
        Answered(
            item=row.item_id,
            names=row.item.names,
            costs_on=row.costs_on,
            amount=Money(row.amount, contract.account.currency),
            asked_at=row.asked_at,
            agreed=row.agreed,
            answered_at=row.answered_at,
            runs=row.item.until_on is None,
        )
        for row in rows.order_by("pk")
    )


def _amends(contract: Subscription) -> tuple[Amends, ...]:
    rows = Compensation.objects.filter(subscription=contract).order_by("pk")
    return tuple(
        Amends(row.names, Money(row.amount, contract.account.currency), row.granted_at)
        for row in rows
    )


def _announced(contract: Subscription) -> tuple[Announced, ...]:
    months = market(settings.MARKET).terms_rules().leave_months
    rows = touching().filter(item__subscription=contract)
    return tuple(
        Announced(
            row.terms.names, row.effective_on, row.told_at, add_months(row.effective_on, months)
        )
        for row in rows.select_related("terms").order_by("pk")
        if row.told_at is not None
    )


def _moves(contract: Subscription) -> tuple[Moved, ...]:
    """Those that the contract has lived through."""
    rows = contract.account.moves.filter(from_on__gt=contract.activated_on).order_by("from_on")
    return tuple(
        Moved(row.from_on, row.former, row.day, row.reason, row.by, row.channel, row.at)
        for row in rows
    )
