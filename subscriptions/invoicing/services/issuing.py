"""Numbers: given to many drafts at once, under the lock of their series, without gaps."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection

from commerce.accounts.kinds import Segment
from commerce.events.outbox import publish_all
from subscriptions.collection.services import collecting, instalments
from subscriptions.domain.document import TEMPLATE
from subscriptions.domain.states import InvoiceKind
from subscriptions.dunning.services import dunning_clock
from subscriptions.einvoicing.services import einvoicing
from subscriptions.events import InvoiceIssued
from subscriptions.invoicing.services.identities import kept_parties
from subscriptions.invoicing.services.paying import (
    BY_A_PAYER,
    WITH_THE_ORDER,
    ToPay,
    means_of,
    payers_of,
)
from subscriptions.ledger.selectors import COMMISSION_KEY, ORDER_KEY, paid_with_orders
from subscriptions.ledger.services import ledger

INVOICES, CREDIT_NOTES = "FA", "AV"
COMMISSIONS, COMMISSION_NOTES = "CO", "CA"
"""The series of what merchants are invoiced and credited: not our customers'."""
_SERIES = {
    (False, False): INVOICES,
    (False, True): CREDIT_NOTES,
    (True, False): COMMISSIONS,
    (True, True): COMMISSION_NOTES,
}
"""By whether it is of a commission, and whether it is a credit note."""

_MOVE_SERIES = """
INSERT INTO subscriptions_numberseries (legal_entity, prefix, year, next)
VALUES (%(entity)s, %(prefix)s, %(year)s, 1 + %(count)s)
ON CONFLICT (legal_entity, prefix, year)
DO UPDATE SET next = subscriptions_numberseries.next + %(count)s
RETURNING next - %(count)s
"""

_DRAFTS = """
SELECT account.legal_entity, starts_with(invoice.key, %(commissions)s),
       invoice.kind = 'credit_note',
       array_agg(invoice.id ORDER BY invoice.id), array_agg(invoice.key ORDER BY invoice.id),
       array_agg(account.party_id ORDER BY invoice.id),
       array_agg(account.segment ORDER BY invoice.id),
       array_agg(account.id ORDER BY invoice.id),
       array_agg(invoice.order_number ORDER BY invoice.id)
  FROM subscriptions_invoice AS invoice
  JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id
 WHERE invoice.id = ANY(%(ids)s) AND invoice.state = 'draft'
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""

_ISSUE = """
WITH named AS (
  SELECT DISTINCT invoice_id, order_number, "group"
    FROM subscriptions_invoiceline WHERE invoice_id = ANY(%(ids)s)
), bound AS (
  SELECT named.invoice_id, contract.id AS contract_id
    FROM named JOIN subscriptions_subscription AS contract USING (order_number, "group")
   UNION
  SELECT named.invoice_id, change.subscription_id
    FROM named JOIN subscriptions_subscriptionchange AS change USING (order_number, "group")
), bound_until AS (
  SELECT bound.invoice_id,
         jsonb_agg(jsonb_build_object('subscription', contract.id, 'msisdn', contract.msisdn,
                                      'ends_on', contract.commitment_ends_on)
                   ORDER BY contract.id) AS commitments
    FROM bound JOIN subscriptions_subscription AS contract ON contract.id = bound.contract_id
   GROUP BY bound.invoice_id
)
UPDATE subscriptions_invoice AS invoice
   SET state = 'issued',
       number = format('%%s-%%s-%%s', %(prefix)s::text, %(year)s::text,
                       lpad(place.said, greatest(7, length(place.said)), '0')),
       issued_on = %(on)s,
       due_on = %(on)s::date + account.payment_days,
       seller_id = %(seller)s,
       buyer_id = buyer.id,
       payer_id = paid.payer,
       template = %(template)s,
       means = CASE WHEN invoice.kind = 'credit_note' THEN NULL
                    WHEN invoice.key = ANY(%(with_orders)s) THEN %(with_the_order)s::jsonb
                    WHEN paid.payer IS NOT NULL THEN %(by_a_payer)s::jsonb
                    ELSE buyer.means END,
       prepaid = CASE WHEN starts_with(invoice.key, %(commissions)s)
                      THEN greatest(0, invoice.gross)
                      WHEN invoice.key = 'order:' || invoice.order_number
                      THEN greatest(0, least(invoice.gross, (
           SELECT coalesce(sum(CASE moved.credit WHEN 'unapplied' THEN moved.amount
                                                 ELSE -moved.amount END), 0)
             FROM subscriptions_transfer AS moved
            WHERE moved.account_id = account.id AND moved.reference = invoice.order_number
              AND 'unapplied' IN (moved.debit, moved.credit)))) ELSE 0 END,
       commitments = coalesce(bound_until.commitments, '[]'::jsonb),
       parts = coalesce(printed.parts, '[]'::jsonb)
  FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS numbered (id, position)
  LEFT JOIN bound_until ON bound_until.invoice_id = numbered.id
  LEFT JOIN unnest(%(paid)s::bigint[], %(payers)s::bigint[]) AS paid (id, payer)
    ON paid.id = numbered.id
  LEFT JOIN unnest(%(printed)s::bigint[], %(parts)s::jsonb[]) AS printed (id, parts)
    ON printed.id = numbered.id,
       LATERAL (SELECT (%(first)s + numbered.position - 1)::text AS said) AS place,
       subscriptions_billingaccount AS account,
       unnest(%(parties)s::bigint[], %(buyers)s::bigint[], %(means)s::jsonb[])
         AS buyer (party_id, id, means)
 WHERE invoice.id = numbered.id AND account.id = invoice.account_id
   AND buyer.party_id = account.party_id
RETURNING invoice.number, account.id, account.party_id, invoice.kind, invoice.gross, invoice.due_on,
          invoice.id, account.segment, invoice.key
"""


def issue(invoice_ids: Sequence[int], *, on: date) -> tuple[str, ...]:
    """Number and issue those of `invoice_ids` that are drafts, enter them in the ledger, and tell
    of each by `InvoiceIssued`.

    What was paid with an order before its bill pays for it at once, and is printed on it; not for
    the wear of what came back, as that money goes back to the card. What was agreed to be paid in
    parts is put off. What a merchant is invoiced is settled already, by what we owe him.
    Belongs at the end of a transaction: the series stays locked until it commits, and takes its
    numbers back if it doesn't.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DRAFTS, {"ids": list(invoice_ids), "commissions": COMMISSION_KEY})
        drafts = cursor.fetchall()
    segments = {
        party: segment
        for *_, parties, found, _, _ in drafts
        for party, segment in zip(parties, found, strict=True)
    }
    seller, buyers = kept_parties(segments)
    means = means_of(segments)
    with_orders = paid_with_orders(key for _, _, _, _, keys, *_ in drafts for key in keys)
    paid = payers_of(_to_pay(drafts), on=on, with_orders=with_orders)
    printed = _printed(drafts, on=on)
    named = {
        "seller": seller,
        "parties": list(buyers),
        "buyers": list(buyers.values()),
        "means": [means[party] for party in buyers],
        "with_orders": list(with_orders),
        "with_the_order": WITH_THE_ORDER,
        "paid": list(paid),
        "payers": list(paid.values()),
        "by_a_payer": BY_A_PAYER,
        "printed": list(printed),
        "parts": [json.dumps(parts) for parts in printed.values()],
        "commissions": COMMISSION_KEY,
    }
    issued = [
        row
        for entity, commission, credit, ids, *_ in drafts
        for row in _issue_in(entity, _SERIES[commission, credit], ids, on=on, named=named)
    ]
    ledger.enter_issued([pk for _, _, _, ids, *_ in drafts for pk in ids])
    einvoicing.mark([row[6] for row in issued if row[7] == Segment.BUSINESS])
    days = (
        (collecting.looked_at_on(kind=kind, segment=segment, issued_on=on, due_on=due_on), pk)
        for _, _, _, kind, gross, due_on, pk, segment, key in issued
        if gross and key not in with_orders and not key.startswith(COMMISSION_KEY)
    )
    collecting.arm((day, pk) for day, pk in days if day is not None)
    dunning_clock.arm(
        (due_on, pk)
        for _, _, _, kind, gross, due_on, pk, _, key in issued
        if gross
        and kind != InvoiceKind.CREDIT_NOTE
        and key not in with_orders
        and not key.startswith(COMMISSION_KEY)
    )
    instalments.begin([pk for *_, pk, _, key in issued if key.startswith(ORDER_KEY)])
    publish_all(
        InvoiceIssued(
            number=number,
            account_id=account,
            party_id=party,
            kind=kind,
            gross=str(gross),
            due_on=due_on,
        )
        for number, account, party, kind, gross, due_on, *_ in issued
    )
    return tuple(row[0] for row in issued)


def _to_pay(drafts: Sequence[tuple[Any, ...]]) -> tuple[ToPay, ...]:
    return tuple(
        ToPay(pk, key=key, account_id=account, credited_order=order if credit else "")
        for _, _, credit, ids, keys, _, _, accounts, orders in drafts
        for pk, key, account, order in zip(ids, keys, accounts, orders, strict=True)
    )


def _printed(drafts: Sequence[tuple[Any, ...]], *, on: date) -> Mapping[int, list[dict[str, Any]]]:
    found = instalments.printed_on(
        [
            instalments.Draft(pk, account, order, key.startswith(ORDER_KEY))
            for _, commission, credit, ids, keys, _, _, accounts, orders in drafts
            for pk, key, account, order in zip(ids, keys, accounts, orders, strict=True)
            if not credit and not commission
        ],
        on=on,
    )
    return {
        pk: [
            {
                "of": part.of,
                "number": part.number,
                "parts": part.parts,
                "due_on": part.due_on.isoformat(),
                "left": str(part.left.amount),
            }
            for part in parts
        ]
        for pk, parts in found.items()
    }


def _issue_in(
    entity: str, prefix: str, ids: list[int], *, on: date, named: dict[str, Any]
) -> list[tuple[Any, ...]]:
    series: dict[str, Any] = {
        "entity": entity,
        "prefix": prefix,
        "year": on.year,
        "count": len(ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVE_SERIES, series)
        (first,) = cursor.fetchone()
        cursor.execute(
            _ISSUE,
            {**series, **named, "first": first, "ids": ids, "on": on, "template": TEMPLATE},
        )
        return sorted(cursor.fetchall())
