"""A case's history is written here alone, and told to who listens."""

from collections.abc import Mapping
from datetime import date

from commerce.events.outbox import Event, publish
from commerce.kernel.clock import business_now, business_today
from subscriptions.domain.dunning import EntryKind, Step
from subscriptions.events import (
    DunningCaseClosed,
    DunningCaseOpened,
    DunningStepTaken,
    PaymentPromiseMoved,
)
from subscriptions.models import DunningCase, DunningEntry

PROMISES: Mapping[EntryKind, str] = {
    EntryKind.PROMISED: "made",
    EntryKind.KEPT: "kept",
    EntryKind.BROKEN: "broken",
    EntryKind.RETRACTED: "taken_back",
}
"""What becomes of a promise, as events tell it."""


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
    told = _told(case, kind, step=step, facts=facts or {})
    if told is not None:
        publish(told)


def _told(
    case: DunningCase, kind: EntryKind, *, step: Step | None, facts: Mapping[str, str]
) -> Event | None:
    account_id, party_id = case.account_id, case.account.party_id
    if kind is EntryKind.OPENED:
        return DunningCaseOpened(case.pk, account_id, party_id, case.since, facts["owed"])
    if step is not None:
        return DunningStepTaken(
            case.pk, account_id, party_id, step.code, str(step.action), facts["owed"]
        )
    if kind is EntryKind.CLOSED:
        return DunningCaseClosed(case.pk, account_id, party_id)
    if kind in PROMISES:
        on = date.fromisoformat(facts["on"])
        return PaymentPromiseMoved(case.pk, account_id, party_id, PROMISES[kind], on)
    return None
