"""Offerings that name a specification take from it what they don't say themselves."""

from collections.abc import Mapping
from typing import Any

_TAKEN = ("kind", "recipe")


def specified(data: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of a catalogue with every named specification filled in, where it is known.

    Works on what was read, before its shape is checked; whatever has another shape stays.
    """
    known = data.get("specifications")
    if not isinstance(known, Mapping):
        return dict(data)
    return {
        name: [_filled(each, known) for each in section]
        if name in ("offerings", "families") and isinstance(section, list)
        else section
        for name, section in data.items()
    }


def _filled(item: Any, known: Mapping[str, Any]) -> Any:
    named = item.get("specification") if isinstance(item, Mapping) else None
    specification = known.get(str(named))
    if not isinstance(specification, Mapping):
        return item
    taken = {name: specification[name] for name in _TAKEN if name in specification}
    inherited, own = specification.get("characteristics"), item.get("characteristics", {})
    if isinstance(inherited, Mapping) and isinstance(own, Mapping):
        own = {**inherited, **own}
    return {**taken, **item, "characteristics": own}
