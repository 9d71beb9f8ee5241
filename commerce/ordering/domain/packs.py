"""Packs whose places are lines of their own: a group for the pack, and one for each line. Pure.

The line in the place `first` of the pack `g1` is the group `g1.first`; its bundle is one that the
release made for that place, so that it is quoted, ordered and fulfilled like any other.
"""

from collections.abc import Collection, Iterator, Mapping

from catalogue.domain.model import Offering, PackLine, Slot


def line_group(group: str, line: PackLine) -> str:
    return f"{group}.{line.place}"


def pack_of(group: str, bundles: Collection[str]) -> str:
    """The group of the pack that the line is in; its own if it is in none."""
    around = group.rpartition(".")[0]
    return around if around in bundles else group


def groups_of(bundle: Offering, group: str) -> dict[str, str]:
    """The groups that a bundle makes, each with its bundle: its own, and one for each line."""
    return {group: bundle.code} | {line_group(group, line): line.default for line in bundle.lines}


def place_in(pack: Offering, group: str, name: str) -> tuple[str, str, str]:
    """Where a place of a pack stands: the group, its name there, the group's bundle.

    "first.handset" of `g1` is "handset" of `g1.first`; the rest are places of the pack itself.
    """
    for line in pack.lines:
        for code in line.bundles:
            prefix = f"{code.partition('/')[2]}."
            if name.startswith(prefix):
                return line_group(group, line), name.removeprefix(prefix), code
    return group, name, pack.code


def unfilled(
    bundles: Mapping[str, Offering], groups: Collection[str]
) -> Iterator[tuple[str, Slot]]:
    """What is to be chosen first in each group of a pack that has nothing yet and needs something;
    `groups` have lines."""
    for group, pack in bundles.items():
        needed = [line_group(group, line) for line in pack.lines if line.minimum]
        for each in (group, *needed) if pack.lines else ():
            missing = [slot for slot in bundles[each].slots if slot.minimum and slot.always]
            if each not in groups and missing:
                yield each, missing[0]
