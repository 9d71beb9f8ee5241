"""What a content partner settles for a month, against our contracts and bills."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Settled:
    """A line of the partner's file; `reference` is the order line that we named, `days` are those
    of the month for which he wants to be paid."""

    entitlement_id: str
    reference: str
    service: str
    days: int


@dataclass(frozen=True, slots=True)
class Held:
    """What a contract of ours held on `days` of the month; `billed_days` of them stand on bills,
    None where it costs nothing of its own."""

    days: int
    billed_days: int | None


class Differing(StrEnum):
    """`NOT_OURS`: no contract holds it; `NOT_THEIRS`: he does not settle it; `TWICE`: he settles it
    more than once; `OTHER_DAYS`; `NOT_BILLED`: the customer's bills cover fewer days."""

    NOT_OURS = "not_ours"
    NOT_THEIRS = "not_theirs"
    TWICE = "twice"
    OTHER_DAYS = "other_days"
    NOT_BILLED = "not_billed"


@dataclass(frozen=True, slots=True)
class Difference:
    """`theirs` and `ours` are days."""

    kind: Differing
    reference: str
    theirs: int
    ours: int


def differences(settled: Sequence[Settled], held: Mapping[str, Held]) -> tuple[Difference, ...]:
    """All of them, by reference; nothing where both agree."""
    return tuple(sorted(_differences(settled, held), key=lambda each: (each.reference, each.kind)))


def _differences(settled: Sequence[Settled], held: Mapping[str, Held]) -> Iterator[Difference]:
    for reference, times in Counter(line.reference for line in settled).items():
        if times > 1:
            yield Difference(Differing.TWICE, reference, times, 1)
    theirs = {line.reference: line.days for line in settled}
    for reference in {*theirs, *held}:
        days, ours = theirs.get(reference, 0), held.get(reference, Held(0, None))
        if ours.days == 0 and days:
            yield Difference(Differing.NOT_OURS, reference, days, 0)
        elif days == 0 and ours.days:
            yield Difference(Differing.NOT_THEIRS, reference, 0, ours.days)
        elif days != ours.days:
            yield Difference(Differing.OTHER_DAYS, reference, days, ours.days)
        if ours.billed_days is not None and ours.billed_days < ours.days:
            yield Difference(Differing.NOT_BILLED, reference, days, ours.billed_days)
