"""Businesses' invoices at the accredited platform: marked with their issue, sent by timers, told
back by callbacks, asked for where it keeps silent.

A call is three steps: the request is stored with its key, claimed and made with no transaction
open, its outcome stored where nobody was first. What was sent before is asked for, and sent again
only under the same key.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from commerce.events import timers
from commerce.events.outbox import publish
from commerce.kernel.clock import PARIS, business_now, machine_now
from commerce.kernel.errors import Refused, Unknown
from commerce.kernel.money import Money
from commerce.rows import Given, Prepared, update
from subscriptions import ports
from subscriptions.domain.einvoicing import (
    CAME_BACK,
    STATUSES_OF_THE_LAW,
    TOLD,
    EinvoiceStatus,
    RequestKind,
    RequestState,
    may_become,
)
from subscriptions.domain.states import InvoiceKind
from subscriptions.events import ElectronicInvoiceMoved
from subscriptions.invoicing.facturx import Flavour, xml_of
from subscriptions.invoicing.selectors import document_sent
from subscriptions.ledger.selectors import deferred_on, owed_on, paid_in_money
from subscriptions.models import Einvoice, Invoice, PlatformRequest

logger = logging.getLogger(__name__)

TIMER, ASK = "einvoicing", "einvoicing-ask"
PORT = "einvoicing"
AT_A_TIME = 20
"""Requests that one timer carries out."""
ANSWERS_IN = timedelta(seconds=60)
"""Of machine time, until the platform is asked for the fate of what it took; then twice as long."""
MOST_DOUBLINGS = 6
REFUSED_BY = timedelta(days=10)
"""Of business time, until it is asked once more, for a refusal that was told and lost."""

_MARK = """
WITH marked AS (
  INSERT INTO subscriptions_einvoice
         (invoice_id, status, generation, motive, handled, changed_at)
  SELECT invoice.id, 'marked', 1, '', '', %(at)s
    FROM subscriptions_invoice AS invoice
   WHERE invoice.id = ANY(%(ids)s) AND invoice.template IS NOT NULL
   ORDER BY invoice.id
  RETURNING id, invoice_id
)
INSERT INTO subscriptions_platformrequest
       (key, kind, einvoice_id, state, answer, error, made_at)
SELECT invoice.number || '/1', 'invoice', marked.id, 'waiting', '', '', %(at)s
  FROM marked JOIN subscriptions_invoice AS invoice ON invoice.id = marked.invoice_id
 ORDER BY invoice.id
RETURNING key
"""

# Of every invoice: written out, or kept as text (decision 10).
_REQUEST = Prepared(lambda: PlatformRequest.objects.filter(key=Given("key")))
_EINVOICE = Prepared(lambda: Einvoice.objects.select_for_update().filter(pk=Given("id")))
_INVOICE = Prepared(lambda: Invoice.objects.filter(pk=Given("id")))
_CLAIM = """
UPDATE subscriptions_platformrequest SET state = 'claimed'
 WHERE key = %(key)s AND state = 'waiting' RETURNING id
"""
_ACCEPT = """
UPDATE subscriptions_platformrequest SET state = 'accepted', answer = %(answer)s, error = ''
 WHERE key = %(key)s AND state = 'claimed' RETURNING kind, einvoice_id
"""
_STEP = """
INSERT INTO subscriptions_einvoicestep (einvoice_id, status, at, motive, by, event)
VALUES (%(einvoice)s, %(status)s, %(at)s, %(motive)s, '', %(event)s)
    ON CONFLICT (event) WHERE event <> '' DO NOTHING RETURNING id
"""


@cache
def platform() -> ports.Einvoicing:
    """The adapter that the settings name; made once per process."""
    made: ports.Einvoicing = import_string(settings.ADAPTERS[PORT])()
    return made


def mark(invoice_ids: Sequence[int]) -> None:
    """Have the issued invoices of businesses sent; two statements, whatever their number.

    In the transaction of their issue.
    """
    if not invoice_ids:
        return
    now = business_now()
    with connection.cursor() as cursor:
        cursor.execute(_MARK, {"ids": list(invoice_ids), "at": now})
        keys = [key for (key,) in cursor.fetchall()]
    groups = [keys[start : start + AT_A_TIME] for start in range(0, len(keys), AT_A_TIME)]
    at = machine_now()
    timers.schedule_all(
        [
            *(timers.Due(_timer(group), TIMER, at, {"keys": group}, "machine") for group in groups),
            *(
                timers.Due(
                    f"{ASK}:late:{group[0]}",
                    ASK,
                    now + REFUSED_BY,
                    {"keys": group, "tries": MOST_DOUBLINGS, "late": True},
                )
                for group in groups
            ),
        ]
    )


def send_soon(*keys: str) -> None:
    """Have stored requests carried out, one after the other; in the caller's transaction."""
    timers.soon(key=_timer(keys), handler=TIMER, payload={"keys": list(keys)})


def on_send(payload: Mapping[str, Any]) -> bool:
    """Timer; called with no transaction open. May come twice, and after a crash at any line.

    Answers whether the platform was asked for anything. One invoice that can't be made, or to which
    the platform alone gives no answer, holds up no other.

    Raises:
        Unknown: the platform keeps silent; what is left is tried again.
        Exception: what went wrong with an invoice, after the others were seen to.
    """
    keys = list(payload["keys"])
    broken: Exception | None = None
    asked = []
    try:
        for key in _in_turn(keys):
            try:
                asked.append(carry_out(key))
            except Unknown:
                raise
            except Exception as error:
                logger.exception("request %s can't be made", key)
                broken = error
    finally:
        _ask_in(keys, tries=0)
    if broken is not None:
        raise broken
    return any(asked)


def _in_turn(keys: Sequence[str]) -> list[str]:
    """What was asked for before without an answer comes last; reports stay in their order."""
    claimed = PlatformRequest.objects.filter(key__in=keys, state=RequestState.CLAIMED)
    unanswered = set(claimed.exclude(kind=RequestKind.REPORT).values_list("key", flat=True))
    return sorted(keys, key=unanswered.__contains__)


def carry_out(key: str) -> bool:
    """Make the stored request once; False if that was done before. Raises Unknown."""
    (row,) = _REQUEST.rows(key=key)
    if row.state not in (RequestState.WAITING, RequestState.CLAIMED):
        return False
    known = None if _written(_CLAIM, key=key) else platform().known(key)
    if known is not None and known.refused:
        _refuse(key, code=known.refused, sentence="")
        return True
    try:
        answer = known.id if known is not None else _call(row)
    except Refused as refusal:
        _refuse(key, code=refusal.code, sentence=refusal.message)
    else:
        _accept(key, answer=answer)
    return True


def on_ask(payload: Mapping[str, Any]) -> bool:
    """Timer: take in what the platform told, or tried to tell, of invoices whose fate we do not
    know; called with no transaction open. Raises Unknown."""
    keys, tries = list(payload["keys"]), int(payload["tries"])
    wanted = (
        (EinvoiceStatus.SENT, EinvoiceStatus.DEPOSITED)
        if payload.get("late")
        else (EinvoiceStatus.SENT,)
    )
    open_ones = PlatformRequest.objects.filter(
        key__in=keys, kind=RequestKind.INVOICE, einvoice__status__in=wanted
    )
    undecided = list(open_ones.order_by("pk").values_list("key", flat=True))
    for key in undecided:
        known = platform().known(key)
        for event in known.events if known else ():
            take_event(request_key=key, event=event)
    if not payload.get("late"):
        _ask_in(undecided, tries=tries + 1)
    return bool(undecided)


@transaction.atomic
def take_event(*, request_key: str, event: ports.PlatformEvent) -> None:
    """What the platform tells of an invoice: once per event, in any order, also before its call has
    come back. What comes late adds to the history and moves nothing."""
    status = TOLD.get(event.type)
    request = _REQUEST.first(key=request_key)
    if status is None or request is None or request.kind != RequestKind.INVOICE:
        return
    einvoice = _locked(request.einvoice_id or 0)
    at, motive = event.occurred_at, event.motive
    if not _add_step(einvoice, status, at=at, motive=motive, event=event.id):
        return
    (einvoice.invoice,) = _INVOICE.rows(id=einvoice.invoice_id)
    current = request_key == f"{einvoice.invoice.number}/{einvoice.generation}"
    if current and may_become(EinvoiceStatus(einvoice.status), status):
        _move(einvoice, status, motive=event.motive)
        _tell_if_paid(einvoice)


def note_money(invoice: Invoice) -> None:
    """Money came for the invoice: if nothing is left to pay, the platform is to be told.

    In the caller's transaction, who has locked the account.
    """
    found = Einvoice.objects.filter(invoice=invoice).values_list("pk", flat=True).first()
    if found is not None:
        einvoice = _locked(found)
        einvoice.invoice = invoice
        _tell_if_paid(einvoice)


def _tell_if_paid(einvoice: Einvoice) -> None:
    invoice = einvoice.invoice
    if not may_become(EinvoiceStatus(einvoice.status), EinvoiceStatus.PAID):
        return
    if invoice.kind == InvoiceKind.CREDIT_NOTE or owed_on(invoice) or deferred_on(invoice):
        return
    money = paid_in_money(invoice)
    if money.amount <= 0:
        return
    key = f"{invoice.number}/paid"
    wish = PlatformRequest(
        key=key,
        kind=RequestKind.PAID,
        einvoice=einvoice,
        amount=money.amount,
        made_at=business_now(),
    )
    PlatformRequest.objects.bulk_create([wish], ignore_conflicts=True)
    send_soon(key)


def _call(row: PlatformRequest) -> str:
    if row.kind == RequestKind.INVOICE:
        document = document_sent(row.einvoice_id or 0)
        sent = ports.ElectronicInvoice(
            document.number, Flavour.FACTUR_X.value, xml_of(document, flavour=Flavour.FACTUR_X)
        )
        return platform().send(sent, key=row.key)
    if row.report is not None:
        return platform().report(_report(row), key=row.key)
    assert row.einvoice is not None
    invoice = row.einvoice.invoice
    taken = PlatformRequest.objects.get(
        key=f"{invoice.number}/{row.einvoice.generation}", kind=RequestKind.INVOICE
    )
    if not taken.answer:
        raise Unknown("It is not known yet under which id the platform took the invoice.")
    return platform().paid(
        taken.answer,
        amount=Money(row.amount or Decimal(0), invoice.currency),
        on=row.made_at.astimezone(PARIS).date(),
        key=row.key,
    )


def _report(row: PlatformRequest) -> ports.SalesReport:
    report = row.report
    assert report is not None
    return ports.SalesReport(
        reference=report.reference,
        start=report.start,
        end=report.end,
        sales=report.sales,
        payments=report.payments,
        corrects=report.corrects.reference if report.corrects else "",
    )


@transaction.atomic
def _accept(key: str, *, answer: str) -> None:
    for kind, einvoice_id in _written(_ACCEPT, key=key, answer=answer):
        if einvoice_id is None:
            continue
        einvoice = _locked(einvoice_id)
        target = EinvoiceStatus.PAID if kind == RequestKind.PAID else EinvoiceStatus.SENT
        _add_step(einvoice, target, at=business_now())
        if may_become(EinvoiceStatus(einvoice.status), target):
            _move(einvoice, target)


@transaction.atomic
def _refuse(key: str, *, code: str, sentence: str) -> None:
    """The platform would say no again; an operator sees it, whatever he noted before."""
    claimed = PlatformRequest.objects.filter(key=key, state=RequestState.CLAIMED)
    if not claimed.update(state=RequestState.REFUSED, error=f"{code}: {sentence}"[:300]):
        return
    row = PlatformRequest.objects.get(key=key)
    if row.kind == RequestKind.INVOICE:
        einvoice = _locked(row.einvoice_id or 0)
        _add_step(einvoice, EinvoiceStatus.REJECTED, at=business_now(), motive=code[:60])
        if may_become(EinvoiceStatus(einvoice.status), EinvoiceStatus.REJECTED):
            _move(einvoice, EinvoiceStatus.REJECTED, motive=code[:60])
    elif row.kind == RequestKind.PAID:
        Einvoice.objects.filter(pk=row.einvoice_id or 0).update(handled="")


def _move(einvoice: Einvoice, target: EinvoiceStatus, *, motive: str = "") -> None:
    einvoice.status = target
    einvoice.motive = motive
    einvoice.changed_at = business_now()
    if target in CAME_BACK:
        einvoice.handled = ""
    update([einvoice], ["status", "motive", "changed_at", "handled"])
    if target in STATUSES_OF_THE_LAW:
        invoice = einvoice.invoice
        publish(
            ElectronicInvoiceMoved(
                number=invoice.number or "",
                party_id=invoice.account.party_id,
                status=target,
                motive=motive,
            )
        )


def _locked(einvoice_id: int) -> Einvoice:
    (found,) = _EINVOICE.rows(id=einvoice_id)
    return found


def _add_step(
    einvoice: Einvoice, status: EinvoiceStatus, *, at: datetime, motive: str = "", event: str = ""
) -> bool:
    """False if it was told before."""
    values = {"einvoice": einvoice.pk, "status": status, "at": at}
    return bool(_written(_STEP, **values, motive=motive, event=event))


def _written(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """What a statement returns of the rows that it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _ask_in(keys: Sequence[str], *, tries: int) -> None:
    """Have the platform asked for invoices that it took and said nothing of since."""
    sent = PlatformRequest.objects.filter(
        key__in=keys, kind=RequestKind.INVOICE, einvoice__status=EinvoiceStatus.SENT
    )
    waiting = list(sent.order_by("pk").values_list("key", flat=True))
    if waiting:
        timers.schedule(
            key=f"{ASK}:{waiting[0]}",
            handler=ASK,
            due_at=machine_now() + ANSWERS_IN * 2 ** min(tries, MOST_DOUBLINGS),
            payload={"keys": waiting, "tries": tries},
            clock="machine",
        )


def _timer(keys: Sequence[str]) -> str:
    return f"{TIMER}:{keys[0]}"
