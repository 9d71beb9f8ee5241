"""Every day everything is laid beside everything: contracts, bills, promises, ledger, bank, the
payment provider's list, what network and content partner have, and the partner's settlement.

Of our own books a look compares what changed since the one before, and what differed then; all that
there is once a month, and whenever it is asked for.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.differences import Difference
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound, Refused, Unknown
from commerce.payments.reconciling import provider_differences
from commerce.rows import update
from orchestration.actions import billing, provider
from orchestration.adapters.local_billing import LocalBilling
from orchestration.boards import waiting_differences
from orchestration.domain.reconciling import HeldLine, content_differences, line_differences
from orchestration.domain.states import MOVING, EffectState, FoundState
from orchestration.models import Effect, FoundDifference, Plan, Reconciliation
from orchestration.ports import Content, Network
from subscriptions.carrier.leaks import merchant_differences
from subscriptions.contracts.held import days_held
from subscriptions.contracts.lines import numbers_of, running_lines
from subscriptions.reconciling.audit import Changed
from subscriptions.reconciling.leaks import billing_differences

logger = logging.getLogger(__name__)

TIMER = "orchestration.reconciliation"
DUE_AT = time(7, 0)
"""In Paris: after the morning's bill run."""
AGAIN_AFTER = timedelta(hours=3)
"""A look that died is begun again. Longer than any takes: a worker's lease is shorter than that of
a million accounts, and a timer whose lease runs out would be begun beside it."""
LOOKED_BACK = timedelta(days=7)
"""Over which payments are laid beside the provider's list."""
WHOLE_AFTER = timedelta(days=28)
"""After so long history is compared again, too."""
OVERLAP = timedelta(days=1)
"""What was just being written during a look belongs to the next one as well."""
MOST = 10_000
"""Of one day; so many differences have one cause."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`silent` are the parts about which a provider did not answer; `whole`: history was compared,
    too, and not only what changed."""

    day: date
    differences: tuple[Difference, ...]
    silent: tuple[str, ...]
    whole: bool = True


def reconcile(day: date, *, whole: bool = False) -> Reconciled:
    """Look now, and note what differs on `day`; may be repeated. Called with no transaction open.
    With `whole` history is compared in any case.

    What was explained stays so while it stays as it is; what is not found any more is solved; what
    a silent provider knows stays as it was.
    """
    began, last = business_now(), Reconciliation.objects.order_by("-day").first()
    changed = None if whole or last is None else _changed(last, day=day)
    found: list[Difference] = []
    silent = []
    for part, collect in _parts().items():
        try:
            found += collect(Look(day, changed))
        except (Refused, Unknown):
            silent.append(part)
    differences = tuple(dict.fromkeys(found))[:MOST]
    done = Reconciled(day, differences, tuple(silent), whole=changed is None)
    _note(done, began=began, whole_on=last.whole_on if changed and last else day)
    return done


def _changed(last: Reconciliation, *, day: date) -> Changed | None:
    """What has to be compared: since the look before, with all that differed; None: everything."""
    if last.changes_from is None or last.whole_on is None:
        return None
    if not last.day <= day < last.whole_on + WHOLE_AFTER:
        return None
    known: defaultdict[str, list[str]] = defaultdict(list)
    unsolved = FoundDifference.objects.exclude(state=FoundState.SOLVED)
    for kind, identity in unsolved.values_list("kind", "identity"):
        known[kind].append(identity)
    return Changed(since=last.changes_from - OVERLAP, known=known)


def begin() -> None:
    """Make sure that the timer of the next morning is set; the pump calls this when it starts."""
    if timers.due_at(TIMER) is None:
        _set(_next_morning())


def on_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time; called with no transaction open. May come twice."""
    look: Callable[[date], Reconciled] = reconcile
    if payload.get("whole"):
        look = partial(reconcile, whole=True)
    if settings.VIRTUAL_CLOCK:
        # The clock stands still until this has ended, and is tried again if it fails; what is set
        # anew would let it go on.
        look(business_today())
        _set(_next_morning())
        return
    _set(business_now() + AGAIN_AFTER)
    try:
        look(business_today())
    except Exception:
        logger.exception("nothing was laid beside anything; again in %s", AGAIN_AFTER)
        return
    _set(_next_morning())


@transaction.atomic
def look_now(context: AccountContext) -> None:
    """Have everything looked at once more, history too. Raises Forbidden `operators_only`."""
    _operators_only(context)
    timers.soon(key=f"{TIMER}:now", handler=TIMER, payload={"whole": True})


@transaction.atomic
def explain(context: AccountContext, *, difference_id: int, note: str) -> None:
    """Say why it is so, or what was done about it.

    Raises:
        Forbidden: `operators_only`. InvalidInput: `decision_note_missing`.
        NotFound: `difference_decided`: there is none, or it waits for nobody.
    """
    _operators_only(context)
    if not note.strip():
        raise InvalidInput("Say what became of it.", code="decision_note_missing", field="note")
    waiting = FoundDifference.objects.filter(pk=difference_id, state=FoundState.OPEN)
    said = {"decided_by": context.actor.name, "note": note.strip()[:500]}
    if not waiting.update(state=FoundState.EXPLAINED, decided_at=business_now(), **said):
        raise NotFound("This difference waits for nobody any more.", code="difference_decided")


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at on the morning of `day`: all of it, or what `changed`."""

    day: date
    changed: Changed | None = None


def _billing(look: Look) -> Iterator[Difference]:
    yield from billing_differences(look.day, changed=look.changed)
    yield from merchant_differences(look.day)


def _payments(look: Look) -> Iterable[Difference]:
    since = datetime.combine(look.day - LOOKED_BACK, time(), tzinfo=PARIS)
    return provider_differences(since=since)


def _network(look: Look) -> Iterator[Difference]:
    began = business_now()
    theirs = [
        HeldLine(each.msisdn, each.iccid) for each in cast(Network, provider("network")).lines()
    ]
    ours = [HeldLine(each.msisdn, each.iccid) for each in running_lines()]
    parties = set(_moving(since=began).values_list("party_id", flat=True))
    under_way = numbers_of(parties) | _asked_for(since=began)
    return line_differences(theirs, ours, under_way=under_way)


def _asked_for(*, since: datetime) -> set[str]:
    """The numbers of lines that orders under way have asked the network for."""
    asked = Effect.objects.filter(port="network", task__plan__in=_moving(since=since))
    return {
        str(request.get("msisdn", "")) for request in asked.values_list("request", flat=True)
    } - {""}


def _content(look: Look) -> Iterator[Difference]:
    began = business_now()
    theirs = [*cast(Content, provider("content")).entitlements()]
    asked = Effect.objects.filter(
        port="content", state=EffectState.ACCEPTED, task__action="content.entitle"
    ).values_list("task__plan__order_number", "task__lines")
    references = {f"{number}/{line}" for number, lines in asked for line in lines}
    held = days_held(references | set(theirs), first=look.day, last=look.day)
    moving = _moving(since=began)
    under_way = set(moving.values_list("order_number", flat=True))
    parties = set(moving.values_list("party_id", flat=True))
    orders = Plan.objects.filter(party_id__in=parties).values_list("order_number", flat=True)
    return content_differences(theirs, held.keys(), under_way=under_way | set(orders))


def _moving(*, since: datetime) -> QuerySet[Plan]:
    """Plans under way, or that were since then: a long list says what was before they ended."""
    return Plan.objects.filter(Q(state__in=MOVING) | Q(finished_at__gte=since))


def _settlement(look: Look) -> Iterator[Difference]:
    for waiting in waiting_differences(limit=MOST):
        each = waiting.difference
        identity = f"{waiting.month:%Y-%m} {each.reference} {each.kind}"
        yield Difference("settlement", identity, str(each.ours), str(each.theirs))


PARTS: Mapping[str, Callable[[Look], Iterable[Difference]]] = {
    "billing": _billing,
    "payments": _payments,
    "network": _network,
    "content": _content,
    "settlement": _settlement,
}
WITHOUT_CONTRACTS = ("payments", "settlement")
KINDS: Mapping[str, frozenset[str]] = {
    "payments": frozenset({"payment", "refund", "dispute"}),
    "network": frozenset(
        {"line_without_contract", "contract_without_line", "line_twice", "line_with_other_sim"}
    ),
    "content": frozenset({"content_without_contract", "contract_without_content", "content_twice"}),
}
"""Of the parts that a provider's answer is needed for."""


def _parts() -> Mapping[str, Callable[[Look], Iterable[Difference]]]:
    """Where an external biller has the contracts, what is laid beside them is for him."""
    if isinstance(billing(), LocalBilling):
        return PARTS
    return {part: PARTS[part] for part in WITHOUT_CONTRACTS}


@transaction.atomic
def _note(done: Reconciled, *, began: datetime, whole_on: date | None) -> None:
    complete = len(done.differences) < MOST
    Reconciliation.objects.update_or_create(
        day=done.day,
        defaults={
            "looked_at": business_now(),
            "silent": list(done.silent),
            "changes_from": began if complete else None,
            "whole_on": whole_on,
        },
    )
    again = Q(identity__in={each.identity for each in done.differences})
    rows = FoundDifference.objects.filter(~Q(state=FoundState.SOLVED) | again)
    known = {
        Difference(row.kind, row.identity, row.expected, row.found): row
        for row in rows.select_for_update().order_by("pk")
    }
    unheard = {kind for part in done.silent for kind in KINDS.get(part, ())}
    new, seen = [], []
    for each in done.differences:
        row = known.pop(each, None)
        if row is None:
            new.append(FoundDifference(
                kind=each.kind, identity=each.identity, expected=each.expected,
                found=each.found, first_on=done.day, last_on=done.day,
            ))  # fmt: skip
        else:
            row.last_on = max(row.last_on, done.day)
            row.state = FoundState.OPEN if row.state == FoundState.SOLVED else row.state
            seen.append(row)
    FoundDifference.objects.bulk_create(new, batch_size=1000)
    update(seen, ["last_on", "state"])
    gone = [row.pk for each, row in known.items() if complete and each.kind not in unheard]
    FoundDifference.objects.filter(pk__in=gone).update(state=FoundState.SOLVED)


def _next_morning() -> datetime:
    now = business_now().astimezone(PARIS)
    today = datetime.combine(now.date(), DUE_AT, tzinfo=PARIS)
    later = now.date() + timedelta(days=settings.RECONCILIATION_EVERY_DAYS)
    return today if now < today else datetime.combine(later, DUE_AT, tzinfo=PARIS)


def _set(due_at: datetime) -> None:
    timers.schedule(key=TIMER, handler=TIMER, due_at=due_at, payload={})


def _operators_only(context: AccountContext) -> None:
    if context.role != Role.OPERATOR:
        raise Forbidden("Operators decide about differences.", code="operators_only")
