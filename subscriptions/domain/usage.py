"""Use as the operator's systems tell it, record by record (TMF635: usage). Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from catalogue.domain.usage import Dimension


class UsageState(StrEnum):
    """`SUSPENDED`: no contract is known for it, and it waits to be taken up again. `BARRED`: it was
    told more than a year late, so nobody pays for it (art. L34-2 CPCE)."""

    COUNTED = "counted"
    SUSPENDED = "suspended"
    BARRED = "barred"


class Suspense(StrEnum):
    """Why a record waits."""

    UNKNOWN_LINE = "unknown_line"
    NOT_BEGUN = "not_begun"


@dataclass(frozen=True, slots=True)
class UsageTold:
    """A record by its name in the system that tells it; `quantity` is in the unit of `dimension`.

    What is used abroad is told once, as such: it counts as data too. `destination` is who was
    called, or where the line was.
    """

    reference: str
    line: str
    started_at: datetime
    dimension: Dimension
    quantity: Decimal
    destination: str = ""
