"""Which pieces of which charges the benefits of a promotion reach, at list prices. Pure.

Pieces alike (one offering, role, charge and price) form a stock; its pieces are counted through
its lines in their order, so that splitting a line changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby

from catalogue.domain.expressions import Expression, Facts
from catalogue.domain.model import ChargeKind
from commerce.kernel.money import Money, allocate
from promotions.domain.benefits import Benefit, after, falls_due, stretches
from promotions.domain.model import (
    BundlePrice,
    FreeItem,
    Pick,
    PricedCharge,
    PricedLine,
    PromotionBenefit,
    Reduction,
    Unit,
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A benefit that finds a charge."""

    line: PricedLine
    charge: PricedCharge
    benefit: Benefit

    @property
    def key(self) -> tuple[str, str]:
        return (self.line.id, self.charge.code)

    @property
    def reduces(self) -> bool:
        """Whether it takes anything off the list price, in whichever months it holds."""
        once = self.charge.kind is ChargeKind.ONE_OFF
        return bool(self.benefit.taken_off(self.charge.amount)) and (
            not once or self.benefit.covers(1)
        )

    def reduces_after(self, before: Sequence[Benefit]) -> bool:
        """Whether it takes anything off what the benefits `before` leave, in any month at all."""
        if self.charge.kind is ChargeKind.ONE_OFF:
            return self._takes([benefit for benefit in before if benefit.covers(1)])
        return any(
            self._takes([benefit for benefit in stretch.benefits if benefit in before])
            for stretch in stretches([*before, self.benefit])
            if self.benefit.covers(stretch.first)
            and falls_due(stretch.first, stretch.end, every=self.charge.every_months)
        )

    def _takes(self, before: Sequence[Benefit]) -> bool:
        amount, quantity = self.charge.amount, self.line.quantity
        left = after(amount, benefits=before, quantity=quantity)
        return after(amount, benefits=[*before, self.benefit], quantity=quantity) < left


@dataclass(frozen=True, slots=True)
class _Stock:
    """Pieces alike, line by line."""

    key: tuple[str, ...]
    price: Decimal
    rows: tuple[tuple[PricedLine, PricedCharge], ...]

    @property
    def count(self) -> int:
        return sum(line.quantity for line, _ in self.rows)

    def hits(self, benefit: Benefit, *, skip: int, count: int) -> Iterator[Hit]:
        """`benefit` on `count` pieces after the first `skip`, shared out to their lines."""
        start, end = skip, skip + count
        for line, charge in self.rows:
            own = min(end, line.quantity) - max(start, 0)
            if own == line.quantity:
                yield Hit(line, charge, benefit)
            elif own > 0:
                first = max(start, 0) + 1
                yield Hit(line, charge, replace(benefit, from_piece=first, pieces=own))
            start, end = start - line.quantity, end - line.quantity


def hits_of(benefits: Sequence[PromotionBenefit], *, unit: Unit) -> tuple[Hit, ...]:
    """What `benefits` reach in `unit` and can take something off, on each charge in their order."""
    found: list[Hit] = []
    for alike, several in groupby(benefits, key=lambda benefit: isinstance(benefit, Reduction)):
        if alike:
            found += _reduced([b for b in several if isinstance(b, Reduction)], unit=unit)
            continue
        for benefit in several:
            if isinstance(benefit, FreeItem):
                found += _given(benefit, unit=unit)
            elif isinstance(benefit, BundlePrice):
                found += _together(benefit, unit=unit)
    return tuple(hit for hit in found if hit.reduces)


def _reduced(benefits: Sequence[Reduction], *, unit: Unit) -> Iterator[Hit]:
    for line in unit.lines if benefits else ():
        for charge in line.charges:
            facts: Facts | None = None
            for benefit in benefits:
                if benefit.charge is not charge.kind:
                    continue
                facts = facts or _facts(line, charge)
                if benefit.target.holds(facts):
                    yield Hit(line, charge, benefit.benefit)


def _facts(line: PricedLine, charge: PricedCharge) -> Facts:
    return {**line.facts, "line.charge": charge.code}


def _stocks(target: Expression, *, kind: ChargeKind, unit: Unit) -> list[_Stock]:
    """What `target` finds, the highest list price first; ties by offering and charge."""
    found: dict[tuple[str, ...], list[tuple[PricedLine, PricedCharge]]] = {}
    for line in unit.lines:
        for charge in line.charges:
            if charge.kind is kind and target.holds(_facts(line, charge)):
                key = (
                    str(line.facts.get("line.code", "")),
                    str(line.facts.get("line.role", "")),
                    charge.code,
                    str(charge.amount),
                )
                found.setdefault(key, []).append((line, charge))
    stocks = [_Stock(key, rows[0][1].amount, tuple(rows)) for key, rows in found.items()]
    return sorted(stocks, key=lambda stock: (-stock.price, stock.key))


def _given(item: FreeItem, *, unit: Unit) -> Iterator[Hit]:
    stocks = _stocks(item.target, kind=item.charge, unit=unit)
    if item.pick is Pick.CHEAPEST:
        stocks.sort(key=lambda stock: (stock.price, stock.key))
    left = sum(stock.count for stock in stocks) // (item.buy + item.free) * item.free
    if item.most is not None:
        left = min(left, item.most)
    for stock in stocks:
        count = min(stock.count, left)
        yield from stock.hits(item.benefit, skip=0, count=count)
        left -= count


@dataclass(frozen=True, slots=True)
class _Taken:
    """`count` pieces of `stock` after the first `skip`, for a place of a bundle price."""

    stock: _Stock
    skip: int
    count: int

    @property
    def listed(self) -> Decimal:
        return self.stock.price * self.count


def _together(bundle: BundlePrice, *, unit: Unit) -> Iterator[Hit]:
    """The price of all bundles, shared out by list prices, then spread over the pieces.

    As many bundles as save most: a bundle that would cost more than its pieces is not made.
    """
    places = [_monthly(_stocks(i.target, kind=bundle.charge, unit=unit)) for i in bundle.items]
    counts = [
        sum(stock.count for stock in stocks) // item.pieces
        for stocks, item in zip(places, bundle.items, strict=True)
    ]
    wanted = min(counts) if bundle.most is None else min(*counts, bundle.most)
    times, taken = _filled(bundle, places, times=wanted)
    price = bundle.benefit.value
    while times:
        fewer = _filled(bundle, places, times=times - 1)
        if _saved(*fewer, price=price) < _saved(times, taken, price=price):
            break
        times, taken = fewer
    if not times:
        return
    shares = allocate(Money(price * times), weights=[each.listed for each in taken])
    for each, share in zip(taken, shares, strict=True):
        yield from _spread(each, share=share, benefit=bundle.benefit)


def _saved(times: int, taken: Sequence[_Taken], *, price: Decimal) -> Decimal:
    return sum((each.listed for each in taken), Decimal(0)) - price * times


def _monthly(stocks: list[_Stock]) -> list[_Stock]:
    """A price together is per month: what is paid every few months is left out."""
    return [stock for stock in stocks if stock.rows[0][1].every_months == 1]


def _filled(
    bundle: BundlePrice, places: Sequence[Sequence[_Stock]], *, times: int
) -> tuple[int, list[_Taken]]:
    """How often all places can be filled, `times` at most, and with what."""
    while times > 0:
        used: dict[tuple[str, ...], int] = {}
        found = [
            each
            for stocks, item in zip(places, bundle.items, strict=True)
            for each in _fill(stocks, wanted=item.pieces * times, used=used)
        ]
        if sum(each.count for each in found) == times * sum(i.pieces for i in bundle.items):
            return times, found
        times -= 1
    return 0, []


def _fill(
    stocks: Sequence[_Stock], *, wanted: int, used: dict[tuple[str, ...], int]
) -> Iterator[_Taken]:
    for stock in stocks:
        skip = used.get(stock.key, 0)
        count = min(stock.count - skip, wanted)
        if count > 0:
            yield _Taken(stock, skip, count)
            used[stock.key] = skip + count
            wanted -= count


def _spread(taken: _Taken, *, share: Money, benefit: Benefit) -> Iterator[Hit]:
    """A fixed price per piece; the cents that do not divide go to the first pieces."""
    cents, more = divmod(share.cents, taken.count)
    high = replace(benefit, value=Money.from_cents(cents + 1).amount)
    low = replace(benefit, value=Money.from_cents(cents).amount)
    yield from taken.stock.hits(high, skip=taken.skip, count=more)
    yield from taken.stock.hits(low, skip=taken.skip + more, count=taken.count - more)
