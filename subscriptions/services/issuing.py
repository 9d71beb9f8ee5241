"""Numbers: given to many drafts at once, under the lock of their series, without gaps."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection

from commerce.events.outbox import publish_all
from subscriptions.events import InvoiceIssued

INVOICES, CREDIT_NOTES = "FA", "AV"

_MOVE_SERIES = """
INSERT INTO subscriptions_numberseries (legal_entity, prefix, year, next)
VALUES (%(entity)s, %(prefix)s, %(year)s, 1 + %(count)s)
ON CONFLICT (legal_entity, prefix, year)
DO UPDATE SET next = subscriptions_numberseries.next + %(count)s
RETURNING next - %(count)s
"""

_DRAFTS = """
SELECT account.legal_entity, invoice.kind = 'credit_note', array_agg(invoice.id ORDER BY invoice.id)
  FROM subscriptions_invoice AS invoice
  JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id
 WHERE invoice.id = ANY(%(ids)s) AND invoice.state = 'draft'
 GROUP BY 1, 2 ORDER BY 1, 2
"""

_ISSUE = """
UPDATE subscriptions_invoice AS invoice
   SET state = 'issued',
       number = format('%%s-%%s-%%s', %(prefix)s::text, %(year)s::text,
                       lpad((%(first)s + numbered.position - 1)::text, 7, '0')),
       issued_on = %(on)s,
       due_on = %(on)s::date + account.payment_days
  FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS numbered (id, position),
       subscriptions_billingaccount AS account
 WHERE invoice.id = numbered.id AND account.id = invoice.account_id
RETURNING invoice.number, account.id, account.party_id, invoice.kind, invoice.gross, invoice.due_on
"""


def issue(invoice_ids: Sequence[int], *, on: date) -> tuple[str, ...]:
    """Number and issue those of `invoice_ids` that are drafts; tell of each by `InvoiceIssued`.

    Belongs at the end of a transaction: the series stays locked until it commits, and takes its
    numbers back if it doesn't.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DRAFTS, {"ids": list(invoice_ids)})
        issued = [
            row
            for entity, credit, ids in cursor.fetchall()
            for row in _issue_in(entity, CREDIT_NOTES if credit else INVOICES, ids, on=on)
        ]
    publish_all(
        InvoiceIssued(
            number=number,
            account_id=account,
            party_id=party,
            kind=kind,
            gross=str(gross),
            due_on=due_on,
        )
        for number, account, party, kind, gross, due_on in issued
    )
    return tuple(row[0] for row in issued)


def _issue_in(entity: str, prefix: str, ids: list[int], *, on: date) -> list[tuple[Any, ...]]:
    series: dict[str, Any] = {
        "entity": entity,
        "prefix": prefix,
        "year": on.year,
        "count": len(ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVE_SERIES, series)
        (first,) = cursor.fetchone()
        cursor.execute(_ISSUE, {**series, "first": first, "ids": ids, "on": on})
        return sorted(cursor.fetchall())
