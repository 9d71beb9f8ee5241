"""The control totals of a bill run: what must agree before any bill of it has a number."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from commerce.kernel.errors import InvalidInput


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
    included) are against the same day of the month before. Shares of fewer than `at_least` accounts
    or bills are not judged; next to no bills are, where there were many.
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
    """

    drafts: int
    gross: Decimal
    basis: Decimal
    lines: Decimal
    named: Decimal
    promised: Decimal


@dataclass(frozen=True, slots=True)
class Before:
    """What the same day of the month before had: bills and their sum, tax included. So many bills
    of `today` went out with earlier runs."""

    bills: int
    gross: Decimal
    today: int = 0


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
    *, counted: Tally, stored: Stored, before: Before, limits: Limits
) -> tuple[Deviation, ...]:
    """What does not agree, in the order of `Control`; nothing if the run may go on."""
    return tuple(
        Deviation(control, str(expected), str(found))
        for control, expected, found, wrong in (
            *_exact(counted, stored),
            *_within(counted, before, limits),
        )
        if wrong
    )


def _exact(counted: Tally, stored: Stored) -> list[tuple[Control, object, object, bool]]:
    ended = counted.billed + counted.parked + counted.nothing
    pairs: list[tuple[Control, object, object]] = [
        (Control.ACCOUNTS, counted.taken, ended),
        (Control.DRAFTS, counted.drafts, stored.drafts),
        (Control.GROSS, counted.gross, stored.gross),
        (Control.LINES, stored.basis, stored.lines),
        (Control.PROMISED, stored.promised, stored.named),
    ]
    return [(control, one, other, one != other) for control, one, other in pairs]


def _within(
    counted: Tally, before: Before, limits: Limits
) -> list[tuple[Control, object, object, bool]]:
    found: list[tuple[Control, object, object, bool]] = []
    if counted.due >= limits.at_least:
        left_out = counted.due - counted.taken
        found += [
            (Control.LEFT_OUT, 0, left_out, left_out > counted.due * limits.left_out),
            (Control.PARKED, 0, counted.parked, counted.parked > counted.due * limits.parked),
        ]
    if before.bills >= limits.at_least:
        together = Decimal(before.today + counted.drafts)
        found.append(_near(Control.COUNT, Decimal(before.bills), together, limits.count))
    if min(before.bills, counted.drafts) >= limits.at_least:
        was, now = before.gross / before.bills, counted.gross / counted.drafts
        found.append(_near(Control.AVERAGE, _cents(was), _cents(now), limits.average))
    return found


def _near(
    control: Control, expected: Decimal, found: Decimal, share: Decimal
) -> tuple[Control, object, object, bool]:
    return control, expected, found, abs(found - expected) > abs(expected) * share


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
