"""What is asked about electronic invoices and reports: of one bill, and of all for operators."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from commerce.kernel.clock import business_now
from subscriptions.domain.einvoicing import (
    CAME_BACK,
    EinvoiceView,
    RequestKind,
    RequestState,
    StepView,
)
from subscriptions.models import Einvoice, EinvoiceStep, PlatformRequest, SalesReport

STUCK_AFTER = timedelta(hours=1)
_LATER = PlatformRequest.objects.filter(
    einvoice=OuterRef("einvoice"), kind=RequestKind.PAID, pk__gt=OuterRef("pk")
)
LAST_WAS_REFUSED = Q(kind=RequestKind.PAID, state=RequestState.REFUSED) & ~Exists(_LATER)
"""Of requests: the platform would not be told of a payment, and was not asked again."""


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report of sales to consumers; `state` is that of its sending."""

    reference: str
    start: date
    end: date
    corrects: str
    days: int
    state: str
    error: str
    made_at: datetime


def einvoice_of(party_id: int, number: str) -> EinvoiceView | None:
    """The electronic invoice of one of the party's bills; None if it is none. Two queries."""
    row = _einvoices().filter(invoice__account__party_id=party_id, invoice__number=number).first()
    return None if row is None else _view(row)


def came_back(*, limit: int = 50) -> tuple[EinvoiceView, ...]:
    """Rejected or refused, and nothing done about it; the oldest first. For staff."""
    rows = _einvoices().filter(status__in=CAME_BACK, handled="")
    return tuple(_view(row) for row in rows.order_by("changed_at", "pk")[:limit])


def stuck(*, limit: int = 50) -> tuple[EinvoiceView, ...]:
    """Those of which the platform does not take, or has refused, what we ask; for staff."""
    waiting = Q(
        state__in=[RequestState.WAITING, RequestState.CLAIMED],
        made_at__lt=business_now() - STUCK_AFTER,
    )
    requests = PlatformRequest.objects.filter(waiting | LAST_WAS_REFUSED, einvoice__isnull=False)
    rows = _einvoices().filter(pk__in=requests.values("einvoice"), handled="")
    return tuple(_view(row) for row in rows.order_by("changed_at", "pk")[:limit])


def refused_payment(einvoice: Einvoice) -> PlatformRequest | None:
    """The payment that the platform would not be told of, unless it was asked again."""
    return einvoice.requests.filter(LAST_WAS_REFUSED).first()


def reports(*, limit: int = 12) -> tuple[ReportView, ...]:
    """The latest first; for staff."""
    last_first = Prefetch("requests", PlatformRequest.objects.order_by("-pk"))
    rows = (
        SalesReport.objects.select_related("corrects")
        .prefetch_related(last_first)
        .order_by("-start", "-pk")[:limit]
    )
    return tuple(_report(row) for row in rows)


def _einvoices() -> QuerySet[Einvoice]:
    steps = EinvoiceStep.objects.order_by("at", "pk")
    return Einvoice.objects.select_related("invoice__account").prefetch_related(
        Prefetch("steps", steps), Prefetch("requests", PlatformRequest.objects.order_by("pk"))
    )


def _view(row: Einvoice) -> EinvoiceView:
    return EinvoiceView(
        id=row.pk,
        number=row.invoice.number or "",
        party_id=row.invoice.account.party_id,
        status=row.status,
        motive=row.motive,
        error=_last_error(row.requests.all()),
        changed_at=row.changed_at,
        steps=tuple(StepView(s.status, s.at, s.motive, s.by) for s in row.steps.all()),
        payment_refused=_payment_refused(row.requests.all()),
    )


def _payment_refused(requests: Iterable[PlatformRequest]) -> bool:
    told = [each.state for each in requests if each.kind == RequestKind.PAID]
    return told[-1:] == [RequestState.REFUSED]


def _last_error(requests: Iterable[PlatformRequest]) -> str:
    return next((each.error for each in reversed(list(requests)) if each.error), "")


def _report(row: SalesReport) -> ReportView:
    request = next(iter(row.requests.all()), None)
    return ReportView(
        reference=row.reference,
        start=row.start,
        end=row.end,
        corrects=row.corrects.reference if row.corrects else "",
        days=(row.end - row.start).days,
        state=request.state if request else RequestState.WAITING,
        error=request.error if request else "",
        made_at=row.made_at,
    )
