"""A life billed twice, by the engine and by the oracle, and the first bill that differs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from tests.proof.billing.engine import Books, Issued, Place, cents, documents, fee, place_of
from tests.proof.billing.facts import Life, Terminated
from tests.proof.billing.oracle import Bill, bills
from tests.proof.billing.owed import NOTHING, Key, Kind, early_fee
from tests.proof.billing.seen import Seen

Mark = tuple[str, ...]
"""What a line is of: contract, item, since when it runs, charge, first day of the period."""


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


def difference(life: Life) -> str | None:
    """The first bill on which the two differ; None if they agree on every one."""
    return _fees(life) or _bills(_without_fees(life))


def _fees(life: Life) -> str | None:
    """The fee for leaving is billed by the order that ends the contract, with what is known then:
    it is compared by itself, with the bills of a life without it."""
    expected, found = {}, {}
    for ended in (fact for fact in life.facts if isinstance(fact, Terminated) and fact.fee):
        seen = Seen(life, by=ended.on, known=max(ended.known, ended.on))
        for contract in seen.contracts:
            if contract.code == ended.contract and contract.activated is not None:
                expected[contract.code] = early_fee(seen, contract, ended)
                found[contract.code] = fee(life, contract, ended)
    return None if expected == found else f"fees: engine {found}; oracle {expected}"


def _without_fees(life: Life) -> Life:
    facts = (replace(f, fee=False) if isinstance(f, Terminated) else f for f in life.facts)
    return replace(life, facts=tuple(facts))


def _bills(life: Life) -> str | None:
    expected, found = by_oracle(life), by_engine(life)
    for number in range(max(len(expected), len(found))):
        wanted = expected[number] if number < len(expected) else None
        made = found[number] if number < len(found) else None
        if wanted != made:
            return f"bill {number + 1}: engine {made}; oracle {wanted}"
    return None


def by_oracle(life: Life) -> list[Said]:
    """The bills of the oracle that hold anything."""
    return [said for said in map(_of_oracle, bills(life)) if said.lines]


def by_engine(life: Life) -> list[Said]:
    """The documents of the engine that hold anything."""
    made, books = documents(life)
    return [said for said in (_of_engine(one, books) for one in made) if said.lines]


def _of_oracle(bill: Bill) -> Said:
    lines = {_mark(line.key): line.amount for line in bill.lines if line.amount}
    taxes = {tax.rate: (tax.net, tax.tax, tax.gross) for tax in bill.taxes if tax.gross}
    return Said(bill.issued, _sorted(lines), taxes, bill.net, bill.tax, bill.total)


def _mark(key: Key) -> Mark:
    if key.kind is Kind.ORDERED:
        return (key.contract, key.item, key.charge)
    if key.kind is Kind.COMPENSATION:
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
