"""What is asked about contracts and what they were promised; always within what one party may see.

Foreign or unknown things are NotFound alike. Each selector takes a fixed number of queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import F, OuterRef, Prefetch, QuerySet

from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money, total
from commerce.kernel.periods import full_months
from commerce.kernel.tax import Basis
from subscriptions.contracts.continuing import not_agreed
from subscriptions.domain.buyers import NO_CODES, BuyerCodes
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.domain.views import (
    BenefitView,
    ChargeView,
    History,
    ItemView,
    PromisedBill,
    PromisedBillLine,
    PromiseView,
    SubscriptionView,
)
from subscriptions.models import (
    ItemBenefit,
    ItemCharge,
    Promise,
    PromiseLine,
    Subscription,
    SubscriptionBlock,
    SubscriptionChange,
    SubscriptionItem,
)

RUNNING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.SUSPENDED)


def subscriptions_of(party_id: int) -> tuple[SubscriptionView, ...]:
    """The party's contracts, the latest first."""
    rows = _subscriptions().filter(party_id=party_id).order_by("-activated_on", "-pk")
    return tuple(_subscription(row) for row in rows)


def subscription_view(party_id: int, subscription_id: int) -> SubscriptionView:
    """Raises NotFound when it is not the party's."""
    row = _subscriptions().filter(party_id=party_id, pk=subscription_id).first()
    if row is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    return _subscription(row)


def codes_of(subscription_id: int) -> BuyerCodes:
    """What the firm's own books call the contract; nothing where there is none."""
    row = Subscription.objects.filter(pk=subscription_id)
    found = row.values_list("cost_centre", "purchase_order").first()
    return BuyerCodes(*found) if found else NO_CODES


@dataclass(frozen=True, slots=True)
class HeldItem:
    """An item that a contract holds or held: the line of the order that brought it, and the number
    of the one that ended it, empty as long as it runs."""

    id: int
    order_number: str
    line_id: str
    ended_by: str


def held_items(subscription_id: int) -> tuple[HeldItem, ...]:
    """All items that the contract ever held; one query."""
    rows = SubscriptionItem.objects.filter(subscription=subscription_id).order_by("pk")
    found = rows.values_list(
        "pk", "subscription__order_number", "begun_by__order_number", "line_id",
        "ended_by__order_number",
    )  # fmt: skip
    return tuple(
        HeldItem(item, begun or first, line, ended or "")
        for item, first, begun, line, ended in found
    )


def subscriptions_of_order(party_id: int, order_number: str) -> tuple[SubscriptionView, ...]:
    """The contracts that an order of the party has begun so far."""
    rows = _subscriptions().filter(party_id=party_id, order_number=order_number).order_by("pk")
    return tuple(_subscription(row) for row in rows)


def history_of(party_id: int, *, on: date) -> History:
    """The contracts that run on the day, summed up; two queries."""
    running = Subscription.objects.filter(
        party_id=party_id, activated_on__lte=on, status__in=RUNNING
    )
    by_begin = running.order_by("activated_on", "pk")
    rows = list(by_begin.values_list("activated_on", "msisdn", "commitment_ends_on", "pk"))
    if not rows:
        return History()
    items = SubscriptionItem.objects.filter(subscription__in=running, from_on__lte=on).exclude(
        until_on__lte=on
    )
    ends = [end for _, _, end, _ in rows if end is not None]
    lines = tuple(pk for _, msisdn, _, pk in rows if msisdn)
    return History(
        tenure_months=full_months(min(since for since, *_ in rows), on),
        lines=len(lines),
        owns=tuple(sorted(set(items.values_list("offering", flat=True)))),
        months_to_commitment_end=full_months(on, min(ends)) if ends else None,
        running=lines,
    )


def promise_view(order_number: str, group: str) -> PromiseView:
    """What a contract was promised, bill by bill, with what its changes were promised since.

    Bills to come leave out what is free until somebody agrees to pay for it, while nobody does.
    The caller has checked that the order may be seen.

    Raises:
        NotFound: nothing was promised to that contract.
    """
    promise = Promise.objects.filter(order_number=order_number, group=group).first()
    if promise is None:
        raise NotFound("Nothing was promised to that contract.", code="unknown_promise")
    changes = SubscriptionChange.objects.filter(
        subscription__order_number=order_number, subscription__group=group
    )
    promises = [promise.pk, *changes.order_by("pk").values_list("promise_id", flat=True)]
    open_question = not_agreed(
        item__subscription__order_number=order_number,
        item__subscription__group=group,
        item__subscription__account__next_bill_on__lte=OuterRef("due_on"),
    )
    lines = (
        PromiseLine.objects.filter(promise__in=promises, superseded_by__isnull=True)
        .exclude(open_question)
        .order_by(F("due_on").asc(nulls_first=True), "promise", "item", "charge", "benefit")
        .values_list("due_on", "item", "charge", "benefit", "amount")
    )
    billed = _billed_by_day(promises)
    by_day = [(day, tuple(rows)) for day, rows in groupby(lines, key=lambda row: row[0])]
    first = 0 if by_day and by_day[0][0] is None else 1
    return PromiseView(
        order_number=order_number,
        group=group,
        state=promise.state,
        basis=Basis(promise.basis),
        activated_on=promise.activated_on,
        commitment_months=promise.commitment_months,
        bills=tuple(
            _promised_bill(period, day, rows, billed.get(day))
            for period, (day, rows) in enumerate(by_day, start=first)
        ),
    )


def _subscriptions() -> QuerySet[Subscription]:
    charges = ItemCharge.objects.order_by("pk").prefetch_related(
        Prefetch("benefits", ItemBenefit.objects.order_by("position"))
    )
    items = (
        SubscriptionItem.objects.select_related("begun_by")
        .order_by("pk")
        .prefetch_related(Prefetch("charges", charges))
    )
    blocks = SubscriptionBlock.objects.filter(
        subscription=OuterRef("pk"), lifted_at__isnull=True
    ).order_by("pk")
    return (
        Subscription.objects.select_related("account")
        .annotate(
            blocked_by=ArraySubquery(blocks.values("kind")),
            partly_blocked_by=ArraySubquery(blocks.filter(outgoing_only=True).values("kind")),
        )
        .prefetch_related(Prefetch("items", items))
    )


def _subscription(row: Subscription) -> SubscriptionView:
    return SubscriptionView(
        id=row.pk,
        order_number=row.order_number,
        group=row.group,
        party_id=row.party_id,
        account_id=row.account_id,
        status=row.status,
        msisdn=row.msisdn,
        iccid=row.iccid,
        imei=row.imei,
        eid=row.eid,
        lpa=row.lpa,
        user_name=row.user_name,
        activated_on=row.activated_on,
        commitment_months=row.commitment_months,
        commitment_ends_on=row.commitment_ends_on,
        next_bill_on=row.account.next_bill_on,
        basis=Basis(row.account.basis),
        items=tuple(
            _item(item, order_number=row.order_number, currency=row.account.currency)
            for item in row.items.all()
        ),
        ended_on=row.ended_on,
        codes=BuyerCodes(row.cost_centre, row.purchase_order),
        blocks=tuple(row.blocked_by),  # type: ignore[attr-defined]
        outgoing_only=tuple(row.partly_blocked_by),  # type: ignore[attr-defined]
        leaves=row.leaves,
    )


def _item(item: SubscriptionItem, *, order_number: str, currency: str) -> ItemView:
    return ItemView(
        id=item.pk,
        order_number=item.begun_by.order_number if item.begun_by else order_number,
        line_id=item.line_id,
        offering=item.offering,
        names=item.names,
        facts=item.facts,
        from_on=item.from_on,
        until_on=item.until_on,
        charges=tuple(
            ChargeView(
                code=charge.code,
                amount=Money(charge.amount, currency),
                every_months=charge.every_months,
                quantity=charge.quantity,
                benefits=tuple(
                    BenefitView(
                        *(b.code, b.kind, b.value, b.first, b.periods),
                        *(b.from_piece, b.pieces, b.names),
                    )
                    for b in charge.benefits.all()
                ),
            )
            for charge in item.charges.all()
        ),
    )


_BILLED = """
SELECT greatest(line.starts_on, invoice.period_start) AS day, sum(line.amount)
  FROM subscriptions_promise AS promise
  JOIN subscriptions_invoiceline AS line
    ON line.order_number = promise.order_number AND line.group = promise.group
  JOIN subscriptions_invoice AS invoice ON invoice.id = line.invoice_id
 WHERE promise.id = ANY(%s) AND invoice.state = 'issued' AND line.kind NOT IN ('third', 'usage')
 GROUP BY day
"""


def _billed_by_day(promises: Sequence[int]) -> Mapping[date | None, Money]:
    with connection.cursor() as cursor:
        cursor.execute(_BILLED, [list(promises)])
        return {day: Money(amount) for day, amount in cursor.fetchall()}


def _promised_bill(
    period: int,
    day: date | None,
    rows: Sequence[tuple[date | None, str, str, str, Decimal]],
    billed: Money | None,
) -> PromisedBill:
    lines = tuple(
        PromisedBillLine(item, charge, benefit, Money(amount))
        for _, item, charge, benefit, amount in rows
    )
    return PromisedBill(
        period=period,
        starts_on=day,
        list_amount=total(line.amount for line in lines if not line.benefit),
        amount=total(line.amount for line in lines),
        lines=lines,
        billed=billed,
    )
