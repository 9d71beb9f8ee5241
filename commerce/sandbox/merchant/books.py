"""The merchant's own books: what he sold, what goes on monthly, what the operator told him."""

from dataclasses import dataclass, fields
from typing import Any

from commerce.sandbox.common.clock import Clock, iso
from commerce.sandbox.common.storage import Database

OPEN = ("asked", "code", "page")
PAID = ("delivered", "undelivered")


@dataclass(frozen=True, slots=True)
class Sale:
    """`state`: asked, code (he waits for the customer's), page (the customer is at the operator's),
    delivered or undelivered (both paid), refused, given_up. `held` is the subscription that it is a
    month of; `way` where the customer is sent; `why` what the operator said."""

    reference: str
    product: str
    number: str
    cents: int
    returned: int
    state: str
    payment: str
    authorization: str
    way: str
    token: str
    held: int | None
    why: str
    at: float

    def shown(self) -> dict[str, Any]:
        """Without what only the operator and we know."""
        hidden = ("authorization", "token", "way")
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in told.items() if name not in hidden} | {
            "at": iso(self.at)
        }


@dataclass(frozen=True, slots=True)
class Held:
    """A customer who pays month after month; its next month, as the `months`-th after it began,
    is asked for at `next_at`."""

    id: int
    product: str
    number: str
    began_at: float
    months: int
    next_at: float | None
    why: str


class Books:
    """Every change is a conditional one, so that a thing that is heard of twice happens once."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        database.define(
            "CREATE TABLE IF NOT EXISTS sale ("
            " reference TEXT PRIMARY KEY, product TEXT NOT NULL, number TEXT NOT NULL,"
            " cents INTEGER NOT NULL, returned INTEGER NOT NULL DEFAULT 0,"
            " state TEXT NOT NULL DEFAULT 'asked', payment TEXT NOT NULL DEFAULT '',"
            " authorization TEXT NOT NULL DEFAULT '', way TEXT NOT NULL DEFAULT '',"
            " token TEXT NOT NULL, held INTEGER, why TEXT NOT NULL DEFAULT '', at REAL NOT NULL);"
            "CREATE INDEX IF NOT EXISTS sale_payment ON sale (payment);"
            "CREATE TABLE IF NOT EXISTS held ("
            " id INTEGER PRIMARY KEY, product TEXT NOT NULL, number TEXT NOT NULL,"
            " began_at REAL NOT NULL, months INTEGER NOT NULL, next_at REAL,"
            " why TEXT NOT NULL DEFAULT '', UNIQUE (product, number, began_at));"
            "CREATE TABLE IF NOT EXISTS event ("
            " id TEXT PRIMARY KEY, type TEXT NOT NULL, payment TEXT NOT NULL,"
            " times INTEGER NOT NULL DEFAULT 1, wrong TEXT NOT NULL, at REAL NOT NULL);"
        )

    def begin(
        self, reference: str, *, product: str, number: str, cents: int, token: str, held: int | None
    ) -> Sale:
        """A sale that is to be asked for; the same one again if it was begun before."""
        self._database.execute(
            "INSERT INTO sale (reference, product, number, cents, token, held, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (reference) DO NOTHING",
            (reference, product, number, cents, token, held, self._clock.now()),
        )
        return self.sale(reference)

    def sale(self, reference: str) -> Sale:
        """Raises LookupError."""
        return self._one("reference = ?", reference)

    def sale_of(self, payment: str) -> Sale:
        """Raises LookupError."""
        return self._one("payment = ? AND payment != ''", payment)

    def sales(self) -> list[Sale]:
        """Oldest first."""
        rows = self._database.rows("SELECT * FROM sale ORDER BY at, reference")
        return [Sale(**dict(row)) for row in rows]

    def waits(
        self, sale: Sale, state: str, *, payment: str, authorization: str = "", way: str = ""
    ) -> None:
        """The customer is to say yes: by a code, or at the operator's."""
        self._database.execute(
            "UPDATE sale SET state = ?, payment = ?, authorization = ?, way = ?"
            " WHERE reference = ? AND state = 'asked'",
            (state, payment, authorization, way, sale.reference),
        )

    def paid(self, sale: Sale, *, payment: str, delivered: bool) -> bool:
        """False if it was before."""
        state = "delivered" if delivered else "undelivered"
        return self._to(sale, state, payment=payment, before=OPEN)

    def lost(self, sale: Sale, state: str, *, why: str) -> bool:
        """Refused or given up; False if it is over already."""
        return self._to(sale, state, payment=sale.payment, before=OPEN, why=why)

    def noted(self, sale: Sale, *, why: str) -> None:
        self._database.execute("UPDATE sale SET why = ? WHERE reference = ?", (why, sale.reference))

    def given_back(self, sale: Sale, *, remaining: int) -> None:
        self._database.execute(
            "UPDATE sale SET returned = cents - ? WHERE reference = ?", (remaining, sale.reference)
        )

    def hold(self, product: str, *, number: str, next_at: float) -> None:
        """A customer begins to pay month after month, with the sale that he has just paid."""
        self._database.execute(
            "INSERT INTO held (product, number, began_at, months, next_at) VALUES (?, ?, ?, 1, ?)",
            (product, number, self._clock.now(), next_at),
        )

    def helds(self) -> list[Held]:
        return [Held(**dict(row)) for row in self._database.rows("SELECT * FROM held ORDER BY id")]

    def due(self, now: float) -> list[Held]:
        return [each for each in self.helds() if each.next_at is not None and each.next_at <= now]

    def next_due(self) -> float | None:
        row = self._database.row("SELECT min(next_at) AS due FROM held")
        return None if row is None or row["due"] is None else float(row["due"])

    def goes_on(self, held: Held, *, next_at: float) -> None:
        self._database.execute(
            "UPDATE held SET months = months + 1, next_at = ? WHERE id = ? AND months = ?",
            (next_at, held.id, held.months),
        )

    def ends(self, held: Held, *, why: str) -> None:
        self._database.execute(
            "UPDATE held SET next_at = NULL, why = ? WHERE id = ?", (why, held.id)
        )

    def heard(self, event: str, *, kind: str, payment: str, wrong: str) -> bool:
        """False if this very event came before."""
        times = self._database.row(
            "INSERT INTO event (id, type, payment, wrong, at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET times = times + 1 RETURNING times",
            (event, kind, payment, wrong, self._clock.now()),
        )
        return times is not None and times["times"] == 1

    def events(self) -> list[dict[str, Any]]:
        rows = self._database.rows("SELECT * FROM event ORDER BY at, id")
        return [{**dict(row), "at": iso(row["at"])} for row in rows]

    def _to(
        self, sale: Sale, state: str, *, payment: str, before: tuple[str, ...], why: str = ""
    ) -> bool:
        marks = ", ".join("?" * len(before))
        return bool(
            self._database.execute(
                "UPDATE sale SET state = ?, payment = ?, why = ? WHERE reference = ?"
                f" AND state IN ({marks})",
                (state, payment, why, sale.reference, *before),
            )
        )

    def _one(self, condition: str, value: str) -> Sale:
        row = self._database.row(f"SELECT * FROM sale WHERE {condition}", (value,))
        if row is None:
            raise LookupError(value)
        return Sale(**dict(row))
