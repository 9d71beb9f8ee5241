"""What a change would make of a contract's coming bills, before it is ordered."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import takewhile

from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from subscriptions.contracts.services.change import ended_item
from subscriptions.contracts.services.promise import EndedItem
from subscriptions.domain.changes import EndedCharge, closing, superseded_from
from subscriptions.domain.charges import AgreedCharge, Span, billed_on, spans
from subscriptions.domain.continuing import first_paid_days
from subscriptions.domain.cycles import CycleDay
from subscriptions.domain.invoice import bill_period
from subscriptions.domain.promise import PromisedLine, promised_from
from subscriptions.models import PromiseLine, Subscription, SubscriptionItem


@dataclass(frozen=True, slots=True)
class BillBeforeAndAfter:
    """A coming bill of one contract, as promised now and as it would be with the change."""

    on: date
    before: Money
    after: Money


@dataclass(frozen=True, slots=True)
class Coming:
    """What the order `number` does to a contract on the day `on`: it begins the charges `begins`
    and ends the items `ends`, or all (`ends_all`); a line of `instead` takes the place of the item
    that it names, or of what another order has put there by then. The lines `asked` are free at
    first and go on only with a yes."""

    number: str
    on: date
    tax_rates: Mapping[str, Decimal] = field(default_factory=dict)
    begins: Sequence[AgreedCharge] = ()
    ends: Collection[int] = ()
    instead: Mapping[str, int] = field(default_factory=dict)
    ends_all: bool = False
    asked: Collection[str] = ()


def bills_with_change(
    subscription_id: int,
    change: Coming,
    *,
    waiting: Sequence[Coming] = (),
    takes_back: Collection[str] = (),
    count: int = 4,
    settled_on: date | None = None,
) -> tuple[BillBeforeAndAfter, ...]:
    """The next `count` bills without the change and with it; both count what the orders `waiting`
    do on their days, those with it but for the ones that it takes back.

    By the same functions that write the promise of each change when it takes effect. Bills that are
    made before its day hold what they hold without it; the first one after them settles the change,
    or one of its own on the day `settled_on`.

    Raises:
        NotFound: `unknown_subscription`.
    """
    contract = Subscription.objects.select_related("account").filter(pk=subscription_id).first()
    if contract is None or contract.account.cycle_day is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    rows = list(contract.items.select_related("begun_by", "ended_by").order_by("pk"))
    since = contract.account.next_bill_on or change.on
    lines = _promised(contract, since=since)
    stays = [each for each in waiting if each.number not in takes_back]
    before = _Course(contract, rows, lines, next_bill=since).after(waiting)
    after = _Course(contract, rows, lines, next_bill=since, settled_on=settled_on).after(
        [*stays, change]
    )
    days = sorted(before.keys() | after.keys())[:count]
    return tuple(BillBeforeAndAfter(day, Money(before[day]), Money(after[day])) for day in days)


_MOST = 15


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a coming bill; `of` is the item and the charge that it is promised for, None for
    what stands whatever comes."""

    of: tuple[str, str] | None
    starts_on: date | None
    due_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class _Held:
    """An item: its charges, and the first bill on which they may stand from now on.

    `settled_until`: it has an end already, which that bill settles.
    """

    charges: tuple[EndedCharge, ...]
    next_bill: date
    settled_until: date | None = None


class _Course:
    """The coming bills of a contract as its changes make them, one after the other."""

    def __init__(
        self,
        contract: Subscription,
        rows: Sequence[SubscriptionItem],
        lines: Iterable[_Line],
        *,
        next_bill: date,
        settled_on: date | None = None,
    ) -> None:
        self._contract, self._cycle_day = contract, contract.account.cycle
        self._next_bill, self._settled_on = next_bill, settled_on
        self._lines = list(lines)
        self._rows = {row.pk: row for row in rows}
        self._running = {_name(row): row.pk for row in rows if row.until_on is None}
        self._ended = {_name(row): row for row in rows if row.until_on is not None}
        self._begun: dict[str, _Held] = {}
        self._standing = {row.pk: _name(row) for row in rows}

    def after(self, changes: Iterable[Coming]) -> "_Sums":
        """The sums of the bills, by their days, once all of `changes` have taken effect."""
        for change in sorted(changes, key=lambda each: each.on):
            gone = [self._standing[item] for item in change.ends if item in self._standing]
            for name in self._all(change.on) if change.ends_all else gone:
                self._end(name, on=change.on)
            self._begin(change)
        sums = _Sums()
        for line in self._lines:
            sums[line.due_on] += line.amount
        return sums

    def _all(self, on: date) -> Iterable[str]:
        """What an end of the contract on the day `on` ends: also what has a later end by now."""
        later = [
            name
            for name, row in self._ended.items()
            if row.until_on is not None and row.until_on > max(on, row.from_on)
        ]
        return [*self._running, *later, *self._begun]

    def _begin(self, change: Coming) -> None:
        bill = self._settling_bill(change.on)
        for line, item in change.instead.items():
            self._standing[item] = f"{change.number}/{line}"
        costs_on = first_paid_days(
            [charge for charge in change.begins if charge.item in change.asked],
            activation=change.on,
            cycle_day=self._cycle_day,
        )
        charges: dict[str, list[EndedCharge]] = {}
        for agreed in change.begins:
            name = f"{change.number}/{agreed.item}"
            charges.setdefault(name, []).append(
                EndedCharge(
                    name,
                    agreed,
                    change.on,
                    change.on,
                    None,
                    change.tax_rates[agreed.tax_class],
                    costs_on.get(agreed.item),
                )
            )
        self._begun |= {name: _Held(tuple(each), bill) for name, each in charges.items()}
        for due in promised_from(
            change.begins,
            tax_rates=change.tax_rates,
            activation=change.on,
            cycle_day=self._cycle_day,
            periods=_MOST,
            bills_from=bill,
            costs_on=costs_on,
        ):
            self._add(due, of=(f"{change.number}/{due.due.item}", due.due.charge))

    def _end(self, name: str, *, on: date) -> None:
        """What nobody holds any more is ended already."""
        held = self._taken(name, on=on)
        if held is None:
            return
        bill = self._settling_bill(on)
        for present in held.charges:
            charge = replace(present, until=max(on, present.since))
            if not charge.agreed.recurring:
                continue
            if bill > held.next_bill and held.settled_until is not None:
                charge = replace(charge, billed_until=held.settled_until)
            elif bill > held.next_bill:
                charge = _billed_meanwhile(charge, cycle_day=self._cycle_day, bills_from=bill)
            since = superseded_from(charge, cycle_day=self._cycle_day)
            of = (name, charge.agreed.code)
            self._lines = [line for line in self._lines if not _is_gone(line, of, since=since)]
            settled_on = self._settled_on or bill
            for line in closing(charge, cycle_day=self._cycle_day, bills_from=settled_on):
                self._add(line, of=None)

    def _taken(self, name: str, *, on: date) -> _Held | None:
        if name in self._begun:
            return self._begun.pop(name)
        row = self._ended.pop(name, None) or self._rows.get(self._running.pop(name, 0))
        if row is None:
            return None
        ended = ended_item(row, self._contract, on=on)
        if row.ended_by is not None:
            self._forget(row.ended_by.promise_id, ended, on=on)
        return _Held(ended.charges, self._next_bill, settled_until=row.until_on)

    def _forget(self, promise: int, ended: EndedItem, *, on: date) -> None:
        """What the change of that `promise` says of the last days is not billed: they end earlier;
        but for what a bill settles before the day `on`."""
        settled_from = self._settling_bill(on)
        said = {(f"{promise}/{each.reference}", each.agreed.code) for each in ended.charges}
        self._lines = [
            line for line in self._lines if line.of not in said or line.due_on < settled_from
        ]

    def _add(self, line: PromisedLine, *, of: tuple[str, str] | None) -> None:
        assert line.due_on is not None
        self._lines.append(_Line(of, line.starts_on, line.due_on, line.due.amount.amount))

    def _settling_bill(self, on: date) -> date:
        """The day of the first bill that is made on the day `on` or later."""
        bill = self._next_bill
        while bill < on:
            bill = bill_period(bill, cycle_day=self._cycle_day).end
        return bill


def _name(row: SubscriptionItem) -> str:
    """Of an item in the promise that speaks of it."""
    begun = row.begun_by.promise_id if row.begun_by else 0
    return f"{begun}/{row.line_id}"


def _is_gone(line: _Line, of: tuple[str, str], *, since: date) -> bool:
    return line.of == of and line.starts_on is not None and line.starts_on >= since


def _billed_meanwhile(charge: EndedCharge, *, cycle_day: CycleDay, bills_from: date) -> EndedCharge:
    """As the bills before that of `bills_from` will leave it: with all that begins by then."""
    every = spans(charge.agreed, activation=charge.since, cycle_day=cycle_day)

    def day(span: Span) -> date:
        return billed_on(
            span, activation=charge.since, cycle_day=cycle_day, costs_on=charge.costs_on
        )

    billed = takewhile(lambda span: day(span) < bills_from, every)
    return replace(charge, billed_until=max((s.period.end for s in billed), default=None))


class _Sums(defaultdict[date, Decimal]):
    def __init__(self) -> None:
        super().__init__(lambda: Decimal("0.00"))


def _promised(contract: Subscription, *, since: date) -> tuple[_Line, ...]:
    """What is promised for the bills from the day `since` on."""
    promises = {contract.promise_id: 0} | {
        promise: promise for promise in contract.changes.values_list("promise_id", flat=True)
    }
    lines = PromiseLine.objects.filter(
        promise__in=promises, superseded_by__isnull=True, due_on__gte=since
    )
    return tuple(
        _Line((f"{promises[promise]}/{item}", charge), starts_on, due_on, amount)
        for promise, item, charge, starts_on, due_on, amount in lines.values_list(
            "promise_id", "item", "charge", "starts_on", "due_on", "amount"
        )
        if due_on is not None
    )
