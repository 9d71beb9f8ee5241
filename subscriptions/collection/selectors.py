"""Reads: which bills will be debited, and of which a payment is disputed."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models.functions import Coalesce

from commerce.accounts.kinds import Segment
from commerce.kernel.clock import PARIS, business_today
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money, total
from commerce.payments.selectors import (
    PaymentView,
    Saved,
    chosen_method,
    debits_tried,
    disputed,
    payments_of,
    processing,
    taken_back,
    usable_methods,
)
from subscriptions.domain.states import DebitState, InvoiceKind
from subscriptions.domain.views import PayBy
from subscriptions.ledger.selectors import (
    links_naming,
    owed_by_party,
    paid_with_orders,
    parts_due,
    with_credit,
)
from subscriptions.models import BillingAccount, DebitNotice, InstalmentPart, Invoice


@dataclass(frozen=True, slots=True)
class Announced:
    """What the payer was told of a debit: `amount` at most, on that day, from that account."""

    debit_on: date
    amount: Money
    mandate_reference: str
    last4: str


def announced_debit(number: str) -> Announced | None:
    """The debit of a bill that is still to come, the last one announced."""
    found = DebitNotice.objects.filter(invoice__number=number, debit_on__gte=business_today())
    row = found.select_related("invoice").order_by("-pk").first()
    if row is None:
        return None
    amount = Money(row.amount, row.invoice.currency)
    return Announced(row.debit_on, amount, row.mandate_reference, row.last4)


@dataclass(frozen=True, slots=True)
class DebitView:
    """A direct debit that its payer was told of, and what became of it; `reason` is the bank's
    for one that has failed."""

    id: int
    number: str
    debit: Announced
    told_at: datetime
    state: DebitState
    reason: str


def debits_of(party_id: int) -> tuple[DebitView, ...]:
    """What the party was told of, the latest first; three queries."""
    rows = _notices(party_id)
    tried = debits_tried(row.invoice.number or "" for row in rows)
    told: defaultdict[tuple[str, str], list[DebitNotice]] = defaultdict(list)
    for row in rows:
        told[row.invoice.number or "", row.mandate_reference].append(row)
    last: dict[int, PaymentView] = {}
    for key, mine in told.items():
        # Of a bill in parts each has its notice: a debit is of the last one whose day had come.
        for each in tried.get(key, ()):
            come = [row for row in mine if row.debit_on <= each.on]
            last[(come or mine[-1:])[0].pk] = each.payment
    return tuple(_debit_view(row, last.get(row.pk)) for row in rows)


def debit_of(party_id: int, notice_id: int) -> DebitView:
    """Raises NotFound `unknown_debit`, also for another's."""
    found = next((each for each in debits_of(party_id) if each.id == notice_id), None)
    if found is None:
        raise NotFound("There is no such debit.", code="unknown_debit")
    return found


def _notices(party_id: int) -> list[DebitNotice]:
    rows = DebitNotice.objects.filter(owed_by_party(party_id, of="invoice__"))
    return list(rows.select_related("invoice").order_by("-pk"))


def _debit_view(row: DebitNotice, paid: PaymentView | None) -> DebitView:
    """`paid`: the last debit that was asked for."""
    number = row.invoice.number or ""
    state = DebitState.ANNOUNCED
    if paid is not None and paid.is_taken:
        state = DebitState.MADE
    elif paid is not None:
        state = DebitState.FAILED if paid.is_declined else DebitState.UNDER_WAY
    amount = Money(row.amount, row.invoice.currency)
    return DebitView(
        id=row.pk,
        number=number,
        debit=Announced(row.debit_on, amount, row.mandate_reference, row.last4),
        told_at=row.told_at,
        state=state,
        reason=paid.last_error if paid is not None and paid.is_declined else "",
    )


def left_in_peace(numbers: Iterable[str]) -> frozenset[str]:
    """Of open bills, those of which nobody is reminded: they will be debited on a day that was
    announced, or are being debited, or a payment of theirs is disputed and not decided. Of one that
    is paid in parts see `awaited_of`."""
    asked = list(numbers)
    announced = frozenset(row.invoice.number or "" for row in _coming(asked))
    return announced | processing(asked) | _disputed(asked)


def _disputed(numbers: Collection[str]) -> frozenset[str]:
    links = links_naming(numbers)
    told = disputed({*numbers, *(name for names in links.values() for name in names)})
    return frozenset(each for each in numbers if {each, *links[each]} & told)


def _coming(numbers: Collection[str]) -> list[DebitNotice]:
    """The announced debits of what is due of the bills; not those of parts that are not due yet."""
    rows = DebitNotice.objects.filter(
        invoice__number__in=numbers, debit_on__gte=business_today()
    ).select_related("invoice")
    return [row for row in rows if not row.part or row.part <= len(parts_due(row.invoice))]


def awaited_of(invoice: Invoice, *, owed: Money) -> Money:
    """How much of what is open on a bill that is left in peace nobody is reminded of: all of it, or
    of one that is paid in parts what is debited of them, the one that fell due last first."""
    number = invoice.number or ""
    if not parts_due(invoice) or _disputed([number]):
        return owed
    announced = total(
        (Money(row.amount, owed.currency) for row in _coming([number])), currency=owed.currency
    )
    under_way = (each.amount for each in payments_of(number) if each.is_processing)
    return min(owed, max(announced, total(under_way, currency=owed.currency)))


def objected_to(bill_ids: Iterable[int]) -> frozenset[int]:
    """Of bills, those whose payment its payer had his bank take back for good: nothing more is
    charged for them unless he pays it himself."""
    rows = Invoice.objects.filter(pk__in=list(bill_ids)).values_list("pk", "number", "order_number")
    links = links_naming(number or "" for _, number, _ in rows)
    named = {pk: {number or "", order, *links[number or ""]} - {""} for pk, number, order in rows}
    gone = taken_back(name for names in named.values() for name in names)
    return frozenset(pk for pk, names in named.items() if names & gone)


def announced_under(number: str, method: Saved) -> Money | None:
    """What may still be debited for a bill under a mandate at most: the sum of which its payer was
    told, in time, less what was debited; None: nothing."""
    told = DebitNotice.objects.filter(
        invoice__number=number, mandate_reference=method.mandate_reference
    )
    rows = list(told.filter(debit_on__lte=business_today()).select_related("invoice"))
    if not rows:
        return None
    currency = rows[0].invoice.currency
    known = [each for each in payments_of(number) if each.method_id == method.method_id]
    debited = (each.amount for each in known if each.is_taken)
    announced = total((Money(row.amount, currency) for row in rows), currency=currency)
    left = announced - total(debited, currency=currency)
    return left if left.amount > 0 else None


def debited_late(bill_ids: Iterable[int]) -> frozenset[int]:
    """Those of the bills that are being debited, or will be, as was announced after they, or parts
    of them, were due."""
    ids = list(bill_ids)
    told = list(DebitNotice.objects.filter(invoice__in=ids).select_related("invoice"))
    parts = InstalmentPart.objects.filter(invoice__in={row.invoice_id for row in told if row.part})
    due = {(each.invoice_id, each.number - 1): each.due_on for each in parts}
    late = [
        row
        for row in told
        if (day := due.get((row.invoice_id, row.part), row.invoice.due_on))
        and row.told_at.astimezone(PARIS).date() > day
    ]
    under_way = processing(row.invoice.number or "" for row in late)
    today = business_today()
    return frozenset(
        row.invoice_id for row in late if row.debit_on >= today or row.invoice.number in under_way
    )


def method_for(invoice: Invoice) -> Saved | None:
    """What pays for the bill; None where nothing is charged: it is paid with its order or by
    transfer, or its payer has objected."""
    if invoice.kind == InvoiceKind.CREDIT_NOTE or paid_with_orders([invoice.key]):
        return None
    return method_for_part(invoice)


def method_for_part(invoice: Invoice) -> Saved | None:
    """What will pay for a part of the bill once it is due; None where its payer has objected."""
    return None if objected_to([invoice.pk]) else method_for_bills(invoice.owing)


def only_transferred(bill_ids: Iterable[int]) -> frozenset[int]:
    """Of issued bills, those of firms for which nothing is charged and no credit is there: all that
    is to be had is their transfer. Three queries, whatever their number."""
    asked = Invoice.objects.filter(pk__in=list(bill_ids), account__segment=Segment.BUSINESS)
    bills = asked.exclude(kind=InvoiceKind.CREDIT_NOTE).values_list(
        "pk", *(Coalesce(f"payer{of}", f"account{of}") for of in ("_id", "__party_id", "__segment"))
    )
    owing = {pk: (account, party, segment) for pk, account, party, segment in bills}
    credited = with_credit({account for account, _, _ in owing.values()})
    methods = usable_methods({party for _, party, _ in owing.values()})
    return frozenset(
        pk
        for pk, (account, party, segment) in owing.items()
        if account not in credited
        and not any(
            method.for_bills or segment != Segment.BUSINESS for method in methods.get(party, ())
        )
    )


def is_transferred(invoice: Invoice) -> bool:
    """Whether a firm is to transfer what is open on the bill today: it was issued so and no debit
    was announced since, or what was to be charged for it can't be any more."""
    if invoice.account.segment != Segment.BUSINESS or paid_with_orders([invoice.key]):
        return False
    number, means = invoice.number or "", invoice.means or {}
    if means.get("by") == PayBy.TRANSFER:
        return number not in left_in_peace([number])
    return method_for(invoice) is None


def method_for_bills(account: BillingAccount) -> Saved | None:
    """What the bills of the account are charged to; a firm's only if it said so of its bills."""
    return chosen_method(account.party_id, for_bills=account.segment == Segment.BUSINESS)
