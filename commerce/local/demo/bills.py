"""What was billed, read back from the database and laid beside the promises."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from commerce.local.stack import Stack


@dataclass(frozen=True, slots=True)
class Bill:
    """An issued bill of one of the orders; `billed` and `promised` are in the account's basis.

    `as_promised`: each of its lines has its promised line and the other way round, both exist, and
    amounts, rates of tax and days are equal.
    """

    number: str
    kind: str
    orders: tuple[str, ...]
    issued_on: date
    due_on: date
    period: str
    basis: str
    net: Decimal
    tax: Decimal
    gross: Decimal
    billed: Decimal
    promised: Decimal
    as_promised: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """A bill that must be there by the contract; `on` is None for the bill of an order."""

    kind: str
    orders: tuple[str, ...]
    on: date | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that was read back. `orders` by number."""

    at: str
    orders: Mapping[str, Any]
    bills: tuple[Bill, ...]
    expected: tuple[Expected, ...]
    parked: Sequence[Mapping[str, Any]]
    fallout: Sequence[Sequence[Any]]

    @property
    def as_promised(self) -> int:
        return sum(bill.as_promised for bill in self.bills)

    @property
    def completed(self) -> int:
        return sum(order["state"] == "completed" for order in self.orders.values())

    def differences(self) -> tuple[tuple[Expected, ...], tuple[Expected, ...]]:
        """Bills that are missing, and bills that nobody expected."""
        wanted = Counter(self.expected)
        found = Counter(
            Expected(
                bill.kind,
                bill.orders,
                None if bill.kind == "order" else bill.issued_on,
                bill.billed,
            )
            for bill in self.bills
        )
        return tuple((wanted - found).elements()), tuple((found - wanted).elements())

    @property
    def right(self) -> bool:
        billed = bool(self.bills) and self.differences() == ((), ())
        return billed and self.as_promised == len(self.bills) and not self.parked


def read_back(stack: Stack, *, numbers: Sequence[str], until: date) -> Audit:
    """Ask the database, in a process of its own."""
    file = stack.run_dir / "audit.json"
    stack.manage("audit", *numbers, "--until", until.isoformat(), "--json", str(file))
    return audited(json.loads(file.read_text()))


def audited(told: Mapping[str, Any]) -> Audit:
    """What the command `audit` wrote, as a value."""
    checks: dict[str, list[Mapping[str, Any]]] = {}
    for check in told["checks"]:
        checks.setdefault(check["number"], []).append(check)
    bills = [_bill(bill, checks=checks[bill["number"]]) for bill in told["bills"]]
    return Audit(
        at=told["at"],
        orders={order["number"]: order for order in told["orders"]},
        bills=tuple(sorted(bills, key=lambda bill: (bill.issued_on, bill.number))),
        expected=tuple(
            Expected(
                entry["kind"],
                tuple(entry["orders"]),
                date.fromisoformat(entry["on"]) if entry["on"] else None,
                Decimal(entry["amount"]),
            )
            for entry in told["expected"]
        ),
        parked=told["parked"],
        fallout=told["fallout"],
    )


def _bill(bill: Mapping[str, Any], *, checks: Sequence[Mapping[str, Any]]) -> Bill:
    return Bill(
        number=bill["number"],
        kind=bill["kind"],
        orders=tuple(sorted({check["order"] for check in checks})),
        issued_on=date.fromisoformat(bill["issued_on"]),
        due_on=date.fromisoformat(bill["due_on"]),
        period=" to ".join(bill["period"] or ()),
        basis=bill["basis"],
        net=Decimal(bill["net"]),
        tax=Decimal(bill["tax"]),
        gross=Decimal(bill["gross"]),
        billed=sum((Decimal(check["billed"]) for check in checks), Decimal(0)),
        promised=sum((Decimal(check["promised"]) for check in checks), Decimal(0)),
        as_promised=all(
            check["equal"] and check["lines"] and check["promised_lines"] for check in checks
        ),
    )
