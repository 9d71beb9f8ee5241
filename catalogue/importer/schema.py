"""The shape of catalogue files. Meaning is checked afterwards, in `catalogue.importer.checks`."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from catalogue.domain.document import moment
from catalogue.domain.model import ChargeKind, Kind, RuleKind, Segment
from catalogue.domain.sourcing import PartnerKind, expected_day
from commerce.kernel.sentences import Sentence

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
PlaceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_-]*)*$")]
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Term = Literal[0, 12, 24]
Scalar = bool | int | Decimal | str


def _to_the_cent(amount: Decimal) -> Decimal:
    if amount != amount.quantize(Decimal("0.01")):
        raise ValueError(Sentence("An amount has at most two decimals."))
    return amount


Amount = Annotated[Decimal, Field(ge=0, le=100_000), AfterValidator(_to_the_cent)]


def _of_the_calendar(text: str) -> str:
    try:
        moment(text)
    except ValueError:
        raise ValueError(
            Sentence("%(text)s is neither a day nor an instant in ISO 8601.", text=text)
        ) from None
    return text


Moment = Annotated[str, StringConstraints(min_length=10), AfterValidator(_of_the_calendar)]
"""A day, or an instant, in ISO 8601; a day begins at midnight in Paris."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words2(Part):
    """A text in each language of the shop."""

    fr: Words
    en: Words


class ReleasePart(Part):
    currency: Literal["EUR"] = "EUR"
    note: str = ""


class CharacteristicPart(Part):
    """`required_for`: every offering of these kinds has it. `values`: words for coded values."""

    name: Words2
    type: Literal["text", "number", "yes_no"] | None = None
    unit: str = ""
    required_for: tuple[Kind, ...] = ()
    values: dict[str, Words2] = {}


class AmountsPart(Part):
    """An amount per segment in its basis: `consumer` with tax, `business` without; and when."""

    code: Name
    consumer: Amount | None = None
    business: Amount | None = None
    terms: tuple[Term, ...] = ()
    channels: tuple[str, ...] = ()
    valid_from: Moment | None = None
    valid_until: Moment | None = None


class ChargePart(AmountsPart):
    """One price. A usage charge names its `unit` and how many each month has `included`."""

    kind: ChargeKind
    tax_class: Name
    every_months: int = Field(default=1, ge=1, le=36)
    in_bundle: Code | None = None
    unit: str = ""
    included: Annotated[Decimal, Field(ge=0)] | None = None


class SellingPart(Part):
    """What offerings, families and bundles have in common."""

    code: Code
    name: Words2
    summary: Words2
    description: Words2 | None = None
    category: Code
    segments: tuple[Segment, ...] = tuple(Segment)
    channels: tuple[str, ...] = ()
    rank: int = 100
    valid_from: Moment | None = None
    valid_until: Moment | None = None


class SpecificationPart(Part):
    """What several offerings have in common; they name it, and what they say themselves wins."""

    kind: Kind
    recipe: str | None = None
    characteristics: dict[str, Scalar | tuple[Scalar, ...]] = {}


class OfferingPart(SellingPart):
    kind: Kind
    specification: Code | None = None
    recipe: str | None = None
    characteristics: dict[str, Scalar | tuple[Scalar, ...]] = {}
    terms: tuple[Term, ...] = ()
    charges: tuple[ChargePart, ...] = ()


class VariantPart(Part):
    """Differs from its family by these characteristics and prices; `label` ends its name."""

    code: Code
    label: Words2
    characteristics: dict[str, Scalar | tuple[Scalar, ...]] = {}
    charges: tuple[ChargePart, ...] = ()


class FamilyPart(OfferingPart):
    """A model; what is sold are its variants."""

    variants: tuple[VariantPart, ...] = Field(min_length=1)


class SlotPart(Part):
    """A place with its `role` and `kind`; or, with `bundle`, the places of that bundle.

    With the `kind` bundle it is a place for one of several: those that the `candidates` let in, by
    the facts `bundle.code`, `bundle.category` and `bundle.segment`. A `minimum` of 0 then says that
    the bundle may be left out as a whole, `line` that it is a line of its own. `place` names the
    place where its role stands more than once in a bundle, `name` says it in words.
    """

    place: Name | None = None
    name: Words2 | None = None
    role: Name | None = None
    kind: Kind | None = None
    minimum: int = Field(default=1, ge=0)
    maximum: int = Field(default=1, ge=1, le=100)
    candidates: Any = None
    default: Code | None = None
    bundle: Code | None = None
    line: bool = False

    @property
    def nests(self) -> bool:
        """Whether it is a place for bundles."""
        return self.bundle is not None or self.kind is Kind.BUNDLE


class BundlePricePart(AmountsPart):
    """Another amount of the charge `code` for what fills `role` and fits `offerings`; of a role
    after the name of a place, there alone ("kit.accessory")."""

    role: PlaceName
    offerings: Any = None


class BundlePart(SellingPart):
    slots: tuple[SlotPart, ...] = Field(min_length=1)
    terms: tuple[Term, ...] = ()
    prices: tuple[BundlePricePart, ...] = ()


class RulePart(Part):
    code: Code
    kind: RuleKind
    when: Any = None
    then: Any = None
    message: Words2
    way_out: Words2


class TaskPart(Part):
    """A step of a recipe; what its fields mean is `orchestration`'s."""

    key: Name
    kind: Literal["call", "callback", "notify", "timer", "manual", "milestone"]
    action: str = ""
    when: Any = None
    needs: tuple[str, ...] = ()
    until: str | None = None
    of: str | None = None
    shared: bool = False
    supply: PartnerKind | None = None
    hours: int = Field(default=1, ge=0)
    working: bool = False
    asks: tuple[str, ...] = ()
    ponr: bool = False
    undo: str | None = None
    harmless: bool = False
    after: tuple[str, ...] = ()
    aside: bool = False


class RecipePart(Part):
    """No tasks at all: nothing is to be done (an option that the line's activation carries).

    `fails`: what becomes of the bundle when the item fails for good.
    """

    tasks: tuple[TaskPart, ...]
    fails: Literal["alone", "bundle", "ask"] = "ask"


class PromotionPart(BaseModel):
    """Only what the catalogue must know; `promotions` judges the rest, see `others.py`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    code: str
    version: int = Field(default=1, ge=1)
    name: Words2
    benefits: tuple[dict[str, Any], ...] = Field(min_length=1)


def _a_day(text: str) -> str:
    expected_day(text)
    return text


class DoorPart(Part):
    """Where a shop is, and when it is open: days and hours in each language, line by line."""

    line1: Words
    postcode: Annotated[str, StringConstraints(pattern=r"^\d{5}$")]
    city: Words
    hours: tuple[Words2, ...] = Field(min_length=1)


class ComingPart(Part):
    """Pieces that can be ordered now and are expected on a `day`."""

    pieces: int = Field(ge=0, le=1_000_000)
    day: Annotated[str, AfterValidator(_a_day)]

    @model_validator(mode="before")
    @classmethod
    def _formerly_on(cls, said: Any) -> Any:
        """YAML 1.1 reads a bare `on` as true, so that other tools lost the key."""
        if isinstance(said, dict) and not said.keys().isdisjoint(("on", True)):
            raise ValueError(Sentence("The key `on` is called `day` now."))
        return said


class SupplierPart(Part):
    """A partner with stock. Of partners of a kind, the lowest `preference` is asked first."""

    name: Words
    kind: PartnerKind = PartnerKind.OWN
    preference: int = Field(default=0, ge=0, le=1000)
    lead_days: int = Field(ge=0, le=60)
    door: DoorPart | None = None
    pieces: dict[str, Annotated[int, Field(ge=0, le=1_000_000)]]
    coming: dict[str, ComingPart] = {}


Msisdn = Annotated[str, StringConstraints(pattern=r"^(0[1-9]\d{8}|[13]\d{3})$")]
Ending = Annotated[int, Field(ge=2, le=8)]


class LookPart(Part):
    """How a number ends: so many figures the `same`, in a `run` up or down, equal `pairs`."""

    same: Ending = 0
    run: Ending = 0
    pairs: Annotated[int, Field(ge=2, le=4)] = 0


class NumberClassPart(Part):
    """Numbers that look so are of this class; of two classes the first one counts."""

    code: Name
    looks: tuple[LookPart, ...] = Field(min_length=1)


class NumberPart(Part):
    """All numbers from `first` to `last`, but for `without`; without `klass` by their looks."""

    klass: Name | None = None
    first: Msisdn
    last: Msisdn
    without: tuple[Msisdn, ...] = ()


class SynonymPart(Part):
    """Words or phrases that a search takes for one another."""

    language: Literal["fr", "en"]
    words: tuple[Words, ...] = Field(min_length=2, max_length=20)


class ProposalPart(Part):
    """The `journey` that an offer leads into; what of `kind` fits `offerings` is put into it first,
    and it is only made where the price has the `promotion`."""

    journey: Code
    kind: Kind | None = None
    offerings: Any = None
    promotion: str | None = None


class NextOfferPart(Part):
    """A rule over what a customer has; `promotions.domain.next_offers` judges what it asks."""

    code: Code
    version: int = Field(default=1, ge=1)
    reason: Name
    name: Words2
    text: Words2
    say: Words2
    when: Any = None
    proposes: ProposalPart
    channels: tuple[Literal["web", "call_centre", "b2b_api", "portal"], ...] = ()
    priority: int = Field(default=0, ge=-1000, le=1000)
    days: int = Field(default=30, ge=1, le=366)
    cool_down_days: int = Field(default=60, ge=0, le=1000)
    most_impressions: int = Field(default=20, ge=1, le=1000)
    valid_from: Moment | None = None
    valid_until: Moment | None = None


class Catalogue(Part):
    """A whole catalogue."""

    release: ReleasePart = ReleasePart()
    categories: dict[Code, Words2]
    characteristics: dict[Name, CharacteristicPart]
    specifications: dict[Code, SpecificationPart] = {}
    families: tuple[FamilyPart, ...] = ()
    offerings: tuple[OfferingPart, ...] = ()
    bundles: tuple[BundlePart, ...] = ()
    rules: tuple[RulePart, ...] = ()
    recipes: dict[str, RecipePart] = {}
    promotions: tuple[PromotionPart, ...] = ()
    next_offers: tuple[NextOfferPart, ...] = ()
    suppliers: dict[Code, SupplierPart] = {}
    numbers: tuple[NumberPart, ...] = ()
    number_classes: tuple[NumberClassPart, ...] = ()
    synonyms: tuple[SynonymPart, ...] = ()
