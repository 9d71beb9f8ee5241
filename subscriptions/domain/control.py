"""The control totals of a bill run: what must agree before any bill of it has a number."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from commerce.kernel.errors import InvalidInput
from commerce.kernel.periods import LAST_CYCLE_DAY, add_months


class Control(StrEnum):
    """`ACCOUNTS` to `PROMISED` are exact; the others are compared within limits."""

    ACCOUNTS = "accounts"
    DRAFTS = "drafts"
    GROSS = "gross"
    LINES = "lines"
    PROMISED = "promised"
    LEFT_OUT = "left_out"
    PARKED = "parked"
    COUNT = "count"
    AVERAGE = "average"


@dataclass(frozen=True, slots=True)
class Limits:
    """By how much a run may differ before somebody looks at it, as shares (0.2 is a fifth).

    `left_out` and `parked` are of the accounts that were due; `count` and `average` (of a bill, tax
    included) are against the same cycle days a month before. Shares of fewer than `at_least`
    accounts or bills are not judged; next to no bills are, where there were many.
    """

    at_least: Decimal
    left_out: Decimal
    parked: Decimal
    count: Decimal
    average: Decimal


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run counted while it drafted: of each account `taken` up it knows whether it was
    `billed`, is `parked`, or had `nothing` to pay."""

    due: int = 0
    taken: int = 0
    billed: int = 0
    parked: int = 0
    nothing: int = 0
    drafts: int = 0
    gross: Decimal = Decimal(0)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """What stands in the tables of the same run: its drafts, the sum of their lines beside the sum
    that they should have in their own basis, and what promises say of those lines that they name.

    And of all accounts whose cycle day it is, counted by their running charges and not by what the
    run took up: so many were `due`, and of these `settled`, that is billed, held, or billed beyond
    that day before. Nothing of either for a trial, which leaves nothing to be counted.
    """

    drafts: int
    gross: Decimal
    basis: Decimal
    lines: Decimal
    named: Decimal
    promised: Decimal
    due: int = 0
    settled: int = 0


@dataclass(frozen=True, slots=True)
class Alike:
    """The bills of the cycle days that a run makes up for, and those of the same cycle days a month
    before, whenever either were drafted, without those of accounts whose cycle day was moved in
    between; sums with tax. `earlier`: such bills of other runs."""

    bills: int
    gross: Decimal
    before: int
    before_gross: Decimal
    earlier: int = 0


def cycle_days(on: date, *, since: date | None) -> tuple[date, ...]:
    """The days on which a cycle may begin that the run of the day `on` makes up for: those after
    the day of the run before (`since`), a month at most, so that each cycle is among them once."""
    first = on if since is None else max(since, add_months(on, -1)) + timedelta(days=1)
    days = (first + timedelta(days=place) for place in range((on - first).days + 1))
    return tuple(day for day in days if day.day <= LAST_CYCLE_DAY)


@dataclass(frozen=True, slots=True)
class Deviation:
    """A control total that does not agree; the texts are figures."""

    control: Control
    expected: str
    found: str

    def to_json(self) -> dict[str, str]:
        return {"control": self.control.value, "expected": self.expected, "found": self.found}


def read_limits(said: Mapping[str, Any]) -> Limits:
    """Raises InvalidInput `bill_run_limits`: a limit is missing, unknown, or no number from 0; or
    `at_least` none from 1, as nothing has no average."""
    names = {field.name for field in fields(Limits)}
    if set(said) != names:
        raise InvalidInput(
            f"Limits of bill runs: {', '.join(sorted(names ^ set(said)))} missing or unknown.",
            code="bill_run_limits",
        )
    try:
        limits = Limits(**{name: Decimal(str(value)) for name, value in said.items()})
    except InvalidOperation as error:
        raise InvalidInput("Limits of bill runs: not a number.", code="bill_run_limits") from error
    if not all(getattr(limits, name).is_finite() for name in names):
        raise InvalidInput("Limits of bill runs: not a number.", code="bill_run_limits")
    if limits.at_least < 1 or any(getattr(limits, name) < 0 for name in names):
        raise InvalidInput("Limits of bill runs: too low.", code="bill_run_limits")
    return limits


def deviations(
    *, counted: Tally, stored: Stored, alike: Alike, limits: Limits
) -> tuple[Deviation, ...]:
    """What does not agree, in the order of `Control`; nothing if the run may go on."""
    return tuple(
        Deviation(control, str(expected), str(found))
        for control, expected, found, wrong in (
            *_exact(counted, stored),
            *_within(counted, alike, limits),
        )
        if wrong
    )


def _exact(counted: Tally, stored: Stored) -> list[tuple[Control, object, object, bool]]:
    pairs: list[tuple[Control, object, object]] = [
        (Control.ACCOUNTS, stored.due, stored.settled),
        (Control.DRAFTS, counted.drafts, stored.drafts),
        (Control.GROSS, counted.gross, stored.gross),
        (Control.LINES, stored.basis, stored.lines),
        (Control.PROMISED, stored.promised, stored.named),
    ]
    return [(control, one, other, one != other) for control, one, other in pairs]


def _within(
    counted: Tally, alike: Alike, limits: Limits
) -> list[tuple[Control, object, object, bool]]:
    found: list[tuple[Control, object, object, bool]] = []
    if counted.due >= limits.at_least:
        left_out = counted.due - counted.taken
        found += [
            (Control.LEFT_OUT, 0, left_out, left_out > counted.due * limits.left_out),
            (Control.PARKED, 0, counted.parked, counted.parked > counted.due * limits.parked),
        ]
    if alike.before >= limits.at_least:
        together = Decimal(alike.earlier + alike.bills)
        found.append(_near(Control.COUNT, Decimal(alike.before), together, limits.count))
    if min(alike.before, alike.bills) >= limits.at_least:
        was, now = alike.before_gross / alike.before, alike.gross / alike.bills
        found.append(_near(Control.AVERAGE, _cents(was), _cents(now), limits.average))
    return found


def _near(
    control: Control, expected: Decimal, found: Decimal, share: Decimal
) -> tuple[Control, object, object, bool]:
    return control, expected, found, abs(found - expected) > abs(expected) * share


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
