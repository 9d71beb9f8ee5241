"""A bank's file of statements is taken in: all of it or nothing, each movement once."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, InvalidInput
from commerce.kernel.money import Money, total
from subscriptions.bank.camt053 import Entry, Statement, statements_in
from subscriptions.bank.selectors import our_iban, payer_of
from subscriptions.bank.services import bank
from subscriptions.domain.states import EntryState
from subscriptions.models import BankEntry, BankStatement


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a file brought. `booked` entries of those that are `new` paid for what they name or took
    back what was returned; the others wait."""

    statements: int
    known_statements: int
    new: int
    known: int
    booked: int
    came: Money
    left: Money

    @property
    def waiting(self) -> int:
        return self.new - self.booked


@transaction.atomic
def take_in(data: bytes, *, file: str, by: str, dry_run: bool = False) -> TakenIn:
    """Keep the statements and book what names its bills. A file that was taken in before, or whose
    statements overlap with others, brings what is new alone.

    Raises:
        InvalidInput: see `statements_in`; `bank_file_of_another`: another account or currency.
        Conflict: `bank_file_contradicts`: a statement or movement was told otherwise before.
    """
    found = statements_in(data)
    _ours_only(found)
    bank.alone()
    kept = [pair for each in found if (pair := _kept(each, file=file, by=by)) is not None]
    fresh = [entry for told, row in kept for entry in _entries(told, row)]
    known = sum(len(told.entries) for told in found) - len(fresh)
    bank.hold(fresh)
    booked = [bank.book(entry) for entry in fresh]
    amounts = [Money(entry.amount) for entry in fresh]
    done = TakenIn(
        statements=len(kept),
        known_statements=len(found) - len(kept),
        new=len(fresh),
        known=known,
        booked=sum(booked),
        came=total(each for each in amounts if each.amount > 0),
        left=-total(each for each in amounts if each.amount < 0),
    )
    if dry_run:
        transaction.set_rollback(True)
    return done


def _ours_only(found: tuple[Statement, ...]) -> None:
    for each in found:
        if not our_iban() or each.iban != our_iban() or each.closing.currency != "EUR":
            raise InvalidInput(
                "This statement is of another account, or not in euros.",
                code="bank_file_of_another", field="file", statement=each.id,
            )  # fmt: skip


def _kept(statement: Statement, *, file: str, by: str) -> tuple[Statement, BankStatement] | None:
    """None: it was taken in before."""
    digest = hashlib.sha256(repr(statement).encode()).hexdigest()
    row, is_new = BankStatement.objects.get_or_create(
        iban=statement.iban,
        statement_id=statement.id,
        defaults={
            "on": statement.on,
            "opening": statement.opening.amount,
            "closing": statement.closing.amount,
            "file": file[:80],
            "digest": digest,
            "taken_in_at": business_now(),
            "taken_in_by": by[:120],
        },
    )
    if row.digest != digest:
        raise _contradicts(statement.id)
    return (statement, row) if is_new else None


def _entries(statement: Statement, row: BankStatement) -> Iterator[BankEntry]:
    """Those that no other statement brought."""
    keys = [each.key for each in statement.entries]
    before = BankEntry.objects.filter(iban=statement.iban, key__in=keys)
    known = {each.key: each for each in before}
    for each in statement.entries:
        if each.key not in known:
            yield BankEntry.objects.create(statement=row, iban=row.iban, **_facts(each))
        elif (known[each.key].amount, known[each.key].booked_on) != (
            each.amount.amount,
            each.booked_on,
        ):
            raise _contradicts(each.key)


def _facts(entry: Entry) -> dict[str, object]:
    return {
        "key": entry.key,
        "booked_on": entry.booked_on,
        "valued_on": entry.valued_on,
        "amount": entry.amount.amount,
        "other_name": entry.other_name,
        "payer": payer_of(entry.other_iban),
        "end_to_end_id": entry.end_to_end_id,
        "references": list(entry.references),
        "text": entry.text,
        "returned": entry.returned,
        "state": EntryState.WAITING,
    }


def _contradicts(what: str) -> Conflict:
    return Conflict(
        f"{what} says something else than when it was taken in before.",
        code="bank_file_contradicts", field="file", what=what,
    )  # fmt: skip
