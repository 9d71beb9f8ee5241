"""Checks of a catalogue by parts that lie above it, handed in by the page `commerce/wiring.py`.

A release carries what the catalogue does not understand itself (promotions). Whoever does judges
it before it is published.
"""

from collections.abc import Callable, Iterator

from catalogue.domain.model import Snapshot

Check = Callable[[Snapshot], Iterator[tuple[str, str]]]
"""The field of the catalogue that is wrong (`promotions[3].when`) and what is wrong with it."""

_checks: dict[str, Check] = {}


def register_catalogue_check(name: str, check: Check) -> None:
    """Let `check` judge every catalogue before it is imported.

    Raises:
        ValueError: the name is taken by another check.
    """
    if _checks.setdefault(name, check) is not check:
        raise ValueError(f"There is a catalogue check {name} already.")


def findings_of_others(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    for check in _checks.values():
        yield from check(snapshot)
