"""What was lived, beside what the oracle says of it: each document to the cent, then the books.

Of the system only dates are believed: when a ported line became active, on which day a contract
was told of an end. What it sold, at which price and with which advantages is the shelf's to say,
and what that makes of each bill the oracle's.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from commerce.kernel.clock import PARIS
from subscriptions.reconciling.audit import bills_against_promises, ledger_differences
from tests.proof.billing.cycles import ONE_DAY
from tests.proof.billing.facts import (
    Buyer,
    Compensated,
    Contract,
    Fact,
    ItemAdded,
    ItemRemoved,
    Life,
    PlanChanged,
    Recurring,
    Renewed,
    Span,
    Terminated,
    Used,
    Withdrawn,
)
from tests.proof.billing.lived.acting import Journal, open_bills
from tests.proof.billing.lived.scripts import SETTLED, Deed
from tests.proof.billing.lived.shelf import account, item, sim
from tests.proof.billing.oracle import Bill, Line, bill, bills
from tests.proof.billing.owed import NOTHING, Key, Kind, early_fee
from tests.proof.billing.seen import Seen

RUN = timedelta(hours=4)
"""The bill run of a day, at 04:00, knows what was known before it: the eve's."""
PAID_WITHIN = timedelta(days=75)
"""A debit is announced fourteen days before; where one comes back the account is replaced a month
later, and another is announced."""
Row = Mapping[str, Any]
Mark = tuple[str, str]
"""Of which contract, for which charge."""
Head = tuple[date, Decimal, Decimal, Decimal]

_CONTRACTS = "SELECT order_number, activated_on FROM subscriptions_subscription"
_CHANGES = 'SELECT order_number, "on", at FROM subscriptions_subscriptionchange'
_LINES = """
SELECT account.party_id, invoice.id, invoice.issued_on, invoice.net,
       invoice.tax_total, invoice.gross, line.order_number, line.charge, line.amount
  FROM subscriptions_invoiceline AS line
  JOIN subscriptions_invoice AS invoice ON invoice.id = line.invoice_id
   AND invoice.state = 'issued'
  JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id
 ORDER BY account.party_id, invoice.id, line.position
"""
_COUNTS = {
    "parked accounts": "subscriptions_billingaccount WHERE parked_at IS NOT NULL",
    "bills held or unfinished": "subscriptions_invoice WHERE state <> 'issued'",
    "records of use that wait": "subscriptions_usagerecord WHERE state = 'suspended'",
}
_DEBITS = """
SELECT state, count(*) FROM payments_paymentattempt
 WHERE off_session AND method_kind = 'sepa_debit' GROUP BY state ORDER BY state
"""
_UNDER_WAY = "SELECT number, state FROM ordering_order WHERE state <> 'completed' ORDER BY id"
_NUMBERS = "SELECT number FROM subscriptions_invoice WHERE number IS NOT NULL"
_BOOKS = """
SELECT coalesce(sum(CASE WHEN credit IN ('revenue', 'vat') THEN amount
                         WHEN debit IN ('revenue', 'vat') THEN -amount ELSE 0 END), 0)
  FROM subscriptions_transfer WHERE kind IN ('invoice', 'credit_note')
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A document in plain values; what comes to nothing is left out of its lines."""

    day: date
    lines: tuple[tuple[Mark, Decimal], ...]
    net: Decimal
    tax: Decimal
    total: Decimal

    def __str__(self) -> str:
        lines = ", ".join(f"{' '.join(mark)}: {amount}" for mark, amount in self.lines)
        return f"{self.day} net {self.net} tax {self.tax} total {self.total} [{lines}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What differs, by life; what of the whole is not as it must be. `debits`: how many of bank
    accounts came to what."""

    until: date
    lives: int
    documents: int
    differences: Mapping[int, tuple[str, ...]]
    faults: tuple[str, ...]
    debits: Mapping[str, int]

    @property
    def right(self) -> bool:
        return self.documents > 0 and not self.differences and not self.faults


def judge(journal: Journal, *, until: date, alone: bool = False) -> Verdict:
    """Read the books of the stack whose environment this process has.

    `alone`: there are contracts and bills only; what is due for leaving, which an order asks for,
    is not, and nobody took up what they tell others.
    """
    told = Told(journal, until=until, fees=not alone)
    made = told.made()
    differences: dict[int, tuple[str, ...]] = {}
    total, documents = Decimal(0), 0
    for number in told.numbers:
        wanted = Counter(told.expected(number))
        found = Counter(made.get(told.party(number), ()))
        total += sum((said.total * times for said, times in wanted.items()), Decimal(0))
        documents += wanted.total()
        if wanted != found:
            differences[number] = (
                *(f"oracle: {said}" for said in sorted((wanted - found), key=str)),
                *(f"billed: {said}" for said in sorted((found - wanted), key=str)),
            )
    return Verdict(
        until,
        len(told.numbers),
        documents,
        differences,
        tuple(_faults(told, total, until=until, alone=alone)),
        dict(_rows(_DEBITS)),
    )


def _faults(told: "Told", total: Decimal, *, until: date, alone: bool) -> Iterator[str]:
    yield from told.faults
    for buyer in () if alone else Buyer:
        for number, owed in open_bills(buyer, until=until - PAID_WITHIN):
            yield f"of the bill {number} {owed} is open"
    for number, state in _rows(_UNDER_WAY):
        if number not in told.waiting:
            yield f"the order {number} is {state}"
    counts = {} if alone else {"deliveries not done": "events_delivery WHERE state <> 'done'"}
    for what, rows in (_COUNTS | counts).items():
        ((count,),) = _rows(f"SELECT count(*) FROM {rows}")
        if count:
            yield f"{count} {what}"
    yield from gaps(number for (number,) in _rows(_NUMBERS))
    ((entered,),) = _rows(_BOOKS)
    if entered != total:
        yield f"the ledger has {entered} of revenue and tax, the oracle {total}"
    yield from (f"ledger: {each}" for each in ledger_differences())
    yield from (f"promise: {each}" for each in bills_against_promises(broken_alone=True))


def gaps(numbers: Iterator[str]) -> Iterator[str]:
    """What is missing or doubled in a series of numbers, "F-2026-000001" and so on."""
    series: dict[str, list[int]] = {}
    for number in numbers:
        name, _, place = number.rpartition("-")
        series.setdefault(name, []).append(int(place))
    for name, places in sorted(series.items()):
        if sorted(places) != list(range(1, len(places) + 1)):
            yield f"the numbers {name} have gaps"


class Told:
    """The journal as lives."""

    def __init__(self, journal: Journal, *, until: date, fees: bool) -> None:
        self._until, self._with_fees = until, fees
        self._rows: dict[int, list[Row]] = {}
        self._parties: dict[int, int] = {}
        for row in journal.rows:
            if row.get("deed") == "PERSON":
                self._parties[row["life"]] = row["party"]
            elif "deed" in row:
                self._rows.setdefault(row["life"], []).append(row)
        self._activated: dict[str, date] = dict(_rows(_CONTRACTS))
        self._changes: dict[str, tuple[date, datetime]] = {
            number: (on, at) for number, on, at in _rows(_CHANGES)
        }
        self._lines = {
            row["number"]: row["line"]
            for rows in self._rows.values()
            for row in rows
            if "number" in row
        }
        asked = [row for rows in self._rows.values() for row in rows if "number" in row]
        self.waiting = {row["number"] for row in asked if self._may_wait(row)}
        self.faults = [f"refused: {row['refused']}" for row in journal.rows if "refused" in row]
        self.faults += [
            f"{row} was not carried out"
            for row in asked
            if row["number"] not in self.waiting and not self._is_done(row)
        ]

    @property
    def numbers(self) -> list[int]:
        return sorted(self._rows)

    def party(self, number: int) -> int:
        return self._parties[number]

    def made(self) -> dict[int, list[Said]]:
        """The documents that were issued, by party."""
        found: dict[int, dict[int, tuple[Head, dict[Mark, Decimal]]]] = {}
        for party, pk, day, net, tax, total, order, charge, amount in _rows(_LINES):
            _, lines = found.setdefault(party, {}).setdefault(pk, ((day, net, tax, total), {}))
            mark = (
                ("", charge)
                if charge == "compensation"
                else (self._lines.get(order, order), charge)
            )
            lines[mark] = lines.get(mark, NOTHING) + amount
        return {
            party: [
                _said(*head, lines=lines) for head, lines in own.values() if any(lines.values())
            ]
            for party, own in found.items()
        }

    def expected(self, number: int) -> list[Said]:
        """The documents that the oracle makes of the life."""
        life = self.life(number)
        made = [*bills(_without_fees(life)), *(_fees(life) if self._with_fees else ())]
        said = (_of_oracle(one) for one in made)
        return [one for one in said if one.lines]

    def life(self, number: int) -> Life:
        """As it was lived up to the day on which the run stands."""
        rows = self._rows[number]
        buyer = next(Buyer[row["buyer"]] for row in rows if row["deed"] == Deed.ORDER.name)
        life = Life(
            account(buyer),
            tuple(self._contract(row, buyer) for row in rows if row["deed"] == Deed.ORDER.name),
            tuple(
                fact
                for entry, row in enumerate(rows)
                for fact in self._facts(entry * 10, row, buyer)
            ),
            self._until,
        )
        facts = (
            replace(fact, tax=_dearest(life, rows[fact.entry // 10]["line"], fact.known))
            if isinstance(fact, Compensated)
            else fact
            for fact in life.facts
        )
        return replace(life, facts=tuple(facts))

    def _contract(self, row: Row, buyer: Buyer) -> Contract:
        plan, *options = row["goods"]
        ordered = _day(row["day"])
        return Contract(
            row["line"],
            ordered=ordered,
            activated=self._activated.get(row["number"]) if row["ported"] else ordered,
            plan=item(plan, buyer, new_line=True),
            options=(sim(buyer), *(item(code, buyer, new_line=True) for code in options)),
            commitment=row["term"],
        )

    def _facts(self, entry: int, row: Row, buyer: Buyer) -> Iterator[Fact]:
        day, contract = _day(row["day"]), row["line"]
        match Deed[row["deed"]]:
            case Deed.PLAN:
                plan = item(row["goods"][0], buyer, new_line=False)
                yield PlanChanged(entry=entry, known=day, contract=contract, plan=plan, on=day)
            case Deed.PLAN_LATER:
                plan = item(row["goods"][0], buyer, new_line=False)
                yield PlanChanged(entry=entry, known=day, contract=contract, plan=plan, on=None)
            case Deed.RENEW:
                # Its plan takes the place of the one that ran, with what is given for renewing.
                plan = item(row["goods"][0], buyer, new_line=False, renewed=True)
                term = row["term"]
                yield Renewed(
                    entry=entry, known=day, contract=contract, on=day, plan=plan, commitment=term
                )
            case Deed.ADD:
                good = item(row["goods"][0], buyer, new_line=False)
                yield ItemAdded(entry=entry, known=day, contract=contract, item=good, on=day)
            case Deed.REMOVE:
                good = row["goods"][0]
                yield ItemRemoved(entry=entry, known=day, contract=contract, item=good, on=day)
            case Deed.END if row["number"] in self._changes:
                on, at = self._changes[row["number"]]
                known = (at.astimezone(PARIS) - RUN).date()
                yield Terminated(entry=entry, known=known, contract=contract, on=on)
            case Deed.WITHDRAW:
                yield Withdrawn(entry=entry, known=day, contract=contract, on=day, early=True)
            case Deed.USE:
                for place, (record, at, quantity) in enumerate(row["used"]):
                    yield Used(
                        entry=entry + place, known=day, contract=contract, record=record,
                        charge="minutes", quantity=Decimal(quantity),
                        at=datetime.fromisoformat(str(at)),
                    )  # fmt: skip
            case Deed.COMPENSATE if row["due_on"]:
                code, amount = f"compensation of {row['line']}", Decimal(row["amount"])
                yield Compensated(entry=entry, known=day, code=code, amount=amount)

    def _may_wait(self, row: Row) -> bool:
        """For a day that is still to come: of a porting, or as it was asked for."""
        if row["deed"] == Deed.ORDER.name:
            begun = row["number"] in self._activated
            return row["ported"] and not begun and _day(row["day"]) + SETTLED > self._until
        return _day(row["on"]) > self._until

    def _is_done(self, row: Row) -> bool:
        """On the day that was said."""
        number = row["number"]
        if row["deed"] == Deed.ORDER.name:
            day = self._activated.get(number)
            return day is not None and (row["ported"] or day == _day(row["day"]))
        return number in self._changes and self._changes[number][0] == _day(row["on"])


def _dearest(life: Life, contract: str, day: date) -> str:
    """The tax class of what the contract costs most on a day, before what is done on it: it is what
    a compensation lowers."""
    seen = Seen(life, by=day, known=day - ONE_DAY)
    (one,) = (each for each in life.contracts if each.code == contract)
    charges = [
        charge
        for running in seen.items(one, day)
        for charge in running.item.charges
        if isinstance(charge, Recurring)
    ]
    return max(charges, key=lambda charge: charge.price).tax


def _without_fees(life: Life) -> Life:
    facts = (replace(f, fee=False) if isinstance(f, Terminated) else f for f in life.facts)
    return replace(life, facts=tuple(facts))


def _fees(life: Life) -> Iterator[Bill]:
    """What is owed for leaving is billed alone, on the day of the end."""
    contracts = {contract.code: contract for contract in life.contracts}
    for ended in life.facts:
        if isinstance(ended, Terminated):
            contract = contracts[ended.contract]
            seen = Seen(life, by=ended.on, known=max(ended.known, ended.on))
            fee = early_fee(seen, contract, ended)
            if fee:
                day = Span(ended.on, ended.on + ONE_DAY)
                key = Key(contract.code, Kind.FEE, "", ended.on, "termination_fee", day)
                yield bill(life, ended.on, [Line(key, fee, "telecom", repairs=False)])


def _of_oracle(one: Bill) -> Said:
    lines: dict[Mark, Decimal] = {}
    for line in one.lines:
        key = line.key
        mark = ("", "compensation") if key.kind is Kind.COMPENSATION else (key.contract, key.charge)
        lines[mark] = lines.get(mark, NOTHING) + line.amount
    return _said(one.issued, one.net, one.tax, one.total, lines=lines)


def _said(
    day: date, net: Decimal, tax: Decimal, total: Decimal, *, lines: Mapping[Mark, Decimal]
) -> Said:
    kept = tuple(sorted((mark, amount) for mark, amount in lines.items() if amount))
    return Said(day, kept, net, tax, total)


def _day(said: object) -> date:
    return date.fromisoformat(str(said))


def _rows(query: str) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
