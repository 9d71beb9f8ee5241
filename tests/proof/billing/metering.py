"""What the pure core of the engine rates of a life's use, and what of it bills hold.

Records become what was used on the days of each plan, months are rated when they are over or their
contract is, and what was billed of them is kept as its rows are: see the service `overuse`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from catalogue.domain.model import Charge, ChargeKind, Kind, Offering, Segment, Specification, Text
from catalogue.domain.usage import POOL, Dimension
from commerce.kernel.money import Money
from subscriptions.domain import rating
from subscriptions.domain.rating import Billed, HeldOffering, LineTerms, Owing, Rated, Stretch
from tests.proof.billing.facts import Item, Life, Usage, Used, Withdrawn
from tests.proof.billing.held import Act, Held, Place, acts, items, segment_of
from tests.proof.billing.oracle import Occasion

SILENT = Text({})
UNITS: Mapping[str, str] = {"minutes": "minute"}
"""What the charges of use count, by their code."""

HeldBy = Mapping[str, Sequence[Held]]
"""By contract."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A record that came in time, with its local day."""

    contract: str
    charge: str
    day: date
    known: date
    quantity: Decimal


class Meter:
    """What was told of use, and what bills hold of it."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._numbers = {contract.code: n for n, contract in enumerate(life.contracts)}
        self._places: dict[int, Place] = {}
        self._records = sorted(_counted(life), key=lambda record: record.known)
        self._changes = sorted(
            (fact.known, _since(life, fact)) for fact in life.facts if isinstance(fact, Act)
        )
        self._heard: dict[date, list[Counted]] = {}
        self._open: set[date] = set()
        self._billed: dict[tuple[int, str, date], Billed] = {}

    def due(self, occasion: Occasion) -> list[tuple[Place, Owing]]:
        """What a bill of all that is owed takes up of use; it counts as billed."""
        self._hear(occasion.known)
        if not self._open:
            return []
        held = {
            contract.code: items(self._life, contract, known=occasion.known)
            for contract in self._life.contracts
        }
        ended = {self._numbers[code] for code, own in held.items() if _over(own, occasion.day)}
        found: list[Owing] = []
        for month in sorted(self._open):
            over = rating.month_days(month).end <= occasion.day
            rates = self._rated(month, held)
            ready = (each for each in rates if over or ended.issuperset(each.members))
            found += rating.owing(ready, billed=self._billed)
            if over:
                self._open.discard(month)
        return [(self._keep(owed), owed) for owed in found]

    def _hear(self, known: date) -> None:
        """Look again at the months of which something is new."""
        for record in takewhile(lambda record: record.known <= known, self._records):
            month = record.day.replace(day=1)
            self._heard.setdefault(month, []).append(record)
            self._open.add(month)
        self._records = [record for record in self._records if record.known > known]
        for _, day in takewhile(lambda change: change[0] <= known, self._changes):
            self._open |= {month for month in self._heard if rating.month_days(month).end > day}
        self._changes = [change for change in self._changes if change[0] > known]

    def _rated(self, month: date, held: HeldBy) -> Sequence[Rated]:
        found = [part for code in held for part in self._stretches(code, held[code], month)]
        used: dict[tuple[int, Dimension], Decimal] = {}
        for stretch in found:
            for record in self._heard[month]:
                if (
                    self._numbers[record.contract] == stretch.contract
                    and stretch.days.start <= record.day < stretch.days.end
                ):
                    mark = (stretch.item, Dimension(record.charge))
                    used[mark] = used.get(mark, Decimal(0)) + record.quantity
        currency = self._life.account.currency
        return rating.rated(found, month=month, used=used, currency=currency)

    def _stretches(self, code: str, own: Sequence[Held], month: date) -> Sequence[Stretch]:
        segment = segment_of(self._life)
        terms = LineTerms(
            self._numbers[code], segment, 0, tuple(self._offering(code, each) for each in own)
        )
        parts = rating.stretches(terms, month=month)
        return (*parts, *rating.without_days(terms, month=month))

    def _offering(self, contract: str, held: Held) -> HeldOffering:
        place = Place(contract, held.since.isoformat(), held.item.code, "minutes")
        kind = Kind.PLAN if held.is_plan else Kind.OPTION
        return HeldOffering(
            item=self._row_of(place, held),
            line=held.item.code,
            offering=sold(held.item, kind, segment_of(self._life)),
            since=held.since,
            until=held.until,
            sold_at=datetime.combine(held.since, time(), UTC),
        )

    def _row_of(self, place: Place, held: Held) -> int:
        """The number of the item's row: rows are numbered as they are entered."""
        line = self._numbers[place.contract]
        number = (held.entered.toordinal() * 10 + line) * 10**8 + held.since.toordinal() * 10
        while self._places.setdefault(number, place) != place:
            number += 1
        return number

    def _keep(self, owed: Owing) -> Place:
        mark = (owed.rated.item, owed.rated.charge, owed.rated.month)
        before = self._billed.get(mark, Billed(0, Money.zero(self._life.account.currency), 0))
        self._billed[mark] = Billed(
            before.units + owed.units, before.amount + owed.amount, owed.revision
        )
        return self._places[owed.rated.item]


@lru_cache(maxsize=512)
def sold(item: Item, kind: Kind, segment: Segment) -> Offering:
    """The item as the catalogue would have it, as far as its use goes."""
    return Offering(
        code=item.code,
        specification=Specification(item.code, kind, {POOL: item.pool} if item.pool else {}, None),
        name=SILENT,
        summary=SILENT,
        category="",
        charges=tuple(
            Charge(
                charge.code,
                ChargeKind.USAGE,
                Money(charge.price, "EUR"),
                segment,
                charge.tax,
                unit=UNITS[charge.code],
                included=charge.included,
            )
            for charge in item.charges
            if isinstance(charge, Usage)
        ),
    )


def _since(life: Life, fact: Act) -> date:
    """From which day on a change says something of the contract; of all of it if it is given back
    as a whole."""
    (contract,) = (each for each in life.contracts if each.code == fact.contract)
    if isinstance(fact, Withdrawn) and not fact.early:
        return contract.ordered
    return next(day for day, act in acts(life, contract, known=fact.known) if act is fact)


def _over(own: Sequence[Held], day: date) -> bool:
    """Whether a contract has begun and ended; what never ran says nothing of that."""
    ran = [each for each in own if each.until != each.since]
    return bool(ran) and all(each.until is not None and each.until <= day for each in ran)


def _counted(life: Life) -> Iterator[Counted]:
    """The first of each reference, if it came in time."""
    came: set[tuple[str, str]] = set()
    for fact in sorted(life.facts, key=lambda fact: fact.entry):
        if isinstance(fact, Used) and (fact.contract, fact.record) not in came:
            came.add((fact.contract, fact.record))
            day = fact.at.astimezone(ZoneInfo(life.account.zone)).date()
            if not rating.is_barred(day, taken_on=fact.known):
                yield Counted(fact.contract, fact.charge, day, fact.known, fact.quantity)
