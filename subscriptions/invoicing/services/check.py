"""The check after drafting: the one place where billing reads the promise."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db import connection

from commerce.events.outbox import publish_all
from commerce.kernel.clock import business_now
from commerce.kernel.periods import Period
from subscriptions.contracts.services import promise
from subscriptions.domain.promise import Difference, LineKey, Rule, Terms, compare
from subscriptions.domain.states import InvoiceState
from subscriptions.events import AccountParked
from subscriptions.models import BillingAccount, Invoice, Parking

_BEYOND = """
SELECT promise.id, max(line.period)
  FROM subscriptions_invoiceline AS line
  JOIN subscriptions_promise AS promise
    ON promise.order_number = line.order_number AND promise.group = line.group
 WHERE line.invoice_id = ANY(%s) AND promise.state = 'active' AND line.period > promise.periods
 GROUP BY promise.id
"""

# Use is not promised.
_BILLED = """
SELECT line.invoice_id, line.order_number || '/' || line.group, line.item, line.charge, line.period,
       line.benefit, line.amount, line.tax_rate, line.starts_on,
       promised.amount, promised.tax_rate, promised.starts_on
  FROM subscriptions_invoiceline AS line
  LEFT JOIN subscriptions_promise AS promise
    ON promise.order_number = line.order_number AND promise.group = line.group
  LEFT JOIN subscriptions_promiseline AS promised
    ON promised.promise_id = promise.id AND promised.item = line.item
   AND promised.charge = line.charge AND promised.period = line.period
   AND promised.benefit = line.benefit AND promised.superseded_by_id IS NULL
 WHERE line.invoice_id = ANY(%s) AND line.kind NOT IN ('third', 'usage')
"""

# Bills with a line that the promise does not say so: next to none, so that the lines of the others
# need not be read.
_SUSPECTED = """
SELECT DISTINCT line.invoice_id
  FROM subscriptions_invoiceline AS line
  LEFT JOIN subscriptions_promise AS promise
    ON promise.order_number = line.order_number AND promise.group = line.group
  LEFT JOIN subscriptions_promiseline AS promised
    ON promised.promise_id = promise.id AND promised.item = line.item
   AND promised.charge = line.charge AND promised.period = line.period
   AND promised.benefit = line.benefit AND promised.superseded_by_id IS NULL
 WHERE line.invoice_id = ANY(%s) AND line.kind NOT IN ('third', 'usage')
   AND (promised.amount, promised.tax_rate, promised.starts_on)
       IS DISTINCT FROM (line.amount, line.tax_rate, line.starts_on)
"""

# Promised for these days, to these contracts, and in no bill at all. The first bill of a contract
# speaks of no other, nor does the last one of a contract that was withdrawn from.
_FORGOTTEN = """
SELECT due.id, due.order_number || '/' || due.group, promised.item, promised.charge,
       promised.period, promised.benefit, promised.amount, promised.tax_rate, promised.starts_on
  FROM ({due}) AS due
  JOIN subscriptions_promiseline AS promised
    ON promised.promise_id = due.promise_id AND promised.superseded_by_id IS NULL
   AND (promised.due_on >= due.since AND promised.due_on < due.until
        OR due.since IS NULL AND promised.period = 0)
 WHERE NOT EXISTS (
        SELECT FROM subscriptions_invoiceline AS line
         WHERE line.order_number = due.order_number AND line.group = due.group
           AND line.period = promised.period AND line.item = promised.item
           AND line.charge = promised.charge AND line.benefit = promised.benefit)
"""

_FORGOTTEN_IN_BILLS = _FORGOTTEN.format(
    due="""
        SELECT invoice.id, subscription.promise_id, subscription.order_number,
               subscription.group, invoice.period_start AS since, invoice.period_end AS until
          FROM subscriptions_invoice AS invoice
          JOIN subscriptions_subscription AS subscription
            ON subscription.account_id = invoice.account_id AND subscription.status <> 'ended'
         WHERE invoice.id = ANY(%(ids)s) AND invoice.kind IN ('recurring', 'credit_note')
           AND (invoice.key NOT LIKE 'first:%%' AND invoice.key NOT LIKE 'last:%%'
                OR invoice.key = 'first:' || subscription.order_number || ':' || subscription.id)
         UNION ALL
        SELECT invoice.id, change.promise_id, change.order_number, change.group,
               invoice.period_start, invoice.period_end
          FROM subscriptions_invoice AS invoice
          JOIN subscriptions_subscription AS subscription
            ON subscription.account_id = invoice.account_id
          JOIN subscriptions_subscriptionchange AS change
            ON change.subscription_id = subscription.id
         WHERE invoice.id = ANY(%(ids)s) AND invoice.kind IN ('recurring', 'credit_note')
           AND invoice.key NOT LIKE 'first:%%' AND invoice.key NOT LIKE 'last:%%'
         UNION ALL
        SELECT invoice.id, promise.id, promise.order_number, promise.group, NULL, NULL
          FROM subscriptions_invoice AS invoice
          JOIN subscriptions_promise AS promise ON promise.order_number = invoice.order_number
         WHERE invoice.id = ANY(%(ids)s) AND invoice.kind = 'order'"""
)

_FORGOTTEN_WITHOUT_BILL = _FORGOTTEN.format(
    due="""
        SELECT account.id, subscription.promise_id, subscription.order_number,
               subscription.group, account.since, account.until
          FROM unnest(%(ids)s::bigint[], %(since)s::date[], %(until)s::date[])
               AS account (id, since, until)
          JOIN subscriptions_subscription AS subscription
            ON subscription.account_id = account.id AND subscription.status <> 'ended'
         UNION ALL
        SELECT account.id, change.promise_id, change.order_number, change.group,
               account.since, account.until
          FROM unnest(%(ids)s::bigint[], %(since)s::date[], %(until)s::date[])
               AS account (id, since, until)
          JOIN subscriptions_subscription AS subscription ON subscription.account_id = account.id
          JOIN subscriptions_subscriptionchange AS change
            ON change.subscription_id = subscription.id"""
)


def differences(invoice_ids: Sequence[int]) -> Mapping[int, tuple[Difference, ...]]:
    """How the drafts differ from the promise; those that don't are left out."""
    _write_out_what_is_needed(invoice_ids)
    billed: dict[int, dict[LineKey, Terms]] = defaultdict(dict)
    promised: dict[int, dict[LineKey, Terms]] = defaultdict(dict)
    ids = list(invoice_ids)
    with connection.cursor() as cursor:
        cursor.execute(_FORGOTTEN_IN_BILLS, {"ids": ids})
        for invoice, *key, amount, rate, day in cursor.fetchall():
            promised[invoice][LineKey(*key)] = Terms(amount, rate, day)
        cursor.execute(_SUSPECTED, [ids])
        suspected = sorted(promised.keys() | {invoice for (invoice,) in cursor.fetchall()})
        if not suspected:
            return {}
        cursor.execute(_BILLED, [suspected])
        for invoice, *key, amount, rate, day, told_amount, told_rate, told_day in cursor.fetchall():
            line = LineKey(*key)
            billed[invoice][line] = Terms(amount, rate, day)
            if told_amount is not None:
                promised[invoice][line] = Terms(told_amount, told_rate, told_day)
    found = {
        invoice: compare(promised=promised[invoice], billed=billed[invoice])
        for invoice in suspected
    }
    return {invoice: wrong for invoice, wrong in found.items() if wrong}


def hold_what_differs(invoice_ids: Sequence[int]) -> tuple[int, ...]:
    """Check the drafts; hold each that breaks its promise and park its account. The held ids."""
    wrong = differences(invoice_ids)
    if not wrong:
        return ()
    Invoice.objects.filter(pk__in=wrong, state=InvoiceState.DRAFT).update(state=InvoiceState.HELD)
    accounts = dict(Invoice.objects.filter(pk__in=wrong).values_list("pk", "account_id"))
    for invoice_id, reasons in wrong.items():
        park(
            account_id=accounts[invoice_id],
            invoice_id=invoice_id,
            rule=_first_rule(reasons),
            reasons=[reason.to_json() for reason in reasons],
        )
    return tuple(wrong)


def park_what_is_forgotten(periods: Mapping[int, Period]) -> tuple[int, ...]:
    """Park the accounts that get no bill for the period although one was promised; their ids."""
    promised: dict[int, dict[LineKey, Terms]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(
            _FORGOTTEN_WITHOUT_BILL,
            {
                "ids": list(periods),
                "since": [period.start for period in periods.values()],
                "until": [period.end for period in periods.values()],
            },
        )
        for account, *key, amount, rate, day in cursor.fetchall():
            promised[account][LineKey(*key)] = Terms(amount, rate, day)
    for account, lines in promised.items():
        reasons = [reason.to_json() for reason in compare(promised=lines, billed={})]
        park(account_id=account, rule=Rule.MISSING.value, reasons=reasons)
    return tuple(promised)


def park(
    *, account_id: int, rule: str, reasons: Sequence[object], invoice_id: int | None = None
) -> None:
    """Leave the account out of bill runs until an operator decides; told once per parking."""
    now = business_now()
    account = BillingAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    open_one = Parking.objects.filter(account=account, decision="").first()
    if open_one is not None:
        open_one.reasons = [*open_one.reasons, *reasons]
        open_one.save(update_fields=["reasons"])
        return
    account.parked_at = now
    account.save(update_fields=["parked_at"])
    Parking.objects.create(
        account=account, invoice_id=invoice_id, rule=rule, reasons=list(reasons), parked_at=now
    )
    publish_all([AccountParked(account_id=account_id, party_id=account.party_id, rule=rule)])


def _first_rule(reasons: Sequence[Difference]) -> str:
    """The rule that explains most: a wrong start moves periods, a wrong rate moves nothing else."""
    found = {reason.rule for reason in reasons}
    order = (Rule.START, Rule.TAX, Rule.PRICE, Rule.BENEFIT, Rule.MISSING, Rule.EXTRA)
    return next(rule for rule in order if rule in found).value


def _write_out_what_is_needed(invoice_ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BEYOND, [list(invoice_ids)])
        beyond: dict[int, int] = dict(cursor.fetchall())
    if beyond:
        promise.prolong(beyond, periods=max(beyond.values()) + 12)
