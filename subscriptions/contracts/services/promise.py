"""Writing the bill promise: pledged with the order, dated at activation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection, transaction

from commerce.kernel.clock import business_now
from commerce.kernel.codec import from_plain, to_plain
from commerce.kernel.errors import NotFound, RuleViolated
from commerce.kernel.tax import Basis
from commerce.rows import Given, Prepared, insert
from subscriptions.domain.changes import EndedCharge, closing, superseded_from
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.cycles import CycleDay
from subscriptions.domain.promise import (
    NEVER_ASKED,
    PromisedLine,
    horizon,
    promised_at_once,
    promised_from,
)
from subscriptions.domain.states import PROMISE_LIFE, PromiseState
from subscriptions.models import Promise, PromiseLine

_OF_ORDER = Prepared(lambda: Promise.objects.filter(order_number=Given("order")))
_COPY_LINES = """
COPY subscriptions_promiseline (
    promise_id, item, charge, period, benefit, amount, tax_class, tax_rate, starts_on, due_on,
    move_id
) FROM STDIN
"""


@dataclass(frozen=True, slots=True)
class PledgedContract:
    """What one contract (one group of an order) agrees on; rates are per cent by tax class."""

    group: str
    segment: str
    basis: Basis
    charges: tuple[AgreedCharge, ...]
    tax_rates: Mapping[str, Decimal]
    commitment_months: int


@transaction.atomic(savepoint=False)
def pledge(*, order_number: str, contracts: Sequence[PledgedContract]) -> None:
    """Store what `contracts` were promised, in the order's own transaction.

    One-off amounts are written at once; recurring ones are counted from activation and get their
    dates by `fix`. Contracts that are already pledged stay as they are.
    """
    known = {promise.group for promise in _OF_ORDER.rows(order=order_number)}
    fresh = [contract for contract in contracts if contract.group not in known]
    now = business_now()
    rows = insert(
        Promise(
            order_number=order_number,
            group=contract.group,
            segment=contract.segment,
            basis=contract.basis.value,
            agreed=to_plain(contract.charges),
            tax_rates=to_plain(contract.tax_rates),
            commitment_months=contract.commitment_months,
            pledged_at=now,
        )
        for contract in fresh
    )
    _copy(
        (row.pk, line)
        for row, contract in zip(rows, fresh, strict=True)
        for line in promised_at_once(contract.charges, tax_rates=contract.tax_rates)
    )


@transaction.atomic
def close_items(*, order_number: str, group: str, items: Iterable[str], on: date) -> None:
    """A pledged contract begins without these items: of what they cost again and again nothing is
    promised any more. What was billed once stays promised, and is credited.

    Raises:
        NotFound: nothing was promised to that contract. RuleViolated: `promise_fixed`.
    """
    promise = (
        Promise.objects.select_for_update().filter(order_number=order_number, group=group).first()
    )
    if promise is None:
        raise _nothing_promised(order_number, group)
    if promise.state == PromiseState.ACTIVE:
        raise RuleViolated("The promise has its days already.", code="promise_fixed")
    promise.closed = {**promise.closed, **dict.fromkeys(items, on.isoformat())}
    promise.save(update_fields=["closed"])


@transaction.atomic
def fix(
    *,
    order_number: str,
    group: str,
    activated_on: date,
    cycle_day: CycleDay,
    costs_on: Mapping[str, date] = NEVER_ASKED,
) -> int:
    """Give the promise its days, by the day on which the contract really began; its id.

    `costs_on`: the items that go on only with a yes, and from when they cost something. May be
    repeated with the same days.

    Raises:
        NotFound: nothing was promised to that contract.
        RuleViolated: it has other days already.
    """
    promise = (
        Promise.objects.select_for_update().filter(order_number=order_number, group=group).first()
    )
    if promise is None:
        raise _nothing_promised(order_number, group)
    if promise.state == PromiseState.ACTIVE:
        if (promise.activated_on, promise.cycle) != (activated_on, cycle_day):
            raise RuleViolated("The promise has other days already.", code="promise_fixed")
        return promise.pk
    _date(
        promise,
        activated_on=activated_on,
        cycle_day=cycle_day,
        bills_from=activated_on,
        costs_on=costs_on,
    )
    return promise.pk


@dataclass(frozen=True, slots=True)
class EndedItem:
    """An item that a change ends, with the promise that spoke of it until then."""

    promise_id: int
    line_id: str
    charges: tuple[EndedCharge, ...]


@transaction.atomic
def fix_change(
    *,
    order_number: str,
    group: str,
    replaces: int,
    on: date,
    cycle_day: CycleDay,
    bills_from: date,
    ended: Sequence[EndedItem],
    costs_on: Mapping[str, date] = NEVER_ASKED,
) -> int:
    """Date the promise of a change, which takes effect on the day `on`; its id.

    It speaks of what begins then, and of the last days of what ends; what was promised for later
    days of that is superseded. `bills_from` is the day of the next bill; `costs_on` as in `fix`.

    Raises:
        NotFound: nothing was promised with that change.
    """
    promise = (
        Promise.objects.select_for_update().filter(order_number=order_number, group=group).first()
    )
    if promise is None:
        raise _nothing_promised(order_number, group)
    promise.replaces_id = replaces
    _date(promise, activated_on=on, cycle_day=cycle_day, bills_from=bills_from, costs_on=costs_on)
    for item in ended:
        _close(item, promise, cycle_day=cycle_day)
    _copy(
        (promise.pk, line)
        for item in ended
        for charge in item.charges
        for line in closing(charge, cycle_day=cycle_day, bills_from=bills_from)
    )
    return promise.pk


def _nothing_promised(order_number: str, group: str) -> NotFound:
    return NotFound(f"Nothing was promised to {group} of {order_number}.", code="unknown_promise")


def _date(
    promise: Promise,
    *,
    activated_on: date,
    cycle_day: CycleDay,
    bills_from: date,
    costs_on: Mapping[str, date],
) -> None:
    PROMISE_LIFE.check(PromiseState(promise.state), PromiseState.ACTIVE)
    promise.state = PromiseState.ACTIVE
    promise.activated_on = activated_on
    promise.keep_cycle(cycle_day)
    promise.save(update_fields=["state", "activated_on", "cycle_day", "cycle_before", "replaces"])
    periods = horizon(promise.commitment_months)
    _write_out(promise, periods=periods, bills_from=bills_from, costs_on=costs_on)


def _close(item: EndedItem, by: Promise, *, cycle_day: CycleDay) -> None:
    """What was promised of the item is superseded from the first day that is billed otherwise."""
    before = Promise.objects.select_for_update().get(pk=item.promise_id)
    before.closed = {**before.closed, item.line_id: str(by.activated_on)}
    before.save(update_fields=["closed"])
    for charge in item.charges:
        PromiseLine.objects.filter(
            promise=before,
            item=item.line_id,
            charge=charge.agreed.code,
            starts_on__gte=superseded_from(charge, cycle_day=cycle_day),
        ).update(superseded_by=by)


@transaction.atomic
def prolong(promise_ids: Iterable[int], *, periods: int) -> None:
    """Write the same promise out up to `periods`, for contracts that outlive the first horizon."""
    for promise in Promise.objects.select_for_update().filter(pk__in=promise_ids).order_by("pk"):
        if promise.state == PromiseState.ACTIVE and promise.periods < periods:
            _write_out(promise, periods=periods)


@transaction.atomic
def restate(
    promise: Promise,
    *,
    cycle_day: CycleDay,
    from_on: date,
    move_id: int,
    costs_on: Mapping[str, date],
) -> None:
    """Promise anew what begins from the bill day `from_on` on, by another cycle day: the same
    charges for the same days, cut otherwise. What was said of them is superseded. `costs_on` as in
    `fix`."""
    promise = Promise.objects.select_for_update().get(pk=promise.pk)
    running = _running(promise)
    promise.keep_cycle(cycle_day)
    promise.save(update_fields=["cycle_day", "cycle_before"])
    for charge in running:
        PromiseLine.objects.filter(
            promise=promise,
            item=charge.item,
            charge=charge.code,
            starts_on__gte=from_on,
            superseded_by__isnull=True,
        ).update(superseded_by=promise)
    lines = _lines_of(promise, running, periods=promise.periods, costs_on=costs_on)
    for line in lines:
        if line.starts_on and line.due_on and line.starts_on < from_on < line.due_on:
            # It waits for what begins to cost within it, and now for another bill.
            PromiseLine.objects.filter(
                promise=promise,
                item=line.due.item,
                charge=line.due.charge,
                period=line.due.period,
                benefit=line.due.benefit or "",
                superseded_by__isnull=True,
            ).update(due_on=line.due_on)
    _copy(
        ((promise.pk, line) for line in lines if line.starts_on and line.starts_on >= from_on),
        move_id=move_id,
    )


def agreed_charges(promise: Promise) -> tuple[AgreedCharge, ...]:
    """The charges as they were pledged."""
    return from_plain(tuple[AgreedCharge, ...], promise.agreed)


def _write_out(
    promise: Promise,
    *,
    periods: int,
    bills_from: date | None = None,
    costs_on: Mapping[str, date] = NEVER_ASKED,
) -> None:
    """Add the lines after those that are written, up to the period `periods`."""
    lines = _lines_of(
        promise, _running(promise), periods=periods, bills_from=bills_from, costs_on=costs_on
    )
    _copy((promise.pk, line) for line in lines if line.due.period > promise.periods)
    promise.periods = periods
    promise.save(update_fields=["periods"])


def _running(promise: Promise) -> list[AgreedCharge]:
    charges = agreed_charges(promise)
    return [each for each in charges if each.recurring and each.item not in promise.closed]


def _lines_of(
    promise: Promise,
    charges: Iterable[AgreedCharge],
    *,
    periods: int,
    bills_from: date | None = None,
    costs_on: Mapping[str, date] = NEVER_ASKED,
) -> tuple[PromisedLine, ...]:
    assert promise.activated_on is not None
    return promised_from(
        charges,
        tax_rates={code: Decimal(rate) for code, rate in promise.tax_rates.items()},
        activation=promise.activated_on,
        cycle_day=promise.cycle,
        periods=periods,
        bills_from=bills_from,
        costs_on=costs_on,
    )


def _copy(lines: Iterable[tuple[int, PromisedLine]], *, move_id: int | None = None) -> None:
    """Store many lines at once, each with the id of its promise."""
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(_COPY_LINES) as copy,
    ):
        for promise_id, line in lines:
            due = line.due
            copy.write_row(
                (
                    *(promise_id, due.item, due.charge, due.period, due.benefit or ""),
                    *(due.amount.amount, due.tax_class, line.tax_rate),
                    *(line.starts_on, line.due_on, move_id),
                )
            )
