"""The monthly settlement of a content partner, laid beside our contracts and bills.

One timer for each month, due once his file is; what differs waits for an operator.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, cast

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound
from orchestration.actions import provider
from orchestration.domain.settlement import Difference, Held, differences
from orchestration.domain.states import EffectState
from orchestration.models import Effect, Settlement, SettlementDifference
from orchestration.ports import Content
from subscriptions.contracts.held import days_held

TIMER = "orchestration.settlement"
DUE_ON, DUE_AT = 3, time(6, 0)
"""His file of a month is there by then: on the third of the next one, in the morning in Paris."""


def begin() -> None:
    """Make sure that the timer of this month is set; the pump calls this when it starts."""
    _set(business_today())


def on_settlement_due(payload: Mapping[str, Any]) -> bool:
    """Timer, business time; called with no transaction open. May come twice. Answers that the
    partner did.

    Raises:
        Unknown: he did not. Refused: he has no such month.
    """
    month = date.fromisoformat(payload["month"])
    if not Settlement.objects.filter(month=_next(month)).exists():
        _set(_next(month))
    _note(month, reconcile(month))
    return True


@transaction.atomic
def look_again(context: AccountContext, *, month: date) -> None:
    """Have the file of a month asked for once more.

    Raises:
        Forbidden: `operators_only`. NotFound: `unknown_settlement`: it was never looked at.
    """
    _operators_only(context)
    if not Settlement.objects.filter(month=month).exists():
        raise NotFound("This month was never settled.", code="unknown_settlement")
    timers.soon(key=_key(month), handler=TIMER, payload={"month": month.isoformat()})


@transaction.atomic
def decide(context: AccountContext, *, difference_id: int, note: str) -> None:
    """Say what became of a difference: claimed from the partner, corrected here, or right as it is.

    Raises:
        Forbidden: `operators_only`. InvalidInput: `decision_note_missing`.
        NotFound: `difference_decided`: there is none, or somebody has decided about it.
    """
    _operators_only(context)
    if not note.strip():
        raise InvalidInput("Say what became of it.", code="decision_note_missing", field="note")
    ours = SettlementDifference.objects.filter(pk=difference_id, decided_at=None)
    said = {"decided_by": context.actor.name, "note": note.strip()[:500]}
    if not ours.update(decided_at=business_now(), **said):
        raise NotFound("This difference waits for nobody any more.", code="difference_decided")


def reconcile(month: date) -> tuple[Difference, ...]:
    """Where the partner's file of the month of `month` and our books differ.

    Called with no transaction open. Raises Unknown when the partner does not answer.
    """
    first = month.replace(day=1)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    settled = cast(Content, provider("content")).settlement(first)
    # By the tasks: what was said to him is blanked after a year, and contracts go on.
    asked = Effect.objects.filter(
        port="content", state=EffectState.ACCEPTED, task__action="content.entitle"
    ).values_list("task__plan__order_number", "task__lines")
    references = {f"{number}/{line}" for number, lines in asked for line in lines}
    references |= {line.reference for line in settled}
    held = days_held(references, first=first, last=last)
    return differences(settled, {name: Held(each.days, each.billed) for name, each in held.items()})


@transaction.atomic
def _note(month: date, found: Iterable[Difference]) -> None:
    """What was decided stands; what waits is what was found now."""
    Settlement.objects.update_or_create(month=month, defaults={"looked_at": business_now()})
    SettlementDifference.objects.filter(settlement_id=month, decided_at=None).delete()
    rows = [
        SettlementDifference(
            settlement_id=month,
            kind=each.kind,
            reference=each.reference,
            theirs=each.theirs,
            ours=each.ours,
        )
        for each in found
    ]
    SettlementDifference.objects.bulk_create(rows, ignore_conflicts=True)


def _set(day: date) -> None:
    """The timer of the month of `day`, unless it is set."""
    month = day.replace(day=1)
    if timers.due_at(_key(month)) is None:
        timers.schedule(
            key=_key(month),
            handler=TIMER,
            due_at=datetime.combine(_next(month).replace(day=DUE_ON), DUE_AT, tzinfo=PARIS),
            payload={"month": month.isoformat()},
        )


def _next(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def _key(month: date) -> str:
    return f"{TIMER}:{month:%Y-%m}"


def _operators_only(context: AccountContext) -> None:
    if context.role != Role.OPERATOR:
        raise Forbidden("Operators decide about settlements.", code="operators_only")
