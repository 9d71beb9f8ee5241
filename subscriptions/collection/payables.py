"""Reads: what a party has to pay of the bills of a day, its own and those that it pays for others.

It is a statement, no invoice: each bill is made out to its buyer. The payer reads numbers and sums,
and nothing of what was used.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from django.db.models import QuerySet

from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money, total
from subscriptions.domain.payers import statement_of, statement_reference
from subscriptions.domain.states import InvoiceKind, InvoiceState
from subscriptions.ledger.selectors import open_amount, owed_by, paid_with_orders
from subscriptions.models import BillingAccount, Invoice


@dataclass(frozen=True, slots=True)
class PayableBill:
    """A bill or credit note, which is below zero; `open` is still to pay."""

    number: str
    kind: InvoiceKind
    due_on: date
    gross: Money
    open: Money


@dataclass(frozen=True, slots=True)
class PayableAccount:
    """The bills of one buyer; `own` are the payer's."""

    name: str
    own: bool
    bills: tuple[PayableBill, ...]

    @property
    def gross(self) -> Money:
        return total(bill.gross for bill in self.bills)

    @property
    def open(self) -> Money:
        return total(bill.open for bill in self.bills)


@dataclass(frozen=True, slots=True)
class Payables:
    """What was issued on a day for a payer; a transfer under the `reference` pays all that is
    open."""

    on: date
    reference: str
    accounts: tuple[PayableAccount, ...]

    @property
    def bills(self) -> tuple[PayableBill, ...]:
        return tuple(bill for each in self.accounts for bill in each.bills)

    @property
    def gross(self) -> Money:
        return total(each.gross for each in self.accounts)

    @property
    def open(self) -> Money:
        return total(each.open for each in self.accounts)


def payables_of(party_id: int, *, limit: int = 24) -> tuple[Payables, ...]:
    """The party's statements, the latest first: of the days on which a bill of another was issued
    that it pays."""
    account = _account_of(party_id)
    if account is None:
        return ()
    days = Invoice.objects.filter(payer=account, state=InvoiceState.ISSUED)
    last = days.order_by("-issued_on").values_list("issued_on", flat=True).distinct()[:limit]
    return _statements(account, [day for day in last if day is not None])


def payables_on(party_id: int, on: date) -> Payables:
    """Raises NotFound `unknown_payables`: it has nothing of others' to pay of that day."""
    account = _account_of(party_id)
    paid = Invoice.objects.filter(payer=account, issued_on=on, state=InvoiceState.ISSUED)
    if account is None or not paid.exists():
        raise NotFound("There is no statement of this day.", code="unknown_payables")
    (found,) = _statements(account, [on])
    return found


def bills_on_statements(statements: Collection[str]) -> tuple[str, ...]:
    """The numbers of the bills that statements name, paid ones too, in their order."""
    found: dict[str, None] = {}
    for named in statements:
        told = statement_of(named)
        if told is not None:
            account_id, on = told
            rows = _bills(account_id, [on]).exclude(kind=InvoiceKind.CREDIT_NOTE)
            found |= dict.fromkeys(row.number or "" for row in _not_with_orders(rows))
    return tuple(found)


def _account_of(party_id: int) -> BillingAccount | None:
    return BillingAccount.objects.filter(party=party_id).order_by("pk").first()


def _bills(account_id: int, days: Collection[date]) -> QuerySet[Any]:
    issued = Invoice.objects.filter(
        owed_by(account_id), issued_on__in=days, state=InvoiceState.ISSUED
    )
    found = issued.select_related("account__party").annotate(owed=open_amount())
    return found.order_by("-issued_on", "payer", "account", "pk")


def _not_with_orders(rows: Iterable[Any]) -> list[Any]:
    found = list(rows)
    elsewhere = paid_with_orders(row.key for row in found)
    return [row for row in found if row.key not in elsewhere]


def _statements(account: BillingAccount, days: Collection[date]) -> tuple[Payables, ...]:
    rows = _not_with_orders(_bills(account.pk, days))
    return tuple(
        Payables(
            on=on,
            reference=statement_reference(account.pk, on),
            accounts=tuple(
                _account(list(bills), payer=account)
                for _, bills in groupby(sorted(of_day, key=_place), key=_place)
            ),
        )
        for on, of_day in groupby(rows, key=lambda row: row.issued_on)
    )


def _place(row: Any) -> tuple[bool, int]:
    """The payer's own bills first."""
    return row.payer_id is not None, row.account_id


def _account(bills: list[Any], *, payer: BillingAccount) -> PayableAccount:
    first = bills[0]
    return PayableAccount(
        name=first.account.party.display_name,
        own=first.account_id == payer.pk,
        bills=tuple(
            PayableBill(
                number=row.number,
                kind=InvoiceKind(row.kind),
                due_on=row.due_on,
                gross=Money(row.gross, row.currency),
                open=Money(row.owed, row.currency),
            )
            for row in bills
        ),
    )
