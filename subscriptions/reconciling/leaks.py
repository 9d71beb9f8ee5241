"""Contracts, coverage, bills, promises, ledger and bank laid beside one another; read by SQL."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from django.db import connection

from commerce.kernel.differences import Difference
from subscriptions.collection.selectors import left_in_peace
from subscriptions.collection.services import collecting
from subscriptions.domain.ledger import SMALL_DIFFERENCE
from subscriptions.dunning.services import dunning_clock
from subscriptions.ledger.selectors import paid_with_orders
from subscriptions.reconciling.audit import (
    Changed,
    bills_against_promises,
    instalment_differences,
    ledger_differences,
)

BANK_WAITS = timedelta(days=3)
"""How long money may wait for an operator before it is a difference."""

# A charge that the last run of its account left out, or whose account no run takes up any more. A
# bill within which something begins to cost that needs a yes is made when its days are over; what a
# change begins that was carried out late stands on the bill after it was.
_UNBILLED = """
SELECT contract.order_number || '/' || item.line_id || '/' || charge.code,
       coalesce(account.next_bill_on::text, 'none'),
       coalesce(charge.billed_until::text, 'never')
  FROM subscriptions_itemcharge AS charge
  JOIN subscriptions_subscriptionitem AS item ON item.id = charge.item_id
  JOIN subscriptions_subscription AS contract ON contract.id = item.subscription_id
  JOIN subscriptions_billingaccount AS account ON account.id = contract.account_id
  LEFT JOIN subscriptions_subscriptionchange AS begun ON begun.id = item.begun_by_id
 WHERE contract.status IN ('active', 'suspended') AND item.until_on IS NULL
   AND account.parked_at IS NULL
   AND CASE WHEN account.next_bill_on IS NULL OR account.next_bill_on < %(day)s
            THEN item.from_on < %(day)s
            ELSE greatest(item.from_on, (begun.at AT TIME ZONE account.zone)::date)
                     < account.next_bill_on - interval '1 month'
                 AND coalesce(charge.billed_until, item.from_on)
                     <= account.next_bill_on - interval '1 month' END
   AND NOT EXISTS (
        SELECT FROM subscriptions_paidcontinuation AS asked
         WHERE asked.item_id = item.id AND account.next_bill_on >= %(day)s
           AND asked.costs_on < account.next_bill_on
           AND asked.costs_on > account.next_bill_on - interval '1 month'
           AND charge.billed_until = account.next_bill_on - interval '1 month')
   AND NOT EXISTS (
        SELECT FROM subscriptions_paidcontinuation AS asked
         WHERE asked.item_id = item.id AND account.next_bill_on >= %(day)s
           AND charge.every_months > 1
           AND asked.costs_on > coalesce(charge.billed_until, item.from_on)
           AND greatest(asked.costs_on, account.next_bill_on - interval '1 month')
               < coalesce(charge.billed_until, item.from_on)
                 + charge.every_months * interval '1 month')
 ORDER BY 1
"""

# What ended is settled by the account's next bill, which comes within a month, also of an end that
# was carried out late.
_AFTER_THE_END = """
SELECT contract.order_number || '/' || item.line_id || '/' || charge.code,
       item.until_on::text, max(upper(covered.days))::text
  FROM subscriptions_coverage AS covered
  JOIN subscriptions_itemcharge AS charge ON charge.id = covered.charge_id
  JOIN subscriptions_subscriptionitem AS item ON item.id = charge.item_id
  JOIN subscriptions_subscription AS contract ON contract.id = item.subscription_id
  JOIN subscriptions_billingaccount AS account ON account.id = contract.account_id
  LEFT JOIN subscriptions_subscriptionchange AS ended ON ended.id = item.ended_by_id
 WHERE covered.live AND account.parked_at IS NULL
   AND upper(covered.days) > item.until_on
   AND item.until_on + interval '1 month' < %(day)s
   AND (ended.at IS NULL
        OR (ended.at AT TIME ZONE account.zone)::date + interval '1 month' < %(day)s)
   {bound}
 GROUP BY 1, 2 ORDER BY 1
"""

# Less than nothing open on a bill: it was paid twice over.
_OVERPAID = """
SELECT invoice.number, '0.00', sum(CASE moved.debit WHEN 'receivable' THEN moved.amount
                                                    ELSE -moved.amount END)::text
  FROM subscriptions_transfer AS moved
  JOIN subscriptions_invoice AS invoice ON invoice.id = moved.invoice_id
 WHERE 'receivable' IN (moved.debit, moved.credit) AND invoice.gross >= 0 {bound}
 GROUP BY invoice.number
HAVING sum(CASE moved.debit WHEN 'receivable' THEN moved.amount ELSE -moved.amount END) < 0
 ORDER BY 1
"""

_BANK_WAITS = """
SELECT key, '0.00', (abs(amount) - coalesce((
           SELECT sum(share.amount) FROM subscriptions_bankshare AS share
            WHERE share.entry_id = entry.id AND share.undone_at IS NULL), 0))::text
  FROM subscriptions_bankentry AS entry
 WHERE state = 'waiting' AND booked_on < %(waits)s ORDER BY id
"""

_BANK_UNBOOKED = """
SELECT entry.key, abs(entry.amount)::text, coalesce(sum(share.amount), 0)::text
  FROM subscriptions_bankentry AS entry
  LEFT JOIN subscriptions_bankshare AS share
    ON share.entry_id = entry.id AND share.undone_at IS NULL
 WHERE entry.state = 'booked' {bound}
 GROUP BY entry.id HAVING coalesce(sum(share.amount), 0) <> abs(entry.amount) ORDER BY entry.id
"""

# From the first statement's opening balance on, all movements lead to the last closing balance.
_BANK_BALANCE = """
SELECT edge.iban, edge.closing::text, (edge.opening + moved.sum)::text
  FROM (SELECT DISTINCT iban,
               first_value(opening) OVER (PARTITION BY iban ORDER BY "on", id) AS opening,
               first_value(closing) OVER (PARTITION BY iban ORDER BY "on" DESC, id DESC) AS closing
          FROM subscriptions_bankstatement) AS edge
  JOIN LATERAL (SELECT coalesce(sum(entry.amount), 0) AS sum FROM subscriptions_bankentry AS entry
                 WHERE entry.iban = edge.iban) AS moved ON true
 WHERE edge.opening + moved.sum <> edge.closing
"""

# What is held of a deposit is what came for it, less what went back; of a settled one nothing.
_DEPOSITS = """
SELECT 'deposit-' || deposit.id,
       (CASE WHEN deposit.settled_at IS NULL THEN moved.came ELSE 0.00 END)::text, moved.held::text
  FROM subscriptions_deposit AS deposit
  JOIN LATERAL (
       SELECT coalesce(sum(CASE 'provider' WHEN debit THEN amount WHEN credit THEN -amount END),
                       0.00) AS came,
              coalesce(sum(CASE 'deposit' WHEN credit THEN amount WHEN debit THEN -amount END),
                       0.00) AS held
         FROM subscriptions_transfer WHERE reference = 'deposit-' || deposit.id) AS moved ON true
 WHERE moved.held <> CASE WHEN deposit.settled_at IS NULL THEN moved.came ELSE 0 END
 ORDER BY deposit.id
"""

# Who pays for another collects what is issued while that holds: the bill says so, and its claim
# stands with the payer, or nobody collects it.
_PAYERS = """
SELECT invoice.number, agreed.payer_id::text, coalesce(invoice.payer_id::text, 'none')
  FROM subscriptions_payeragreement AS agreed
  JOIN subscriptions_invoice AS invoice
    ON invoice.account_id = agreed.account_id AND invoice.state = 'issued'
   AND invoice.issued_on >= agreed.from_on
   AND (agreed.until_on IS NULL OR invoice.issued_on < agreed.until_on)
 WHERE agreed.state = 'agreed' AND invoice.kind = 'recurring'
   AND invoice.payer_id IS DISTINCT FROM agreed.payer_id {bound}
 UNION ALL
SELECT invoice.number, coalesce(invoice.payer_id, invoice.account_id)::text, moved.account_id::text
  FROM subscriptions_transfer AS moved
  JOIN subscriptions_invoice AS invoice ON invoice.id = moved.invoice_id
 WHERE moved.account_id <> coalesce(invoice.payer_id, invoice.account_id) {moved}
 ORDER BY 1
"""

# Something is open on a bill, its claim stands with who has to pay it, and nothing will ask for it:
# neither a timer speaks of it, nor a case or a look of dunning if it is late, nor is money coming.
_UNCOLLECTED = """
SELECT invoice.number, invoice.key, owed.open::text
  FROM subscriptions_invoice AS invoice
  JOIN LATERAL (
       SELECT sum(CASE debit WHEN 'receivable' THEN amount ELSE -amount END) AS open
         FROM subscriptions_transfer
        WHERE invoice_id = invoice.id AND 'receivable' IN (debit, credit)) AS owed
    ON owed.open >= %(least)s
 WHERE invoice.state = 'issued' AND invoice.kind <> 'credit_note' {bound}
   AND invoice.id NOT IN (
       SELECT told::bigint FROM events_timer, jsonb_array_elements_text(payload -> 'ids') AS told
        WHERE handler = ANY(%(of_bills)s) AND state <> 'parked')
   AND (invoice.due_on >= %(day)s OR NOT EXISTS (
           SELECT FROM events_timer
            WHERE handler = %(of_accounts)s AND state <> 'parked'
              AND payload ->> 'account'
                  = coalesce(invoice.payer_id, invoice.account_id)::text)
       AND NOT EXISTS (
           SELECT FROM subscriptions_dunningcase AS opened
            WHERE opened.account_id = coalesce(invoice.payer_id, invoice.account_id)
              AND opened.closed_on IS NULL))
   AND NOT EXISTS (
       SELECT FROM payments_paymentattempt AS coming
        WHERE coming.state IN ('requested', 'opening', 'processing', 'authorised')
          AND (coming.reference = invoice.number OR coming.reference IN (
               SELECT 'link-' || link.paylink_id FROM subscriptions_paylink_bills AS link
                WHERE link.invoice_id = invoice.id)))
 ORDER BY 1
"""

# How each of them is bounded to what changed, and to what differed before. What ends is settled
# within a month; a bill is due, and looked at by dunning, within four.
_BOUNDS: Mapping[str, Mapping[str, str]] = {
    "billed_after_end": {
        "bound": """
   AND item.id IN (
        SELECT ending.id
          FROM subscriptions_subscriptionitem AS ending
          JOIN subscriptions_subscription AS held ON held.id = ending.subscription_id
          LEFT JOIN subscriptions_subscriptionchange AS said ON said.id = ending.ended_by_id
         WHERE greatest(ending.until_on, said.at::date) >= %(since_day)s - interval '2 months'
            OR held.order_number || '/' || ending.line_id = ANY(
                SELECT regexp_replace(told, '/[^/]*$', '') FROM unnest(%(known)s::text[]) AS told)
         UNION
        SELECT again.item_id
          FROM subscriptions_invoice AS fresh
          JOIN subscriptions_coverage AS later ON later.invoice_id = fresh.id
          JOIN subscriptions_itemcharge AS again ON again.id = later.charge_id
         WHERE fresh.issued_on >= %(since_day)s)"""
    },
    "overpaid": {
        "bound": """
   AND invoice.id IN (
        SELECT invoice_id FROM subscriptions_transfer WHERE at >= %(since)s
         UNION SELECT id FROM subscriptions_invoice WHERE number = ANY(%(known)s))"""
    },
    "bank_unbooked": {
        "bound": """
   AND entry.id IN (
        SELECT entry_id FROM subscriptions_bankshare
         WHERE at >= %(since)s OR undone_at >= %(since)s
         UNION SELECT fresh.id FROM subscriptions_bankentry AS fresh
                 JOIN subscriptions_bankstatement AS told ON told.id = fresh.statement_id
                WHERE told.taken_in_at >= %(since)s OR fresh.key = ANY(%(known)s))"""
    },
    "payer": {
        "bound": """
   AND (invoice.issued_on >= %(since_day)s OR agreed.agreed_at >= %(since)s
        OR agreed.ended_at >= %(since)s OR invoice.number = ANY(%(known)s))""",
        "moved": """
   AND moved.id IN (
        SELECT id FROM subscriptions_transfer WHERE at >= %(since)s
         UNION SELECT told.id FROM subscriptions_transfer AS told
                 JOIN subscriptions_invoice AS differed ON differed.id = told.invoice_id
                WHERE differed.number = ANY(%(known)s))""",
    },
    "uncollected": {
        "bound": """
   AND invoice.id IN (
        SELECT id FROM subscriptions_invoice
         WHERE issued_on >= %(since_day)s - interval '4 months' OR number = ANY(%(known)s)
         UNION SELECT invoice_id FROM subscriptions_transfer WHERE at >= %(since)s)"""
    },
}

_STATEMENTS = {
    "unbilled": _UNBILLED,
    "billed_after_end": _AFTER_THE_END,
    "overpaid": _OVERPAID,
    "bank_waiting": _BANK_WAITS,
    "bank_unbooked": _BANK_UNBOOKED,
    "bank_balance": _BANK_BALANCE,
    "deposit": _DEPOSITS,
    "payer": _PAYERS,
}


def billing_differences(day: date, *, changed: Changed | None = None) -> Iterator[Difference]:
    """Each contract, bill, payment and movement at the bank of which two of our own books say
    different things, on the morning of `day`, after its bill run. With `changed`, history is left
    out: see docs/decisions."""
    given: dict[str, Any] = {"day": day, "waits": day - BANK_WAITS}
    with connection.cursor() as cursor:
        for kind, statement in _STATEMENTS.items():
            cursor.execute(_bounded(kind, statement, changed), given | _bounds(kind, changed))
            for identity, expected, found in cursor.fetchall():
                yield Difference(kind, identity, expected, found)
    yield from _uncollected(given, changed=changed)
    for bill in bills_against_promises(broken_alone=True, changed=changed):
        identity = f"{bill.number}/{bill.order_number}"
        yield Difference("promise", identity, str(bill.promised), str(bill.billed))
    for each in ledger_differences(changed):
        yield Difference("ledger", each.what, str(each.amount), str(each.entered))
    for each in instalment_differences(day):
        yield Difference("instalments", each.what, str(each.amount), str(each.entered))


def _uncollected(given: Mapping[str, Any], *, changed: Changed | None) -> Iterator[Difference]:
    handlers = [collecting.TIMER, dunning_clock.BILLS]
    asked = {
        **given,
        **_bounds("uncollected", changed),
        "of_bills": handlers,
        "of_accounts": dunning_clock.LOOK,
        "least": SMALL_DIFFERENCE.amount,
    }
    with connection.cursor() as cursor:
        cursor.execute(_bounded("uncollected", _UNCOLLECTED, changed), asked)
        rows = cursor.fetchall()
    elsewhere = paid_with_orders(key for _, key, _ in rows) if rows else frozenset()
    in_peace = left_in_peace(number for number, _, _ in rows) if rows else frozenset()
    for number, key, owed in rows:
        if key not in elsewhere and number not in in_peace:
            yield Difference("uncollected", number, "asked for", owed)


def _bounded(kind: str, statement: str, changed: Changed | None) -> str:
    bounds = _BOUNDS.get(kind, {})
    return statement.format(**{each: bounds[each] if changed else "" for each in bounds})


def _bounds(kind: str, changed: Changed | None) -> dict[str, Any]:
    return changed.bounds(kind) if changed else {}
