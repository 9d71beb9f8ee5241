"""The bill run: a due timer cuts the due accounts into chunks, one piece of work each.

A chunk is two transactions: drafts, checked against the promise; then numbers. Each may be repeated
after a crash: the chunk's state says which is done, and coverage makes a double bill impossible.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from commerce.events import timers
from commerce.kernel.clock import business_now, business_today
from subscriptions.accounts.services import calendar
from subscriptions.domain.states import CHUNK_LIFE, ChunkState, InvoiceState, RunState
from subscriptions.invoicing.services import issuing
from subscriptions.invoicing.services.cycle import bill_accounts
from subscriptions.models import BillingAccount, BillRun, BillRunChunk, Invoice
from subscriptions.usage.services.usage import take_up_suspended

ACCOUNTS_PER_CHUNK = 500
CHUNK_TIMER = "bill-chunk"

_CUT = """
INSERT INTO subscriptions_billrunchunk (run_id, first_account, last_account, state, issued, held)
SELECT %(run)s, min(id), max(id), 'pending', 0, 0
  FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(size)s AS chunk
          FROM subscriptions_billingaccount
         WHERE parked_at IS NULL AND next_bill_on <= %(on)s) AS due
 GROUP BY chunk ORDER BY chunk
RETURNING id
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
    running = list(BillRun.objects.select_for_update().filter(state=RunState.RUNNING))
    unfinished = BillRunChunk.objects.filter(run__in=running).exclude(state=ChunkState.FINISHED)
    _carry_on(unfinished.order_by("pk").values_list("pk", flat=True))
    same_day = next((run.pk for run in running if run.on == on), None)
    run_id = same_day or _begin(on)
    calendar.set_next()
    return run_id


def _begin(on: date) -> int | None:
    if not BillingAccount.objects.filter(_due(on)).exists():
        return None
    run = BillRun.objects.create(on=on, started_at=business_now())
    with connection.cursor() as cursor:
        cursor.execute(_CUT, {"run": run.pk, "size": ACCOUNTS_PER_CHUNK, "on": on})
        _carry_on([pk for (pk,) in cursor.fetchall()])
    return run.pk


def work(chunk_id: int) -> None:
    """Bring the chunk to its end from wherever it stands; nothing is done if it is finished."""
    draft(chunk_id)
    number(chunk_id)
    run_id = BillRunChunk.objects.values_list("run_id", flat=True).get(pk=chunk_id)
    finish(run_id)


@transaction.atomic
def draft(chunk_id: int) -> None:
    """Draft and check the bills of a pending chunk; bills that break the promise are held."""
    chunk = BillRunChunk.objects.select_for_update().select_related("run").get(pk=chunk_id)
    if chunk.state != ChunkState.PENDING:
        return
    accounts = list(
        BillingAccount.objects.select_for_update(no_key=True)
        .filter(_due(chunk.run.on), pk__range=(chunk.first_account, chunk.last_account))
        .order_by("pk")
    )
    chunk.held = bill_accounts(accounts, on=chunk.run.on, chunk_id=chunk.pk)
    _move(chunk, ChunkState.DRAFTED)


@transaction.atomic
def number(chunk_id: int) -> None:
    """Number and issue the drafts of a drafted chunk in one short transaction."""
    chunk = BillRunChunk.objects.select_for_update().get(pk=chunk_id)
    if chunk.state != ChunkState.DRAFTED:
        return
    drafts = Invoice.objects.filter(chunk=chunk, state=InvoiceState.DRAFT).order_by("pk")
    ids = list(drafts.values_list("pk", flat=True))
    chunk.issued = len(issuing.issue(ids, on=business_today())) if ids else 0
    _move(chunk, ChunkState.FINISHED)


@transaction.atomic
def finish(run_id: int) -> None:
    """Close the run if all its chunks are finished, and set the timer of the next one."""
    run = BillRun.objects.select_for_update().get(pk=run_id)
    if run.state == RunState.FINISHED:
        return
    if run.chunks.exclude(state=ChunkState.FINISHED).exists():
        return
    run.state = RunState.FINISHED
    run.finished_at = business_now()
    run.save(update_fields=["state", "finished_at"])
    calendar.set_next()


def _due(on: date) -> Q:
    return Q(parked_at__isnull=True, next_bill_on__lte=on)


def _move(chunk: BillRunChunk, target: ChunkState) -> None:
    CHUNK_LIFE.check(ChunkState(chunk.state), target)
    chunk.state = target
    chunk.save(update_fields=["state", "issued", "held"])


def _carry_on(chunk_ids: Iterable[int]) -> None:
    for chunk_id in chunk_ids:
        timers.soon(
            key=f"{CHUNK_TIMER}:{chunk_id}", handler=CHUNK_TIMER, payload={"chunk": chunk_id}
        )
