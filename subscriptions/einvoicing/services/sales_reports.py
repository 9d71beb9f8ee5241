"""What was sold to consumers is reported to the accredited platform: every ten days, without a gap,
and corrected by a later report where the books say otherwise by then."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max, Min

from commerce.accounts.kinds import Segment
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.periods import Period
from subscriptions.domain.carrier import COLLECTED
from subscriptions.domain.einvoicing import (
    RequestKind,
    RequestState,
    SalesRow,
    paid_rows,
    period_of,
    periods_until,
)
from subscriptions.domain.states import InvoiceState
from subscriptions.einvoicing.services.einvoicing import send_soon
from subscriptions.models import Invoice, PlatformRequest, SalesReport

TIMER = "sales-report"
REPORT_AT = time(6, 0)
"""In Paris, on the first day after the period."""
LOOKED_BACK = timedelta(days=60)
"""How old a reported period may be to be laid beside the books once more."""
_LOCK = 4_715_002

# What a bill collects for merchants who sell in their own name is their sale, which they report: it
# is taken off the part without tax.
_OTHERS = """
       LATERAL (SELECT coalesce(sum(line.amount), 0) FROM subscriptions_invoiceline AS line
                 WHERE line.invoice_id = invoice.id AND line.kind = 'third'
                   AND line.tax_class = %(collected)s
                   AND (part ->> 'rate')::numeric = 0) AS others (amount)
"""
_SOLD = f"""
SELECT invoice.issued_on, (part ->> 'rate')::numeric,
       sum((part ->> 'net')::numeric - others.amount), sum((part ->> 'tax')::numeric), count(*)
  FROM subscriptions_invoice AS invoice
  JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id,
       LATERAL jsonb_array_elements(invoice.tax) AS part, {_OTHERS}
 WHERE account.segment = 'consumer' AND invoice.state = 'issued'
   AND invoice.issued_on >= %(start)s AND invoice.issued_on < %(end)s
   AND (others.amount = 0 OR (part ->> 'net')::numeric <> others.amount)
 GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608  no input
# What a credit note pays, named by both numbers, is no money that came in.
_PAID = f"""
SELECT (moved.at AT TIME ZONE 'Europe/Paris')::date, (part ->> 'rate')::numeric,
       sum(CASE moved.credit WHEN 'receivable' THEN moved.amount ELSE -moved.amount END
           * ((part ->> 'gross')::numeric - others.amount) / invoice.gross)
  FROM subscriptions_transfer AS moved
  JOIN subscriptions_invoice AS invoice ON invoice.id = moved.invoice_id
  JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id,
       LATERAL jsonb_array_elements(invoice.tax) AS part, {_OTHERS}
 WHERE account.segment = 'consumer' AND invoice.gross <> 0
   AND (others.amount = 0 OR (part ->> 'gross')::numeric <> others.amount)
   AND moved.kind = 'allocation'
   AND 'receivable' IN (moved.debit, moved.credit)
   AND moved.at >= %(since)s AND moved.at < %(until)s
   AND NOT EXISTS (SELECT FROM subscriptions_invoice AS note
                    WHERE note.kind = 'credit_note'
                      AND note.number = substr(moved.key, length(invoice.number) + 2))
 GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608  no input


def begin() -> None:
    """Make sure that the timer of this period is set; the pump calls this when it starts."""
    _set(business_today())


def on_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: report what is over, and set the timer anew. May come twice."""
    today = business_today()
    report_until(today)
    _set(today)


@transaction.atomic
def report_until(today: date) -> tuple[str, ...]:
    """Make the reports of all periods that are over, each after the one before, and corrections of
    those that the books contradict; their references. They are sent by timers, after all that the
    platform has not taken so far: it takes no period before the one before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    start = _first_missing()
    made = [_correction(report) for report in _contradicted(today)]
    if start is not None:
        made += [_make(period) for period in periods_until(start, today)]
    unsent = _unsent()
    if unsent:
        send_soon(*unsent)
    return tuple(report.reference for report in made)


def _unsent() -> list[str]:
    """The keys of what the platform has not taken, in the order of the reports, for one piece of
    work; what it refused is asked anew under another key, as it may have lacked an earlier one."""
    tried = [RequestState.WAITING, RequestState.CLAIMED, RequestState.ACCEPTED]
    to_ask = SalesReport.objects.exclude(requests__state__in=tried).annotate(
        asked=Count("requests")
    )
    PlatformRequest.objects.bulk_create(
        PlatformRequest(
            key=f"report/{report.reference}" + (f"#{report.asked + 1}" if report.asked else ""),
            kind=RequestKind.REPORT,
            report=report,
            made_at=business_now(),
        )
        for report in to_ask.order_by("pk")
    )
    unsent = PlatformRequest.objects.filter(
        kind=RequestKind.REPORT, state__in=[RequestState.WAITING, RequestState.CLAIMED]
    )
    return list(unsent.order_by("report_id", "pk").values_list("key", flat=True))


def books(period: Period) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was sold to consumers in the days of `period`, and what they paid, by day and rate."""
    since, until = (
        datetime.combine(day, time(0), tzinfo=PARIS) for day in (period.start, period.end)
    )
    with connection.cursor() as cursor:
        cursor.execute(_SOLD, {"start": period.start, "end": period.end, "collected": COLLECTED})
        sales = [SalesRow(*row).to_json() for row in cursor.fetchall()]
        cursor.execute(_PAID, {"since": since, "until": until, "collected": COLLECTED})
        payments = [row.to_json() for row in paid_rows(cursor.fetchall())]
    return sales, payments


def _first_missing() -> date | None:
    """The first day that no report speaks of; None as long as nothing was sold."""
    last: date | None = SalesReport.objects.aggregate(last=Max("end"))["last"]
    if last is not None:
        return last
    first: date | None = Invoice.objects.filter(
        account__segment=Segment.CONSUMER, state=InvoiceState.ISSUED
    ).aggregate(first=Min("issued_on"))["first"]
    return first


def _contradicted(today: date) -> Iterable[tuple[SalesReport, Sequence[Any], Sequence[Any]]]:
    """The reports in force whose days are in the books otherwise by now."""
    corrected = SalesReport.objects.filter(corrects__isnull=False).values("corrects")
    recent = SalesReport.objects.filter(end__gte=today - LOOKED_BACK).exclude(pk__in=corrected)
    for report in recent.order_by("start"):
        sales, payments = books(Period(report.start, report.end))
        if (sales, payments) != (report.sales, report.payments):
            yield report, sales, payments


def _correction(found: tuple[SalesReport, Sequence[Any], Sequence[Any]]) -> SalesReport:
    wrong, sales, payments = found
    root, _, count = wrong.reference.partition("/")
    return SalesReport.objects.create(
        reference=f"{root}/{int(count or 0) + 1}",
        start=wrong.start,
        end=wrong.end,
        sales=sales,
        payments=payments,
        corrects=wrong,
        made_at=business_now(),
    )


def _make(period: Period) -> SalesReport:
    sales, payments = books(period)
    return SalesReport.objects.create(
        reference=f"ER-{period.start:%Y-%m-%d}",
        start=period.start,
        end=period.end,
        sales=sales,
        payments=payments,
        made_at=business_now(),
    )


def _set(today: date) -> None:
    period = period_of(today)
    timers.schedule(
        key=f"{TIMER}:{period.end}",
        handler=TIMER,
        due_at=datetime.combine(period.end, REPORT_AT, tzinfo=PARIS),
        payload={},
    )
