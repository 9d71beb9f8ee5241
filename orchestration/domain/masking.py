"""What must not be read over an operator's shoulder: keys that open a number or a profile."""

from collections.abc import Mapping

HIDDEN = "•••"
SECRET = frozenset(
    {
        "rio",
        "lpa",
        "matchingId",
        "matching_id",
        "confirmationCode",
        "activation_url",
        "eid",
        "phone",
    }
)


def masked(value: object, *, name: str = "") -> object:
    """The same value with every secret, at whatever depth, replaced by dots."""
    if name in SECRET and value:
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: masked(inner, name=str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner, name=name) for inner in value]
    return value
