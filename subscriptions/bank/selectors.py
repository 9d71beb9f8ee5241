"""What was taken in of our bank account: statements, the money that waits, and whose it may be."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.utils.crypto import salted_hmac

from commerce.accounts.kinds import Segment
from commerce.kernel.clock import business_today
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from subscriptions.collection.payables import bills_on_statements
from subscriptions.domain import bank as matching
from subscriptions.domain.bank import Credit, OwedBill, Suggestion
from subscriptions.domain.states import EntryState, InvoiceKind, InvoiceState
from subscriptions.ledger.selectors import open_amount, owing_accounts
from subscriptions.models import BankEntry, BankShare, BankStatement, BillingAccount, Invoice

MOST_BILLS = 200
LOOKED_BACK = timedelta(days=120)
"""How old a bill may be to be suggested for its amount alone."""


@dataclass(frozen=True, slots=True)
class StatementView:
    """`entries` were new with it; of them `waiting` wait."""

    id: int
    statement_id: str
    on: date
    opening: Money
    closing: Money
    file: str
    taken_in_at: datetime
    taken_in_by: str
    entries: int
    waiting: int


@dataclass(frozen=True, slots=True)
class ShareView:
    """`number` is the bill's; empty for what is for the next one."""

    id: int
    account_id: int
    party_name: str
    number: str
    amount: Money
    by: str
    at: datetime
    undone_by: str
    undone_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class EntryView:
    """A movement; below zero it left our account. `left` of it is nobody's yet."""

    id: int
    key: str
    statement_id: str
    booked_on: date
    amount: Money
    left: Money
    other_name: str
    end_to_end_id: str
    references: tuple[str, ...]
    text: str
    returned: str
    state: EntryState
    reason: str
    note: str
    decided_by: str
    decided_at: datetime | None

    @property
    def goes_out(self) -> bool:
        return self.amount.amount < 0


def our_iban() -> str:
    """Empty where none is set: then no bill names one, and no file can be taken in."""
    return str(settings.SELLER.get("iban", ""))


def payer_of(iban: str) -> str:
    """A bank account as it is remembered: never by its number."""
    return salted_hmac("bank-payer", iban, algorithm="sha256").hexdigest() if iban else ""


def statements(*, limit: int) -> tuple[StatementView, ...]:
    """The latest first."""
    rows = BankStatement.objects.annotate(
        count=Count("entries"), waiting=Count("entries", filter=Q(entries__state="waiting"))
    ).order_by("-on", "-pk")
    return tuple(
        StatementView(
            id=row.pk, statement_id=row.statement_id, on=row.on, opening=Money(row.opening),
            closing=Money(row.closing), file=row.file, taken_in_at=row.taken_in_at,
            taken_in_by=row.taken_in_by, entries=row.count, waiting=row.waiting,
        )
        for row in rows[:limit]
    )  # fmt: skip


def entries(*, state: EntryState, limit: int) -> tuple[EntryView, ...]:
    """Those that wait the oldest first, others the latest first."""
    rows = _entries().filter(state=state)
    order = "pk" if state is EntryState.WAITING else "-pk"
    return tuple(_view(row) for row in rows.order_by(order)[:limit])


def how_many() -> dict[EntryState, int]:
    """Entries by their state."""
    found = BankEntry.objects.values_list("state").annotate(Count("pk"))
    return dict.fromkeys(EntryState, 0) | {EntryState(state): count for state, count in found}


def entry(entry_id: int) -> EntryView:
    """Raises NotFound `unknown_bank_entry`."""
    found = _entries().filter(pk=entry_id).first()
    if found is None:
        raise NotFound("There is no such movement at the bank.", code="unknown_bank_entry")
    return _view(found)


def shares(entry_id: int) -> tuple[ShareView, ...]:
    """Whose the entry is, and was thought to be."""
    rows = BankShare.objects.filter(entry=entry_id).select_related("account__party")
    return tuple(
        ShareView(
            id=row.pk, account_id=row.account_id, party_name=row.account.party.display_name,
            number=row.reference, amount=Money(row.amount), by=row.by, at=row.at,
            undone_by=row.undone_by, undone_at=row.undone_at, note=row.note,
        )
        for row in rows.order_by("pk")
    )  # fmt: skip


def entry_of(share_id: int) -> int:
    """Of which movement it is a part. Raises NotFound `unknown_bank_entry`."""
    found = BankShare.objects.filter(pk=share_id).values_list("entry_id", flat=True).first()
    return entry(found or 0).id


def suggestions(entry_id: int) -> tuple[Suggestion, ...]:
    """Whose the money may be that waits; nothing for what left our account."""
    found = entry(entry_id)
    if found.goes_out or not found.left:
        return ()
    credit = credit_of(BankEntry.objects.get(pk=entry_id), amount=found.left)
    meant = {
        *matching.named_in(credit.references, credit.text),
        *matching.near(credit.references, credit.text),
        *credit.listed,
    }
    accounts = set(credit.payer_accounts)
    accounts |= {bill.account_id for bill in bills_named(meant).values()}
    accounts |= set(_by_amount(credit.amount)) | set(_by_name(credit.payer_name))
    theirs = _bills(Q(payer__in=accounts) | Q(payer__isnull=True, account__in=accounts))
    owing = theirs.filter(left__gt=0).order_by("due_on", "pk")
    return matching.suggested(credit, (_owed(row) for row in owing[:MOST_BILLS]))


def credit_of(row: BankEntry, *, amount: Money) -> Credit:
    """What a transfer says, for `matched`."""
    paid_for: Iterable[int] = ()
    if row.payer:
        before = BankShare.objects.filter(entry__payer=row.payer, undone_at=None)
        paid_for = before.values_list("account", flat=True).distinct()
    stated = matching.statements_in(row.references, row.text)
    return Credit(
        amount=amount,
        references=tuple(row.references),
        text=row.text,
        payer_name=row.other_name,
        payer_accounts=frozenset(paid_for),
        listed=bills_on_statements(stated),
    )


def numbers_named(row: BankEntry) -> tuple[str, ...]:
    """The bills that a transfer names, one by one or by a statement of payables."""
    stated = matching.statements_in(row.references, row.text)
    named = matching.named_in(row.references, row.text)
    return tuple(dict.fromkeys([*named, *bills_on_statements(stated)]))


def bills_named(numbers: Collection[str]) -> dict[str, OwedBill]:
    """The issued bills of these numbers, paid ones too; one query."""
    if not numbers:
        return {}
    return {bill.number: bill for bill in map(_owed, _bills(Q(number__in=numbers)))}


def _bills(which: Q) -> QuerySet[Any]:
    """With what is `left` to pay on each."""
    return (
        Invoice.objects.filter(which, state=InvoiceState.ISSUED)
        .exclude(kind=InvoiceKind.CREDIT_NOTE)
        .select_related("account__party", "payer__party")
        .annotate(left=open_amount())
    )


def _by_amount(amount: Money) -> QuerySet[Invoice, int]:
    """Accounts of businesses with a bill of this sum."""
    found = Invoice.objects.filter(
        state=InvoiceState.ISSUED,
        gross=amount.amount,
        account__segment=Segment.BUSINESS,
        issued_on__gte=business_today() - LOOKED_BACK,
    )
    return owing_accounts(found.order_by("-pk"))[:MOST_BILLS]


def _by_name(name: str) -> QuerySet[BillingAccount, int]:
    """Accounts of businesses of this name."""
    called = BillingAccount.objects.filter(
        segment=Segment.BUSINESS, party__display_name__iexact=name or "\n"
    )
    return called.order_by("pk").values_list("pk", flat=True)[:MOST_BILLS]


def _owed(row: Any) -> OwedBill:
    return OwedBill(
        number=row.number or "",
        account_id=row.owing_id,
        party_name=row.owing.party.display_name,
        open=Money(row.left, row.currency),
        due_on=row.due_on,
    )


def _entries() -> QuerySet[BankEntry]:
    taken = Sum("shares__amount", filter=Q(shares__undone_at=None))
    return BankEntry.objects.select_related("statement").annotate(taken=taken)


def _view(row: BankEntry) -> EntryView:
    amount = Money(row.amount)
    left = Money(abs(row.amount) - (row.taken or 0))  # type: ignore[attr-defined]
    return EntryView(
        id=row.pk, key=row.key, statement_id=row.statement.statement_id, booked_on=row.booked_on,
        amount=amount, left=left, other_name=row.other_name, end_to_end_id=row.end_to_end_id,
        references=tuple(row.references), text=row.text, returned=row.returned,
        state=EntryState(row.state), reason=row.reason, note=row.note, decided_by=row.decided_by,
        decided_at=row.decided_at,
    )  # fmt: skip
