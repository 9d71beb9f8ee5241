"""The bill run: a due timer cuts the due accounts into chunks, one piece of work each.

A run has two stages: its chunks are drafted and checked against the promise; then, once the control
totals of all of them agree, numbered. Each step is a transaction and may be repeated after a crash:
the states of chunk and run say what is done, and coverage makes a double bill impossible.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, Sum

from commerce.events import timers
from commerce.events.outbox import publish
from commerce.events.queues import AFTER_ORDERS, in_turn
from commerce.kernel.clock import business_now, business_today, machine_now
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from commerce.kernel.periods import add_months
from subscriptions.accounts.services import calendar
from subscriptions.domain.control import Tally
from subscriptions.domain.states import (
    CHUNK_LIFE,
    RUN_LIFE,
    ChunkState,
    InvoiceState,
    Release,
    RunState,
)
from subscriptions.events import BillRunHeld
from subscriptions.invoicing.services import control, issuing
from subscriptions.invoicing.services.cycle import bill_accounts
from subscriptions.invoicing.services.discarding import throw_away
from subscriptions.models import (
    BillingAccount,
    BillRun,
    BillRunChunk,
    BillRunControl,
    Coverage,
    Invoice,
    Parking,
)
from subscriptions.usage.services.usage import take_up_suspended

ACCOUNTS_PER_CHUNK = 500
CHUNK_TIMER = "bill-chunk"
TRIAL_MONTHS = 60
"""A trial looks no further ahead: it drafts every month until then, and locks accounts so long."""
PARKED_SHOWN = 20
"""Accounts that a trial names, of each chunk."""

_CUT = """
WITH due AS (
  SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(size)s AS chunk
    FROM subscriptions_billingaccount
   WHERE parked_at IS NULL AND next_bill_on <= %(on)s
     AND (%(account)s::bigint IS NULL OR id = %(account)s)
)
INSERT INTO subscriptions_billrunchunk (run_id, first_account, last_account, state, issued, held)
SELECT %(run)s, min(id), max(id), 'pending', 0, 0 FROM due GROUP BY chunk ORDER BY chunk
RETURNING id, (SELECT count(*) FROM due)
"""


def on_timer(payload: Mapping[str, Any]) -> None:
    """The timer `bill-run`: count use whose line is known by now, start what is due today and set
    the timer anew."""
    take_up_suspended()
    start(on=business_today())


def on_chunk(payload: Mapping[str, Any]) -> None:
    """The timer `bill-chunk`: carry on with one chunk."""
    work(payload["chunk"])


@transaction.atomic
def start(*, on: date) -> int | None:
    """Begin the run of all accounts due on `on`; its id, None when no account is due.

    Runs that are under way are told to carry on; the same day's is not begun again. What a stuck
    chunk of an earlier day left is taken up by the new run: accounts are locked while they are
    billed, so runs may overlap.
    """
    open_ones = list(BillRun.objects.select_for_update().exclude(state=RunState.FINISHED))
    moving = [run.pk for run in open_ones if run.state != RunState.HELD]
    unfinished = BillRunChunk.objects.filter(run__in=moving).exclude(state=ChunkState.FINISHED)
    _carry_on(unfinished.order_by("pk").values_list("pk", flat=True))
    for run_id in moving:
        # All its chunks may be through, and their last word to it be lost.
        proceed(run_id)
    same_day = BillRun.objects.filter(on=on, trial=False).exclude(state=RunState.FINISHED).first()
    begun = same_day.pk if same_day else _begin(on)
    calendar.set_next()
    return begun


def _begin(on: date) -> int | None:
    if not BillingAccount.objects.filter(_due(on)).exists():
        return None
    run = BillRun.objects.create(on=on, started_at=business_now())
    _cut(run)
    return run.pk


@transaction.atomic
def start_trial(*, on: date, account_id: int | None = None) -> int:
    """Begin a trial of the run of any day, of all accounts or of one: bills are drafted and
    checked as they would be, and nothing of them is kept but figures. Answers its id.

    Raises:
        NotFound: `unknown_account`.
        RuleViolated: `trial_under_way`: that one is not finished yet; `trial_too_far`.
    """
    if on > add_months(business_today(), TRIAL_MONTHS):
        raise RuleViolated("A trial looks five years ahead at most.", code="trial_too_far")
    if account_id is not None and not BillingAccount.objects.filter(pk=account_id).exists():
        raise NotFound("There is no such account.", code="unknown_account")
    under_way = BillRun.objects.filter(trial=True, on=on, account=account_id)
    if under_way.exclude(state=RunState.FINISHED).exists():
        raise RuleViolated("That trial is under way.", code="trial_under_way")
    run = BillRun.objects.create(
        on=on, trial=True, account_id=account_id, started_at=business_now()
    )
    if not _cut(run):
        _finish(run)
    return run.pk


def _cut(run: BillRun) -> list[int]:
    """The chunks of a new run, which are told to begin."""
    values: dict[str, Any] = {
        "run": run.pk, "size": ACCOUNTS_PER_CHUNK, "on": run.on, "account": run.account_id,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_CUT, values)
        cut = cursor.fetchall()
    chunks = [pk for pk, _ in cut]
    if cut:
        run.due = cut[0][1]
        run.save(update_fields=["due"])
        _carry_on(chunks)
    return chunks


def work(chunk_id: int) -> None:
    """Bring the chunk as far as its run may go, from wherever it stands."""
    draft(chunk_id)
    run_id = BillRunChunk.objects.values_list("run_id", flat=True).get(pk=chunk_id)
    proceed(run_id, at_hand=chunk_id)
    with in_turn(AFTER_ORDERS):
        numbered = number(chunk_id)
    if numbered:
        proceed(run_id)


@transaction.atomic
def draft(chunk_id: int) -> None:
    """Draft and check the bills of a chunk; bills that break the promise are held. Those of a
    rejected one are thrown away first, those of a trial afterwards."""
    # The chunk alone: with its run, the chunks of a run would be drafted one after the other.
    chunks = BillRunChunk.objects.select_for_update(of=("self",)).select_related("run")
    chunk = chunks.get(pk=chunk_id)
    if chunk.state not in (ChunkState.PENDING, ChunkState.REJECTED):
        return
    if chunk.state == ChunkState.REJECTED:
        _discard(chunk)
    accounts = list(
        BillingAccount.objects.select_for_update(no_key=True)
        .filter(_due(chunk.run.on), pk__range=(chunk.first_account, chunk.last_account))
        .order_by("pk")
    )
    if chunk.run.trial:
        _try(chunk, accounts)
        _move(chunk, ChunkState.FINISHED)
    else:
        standing = _standing(chunk) if chunk.state == ChunkState.REJECTED else Tally()
        tally = bill_accounts(accounts, on=chunk.run.on, chunk_id=chunk.pk)
        control.keep(chunk, standing + tally)
        _move(chunk, ChunkState.DRAFTED)


def _try(chunk: BillRunChunk, accounts: list[BillingAccount]) -> None:
    """Draft within a savepoint that is given up, and note which accounts would be parked."""
    with transaction.atomic():
        control.keep(chunk, bill_accounts(accounts, on=chunk.run.on, chunk_id=chunk.pk))
        parked = Parking.objects.filter(account__in=[account.pk for account in accounts])
        chunk.parked = [
            {"account": account, "rule": rule}
            for account, rule in parked.filter(decision="")
            .order_by("account")
            .values_list("account", "rule")[:PARKED_SHOWN]
        ]
        transaction.set_rollback(True)


def _discard(chunk: BillRunChunk) -> None:
    """Throw the chunk's drafts away, but for those of accounts on which other bills build already:
    corrected, or billed for later days. These stand, or their correction would give back what was
    never asked for, and their days would be asked for by nobody."""
    drafts = Invoice.objects.filter(chunk=chunk, state=InvoiceState.DRAFT)
    accounts = BillingAccount.objects.select_for_update(no_key=True).order_by("pk")
    # Locked before it is looked which of them stand.
    list(accounts.filter(pk__in=drafts.values("account")).values_list("pk", flat=True))
    ids = list(drafts.values_list("pk", flat=True))
    later = Coverage.objects.filter(
        charge=OuterRef("charge"), live=True, days__fully_gt=OuterRef("days")
    ).exclude(invoice__in=ids)
    corrected = Q(closed_by__isnull=False) & ~Q(closed_by__in=ids)
    built_on = Coverage.objects.filter(corrected | Exists(later), invoice__in=ids)
    standing = drafts.filter(pk__in=built_on.values("invoice")).values("account")
    throw_away(list(drafts.exclude(account__in=standing).values_list("pk", flat=True)))


def _standing(chunk: BillRunChunk) -> Tally:
    left = Invoice.objects.filter(chunk=chunk, state=InvoiceState.DRAFT)
    return Tally(**left.aggregate(drafts=Count("pk"), gross=Sum("gross", default=Decimal(0))))


@transaction.atomic
def proceed(run_id: int, *, at_hand: int | None = None) -> None:
    """Take the run to its next stage once all its chunks are through the present one: hold it or
    have it numbered when all is drafted, close it when all is numbered.

    The caller goes on with the chunk `at_hand` himself; the others are told to.
    """
    run = BillRun.objects.select_for_update().get(pk=run_id)
    left = set(run.chunks.order_by().values_list("state", flat=True).distinct())
    if run.state == RunState.RUNNING and not left & {ChunkState.PENDING, ChunkState.REJECTED}:
        _judge(run, at_hand=at_hand)
    elif run.state == RunState.ISSUING and left <= {ChunkState.FINISHED}:
        _finish(run)
        calendar.set_next()


def _judge(run: BillRun, *, at_hand: int | None) -> None:
    deviating = control.reconcile(run)
    if run.trial:
        _finish(run)
    elif deviating:
        _enter(run, RunState.HELD)
        publish(BillRunHeld(run_id=run.pk, on=run.on, controls=deviating))
    else:
        _have_numbered(run, at_hand=at_hand)


def _have_numbered(run: BillRun, *, at_hand: int | None = None) -> None:
    _enter(run, RunState.ISSUING)
    drafted = run.chunks.filter(state=ChunkState.DRAFTED).order_by("pk")
    _carry_on(pk for pk in drafted.values_list("pk", flat=True) if pk != at_hand)


@transaction.atomic
def number(chunk_id: int) -> bool:
    """Number and issue the drafts of a drafted chunk, if its run may, in one short transaction;
    whether it did."""
    chunk = BillRunChunk.objects.select_for_update(of=("self",)).select_related("run")
    found = chunk.get(pk=chunk_id)
    if found.state != ChunkState.DRAFTED or found.run.state != RunState.ISSUING:
        return False
    drafts = Invoice.objects.filter(chunk=found, state=InvoiceState.DRAFT).order_by("pk")
    ids = list(drafts.values_list("pk", flat=True))
    found.issued = len(issuing.issue(ids, on=business_today())) if ids else 0
    _move(found, ChunkState.FINISHED)
    return True


@transaction.atomic
def decide(*, run_id: int, decision: Release, note: str, operator: str) -> None:
    """An operator's decision about a held run: `ISSUE` lets its bills go out as they are drafted;
    `REDRAFT` throws the drafts away and drafts anew, after what was wrong is put right.

    Raises:
        NotFound: there is no such run.
        RuleViolated: `run_not_held`.
        InvalidInput: `run_note_missing`.
    """
    note = note.strip()
    if not note:
        raise InvalidInput("Say why.", code="run_note_missing", field="note")
    run = BillRun.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such bill run.", code="unknown_bill_run")
    if run.state != RunState.HELD:
        raise RuleViolated("This bill run is not held.", code="run_not_held")
    found = BillRunControl.objects.filter(run=run).latest("pk")
    found.decision, found.note, found.decided_by = decision.value, note, operator
    found.decided_at = business_now()
    found.save(update_fields=["decision", "note", "decided_by", "decided_at"])
    if decision is Release.ISSUE:
        _have_numbered(run)
    else:
        _enter(run, RunState.RUNNING)
        drafted = run.chunks.filter(state=ChunkState.DRAFTED)
        drafted.update(state=ChunkState.REJECTED, moved_at=machine_now())
        _carry_on(run.chunks.order_by("pk").values_list("pk", flat=True))


def _due(on: date) -> Q:
    return Q(parked_at__isnull=True, next_bill_on__lte=on)


def _enter(run: BillRun, target: RunState) -> None:
    RUN_LIFE.check(RunState(run.state), target)
    run.state = target
    run.save(update_fields=["state"])


def _finish(run: BillRun) -> None:
    run.finished_at = business_now()
    run.save(update_fields=["finished_at"])
    _enter(run, RunState.FINISHED)


def _move(chunk: BillRunChunk, target: ChunkState) -> None:
    CHUNK_LIFE.check(ChunkState(chunk.state), target)
    chunk.state = target
    chunk.moved_at = machine_now()
    chunk.save()


def _carry_on(chunk_ids: Iterable[int]) -> None:
    now = machine_now()
    timers.schedule_all(
        timers.Due(f"{CHUNK_TIMER}:{chunk}", CHUNK_TIMER, now, {"chunk": chunk}, "machine")
        for chunk in chunk_ids
    )
