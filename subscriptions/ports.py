"""What we need of an accredited platform for invoices. Two errors: `Refused` and `Unknown`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from commerce.kernel.money import Money


@dataclass(frozen=True, slots=True)
class ElectronicInvoice:
    """`document` is its XML in the `syntax` `factur-x` (CII) or `ubl-2.1`."""

    number: str
    syntax: str
    document: bytes


@dataclass(frozen=True, slots=True)
class SalesReport:
    """What was sold to consumers in the days from `start` up to but not including `end`.

    It takes the place of the report `corrects`, if it names one.
    """

    reference: str
    start: date
    end: date
    sales: Sequence[Mapping[str, Any]]
    payments: Sequence[Mapping[str, Any]]
    corrects: str = ""


@dataclass(frozen=True, slots=True)
class PlatformEvent:
    """What the platform tells of an invoice; `occurred_at` is business time."""

    id: str
    type: str
    occurred_at: datetime
    motive: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the platform knows of a key: its id of what it made, and what it told since.

    `refused` is the code of its refusal, if it said no.
    """

    id: str
    refused: str = ""
    events: tuple[PlatformEvent, ...] = ()


class Einvoicing(Protocol):
    """Each call is taken once per key."""

    def send(self, invoice: ElectronicInvoice, *, key: str) -> str:
        """Hand the invoice over; the platform's id. Raises Refused and Unknown."""

    def paid(self, invoice_id: str, *, amount: Money, on: date, key: str) -> str:
        """Say that we have our money (Encaissée); the id. Raises Refused and Unknown."""

    def report(self, report: SalesReport, *, key: str) -> str:
        """Report sales to consumers; the platform's id. Raises Refused and Unknown."""

    def known(self, key: str) -> Known | None:
        """What became of the request `key`; None if it never arrived. Raises Unknown."""
