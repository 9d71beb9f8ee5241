"""The sellable catalogue as frozen values: one `Snapshot` per release.

Words are those of TM Forum: a *specification* says what a thing is and how it is fulfilled, an
*offering* how it is sold, a *bundle* is an offering with slots.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from catalogue.domain.expressions import ALWAYS, Expression, Facts, Scalar
from catalogue.domain.numbers import NumberClass
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Kind(StrEnum):
    """What an offering sells."""

    HANDSET = "handset"
    PLAN = "plan"
    ACCESSORY = "accessory"
    OPTION = "option"
    CONTENT = "content"
    SIM = "sim"
    FEE = "fee"
    NUMBER = "number"
    BUNDLE = "bundle"


class Segment(StrEnum):
    CONSUMER = "consumer"
    BUSINESS = "business"


class ChargeKind(StrEnum):
    ONE_OFF = "one_off"
    RECURRING = "recurring"
    USAGE = "usage"


class RuleKind(StrEnum):
    """What a rule does; RECOMMENDS and UPGRADES_TO never refuse."""

    REQUIRES = "requires"
    EXCLUDES = "excludes"
    COMPATIBLE_WITH = "compatible_with"
    RECOMMENDS = "recommends"
    UPGRADES_TO = "upgrades_to"


ADVICE = frozenset({RuleKind.RECOMMENDS, RuleKind.UPGRADES_TO})


@dataclass(frozen=True, slots=True)
class Text:
    """A text per language, with a fallback to any language that has it."""

    by_language: Mapping[str, str]

    def in_(self, language: str) -> str:
        return (
            self.by_language.get(language)
            or self.by_language.get("en")
            or next(iter(self.by_language.values()), "")
        )


@dataclass(frozen=True, slots=True)
class Specification:
    """What a thing is: its characteristics by code, and the recipe that fulfils it."""

    code: str
    kind: Kind
    characteristics: Mapping[str, Scalar | tuple[Scalar, ...]]
    recipe: str | None


@dataclass(frozen=True, slots=True)
class Charge:
    """A price of an offering.

    `amount` is in the master basis of the segment: with tax (TTC) for consumers, without (HT) for
    business. `terms` limits it to commitments of so many months (0 = none; empty = any) and
    `in_bundle` to lines inside that bundle, `channels` to those (empty = any). The most specific
    charge of a `code` wins (bundle, then term, then channel); of two alike, the one that became
    valid last. A usage charge costs `amount` per `unit` beyond the `included` units of each month
    (None: nothing is included).
    """

    code: str
    kind: ChargeKind
    amount: Money
    segment: Segment
    tax_class: str
    every_months: int = 1
    terms: tuple[int, ...] = ()
    in_bundle: str | None = None
    channels: frozenset[str] = frozenset()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    unit: str = ""
    included: Decimal | None = None

    def applies(
        self, *, segment: Segment, term: int, bundle: str | None, channel: str, at: datetime | None
    ) -> bool:
        """Whether it may be asked there; `channel` empty or `at` None are not looked at."""
        return (
            self.segment == segment
            and (not self.terms or term in self.terms)
            and (self.in_bundle is None or self.in_bundle == bundle)
            and (not self.channels or not channel or channel in self.channels)
            and (at is None or self.valid_from is None or self.valid_from <= at)
            and (at is None or self.valid_until is None or at < self.valid_until)
        )

    @property
    def weight(self) -> tuple[int, datetime]:
        """How specific it is, then how new."""
        special = 4 * (self.in_bundle is not None) + 2 * bool(self.terms) + bool(self.channels)
        return special, self.valid_from or LONG_AGO


@dataclass(frozen=True, slots=True)
class Nesting:
    """A bundle that stands in a place of another, and whether that may be left empty.

    Of several bundles that may take one `place` only one does: that in which something stands, else
    the one by `default`.
    """

    place: str
    bundle: str
    optional: bool = False
    default: bool = True


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a bundle: its role, how many, and who may take it.

    `place` is its name where the role alone would not tell it from others: the names of places
    around it, then the role ("kit.accessory"). `within` are the nested bundles around it, the
    outermost first; none where the slot is the bundle's own. `title` says it in words.
    """

    role: str
    kind: Kind
    minimum: int
    maximum: int
    candidates: Expression = ALWAYS
    default: str | None = None
    place: str = ""
    within: tuple[Nesting, ...] = ()
    title: Text | None = None

    @property
    def name(self) -> str:
        """What tells it from every other place of the bundle; lines stand under it."""
        return self.place or self.role

    @property
    def bundle(self) -> str:
        """The nested bundle that brought it; empty: it is the bundle's own."""
        return self.within[-1].bundle if self.within else ""

    @property
    def always(self) -> bool:
        """Whether its minimum holds whatever else is chosen."""
        return all(nest.default and not nest.optional for nest in self.within)


def least_in(slot: Slot, slots: Sequence[Slot], *, filled: Collection[str]) -> int:
    """How many the place needs beside the places that are `filled`, by name.

    That is its minimum; but the places of a nested bundle need nothing while nothing stands in it
    and it may be left out, or another one stands in its place.
    """
    if not slot.within:
        return slot.minimum
    present = present_in(slots, filled=filled)
    taken = {nest.place for nest in present}
    for nest in slot.within:
        if nest not in present and (nest.optional or nest.place in taken or not nest.default):
            return 0
    return slot.minimum


def present_in(slots: Sequence[Slot], *, filled: Collection[str]) -> tuple[Nesting, ...]:
    """The nested bundles in which something stands, in the order of their places."""
    return tuple(
        dict.fromkeys(nest for slot in slots if slot.name in filled for nest in slot.within)
    )


def rivals_of(slot: Slot, slots: Sequence[Slot]) -> frozenset[str]:
    """The names of the places that can't be filled beside it: another bundle brought them to a
    place in which one stands."""
    mine = {nest.place: nest.bundle for nest in slot.within}
    return frozenset(
        other.name
        for other in slots
        if any(mine.get(nest.place, nest.bundle) != nest.bundle for nest in other.within)
    )


def role_of(name: str) -> str:
    """The role of a place, by its name."""
    return name.rpartition(".")[2]


def priced_in(bundle: str | None, name: str) -> str | None:
    """Under which name charges know what stands in a place of a bundle ("duo/kit")."""
    around = name.rpartition(".")[0]
    return f"{bundle}/{around}" if bundle and around else bundle


@dataclass(frozen=True, slots=True)
class Rule:
    """A typed relation between offerings, by attribute expression over the facts of a bundle.

    Where `when` holds, REQUIRES demands `then`, EXCLUDES forbids it, COMPATIBLE_WITH says what goes
    together (and refuses the rest), RECOMMENDS ranks by it. UPGRADES_TO looks with `when` at what a
    customer has and with `then` at what he could have instead. `message` is the sentence per
    language; `way_out` what the customer can do instead.
    """

    code: str
    kind: RuleKind
    when: Expression
    then: Expression
    message: Text
    way_out: Text


@dataclass(frozen=True, slots=True)
class PackLine:
    """A place of a pack that is a line of its own: one of `bundles`, with a plan, a number and a
    contract. `minimum` 0: it may be left out."""

    place: str
    minimum: int
    bundles: tuple[str, ...]
    default: str


@dataclass(frozen=True, slots=True)
class Offering:
    """How a thing is sold.

    Of a bundle `nests` are the codes of the bundles in it, `lines` the places that are lines of
    their own. `part_of` is the pack whose line it is: such a bundle is sold in that pack alone, its
    specification is the bundle that it is made of.
    """

    code: str
    specification: Specification
    name: Text
    summary: Text
    category: str
    charges: tuple[Charge, ...]
    terms: tuple[int, ...] = ()
    segments: frozenset[Segment] = frozenset(Segment)
    channels: frozenset[str] = frozenset()
    family: str | None = None
    slots: tuple[Slot, ...] = ()
    stocked: bool = False
    rank: int = 100
    description: Text = Text(MappingProxyType({}))
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    nests: tuple[str, ...] = ()
    part_of: str = ""
    lines: tuple[PackLine, ...] = ()

    @property
    def kind(self) -> Kind:
        return self.specification.kind

    @property
    def characteristics(self) -> Mapping[str, Scalar | tuple[Scalar, ...]]:
        return self.specification.characteristics

    def named(self, nested: Iterable[str]) -> Mapping[str, Scalar | tuple[Scalar, ...]]:
        """The facts of a bundle's names, where these are the nested ones in which something stands:
        `bundle.code` as it is sold, `bundle.codes` of all."""
        own = (self.part_of, self.specification.code) if self.part_of else (self.code,)
        return {"bundle.code": own[0], "bundle.codes": tuple(dict.fromkeys((*own, *nested)))}

    def slot(self, name: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.name == name), None)

    def sellable(self, *, segment: Segment, channel: str, at: datetime) -> bool:
        """Whether it is offered to that segment on that channel at that instant."""
        return (
            segment in self.segments
            and (not self.channels or channel in self.channels)
            and (self.valid_from is None or self.valid_from <= at)
            and (self.valid_until is None or at < self.valid_until)
        )

    def charges_for(
        self,
        *,
        segment: Segment,
        term: int,
        bundle: str | None,
        at: datetime,
        channel: str = "",
    ) -> tuple[Charge, ...]:
        """One charge per code: the most specific that applies at `at`.

        A shelf that speaks for every channel leaves `channel` empty.
        """
        best: dict[str, Charge] = {}
        for charge in self.charges:
            if not charge.applies(
                segment=segment, term=term, bundle=bundle, channel=channel, at=at
            ):
                continue
            rival = best.get(charge.code)
            if rival is None or charge.weight > rival.weight:
                best[charge.code] = charge
        return tuple(best.values())

    def facts(self, *, role: str) -> dict[str, Scalar | tuple[Scalar, ...]]:
        """Its characteristics as facts under `role.`; plus `role.code`, `.kind`, `.category`."""
        facts: dict[str, Scalar | tuple[Scalar, ...]] = {
            f"{role}.{name}": value for name, value in self.characteristics.items()
        }
        facts[f"{role}.code"] = self.code
        facts[f"{role}.kind"] = self.kind.value
        facts[f"{role}.category"] = self.category
        if self.family:
            facts[f"{role}.family"] = self.family
        return facts


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Words and phrases of one language that a search takes for one another."""

    language: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """Everything that can be sold in one release, loaded once per process."""

    release: int
    digest: str
    offerings: Mapping[str, Offering]
    rules: tuple[Rule, ...]
    tax_rates: Mapping[str, Decimal]
    recipes: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    promotions: tuple[Mapping[str, object], ...] = ()
    next_offers: tuple[Mapping[str, object], ...] = ()
    categories: Mapping[str, Text] = field(default_factory=lambda: MappingProxyType({}))
    labels: Mapping[str, Text] = field(default_factory=lambda: MappingProxyType({}))
    units: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    families: Mapping[str, Text] = field(default_factory=lambda: MappingProxyType({}))
    synonyms: tuple[Synonyms, ...] = ()
    number_classes: tuple[NumberClass, ...] = ()

    def label(self, characteristic: str, value: Scalar | None = None) -> Text | None:
        """The words for a characteristic, or for one of its values ("colour", "midnight").

        None where the value speaks for itself (a number, a name).
        """
        return self.labels.get(characteristic if value is None else f"{characteristic}.{value}")

    def family(self, code: str) -> tuple[Offering, ...]:
        """The variants of one model, cheapest rank first, then by code."""
        return self._families.get(code, ())

    def offering(self, code: str) -> Offering:
        """Raises NotFound with the code."""
        found = self.offerings.get(code)
        if found is None:
            raise NotFound(
                f"No offering is called {code!r}.", code="unknown_offering", offering=code
            )
        return found

    def of_kind(self, kind: Kind) -> tuple[Offering, ...]:
        """All that is sold by itself: not the lines of packs."""
        return self._kinds.get(kind, ())

    @cached_property
    def _kinds(self) -> Mapping[Kind, tuple[Offering, ...]]:
        found: dict[Kind, list[Offering]] = {}
        for offering in self.offerings.values():
            if offering.part_of:
                continue
            found.setdefault(offering.kind, []).append(offering)
        return {kind: tuple(members) for kind, members in found.items()}

    @cached_property
    def _families(self) -> Mapping[str, tuple[Offering, ...]]:
        found: dict[str, list[Offering]] = {}
        for offering in sorted(self.offerings.values(), key=lambda o: (o.rank, o.code)):
            if offering.family is not None:
                found.setdefault(offering.family, []).append(offering)
        return {code: tuple(members) for code, members in found.items()}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something can't be chosen: a code for machines, a sentence and a way out for people."""

    code: str
    message: Text
    way_out: Text


def refusals(rules: tuple[Rule, ...], *, facts: Facts) -> tuple[Refusal, ...]:
    """The rules that `facts` (of a whole bundle) break."""
    broken = []
    for rule in rules:
        if rule.kind in ADVICE or not rule.when.holds(facts):
            continue
        if rule.then.holds(facts) == (rule.kind is RuleKind.EXCLUDES):
            broken.append(Refusal(rule.code, rule.message, rule.way_out))
    return tuple(broken)


def upgrades(snapshot: Snapshot, present: Offering) -> tuple[tuple[Offering, Text], ...]:
    """What `present` could be exchanged for by UPGRADES_TO, each with the rule's sentence.

    By rank, then code; whether they are sold to somebody is the caller's question.
    """
    role = present.kind.value
    found: dict[str, tuple[Offering, Text]] = {}
    for rule in snapshot.rules:
        if rule.kind is not RuleKind.UPGRADES_TO or not rule.when.holds(present.facts(role=role)):
            continue
        for other in snapshot.of_kind(present.kind):
            if other is not present and rule.then.holds(other.facts(role=role)):
                found.setdefault(other.code, (other, rule.message))
    return tuple(sorted(found.values(), key=lambda pair: (pair[0].rank, pair[0].code)))
