"""Short words for worked cases: a line, its plan, what happens to it, its bills in a table."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from tests.proof.billing.facts import (
    Account,
    Benefit,
    Buyer,
    Charge,
    Contract,
    Effect,
    Fact,
    Item,
    Life,
    Recurring,
)
from tests.proof.billing.oracle import Bill, bills
from tests.proof.billing.owed import Kind

RATES = (("standard", Decimal(20)), ("reduced", Decimal(10)), ("exempt", Decimal(0)))


def day(text: str) -> date:
    """A date as it is written."""
    return date.fromisoformat(text)


def plan(price: str, *benefits: Benefit, code: str = "plan", more: tuple[Charge, ...] = ()) -> Item:
    """An item with one monthly charge, "fee"."""
    return Item(code, (Recurring("fee", Decimal(price)), *more), benefits)


def free(months: int, *, first: int = 1) -> Benefit:
    """The monthly charge for nothing."""
    return Benefit("free", "fee", Effect.AT_PERCENT, Decimal(0), months, first)


def lowered(effect: Effect, value: str, months: int | None = None) -> Benefit:
    """Something else off the monthly charge."""
    return Benefit("lowered", "fee", effect, Decimal(value), months)


def line(on: str, item: Item, *options: Item, code: str = "A", commitment: int = 0,
         subsidised: bool = False, ordered: str | None = None) -> Contract:  # fmt: skip
    """A contract that is active on the day on which it was ordered, unless said otherwise."""
    return Contract(
        code, day(ordered or on), day(on), item, options, commitment=commitment,
        subsidised=subsidised,
    )  # fmt: skip


def life(*contracts: Contract, facts: Iterable[Fact] = (), until: str, cycle_day: int | None = None,
         buyer: Buyer = Buyer.CONSUMER) -> Life:  # fmt: skip
    """The life of a consumer, unless said otherwise."""
    return Life(Account(buyer, cycle_day, RATES), contracts, tuple(facts), day(until))


def billed(one: Life) -> list[tuple[str, list[str]]]:
    """Per bill its day and the amounts of its lines."""
    return [(str(bill.issued), amounts(bill)) for bill in bills(one)]


def amounts(bill: Bill) -> list[str]:
    """Of the lines, in their order."""
    return [str(line.amount) for line in bill.lines]


def lines_of(one: Life, kind: Kind) -> list[tuple[str, str]]:
    """The day of the bill and the amount of each line of one kind."""
    return [
        (str(bill.issued), str(line.amount))
        for bill in bills(one)
        for line in bill.lines
        if line.key.kind is kind
    ]
