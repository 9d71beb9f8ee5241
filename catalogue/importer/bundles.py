"""Can every bundle be filled? Checked on the compiled snapshot, as a customer would meet it."""

from collections.abc import Iterator
from itertools import product

from catalogue.domain.expressions import Facts
from catalogue.domain.model import Offering, Segment, Slot, Snapshot, refusals


def empty_slots(snapshot: Snapshot) -> Iterator[tuple[str, int, str]]:
    """(bundle, slot index, sentence) for each required slot that nothing can take."""
    for bundle in snapshot.offerings.values():
        for segment in sorted(bundle.segments) if bundle.slots else ():
            yield from _of_segment(snapshot, bundle, segment)


def _of_segment(
    snapshot: Snapshot, bundle: Offering, segment: Segment
) -> Iterator[tuple[str, int, str]]:
    required = [(i, slot) for i, slot in enumerate(bundle.slots) if slot.minimum > 0]
    fillings = [candidates(snapshot, slot, segment=segment) for _, slot in required]
    nobody = [i for (i, _), found in zip(required, fillings, strict=True) if not found]
    for i in nobody:
        role = bundle.slots[i].role
        yield bundle.code, i, f"Nothing can take the slot {role} for {segment} customers."
    if nobody or not required:
        return
    for first in fillings[0]:
        others = fillings[1:]
        if not any(_fits(snapshot, bundle, required, (first, *rest)) for rest in product(*others)):
            sentence = f"{first.code} fits nothing in this bundle for {segment} customers."
            yield bundle.code, required[0][0], sentence


def candidates(snapshot: Snapshot, slot: Slot, *, segment: Segment) -> list[Offering]:
    """Offerings of the slot's kind and segment that its own expression lets in."""
    return [
        offering
        for offering in snapshot.of_kind(slot.kind)
        if segment in offering.segments and slot.candidates.holds(offering.facts(role=slot.role))
    ]


def _fits(
    snapshot: Snapshot,
    bundle: Offering,
    slots: list[tuple[int, Slot]],
    chosen: tuple[Offering, ...],
) -> bool:
    facts: dict[str, object] = {
        "bundle.code": bundle.code,
        "bundle.codes": (bundle.code, *bundle.nests),
    }
    for (_, slot), offering in zip(slots, chosen, strict=True):
        facts |= offering.facts(role=slot.role)
    plan = next((o for o in chosen if o.terms), None)
    terms = plan.terms if plan else bundle.terms or (0,)
    return any(_allowed(snapshot, {**facts, "term_months": term}) for term in terms)


def _allowed(snapshot: Snapshot, facts: dict[str, object]) -> bool:
    typed: Facts = facts  # type: ignore[assignment]
    return not refusals(snapshot.rules, facts=typed)
