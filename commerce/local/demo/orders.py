"""What each of the three stories hands over: the order, what was asked, what was promised."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

DROPSHIP, WAREHOUSE = "dropship", "warehouse"


@dataclass(frozen=True, slots=True)
class Promised:
    """What the quote said: today (with tax), per month from which month on, over how long.

    Months and total are in `basis` (TTC or HT). A phase is its first month and its amount.
    """

    basis: str
    today: Decimal
    phases: tuple[tuple[int, int | None, Decimal], ...]
    months: int
    total: Decimal
    applied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """An order that was placed. `asked` counts (role, offering) as its client asked for them.

    `services` names the content services by offering, `ships` who ships by role; `ports` are the
    numbers to be brought over; `paid` is the card payment in cents, None on invoice.
    """

    title: str
    number: str
    story: tuple[str, ...]
    promised: Promised
    asked: Counter[tuple[str, str]]
    services: Mapping[str, str]
    ships: Mapping[str, str]
    ports: tuple[str, ...] = ()
    paid: int | None = None


def promised_by(quote: Mapping[str, Any]) -> Promised:
    """From the quote's JSON."""
    return Promised(
        basis=str(quote["basis"]),
        today=money(quote["due_today_gross"]),
        phases=tuple(
            (int(phase["first"]), phase["periods"], money(phase["amount"]))
            for phase in quote["monthly"]
        ),
        months=int(quote["months_shown"]),
        total=money(quote["commitment_total"]),
        applied=tuple(words(one["name"]) for one in quote["applied"]),
    )


def money(told: Mapping[str, str]) -> Decimal:
    return Decimal(told["amount"])


def cents(amount: Decimal) -> int:
    return int(amount * 100)


def words(name: Any) -> str:
    """A text of the API, which is told in the language asked for or in each."""
    return str(name.get("en") or name.get("fr")) if isinstance(name, Mapping) else str(name)
