"""A journey before there is a cart: what was chosen so far, as a cart's value. Pure.

A draft is small enough to stand in an address: the entry point, the choices by role, the
commitment, and the running line where it is about one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType

from catalogue.domain.model import Offering, Segment, Snapshot, Text, least_in
from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from commerce.ordering.domain.adapting import Ground
from commerce.ordering.domain.answers import Reason
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.facts import INSTEAD, Entry
from commerce.ordering.domain.journeys import EntryPoint, Journey

GROUP = "draft"
PRESENT = "present"
"""The group of what a running line has already."""
LONGEST = 24
RENEWAL_OPENS = timedelta(days=90)
"""So long before its commitment ends a line may be renewed."""
NO_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A running line: what it has by role, what it costs a month at list prices, for how many
    months it was committed, and until when it is bound (None: it is not)."""

    id: int
    number: str
    has: Mapping[str, tuple[str, ...]]
    monthly: Money
    activated_on: date
    bound_until: date | None
    months: int = 0

    def term_on(self, day: date) -> int:
        """The commitment at which it is priced: its own while it is bound, then none."""
        return self.months if self.bound_until is not None and day < self.bound_until else 0

    def renewable_from(self) -> date | None:
        """None: at any time."""
        return self.bound_until - RENEWAL_OPENS if self.bound_until is not None else None


@dataclass(frozen=True, slots=True)
class Draft:
    """What was chosen, by the names of places. `term` None: as the plan is sold longest; `bundle`
    is the one that is wanted where several serve the journey."""

    choices: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_CHOICES)
    term: int | None = None
    bundle: str = ""


@dataclass(frozen=True, slots=True)
class Sale:
    """To whom, where and when."""

    catalogue: Snapshot
    segment: Segment
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Laid:
    """A draft laid out: the bundle that it makes, its cart, and the ground that it stands on."""

    bundle: Offering
    cart: CartValue
    ground: Ground
    term: int

    @property
    def filled(self) -> frozenset[str]:
        return frozenset(line.role for line in self.cart.lines)


def lay_out(draft: Draft, journey: Journey, *, sale: Sale, line: OwnLine | None = None) -> Laid:
    """The draft as a cart. Roles that the journey does not have, and what the catalogue does not
    (any more), are left out: a shared address may be old."""
    entry = journey.entry
    known = _known(draft, journey, sale=sale)
    if (entry.renews or entry.stays) and line is not None and "plan" not in known:
        known |= {"plan": _still_sold(line.has.get("plan", ()), sale=sale)}
    filled = {role for role, codes in known.items() if codes}
    own = line.term_on(sale.at.astimezone(PARIS).date()) if line is not None else 0
    if entry.stays and line is not None:
        # The phone counts as long as its price binds the line.
        filled |= {role for role in entry.there if role != "handset" or (own and role in line.has)}
    bundle = journey.bundle_for(filled)
    term = own if entry.stays else _term(draft, known, sale=sale)
    lines = tuple(_lines(known, bundle, term=term, config=_plan_config(entry)))
    ground = Ground(
        group=GROUP,
        bundle=bundle,
        segment=sale.segment,
        channel=sale.channel,
        catalogue=sale.catalogue,
        at=sale.at,
        context=tuple(_present(journey, line, sale=sale)),
    )
    return Laid(bundle, _cart(lines, bundle, sale=sale, loose=loose(journey)), ground, term)


def standing(journey: Journey, line: OwnLine | None, *, on: date) -> Reason | None:
    """What stands between a running line's journey and an order; None if nothing does."""
    if line is None or not journey.entry.of_line:
        return None
    opens = line.renewable_from()
    if journey.entry.renews and opens is not None and on < opens:
        return Reason("renewal_not_yet", _NOT_YET, {"from": opens.isoformat()})
    return None


def missing(laid: Laid, journey: Journey) -> tuple[str, ...]:
    """The roles that are still to be chosen before the draft is whole."""
    absent = journey.entry.absent
    return tuple(
        slot.name
        for slot in laid.bundle.slots
        if least_in(slot, laid.bundle.slots, filled=laid.filled)
        and slot.role not in absent
        and slot.name not in laid.filled
    )


def _known(draft: Draft, journey: Journey, *, sale: Sale) -> dict[str, tuple[str, ...]]:
    roles = {slot.name: slot for bundle in journey.bundles for slot in bundle.slots}
    found: dict[str, tuple[str, ...]] = {}
    for role, codes in draft.choices.items():
        slot = roles.get(role)
        if slot is None or slot.role in journey.entry.absent:
            continue
        sold = [
            code
            for code in dict.fromkeys(codes)
            if (offering := sale.catalogue.offerings.get(code)) is not None
            and offering.kind is slot.kind
        ]
        found[role] = tuple(sold[: slot.maximum])
    return found


def _still_sold(codes: tuple[str, ...], *, sale: Sale) -> tuple[str, ...]:
    return tuple(
        code
        for code in codes
        if (found := sale.catalogue.offerings.get(code)) is not None
        and found.sellable(segment=sale.segment, channel=sale.channel, at=sale.at)
    )[:1]


def _term(draft: Draft, known: Mapping[str, tuple[str, ...]], *, sale: Sale) -> int:
    plan = next(iter(known.get("plan", ())), None)
    terms = sale.catalogue.offering(plan).terms if plan is not None else ()
    if draft.term is not None and (not terms or draft.term in terms):
        return draft.term
    return max(terms, default=LONGEST)


def _lines(
    known: Mapping[str, tuple[str, ...]],
    bundle: Offering,
    *,
    term: int,
    config: Mapping[str, str],
) -> Iterator[CartLine]:
    for slot in bundle.slots:
        for place, code in enumerate(known.get(slot.name, ())):
            plan = slot.role == "plan"
            yield CartLine(
                id=slot.name if slot.maximum == 1 else f"{slot.name}-{place + 1}",
                offering=code,
                group=GROUP,
                role=slot.name,
                term=term if plan else 0,
                config=config if plan else {},
            )


def _plan_config(entry: EntryPoint) -> Mapping[str, str]:
    """How the plan stands to the one that a running line has."""
    if entry.renews:
        return {"number_choice": "keep"}
    return {INSTEAD: "yes"} if entry.stays else {}


def _present(journey: Journey, line: OwnLine | None, *, sale: Sale) -> Iterator[Entry]:
    """What rules may know of the line: what it has, in roles that the journey leaves alone."""
    if line is None:
        return
    entry = journey.entry
    for role in sorted(entry.there | entry.keeps):
        for code in line.has.get(role, ()):
            offering = sale.catalogue.offerings.get(code)
            if offering is not None:
                yield Entry(CartLine(f"{PRESENT}-{role}", code, group=PRESENT, role=role), offering)


def loose(journey: Journey) -> bool:
    """What joins a running line is no bundle of its own, and is priced as what it is: singly."""
    return journey.entry.of_line and not journey.entry.renews


def _cart(lines: tuple[CartLine, ...], bundle: Offering, *, sale: Sale, loose: bool) -> CartValue:
    return CartValue(
        code="",
        lines=lines,
        segment=sale.segment,
        channel=sale.channel,
        bundles={} if loose or not lines else {GROUP: bundle.code},
    )


def _text(fr: str, en: str) -> Text:
    return Text({"fr": fr, "en": en})


_NOT_YET = _text(
    "Cette ligne pourra être renouvelée dans les trois derniers mois de son engagement.",
    "This line can be renewed in the last three months of its commitment.",
)
