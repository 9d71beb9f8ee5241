"""The ways through a bundle: journeys are derived from its slots, entry points are data. Pure.

A slot for one is a step of its own; slots for several are one step together ("something with
it?"); the SIM comes last, with the number. An entry point only says which role leads, which roles
are left out, and which ones a running line has already.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from catalogue.domain.model import Kind, Offering, Slot, Snapshot, Text

_LAST = frozenset({Kind.SIM, Kind.NUMBER})
"""Chosen in the last step; the number's own place is filled with the number."""
EXTRAS = "extras"
"""The step of all slots that take several."""


Shape = Literal["plain", "nested", "lines", "loose"]


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """Where a journey may begin.

    `first` is the role that leads (none: as the slots stand); the bundle must have the roles of
    `needs`; those of `without` are left out on purpose; a running line has those of `there`
    already, and may keep those of `keeps` or take new ones. `renews` commits the line anew;
    `stays` changes it within its present commitment.
    Bundles that nest others, that are lines of a pack, or that have neither phone nor plan have a
    way in of their own (`through`), so that what they ask for is asked of nobody else.
    """

    code: str
    name: Text
    summary: Text
    first: str = ""
    needs: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()
    keeps: frozenset[str] = frozenset()
    renews: bool = False
    stays: bool = False
    through: Shape = "plain"

    @property
    def of_line(self) -> bool:
        """Whether it begins at a line that runs already."""
        return bool(self.there)

    @property
    def absent(self) -> frozenset[str]:
        """The roles that this journey never asks for."""
        return self.without | self.there


@dataclass(frozen=True, slots=True)
class Way:
    """A step of a journey: its code, and the places that are filled in it, by name."""

    code: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Journey:
    """An entry point with the bundles that serve it, and the steps through them."""

    entry: EntryPoint
    bundles: tuple[Offering, ...]
    ways: tuple[Way, ...]

    def bundle_for(self, roles: Iterable[str]) -> Offering:
        """The bundle in which these roles are filled and no kept one is missing."""
        filled = frozenset(roles)
        own = self.entry.there if self.entry.stays else frozenset()
        open_roles = (self.entry.keeps | own) - filled
        for bundle in self.bundles:
            slots = {slot.name: slot for slot in bundle.slots}
            asked = any(_needed(slots[role]) for role in open_roles if role in slots)
            if not asked and filled <= slots.keys():
                return bundle
        return self.bundles[0]


def entrances(bundles: Iterable[Offering], *, catalogue: Snapshot) -> tuple[Offering, ...]:
    """The bundles in which a journey may begin, by rank; of a pack of lines its first line."""
    found = (
        catalogue.offering(bundle.lines[0].default) if bundle.lines else bundle
        for bundle in bundles
    )
    return tuple(sorted(found, key=lambda bundle: (bundle.rank, bundle.code)))


def journeys(bundles: Sequence[Offering], *, own_line: bool = False) -> tuple[Journey, ...]:
    """The journeys that the bundles on sale allow; those of a running line if there is one."""
    return tuple(
        journey
        for entry in ENTRY_POINTS
        if own_line or not entry.of_line
        for journey in [journey_of(entry, bundles=bundles)]
        if journey is not None
    )


def journey_of(entry: EntryPoint, *, bundles: Sequence[Offering]) -> Journey | None:
    """None if no bundle on sale serves the entry point."""
    serving = tuple(bundle for bundle in bundles if serves(bundle, entry))
    if not serving:
        return None
    richest = max(serving, key=lambda bundle: len(ways_of(bundle.slots, entry)))
    extras = max(serving, key=lambda bundle: len(_extras(bundle.slots)))
    slots = {slot.name: slot for slot in (*richest.slots, *extras.slots)}
    return Journey(entry, serving, ways_of(tuple(slots.values()), entry))


def serves(bundle: Offering, entry: EntryPoint) -> bool:
    """Whether the bundle can be filled from this entry point."""
    roles = {slot.role for slot in bundle.slots}
    forced = any(_needed(slot) for slot in bundle.slots if slot.role in entry.without)
    if forced or entry.through != shape_of(bundle):
        return False
    return entry.needs <= roles and bool(ways_of(bundle.slots, entry))


def shape_of(bundle: Offering) -> Shape:
    """What kind of bundle it is, as ways in tell them apart."""
    if bundle.part_of or bundle.lines:
        return "lines"
    if not any(slot.role in ("handset", "plan") for slot in bundle.slots):
        return "loose"
    return "nested" if bundle.nests else "plain"


def ways_of(slots: Sequence[Slot], entry: EntryPoint | None = None) -> tuple[Way, ...]:
    """The steps through `slots`: the leading role, the other roles for one, extras, the SIM."""
    absent = entry.absent if entry is not None else frozenset()
    first = entry.first if entry is not None else ""
    asked = [slot for slot in slots if slot.role not in absent]
    mains = [slot for slot in asked if slot.maximum == 1 and slot.kind not in _LAST]
    mains.sort(key=lambda slot: (slot.role != first, not slot.always))
    extras = _extras(asked)
    sims = [slot.name for slot in asked if slot.kind is Kind.SIM]
    return (
        *(Way(slot.name, (slot.name,)) for slot in mains),
        *((Way(EXTRAS, extras),) if extras else ()),
        *(Way(role, (role,)) for role in sims),
    )


def later_than(ways: Sequence[Way], role: str) -> tuple[str, ...]:
    """The roles that are chosen after `role`: what follows may have to change with it."""
    place = next((n for n, way in enumerate(ways) if role in way.roles), len(ways))
    return tuple(each for way in ways[place + 1 :] for each in way.roles)


def entry_point(code: str) -> EntryPoint | None:
    return next((entry for entry in ENTRY_POINTS if entry.code == code), None)


def _needed(slot: Slot) -> bool:
    """Whether no bundle is whole without it."""
    return slot.minimum > 0 and slot.always


def _extras(slots: Sequence[Slot]) -> tuple[str, ...]:
    return tuple(slot.name for slot in slots if slot.maximum > 1 and slot.kind not in _LAST)


def _text(fr: str, en: str) -> Text:
    return Text({"fr": fr, "en": en})


ENTRY_POINTS = (
    EntryPoint(
        "handset",
        _text("Un téléphone et son forfait", "A phone and its plan"),
        _text(
            "Choisissez le téléphone ; nous montrons les forfaits qui lui vont.",
            "Choose the phone; we show the plans that go with it.",
        ),
        first="handset",
        needs=frozenset({"handset", "plan"}),
    ),
    EntryPoint(
        "plan",
        _text("Un forfait, puis un téléphone", "A plan, then a phone"),
        _text(
            "Choisissez le forfait ; nous montrons les téléphones à prix réduit avec lui.",
            "Choose the plan; we show the phones at a reduced price with it.",
        ),
        first="plan",
        needs=frozenset({"plan", "handset"}),
    ),
    EntryPoint(
        "pack",
        _text("Un pack complet", "A complete pack"),
        _text(
            "Un téléphone, un forfait et ce qui va avec, à prix de pack.",
            "A phone, a plan and what goes with them, at the pack's price.",
        ),
        first="handset",
        needs=frozenset({"handset", "plan"}),
        through="nested",
    ),
    EntryPoint(
        "lines",
        _text("Plusieurs lignes", "Several lines"),
        _text(
            "Chaque ligne a son numéro et son contrat ; le pack les rend moins chères.",
            "Each line has its number and contract; the pack makes them cheaper.",
        ),
        first="handset",
        needs=frozenset({"plan"}),
        through="lines",
    ),
    EntryPoint(
        "kit",
        _text("Un pack sans ligne", "A pack without a line"),
        _text(
            "Des accessoires et des services ensemble, sans téléphone ni forfait.",
            "Accessories and services together, without phone or plan.",
        ),
        through="loose",
    ),
    EntryPoint(
        "keep-handset",
        _text("Je garde mon téléphone", "I keep my phone"),
        _text(
            "Un forfait et une carte SIM, avec ou sans votre numéro actuel.",
            "A plan and a SIM, with or without your present number.",
        ),
        first="plan",
        needs=frozenset({"plan"}),
        without=frozenset({"handset"}),
    ),
    EntryPoint(
        "add",
        _text("Compléter ma ligne", "Add to my line"),
        _text(
            "Options, services et accessoires pour une ligne que vous avez.",
            "Options, services and accessories for a line that you have.",
        ),
        there=frozenset({"handset", "plan", "sim"}),
    ),
    EntryPoint(
        "change-plan",
        _text("Changer de forfait", "Change my plan"),
        _text(
            "Un autre forfait sur votre ligne ; votre engagement reste ce qu'il est.",
            "Another plan on your line; your commitment stays what it is.",
        ),
        first="plan",
        needs=frozenset({"plan"}),
        without=frozenset({"accessory", "option", "content", "number"}),
        there=frozenset({"handset", "sim"}),
        stays=True,
    ),
    EntryPoint(
        "renew",
        _text("Renouveler ma ligne", "Renew my line"),
        _text(
            "Un nouveau téléphone ou un meilleur prix, avec un nouvel engagement.",
            "A new phone or a better price, with a new commitment.",
        ),
        first="handset",
        needs=frozenset({"plan"}),
        there=frozenset({"sim"}),
        keeps=frozenset({"handset"}),
        renews=True,
    ),
)
"""In the order in which they are offered. A new way in is a row here, not a page."""
