"""Money at the bank is given to customers: by what it names, or by an operator who says whose it
is. What was given can be taken back; the ledger is only ever added to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role, Segment
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money, total
from subscriptions.bank.selectors import bills_named, credit_of, numbers_named
from subscriptions.domain.bank import Share, Waiting, matched, shared
from subscriptions.domain.ledger import TransferKind
from subscriptions.domain.states import EntryState
from subscriptions.dunning.services import late_fee, late_interest
from subscriptions.ledger.selectors import owing_accounts, rests, unapplied, unapplied_under
from subscriptions.ledger.services import ledger
from subscriptions.models import BankEntry, BankShare, BillingAccount, Invoice, Transfer

CREDIT_NOTE = "AV-"


@dataclass(frozen=True, slots=True)
class _Part:
    """`reference` is a bill, or what the money is taken from; empty for the next bill."""

    account_id: int
    reference: str
    amount: Money


def alone() -> None:
    """Let nobody else give money away, nor take it back, until the transaction ends: what a file
    returns may just be taken back by an operator."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('bank-file'))")


def hold(fresh: Sequence[BankEntry]) -> None:
    """Lock all accounts that new entries are of, before the first is given away: one by one they
    would be locked in the order of the file, and the bill run waits for several in that of ids."""
    named = {number for entry in fresh for number in numbers_named(entry)}
    returned = {entry.end_to_end_id for entry in fresh if entry.returned} - {""}
    shares = BankShare.objects.filter(entry__end_to_end_id__in=returned, undone_at=None)
    bills = Invoice.objects.filter(number__in=named)
    _lock({*owing_accounts(bills), *shares.values_list("account_id", flat=True)})


def book(entry: BankEntry) -> bool:
    """Give a new entry to whom it names, or take back what it returns; False: it waits."""
    if entry.returned:
        return _book_return(entry)
    if entry.amount < 0:
        return _waits(entry, Waiting.GOES_OUT)
    amount = Money(entry.amount)
    credit = credit_of(entry, amount=amount)
    _lock({bill.account_id for bill in bills_named(numbers_named(entry)).values()})
    found = matched(credit, bills_named(numbers_named(entry)))
    if isinstance(found, Waiting):
        return _waits(entry, found)
    _give(entry, _parts(found), by="")
    return True


@transaction.atomic
def assign(
    context: AccountContext,
    *,
    entry_id: int,
    numbers: Sequence[str] = (),
    account_id: int | None = None,
    with_rest: bool = True,
) -> None:
    """Say whose the money is: it pays the bills, those due first, and what is left is their
    customer's for the next one, or waits on (`with_rest`). Of what left our account: whom it was
    paid back to (`account_id`), out of what was his.

    Raises:
        Forbidden: `operators_only`. NotFound: `unknown_bank_entry`, `unknown_bill`,
        `unknown_account`. Conflict: `bank_entry_given`: nothing of it is left.
        InvalidInput: `whose_is_missing`. RuleViolated: `nothing_to_pay`, `rest_is_whose`: bills of
            several customers and money for more; `nothing_to_return`: less than this is his.
    """
    entry = _operators_own(context, entry_id)
    left = _left(entry)
    if not left or entry.state != EntryState.WAITING:
        raise Conflict("Nothing of this money is left.", code="bank_entry_given")
    if entry.amount < 0:
        parts = _paid_back(account_id, left)
    elif numbers:
        parts = _paying(numbers, left, with_rest=with_rest)
    else:
        parts = [_Part(_known_account(account_id), "", left)]
    _give(entry, parts, by=context.actor.name)


@transaction.atomic
def undo(context: AccountContext, *, share_id: int, note: str) -> int:
    """Take back what was given: what it paid for is open again, and the money waits. The entry.

    Raises:
        Forbidden: `operators_only`. InvalidInput: `decision_note_missing`.
        NotFound: `unknown_bank_entry`. Conflict: `undone_already`. RuleViolated: `went_back`: the
            bank or we gave it back, and it would be taken from its customer twice.
    """
    share = BankShare.objects.filter(pk=share_id).first()
    entry = _operators_own(context, share.entry_id if share else 0)
    share = BankShare.objects.get(pk=share_id)
    if share.undone_at is not None:
        raise Conflict("This was undone already.", code="undone_already")
    (account,) = _lock({share.account_id})
    share.undone_by, share.undone_at = context.actor.name, business_now()
    share.note = _note(note)
    share.save(update_fields=["undone_by", "undone_at", "note"])
    move = ledger.enter_transfer_back if entry.amount > 0 else ledger.enter_transfer
    move(
        account,
        key=f"{share.key}/undone",
        reference=share.under,
        amount=Money(share.amount),
        kind=TransferKind.REVERSAL,
    )
    if entry.amount > 0 and unapplied_under(account, share.under).amount < 0:
        raise RuleViolated("This money went back: take that back first.", code="went_back")
    _say(entry, EntryState.WAITING)
    return entry.pk


@transaction.atomic
def set_aside(context: AccountContext, *, entry_id: int, note: str) -> None:
    """Say that the money is no customer's: fees of the bank, what the payment provider pays out.

    Raises:
        As `assign`; InvalidInput: `decision_note_missing`. Conflict: `bank_entry_given`: a part of
            it is a customer's.
    """
    entry = _operators_own(context, entry_id)
    if entry.state != EntryState.WAITING or _left(entry) != abs_of(entry):
        raise Conflict("This money is a customer's.", code="bank_entry_given")
    entry.note = _note(note)
    entry.save(update_fields=["note"])
    _say(entry, EntryState.ASIDE, by=context.actor.name)


@transaction.atomic
def take_up(context: AccountContext, *, entry_id: int) -> None:
    """What was set aside waits again. Raises as `assign`; Conflict: `not_aside`."""
    entry = _operators_own(context, entry_id)
    if entry.state != EntryState.ASIDE:
        raise Conflict("This was not set aside.", code="not_aside")
    _say(entry, EntryState.WAITING, by=context.actor.name)


def abs_of(entry: BankEntry) -> Money:
    """How much moved, whichever way."""
    return Money(abs(entry.amount))


def _book_return(entry: BankEntry) -> bool:
    """Find what comes back: the same sum the other way, under the same reference of its payer."""
    same = BankEntry.objects.filter(
        iban=entry.iban,
        amount=-entry.amount,
        end_to_end_id=entry.end_to_end_id or "\n",
        state=EntryState.BOOKED,
        returned="",
    )
    taken = BankEntry.objects.exclude(returned="").filter(
        end_to_end_id=entry.end_to_end_id, amount=entry.amount, state=EntryState.BOOKED
    )
    if len(same) != 1 or taken.exists():
        return _waits(entry, Waiting.RETURN_OF_WHAT)
    given = BankShare.objects.filter(entry=same[0], undone_at=None).order_by("pk")
    parts = [_Part(each.account_id, each.under, Money(each.amount)) for each in given]
    _give(entry, parts, by="")
    return True


def _give(entry: BankEntry, parts: Sequence[_Part], *, by: str) -> None:
    accounts = {account.pk: account for account in _lock({part.account_id for part in parts})}
    for part in parts:
        share = BankShare.objects.create(
            entry=entry,
            account_id=part.account_id,
            reference=part.reference,
            amount=part.amount.amount,
            by=by,
            at=business_now(),
        )
        _enter(entry, share, account=accounts[part.account_id])
        if entry.amount > 0 and entry.with_us_on < business_today():
            _told_late(share, account=accounts[part.account_id])
    if not _left(entry):
        _say(entry, EntryState.BOOKED)


def _told_late(share: BankShare, *, account: BillingAccount) -> None:
    """What was asked of who had paid by then is not his to pay."""
    paid = Transfer.objects.filter(
        account=account, reference=share.under, kind=TransferKind.ALLOCATION
    )
    bills = Invoice.objects.filter(pk__in=paid.values("invoice")).order_by("pk")
    late_fee.give_back(account, bills)
    late_interest.give_back(account, bills)


def _enter(entry: BankEntry, share: BankShare, *, account: BillingAccount) -> None:
    comes = entry.amount > 0
    plain = TransferKind.PAYMENT if comes else TransferKind.REFUND
    move = ledger.enter_transfer if comes else ledger.enter_transfer_back
    move(
        account,
        key=share.key,
        reference=share.under,
        amount=Money(share.amount),
        kind=TransferKind.REVERSAL if entry.returned else plain,
    )


def _paying(numbers: Sequence[str], left: Money, *, with_rest: bool) -> list[_Part]:
    bills = bills_named(numbers)
    missing = [number for number in numbers if number not in bills]
    if missing:
        raise NotFound(f"There is no bill {missing[0]}.", code="unknown_bill")
    accounts = {bill.account_id for bill in bills.values()}
    _lock(accounts)
    owing = [bill for bill in bills_named(numbers).values() if bill.open.amount > 0]
    if not owing and not with_rest:
        raise RuleViolated("Nothing is open on these bills.", code="nothing_to_pay")
    if not owing:
        found: tuple[Share, ...] = (Share(min(accounts), "", left),)
    else:
        found = shared(left, owing)
    rest = [share for share in found if not share.number]
    if rest and with_rest and len(accounts) > 1:
        raise RuleViolated(
            "These bills are of several customers: say first whose the rest is.",
            code="rest_is_whose",
        )
    return _parts(share for share in found if share.number or with_rest)


def _paid_back(account_id: int | None, amount: Money) -> list[_Part]:
    """Out of what was left of his transfers and of credit notes, the oldest first; of a business
    also of what its orders left, as it pays them by transfer."""
    (account,) = _lock({_known_account(account_id)})
    found = unapplied(account.pk)
    if account.segment != Segment.BUSINESS:
        transferred = {reference for reference, _ in rests(account.pk)}
        found = tuple(
            (reference, left)
            for reference, left in found
            if reference in transferred or reference.startswith(CREDIT_NOTE)
        )
    parts, lacking = [], amount
    for reference, left in found:
        taken = min(left, lacking)
        if taken:
            parts.append(_Part(account.pk, reference, taken))
            lacking -= taken
    if lacking:
        raise RuleViolated("Less than this is the customer's.", code="nothing_to_return")
    return parts


def _parts(found: Iterable[Share]) -> list[_Part]:
    return [_Part(share.account_id, share.number, share.amount) for share in found]


def _known_account(account_id: int | None) -> int:
    if account_id is None:
        raise InvalidInput("Say whose it is.", code="whose_is_missing", field="account")
    if not BillingAccount.objects.filter(pk=account_id).exists():
        raise NotFound("There is no such billing account.", code="unknown_account")
    return account_id


def _lock(account_ids: set[int]) -> list[BillingAccount]:
    """In the order of their ids, so that nobody waits for another in a ring."""
    rows = BillingAccount.objects.select_for_update(no_key=True).filter(pk__in=account_ids)
    return list(rows.order_by("pk"))


def _left(entry: BankEntry) -> Money:
    """What of the entry is nobody's yet."""
    given = BankShare.objects.filter(entry=entry, undone_at=None)
    return abs_of(entry) - total(Money(each.amount) for each in given)


def _waits(entry: BankEntry, reason: Waiting) -> bool:
    BankEntry.objects.filter(pk=entry.pk).update(reason=reason)
    return False


def _say(entry: BankEntry, state: EntryState, *, by: str = "") -> None:
    entry.state, entry.decided_by, entry.decided_at = state, by, business_now() if by else None
    entry.save(update_fields=["state", "decided_by", "decided_at"])


def _operators_own(context: AccountContext, entry_id: int) -> BankEntry:
    """The entry, locked."""
    if context.role != Role.OPERATOR:
        raise Forbidden("Operators say whose money is.", code="operators_only")
    alone()
    found = BankEntry.objects.select_for_update().filter(pk=entry_id).first()
    if found is None:
        raise NotFound("There is no such movement at the bank.", code="unknown_bank_entry")
    return found


def _note(note: str) -> str:
    if not note.strip():
        raise InvalidInput("Say why.", code="decision_note_missing", field="note")
    return note.strip()[:500]
