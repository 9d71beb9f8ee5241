"""Reads: what late bills bear, and what was asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Max, Q, QuerySet, Sum

from commerce.kernel.clock import PARIS
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period
from commerce.markets.pack import market
from commerce.payments.selectors import debited_on
from subscriptions.collection.selectors import left_in_peace
from subscriptions.domain.interest import LateBill, Movement, Part, Rest, interest, parts
from subscriptions.domain.ledger import Book
from subscriptions.domain.states import InvoiceKind, InvoiceState
from subscriptions.invoicing.services.drafting import INTEREST, LATE_FEE
from subscriptions.ledger.selectors import BANK_REFERENCE, owed_by, paid_with_orders
from subscriptions.models import (
    BankShare,
    DebitNotice,
    DunningCase,
    InstalmentPart,
    Invoice,
    LateInterest,
)

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Accrued:
    """What a bill bears for days for which it was not asked yet; `still_open` of it."""

    invoice: Invoice
    days: Period
    parts: tuple[Part, ...]
    amount: Money
    still_open: Money


@dataclass(frozen=True, slots=True)
class InterestView:
    """What was asked for; of the days [`starts_on`, `ends_on`). `given_back` was asked too much, as
    money had come before. `waived_by` is empty if it was not waived. Each of `parts` is as it was
    worked out: days, what was open, per cent a year."""

    id: int
    bill: str
    starts_on: date
    ends_on: date
    amount: Money
    parts: tuple[Part, ...]
    given_back: Money
    asked_at: datetime
    waived_at: datetime | None
    waived_by: str
    reason: str

    @property
    def last_day(self) -> date:
        return self.ends_on - _DAY


def accrued(case: DunningCase, *, today: date) -> tuple[Accrued, ...]:
    """What the late bills of the case bear that nobody was asked for, today included; the oldest
    first. Those that bear nothing are left out, and those that are paid with their order, or left
    in peace as long as they are. Of a bill whose parts alone are late in the case those bear."""
    parts_late = InstalmentPart.objects.filter(due_on__gte=case.since, due_on__lt=today)
    rows = Invoice.objects.filter(
        Q(due_on__gte=case.since) | Q(pk__in=parts_late.values("invoice")),
        owed_by(case.account_id),
        state=InvoiceState.ISSUED,
        due_on__lt=today,
    ).exclude(kind=InvoiceKind.CREDIT_NOTE)
    bills = list(rows.order_by("due_on", "pk"))
    elsewhere = paid_with_orders(row.key for row in bills)
    in_peace = left_in_peace(row.number or "" for row in bills)
    found = (_accrued(row, case=case, today=today) for row in bills if row.key not in elsewhere)
    return tuple(
        each
        for each in found
        if each.amount.amount > 0
        and not (each.still_open.amount > 0 and each.invoice.number in in_peace)
    )


def _accrued(invoice: Invoice, *, case: DunningCase, today: date) -> Accrued:
    bill = late_bill(invoice)
    asked = invoice.interest.order_by("-ends_on").first()
    start = asked.ends_on if asked is not None else bill.due_on + _DAY
    if bill.due_on < case.since:
        start = max(start, _begins(case))
    days = Period(min(start, today + _DAY), today + _DAY)
    borne = parts(bill, market(settings.MARKET).late_rates(), days=days)
    if borne:
        part_alone = bill.due_on < case.since
        days = Period(borne[0].days.start if part_alone else days.start, borne[-1].days.end)
    amount = interest(borne, currency=invoice.currency)
    return Accrued(invoice, days, borne, amount, bill.open)


def _begins(case: DunningCase) -> date:
    """The first day that is this case's: one before it asked for its own days, or let them be."""
    before = DunningCase.objects.filter(account=case.account_id, closed_on__isnull=False)
    ended = before.filter(pk__lt=case.pk).aggregate(last=Max("closed_on"))["last"]
    return ended + _DAY if ended is not None else date.min


def late_bill(invoice: Invoice) -> LateBill:
    """The bill as the ledger has it, by the days on which money was with us, or with our bank."""
    assert invoice.due_on is not None
    lines = invoice.lines.filter(charge__in=[LATE_FEE, INTEREST])
    costs = Money(lines.aggregate(sum=Sum("amount"))["sum"] or Decimal(0), invoice.currency)
    return LateBill(
        due_on=invoice.due_on,
        bearing=Money(invoice.gross, invoice.currency) - max(costs, Money.zero(invoice.currency)),
        movements=_movements(invoice),
        rests=_rests(invoice),
    )


def _rests(invoice: Invoice) -> tuple[Rest, ...]:
    """From the day after each debit was announced until its own; of a part that was not due by then
    from the day after that."""
    due = {each.number - 1: each.due_on for each in invoice.instalments.all()}
    found = []
    for notice in DebitNotice.objects.filter(invoice=invoice).order_by("pk"):
        told_on = notice.told_at.astimezone(PARIS).date()
        start = max(told_on, due.get(notice.part, told_on)) + _DAY
        days = Period(start, max(start, notice.debit_on + _DAY))
        found.append(Rest(days, Money(notice.amount, invoice.currency)))
    return tuple(found)


def asked_too_much(row: LateInterest) -> Money:
    """What more was asked for than the bill bore on those days, by what is known now, and is not
    given back yet: our bank tells late of transfers that it had in time."""
    days = Period(row.starts_on, row.ends_on)
    borne = parts(late_bill(row.invoice), market(settings.MARKET).late_rates(), days=days)
    asked = Money(row.amount - row.given_back, row.invoice.currency)
    bears = interest(borne, currency=row.invoice.currency)
    return max(asked - bears, Money.zero(row.invoice.currency))


def was_late(invoice: Invoice, *, due_on: date) -> bool:
    """Whether something was open when the due day was over, by what is known now."""
    return late_bill(invoice).open_on(due_on + _DAY).amount > 0


def _movements(invoice: Invoice) -> tuple[Movement, ...]:
    number = invoice.number or ""
    rows = list(invoice.transfers.order_by("pk"))
    paid_by = {row.pk: row.key.removeprefix(f"{number}/") for row in rows}
    came = {**_with_us_on(paid_by.values()), **debited_on(number)}
    found = []
    for row in rows:
        if Book.RECEIVABLE not in (row.debit, row.credit):
            continue
        on = row.at.astimezone(PARIS).date()
        sign = 1 if row.debit == Book.RECEIVABLE else -1
        came_on = came.get(paid_by[row.pk], on)
        found.append(Movement(min(on, came_on), Money(sign * row.amount, row.currency)))
    return tuple(found)


def _with_us_on(causes: Iterable[str]) -> Mapping[str, date]:
    """Of what paid by transfer: the day from which it counts at our bank."""
    ids = [each.removeprefix(BANK_REFERENCE) for each in causes if each.startswith(BANK_REFERENCE)]
    shares = BankShare.objects.filter(pk__in=[int(pk) for pk in ids if pk.isdigit()])
    return {share.key: share.entry.with_us_on for share in shares.select_related("entry")}


def asked_of(case: DunningCase) -> tuple[InterestView, ...]:
    """What the bills of the case were asked for, in order."""
    return _views(LateInterest.objects.filter(case=case))


def interest_of(party_id: int) -> tuple[InterestView, ...]:
    """What the party was asked for, the latest first."""
    found = _views(LateInterest.objects.filter(case__account__party=party_id))
    return tuple(reversed(found))


def of_party(party_id: int, interest_id: int) -> LateInterest:
    """Raises NotFound `unknown_interest`, also for another's."""
    rows = LateInterest.objects.filter(pk=interest_id, case__account__party=party_id)
    found = rows.select_related("case__account", "invoice").first()
    if found is None:
        raise NotFound("There is no such interest.", code="unknown_interest")
    return found


def not_waived(found: Iterable[InterestView]) -> Money:
    return total(each.amount - each.given_back for each in found if each.waived_at is None)


def _views(rows: QuerySet[LateInterest]) -> tuple[InterestView, ...]:
    return tuple(_view(row) for row in rows.select_related("invoice").order_by("pk"))


def _view(row: LateInterest) -> InterestView:
    currency = row.invoice.currency
    return InterestView(
        id=row.pk,
        bill=row.invoice.number or "",
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        amount=Money(row.amount, currency),
        parts=tuple(
            Part(
                Period(date.fromisoformat(each["start"]), date.fromisoformat(each["end"])),
                Money.of(each["open"], currency),
                Decimal(each["percent"]),
            )
            for each in row.parts
        ),
        given_back=Money(row.given_back, currency),
        asked_at=row.asked_at,
        waived_at=row.waived_at,
        waived_by=row.waived_by,
        reason=row.reason,
    )
