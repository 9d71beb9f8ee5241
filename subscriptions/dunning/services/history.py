"""A case's history is written here alone."""

from collections.abc import Mapping

from commerce.kernel.clock import business_now, business_today
from subscriptions.domain.dunning import EntryKind, Step
from subscriptions.models import DunningCase, DunningEntry


def add(
    case: DunningCase,
    kind: EntryKind,
    *,
    step: Step | None = None,
    by: str = "",
    note: str = "",
    facts: Mapping[str, str] | None = None,
) -> None:
    """In the transaction that does it; `by` names who acted, empty for the machine."""
    DunningEntry.objects.create(
        case=case,
        kind=kind,
        step=step.code if step else "",
        action=step.action if step else "",
        on=business_today(),
        at=business_now(),
        by=by[:120],
        note=note[:300],
        facts=dict(facts or {}),
    )
