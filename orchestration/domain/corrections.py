"""What an operator may replace of a task that fell out: what its request is made of. Pure."""

import re
from collections.abc import Callable, Mapping

from commerce.kernel.errors import InvalidInput
from commerce.markets.identifiers import is_iccid, is_imei

ADDRESS = ("name", "line1", "line2", "postcode", "city", "phone")
"""Of the address to deliver to; `line2` and `phone` may be empty."""
_MAY_BE_EMPTY = frozenset({"line2", "phone"})
_LONGEST = 120

REPLACEABLE: Mapping[str, tuple[str, ...]] = {
    "logistics.ship": ADDRESS,
    "dropship.ship": ADDRESS,
    "network.activate": ("iccid",),
    "esim.confirm": ("iccid",),
    "network.route": ("route_to",),
    "network.change": ("line_id",),
    "network.suspend": ("line_id",),
    "network.suspend_again": ("line_id",),
    "network.restrict": ("line_id",),
    "network.restrict_again": ("line_id",),
    "network.resume": ("line_id",),
    "content.stop": ("entitlement_id",),
    "content.suspend": ("entitlement_id",),
    "content.resume": ("entitlement_id",),
}
"""By action. A number that comes along is mended with its porting; one of ours comes from the pool
alone, so that nobody gives it twice."""

OF_THE_BUNDLE = frozenset({"iccid", "line_id"})
"""Of these a request takes what any line of the bundle has; of the others the task's own."""

_FORMS: Mapping[str, Callable[[str], bool]] = {
    "iccid": is_iccid,
    "imei": is_imei,
    "postcode": lambda text: bool(re.fullmatch(r"[0-9]{5}", text)),
    "route_to": lambda text: bool(re.fullmatch(r"0[1-79][0-9]{8}", text)),
    "phone": lambda text: bool(re.fullmatch(r"(\+33|0)[1-9][0-9]{8}", text)),
}


def checked(names: tuple[str, ...], values: Mapping[str, str]) -> dict[str, str]:
    """The values by name, without blanks around them; all that are given, and nothing else.

    Raises:
        InvalidInput: `not_replaceable`, `value_missing`, `value_malformed`; `field` says which.
    """
    found: dict[str, str] = {}
    for name, value in values.items():
        text = value.strip()
        if name not in names:
            raise InvalidInput(
                f"{name} is nothing that this task asks for.", code="not_replaceable", field=name
            )
        if not text and name not in _MAY_BE_EMPTY:
            raise InvalidInput(f"Say the {name}.", code="value_missing", field=name)
        form = _FORMS.get(name)
        if len(text) > _LONGEST or (text and form is not None and not form(text)):
            raise InvalidInput(f"That is no {name}.", code="value_malformed", field=name)
        found[name] = text
    return found


def whole_address(values: Mapping[str, str]) -> Mapping[str, str]:
    """The address, if nobody needs to ask for more of it.

    Raises:
        InvalidInput: `value_missing`; `field` says which.
    """
    missing = [name for name in ADDRESS if name not in _MAY_BE_EMPTY and not values.get(name)]
    if missing:
        raise InvalidInput(f"Say the {missing[0]}.", code="value_missing", field=missing[0])
    return values
