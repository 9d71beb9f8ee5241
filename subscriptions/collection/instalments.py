"""Reads: prices paid in parts, and what is left of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from commerce.kernel.clock import PARIS, business_today
from commerce.kernel.money import Money, total
from commerce.markets.pack import AtEnd
from subscriptions.domain.dunning import EntryKind
from subscriptions.domain.instalments import (
    BillPart,
    Part,
    PartStanding,
    PartState,
    PlanView,
    PrintedPart,
    comes_with,
    standing,
)
from subscriptions.domain.ledger import PART, Book, TransferKind
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.dunning.selectors import owes_overdue
from subscriptions.ledger.selectors import deferred_on, owed_on
from subscriptions.models import (
    DunningCase,
    DunningEntry,
    InstalmentPart,
    InstalmentPlan,
    Invoice,
    Subscription,
    SubscriptionChange,
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


@dataclass(frozen=True, slots=True)
class PartsBeside:
    """The parts of other bills that are to be paid `with_it`, and those `to_come` after it."""

    with_it: tuple[BillPart, ...] = ()
    to_come: tuple[BillPart, ...] = ()


def parts_beside(party_id: int, number: str) -> PartsBeside:
    """As they stand today, beside a bill of the account's that is no order's; those that were
    agreed after it are none of its."""
    bill = Invoice.objects.filter(number=number, account__party=party_id).first()
    if bill is None or bill.due_on is None or bill.issued_on is None or bill.order_number:
        return PartsBeside()
    later = InstalmentPart.objects.filter(
        invoice__account=bill.account_id,
        invoice__issued_on__lte=bill.issued_on,
        due_on__gte=bill.issued_on,
    )
    plans = InstalmentPlan.objects.filter(pk__in=later.values("plan")).order_by("pk")
    parts = [
        BillPart(
            of=view.bill,
            order_number=view.order_number,
            number=each.part.number,
            parts=view.parts,
            due_on=each.part.due_on,
            amount=each.part.amount,
            left=each.left,
            state=each.state,
        )
        for view in map(_view, plans)
        for each in view.later
    ]
    issued_on, due_on = bill.issued_on, bill.due_on
    return PartsBeside(
        tuple(
            each
            for each in parts
            if comes_with(each.due_on, issued_on=issued_on, bill_due_on=due_on)
        ),
        tuple(
            sorted(
                (each for each in parts if each.due_on > due_on and each.left),
                key=lambda each: each.due_on,
            )
        ),
    )


def printed_beside(account_ids: Collection[int], *, on: date) -> Mapping[int, list[PrintedPart]]:
    """By account, what is left of the parts that are due on the day `on` or later, as the bills
    that are issued on that day print it. One query where nobody pays in parts."""
    rows = InstalmentPart.objects.filter(invoice__account__in=account_ids, due_on__gte=on)
    accounts = dict(rows.order_by("plan").values_list("plan", "invoice__account"))
    found: dict[int, list[PrintedPart]] = {}
    for plan in InstalmentPlan.objects.filter(pk__in=accounts).order_by("pk") if accounts else ():
        view = _view(plan)
        found.setdefault(accounts[plan.pk], []).extend(
            PrintedPart(view.bill, each.part.number, view.parts, each.part.due_on, each.left)
            for each in view.later
            if each.left and each.part.due_on >= on
        )
    return found


def is_paying_in_parts(subscription_id: int) -> bool:
    """Whether parts of a device that came with the contract, or with a change of it, are still to
    come or to pay."""
    return any(_view(plan).is_open for plan in plans_with(subscription_id))


def plans_with(subscription_id: int) -> QuerySet[InstalmentPlan]:
    """Of the devices that came with the contract, or with a change of it; the oldest first."""
    begun = Subscription.objects.filter(pk=subscription_id).values("order_number")
    changed = SubscriptionChange.objects.filter(subscription=subscription_id)
    rows = InstalmentPlan.objects.filter(
        Q(order_number__in=begun) | Q(order_number__in=changed.values("order_number"))
    )
    return rows.order_by("pk")


def is_needed(plan: InstalmentPlan, *, but: int = 0) -> bool:
    """Whether a contract of the plan's order runs, or one that it changed; `but` for that one."""
    running = Subscription.objects.exclude(status=SubscriptionStatus.ENDED).exclude(pk=but)
    changed = SubscriptionChange.objects.filter(order_number=plan.order_number)
    return running.filter(
        Q(order_number=plan.order_number) | Q(pk__in=changed.values("subscription"))
    ).exists()


@dataclass(frozen=True, slots=True)
class LeftAtEnd:
    """What is left of the parts of a bill when a contract ends; all of it `falls_due` then, or its
    parts go on, the last of them until `last_on`. `bill` is empty, and `last_on` None, until the
    order is billed."""

    bill: str
    left: Money
    falls_due: bool
    last_on: date | None


def left_at_end(subscription_id: int, *, on: date) -> tuple[LeftAtEnd, ...]:
    """Of the devices of a contract that ends on the day `on`, if nothing is paid early; nothing
    where all parts are due by then. Of several contracts of an order the last one that ends
    counts, those that it changed too."""
    found = []
    for plan in plans_with(subscription_id):
        view = _view(plan)
        coming = (each for each in view.later if each.state is PartState.COMING)
        later = [each for each in coming if each.part.due_on > on]
        left = total((each.left for each in later), currency=plan.currency)
        if not view.later:
            left = view.left
        if left:
            goes_on = plan.at_end != AtEnd.FALLS_DUE or is_needed(plan, but=subscription_id)
            found.append(
                LeftAtEnd(
                    bill=view.bill,
                    left=left,
                    falls_due=not goes_on,
                    last_on=later[-1].part.due_on if later else None,
                )
            )
    return tuple(found)


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


def fallen_parts(invoice: Invoice) -> Mapping[int, date]:
    """The parts of a bill that fell due, by number: on which day, their own or that of the end."""
    fell = invoice.transfers.filter(kind=TransferKind.INSTALMENT, debit=Book.RECEIVABLE)
    rows = fell.filter(key__startswith=f"{invoice.number}{PART}").values_list("key", "at")
    return {int(key.rpartition("/")[2]): at.astimezone(PARIS).date() for key, at in rows}


def standing_of(plan: InstalmentPlan) -> tuple[PartStanding, ...]:
    """Its later parts as they are now; none until the order is billed."""
    return _view(plan).later


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
        longest_days=row.longest_days,
    )
