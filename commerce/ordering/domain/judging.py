"""Judging a cart's bundles by promotions, at list prices. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from catalogue.domain.model import Charge, ChargeKind, Offering, priced_in
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.facts import (
    INSTEAD,
    MONTHS_WITHOUT_COMMITMENT,
    Entry,
    Fact,
    clock_facts,
    offering_facts,
    takes_a_place,
    term_of,
    unit_facts,
)
from promotions.domain.compiler import CompiledPromotions
from promotions.domain.evaluate import evaluate
from promotions.domain.model import (
    AppliedPromotion,
    CustomerFacts,
    Grant,
    Outcome,
    PricedCharge,
    PricedLine,
    Unit,
)


@dataclass(frozen=True, slots=True)
class ListPriced:
    """An entry with its list charges."""

    entry: Entry
    charges: tuple[Charge, ...]

    @property
    def likeness(self) -> tuple[object, ...]:
        """Everything by which conditions can tell it from another line of its bundle."""
        line = self.entry.line
        number, instead = line.config.get("number_choice", ""), line.config.get(INSTEAD, "")
        return (line.offering, line.quantity, self.entry.place, line.term, number, instead)

    @property
    def list_today(self) -> Decimal:
        unit = sum(
            (c.amount.amount for c in self.charges if c.kind is ChargeKind.ONE_OFF), Decimal(0)
        )
        return unit * self.entry.line.quantity

    @property
    def list_monthly(self) -> Decimal:
        unit = sum(
            (
                c.amount.amount / c.every_months
                for c in self.charges
                if c.kind is ChargeKind.RECURRING
            ),
            Decimal(0),
        )
        return unit * self.entry.line.quantity


def list_priced(
    entries: Sequence[Entry], *, cart: CartValue, bundle: Offering | None, at: datetime
) -> tuple[ListPriced, ...]:
    """The charges that hold at `at` for the cart's segment and channel."""
    term = term_of(entries)
    code = bundle.code if bundle is not None else None
    return tuple(
        ListPriced(
            entry,
            _charges(entry, cart=cart, term=term, bundle=priced_in(code, entry.place), at=at),
        )
        for entry in entries
    )


def _charges(
    entry: Entry, *, cart: CartValue, term: int, bundle: str | None, at: datetime
) -> tuple[Charge, ...]:
    """What takes the place of something on a running line is neither activated nor paid again."""
    found = entry.offering.charges_for(
        segment=cart.segment, term=term, bundle=bundle, channel=cart.channel, at=at
    )
    if not takes_a_place(entry):
        return found
    return tuple(charge for charge in found if charge.kind is not ChargeKind.ONE_OFF)


def cart_facts(
    cart: CartValue,
    *,
    priced: Mapping[str, tuple[ListPriced, ...]],
    customer: CustomerFacts,
    at: datetime,
) -> dict[str, Fact]:
    """What all bundles of the cart share; amounts are list prices, before any promotion."""
    codes = tuple(code.upper() for code in cart.codes)
    facts: dict[str, Fact] = {**customer.facts(), **clock_facts(at), "cart.codes": codes}
    facts["cart.channel"] = cart.channel
    counts: dict[str, int] = {}
    today, monthly = Decimal(0), Decimal(0)
    for lines in priced.values():
        for line in lines:
            quantity, offering = line.entry.line.quantity, line.entry.offering
            for name in (f"cart.count.{offering.kind}", f"cart.quantity.{offering.code}"):
                counts[name] = counts.get(name, 0) + quantity
            today += line.list_today
            monthly += line.list_monthly
    facts["cart.list_today"], facts["cart.list_monthly"] = today, monthly
    facts.update(counts)
    return facts


def unit_of(
    lines: tuple[ListPriced, ...],
    *,
    bundle: Offering | None,
    shared: Mapping[str, Fact],
    cart: CartValue,
) -> Unit:
    """What promotions judge of the lines of one bundle instance."""
    entries = [line.entry for line in lines]
    facts = unit_facts(entries, bundle=bundle, segment=cart.segment.value)
    facts["bundle.list_today"] = sum((line.list_today for line in lines), Decimal(0))
    facts["bundle.list_monthly"] = sum((line.list_monthly for line in lines), Decimal(0))
    facts.update(shared)
    together: dict[tuple[str, str], int] = {}
    for entry in entries:
        key = (entry.offering.code, entry.role)
        together[key] = together.get(key, 0) + entry.line.quantity
    return Unit(
        facts=facts,
        lines=tuple(_as_priced_line(line, together=together) for line in lines),
        months=term_of(entries) or MONTHS_WITHOUT_COMMITMENT,
    )


def _as_priced_line(priced: ListPriced, *, together: Mapping[tuple[str, str], int]) -> PricedLine:
    """`together` counts the pieces of one offering and role, on however many lines they stand."""
    line = priced.entry.line
    facts = {
        **offering_facts(priced.entry.offering, role="line"),
        "line.role": priced.entry.role,
        "line.quantity": together[priced.entry.offering.code, priced.entry.role],
    }
    return PricedLine(
        id=line.id,
        facts=facts,
        quantity=line.quantity,
        charges=tuple(
            PricedCharge(c.code, c.kind, c.amount.rounded().amount, c.every_months)
            for c in priced.charges
            if c.kind is not ChargeKind.USAGE
        ),
    )


class Judge:
    """Lets promotions judge each bundle instance; those that are alike are judged once."""

    def __init__(
        self,
        cart: CartValue,
        *,
        promotions: CompiledPromotions,
        shared: Mapping[str, Fact],
        customer: CustomerFacts,
        at: datetime,
    ) -> None:
        self._cart = cart
        self._promotions = promotions
        self._shared = shared
        self._customer = customer
        self._at = at
        self._known: dict[tuple[object, ...], tuple[tuple[str, ...], Outcome]] = {}

    def outcome(self, lines: tuple[ListPriced, ...], *, bundle: Offering | None) -> Outcome:
        likeness = (bundle.code if bundle is not None else "", *(line.likeness for line in lines))
        ids = tuple(line.entry.line.id for line in lines)
        known = self._known.get(likeness)
        if known is not None:
            return _renamed(known[1], dict(zip(known[0], ids, strict=True)))
        found = evaluate(
            self._promotions,
            unit=unit_of(lines, bundle=bundle, shared=self._shared, cart=self._cart),
            codes=self._cart.codes,
            customer=self._customer,
            at=self._at,
        )
        self._known[likeness] = (ids, found)
        return found


def _renamed(outcome: Outcome, names: Mapping[str, str]) -> Outcome:
    """The same outcome for lines of other names."""
    return Outcome(
        tuple(Grant(names[g.line], g.charge, g.promotion, g.benefit) for g in outcome.grants),
        tuple(
            AppliedPromotion(a.promotion, a.saving, tuple(names[line] for line in a.lines))
            for a in outcome.applied
        ),
        outcome.missed,
    )
