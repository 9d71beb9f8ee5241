"""The bill promise: written from what was agreed, compared with what was drafted."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import takewhile
from types import MappingProxyType

from subscriptions.domain.charges import (
    AgreedCharge,
    DueLine,
    billed_on,
    due_in_period,
    due_lines,
    spans,
)
from subscriptions.domain.cycles import CycleDay

SHORTEST_HORIZON = 36
NEVER_ASKED: Mapping[str, date] = MappingProxyType({})


class Rule(StrEnum):
    """Which part of the promise a bill breaks."""

    PRICE = "price"
    TAX = "tax"
    BENEFIT = "benefit"
    START = "start"
    MISSING = "missing"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class LineKey:
    """What a promised and a billed line have in common: contract, item, charge, period, benefit."""

    contract: str
    item: str
    charge: str
    period: int
    benefit: str

    def __str__(self) -> str:
        text = f"{self.contract} {self.item}/{self.charge} period {self.period}"
        return f"{text} benefit {self.benefit}" if self.benefit else text


@dataclass(frozen=True, slots=True)
class Terms:
    """What is said about a line: `starts_on` is None for one-off charges."""

    amount: Decimal
    tax_rate: Decimal
    starts_on: date | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One broken rule; empty text where there is no such line."""

    rule: Rule
    line: LineKey
    promised: str
    billed: str

    def to_json(self) -> dict[str, str]:
        return {
            "rule": self.rule.value,
            "line": str(self.line),
            "promised": self.promised,
            "billed": self.billed,
        }


@dataclass(frozen=True, slots=True)
class PromisedLine:
    """A line of the promise; `due` is in the master basis, before tax is worked out.

    `due_on` is the day of the bill that it stands on; empty, as `starts_on`, for one-off charges.
    """

    due: DueLine
    tax_rate: Decimal
    starts_on: date | None
    due_on: date | None = None


def horizon(commitment_months: int) -> int:
    """Up to which period a promise is written out: the commitment, at least three years."""
    return max(SHORTEST_HORIZON, commitment_months)


def promised_at_once(
    charges: Iterable[AgreedCharge], *, tax_rates: Mapping[str, Decimal]
) -> tuple[PromisedLine, ...]:
    """The one-off lines: period 0, due with the order."""
    return tuple(
        PromisedLine(line, tax_rates[line.tax_class], None)
        for charge in charges
        for line in due_in_period(charge, period=0)
    )


def promised_from(
    charges: Iterable[AgreedCharge],
    *,
    tax_rates: Mapping[str, Decimal],
    activation: date,
    cycle_day: CycleDay,
    periods: int,
    bills_from: date | None = None,
    costs_on: Mapping[str, date] = NEVER_ASKED,
) -> tuple[PromisedLine, ...]:
    """The recurring lines of periods 1 to `periods`, with the dates of this activation.

    A line stands on the bill of the days in which its period starts, or on the next one that is
    made: that of `bills_from`. `costs_on`: the items that go on only with a yes, and from when.
    """
    return tuple(
        PromisedLine(
            line,
            tax_rates[line.tax_class],
            span.period.start,
            max(bill, bills_from or bill),
        )
        for charge in charges
        if charge.recurring
        for span in takewhile(
            lambda span: span.index <= periods,
            spans(charge, activation=activation, cycle_day=cycle_day),
        )
        for bill in (
            billed_on(
                span,
                activation=activation,
                cycle_day=cycle_day,
                costs_on=costs_on.get(charge.item),
            ),
        )
        for line in due_lines(charge, activation=activation, span=span)
    )


def compare(
    *, promised: Mapping[LineKey, Terms], billed: Mapping[LineKey, Terms]
) -> tuple[Difference, ...]:
    """Every rule that the bill breaks, in the order of its lines; nothing if it is as promised."""
    return tuple(
        difference
        for key in sorted(promised.keys() | billed.keys(), key=_order)
        for difference in _differences(key, promised.get(key), billed.get(key))
    )


def _order(key: LineKey) -> tuple[str, str, str, int, str]:
    return key.contract, key.item, key.charge, key.period, key.benefit


def _differences(
    key: LineKey, promised: Terms | None, billed: Terms | None
) -> Iterator[Difference]:
    if promised is None and billed is not None:
        rule = Rule.BENEFIT if key.benefit else Rule.EXTRA
        yield Difference(rule, key, "", str(billed.amount))
    elif billed is None and promised is not None:
        rule = Rule.BENEFIT if key.benefit else Rule.MISSING
        yield Difference(rule, key, str(promised.amount), "")
    elif promised is not None and billed is not None:
        if promised.amount != billed.amount:
            rule = Rule.BENEFIT if key.benefit else Rule.PRICE
            yield Difference(rule, key, str(promised.amount), str(billed.amount))
        if promised.tax_rate != billed.tax_rate:
            yield Difference(Rule.TAX, key, str(promised.tax_rate), str(billed.tax_rate))
        if promised.starts_on != billed.starts_on:
            yield Difference(Rule.START, key, str(promised.starts_on), str(billed.starts_on))
