"""The cart as a value: what is in it, never where it came from or what it costs."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from catalogue.domain.model import Segment
from commerce.kernel.readable import ALPHABET, letters_of

CODE_ALPHABET = ALPHABET
_CODE = re.compile(rf"^[{CODE_ALPHABET}]{{3}}-[{CODE_ALPHABET}]{{3}}$")

NO_CONFIG: Mapping[str, str] = MappingProxyType({})
MOST_PER_LINE = 999
MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class CartLine:
    """One offering, `quantity` times. Lines of one `group` form one bundle instance.

    `role` is the name of the place that it takes in its bundle: a role, after the names of places
    where the bundle has them ("kit.accessory").

    `term` is the commitment in months that comes with the plan (0: none). `config` holds what the
    customer said: a plan's `number_choice` (new|port), `msisdn`, `rio`, `port_on`, `port_slot`,
    `temporary`; a special number's `route_to` and `purpose`; a business line's `user_name`,
    `user_email`, `site`, `cost_centre`.
    """

    id: str
    offering: str
    quantity: int = 1
    group: str = ""
    role: str = ""
    term: int = 0
    config: Mapping[str, str] = field(default_factory=lambda: NO_CONFIG)


@dataclass(frozen=True, slots=True)
class CartValue:
    """What is to be priced. `codes` were entered; `bundles` names each group's bundle offering."""

    code: str
    lines: tuple[CartLine, ...]
    segment: Segment
    channel: str
    codes: tuple[str, ...] = ()
    bundles: Mapping[str, str] = field(default_factory=lambda: NO_CONFIG)

    def group(self, group: str) -> tuple[CartLine, ...]:
        return tuple(line for line in self.lines if line.group == group)

    def line(self, line_id: str) -> CartLine | None:
        return next((line for line in self.lines if line.id == line_id), None)


def new_code(pick: Callable[[str], str]) -> str:
    """A name for a cart, like 7K2-Q9F; `pick` chooses one letter of an alphabet."""
    letters = "".join(pick(CODE_ALPHABET) for _ in range(6))
    return f"{letters[:3]}-{letters[3:]}"


def normalise_code(text: str) -> str | None:
    """The code as it is stored, from what someone typed or heard; None if it can't be one."""
    letters = letters_of(text)
    code = f"{letters[:3]}-{letters[3:]}"
    return code if _CODE.match(code) else None
