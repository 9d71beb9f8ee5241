"""What must have happened outside, worked out from the orders; and what did, from the ledgers."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx

from commerce.local.demo.bills import Bill
from commerce.local.demo.orders import Told
from commerce.local.demo.third_party import sold
from commerce.local.stack import Stack

Identity = tuple[str, ...]
"""Who did it, what, and to what: ("warehouse", "ship", "F-2026-000001/2")."""

MESSAGES = ("messages", "letters")
"""Who carries what people are told."""


@dataclass(frozen=True, slots=True)
class Effects:
    """`expected` by kind; identities that are missing, doubled, or that nobody asked for."""

    expected: Mapping[str, int]
    missing: tuple[Identity, ...]
    doubled: tuple[Identity, ...]
    unasked: tuple[Identity, ...]

    @property
    def right(self) -> bool:
        return bool(self.expected) and not (self.missing or self.doubled or self.unasked)


def effects_of(
    stack: Stack,
    told: Iterable[Told],
    *,
    orders: Mapping[str, Any],
    bills: Collection[Bill],
    until: date,
    bought: Iterable[Identity] = (),
) -> Effects:
    """Lay the expectation beside the ledgers of the sandboxes.

    As `compared`, with what is found there.
    """
    found = happened(stack)
    return compared(found, told, orders=orders, bills=bills, until=until, bought=bought)


def compared(
    found: Counter[Identity],
    told: Iterable[Told],
    *,
    orders: Mapping[str, Any],
    bills: Collection[Bill] = (),
    until: date = date.min,
    bought: Iterable[Identity] = (),
) -> Effects:
    """Lay what must have happened beside what did.

    `orders` are the orders as they were read back, by number: their lines give the references.
    Of the `bills` each that asks a consumer for something is charged to the card of his order; a
    firm's goes to the platform for invoices, which is told that it was paid. That platform has a
    report of sales to consumers for each period that is over on the day `until`. What was `bought`
    of a third party is in his books.
    Messages and letters are not expected one by one, but none may be sent twice.
    """
    expected: set[Identity] = set()
    for one in told:
        expected |= set(expected_of(one, items=orders[one.number]["items"]))
    expected |= {each for bill in bills for each in (*_collected(bill), *_invoiced(bill))}
    expected |= {*_reported(bills, until=until), *bought}
    business = {identity for identity in found if identity[0] not in MESSAGES}
    return Effects(
        expected=dict(sorted(Counter(f"{who} {what}" for who, what, *_ in expected).items())),
        missing=tuple(sorted(expected - business)),
        doubled=tuple(sorted(identity for identity, times in found.items() if times > 1)),
        unasked=tuple(sorted(business - expected)),
    )


def expected_of(told: Told, *, items: Iterable[Mapping[str, Any]]) -> Iterable[Identity]:
    """Everything that the order must lead to, each once."""
    number = told.number
    for item in items:
        role, reference = item["role"], f"{number}/{item['line_id']}"
        if role == "plan":
            yield from line_of(number, item)
        elif role == "sim" and item["offering"] == "esim":
            yield ("smdp", "esim", reference)
            yield ("smdp", "esim_confirm", reference)
            yield ("smdp", "esim_release", reference)
        elif role == "content":
            yield ("content", "entitle", reference, told.services[item["offering"]])
        elif role in told.ships:
            yield (told.ships[role], "ship", reference)
    for msisdn in told.ports:
        yield ("porting", "port", msisdn)
    if told.paid is not None:
        yield ("payments", "authorised", number, str(told.paid))
        yield ("payments", "captured", number, str(told.paid))


def line_of(number: str, item: Mapping[str, Any]) -> Iterable[Identity]:
    """A line is activated under its number, or under the one that it has until its own comes: then
    it is given that."""
    facts = item["facts"]
    own = facts.get("msisdn", f"unknown of {number}/{item['line_id']}")
    lent = facts.get("temporary", "")
    yield ("network", "activate", lent or own)
    if lent and lent != own:
        yield ("network", "change", lent, f"{number}/{item['group']}")


def _collected(bill: Bill) -> Iterable[Identity]:
    if bill.kind == "recurring" and bill.basis == "TTC" and bill.gross > 0:
        cents = str(int(bill.gross * 100))
        yield ("payments", "authorised", bill.number, cents)
        yield ("payments", "captured", bill.number, cents)


def _invoiced(bill: Bill) -> Iterable[Identity]:
    if bill.basis == "HT":
        yield ("einvoicing", "deposit", bill.number)
        yield ("einvoicing", "paid", bill.number)


def _reported(bills: Iterable[Bill], *, until: date) -> Iterable[Identity]:
    """Periods begin on the 1st, 11th and 21st; the first is that of the first sale."""
    sold = [bill.issued_on for bill in bills if bill.basis == "TTC"]
    starts: list[date] = []
    day = min(sold, default=until)
    while day <= until:
        if day.day in (1, 11, 21) or not starts:
            starts.append(day.replace(day=1 + min((day.day - 1) // 10, 2) * 10))
        day += timedelta(days=1)
    for start in starts[:-1]:
        yield ("einvoicing", "report", f"ER-{start}")


def happened(stack: Stack) -> Counter[Identity]:
    """Everything that is in force outside, with how many times it was done."""
    return Counter(_providers(stack)) + Counter(_payments(stack)) + Counter(sold(stack))


def _providers(stack: Stack) -> Mapping[Identity, int]:
    """Every identity in force, with how many times."""
    ledger = _ask(f"{stack.info.providers_url}/_control/ledger?parts=by_identity")
    return {
        (entry["provider"], *map(str, entry["identity"])): entry["in_force"]
        for entry in ledger["by_identity"]
        if entry["in_force"]
    }


def _payments(stack: Stack) -> Mapping[Identity, int]:
    ledger = _ask(f"{stack.info.payments_url}/_control/ledger")
    return Counter(
        ("payments", effect["kind"], effect["metadata"]["reference"], str(effect["amount"]))
        for effect in ledger["effects"]
    )


def _ask(url: str) -> dict[str, Any]:
    answer = httpx.get(url, timeout=20)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told
