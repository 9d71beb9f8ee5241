"""What an offering costs before anything is chosen: it is shown with a plan that goes with it.

Pure. A phone stands with the cheapest plan that gives it its reduced price, a plan with its SIM,
everything else alone; each is priced by the same quote as a cart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from catalogue.domain.model import ChargeKind, Kind, Offering, Segment, Slot, Snapshot
from catalogue.domain.search import list_price
from commerce.kernel.money import Money
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.checks import broken_rules, fits_slot
from commerce.ordering.domain.facts import Entry, unit_facts
from commerce.ordering.domain.quote import Quote, QuoteLine, quote
from promotions.domain.compiler import CompiledPromotions
from promotions.domain.model import CustomerFacts

GROUP = "shown"
SHOWN_TERM = 24


@dataclass(frozen=True, slots=True)
class Shown:
    """`alone` is the offering without commitment, `bundled` with `plan` for `term` months.

    `line` is the id of the offering's own line in both quotes. `lowest_before` is the lowest price
    of the 30 days before the reduction of the offering alone; None where none is announced.
    """

    offering: Offering
    alone: Quote
    bundled: Quote | None = None
    plan: Offering | None = None
    term: int = 0
    line: str = "1"
    lowest_before: Money | None = None

    @property
    def best(self) -> Quote:
        """The quote to lead with."""
        return self.bundled or self.alone

    def own(self, priced: Quote) -> QuoteLine:
        """The offering's own line in one of the two."""
        found = priced.line(self.line)
        if found is None:
            raise LookupError(f"{self.offering.code} has no line in its own quote")
        return found

    @property
    def price_today(self) -> Money:
        """Of the offering itself, in the leading quote."""
        return self.own(self.best).due_today

    @property
    def list_today(self) -> Money:
        """Of the offering itself without commitment or promotion."""
        return self.own(self.alone).list_today

    @property
    def first_month(self) -> Money:
        """What the first month costs in the leading quote."""
        return self.best.monthly[0].amount if self.best.monthly else Money.zero()

    @property
    def lasting_month(self) -> Money:
        """What a month costs once promotions have ended."""
        return self.best.monthly[-1].amount if self.best.monthly else Money.zero()


@dataclass(frozen=True, slots=True)
class Window:
    """What can be sold to whom, where and when, at which prices.

    `activation` is the assumed day for the dates of bills.
    """

    catalogue: Snapshot
    promotions: CompiledPromotions
    segment: Segment
    channel: str
    at: datetime
    activation: date

    def sold(self, kind: Kind) -> tuple[Offering, ...]:
        """What is on sale of a kind, in the catalogue's order."""
        found = [o for o in self.catalogue.of_kind(kind) if self.sells(o)]
        return tuple(sorted(found, key=lambda o: (o.rank, o.code)))

    def sells(self, offering: Offering) -> bool:
        return offering.sellable(segment=self.segment, channel=self.channel, at=self.at)

    def shown(
        self, offering: Offering, *, term: int = SHOWN_TERM, plan: Offering | None = None
    ) -> Shown:
        """The offering with its prices; a phone with `plan`, else with the cheapest that fits."""
        alone = self._priced(self._alone(offering))
        bundle = self.bundle_for(offering)
        if bundle is None:
            return Shown(offering, alone)
        if offering.kind is Kind.HANDSET:
            plan = plan or next(iter(self.plans_for(offering, term=term)), None)
        else:
            plan = offering
            term = term if term in plan.terms else max(plan.terms, default=0)
        if plan is None:
            return Shown(offering, alone)
        cart = self._bundled(offering, plan=plan, bundle=bundle, term=term)
        return Shown(offering, alone, self._priced(cart), plan, term)

    def bundle_for(self, offering: Offering) -> Offering | None:
        """The bundle that leads with this kind of thing: a phone's first, else the plan's own."""
        if offering.kind not in (Kind.HANDSET, Kind.PLAN):
            return None
        for bundle in self.sold(Kind.BUNDLE):
            if bundle.slots and bundle.slots[0].role == offering.kind.value:
                return bundle
        return None

    def plans_for(self, handset: Offering, *, term: int) -> tuple[Offering, ...]:
        """Plans that go with the phone at its price for that commitment, cheapest first."""
        bundle = self.bundle_for(handset)
        slot = _slot(bundle, "plan")
        if bundle is None or slot is None:
            return ()
        return tuple(
            sorted(
                self._fitting(handset, bundle=bundle, slot=slot, term=term),
                key=lambda plan: (self._monthly(plan, term=term), plan.rank, plan.code),
            )
        )

    def fleet(self, *, handset: Offering, plan: Offering, users: int) -> Quote | None:
        """A fleet order of `users` lines alike, each with the phone; None if none is sold so."""
        bundles = [
            bundle
            for bundle in self.sold(Kind.BUNDLE)
            if any(slot.role == "plan" and slot.minimum for slot in bundle.slots)
        ]
        if not bundles:
            return None
        one = self._bundled(handset, plan=plan, bundle=bundles[0], term=max(plan.terms, default=0))
        lines = tuple(
            replace(line, id=f"{user}-{line.id}", group=f"u{user}")
            for user in range(1, users + 1)
            for line in one.lines
        )
        groups = {line.group: bundles[0].code for line in lines}
        return self._priced(replace(one, lines=lines, bundles=groups))

    def _fitting(
        self, handset: Offering, *, bundle: Offering, slot: Slot, term: int
    ) -> Iterator[Offering]:
        for plan in self.sold(Kind.PLAN):
            entries = (_entry(handset, "handset", 1, term), _entry(plan, "plan", 2, term))
            facts = unit_facts(entries, bundle=bundle, segment=self.segment.value)
            if (
                term in plan.terms
                and fits_slot(slot, plan, facts=facts)
                and not broken_rules(entries, facts=facts, catalogue=self.catalogue)
            ):
                yield plan

    def _sim(self, entries: Sequence[Entry], *, bundle: Offering) -> Offering | None:
        slot = _slot(bundle, "sim")
        if slot is None:
            return None
        sims = sorted(self.sold(Kind.SIM), key=lambda sim: (sim.code != slot.default, sim.rank))
        for sim in sims:
            together = (*entries, _entry(sim, "sim", 3, 0))
            facts = unit_facts(together, bundle=bundle, segment=self.segment.value)
            if not broken_rules(together, facts=facts, catalogue=self.catalogue):
                return sim
        return None

    def _bundled(
        self, offering: Offering, *, plan: Offering, bundle: Offering, term: int
    ) -> CartValue:
        first = [_entry(offering, offering.kind.value, 1, term)]
        if plan is not offering:
            first.append(_entry(plan, "plan", 2, term))
        sim = self._sim(first, bundle=bundle)
        if sim is not None:
            first.append(_entry(sim, "sim", 3, term))
        return CartValue(
            code="",
            lines=tuple(entry.line for entry in first),
            segment=self.segment,
            channel=self.channel,
            bundles={GROUP: bundle.code},
        )

    def _alone(self, offering: Offering) -> CartValue:
        line = CartLine("1", offering.code)
        return CartValue("", (line,), self.segment, self.channel)

    def _priced(self, cart: CartValue) -> Quote:
        return quote(
            cart,
            catalogue=self.catalogue,
            promotions=self.promotions,
            customer=CustomerFacts(segment=self.segment),
            at=self.at,
            activation=self.activation,
        )

    def _monthly(self, plan: Offering, *, term: int) -> Money:
        result = Money.zero()
        for charge in plan.charges_for(segment=self.segment, term=term, bundle=None, at=self.at):
            if charge.kind is ChargeKind.RECURRING:
                result = result + charge.amount
        return result


def models_of(window: Window) -> tuple[tuple[Offering, ...], ...]:
    """The models on sale, each with its variants, cheapest first."""
    families: dict[str, list[Offering]] = {}
    for offering in window.sold(Kind.HANDSET):
        families.setdefault(offering.family or offering.code, []).append(offering)

    def price(offering: Offering) -> tuple[Decimal, str]:
        listed = list_price(offering, segment=window.segment, at=window.at)
        return (listed.amount if listed else Decimal(0), offering.code)

    return tuple(tuple(sorted(variants, key=price)) for variants in families.values())


def _slot(bundle: Offering | None, role: str) -> Slot | None:
    slots = bundle.slots if bundle is not None else ()
    return next((slot for slot in slots if slot.role == role), None)


def _entry(offering: Offering, role: str, place: int, term: int) -> Entry:
    line = CartLine(str(place), offering.code, group=GROUP, role=role, term=term)
    return Entry(line, offering)
