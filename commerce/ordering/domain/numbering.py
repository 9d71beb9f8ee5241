"""Which number a plan gets."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Keep(StrEnum):
    """A new number, or one that comes from another operator."""

    NEW = "new"
    PORT = "port"


SLOTS = ("08:00-12:00", "12:00-16:00", "16:00-20:00")
"""Local time in which a number may be ported."""

NUMBER_KEYS = frozenset({"number_choice", "msisdn", "rio", "port_on", "port_slot"})
"""The entries of a line's config that say which number it gets."""


@dataclass(frozen=True, slots=True)
class NumberChoice:
    """What the customer says. NEW: `msisdn` is one that was proposed, or empty for any.

    PORT: `msisdn` is to be kept, with its `rio`; `port_on` is the wished working day (None: as
    soon as may be) and `slot` one of `SLOTS` (empty: the first).
    """

    keep: Keep
    msisdn: str = ""
    rio: str = ""
    port_on: date | None = None
    slot: str = ""
