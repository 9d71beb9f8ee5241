"""Which number a plan gets, and what a special number is for."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from catalogue.domain.model import Kind, Offering, Snapshot
from commerce.kernel.errors import RuleViolated
from commerce.markets.pack import NumberUse


class Keep(StrEnum):
    """A new number, or one that comes from another operator."""

    NEW = "new"
    PORT = "port"


SLOTS = ("08:00-12:00", "12:00-16:00", "16:00-20:00")
"""Local time in which a number may be ported."""

NUMBER_KEYS = frozenset(
    {"number_choice", "msisdn", "rio", "port_on", "port_slot", "temporary", "number_class"}
)
"""The entries of a line's config that say which number it gets."""


def comes_along() -> RuleViolated:
    """Why a number that is still to come can't be exchanged as others are."""
    return RuleViolated(
        "This number comes from another operator: its day is changed, or it is given up for a new"
        " one, on its own page.",
        code="number_comes_along",
    )


@dataclass(frozen=True, slots=True)
class NumberChoice:
    """What the customer says. NEW: `msisdn` is one that was proposed, or empty for any.

    PORT: `msisdn` is to be kept, with its `rio`; `port_on` is the wished working day (None: as
    soon as may be) and `slot` one of `SLOTS` (empty: the first). `temporary`: the line works at
    once, with a number of ours until the other one is here.
    """

    keep: Keep
    msisdn: str = ""
    rio: str = ""
    port_on: date | None = None
    slot: str = ""
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class DeclaredUse:
    """What the holder of a special number says: the number that calls are led to, and what for."""

    route_to: str
    purpose: NumberUse


def has_number(offering: Offering) -> bool:
    """Whether a line of it gets a number: a plan, or a special number."""
    return offering.kind is Kind.PLAN or sells_range(offering)


def lends_number(offering: Offering, *, catalogue: Snapshot) -> bool:
    """Whether its line can work with a temporary number until the one that comes along is here: its
    recipe says so. Releases of earlier days do not."""
    recipe: Any = catalogue.recipes.get(offering.specification.recipe or "", {})
    return any(task.get("action") == "numbering.lend" for task in recipe.get("tasks", ()))


def sells_range(offering: Offering) -> bool:
    """Whether it sells special numbers, which stand for themselves."""
    return offering.kind is Kind.NUMBER and "number_range" in offering.characteristics


def class_sold(offering: Offering) -> str:
    """The class of numbers that the offering sells."""
    return str(offering.characteristics.get("number_class", ""))


def uses_sold(offering: Offering) -> tuple[NumberUse, ...]:
    """What the special numbers of the offering may be declared to serve."""
    given = offering.characteristics.get("uses", ())
    return tuple(NumberUse(str(use)) for use in (given if isinstance(given, tuple) else (given,)))
