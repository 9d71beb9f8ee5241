"""Reads: prices paid in parts, and what is left of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from commerce.kernel.clock import business_today
from commerce.kernel.money import Money, total
from subscriptions.domain.dunning import EntryKind
from subscriptions.domain.instalments import BillPart, Part, PartStanding, PlanView, standing
from subscriptions.domain.ledger import PART, Book, TransferKind
from subscriptions.dunning.selectors import owes_overdue
from subscriptions.ledger.selectors import deferred_on, owed_on
from subscriptions.models import (
    DunningCase,
    DunningEntry,
    InstalmentPart,
    InstalmentPlan,
    Invoice,
)


def plan_of(order_number: str) -> PlanView | None:
    """None: the order is paid as a whole."""
    row = InstalmentPlan.objects.filter(order_number=order_number).first()
    return _view(row) if row is not None else None


def deferred_lines(order_number: str) -> Mapping[str, Money]:
    """How much of the price of each line is paid later; empty where the order is paid as a whole.
    Tax included."""
    row = InstalmentPlan.objects.filter(order_number=order_number).first()
    if row is None:
        return {}
    return {line: Money.of(amount, row.currency) for line, amount in row.lines.items()}


def plans_of(party_id: int) -> tuple[PlanView, ...]:
    """All that the party ever agreed on, the oldest first."""
    rows = InstalmentPlan.objects.filter(party=party_id).order_by("pk")
    return tuple(_view(row) for row in rows)


def plan_of_bill(party_id: int, number: str) -> PlanView | None:
    """Of the bill of an order; None: it is not the party's, or not paid in parts."""
    part = InstalmentPart.objects.filter(
        invoice__number=number, invoice__account__party=party_id
    ).first()
    return _view(part.plan) if part is not None else None


def parts_with(party_id: int, number: str) -> tuple[BillPart, ...]:
    """The parts that are to be paid with a bill of the account's: those due on its day, but for the
    bill that they are parts of."""
    bill = Invoice.objects.filter(number=number, account__party=party_id).first()
    if bill is None or bill.due_on is None:
        return ()
    rows = InstalmentPart.objects.filter(invoice__account=bill.account_id, due_on=bill.due_on)
    found = []
    for row in rows.exclude(invoice=bill).select_related("plan", "invoice").order_by("pk"):
        view = _view(row.plan)
        (stands,) = (each for each in view.later if each.part.number == row.number)
        found.append(
            BillPart(
                of=view.bill,
                order_number=view.order_number,
                number=row.number,
                parts=view.parts,
                amount=stands.part.amount,
                left=stands.left,
                state=stands.state,
            )
        )
    return tuple(found)


def is_paying_in_parts(party_id: int, order_number: str) -> bool:
    """Whether parts of what was bought with that order are still to come or to pay."""
    plan = plan_of(order_number)
    mine = InstalmentPlan.objects.filter(order_number=order_number, party=party_id)
    return plan is not None and plan.is_open and mine.exists()


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a party has paid: `marks` are what past cases of dunning left."""

    marks: frozenset[str]
    overdue: bool


def conduct_of(party_id: int) -> Conduct:
    cases = DunningCase.objects.filter(account__party=party_id)
    lost = DunningEntry.objects.filter(case__in=cases, kind=EntryKind.LOST).exists()
    marks = frozenset(cases.exclude(grade="").values_list("grade", flat=True))
    return Conduct(
        marks=marks | ({EntryKind.LOST.value} if lost else frozenset()),
        overdue=owes_overdue(party_id, today=business_today()),
    )


def dated_parts(plan: InstalmentPlan) -> tuple[Part, ...]:
    rows = plan.dated.order_by("number")
    return tuple(Part(row.number, Money(row.amount, plan.currency), row.due_on) for row in rows)


def fallen_parts(invoice: Invoice) -> frozenset[int]:
    """The numbers of the parts of a bill that fell due on their days."""
    fell = invoice.transfers.filter(kind=TransferKind.INSTALMENT, debit=Book.RECEIVABLE)
    keys = fell.filter(key__startswith=f"{invoice.number}{PART}").values_list("key", flat=True)
    return frozenset(int(key.rpartition("/")[2]) for key in keys)


def _view(row: InstalmentPlan) -> PlanView:
    amounts = tuple(Money.of(each, row.currency) for each in row.amounts)
    part = row.dated.select_related("invoice__account").first()
    later: tuple[PartStanding, ...] = ()
    deferred = left = total(amounts, currency=row.currency)
    if part is not None:
        invoice = part.invoice
        deferred = deferred_on(invoice)
        later = standing(
            dated_parts(row),
            fallen=fallen_parts(invoice),
            deferred=deferred,
            owed=owed_on(invoice),
            today=business_today(),
        )
        left = total((each.left for each in later), currency=row.currency)
    return PlanView(
        order_number=row.order_number,
        bill=(part.invoice.number or "") if part else "",
        parts=row.parts,
        first=Money(row.first, row.currency),
        amounts=amounts,
        later=later,
        left=left,
        to_come=deferred,
    )
