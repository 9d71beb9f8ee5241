"""What a firm's own books want to read on its bills: cost centres and its orders' numbers."""

from collections.abc import Iterable
from dataclasses import dataclass

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money

LETTERS = {"cost_centre": 120, "purchase_order": 60}
"""How long each may be."""


@dataclass(frozen=True, slots=True)
class BuyerCodes:
    """Where the buyer books a line (EN 16931: BT-133), and the number of his order for it
    (BT-13)."""

    cost_centre: str = ""
    purchase_order: str = ""


NO_CODES = BuyerCodes()


@dataclass(frozen=True, slots=True)
class Borne:
    """What a cost centre bears of a bill; what names none has an empty name."""

    cost_centre: str
    amount: Money


def checked_code(said: str, *, field: str) -> str:
    """As it is kept, without spaces around it; `field` is one of `LETTERS`.

    Raises:
        InvalidInput: `code_too_long`, `control_character`.
    """
    code = said.strip()
    if len(code) > LETTERS[field]:
        raise InvalidInput(
            f"Use {LETTERS[field]} letters at most.", code="code_too_long", field=field
        )
    if any(ord(letter) < 32 or "\ud800" <= letter <= "\udfff" for letter in code):
        raise InvalidInput(
            "Leave out line breaks and control signs.", code="control_character", field=field
        )
    return code


def shared(codes: Iterable[str]) -> str:
    """The one that all of them are; empty where they differ."""
    found = set(codes)
    return found.pop() if len(found) == 1 else ""


def by_cost_centre(bears: Iterable[tuple[str, Money]], *, currency: str) -> tuple[Borne, ...]:
    """What lines (cost centre, amount) come to, by the centres' names; what names none comes last.
    Nothing where no line names one."""
    found: dict[str, Money] = {}
    for centre, amount in bears:
        found[centre] = found.get(centre, Money.zero(currency)) + amount
    named = sorted(centre for centre in found if centre)
    rest = [""] if named and "" in found else []
    return tuple(Borne(centre, found[centre]) for centre in named + rest)
