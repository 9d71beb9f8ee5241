"""Promotions as values: conditions, benefits, limits and how they stack.

What they judge (`Unit`, `PricedLine`, `CustomerFacts`) is defined here too, because the cart lies
in a layer above.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from catalogue.domain.expressions import Expression, Facts, Operator, Scalar, Test
from catalogue.domain.model import ChargeKind, Segment, Text
from promotions.domain.benefits import Benefit, EarlyExit


class Miss(StrEnum):
    """Why a promotion within reach was not applied."""

    NOT_YET = "not_yet"
    OVER = "over"
    CONDITION = "condition"
    NOTHING_TO_REDUCE = "nothing_to_reduce"
    BETTER_ONE = "better_one"
    EXCLUSIVE = "exclusive"
    USED_UP = "used_up"


class Pick(StrEnum):
    """Which of the pieces are given: those of the lowest or of the highest list price."""

    CHEAPEST = "cheapest"
    DEAREST = "dearest"


@dataclass(frozen=True, slots=True)
class Reduction:
    """`benefit` for each charge of that kind whose line and charge facts satisfy `target`."""

    target: Expression
    charge: ChargeKind
    benefit: Benefit

    @property
    def targets(self) -> tuple[Expression, ...]:
        return (self.target,)


@dataclass(frozen=True, slots=True)
class FreeItem:
    """Of every `buy` + `free` pieces that `target` finds, `free` get `benefit` (all of it off).

    A piece is one unit of one charge. `most` limits how many are given in all.
    """

    target: Expression
    charge: ChargeKind
    benefit: Benefit
    buy: int = 0
    free: int = 1
    most: int | None = None
    pick: Pick = Pick.CHEAPEST

    @property
    def targets(self) -> tuple[Expression, ...]:
        return (self.target,)


@dataclass(frozen=True, slots=True)
class BundleItem:
    """So many pieces of what `target` finds, those of the highest list price first."""

    target: Expression
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class BundlePrice:
    """All `items` together cost the value of `benefit`, as often as the cart holds them all.

    `most` limits how often. The price is shared out by list prices (largest remainder).
    """

    items: tuple[BundleItem, ...]
    charge: ChargeKind
    benefit: Benefit
    most: int | None = None

    @property
    def targets(self) -> tuple[Expression, ...]:
        return tuple(item.target for item in self.items)


PromotionBenefit: TypeAlias = Reduction | FreeItem | BundlePrice


@dataclass(frozen=True, slots=True)
class Limits:
    """How often it may be had: in all, and by one party (None: without limit)."""

    total: int | None = None
    per_party: int | None = None

    def __bool__(self) -> bool:
        return self.total is not None or self.per_party is not None


class Beside(StrEnum):
    """Which of a holder's running lines count for an advantage of one: all his OTHERS, or those
    that began EARLIER."""

    OTHERS = "others"
    EARLIER = "earlier"


@dataclass(frozen=True, slots=True)
class WhileLines:
    """An advantage of several lines: a line has it as long as its holder has `at_least` so many
    beside it, from one bill day to the next. `begins`: a running line gets it too when another line
    comes, not a new one alone."""

    beside: Beside
    at_least: int
    begins: bool = False

    @property
    def test(self) -> Test:
        return Test(f"customer.{self.beside}", Operator.AT_LEAST, self.at_least)


@dataclass(frozen=True, slots=True)
class Promotion:
    """An advantage on sale.

    Of one `group` one at most is given, and an `exclusive` one shares its charges with no other;
    among what that permits the customer gets what costs least. Those given apply by falling
    `priority`, then code. `hint` says what to do to get it. `single_use` needs a code of one of its
    batches; `reasons` make it a retention offer, which an agent gives for one of them. `lines`: it
    comes and goes with the number of its holder's lines, which `when` asks for too.
    """

    code: str
    version: int
    name: Text
    when: Expression
    benefits: tuple[PromotionBenefit, ...]
    trigger: Mapping[str, frozenset[Scalar]]
    group: str
    priority: int = 0
    exclusive: bool = False
    requires_code: str | None = None
    single_use: bool = False
    reasons: tuple[str, ...] = ()
    limits: Limits = Limits()
    early_exit: EarlyExit = EarlyExit.NOTHING
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    hint: Text | None = None
    lines: WhileLines | None = None

    @property
    def slug(self) -> tuple[int, str]:
        """The order in which promotions apply."""
        return (-self.priority, self.code)

    @property
    def on_demand(self) -> bool:
        """Whether it is looked at only when it is asked for: by a code or by an agent."""
        return self.requires_code is not None or self.single_use or bool(self.reasons)


@dataclass(frozen=True, slots=True)
class PricedCharge:
    """A list price per unit, rounded to the cent."""

    code: str
    kind: ChargeKind
    amount: Decimal
    every_months: int = 1


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of the cart with its list prices. `facts` are those under `line.`."""

    id: str
    facts: Facts
    quantity: int
    charges: tuple[PricedCharge, ...]


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What conditions may know of the customer; `used_up` names promotions he can't have again.

    `opened` are promotions that he has a single-use code for, `retained` those that an agent gave
    him, each with its reason. `running` are the contracts that `lines` counts, in the order in
    which they began, and `line` is the one that is spoken of (None: a new one).
    """

    segment: Segment = Segment.CONSUMER
    known: bool = False
    tenure_months: int = 0
    lines: int = 0
    owns: tuple[str, ...] = ()
    months_to_commitment_end: int | None = None
    used_up: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()
    retained: Mapping[str, str] = field(default_factory=dict)
    running: tuple[int, ...] = ()
    line: int | None = None

    def facts(self) -> dict[str, Scalar | tuple[Scalar, ...]]:
        facts: dict[str, Scalar | tuple[Scalar, ...]] = {
            "customer.segment": self.segment.value,
            "customer.known": self.known,
            "customer.tenure_months": self.tenure_months,
            "customer.lines": self.lines,
            "customer.owns": self.owns,
            f"customer.{Beside.OTHERS}": self.lines - (self.line in self.running),
            f"customer.{Beside.EARLIER}": self._earlier,
        }
        if self.months_to_commitment_end is not None:
            facts["customer.months_to_commitment_end"] = self.months_to_commitment_end
        return facts

    @property
    def _earlier(self) -> int:
        if self.line is None or self.line not in self.running:
            return self.lines
        return self.running.index(self.line)


@dataclass(frozen=True, slots=True)
class Unit:
    """What a promotion is judged on: the lines of one bundle instance, over `months` months."""

    facts: Facts
    lines: tuple[PricedLine, ...]
    months: int


@dataclass(frozen=True, slots=True)
class Grant:
    """A benefit on one charge of one line."""

    line: str
    charge: str
    promotion: Promotion
    benefit: Benefit


@dataclass(frozen=True, slots=True)
class AppliedPromotion:
    """`saving` is what it took off over the unit's months, after those before it."""

    promotion: Promotion
    saving: Decimal
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissedPromotion:
    """`values` say more: the fact that failed and what it asks for, or the promotion that won."""

    promotion: Promotion
    reason: Miss
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    grants: tuple[Grant, ...]
    applied: tuple[AppliedPromotion, ...]
    missed: tuple[MissedPromotion, ...]
