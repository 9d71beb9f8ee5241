"""The life of an electronic invoice at an accredited platform, and what is reported of consumers.

Statuses are those that the law makes every platform tell: Déposée, Rejetée, Refusée, Encaissée.
Consumers' invoices are not sent; what was sold to them is reported, by day and rate (CGI 290).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from commerce.kernel.money import Money, allocate
from commerce.kernel.periods import Period, add_months
from commerce.kernel.states import Transitions


class EinvoiceStatus(StrEnum):
    """`MARKED`: issued, and still to be sent; `SENT`: the platform has it and checks it.

    `REJECTED` by the platform: it counts as never issued to the buyer, and is sent anew once
    mended. `REFUSED` by the buyer. `PAID`: we have our money, as we told the platform.
    """

    MARKED = "marked"
    SENT = "sent"
    DEPOSITED = "deposited"
    REJECTED = "rejected"
    REFUSED = "refused"
    PAID = "paid"


STATUSES_OF_THE_LAW = (
    EinvoiceStatus.DEPOSITED,
    EinvoiceStatus.REJECTED,
    EinvoiceStatus.REFUSED,
    EinvoiceStatus.PAID,
)
"""What every platform has to tell, and we tell the buyer's programs."""
EINVOICE_LIFE = Transitions(
    {
        EinvoiceStatus.MARKED: frozenset(
            {
                EinvoiceStatus.SENT,
                EinvoiceStatus.DEPOSITED,
                EinvoiceStatus.REJECTED,
                EinvoiceStatus.REFUSED,
            }
        ),
        EinvoiceStatus.SENT: frozenset(
            {EinvoiceStatus.DEPOSITED, EinvoiceStatus.REJECTED, EinvoiceStatus.REFUSED}
        ),
        EinvoiceStatus.DEPOSITED: frozenset({EinvoiceStatus.REFUSED, EinvoiceStatus.PAID}),
        EinvoiceStatus.REFUSED: frozenset({EinvoiceStatus.PAID}),
        EinvoiceStatus.REJECTED: frozenset({EinvoiceStatus.MARKED}),
    }
)
CAME_BACK = (EinvoiceStatus.REJECTED, EinvoiceStatus.REFUSED)
"""What an operator has to decide about."""
TOLD = {
    "invoice.deposited": EinvoiceStatus.DEPOSITED,
    "invoice.rejected": EinvoiceStatus.REJECTED,
    "invoice.refused": EinvoiceStatus.REFUSED,
}
"""What the platform tells, by the type of its callback."""


def may_become(current: EinvoiceStatus, told: EinvoiceStatus) -> bool:
    """Whether what is told moves the invoice on; what comes late or twice only adds to its
    history."""
    return told in EINVOICE_LIFE.table.get(current, frozenset())


class RequestKind(StrEnum):
    """What we ask of the platform."""

    INVOICE = "invoice"
    PAID = "paid"
    REPORT = "report"


class RequestState(StrEnum):
    """`CLAIMED`: on its way, or somebody died sending it: the platform is asked for its key."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class StepView:
    """One step in the life of an electronic invoice; `motive` is the platform's code."""

    status: str
    at: datetime
    motive: str
    by: str


@dataclass(frozen=True, slots=True)
class EinvoiceView:
    """An invoice at the platform with its steps, the first one first. `payment_refused`: it would
    not be told that the invoice is paid."""

    id: int
    number: str
    party_id: int
    status: str
    motive: str
    error: str
    changed_at: datetime
    steps: tuple[StepView, ...]
    payment_refused: bool = False


@dataclass(frozen=True, slots=True)
class SalesRow:
    """What was sold to consumers on a day at a rate, credit notes taken off."""

    on: date
    rate: Decimal
    net: Decimal
    tax: Decimal
    documents: int

    def to_json(self) -> dict[str, str | int]:
        return {
            "on": self.on.isoformat(),
            "rate": format(self.rate, "f"),
            "net": f"{self.net:.2f}",
            "tax": f"{self.tax:.2f}",
            "documents": self.documents,
        }


@dataclass(frozen=True, slots=True)
class PaidRow:
    """What consumers paid on a day at a rate, tax included."""

    on: date
    rate: Decimal
    amount: Decimal

    def to_json(self) -> dict[str, str]:
        return {
            "on": self.on.isoformat(),
            "rate": format(self.rate, "f"),
            "amount": f"{self.amount:.2f}",
        }


def period_of(day: date) -> Period:
    """The ten days (the last ones of a month: eight to eleven) in which a day is reported."""
    first = day.replace(day=1)
    starts = (first, first.replace(day=11), first.replace(day=21), add_months(first, 1))
    return next(Period(start, end) for start, end in pairwise(starts) if start <= day < end)


def periods_until(start: date, until: date) -> tuple[Period, ...]:
    """The periods from that of `start` on that are over on the day `until`, without a gap."""
    found: list[Period] = []
    period = period_of(start)
    while period.end <= until:
        found.append(period)
        period = period_of(period.end)
    return tuple(found)


def paid_rows(parts: Iterable[tuple[date, Decimal, Decimal]]) -> tuple[PaidRow, ...]:
    """Exact shares of payments by (day, rate, share), rounded so that each day's add up to it."""
    by_day: dict[date, dict[Decimal, Decimal]] = {}
    for on, rate, share in parts:
        of_day = by_day.setdefault(on, {})
        of_day[rate] = of_day.get(rate, Decimal(0)) + share
    return tuple(
        PaidRow(on, rate, amount.amount)
        for on, shares in sorted(by_day.items())
        for rate, amount in _rounded(shares)
    )


def _rounded(shares: Mapping[Decimal, Decimal]) -> Sequence[tuple[Decimal, Money]]:
    rates = sorted(shares)
    day = Money(sum(shares.values(), Decimal(0)), "EUR").rounded()
    sign = -1 if day.amount < 0 else 1
    weights = [shares[rate] * sign for rate in rates]
    if not day or min(weights) < 0:
        parts = tuple(Money(shares[rate], "EUR").rounded() for rate in rates)
    else:
        parts = allocate(day, weights=weights)
    return [(rate, part) for rate, part in zip(rates, parts, strict=True) if part]
