"""What is asked about contracts and bills; always within what one party may see.

Foreign or unknown things are NotFound alike. Each selector takes a fixed number of queries.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Count, F, OuterRef, Prefetch, Q, QuerySet, Sum

from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period, full_months
from commerce.kernel.tax import Basis, TaxPart
from subscriptions.domain.document import InvoiceDocument, invoice_document
from subscriptions.domain.states import InvoiceKind, InvoiceState, LineKind, SubscriptionStatus
from subscriptions.domain.views import (
    AccountView,
    BenefitView,
    BillLineView,
    BillRunView,
    BillSection,
    BillSummary,
    BillView,
    ChargeView,
    CommitmentView,
    History,
    Identity,
    ItemView,
    ParkedAccount,
    PromisedBill,
    PromisedBillLine,
    PromiseView,
    Reference,
    Section,
    SubscriptionView,
)
from subscriptions.ledger import is_collected, open_amount
from subscriptions.models import (
    BillingAccount,
    BillRun,
    Invoice,
    ItemBenefit,
    ItemCharge,
    Parking,
    Promise,
    PromiseLine,
    Subscription,
    SubscriptionBlock,
    SubscriptionChange,
    SubscriptionItem,
)

UNPROMISED = (LineKind.USAGE, LineKind.THIRD)
"""Lines that no promise speaks of."""
RUNNING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.SUSPENDED)


def subscriptions_of(party_id: int) -> tuple[SubscriptionView, ...]:
    """The party's contracts, the latest first."""
    rows = _subscriptions().filter(party_id=party_id).order_by("-activated_on", "-pk")
    return tuple(_subscription(row) for row in rows)


def subscription_view(party_id: int, subscription_id: int) -> SubscriptionView:
    """Raises NotFound when it is not the party's."""
    row = _subscriptions().filter(party_id=party_id, pk=subscription_id).first()
    if row is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    return _subscription(row)


@dataclass(frozen=True, slots=True)
class HeldItem:
    """An item that a contract holds or held: the line of the order that brought it, and the number
    of the one that ended it, empty as long as it runs."""

    id: int
    order_number: str
    line_id: str
    ended_by: str


def held_items(subscription_id: int) -> tuple[HeldItem, ...]:
    """All items that the contract ever held; one query."""
    rows = SubscriptionItem.objects.filter(subscription=subscription_id).order_by("pk")
    found = rows.values_list(
        "pk", "subscription__order_number", "begun_by__order_number", "line_id",
        "ended_by__order_number",
    )  # fmt: skip
    return tuple(
        HeldItem(item, begun or first, line, ended or "")
        for item, first, begun, line, ended in found
    )


def subscriptions_of_order(party_id: int, order_number: str) -> tuple[SubscriptionView, ...]:
    """The contracts that an order of the party has begun so far."""
    rows = _subscriptions().filter(party_id=party_id, order_number=order_number).order_by("pk")
    return tuple(_subscription(row) for row in rows)


def history_of(party_id: int, *, on: date) -> History:
    """The contracts that run on the day, summed up; two queries."""
    running = Subscription.objects.filter(
        party_id=party_id, activated_on__lte=on, status__in=RUNNING
    )
    rows = list(running.values_list("activated_on", "msisdn", "commitment_ends_on"))
    if not rows:
        return History()
    items = SubscriptionItem.objects.filter(subscription__in=running, from_on__lte=on).exclude(
        until_on__lte=on
    )
    ends = [end for _, _, end in rows if end is not None]
    return History(
        tenure_months=full_months(min(since for since, _, _ in rows), on),
        lines=sum(1 for _, msisdn, _ in rows if msisdn),
        owns=tuple(sorted(set(items.values_list("offering", flat=True)))),
        months_to_commitment_end=full_months(on, min(ends)) if ends else None,
    )


def account_view(party_id: int) -> AccountView | None:
    """The party's billing account; None before anything was billed or activated."""
    row = BillingAccount.objects.filter(party_id=party_id).order_by("pk").first()
    if row is None:
        return None
    return AccountView(
        id=row.pk,
        party_id=party_id,
        segment=row.segment,
        basis=Basis(row.basis),
        currency=row.currency,
        cycle_day=row.cycle_day,
        next_bill_on=row.next_bill_on,
        payment_days=row.payment_days,
        purchase_order=row.purchase_order,
        parked=row.parked_at is not None,
    )


def bills_of(party_id: int) -> tuple[BillSummary, ...]:
    """The party's issued bills, the latest first."""
    rows = _issued().filter(account__party_id=party_id).order_by("-issued_on", "-pk")
    return tuple(_summary(row) for row in rows)


def bill_view(party_id: int, number: str) -> BillView:
    """One issued bill with the promise laid over it.

    Raises:
        NotFound: it is not the party's, or not issued.
    """
    row = _one_bill(party_id, number)
    return replace(_bill(row), collected=is_collected(row))


def document_of(party_id: int, number: str) -> InvoiceDocument:
    """One issued bill as the document that its buyer keeps.

    Raises:
        NotFound: it is not the party's, or not issued; `no_document`: it was issued before what
            documents say was kept.
    """
    document = invoice_document(_bill(_one_bill(party_id, number)))
    if document is None:
        raise NotFound("This bill can be read on its page only.", code="no_document")
    return document


def _one_bill(party_id: int, number: str) -> Invoice:
    row = (
        _issued()
        .select_related("seller", "buyer", "account")
        .filter(account__party_id=party_id, number=number)
        .first()
    )
    if row is None:
        raise NotFound("There is no such bill.", code="unknown_bill")
    return row


def _bill(row: Invoice) -> BillView:
    lines = bill_lines(row.pk, currency=row.currency)
    summary = _summary(row)
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
    )


def _corrected_by(row: Invoice) -> tuple[Reference, ...]:
    """The bills that lines of this one correct: those whose days it gives back, or its order's."""
    of_order = row.kind == InvoiceKind.CREDIT_NOTE and row.order_number
    # Never both: the bill of an order covers no days, and one search for either reads every bill.
    corrected = (
        Q(key=f"order:{row.order_number}", account=row.account_id)
        if of_order
        else Q(coverage__closed_by=row)
    )
    earlier = _issued().filter(corrected).exclude(pk=row.pk).distinct()
    return tuple(
        Reference(number, issued_on)
        for number, issued_on in earlier.order_by("pk").values_list("number", "issued_on")
        if number is not None and issued_on is not None
    )


def promise_view(order_number: str, group: str) -> PromiseView:
    """What a contract was promised, bill by bill, with what its changes were promised since.

    The caller has checked that the order may be seen.

    Raises:
        NotFound: nothing was promised to that contract.
    """
    promise = Promise.objects.filter(order_number=order_number, group=group).first()
    if promise is None:
        raise NotFound("Nothing was promised to that contract.", code="unknown_promise")
    changes = SubscriptionChange.objects.filter(
        subscription__order_number=order_number, subscription__group=group
    )
    promises = [promise.pk, *changes.order_by("pk").values_list("promise_id", flat=True)]
    lines = (
        PromiseLine.objects.filter(promise__in=promises, superseded_by__isnull=True)
        .order_by(F("due_on").asc(nulls_first=True), "promise", "item", "charge", "benefit")
        .values_list("due_on", "item", "charge", "benefit", "amount")
    )
    billed = _billed_by_day(promises)
    by_day = [(day, tuple(rows)) for day, rows in groupby(lines, key=lambda row: row[0])]
    first = 0 if by_day and by_day[0][0] is None else 1
    return PromiseView(
        order_number=order_number,
        group=group,
        state=promise.state,
        basis=Basis(promise.basis),
        activated_on=promise.activated_on,
        commitment_months=promise.commitment_months,
        bills=tuple(
            _promised_bill(period, day, rows, billed.get(day))
            for period, (day, rows) in enumerate(by_day, start=first)
        ),
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
    """The last bill runs, the newest first; for staff."""
    rows = BillRun.objects.annotate(
        parts=Count("chunks"), issued=Sum("chunks__issued"), held=Sum("chunks__held")
    ).order_by("-on", "-pk")[:limit]
    return tuple(
        BillRunView(
            on=row.on,
            state=row.state,
            started_at=row.started_at,
            finished_at=row.finished_at,
            chunks=row.parts,
            issued=row.issued or 0,
            held=row.held or 0,
        )
        for row in rows
    )


def _subscriptions() -> QuerySet[Subscription]:
    charges = ItemCharge.objects.order_by("pk").prefetch_related(
        Prefetch("benefits", ItemBenefit.objects.order_by("position"))
    )
    items = (
        SubscriptionItem.objects.select_related("begun_by")
        .order_by("pk")
        .prefetch_related(Prefetch("charges", charges))
    )
    blocks = SubscriptionBlock.objects.filter(
        subscription=OuterRef("pk"), lifted_at__isnull=True
    ).order_by("pk")
    return (
        Subscription.objects.select_related("account")
        .annotate(
            blocked_by=ArraySubquery(blocks.values("kind")),
            partly_blocked_by=ArraySubquery(blocks.filter(outgoing_only=True).values("kind")),
        )
        .prefetch_related(Prefetch("items", items))
    )


def _subscription(row: Subscription) -> SubscriptionView:
    return SubscriptionView(
        id=row.pk,
        order_number=row.order_number,
        group=row.group,
        party_id=row.party_id,
        account_id=row.account_id,
        status=row.status,
        msisdn=row.msisdn,
        iccid=row.iccid,
        imei=row.imei,
        eid=row.eid,
        lpa=row.lpa,
        user_name=row.user_name,
        activated_on=row.activated_on,
        commitment_months=row.commitment_months,
        commitment_ends_on=row.commitment_ends_on,
        next_bill_on=row.account.next_bill_on,
        basis=Basis(row.account.basis),
        items=tuple(
            _item(item, order_number=row.order_number, currency=row.account.currency)
            for item in row.items.all()
        ),
        ended_on=row.ended_on,
        blocks=tuple(row.blocked_by),  # type: ignore[attr-defined]
        outgoing_only=tuple(row.partly_blocked_by),  # type: ignore[attr-defined]
    )


def _item(item: SubscriptionItem, *, order_number: str, currency: str) -> ItemView:
    return ItemView(
        id=item.pk,
        order_number=item.begun_by.order_number if item.begun_by else order_number,
        line_id=item.line_id,
        offering=item.offering,
        names=item.names,
        facts=item.facts,
        from_on=item.from_on,
        until_on=item.until_on,
        charges=tuple(
            ChargeView(
                code=charge.code,
                amount=Money(charge.amount, currency),
                every_months=charge.every_months,
                quantity=charge.quantity,
                benefits=tuple(
                    BenefitView(
                        *(b.code, b.kind, b.value, b.first, b.periods),
                        *(b.from_piece, b.pieces, b.names),
                    )
                    for b in charge.benefits.all()
                ),
            )
            for charge in item.charges.all()
        ),
    )


def _issued() -> QuerySet[Invoice]:
    return Invoice.objects.filter(state=InvoiceState.ISSUED).annotate(open=open_amount())


def _summary(row: Invoice) -> BillSummary:
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
        open=Money(row.open, row.currency),  # type: ignore[attr-defined]
        prepaid=Money(row.prepaid, row.currency),
    )


def _period(row: Invoice) -> Period | None:
    if row.period_start is None or row.period_end is None:
        return None
    return Period(row.period_start, row.period_end)


_LINES = """
SELECT line.kind, line.label, line.order_number, line.group, line.item, line.charge, line.benefit,
       line.period, line.starts_on, line.ends_on, line.quantity, line.amount, line.tax_class,
       line.tax_rate, promised.amount
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
            )
            for (
                kind, label, order, group, item, charge, benefit, period, starts, ends, quantity,
                amount, tax_class, rate, promised,
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


_BILLED = """
SELECT greatest(line.starts_on, invoice.period_start) AS day, sum(line.amount)
  FROM subscriptions_promise AS promise
  JOIN subscriptions_invoiceline AS line
    ON line.order_number = promise.order_number AND line.group = promise.group
  JOIN subscriptions_invoice AS invoice ON invoice.id = line.invoice_id
 WHERE promise.id = ANY(%s) AND invoice.state = 'issued' AND line.kind NOT IN ('third', 'usage')
 GROUP BY day
"""


def _billed_by_day(promises: Sequence[int]) -> Mapping[date | None, Money]:
    with connection.cursor() as cursor:
        cursor.execute(_BILLED, [list(promises)])
        return {day: Money(amount) for day, amount in cursor.fetchall()}


def _promised_bill(
    period: int,
    day: date | None,
    rows: Sequence[tuple[date | None, str, str, str, Decimal]],
    billed: Money | None,
) -> PromisedBill:
    lines = tuple(
        PromisedBillLine(item, charge, benefit, Money(amount))
        for _, item, charge, benefit, amount in rows
    )
    return PromisedBill(
        period=period,
        starts_on=day,
        list_amount=total(line.amount for line in lines if not line.benefit),
        amount=total(line.amount for line in lines),
        lines=lines,
        billed=billed,
    )
