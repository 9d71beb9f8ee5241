"""What pages and APIs read of portings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from commerce.kernel.clock import business_now
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.markets.pack import Motive
from orchestration.domain.masking import masked
from orchestration.domain.porting import (
    MENDABLE,
    WITH_CLEARING_HOUSE,
    Direction,
    PortState,
    cut_off,
    may_change,
    may_send_again,
    motive_of,
    window,
)
from orchestration.domain.states import EffectState
from orchestration.models import Porting, PortingCall, PortingEntry
from orchestration.porting import book
from orchestration.porting.settling import AUTOMATICALLY


@dataclass(frozen=True, slots=True)
class LogEntry:
    """`kind` is state, sent, received or note; `data` holds no secret."""

    at: datetime
    kind: str
    name: str
    data: Mapping[str, object]
    by: str


@dataclass(frozen=True, slots=True)
class PortingView:
    """A number on its way, with what can be done about it now.

    `day` is wished until `window` is known: begin and end of the cut-over. `asked` is the request
    to the clearing house whose answer is awaited; `refused_call` the last one if it was refused.
    """

    id: int
    direction: Direction
    reference: str
    order_number: str
    line_id: str
    msisdn: str
    rio: str
    operator: str
    state: PortState
    motive: Motive | None
    detail: str
    day: date | None
    slot: str
    window: tuple[datetime, datetime] | None
    cut_off: datetime | None
    due_on: date | None
    attempt: int
    redirection: bool
    redirect_to: str
    days_late: int
    owed: Money
    settled_at: datetime | None
    settled_by: str
    settled_note: str
    can_correct: bool
    can_change: bool
    asked: str
    refused_call: str
    log: tuple[LogEntry, ...]

    @property
    def credited_on(self) -> date | None:
        """The day of the bill that it stands on, unless an operator settled it by hand."""
        by_bill = self.settled_by == AUTOMATICALLY
        return date.fromisoformat(self.settled_note) if by_bill else None

    @property
    def can_move(self) -> bool:
        return self.can_change and self.state not in MENDABLE and not self.asked

    @property
    def can_cancel(self) -> bool:
        return self.can_change and not self.asked

    @property
    def can_redirect(self) -> bool:
        return self.redirection and self.can_move and self.state in WITH_CLEARING_HOUSE

    @property
    def stamps(self) -> Mapping[PortState, datetime]:
        """When each state was reached (last)."""
        return {PortState(entry.name): entry.at for entry in self.log if entry.kind == "state"}


def port_ins_of(order_number: str) -> tuple[PortingView, ...]:
    """The numbers that come with an order; four queries at most."""
    rows = Porting.objects.filter(order_number=order_number, direction=Direction.IN)
    return _views(rows.order_by("id"))


def port_in_of(order_number: str, line_id: str) -> PortingView:
    """Raises NotFound `unknown_porting`."""
    found = [each for each in port_ins_of(order_number) if each.line_id == line_id]
    if not found:
        raise NotFound("No number is on its way for this line.", code="unknown_porting")
    return found[0]


def porting_view(porting_id: int) -> PortingView:
    """For operators. Raises NotFound `unknown_porting`."""
    found = _views(Porting.objects.filter(pk=porting_id))
    if not found:
        raise NotFound("There is no such porting.", code="unknown_porting")
    return found[0]


@dataclass(frozen=True, slots=True)
class PortingRow:
    """A line of the operators' list."""

    id: int
    direction: Direction
    msisdn: str
    order_number: str
    operator: str
    state: PortState
    motive: str
    day: date | None
    due_on: date | None
    days_late: int
    owed: Money
    settled: bool


def portings(*, state: str = "", owed: bool = False, limit: int = 100) -> tuple[PortingRow, ...]:
    """For operators: the newest first; of one state, or those for which we owe something still."""
    rows = Porting.objects.order_by("-id")
    if state:
        rows = rows.filter(state=state)
    if owed:
        rows = rows.filter(owed__gt=0, settled_at=None)
    return tuple(
        PortingRow(
            row.pk,
            Direction(row.direction),
            row.msisdn,
            row.order_number,
            row.operator,
            PortState(row.state),
            row.motive,
            row.day,
            row.due_on,
            row.days_late,
            _money(row.owed),
            row.settled_at is not None,
        )
        for row in rows[:limit]
    )


def _views(rows: Any) -> tuple[PortingView, ...]:
    found: Sequence[Porting] = list(rows)
    if not found:
        return ()
    entries: dict[int, list[LogEntry]] = {}
    for entry in PortingEntry.objects.filter(porting__in=found).order_by("id"):
        shown = masked(entry.data)
        data = shown if isinstance(shown, Mapping) else {}
        entries.setdefault(entry.porting_id, []).append(
            LogEntry(entry.at, entry.kind, entry.name, data, entry.by)
        )
    calls: dict[int, PortingCall] = {}
    for call in PortingCall.objects.filter(porting__in=found).order_by("id"):
        calls[call.porting_id] = call
    return tuple(_view(row, entries.get(row.pk, []), calls.get(row.pk)) for row in found)


def _view(row: Porting, log: Sequence[LogEntry], call: PortingCall | None) -> PortingView:
    pack, now = book.pack(), business_now()
    state = PortState(row.state)
    motive = motive_of(row.motive, pack=pack) if row.motive else None
    incoming = row.direction == Direction.IN
    known = row.day is not None and state in (
        PortState.SCHEDULED,
        PortState.PORTING,
        PortState.PORTED,
    )
    open_ = call is not None and call.state in (EffectState.SENT, EffectState.UNKNOWN)
    refused = call is not None and call.state == EffectState.REFUSED
    return PortingView(
        id=row.pk,
        direction=Direction(row.direction),
        reference=row.reference,
        order_number=row.order_number,
        line_id=row.line_id,
        msisdn=row.msisdn,
        rio=row.rio,
        operator=row.operator,
        state=state,
        motive=motive,
        detail=row.detail,
        day=row.day,
        slot=row.slot,
        window=window(row.day, row.slot, pack=pack) if known and row.day and row.slot else None,
        cut_off=cut_off(row.day, pack=pack) if row.day else None,
        due_on=row.due_on,
        attempt=row.attempt,
        redirection=row.redirection,
        redirect_to=row.redirect_to,
        days_late=row.days_late,
        owed=_money(row.owed),
        settled_at=row.settled_at,
        settled_by=row.settled_by,
        settled_note=row.settled_note,
        can_correct=incoming and may_send_again(state, motive),
        can_change=incoming and may_change(state, day=row.day, now=now, pack=pack),
        asked=call.action if call is not None and open_ else "",
        refused_call=call.action if call is not None and refused else "",
        log=tuple(log),
    )


def _money(amount: Decimal) -> Money:
    return Money(amount, book.pack().currency)
