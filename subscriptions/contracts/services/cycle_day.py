"""Moving the day of the month on which an account is billed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind, Role
from commerce.accounts.services.contacts import require_verified
from commerce.accounts.services.timeline import record
from commerce.events.outbox import publish
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import Period, add_months
from commerce.markets.pack import market
from subscriptions.contracts.finding import ComingBill, coming_bills
from subscriptions.contracts.services.promise import agreed_charges, restate
from subscriptions.domain.continuing import paid_later
from subscriptions.domain.cycles import Cycle, moved
from subscriptions.domain.invoice import Names, bill_period
from subscriptions.domain.promise import NEVER_ASKED
from subscriptions.domain.states import InvoiceState, PromiseState
from subscriptions.events import CycleDayMoved
from subscriptions.invoicing.services.drafting import BILLED_STATUSES
from subscriptions.models import (
    BillingAccount,
    CycleMove,
    Invoice,
    PaidContinuation,
    Promise,
    PromiseLine,
    SubscriptionItem,
)

SHOWN = 4
"""Coming bills that are shown before a move."""
_MAY_NOT = frozenset({Role.BUYER, Role.APPROVER, Role.VIEWER})


@dataclass(frozen=True, slots=True)
class MovedLine:
    """What one charge costs for the first days after a move, after its advantages."""

    names: Names
    days: Period
    amount: Money


@dataclass(frozen=True, slots=True)
class MoveShown:
    """What a move would do to the next bills: they are those of `before` now, and would be those of
    `after`. The bill of the days `first` is the first one that differs, with these `lines`; from
    its end on bills are made on the `day` of each month."""

    former: int
    day: int
    first: Period
    before: tuple[ComingBill, ...]
    after: tuple[ComingBill, ...]
    lines: tuple[MovedLine, ...]

    @property
    def digest(self) -> str:
        """Tells whether what was shown is still so."""
        said = [f"{self.former}>{self.day}", *(f"{bill.on}:{bill.amount}" for bill in self.after)]
        return sha256("|".join(said).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class CycleDayView:
    """The `day` that is agreed, in force since or from `from_on` if it was moved; a customer may
    move it from `movable_on` on."""

    day: int
    from_on: date | None
    movable_on: date | None
    offered: tuple[int, ...]


def cycle_day_of(party_id: int) -> CycleDayView | None:
    """The cycle day of a party's account; None before its first contract."""
    account = BillingAccount.objects.filter(party=party_id, cycle_day__isnull=False).first()
    if account is None or account.cycle_day is None:
        return None
    last = account.moves.order_by("from_on").last()
    return CycleDayView(
        day=account.cycle_day,
        from_on=last.from_on if last else None,
        movable_on=_movable_on(last) if last else None,
        offered=market(settings.MARKET).cycle_rules().days,
    )


def show_move(context: AccountContext, *, day: int) -> MoveShown:
    """The next bills of the party without the move and with it, line by line for the first days.

    By the very act, which is undone at once.

    Raises:
        As `move_cycle_day`.
    """
    with transaction.atomic():
        _allowed(context)
        account = _locked(context.party_id)
        _, shown = _move(account, context, day=day, reason="")
        transaction.set_rollback(True)
    return shown


@transaction.atomic
def move_cycle_day(
    context: AccountContext, *, day: int, reason: str = "", digest: str = ""
) -> date:
    """Have the party's account billed on another `day` of the month; from which bill day on.

    The cycle that runs goes on to its end; the days from there to the first new bill day are a part
    of a cycle, priced by days. All contracts are promised their coming bills anew. Months of
    commitments and advantages, and the days of changes, stay where they are. `digest` is
    that of what was shown before, if it was.

    Raises:
        NotFound: `no_bill_day`: nothing of the party's is billed yet, or any more.
        InvalidInput: `cycle_day_not_offered`.
        Forbidden: `administrators_only`, in a firm; `caller_not_verified`, of an agent.
        RuleViolated: `same_cycle_day`; `cycle_day_moves_already`: the last move is still to come;
            `cycle_day_moved_lately`, but for operators; `account_parked`; `bill_under_way`: today's
            bill is not made or issued yet; `change_ahead`: something begins or ends after the bill
            day; `move_changed`: other bills were shown; `free_item_waits`: what is free until it is
            agreed to would cost from another day.
    """
    _allowed(context)
    account = _locked(context.party_id)
    move, shown = _move(account, context, day=day, reason=reason.strip()[:200])
    if digest and digest != shown.digest:
        raise RuleViolated(
            "The coming bills have changed meanwhile: look at them again.", code="move_changed"
        )
    record(
        party_id=account.party_id,
        kind=EntryKind.BILL,
        code="bill_day_moved",
        context=context,
        values={
            "former": move.former,
            "day": move.day,
            "from_on": move.from_on.isoformat(),
            "note": move.reason,
        },
    )
    publish(
        CycleDayMoved(
            account_id=account.pk,
            party_id=account.party_id,
            from_on=move.from_on,
            former=move.former,
            day=move.day,
            reason=move.reason,
            by=move.by,
            channel=move.channel,
        )
    )
    return move.from_on


def _allowed(context: AccountContext) -> None:
    if context.role in _MAY_NOT:
        raise Forbidden("Only administrators move the bill day.", code="administrators_only")
    require_verified(context)


def _is_bounded(context: AccountContext) -> bool:
    return context.role not in (Role.OPERATOR, Role.SYSTEM)


def _locked(party_id: int | None) -> BillingAccount:
    rows = BillingAccount.objects.select_for_update(no_key=True)
    account = rows.filter(party=party_id or 0, cycle_day__isnull=False).order_by("pk").first()
    if account is None:
        raise _nothing_billed()
    return account


def _nothing_billed() -> NotFound:
    return NotFound("There is no bill day yet, or no bill to come.", code="no_bill_day")


def _move(
    account: BillingAccount, context: AccountContext, *, day: int, reason: str
) -> tuple[CycleMove, MoveShown]:
    _check_day(account, day=day, bounded=_is_bounded(context))
    _check_bills(account)
    since = account.next_bill_on or business_today()
    before = coming_bills(account.party_id, since=since, count=SHOWN)
    former, today = account.cycle, business_today()
    cycle = moved(former, to=day, asked_on=today)
    from_on = cycle.moves[-1]
    _check_items(account, cycle=cycle, from_on=from_on)
    assert account.cycle_day is not None
    move = CycleMove.objects.create(
        account=account,
        from_on=from_on,
        former=account.cycle_day,
        day=day,
        reason=reason,
        by=context.actor.name[:120],
        channel=context.channel,
        at=business_now(),
    )
    account.keep_cycle(cycle)
    account.save(update_fields=["cycle_day", "cycle_before"])
    asked = _asked(account)
    for promise in _promises(account):
        restate(
            promise,
            cycle_day=cycle,
            from_on=from_on,
            move_id=move.pk,
            costs_on=asked.get((promise.order_number, promise.group), NEVER_ASKED),
        )
    first = bill_period(from_on, cycle_day=cycle)
    return move, MoveShown(
        former=move.former,
        day=day,
        first=first,
        before=before,
        after=coming_bills(account.party_id, since=since, count=SHOWN),
        lines=_lines(move, first=first, currency=account.currency),
    )


def _asked(account: BillingAccount) -> Mapping[tuple[str, str], Mapping[str, date]]:
    """By the promise that speaks of them, the items that go on only with a yes, and from when."""
    found: dict[tuple[str, str], dict[str, date]] = defaultdict(dict)
    rows = PaidContinuation.objects.filter(item__subscription__account=account)
    for row in rows.select_related("item__begun_by", "item__subscription"):
        of = row.item.begun_by or row.item.subscription
        found[of.order_number, of.group][row.item.line_id] = row.costs_on
    return found


def _check_day(account: BillingAccount, *, day: int, bounded: bool) -> None:
    if day not in market(settings.MARKET).cycle_rules().days:
        raise InvalidInput("Bills are not made on that day.", code="cycle_day_not_offered")
    if day == account.cycle_day:
        raise RuleViolated("Bills are made on that day already.", code="same_cycle_day")
    last = account.moves.order_by("from_on").last()
    if last is None:
        return
    if last.from_on > business_today():
        raise RuleViolated(
            "The bill day is being moved already: wait until that is done.",
            code="cycle_day_moves_already",
            from_on=last.from_on.isoformat(),
        )
    if bounded and _movable_on(last) > business_today():
        raise RuleViolated(
            "The bill day was moved lately.",
            code="cycle_day_moved_lately",
            movable_on=_movable_on(last).isoformat(),
        )


def _movable_on(last: CycleMove) -> date:
    return add_months(last.from_on, market(settings.MARKET).cycle_rules().months_between)


def _check_bills(account: BillingAccount) -> None:
    if not account.subscriptions.filter(status__in=BILLED_STATUSES).exists():
        raise _nothing_billed()
    if account.parked_at is not None:
        raise RuleViolated("The bills of this account are being looked at.", code="account_parked")
    waiting = Invoice.objects.filter(account=account).exclude(state=InvoiceState.ISSUED)
    due = account.next_bill_on
    if (due is not None and due <= business_today()) or waiting.exists():
        raise RuleViolated("A bill is being made: try again later.", code="bill_under_way")


def _check_items(account: BillingAccount, *, cycle: Cycle, from_on: date) -> None:
    items = SubscriptionItem.objects.filter(subscription__account=account)
    if items.filter(Q(from_on__gt=from_on) | Q(until_on__gt=from_on)).exists():
        raise RuleViolated("A change of a line is still to take effect.", code="change_ahead")
    later = PaidContinuation.objects.filter(
        item__subscription__account=account,
        item__until_on__isnull=True,
        costs_on__gt=business_today(),
        item__charges__every_months__gt=1,
    ).distinct()
    for row in later.select_related("item__begun_by__promise", "item__subscription__promise"):
        if not _costs_as_asked(row, cycle=cycle):
            raise RuleViolated(
                "Something is free until a day that the move would change: take it off first, or "
                "wait until then.",
                code="free_item_waits",
            )


def _costs_as_asked(row: PaidContinuation, *, cycle: Cycle) -> bool:
    """From the day about which its holder is asked: what is charged for several months at once is
    free for all of those that begin within its advantage. What is charged month by month is."""
    item = row.item
    promise = item.begun_by.promise if item.begun_by else item.subscription.promise
    assert promise is not None
    charges = [each for each in agreed_charges(promise) if each.item == item.line_id]
    found = paid_later(charges, activation=item.from_on, cycle_day=cycle)
    return found is not None and found.costs_on == row.costs_on


def _promises(account: BillingAccount) -> Iterable[Promise]:
    running = Q(subscription__account=account, subscription__status__in=BILLED_STATUSES) | Q(
        change__subscription__account=account,
        change__subscription__status__in=BILLED_STATUSES,
    )
    return Promise.objects.filter(running, state=PromiseState.ACTIVE).distinct().order_by("pk")


def _lines(move: CycleMove, *, first: Period, currency: str) -> tuple[MovedLine, ...]:
    """What stands on the first bill that differs, charge by charge."""
    names = _names(move.account_id)
    sums: dict[tuple[int, str, str], MovedLine] = {}
    rows = PromiseLine.objects.filter(
        move=move, due_on__gte=first.start, due_on__lt=first.end
    ).order_by("promise_id", "item", "charge", "period", "benefit")
    for row in rows:
        assert row.starts_on is not None
        key = (row.promise_id, row.item, row.charge)
        before = sums[key].amount if key in sums else Money.zero(currency)
        sums[key] = MovedLine(
            names=names.get(key[:2], {}),
            days=Period(row.starts_on, first.end),
            amount=before + Money(row.amount, currency),
        )
    return tuple(sums.values())


def _names(account_id: int) -> dict[tuple[int, str], Names]:
    items = SubscriptionItem.objects.filter(subscription__account=account_id)
    found = items.values_list(
        "begun_by__promise", "subscription__promise", "line_id", "names"
    ).order_by("pk")
    return {(begun or first, line): names for begun, first, line, names in found}
