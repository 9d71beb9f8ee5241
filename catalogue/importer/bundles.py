"""Can every bundle be filled? Checked on the compiled snapshot, as a customer would meet it."""

from collections.abc import Iterator
from itertools import product

from catalogue.domain.expressions import Facts
from catalogue.domain.model import LONG_AGO, Offering, Segment, Slot, Snapshot, refusals
from catalogue.importer.checks_of_prices import NAMED, span_of, uncovered
from commerce.kernel.sentences import Sentence


def empty_slots(snapshot: Snapshot) -> Iterator[tuple[str, int, Sentence]]:
    """(bundle, slot index, sentence) for each slot that can't be filled as it asks."""
    for bundle in snapshot.offerings.values():
        yield from _defaults(snapshot, bundle)
        for segment in sorted(bundle.segments) if bundle.slots else ():
            yield from _of_segment(snapshot, bundle, segment)


def _defaults(snapshot: Snapshot, bundle: Offering) -> Iterator[tuple[str, int, Sentence]]:
    for i, slot in enumerate(bundle.slots):
        default = snapshot.offerings.get(slot.default or "")
        if default and not slot.candidates.holds(default.facts(role=slot.role)):
            said = Sentence("%(default)s is no candidate of its place.", default=default.code)
            yield bundle.code, i, said


def _of_segment(
    snapshot: Snapshot, bundle: Offering, segment: Segment
) -> Iterator[tuple[str, int, Sentence]]:
    required = [(i, slot) for i, slot in enumerate(bundle.slots) if slot.minimum > 0]
    fillings = [candidates(snapshot, slot, segment=segment) for _, slot in required]
    nobody = False
    for (i, slot), found in zip(required, fillings, strict=True):
        gap = gap_in(bundle, found)
        if gap is None:
            continue
        nobody = nobody or not found
        lacking = Sentence(
            "Nothing can take the slot %(role)s for %(segment)s",
            role=slot.name,
            segment=NAMED[segment],
        )
        yield (
            (bundle.code, i, Sentence("%(lacking)s %(gap)s.", lacking=lacking, gap=gap))
            if found
            else (bundle.code, i, Sentence("%(lacking)s.", lacking=lacking))
        )
    always = [n for n, (_, slot) in enumerate(required) if slot.always]
    if nobody or not always:
        return
    required = [required[n] for n in always]
    candidates_of_first, *others = [fillings[n] for n in always]
    for first in candidates_of_first:
        if not any(_fits(snapshot, bundle, required, (first, *rest)) for rest in product(*others)):
            yield (
                bundle.code,
                required[0][0],
                Sentence(
                    "%(code)s fits nothing in this bundle for %(segment)s.",
                    code=first.code,
                    segment=NAMED[segment],
                ),
            )


def gap_in(bundle: Offering, found: list[Offering]) -> Sentence | None:
    """From when on nothing of `found` is sold although the bundle is; None: there always is."""
    begins = min((span_of(_span(offering))[0] for offering in found), default=LONG_AGO)
    sold = _span(bundle) | {"valid_from": begins.isoformat()} if found else _span(bundle)
    return uncovered(sold, [_span(offering) for offering in found])


def _span(offering: Offering) -> dict[str, str | None]:
    ends = {"valid_from": offering.valid_from, "valid_until": offering.valid_until}
    return {name: end.isoformat() if end else None for name, end in ends.items()}


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
    present = (nest.bundle for _, slot in slots for nest in slot.within)
    facts: dict[str, object] = dict(bundle.named(present))
    for (_, slot), offering in zip(slots, chosen, strict=True):
        facts |= offering.facts(role=slot.role)
    plan = next((o for o in chosen if o.terms), None)
    terms = plan.terms if plan else bundle.terms or (0,)
    return any(_allowed(snapshot, {**facts, "term_months": term}) for term in terms)


def _allowed(snapshot: Snapshot, facts: dict[str, object]) -> bool:
    typed: Facts = facts  # type: ignore[assignment]
    return not refusals(snapshot.rules, facts=typed)
