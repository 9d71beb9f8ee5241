"""The facts that catalogue rules and promotions may speak of, made from a cart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalogue.domain.expressions import Scalar
from catalogue.domain.model import Offering, Slot, Snapshot, least_in, present_in, role_of
from commerce.kernel.clock import PARIS
from commerce.ordering.domain.cart import CartLine, CartValue

Fact = Scalar | tuple[Scalar, ...]

# One of each at most in a bundle instance: their facts stand under the role's name. Of several
# outside bundles the first in the alphabet counts, in whatever order they were put into the cart.
SINGLE_ROLES = ("handset", "plan", "sim")
_ROLE_RANK = {role: rank for rank, role in enumerate((*SINGLE_ROLES, "option", "accessory"))}
LOOSE = ""
INSTEAD = "instead"
"""In a line's config: it takes the place of what a running line has, at its present commitment."""
MONTHS_WITHOUT_COMMITMENT = 12
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


_KEPT = 20_000
_facts_kept: dict[tuple[int, str], tuple[Offering, Mapping[str, Fact]]] = {}


def offering_facts(offering: Offering, *, role: str) -> Mapping[str, Fact]:
    """As `Offering.facts`, worked out once per offering and role; not to be changed.

    Offerings never change; the entry keeps its offering, so that its identity can't be used anew.
    """
    key = (id(offering), role)
    kept = _facts_kept.get(key)
    if kept is None:
        if len(_facts_kept) >= _KEPT:
            _facts_kept.clear()
        kept = _facts_kept[key] = (offering, offering.facts(role=role))
    return kept[1]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line with the offering that it names."""

    line: CartLine
    offering: Offering

    @property
    def role(self) -> str:
        """What it is in its bundle; a loose line stands under its kind."""
        return role_of(self.place)

    @property
    def place(self) -> str:
        """The name of the slot that it fills."""
        return self.line.role or self.offering.kind.value


def entries_of(cart: CartValue, *, catalogue: Snapshot) -> tuple[Entry, ...]:
    """The lines in an order that depends on nothing but themselves.

    Raises:
        NotFound: code `unknown_offering`.
    """
    found = [Entry(line, catalogue.offering(line.offering)) for line in cart.lines]
    return tuple(sorted(found, key=_place))


def by_group(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.line.group, []).append(entry)
    return groups


def term_of(entries: Sequence[Entry]) -> int:
    """The commitment of a bundle instance: that of its plan; all its lines share it."""
    return max((entry.line.term for entry in entries), default=0)


def asks_port_in(entries: Sequence[Entry]) -> bool:
    return any(entry.line.config.get("number_choice") == "port" for entry in entries)


def takes_a_place(entry: Entry) -> bool:
    """Whether a running line goes on with it instead of what it has: it is no new line, and nothing
    is due once for it; a fee is a line of its own."""
    return bool(entry.line.config.get(INSTEAD)) or renews((entry,))


def renews(entries: Sequence[Entry]) -> bool:
    """Whether a line that the customer has already is committed anew: it keeps its number."""
    return any(entry.line.config.get("number_choice") == "keep" for entry in entries)


def clock_facts(at: datetime) -> dict[str, Fact]:
    """The day and the time of the market's clocks: 2026-11-27, friday, 18:30."""
    local = at.astimezone(PARIS)
    return {
        "at.date": local.date().isoformat(),
        "at.weekday": WEEKDAYS[local.weekday()],
        "at.time": f"{local:%H:%M}",
    }


def complete(entries: Sequence[Entry], *, slots: Sequence[Slot]) -> bool:
    """Whether every slot holds at least its minimum."""
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.place] = counts.get(entry.place, 0) + entry.line.quantity
    return all(
        counts.get(slot.name, 0) >= least_in(slot, slots, filled=counts.keys()) for slot in slots
    )


def unit_facts(
    entries: Sequence[Entry], *, bundle: Offering | None, segment: str
) -> dict[str, Fact]:
    """The facts of one bundle instance, without prices: what rules and promotions share."""
    facts: dict[str, Fact] = {
        "term_months": term_of(entries),
        "item.port_in": asks_port_in(entries),
        "item.new_line": any(
            entry.role == "plan" and not takes_a_place(entry) for entry in entries
        ),
        "item.renewal": renews(entries),
        "customer.segment": segment,
        "codes": tuple(sorted({entry.offering.code for entry in entries})),
        "kinds": tuple(sorted({entry.offering.kind.value for entry in entries})),
        "roles": tuple(sorted({entry.role for entry in entries})),
        "categories": tuple(sorted({entry.offering.category for entry in entries})),
    }
    if bundle is not None:
        present = present_in(bundle.slots, filled={entry.place for entry in entries})
        facts.update(bundle.named(nest.bundle for nest in present))
        facts["bundle.complete"] = complete(entries, slots=bundle.slots)
    for role in SINGLE_ROLES:
        standing = [entry.offering for entry in entries if entry.role == role]
        if standing:
            first = min(standing, key=lambda offering: offering.code)
            facts.update(offering_facts(first, role=role))
    return facts


def bundles_of(cart: CartValue, *, catalogue: Snapshot) -> Mapping[str, Offering]:
    """The bundle offering of each group that has one."""
    return {group: catalogue.offering(code) for group, code in cart.bundles.items()}


def _place(entry: Entry) -> tuple[int, str, int, int, str]:
    line = entry.line
    return (
        len(line.group),
        line.group,
        _ROLE_RANK.get(entry.role, len(_ROLE_RANK)),
        len(line.id),
        line.id,
    )
