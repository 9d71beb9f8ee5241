"""The sellable catalogue as frozen values: one `Snapshot` per release.

Words are those of TM Forum: a *specification* says what a thing is and how it is fulfilled, an
*offering* how it is sold, a *bundle* is an offering with slots.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from catalogue.domain.expressions import ALWAYS, Expression, Facts, Scalar
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money


class Kind(StrEnum):
    """What an offering sells."""

    HANDSET = "handset"
    PLAN = "plan"
    ACCESSORY = "accessory"
    OPTION = "option"
    CONTENT = "content"
    SIM = "sim"
    FEE = "fee"
    BUNDLE = "bundle"


class Segment(StrEnum):
    CONSUMER = "consumer"
    BUSINESS = "business"


class ChargeKind(StrEnum):
    ONE_OFF = "one_off"
    RECURRING = "recurring"


class RuleKind(StrEnum):
    REQUIRES = "requires"
    EXCLUDES = "excludes"
    RECOMMENDS = "recommends"


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
    `in_bundle` to lines inside that bundle. The most specific charge of a `code` wins (bundle,
    then term).
    """

    code: str
    kind: ChargeKind
    amount: Money
    segment: Segment
    tax_class: str
    every_months: int = 1
    terms: tuple[int, ...] = ()
    in_bundle: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a bundle: its role, how many, and who may take it."""

    role: str
    kind: Kind
    minimum: int
    maximum: int
    candidates: Expression = ALWAYS
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A typed relation between offerings, by attribute expression over the facts of a bundle.

    Where `when` holds, REQUIRES demands `then`, EXCLUDES forbids it, RECOMMENDS ranks by it.
    `message` is the sentence per language; `way_out` what the customer can do instead.
    """

    code: str
    kind: RuleKind
    when: Expression
    then: Expression
    message: Text
    way_out: Text


@dataclass(frozen=True, slots=True)
class Offering:
    """How a thing is sold."""

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

    @property
    def kind(self) -> Kind:
        return self.specification.kind

    @property
    def characteristics(self) -> Mapping[str, Scalar | tuple[Scalar, ...]]:
        return self.specification.characteristics

    def sellable(self, *, segment: Segment, channel: str, at: datetime) -> bool:
        """Whether it is offered to that segment on that channel at that instant."""
        return (
            segment in self.segments
            and (not self.channels or channel in self.channels)
            and (self.valid_from is None or self.valid_from <= at)
            and (self.valid_until is None or at < self.valid_until)
        )

    def charges_for(self, *, segment: Segment, term: int, bundle: str | None) -> tuple[Charge, ...]:
        """One charge per code: the most specific that fits (bundle before term before general)."""
        best: dict[str, tuple[int, Charge]] = {}
        for charge in self.charges:
            fits_term = not charge.terms or term in charge.terms
            fits_bundle = charge.in_bundle is None or charge.in_bundle == bundle
            if charge.segment != segment or not fits_term or not fits_bundle:
                continue
            weight = 2 * (charge.in_bundle is not None) + bool(charge.terms)
            if charge.code not in best or weight > best[charge.code][0]:
                best[charge.code] = (weight, charge)
        return tuple(charge for _, charge in best.values())

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
class Snapshot:
    """Everything that can be sold in one release, loaded once per process."""

    release: int
    digest: str
    offerings: Mapping[str, Offering]
    rules: tuple[Rule, ...]
    tax_rates: Mapping[str, Decimal]
    recipes: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    promotions: tuple[Mapping[str, object], ...] = ()
    categories: Mapping[str, Text] = field(default_factory=lambda: MappingProxyType({}))
    labels: Mapping[str, Text] = field(default_factory=lambda: MappingProxyType({}))
    units: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    families: Mapping[str, Text] = field(default_factory=lambda: MappingProxyType({}))

    def label(self, characteristic: str, value: Scalar | None = None) -> Text | None:
        """The words for a characteristic, or for one of its values ("colour", "midnight").

        None where the value speaks for itself (a number, a name).
        """
        return self.labels.get(characteristic if value is None else f"{characteristic}.{value}")

    def family(self, code: str) -> tuple[Offering, ...]:
        """The variants of one model, cheapest rank first, then by code."""
        found = (o for o in self.offerings.values() if o.family == code)
        return tuple(sorted(found, key=lambda o: (o.rank, o.code)))

    def offering(self, code: str) -> Offering:
        """Raises NotFound with the code."""
        found = self.offerings.get(code)
        if found is None:
            raise NotFound(
                f"No offering is called {code!r}.", code="unknown_offering", offering=code
            )
        return found

    def of_kind(self, kind: Kind) -> tuple[Offering, ...]:
        return tuple(o for o in self.offerings.values() if o.kind is kind)


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
        if rule.kind is RuleKind.RECOMMENDS or not rule.when.holds(facts):
            continue
        if rule.then.holds(facts) == (rule.kind is RuleKind.EXCLUDES):
            broken.append(Refusal(rule.code, rule.message, rule.way_out))
    return tuple(broken)
