"""Drafts in bulk: what is running is loaded once, worked out by the core, written once."""

import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any

from django.db import connection

from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis, TaxPart
from promotions.domain.benefits import Benefit, BenefitKind, EarlyExit
from subscriptions.domain.buyers import BuyerCodes, shared
from subscriptions.domain.carrier import COLLECTED, purchase_label
from subscriptions.domain.charges import AgreedCharge, DueLine
from subscriptions.domain.cycles import cycle_of
from subscriptions.domain.invoice import (
    BilledDays,
    Cover,
    DraftLine,
    Ending,
    RunningCharge,
    Totals,
    mentions,
    recurring_lines,
    totals,
)
from subscriptions.domain.states import InvoiceKind, InvoiceState, LineKind, SubscriptionStatus
from subscriptions.models import (
    BillingAccount,
    Subscription,
)
from subscriptions.usage.services import overuse
from subscriptions.usage.services.overuse import Overuse

COMPENSATION = "compensation"
"""The charge of lines that give back, in bills and promises."""
PURCHASE, PURCHASE_REFUND = "purchase", "purchase-refund"
"""The charges of third parties' lines; their item is the payment, or the refund."""
LATE_FEE = "recovery_fee"
"""The charge of lines that ask for the costs of a late bill."""
INTEREST = "late_interest"
"""The charge of lines that ask for interest on a late bill, or take it back."""
BILLED_STATUSES = (SubscriptionStatus.ACTIVE, SubscriptionStatus.SUSPENDED)

# Many ids go as one array: a statement with a value for each is taken apart at each by the driver.
_RUNNING = """
SELECT charge.id, contract.account_id, contract.order_number, contract.group,
       begun.order_number, begun.group, ended.order_number, ended.group, item.from_on,
       account.cycle_day, account.cycle_before, account.currency, item.line_id, item.until_on,
       item.names, charge.code, charge.amount, charge.every_months, charge.quantity,
       charge.tax_class, charge.tax_rate, contract.cost_centre,
       contract.purchase_order, asked.costs_on, charge.billed_until
  FROM subscriptions_itemcharge AS charge
  JOIN subscriptions_subscriptionitem AS item ON item.id = charge.item_id
  JOIN subscriptions_subscription AS contract ON contract.id = item.subscription_id
  JOIN subscriptions_billingaccount AS account ON account.id = contract.account_id
  LEFT JOIN subscriptions_subscriptionchange AS begun ON begun.id = item.begun_by_id
  LEFT JOIN subscriptions_subscriptionchange AS ended ON ended.id = item.ended_by_id
  LEFT JOIN subscriptions_paidcontinuation AS asked ON asked.item_id = item.id
 WHERE contract.account_id = ANY(%(accounts)s)
   AND (contract.status = ANY(%(billed)s) OR item.ended_by_id IS NOT NULL)
   AND (item.until_on IS NULL OR charge.billed_until IS DISTINCT FROM item.until_on)
   AND (%(contract)s::bigint IS NULL OR contract.id = %(contract)s)
 ORDER BY contract.account_id, item.id, charge.id
"""
_GRANTED = """
SELECT charge_id, names, code, kind, early_exit, value, first, periods, from_piece, pieces
  FROM subscriptions_itembenefit WHERE charge_id = ANY(%s) ORDER BY charge_id, position
"""
_GIVEN_BACK = """
SELECT account.id, account.currency, contract.order_number, contract.group, contract.cost_centre,
       contract.purchase_order, given.reference, given.charge, given.amount, given.tax_class,
       given.tax_rate, given.starts_on, given.ends_on, given.due_on, given.names
  FROM subscriptions_compensation AS given
  JOIN subscriptions_subscription AS contract ON contract.id = given.subscription_id
  JOIN subscriptions_billingaccount AS account ON account.id = contract.account_id
 WHERE contract.account_id = ANY(%s)
   AND NOT EXISTS (
        SELECT FROM subscriptions_invoiceline AS line
         WHERE line.order_number = contract.order_number AND line.group = contract.group
           AND line.charge = given.charge AND line.item = given.reference)
 ORDER BY given.id
"""
_NEXT_IDS = """
SELECT nextval(pg_get_serial_sequence('subscriptions_invoice', 'id')) FROM generate_series(1, %s)
"""
_COPY_INVOICES = """
COPY subscriptions_invoice (
    id, account_id, key, kind, state, order_number, purchase_order, chunk_id, basis, currency,
    period_start, period_end, drafted_on, net, tax_total, gross, tax, mentions
) FROM STDIN
"""
_COPY_LINES = """
COPY subscriptions_invoiceline (
    invoice_id, position, kind, order_number, "group", item, charge, period, benefit, starts_on,
    ends_on, label, quantity, amount, tax_class, tax_rate, cost_centre, purchase_order
) FROM STDIN
"""
# Each in the basis of its account, on the local day on which it was paid or given back; what is
# sold in the merchant's own name is collected whole, without tax of ours.
_PURCHASES = """
SELECT account.id, account.currency, contract.order_number, contract.group,
       contract.cost_centre, contract.purchase_order, done.id, done.sold,
       (done.at AT TIME ZONE account.zone)::date AS day,
       (CASE WHEN done.sold THEN 1 ELSE -1 END)
       * CASE WHEN account.basis = 'HT' AND NOT his.own THEN done.net ELSE done.gross END,
       CASE WHEN his.own THEN %(collected)s ELSE paid.tax_class END,
       CASE WHEN his.own THEN 0 ELSE paid.tax_rate END,
       paid.service, paid.seller, paid.support, paid.belongs_to_id IS NOT NULL AS monthly,
       CASE WHEN his.own THEN paid.tax_rate END
  FROM (SELECT id, id AS payment_id, account_id, paid_at AS at, true AS sold, net, gross
          FROM subscriptions_carrierpayment
         WHERE account_id = ANY(%(accounts)s) AND state = 'succeeded' AND to_bill
           AND billed_in_id IS NULL
         UNION ALL
        SELECT id, payment_id, account_id, made_at, false, net, gross
          FROM subscriptions_carrierrefund
         WHERE account_id = ANY(%(accounts)s) AND to_bill AND billed_in_id IS NULL) AS done
  JOIN subscriptions_carrierpayment AS paid ON paid.id = done.payment_id
  JOIN (SELECT id, selling = 'told' AS own FROM subscriptions_merchant) AS his
    ON his.id = paid.merchant_id
  JOIN subscriptions_subscription AS contract ON contract.id = paid.subscription_id
  JOIN subscriptions_billingaccount AS account ON account.id = done.account_id
 ORDER BY account.id, monthly DESC, done.at, done.sold DESC, done.id
"""
_PURCHASES_BILLED = """
UPDATE subscriptions_carrierpayment AS paid SET billed_in_id = given.invoice_id
  FROM unnest(%s::uuid[], %s::bigint[]) AS given (id, invoice_id) WHERE paid.id = given.id
"""
_REFUNDS_BILLED = """
UPDATE subscriptions_carrierrefund AS back SET billed_in_id = given.invoice_id
  FROM unnest(%s::uuid[], %s::bigint[]) AS given (id, invoice_id) WHERE back.id = given.id
"""
_COPY_COVERAGE = """
COPY subscriptions_coverage (charge_id, invoice_id, days, revision, live) FROM STDIN
"""
# With what all bills of these days hold of them: that of the first end, too, where the end of the
# contract was carried out after it.
_BEYOND_THE_END = """
SELECT charge.id, coverage.id, coverage.revision, lower(coverage.days), upper(coverage.days),
       item.line_id, charge.code, line.period, line.benefit, sum(line.amount), invoice.currency,
       charge.tax_class
  FROM subscriptions_itemcharge AS charge
  JOIN subscriptions_subscriptionitem AS item ON item.id = charge.item_id
  JOIN subscriptions_subscription AS contract ON contract.id = item.subscription_id
  LEFT JOIN subscriptions_subscriptionchange AS begun ON begun.id = item.begun_by_id
  LEFT JOIN subscriptions_subscriptionchange AS former ON former.id = item.first_ended_by_id
  JOIN subscriptions_coverage AS coverage
    ON coverage.charge_id = charge.id AND coverage.live AND upper(coverage.days) > item.until_on
  JOIN subscriptions_coverage AS first
    ON first.charge_id = charge.id AND first.revision = 1
   AND lower(first.days) = lower(coverage.days)
  JOIN subscriptions_coverage AS made
    ON made.charge_id = charge.id AND lower(made.days) = lower(coverage.days)
  JOIN subscriptions_invoice AS invoice ON invoice.id = made.invoice_id
  JOIN subscriptions_invoiceline AS line
    ON line.invoice_id = invoice.id AND line.charge = charge.code AND line.starts_on <@ first.days
   AND (line.item, line.order_number, line.group) IN (
       (item.line_id, coalesce(begun.order_number, contract.order_number),
        coalesce(begun.group, contract.group)),
       (coalesce(begun.order_number, contract.order_number) || '/' || item.line_id,
        former.order_number, former.group))
 WHERE charge.id = ANY(%s)
 GROUP BY charge.id, coverage.id, item.line_id, line.period, line.benefit, invoice.currency
 ORDER BY charge.id, coverage.id, line.benefit <> '', min(line.position)
"""
_CLOSE_COVERAGE = """
UPDATE subscriptions_coverage AS coverage SET live = false, closed_by_id = given.invoice_id
  FROM unnest(%s::bigint[], %s::bigint[]) AS given (id, invoice_id)
 WHERE coverage.id = given.id
"""
_BILLED_UNTIL = """
UPDATE subscriptions_itemcharge AS charge SET billed_until = billed.until
  FROM (SELECT id, max(until) AS until
          FROM unnest(%s::bigint[], %s::date[]) AS given (id, until) GROUP BY id) AS billed
 WHERE charge.id = billed.id
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A bill before it has a row; its document says `also`, beside what all of its kind do."""

    account: BillingAccount
    key: str
    kind: InvoiceKind
    lines: tuple[DraftLine, ...]
    totals: Totals
    covers: tuple[Cover, ...] = ()
    period: Period | None = None
    order_number: str = ""
    purchase_order: str = ""
    overuse: Overuse | None = None
    also: tuple[str, ...] = ()


def running_charges(
    account_ids: Sequence[int], *, subscription_id: int | None = None
) -> dict[int, list[RunningCharge]]:
    """The charges of all running contracts of the accounts, by account, in a fixed order.

    An item that has ended counts until its last day is settled. Two queries whatever the number of
    accounts; two more if days were billed that items did not last.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _RUNNING,
            {
                "accounts": list(account_ids),
                "contract": subscription_id,
                "billed": list(BILLED_STATUSES),
            },
        )
        fetched = cursor.fetchall()
    benefits = _benefits([row[0] for row in fetched])
    overbilled = _overbilled(
        [row[0] for row in fetched if row[-1] and row[13] and row[-1] > row[13]]
    )
    # The same few texts stand on the lines of all accounts.
    read = cache(json.loads)
    result: dict[int, list[RunningCharge]] = {}
    for (
        pk, account, order, group, change, change_group, ending, ending_group, since, cycle_day,
        cycle_before,
        currency, line_id, until, names, code, amount, every, quantity, tax_class, tax_rate,
        cost_centre, purchase_order, costs_on, billed_until,
    ) in fetched:  # fmt: skip
        assert cycle_day is not None
        granted = benefits.get(pk, ())
        agreed = AgreedCharge(
            item=line_id,
            code=code,
            recurring=True,
            amount=Money(amount, currency),
            tax_class=tax_class,
            every_months=every,
            benefits=tuple(benefit for benefit, _ in granted),
            quantity=quantity,
        )
        result.setdefault(account, []).append(
            RunningCharge(
                id=pk,
                account_id=account,
                order_number=change or order,
                group=group if change is None else change_group,
                agreed=agreed,
                activation=since,
                cycle_day=cycle_of(cycle_day, read(cycle_before)),
                billed_until=billed_until,
                until=until,
                tax_rate=tax_rate,
                names=read(names),
                benefit_names={benefit.code: label for benefit, label in granted},
                ending=Ending(ending, ending_group, f"{change or order}/{line_id}")
                if ending is not None
                else None,
                overbilled=overbilled.get(pk, ()),
                codes=BuyerCodes(cost_centre, purchase_order),
                costs_on=costs_on,
            )
        )
    return result


def running_without_charges(account_ids: Sequence[int], charged: Container[int]) -> frozenset[int]:
    """Of the accounts those that have a running contract, though none of the `charged`; no query
    if all are."""
    others = [pk for pk in account_ids if pk not in charged]
    if not others:
        return frozenset()
    contracts = Subscription.objects.filter(account__in=others, status__in=BILLED_STATUSES)
    return frozenset(contracts.values_list("account", flat=True))


def _overbilled(charge_ids: Sequence[int]) -> dict[int, tuple[BilledDays, ...]]:
    """The live coverage of charges beyond the end of their items, with what bills hold of it."""
    if not charge_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_BEYOND_THE_END, [list(charge_ids)])
        rows = cursor.fetchall()
    return {
        charge: tuple(
            BilledDays(
                coverage,
                revision,
                Period(start, end),
                tuple(_billed_line(*row[5:]) for row in lines),
            )
            for (coverage, revision, start, end), lines in groupby(found, key=lambda row: row[1:5])
        )
        for charge, found in groupby(rows, key=lambda row: row[0])
    }


def _billed_line(
    item: str, charge: str, period: int, benefit: str, amount: Decimal, currency: str, tax: str
) -> DueLine:
    return DueLine(item, charge, period, benefit or None, Money(amount, currency), tax)


def _benefits(charge_ids: Sequence[int]) -> dict[int, tuple[tuple[Benefit, dict[str, str]], ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_GRANTED, [list(charge_ids)])
        rows = cursor.fetchall()
    return {
        charge: tuple((_benefit(row), json.loads(row[1])) for row in granted)
        for charge, granted in groupby(rows, key=lambda row: row[0])
    }


def _benefit(row: tuple[Any, ...]) -> Benefit:
    _, _, code, kind, early_exit, value, first, periods, from_piece, pieces = row
    return Benefit(
        code=code,
        kind=BenefitKind(kind),
        value=value,
        first=first,
        periods=periods,
        from_piece=from_piece,
        pieces=pieces,
        early_exit=EarlyExit(early_exit),
    )


def open_compensations(account_ids: Sequence[int]) -> dict[int, list[tuple[date, DraftLine]]]:
    """What the contracts of the accounts get back and no bill has yet, by account, each with the
    day of its bill; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVEN_BACK, [list(account_ids)])
        rows = cursor.fetchall()
    result: dict[int, list[tuple[date, DraftLine]]] = {}
    for (
        account, currency, order, group, centre, ordered, reference, charge, amount, tax, rate,
        starts_on, ends_on, due_on, names,
    ) in rows:  # fmt: skip
        line = DraftLine(
            kind=LineKind.ONE_OFF,
            order_number=order,
            group=group,
            due=DueLine(reference, charge, 1, None, Money(-amount, currency), tax),
            days=Period(starts_on, ends_on),
            label=json.loads(names),
            quantity=1,
            tax_rate=rate,
            codes=BuyerCodes(centre, ordered),
        )
        result.setdefault(account, []).append((due_on, line))
    return result


def open_purchases(account_ids: Sequence[int]) -> dict[int, list[tuple[date, DraftLine]]]:
    """What third parties sold to the lines of the accounts, and what is given back of it, that no
    bill has yet, by account, each with its day; monthly services first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_PURCHASES, {"accounts": list(account_ids), "collected": COLLECTED})
        rows = cursor.fetchall()
    result: dict[int, list[tuple[date, DraftLine]]] = {}
    for (
        account, currency, order, group, centre, ordered, item, sold, day, amount, tax, rate, *said
    ) in rows:  # fmt: skip
        charge = PURCHASE if sold else PURCHASE_REFUND
        line = DraftLine(
            kind=LineKind.THIRD,
            order_number=order,
            group=group,
            due=DueLine(item.hex, charge, 0, None, Money(amount, currency), tax),
            days=Period(day, day + timedelta(days=1)),
            label=purchase_label(*said, given_back=not sold),
            quantity=1,
            tax_rate=rate,
            codes=BuyerCodes(centre, ordered),
        )
        result.setdefault(account, []).append((day, line))
    return result


def cycle_draft(
    account: BillingAccount,
    charges: Sequence[RunningCharge],
    *,
    period: Period,
    key: str,
    back: Sequence[DraftLine] = (),
    used: Overuse | None = None,
) -> Draft | None:
    """The bill of `charges` for `period` and of what was `used` beyond them, less what goes `back`,
    a credit note if that is more than falls due; None when there is nothing of any.

    Raises:
        RuleViolated: a charge is in an impossible state.
    """
    lines, covers = recurring_lines(charges, period=period)
    lines += (*(used.lines if used else ()), *back)
    if not lines:
        return None
    sums = totals(lines, basis=Basis(account.basis), currency=account.currency)
    owed_back = sums.gross.amount < 0
    return Draft(
        account=account,
        key=key,
        kind=InvoiceKind.CREDIT_NOTE if owed_back else InvoiceKind.RECURRING,
        lines=lines,
        totals=sums,
        covers=covers,
        period=period,
        purchase_order=_order_of(lines, account),
        overuse=used,
    )


def _order_of(lines: Sequence[DraftLine], account: BillingAccount) -> str:
    """The buyer's order for all the lines, the account's where no line has one; empty where they
    differ."""
    orders = {line.codes.purchase_order for line in lines}
    return shared(orders) if any(orders) else account.purchase_order


def write(drafts: Sequence[Draft], *, on: date, chunk_id: int | None = None) -> list[int]:
    """Store drafts, their lines and what they cover; their ids, in the order given.

    Five statements whatever the number of drafts, one more with repairs, one with purchases and one
    with refunds of them, two with use beyond plans. In the caller's transaction.

    Raises:
        IntegrityError: a day of a charge is covered already, or a draft's key is taken.
    """
    if not drafts:
        return []
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute(_NEXT_IDS, [len(drafts)])
        ids = [invoice_id for (invoice_id,) in cursor.fetchall()]
        covers = [
            (invoice_id, cover)
            for invoice_id, draft in zip(ids, drafts, strict=True)
            for cover in draft.covers
        ]
        with cursor.copy(_COPY_INVOICES) as copy:
            for invoice_id, draft in zip(ids, drafts, strict=True):
                copy.write_row((invoice_id, *_invoice_row(draft, on=on, chunk_id=chunk_id)))
        with cursor.copy(_COPY_LINES) as copy:
            for invoice_id, draft in zip(ids, drafts, strict=True):
                for values in _line_rows(draft):
                    copy.write_row((invoice_id, *values))
        _mark_purchases(cursor, drafts, ids)
        repairs = [(cover.repairs, invoice_id) for invoice_id, cover in covers if cover.repairs]
        if repairs:
            cursor.execute(_CLOSE_COVERAGE, [list(column) for column in zip(*repairs, strict=True)])
        with cursor.copy(_COPY_COVERAGE) as copy:
            for invoice_id, cover in covers:
                if cover.days.days:
                    days = f"[{cover.days.start},{cover.days.end})"
                    copy.write_row((cover.charge_id, invoice_id, days, cover.revision, True))
        cursor.execute(
            _BILLED_UNTIL,
            [
                [cover.charge_id for _, cover in covers],
                [cover.days.end for _, cover in covers],
            ],
        )
    used = [(pk, draft.overuse) for pk, draft in zip(ids, drafts, strict=True) if draft.overuse]
    if used:
        overuse.keep(used)
        overuse.settle(found for _, found in used)
    return ids


def _mark_purchases(cursor: Any, drafts: Sequence[Draft], ids: Sequence[int]) -> None:
    """The bill is told to each purchase and refund that stands on it."""
    for charge, statement in ((PURCHASE, _PURCHASES_BILLED), (PURCHASE_REFUND, _REFUNDS_BILLED)):
        found = [
            (line.due.item, invoice_id)
            for invoice_id, draft in zip(ids, drafts, strict=True)
            for line in draft.lines
            if line.kind is LineKind.THIRD and line.due.charge == charge
        ]
        if found:
            cursor.execute(statement, [list(column) for column in zip(*found, strict=True)])


def _invoice_row(draft: Draft, *, on: date, chunk_id: int | None) -> tuple[object, ...]:
    account, sums, period = draft.account, draft.totals, draft.period
    return (
        *(account.pk, draft.key, draft.kind.value, InvoiceState.DRAFT.value),
        *(draft.order_number, draft.purchase_order, chunk_id, account.basis, account.currency),
        *(period.start if period else None, period.end if period else None, on),
        *(sums.net.amount, sums.tax.amount, sums.gross.amount),
        json.dumps([_plain_part(part) for part in sums.parts]),
        json.dumps((*mentions(Basis(account.basis)), *draft.also)),
    )


def _plain_part(part: TaxPart) -> dict[str, str]:
    """A tax part with its amounts alone: the invoice names their currency."""
    return {
        "rate": str(part.rate),
        "net": str(part.net.amount),
        "tax": str(part.tax.amount),
        "gross": str(part.gross.amount),
    }


def _line_rows(draft: Draft) -> Iterator[tuple[object, ...]]:
    for position, line in enumerate(draft.lines, start=1):
        yield (
            position,
            line.kind.value,
            line.order_number,
            line.group,
            line.due.item,
            line.due.charge,
            line.due.period,
            line.due.benefit or "",
            line.days.start if line.days else None,
            line.days.end if line.days else None,
            json.dumps(dict(line.label), ensure_ascii=False),
            line.quantity,
            line.due.amount.amount,
            line.due.tax_class,
            line.tax_rate,
            line.codes.cost_centre,
            line.codes.purchase_order,
        )
