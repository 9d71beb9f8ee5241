"""Control totals: what a run counted beside what its rows say, before any bill has a number."""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Max, Sum

from commerce.kernel.clock import business_now
from commerce.kernel.periods import add_months
from subscriptions.domain.control import (
    Alike,
    Limits,
    Stored,
    Tally,
    cycle_days,
    deviations,
    read_limits,
)
from subscriptions.invoicing.services.drafting import BILLED_STATUSES
from subscriptions.models import BillRun, BillRunChunk, BillRunControl

_SUMS_OF_CHUNK = """
WITH draft AS (
  SELECT invoice.id, gross, period_start, cycle_day,
         account.cycle_before <> '[]' AND EXISTS (
             SELECT FROM subscriptions_cyclemove AS move
              WHERE move.account_id = account.id AND move.from_on < period_start
                AND move.from_on > period_start - interval '1 month') AS came,
         CASE invoice.basis WHEN 'HT' THEN net ELSE gross END AS basis
    FROM subscriptions_invoice AS invoice
    JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id
   WHERE chunk_id = %s AND NOT (state = 'issued') AND state = 'draft'
), cycle AS (
  SELECT period_start, count(*) AS bills, sum(gross) AS gross,
         count(*) FILTER (WHERE came) AS came,
         coalesce(sum(gross) FILTER (WHERE came), 0) AS came_gross
    FROM draft WHERE extract(day FROM period_start) = cycle_day GROUP BY period_start
)
SELECT (SELECT coalesce(jsonb_agg(jsonb_build_array(
                   period_start, bills, gross::text, came, came_gross::text)), '[]')
          FROM cycle),
       coalesce((SELECT sum(basis) FROM draft), 0), coalesce(sum(line.amount), 0),
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
# An account whose cycle begins on one of the days, with a charge that ran before and runs on: after
# the run each such charge is billed beyond that day, or the account is held. What began, or was let
# go again, while the run was on its way is for the next one, as are days within which something
# begins to cost that needs a yes. A moved cycle day holds from its first bill day on, no sooner.
_CALENDAR = """
WITH day AS (
  SELECT day FROM unnest(%(days)s::date[]) AS day (day)
), cycle AS (
  SELECT account.id, day.day
    FROM day JOIN subscriptions_billingaccount AS account
      ON account.cycle_before = '[]' AND account.cycle_day = extract(day FROM day.day)
   UNION ALL
  SELECT account.id, day.day
    FROM day JOIN subscriptions_billingaccount AS account ON account.cycle_before <> '[]'
   WHERE coalesce((SELECT later.former FROM subscriptions_cyclemove AS later
                    WHERE later.account_id = account.id AND later.from_on > day.day
                    ORDER BY later.from_on LIMIT 1),
                  account.cycle_day) = extract(day FROM day.day)
      OR EXISTS (SELECT FROM subscriptions_cyclemove AS moved
                  WHERE moved.account_id = account.id AND moved.from_on = day.day)
), account AS (
  SELECT account.id, account.parked_at,
         bool_or(unbilled.since <= cycle.day AND NOT EXISTS (
             SELECT FROM subscriptions_paidcontinuation AS asked
              WHERE asked.item_id = item.id AND asked.costs_on > unbilled.since
                AND (unbilled.since = cycle.day AND asked.costs_on < account.next_bill_on
                     OR charge.every_months > 1
                        AND greatest(asked.costs_on, cycle.day)
                            < unbilled.since + charge.every_months * interval '1 month'))) AS behind
    FROM cycle
    JOIN subscriptions_billingaccount AS account ON account.id = cycle.id
    JOIN subscriptions_subscription AS contract
      ON contract.account_id = account.id AND contract.status = ANY(%(billed)s)
    JOIN subscriptions_subscriptionitem AS item
      ON item.subscription_id = contract.id AND item.from_on < cycle.day
     AND (item.until_on IS NULL OR item.until_on > cycle.day)
    LEFT JOIN subscriptions_subscriptionchange AS begun ON begun.id = item.begun_by_id
    JOIN subscriptions_itemcharge AS charge ON charge.item_id = item.id,
         LATERAL (SELECT coalesce(charge.billed_until, item.from_on) AS since) AS unbilled
   WHERE coalesce(begun.at, contract.activated_at) <= %(began)s
   GROUP BY account.id
)
SELECT count(*),
       count(*) FILTER (WHERE NOT behind OR parked_at IS NOT NULL OR EXISTS (
           SELECT FROM subscriptions_parking AS parking
            WHERE parking.account_id = account.id AND parking.decided_at >= %(began)s))
  FROM account
"""
# Whose cycle day was moved since the month before counts on neither side: who came to one of the
# days is among the bills of then not yet, who left it is not any more.
_ALIKE = """
WITH gone AS (
  SELECT count(*) AS bills, coalesce(sum(invoice.gross), 0) AS gross
    FROM subscriptions_cyclemove AS move
    JOIN subscriptions_invoice AS invoice
      ON invoice.account_id = move.account_id
     AND invoice.period_start = (move.from_on - interval '1 month')::date
    JOIN subscriptions_billrunchunk AS chunk ON chunk.id = invoice.chunk_id
    JOIN subscriptions_billrun AS run
      ON run.id = chunk.run_id AND run.state = 'finished' AND NOT run.trial
     AND run.id <> %(run)s AND run.on >= %(first)s
   WHERE move.from_on = ANY(%(days)s)
)
SELECT coalesce(sum(bills - came) FILTER (WHERE own AND day = ANY(%(days)s)), 0),
       coalesce(sum(gross - came_gross) FILTER (WHERE own AND day = ANY(%(days)s)), 0),
       coalesce(sum(bills) FILTER (WHERE NOT own AND day = ANY(%(before)s)), 0)
           - (SELECT bills FROM gone),
       coalesce(sum(gross) FILTER (WHERE NOT own AND day = ANY(%(before)s)), 0)
           - (SELECT gross FROM gone),
       coalesce(sum(bills - came) FILTER (WHERE NOT own AND day = ANY(%(days)s)), 0)
  FROM (SELECT run.id = %(run)s AS own, (cycle ->> 0)::date AS day,
               (cycle ->> 1)::bigint AS bills, (cycle ->> 2)::numeric AS gross,
               coalesce((cycle ->> 3)::bigint, 0) AS came,
               coalesce((cycle ->> 4)::numeric, 0) AS came_gross
          FROM subscriptions_billrun AS run
          JOIN subscriptions_billrunchunk AS chunk ON chunk.run_id = run.id,
               jsonb_array_elements(chunk.cycles) AS cycle
         WHERE run.id = %(run)s
            OR run.on >= %(first)s AND run.state = 'finished' AND NOT run.trial) AS drafted
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
        cycles, *sums = cursor.fetchone()
    chunk.cycles = json.loads(cycles)
    chunk.basis_sum, chunk.line_sum, chunk.named_sum, chunk.promised_sum = sums


def reconcile(run: BillRun) -> tuple[str, ...]:
    """Lay the totals of a run that is drafted side by side, and keep what deviates: the controls
    that do, nothing if its bills may be issued. Six statements whatever the number of accounts."""
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
    days = _days_of(run)
    drafts, gross = (sums["drafts"], sums["gross"]) if run.trial else _drafts_of(run)
    due, settled = (0, 0) if run.trial else _by_the_calendar(run, days)
    found = deviations(
        counted=Tally(due=run.due, **{of: sums[of] for of in _COUNTED}),
        stored=Stored(
            drafts=drafts,
            gross=gross,
            **{of: sums[of] for of in ("basis", "lines", "named", "promised")},
            due=due,
            settled=settled,
        ),
        alike=_alike(run, days),
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


def _days_of(run: BillRun) -> list[date]:
    """The cycle days that the run makes up for; none for a trial of one account."""
    if run.account_id is not None:
        return []
    earlier = BillRun.objects.filter(on__lt=run.on, trial=False)
    return list(cycle_days(run.on, since=earlier.aggregate(on=Max("on"))["on"]))


def _by_the_calendar(run: BillRun, days: Sequence[date]) -> tuple[int, int]:
    """The accounts whose cycle begins on one of the days, and how many of them are settled."""
    given: dict[str, Any] = {
        "days": list(days),
        "billed": list(BILLED_STATUSES),
        "began": run.started_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CALENDAR, given)
        due, settled = cursor.fetchone()
    return due, settled


def _alike(run: BillRun, days: Sequence[date]) -> Alike:
    before = [add_months(day, -1) for day in days]
    given: dict[str, Any] = {"run": run.pk, "days": list(days), "before": before}
    given["first"] = min(before, default=run.on)
    with connection.cursor() as cursor:
        cursor.execute(_ALIKE, given)
        bills, gross, were, was, earlier = cursor.fetchone()
    return Alike(int(bills), gross, int(were), was, int(earlier))
