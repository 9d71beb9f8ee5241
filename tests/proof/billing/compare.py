"""A life billed twice, by the engine and by the oracle, and the first bill that differs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import zip_longest

from subscriptions.domain.states import LineKind
from tests.proof.billing.engine import Books, Issued, cents, documents, fee, place_of
from tests.proof.billing.facts import Contract, Life, Terminated
from tests.proof.billing.held import Place
from tests.proof.billing.oracle import Bill, bills
from tests.proof.billing.owed import NOTHING, Key, Kind, early_fee
from tests.proof.billing.seen import Seen

Mark = tuple[str, ...]
"""What a line is of: contract, item, since when it runs, charge, first day of the period. A third
party's purchase and what goes back of it on the same bill are one."""


@dataclass(frozen=True, slots=True)
class Said:
    """A bill in plain values; lines and taxes of nothing are left out, as a repair may have some
    on one side only."""

    day: date
    lines: dict[Mark, Decimal]
    taxes: dict[Decimal, tuple[Decimal, Decimal, Decimal]]
    net: Decimal
    tax: Decimal
    total: Decimal

    def __str__(self) -> str:
        lines = ", ".join(f"{' '.join(mark)}: {amount}" for mark, amount in self.lines.items())
        return f"{self.day} net {self.net} tax {self.tax} total {self.total} [{lines}]"


@dataclass(frozen=True, slots=True)
class Answer:
    """All bills of a life, and the fee of each contract that ends early.

    The fee is billed by the order that ends the contract, with what is known then: it stands by
    itself, and the bills are those of a life without it. Bills of nothing are left out.
    """

    fees: dict[str, Decimal]
    bills: list[Said]


def difference(life: Life) -> str | None:
    """The first bill on which the two differ; None if they agree on every one."""
    wanted, made = by_oracle(life), by_engine(life)
    if wanted.fees != made.fees:
        return f"fees: engine {made.fees}; oracle {wanted.fees}"
    for number, (bill, expected) in enumerate(zip_longest(made.bills, wanted.bills), start=1):
        if bill != expected:
            return f"bill {number}: engine {bill}; oracle {expected}"
    return None


def by_oracle(life: Life) -> Answer:
    """What the oracle says."""
    fees = {}
    for contract, ended in _ends(life):
        seen = Seen(life, by=ended.on, known=max(ended.known, ended.on))
        fees[contract.code] = early_fee(seen, contract, ended)
    said = map(_of_oracle, bills(_without_fees(life)))
    return Answer(fees, [bill for bill in said if bill.lines])


def by_engine(life: Life) -> Answer:
    """What the engine says."""
    fees = {contract.code: fee(life, contract, ended) for contract, ended in _ends(life)}
    made, books = documents(_without_fees(life))
    said = (_of_engine(one, books) for one in made)
    return Answer(fees, [bill for bill in said if bill.lines])


def _ends(life: Life) -> Iterator[tuple[Contract, Terminated]]:
    contracts = {contract.code: contract for contract in life.contracts}
    for fact in life.facts:
        if isinstance(fact, Terminated) and fact.fee and contracts[fact.contract].activated:
            yield contracts[fact.contract], fact


def _without_fees(life: Life) -> Life:
    facts = (replace(f, fee=False) if isinstance(f, Terminated) else f for f in life.facts)
    return replace(life, facts=tuple(facts))


def _of_oracle(bill: Bill) -> Said:
    lines: dict[Mark, Decimal] = {}
    for line in bill.lines:
        mark = _mark(line.key)
        lines[mark] = lines.get(mark, NOTHING) + line.amount
    lines = {mark: amount for mark, amount in lines.items() if amount}
    taxes = {tax.rate: (tax.net, tax.tax, tax.gross) for tax in bill.taxes if tax.gross}
    return Said(bill.issued, _sorted(lines), taxes, bill.net, bill.tax, bill.total)


def _mark(key: Key) -> Mark:
    if key.kind is Kind.ORDERED:
        return (key.contract, key.item, key.charge)
    if key.kind is Kind.THIRD:
        return (key.contract, key.charge)
    if key.kind in (Kind.COMPENSATION, Kind.RECOVERY):
        return (key.charge, key.since.isoformat())
    return (key.contract, key.item, str(key.since), key.charge, str(key.period.start))


def _of_engine(issued: Issued, books: Books) -> Said:
    lines: dict[Mark, Decimal] = {}
    for mark, amount in _marked(issued, books):
        lines[mark] = lines.get(mark, NOTHING) + amount
    taxes = {
        part.rate: (cents(part.net), cents(part.tax), cents(part.gross))
        for part in issued.totals.parts
        if part.gross
    }
    sums = issued.totals
    return Said(
        issued.day,
        _sorted({mark: amount for mark, amount in lines.items() if amount}),
        taxes,
        cents(sums.net),
        cents(sums.tax),
        cents(sums.gross),
    )


def _marked(issued: Issued, books: Books) -> Iterator[tuple[Mark, Decimal]]:
    for line in issued.lines:
        if line.kind is LineKind.THIRD:
            yield (line.order_number, line.due.item), line.due.amount.amount
        else:
            yield _mark_of(place_of(line), line.due.period, books), line.due.amount.amount


def _mark_of(place: Place, period: int, books: Books) -> Mark:
    if not place.contract:
        return (place.item, place.since)
    if not period:
        return (place.contract, place.item, place.charge)
    start = books.starts[place, period]
    return (place.contract, place.item, place.since, place.charge, str(start))


def _sorted(lines: dict[Mark, Decimal]) -> dict[Mark, Decimal]:
    return dict(sorted(lines.items()))
