"""What is free at first, and what its holder said to paying for it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce

from commerce.kernel.clock import business_today
from commerce.kernel.money import Money
from subscriptions.domain.views import Names
from subscriptions.models import PaidContinuation


@dataclass(frozen=True, slots=True)
class Continuation:
    """`item_id` is free until `costs_on` and then costs `amount` every `every_months`; it is to be
    answered by `answer_by`, as long as it `can_answer`. `agreed`: None while nothing was said.
    `is_open`: it runs, and its free months did until yesterday."""

    item_id: int
    names: Names
    costs_on: date
    answer_by: date
    amount: Money
    every_months: int
    asked_at: datetime | None
    agreed: bool | None
    answered_at: datetime | None
    can_answer: bool
    is_open: bool


@dataclass(frozen=True, slots=True)
class Unanswered:
    """An item to which nobody said yes, and which runs; `items` are all of its contract of which
    that is so and that would begin to cost on the same day."""

    item_id: int
    items: tuple[int, ...]
    subscription_id: int
    party_id: int
    costs_on: date


def continuations_of(party_id: int, subscription_id: int) -> tuple[Continuation, ...]:
    """Of a party's contract, by the day on which they begin to cost; one query. Nothing of another
    party's."""
    rows = PaidContinuation.objects.filter(
        item__subscription=subscription_id, item__subscription__party=party_id
    ).select_related("item__subscription__account")
    today = business_today()
    return tuple(_view(row, today=today) for row in rows.order_by("costs_on", "pk"))


def unanswered(item_id: int) -> Unanswered | None:
    rows = PaidContinuation.objects.filter(item__until_on__isnull=True).exclude(agreed=True)
    row = rows.filter(item=item_id).select_related("item__subscription").first()
    if row is None:
        return None
    contract = row.item.subscription
    alike = rows.filter(item__subscription=contract, costs_on=row.costs_on).order_by("item")
    items = tuple(alike.values_list("item", flat=True))
    return Unanswered(row.item_id, items, contract.pk, contract.party_id, row.costs_on)


def not_agreed(**contract: Any) -> Exists:
    """Of a line of a promise of the `contract`: it is of what is free until somebody agrees to pay,
    and nobody has."""
    rows = PaidContinuation.objects.filter(**contract).exclude(agreed=True)
    promise = Coalesce("item__begun_by__promise", "item__subscription__promise")
    return Exists(
        rows.annotate(promise=promise).filter(
            promise=OuterRef("promise"),
            item__line_id=OuterRef("item"),
            costs_on__lte=OuterRef("due_on"),
        )
    )


def _view(row: PaidContinuation, *, today: date) -> Continuation:
    item = row.item
    return Continuation(
        item_id=item.pk,
        names=item.names,
        costs_on=row.costs_on,
        answer_by=row.answer_by,
        amount=Money(row.amount, item.subscription.account.currency),
        every_months=row.every_months,
        asked_at=row.asked_at,
        agreed=row.agreed,
        answered_at=row.answered_at,
        can_answer=item.until_on is None and today <= row.answer_by,
        is_open=item.until_on is None and today <= row.costs_on,
    )
