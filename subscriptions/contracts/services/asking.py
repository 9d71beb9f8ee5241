"""Who has something free is asked, some days before it costs, whether he wants to pay for it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction

from catalogue.selectors import current_snapshot, last_sold
from commerce.accounts.kinds import Segment
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.markets.pack import market
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.continuing import PaidLater, paid_later
from subscriptions.models import BillingAccount, PaidContinuation, SubscriptionItem

ASK, UNANSWERED = "continuation-ask", "continuation-unanswered"
"""The handlers: an item is asked about, and its answer is due."""
ASK_AT, END_AT = time(10), time(0, 5)
"""In Paris."""
PATH = "/account/lines/{}/#paid-later"


def is_asked_about(kind: str | None, *, segment: str) -> bool:
    """Whether the market's law wants a buyer of that segment asked before such a thing that is free
    at first goes on for money: consumers alone. `kind` None is of what never was sold."""
    kinds = market(settings.MARKET).free_then_paid_rules().kinds
    return segment == Segment.CONSUMER and kind in kinds


class Begins(Protocol):
    """A line that a contract begins to hold."""

    @property
    def line_id(self) -> str: ...
    @property
    def offering(self) -> str: ...
    @property
    def charges(self) -> Sequence[AgreedCharge]: ...


def asked_about(
    account: BillingAccount, items: Iterable[Begins], *, on: date
) -> Mapping[str, PaidLater]:
    """What those of `items` cost later, by their lines, that are free from the day `on` at first
    and go on for money only with a yes. A statement if any has an advantage, else none.

    The account has its cycle day.
    """
    granted = [item for item in items if any(charge.benefits for charge in item.charges)]
    if account.segment != Segment.CONSUMER or not granted:
        return {}
    catalogue = current_snapshot(business_now())
    found = {}
    for item in granted:
        later = paid_later(item.charges, activation=on, cycle_day=account.cycle)
        offering = last_sold(item.offering, catalogue=catalogue) if later else None
        if later and offering and is_asked_about(offering.kind, segment=account.segment):
            found[item.line_id] = later
    return found


def watch(found: Sequence[tuple[SubscriptionItem, PaidLater]]) -> None:
    """Have the holder of these items asked in time; nothing if there are none.

    In the caller's transaction.
    """
    if not found:
        return
    rules = market(settings.MARKET).free_then_paid_rules()
    rows = [
        PaidContinuation(
            item=item,
            costs_on=later.costs_on,
            answer_by=later.costs_on - timedelta(days=rules.answers_days),
            amount=later.amount.rounded().amount,
            every_months=later.every_months,
        )
        for item, later in found
    ]
    PaidContinuation.objects.bulk_create(rows)
    timers.schedule_all(
        timers.Due(
            key=f"{ASK}:{row.item_id}",
            handler=ASK,
            due_at=_at(row.costs_on - timedelta(days=rules.asks_days), ASK_AT),
            payload={"item": row.item_id},
        )
        for row in rows
    )


@transaction.atomic
def on_ask_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: ask the holder, and see to his answer when it is due. May be repeated;
    nothing of what has ended meanwhile."""
    row = (
        PaidContinuation.objects.select_for_update(of=("self",))
        .select_related("item__subscription")
        .filter(item=payload["item"], item__until_on__isnull=True)
        .first()
    )
    if row is None:
        return
    if row.asked_at is None:
        row.asked_at = business_now()
        row.save(update_fields=["asked_at"])
    if row.agreed is None:
        _tell(row, "paid_later")
    _look(row.item_id, on=row.answer_by + timedelta(days=1))


def look_again(item_id: int) -> None:
    """Tomorrow: whether it has ended then."""
    _look(item_id, on=business_today() + timedelta(days=1))


def look_now(item_id: int) -> None:
    """At once: its answer is due."""
    _look(item_id, on=business_today())


def tell_end(item_id: int) -> None:
    """The holder hears that it ends without cost; once."""
    row = PaidContinuation.objects.select_related("item__subscription").get(item=item_id)
    _tell(row, "paid_later_ends")


def tell_agreed(row: PaidContinuation) -> None:
    """What was agreed to, on a durable medium; once for each answer."""
    assert row.answered_at is not None
    _tell(row, "paid_later_agreed", about=f"/{row.answered_at:%Y%m%d%H%M%S}")


def _tell(row: PaidContinuation, code: str, *, about: str = "") -> None:
    amount = f"{row.amount:.2f}"
    contract = row.item.subscription
    send(
        party_id=contract.party_id,
        code=code,
        channel=MessageChannel.EMAIL,
        values={
            "names": row.item.names,
            "contract": contract.order_number,
            "costs_on": row.costs_on,
            "answer_by": row.answer_by,
            "amount": {"fr": f"{amount} €".replace(".", ","), "en": f"€{amount}"},
            "every_months": row.every_months,
            "path": PATH.format(contract.pk),
        },
        reference=f"{code}/{row.item_id}{about}",
    )


def _look(item_id: int, *, on: date) -> None:
    timers.schedule(
        key=f"{UNANSWERED}:{item_id}",
        handler=UNANSWERED,
        due_at=_at(on, END_AT),
        payload={"item": item_id},
    )


def _at(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment, tzinfo=PARIS)
