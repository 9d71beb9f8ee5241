"""What is asked about bills; always within what one party may see, but for staff.

Foreign or unknown things are NotFound alike. Each selector takes a fixed number of queries.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from commerce.accounts.kinds import Segment
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis, TaxPart
from commerce.markets.pack import market
from commerce.rows import Given, Prepared
from subscriptions.collection.instalments import parts_beside, plan_of_bill
from subscriptions.collection.selectors import is_transferred
from subscriptions.domain.buyers import BuyerCodes
from subscriptions.domain.document import InvoiceDocument, invoice_document
from subscriptions.domain.instalments import PrintedPart
from subscriptions.domain.states import ChunkState, InvoiceKind, InvoiceState, LineKind
from subscriptions.domain.views import (
    BillLineView,
    BillRunView,
    BillSection,
    BillSummary,
    BillView,
    CommitmentView,
    DeviationView,
    Identity,
    ParkedAccount,
    PayBy,
    PaymentMeans,
    Reference,
    RunDecisionView,
    Section,
)
from subscriptions.einvoicing.selectors import einvoice_of
from subscriptions.ledger.selectors import (
    COMMISSION_KEY,
    NOTHING,
    ORDER_KEY,
    deferred_amount,
    is_collected,
    open_amount,
)
from subscriptions.models import BillRun, BillRunControl, Invoice, InvoiceParty, Parking

NAMES_A_BILL = 3
"""The template from which on every credit note names a bill, as platforms want it (BR-FR-CO-05)."""
UNPROMISED = (LineKind.USAGE, LineKind.THIRD)
"""Lines that no promise speaks of."""
PARKED_PARTS = 5
"""Chunks of a trial whose parked accounts are named."""
_SUMMED = ("taken", "billed", "held", "nothing", "drafts", "gross", "issued")


# Of every electronic invoice and every file.
_OWN = Prepared(
    lambda: Invoice.objects.filter(
        number=Given("number"), account__party_id=Given("party"), state=InvoiceState.ISSUED
    )
)
_SENT = Prepared(
    lambda: Invoice.objects.filter(einvoice=Given("einvoice"), state=InvoiceState.ISSUED)
)
_NAMED = Prepared(lambda: InvoiceParty.objects.filter(pk__in=Given("ids", each="bigint")))
_OF_THE_ORDER = Prepared(
    lambda: _others().filter(key=Given("key"), account=Given("account")).order_by("pk")
)
_GIVEN_BACK = Prepared(
    lambda: _others().filter(coverage__closed_by=Given("bill")).distinct().order_by("pk")
)


def bills_of(party_id: int) -> tuple[BillSummary, ...]:
    """The party's issued bills, the latest first."""
    rows = _issued().filter(account__party_id=party_id).order_by("-issued_on", "-pk")
    return tuple(_summary(row, open_=row.open, deferred=row.deferred) for row in rows)


def bill_view(party_id: int, number: str) -> BillView:
    """One issued bill with the promise laid over it.

    Raises:
        NotFound: it is not the party's, or not issued.
    """
    row = _one_bill(party_id, number)
    business = row.account.segment == Segment.BUSINESS
    beside = parts_beside(party_id, number)
    return replace(
        _bill(row, open_=row.open, deferred=row.deferred),
        collected=row.payer is None and is_collected(row),
        transferred=row.payer is None and is_transferred(row),
        payer=row.payer.party.display_name if row.payer is not None else "",
        electronic=einvoice_of(party_id, number) if business else None,
        instalments=plan_of_bill(party_id, number),
        with_it=beside.with_it,
        to_come=beside.to_come,
    )


def document_of(party_id: int, number: str) -> InvoiceDocument:
    """One issued bill as the document that its buyer keeps.

    Raises:
        NotFound: it is not the party's, or not issued; `no_document`: it was issued before what
            documents say was kept.
    """
    return _document(_OWN.first(party=party_id, number=number))


def document_sent(einvoice_id: int) -> InvoiceDocument:
    """The document that the accredited platform gets. Raises NotFound as above."""
    return _document(_SENT.first(einvoice=einvoice_id))


def _document(row: Invoice | None) -> InvoiceDocument:
    """Of the bill as it was issued: what was paid since changes nothing of it."""
    if row is None:
        raise NotFound("There is no such bill.", code="unknown_bill")
    named = _NAMED.rows(ids=[row.seller_id, row.buyer_id])
    parties: dict[int | None, InvoiceParty] = {each.pk: each for each in named}
    row.seller, row.buyer = parties.get(row.seller_id), parties.get(row.buyer_id)
    document = invoice_document(_bill(row, open_=row.gross - row.prepaid, deferred=NOTHING))
    if document is None:
        raise NotFound("This bill can be read on its page only.", code="no_document")
    return document


def _one_bill(party_id: int, number: str) -> Any:
    row = (
        _issued()
        .select_related("seller", "buyer", "account", "payer__party")
        .filter(account__party_id=party_id, number=number)
        .first()
    )
    if row is None:
        raise NotFound("There is no such bill.", code="unknown_bill")
    return row


def _bill(row: Invoice, *, open_: Decimal, deferred: Decimal) -> BillView:
    lines = bill_lines(row.pk, currency=row.currency)
    summary = _summary(row, open_=open_, deferred=deferred)
    return BillView(
        summary=summary,
        sections=_sections(lines, currency=row.currency),
        tax_parts=tuple(_tax_part(part, currency=row.currency) for part in row.tax),
        mentions=tuple(row.mentions),
        commitments=_commitments(row.commitments, on=summary.issued_on),
        promised=total(
            (line.promised for line in lines if line.promised is not None), currency=row.currency
        ),
        as_promised=all(
            line.promised == line.amount for line in lines if line.kind not in UNPROMISED
        ),
        template=row.template,
        seller=Identity(**row.seller.facts) if row.seller else None,
        buyer=Identity(**row.buyer.facts) if row.buyer else None,
        corrects=_corrected_by(row),
        means=_means(row.means),
        printed=tuple(
            PrintedPart(
                of=each["of"],
                number=each["number"],
                parts=each["parts"],
                due_on=date.fromisoformat(each["due_on"]),
                left=Money.of(each["left"], row.currency),
            )
            for each in row.parts
        ),
    )


def _means(kept: Mapping[str, str] | None) -> PaymentMeans | None:
    if not kept:
        return None
    return PaymentMeans(PayBy(kept["by"]), kept["last4"], kept["mandate"], kept["creditor"])


def _corrected_by(row: Invoice) -> tuple[Reference, ...]:
    """The bills that lines of this one correct: those whose days it gives back, or its order's. A
    credit note that gives back no days, as compensations do not, follows the account's last bill.
    """
    credited = row.kind == InvoiceKind.CREDIT_NOTE
    # Never both: the bill of an order covers no days, and one search for either reads every bill.
    if credited and row.order_number:
        key = f"{ORDER_KEY}{row.order_number}"
        found = _OF_THE_ORDER.rows(bill=row.pk, key=key, account=row.account_id)
    else:
        found = _GIVEN_BACK.rows(bill=row.pk)
    if credited and not found and row.template is not None and row.template >= NAMES_A_BILL:
        issued = Invoice.objects.filter(state=InvoiceState.ISSUED, account=row.account_id)
        if row.key.startswith(COMMISSION_KEY):  # Several months may be closed on one day.
            before = issued.filter(pk__lt=row.pk)
        else:
            before = issued.filter(issued_on__lt=row.issued_on)
        bills = before.exclude(kind=InvoiceKind.CREDIT_NOTE)
        latest = bills.order_by("-issued_on", "-pk")
        last = latest.filter(kind=InvoiceKind.RECURRING).first() or latest.first()
        found = [last] if last else []
    return tuple(
        Reference(each.number, each.issued_on)
        for each in found
        if each.number is not None and each.issued_on is not None
    )


def parked_accounts(limit: int = 100) -> tuple[ParkedAccount, ...]:
    """The accounts that wait for an operator, the oldest first; for staff."""
    rows = (
        Parking.objects.filter(decision="")
        .select_related("account", "invoice")
        .order_by("parked_at", "pk")[:limit]
    )
    return tuple(
        ParkedAccount(
            account_id=row.account_id,
            party_id=row.account.party_id,
            rule=row.rule,
            reasons=tuple(row.reasons),
            parked_at=row.parked_at,
            held_bill=row.invoice_id,
            period=_period(row.invoice) if row.invoice else None,
            gross=Money(row.invoice.gross, row.invoice.currency) if row.invoice else None,
        )
        for row in rows
    )


def bill_runs(*, limit: int = 10) -> tuple[BillRunView, ...]:
    """The last bill runs and trials, the newest first; for staff."""
    return tuple(_bill_run(row) for row in _bill_run_rows().order_by("-pk")[:limit])


def bill_run_view(run_id: int) -> BillRunView:
    """One bill run or trial, with what was found when its totals were laid side by side; for staff.
    Sums over its chunks alone, so that a run of a million accounts is as quickly seen.

    Raises:
        NotFound: `unknown_bill_run`.
    """
    row = _bill_run_rows().filter(pk=run_id).first()
    if row is None:
        raise NotFound("There is no such bill run.", code="unknown_bill_run")
    parked = row.chunks.exclude(parked=[]).order_by("pk").values_list("parked", flat=True)
    return replace(
        _bill_run(row),
        parked=tuple(each for found in parked[:PARKED_PARTS] for each in found),
        controls=tuple(_run_control(each) for each in row.controls.order_by("-pk")),
    )


def _bill_run_rows() -> QuerySet[BillRun]:
    lately = machine_now() - timedelta(minutes=1)
    sums = {of: Sum(f"chunks__{of}", default=0) for of in _SUMMED}
    states = {
        f"parts_{state}": Count("chunks", filter=Q(chunks__state=state)) for state in ChunkState
    }
    return BillRun.objects.annotate(
        **{f"sum_{of}": summed for of, summed in sums.items()},
        **states,
        moved=Sum("chunks__taken", filter=Q(chunks__moved_at__gte=lately), default=0),
    )


def _bill_run(row: Any) -> BillRunView:
    sums = {of: getattr(row, f"sum_{of}") for of in _SUMMED}
    return BillRunView(
        id=row.pk,
        on=row.on,
        trial=row.trial,
        account_id=row.account_id,
        state=row.state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        due=row.due,
        parts={state.value: getattr(row, f"parts_{state}") for state in ChunkState},
        moved=row.moved,
        **sums | {"gross": Money(Decimal(sums["gross"]), market(settings.MARKET).currency)},
    )


def _run_control(row: BillRunControl) -> RunDecisionView:
    return RunDecisionView(
        made_at=row.made_at,
        deviations=tuple(DeviationView(**each) for each in row.deviations),
        decision=row.decision,
        note=row.note,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )


def _issued() -> QuerySet[Any]:
    return Invoice.objects.filter(state=InvoiceState.ISSUED).annotate(
        open=open_amount(), deferred=deferred_amount()
    )


def _others() -> QuerySet[Invoice]:
    return Invoice.objects.filter(state=InvoiceState.ISSUED).exclude(pk=Given("bill"))


def _summary(row: Invoice, *, open_: Decimal, deferred: Decimal) -> BillSummary:
    assert row.number is not None
    assert row.issued_on is not None
    assert row.due_on is not None
    return BillSummary(
        number=row.number,
        kind=row.kind,
        account_id=row.account_id,
        order_number=row.order_number,
        purchase_order=row.purchase_order,
        issued_on=row.issued_on,
        due_on=row.due_on,
        period=_period(row),
        basis=Basis(row.basis),
        net=Money(row.net, row.currency),
        tax=Money(row.tax_total, row.currency),
        gross=Money(row.gross, row.currency),
        open=Money(open_, row.currency),
        prepaid=Money(row.prepaid, row.currency),
        deferred=Money(deferred, row.currency),
    )


def _period(row: Invoice) -> Period | None:
    if row.period_start is None or row.period_end is None:
        return None
    return Period(row.period_start, row.period_end)


_LINES = """
SELECT line.kind, line.label, line.order_number, line.group, line.item, line.charge, line.benefit,
       line.period, line.starts_on, line.ends_on, line.quantity, line.amount, line.tax_class,
       line.tax_rate, promised.amount, line.cost_centre, line.purchase_order
  FROM subscriptions_invoiceline AS line
  LEFT JOIN subscriptions_promise AS promise
    ON promise.order_number = line.order_number AND promise.group = line.group
  LEFT JOIN subscriptions_promiseline AS promised
    ON promised.promise_id = promise.id AND promised.item = line.item
   AND promised.charge = line.charge AND promised.period = line.period
   AND promised.benefit = line.benefit AND promised.superseded_by_id IS NULL
 WHERE line.invoice_id = %s ORDER BY line.position
"""


def bill_lines(invoice_id: int, *, currency: str) -> tuple[BillLineView, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_LINES, [invoice_id])
        return tuple(
            BillLineView(
                kind=kind,
                label=label if isinstance(label, dict) else json.loads(label),
                order_number=order,
                group=group,
                item=item,
                charge=charge,
                benefit=benefit,
                period=period,
                days=Period(starts, ends) if starts and ends else None,
                quantity=quantity,
                amount=Money(amount, currency),
                tax_class=tax_class,
                tax_rate=rate,
                promised=None if promised is None else Money(promised, currency),
                codes=BuyerCodes(cost_centre, purchase_order),
            )
            for (
                kind, label, order, group, item, charge, benefit, period, starts, ends, quantity,
                amount, tax_class, rate, promised, cost_centre, purchase_order,
            ) in cursor.fetchall()
        )  # fmt: skip


def _sections(lines: Sequence[BillLineView], *, currency: str) -> tuple[BillSection, ...]:
    """Own services, communications, third parties, one-off: those that have lines."""
    found: dict[Section, list[BillLineView]] = {}
    for line in lines:
        found.setdefault(_section_of(line), []).append(line)
    return tuple(
        BillSection(
            section,
            tuple(found[section]),
            total((line.amount for line in found[section]), currency=currency),
        )
        for section in Section
        if section in found
    )


def _section_of(line: BillLineView) -> Section:
    if line.kind == LineKind.THIRD:
        return Section.THIRD_PARTIES
    if line.kind == LineKind.USAGE:
        return Section.COMMUNICATIONS
    once = line.kind == LineKind.ONE_OFF or line.period == 0
    return Section.ONE_OFF if once else Section.OWN_SERVICES


def _tax_part(part: Mapping[str, str], *, currency: str) -> TaxPart:
    return TaxPart(
        Decimal(part["rate"]),
        Money.of(part["net"], currency),
        Money.of(part["tax"], currency),
        Money.of(part["gross"], currency),
    )


def _commitments(kept: Iterable[Mapping[str, Any]], *, on: date) -> tuple[CommitmentView, ...]:
    """Of each contract on the bill, or whose change is: what was left of its commitment on the day
    of issue."""
    found = []
    for each in kept:
        ends_on = date.fromisoformat(each["ends_on"]) if each["ends_on"] else None
        found.append(
            CommitmentView(
                subscription_id=each["subscription"],
                msisdn=each["msisdn"],
                ends_on=ends_on,
                months_left=_months_left(ends_on, on=on),
            )
        )
    return tuple(found)


def _months_left(ends_on: date | None, *, on: date) -> int:
    """Months begun until the end of the commitment; 0 when it is over or there was none."""
    if ends_on is None or ends_on <= on:
        return 0
    months = (ends_on.year - on.year) * 12 + ends_on.month - on.month
    return months + (ends_on.day > on.day)
