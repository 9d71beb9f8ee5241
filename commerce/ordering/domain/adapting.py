"""What must change with a choice so that a bundle stays valid. Pure.

What was chosen earlier on the way stands; what comes later follows: a slot with a default gets the
nearest thing that fits, one without is left open, extras that no longer fit go out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import product

from catalogue.domain.model import (
    ChargeKind,
    Kind,
    Offering,
    Refusal,
    Segment,
    Slot,
    Snapshot,
    Text,
    priced_in,
    rivals_of,
    role_of,
)
from commerce.ordering.domain.cart import CartLine
from commerce.ordering.domain.checks import ONE_OF, broken_rules, fits_slot, roles_of
from commerce.ordering.domain.facts import Entry, Fact, term_of, unit_facts


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of another role. `before` None: it was empty; `after` None: nothing is there
    any more. `reason` is the rule that asks for it."""

    role: str
    before: str | None
    after: str | None
    term_before: int = 0
    term_after: int = 0
    reason: Refusal | None = None

    @property
    def key(self) -> str:
        """What a buyer confirms, for comparing."""
        return f"{self.role}:{self.before or ''}>{self.after or ''}@{self.term_after}"


def without_rival(line: CartLine) -> Change:
    """What becomes of a line whose bundle gives its place to another."""
    return Change(line.role, line.offering, None, line.term, 0, ONE_OF)


def consequences_of(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes of what was there already; the others only fill what was empty."""
    return tuple(change for change in changes if change.before is not None)


def confirmation_of(consequences: Sequence[Change]) -> str:
    """What a buyer agrees to when he accepts the consequences; empty when there are none."""
    return ",".join(change.key for change in consequences)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a bundle stands: its catalogue and sale, and what a running line has already."""

    group: str
    bundle: Offering
    segment: Segment
    channel: str
    catalogue: Snapshot
    at: datetime
    context: tuple[Entry, ...] = ()

    def entries(self, lines: Sequence[CartLine]) -> tuple[Entry, ...]:
        own = [
            Entry(line, self.catalogue.offering(line.offering))
            for line in lines
            if line.group == self.group
        ]
        filled = {entry.place for entry in own}
        return (*(entry for entry in self.context if entry.place not in filled), *own)

    def slot(self, name: str) -> Slot | None:
        return self.bundle.slot(name)

    def sells(self, offering: Offering) -> bool:
        return offering.sellable(segment=self.segment, channel=self.channel, at=self.at)

    def facts(self, entries: Sequence[Entry]) -> dict[str, Fact]:
        return unit_facts(entries, bundle=self.bundle, segment=self.segment.value)

    def broken(self, entries: Sequence[Entry], *, facts: Mapping[str, Fact]) -> tuple[Refusal, ...]:
        return broken_rules(entries, facts=facts, catalogue=self.catalogue)


@dataclass(frozen=True, slots=True)
class Settled:
    """The lines of the cart with the bundle valid again, and what changed for it."""

    lines: tuple[CartLine, ...]
    changes: tuple[Change, ...]


def refusal_of(ground: Ground, lines: Sequence[CartLine]) -> Refusal | None:
    """The first thing that forbids what is in the bundle; None if it may stay as it is."""
    entries = ground.entries(lines)
    own = [entry for entry in entries if entry.line.group == ground.group]
    facts = ground.facts(entries)
    filled = {entry.place for entry in own}
    for entry in own:
        slot = ground.slot(entry.place)
        if slot is None or not fits_slot(slot, entry.offering, facts=facts):
            return NOT_A_CANDIDATE
        if slot.within and not filled.isdisjoint(rivals_of(slot, ground.bundle.slots)):
            return ONE_OF
    broken = ground.broken(entries, facts=facts)
    if broken:
        return broken[0]
    term = term_of(entries)
    for entry in own:
        offering = entry.offering
        priced = offering.charges_for(
            segment=ground.segment,
            term=term,
            bundle=priced_in(ground.bundle.code, entry.place),
            channel=ground.channel,
            at=ground.at,
        )
        if offering.charges and not priced:
            return NO_PRICE
        if offering.kind is Kind.PLAN and offering.terms and entry.line.term not in offering.terms:
            return TERM_NOT_OFFERED
    return None


def unfitting(
    ground: Ground, lines: Sequence[CartLine], present: Mapping[int, str]
) -> Mapping[int, Refusal]:
    """Of the offerings that a running line has (by item), those that do not go with `lines`, each
    with the rule that says so."""
    alone = {each.code for each in _broken_by(ground, lines)}
    found: dict[int, Refusal] = {}
    for item, code in present.items():
        role = ground.catalogue.offering(code).kind.value
        line = CartLine(f"item-{item}", code, group=ground.group, role=role)
        why = next((b for b in _broken_by(ground, (*lines, line)) if b.code not in alone), None)
        if why is not None:
            found[item] = why
    return found


def _broken_by(ground: Ground, lines: Sequence[CartLine]) -> tuple[Refusal, ...]:
    entries = ground.entries(lines)
    return ground.broken(entries, facts=ground.facts(entries))


def settle(
    ground: Ground,
    lines: Sequence[CartLine],
    *,
    later: Sequence[str],
    fill: bool = False,
    term: int = 0,
) -> Settled | None:
    """The bundle made valid by changing roles of `later` alone, as little as may be.

    With `fill`, empty roles that have a default are filled too, a plan at `term`. None: no change
    of those roles makes it valid.
    """
    kept, extras = _apart(ground, lines, later=later)
    singles = [slot for role in later if (slot := ground.slot(role)) and slot.maximum == 1]
    options = [list(_options(ground, slot, lines=lines, fill=fill, term=term)) for slot in singles]
    for combination in sorted(product(*options), key=_cost):
        found = _placed(kept, [option.line for option in combination])
        if refusal_of(ground, found) is None:
            return _settled(ground, lines, found, extras=extras)
    return None


@dataclass(frozen=True, slots=True)
class _Option:
    """A line for a role (None: empty), and how far it is from what is there."""

    line: CartLine | None
    changed: bool
    distance: tuple[object, ...]


def _apart(
    ground: Ground, lines: Sequence[CartLine], *, later: Sequence[str]
) -> tuple[list[CartLine], list[CartLine]]:
    """What stands, and the extras that may have to go; lines of later roles for one are left."""
    kept, extras = [], []
    for line in lines:
        slot = ground.slot(line.role) if line.group == ground.group else None
        if slot is None or line.role not in later:
            kept.append(line)
        elif slot.maximum > 1:
            extras.append(line)
    return kept, extras


def _options(
    ground: Ground, slot: Slot, *, lines: Sequence[CartLine], fill: bool, term: int
) -> Iterator[_Option]:
    own = next((x for x in lines if x.group == ground.group and x.role == slot.name), None)
    if own is None and not (fill and slot.default and slot.always):
        yield _Option(None, False, ())
        return
    if own is not None:
        yield _Option(own, False, ())
    if not slot.default:
        yield _Option(None, True, (1,))
        return
    for offering in ground.catalogue.of_kind(slot.kind):
        if ground.sells(offering):
            yield from _instead(ground, slot, own, offering, term=own.term if own else term)


def _instead(
    ground: Ground, slot: Slot, own: CartLine | None, offering: Offering, *, term: int
) -> Iterator[_Option]:
    plan = slot.kind is Kind.PLAN
    present = ground.catalogue.offering(own.offering) if own is not None else None
    for each in sorted(offering.terms, reverse=True) if plan else (0,):
        if own is not None and (offering.code, each) == (own.offering, own.term):
            continue
        blank = CartLine(slot.name, offering.code, group=ground.group, role=slot.name)
        line = replace(own or blank, offering=offering.code, quantity=1, term=each)
        month = _monthly(offering, ground=ground, term=each)
        if present is not None and own is not None:
            month = abs(month - _monthly(present, ground=ground, term=own.term))
        usual = own is None and not plan and offering.code != slot.default
        yield _Option(
            line, own is not None, (0, each != term, usual, month, offering.rank, offering.code)
        )


def _cost(combination: Sequence[_Option]) -> tuple[object, ...]:
    changed = [option for option in combination if option.changed]
    return (
        len(changed),
        sum(option.line is None for option in changed),
        *(option.distance for option in combination),
    )


def _monthly(offering: Offering, *, ground: Ground, term: int) -> Decimal:
    charges = offering.charges_for(
        segment=ground.segment, term=term, bundle=None, channel=ground.channel, at=ground.at
    )
    months = (c.amount.amount / c.every_months for c in charges if c.kind is ChargeKind.RECURRING)
    return sum(months, Decimal(0))


def _placed(kept: Sequence[CartLine], chosen: Sequence[CartLine | None]) -> tuple[CartLine, ...]:
    return (*kept, *(line for line in chosen if line is not None))


def _settled(
    ground: Ground,
    before: Sequence[CartLine],
    found: tuple[CartLine, ...],
    *,
    extras: Sequence[CartLine],
) -> Settled:
    lines = found
    gone: dict[str, Refusal] = {}
    for extra in extras:
        why = refusal_of(ground, (*found, extra))
        if why is None:
            lines = (*lines, extra)
        else:
            gone[extra.id] = why
    ordered = _as_before(before, lines)
    return Settled(ordered, tuple(_changes(ground, before, ordered, gone=gone)))


def _as_before(before: Sequence[CartLine], lines: Sequence[CartLine]) -> tuple[CartLine, ...]:
    places = {line.id: place for place, line in enumerate(before)}
    return tuple(sorted(lines, key=lambda line: (places.get(line.id, len(places)), line.id)))


def _changes(
    ground: Ground,
    before: Sequence[CartLine],
    after: Sequence[CartLine],
    *,
    gone: dict[str, Refusal],
) -> Iterator[Change]:
    present = ground.entries(before)
    broken = ground.broken(present, facts=ground.facts(present))
    old = {line.id: line for line in before}
    new = {line.id: line for line in after}
    for line_id in dict.fromkeys((*old, *new)):
        was, now = old.get(line_id), new.get(line_id)
        if was == now:
            continue
        line = was or now
        assert line is not None
        yield Change(
            role=line.role,
            before=was.offering if was is not None else None,
            after=now.offering if now is not None else None,
            term_before=was.term if was is not None else 0,
            term_after=now.term if now is not None else 0,
            reason=gone.get(line_id)
            or (_reason(ground, broken, role_of(line.role)) if was is not None else None),
        )


def _reason(ground: Ground, broken: Sequence[Refusal], role: str) -> Refusal | None:
    """The broken rule that speaks of the role, else the first."""
    rules = {rule.code: rule for rule in ground.catalogue.rules}
    for refusal in broken:
        rule = rules[refusal.code]
        if role in roles_of(rule):
            return refusal
    return next(iter(broken), None)


def _text(fr: str, en: str) -> Text:
    return Text({"fr": fr, "en": en})


_OTHER_TERM = _text("Choisissez une autre durée d'engagement.", "Choose another commitment.")
NOT_A_CANDIDATE = Refusal(
    "not_a_candidate",
    _text(
        "Cet article n'entre pas dans cette offre groupée.",
        "This item is not part of this bundle.",
    ),
    _text("Il peut être commandé seul.", "It can be ordered on its own."),
)
NO_PRICE = Refusal(
    "no_price",
    _text(
        "Il n'y a pas de prix avec cette durée d'engagement.",
        "There is no price with this commitment.",
    ),
    _OTHER_TERM,
)
TERM_NOT_OFFERED = Refusal(
    "term_not_offered",
    _text(
        "Ce forfait n'est pas proposé avec cette durée d'engagement.",
        "This plan is not offered with this commitment.",
    ),
    _OTHER_TERM,
)
