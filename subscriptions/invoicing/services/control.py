"""Control totals: what a run counted beside what its rows say, before any bill has a number."""

from decimal import Decimal

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from commerce.kernel.clock import business_now
from commerce.kernel.periods import add_months
from subscriptions.domain.control import Before, Limits, Stored, Tally, deviations, read_limits
from subscriptions.domain.states import RunState
from subscriptions.models import BillRun, BillRunChunk, BillRunControl

_SUMS_OF_CHUNK = """
WITH draft AS (
  SELECT id, CASE basis WHEN 'HT' THEN net ELSE gross END AS basis
    FROM subscriptions_invoice
   WHERE chunk_id = %s AND NOT (state = 'issued') AND state = 'draft'
)
SELECT coalesce((SELECT sum(basis) FROM draft), 0), coalesce(sum(line.amount), 0),
       coalesce(sum(line.amount) FILTER (WHERE line.kind NOT IN ('third', 'usage')), 0),
       coalesce(sum(promised.amount) FILTER (WHERE line.kind NOT IN ('third', 'usage')), 0)
  FROM draft
  JOIN subscriptions_invoiceline AS line ON line.invoice_id = draft.id
  LEFT JOIN subscriptions_promise AS promise
    ON promise.order_number = line.order_number AND promise.group = line.group
  LEFT JOIN subscriptions_promiseline AS promised
    ON promised.promise_id = promise.id AND promised.item = line.item
   AND promised.charge = line.charge AND promised.period = line.period
   AND promised.benefit = line.benefit AND promised.superseded_by_id IS NULL
"""
_DRAFTS_OF_RUN = """
SELECT count(*), coalesce(sum(gross), 0)
  FROM subscriptions_invoice
 WHERE chunk_id IN (SELECT id FROM subscriptions_billrunchunk WHERE run_id = %s)
   AND NOT (state = 'issued') AND state = 'draft'
"""


_COUNTED = ("taken", "billed", "parked", "nothing", "drafts", "gross")


def limits() -> Limits:
    """Raises InvalidInput `bill_run_limits`."""
    return read_limits(settings.BILL_RUN_LIMITS)


def keep(chunk: BillRunChunk, tally: Tally) -> None:
    """Note on the chunk, which the caller saves, what was counted and what its rows say; one
    statement. In the transaction of the drafts."""
    chunk.taken, chunk.billed, chunk.held = tally.taken, tally.billed, tally.parked
    chunk.nothing, chunk.drafts, chunk.gross = tally.nothing, tally.drafts, tally.gross
    with connection.cursor() as cursor:
        cursor.execute(_SUMS_OF_CHUNK, [chunk.pk])
        chunk.basis_sum, chunk.line_sum, chunk.named_sum, chunk.promised_sum = cursor.fetchone()


def reconcile(run: BillRun) -> tuple[str, ...]:
    """Lay the totals of a run that is drafted side by side, and keep what deviates: the controls
    that do, nothing if its bills may be issued. Five statements whatever the number of accounts."""
    sums = run.chunks.aggregate(
        taken=Sum("taken", default=0),
        billed=Sum("billed", default=0),
        parked=Sum("held", default=0),
        nothing=Sum("nothing", default=0),
        drafts=Sum("drafts", default=0),
        gross=Sum("gross", default=Decimal(0)),
        basis=Sum("basis_sum", default=Decimal(0)),
        lines=Sum("line_sum", default=Decimal(0)),
        named=Sum("named_sum", default=Decimal(0)),
        promised=Sum("promised_sum", default=Decimal(0)),
    )
    drafts, gross = (sums["drafts"], sums["gross"]) if run.trial else _drafts_of(run)
    found = deviations(
        counted=Tally(due=run.due, **{of: sums[of] for of in _COUNTED}),
        stored=Stored(drafts, gross, *(sums[of] for of in ("basis", "lines", "named", "promised"))),
        before=_before(run),
        limits=limits(),
    )
    BillRunControl.objects.create(
        run=run, deviations=[each.to_json() for each in found], made_at=business_now()
    )
    return tuple(each.control.value for each in found)


def _drafts_of(run: BillRun) -> tuple[int, Decimal]:
    with connection.cursor() as cursor:
        cursor.execute(_DRAFTS_OF_RUN, [run.pk])
        drafts, gross = cursor.fetchone()
    return drafts, gross


def _before(run: BillRun) -> Before:
    """What the same day of the month before had, and today's earlier runs; nothing for a trial of
    one account."""
    if run.account_id is not None:
        return Before(0, Decimal(0))
    finished = BillRunChunk.objects.filter(run__state=RunState.FINISHED, run__trial=False)
    sums = finished.filter(run__on=add_months(run.on, -1)).aggregate(
        bills=Sum("drafts", default=0), gross=Sum("gross", default=Decimal(0))
    )
    today = finished.filter(run__on=run.on).aggregate(bills=Sum("drafts", default=0))
    return Before(sums["bills"], sums["gross"], today["bills"])
