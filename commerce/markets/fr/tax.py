"""VAT in metropolitan France: rates with their dates, and which class has which (CGI 278 to 298).

The reduced rate of a bundle holds for the part whose rights are paid for alone: a television or
video service has one charge in `tv` and one in `digital`.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

_STANDARD = ((date(2000, 4, 1), Decimal("19.6")), (date(2014, 1, 1), Decimal("20")))
_INTERMEDIATE = (
    (date(2000, 4, 1), Decimal("5.5")),
    (date(2012, 1, 1), Decimal("7")),
    (date(2014, 1, 1), Decimal("10")),
)
_PRESS = ((date(2000, 4, 1), Decimal("2.1")),)
_NONE = ((date(2000, 4, 1), Decimal("0")),)

CLASSES: Mapping[str, tuple[tuple[date, Decimal], ...]] = {
    "goods": _STANDARD,
    "telecom": _STANDARD,
    "digital": _STANDARD,
    "tv": _INTERMEDIATE,
    "press": _PRESS,
    "exempt": _NONE,
}


def rate(tax_class: str, *, on: date) -> Decimal:
    """Per cent: 20 for 20 %.

    Raises:
        KeyError: no such class.
        ValueError: the day is before the table begins.
    """
    in_force = [value for since, value in CLASSES[tax_class] if since <= on]
    if not in_force:
        raise ValueError(f"no rate of {tax_class} is known on {on}")
    return in_force[-1]


def tax_rates(on: date) -> Mapping[str, Decimal]:
    """The rate of every class on that day, per cent."""
    return {tax_class: rate(tax_class, on=on) for tax_class in CLASSES}
