"""The bill run over many accounts: invoices a second through pump and workers, and their memory.

Accounts are those of businesses whose contract began on the first of this month and was not billed
yet, each with a plan, an option and a newspaper: three lines, two rates of tax. They are written by
statements over whole sets, under every constraint of the schema, as activation would leave them.
"""

import statistics
import time
from dataclasses import dataclass
from datetime import date

import psycopg

from commerce.kernel.clock import business_today
from commerce.local.stack import Stack
from subscriptions.domain.promise import SHORTEST_HORIZON
from tests.bench.memory import peak_mib
from tests.bench.results import Metric, metric

ACCOUNTS, RUNS, LINES = 5_000, 3, 3
PATIENCE = 1800.0

# What activation stores for one contract; %(first)s is the id of the first account of the set.
_SEED = (
    """
CREATE TEMP TABLE bench_charge (place int, item text, code text, amount numeric, tax_class text,
                                tax_rate numeric, name jsonb) ON COMMIT DROP
""",
    """
INSERT INTO bench_charge VALUES
  (1, 'plan-1', 'monthly', 16.00, 'standard', 20, '{"fr": "Flotte 50", "en": "Fleet 50"}'),
  (2, 'option-1', 'monthly', 4.17, 'standard', 20, '{"fr": "Assistance", "en": "Help"}'),
  (3, 'content-1', 'monthly', 9.69, 'press', 2.1, '{"fr": "Presse", "en": "Press"}')
""",
    """
INSERT INTO accounts_party (id, kind, segment, display_name, email, phone, language, created_at)
SELECT id, 'organisation', 'business', 'Firm ' || id, 'firm' || id || '@example.test', '', 'fr',
       now()
  FROM generate_series(%(first)s::bigint, %(last)s) AS id
""",
    """
INSERT INTO subscriptions_billingaccount (
    id, party_id, name, segment, basis, currency, zone, legal_entity, cycle_day, payment_days,
    purchase_order, next_bill_on, bills, parked_at, opened_at)
SELECT id, id, 'main', 'business', 'HT', 'EUR', 'Europe/Paris', 'FR', 1, 30, '', %(on)s, 0, NULL,
       now()
  FROM generate_series(%(first)s::bigint, %(last)s) AS id
""",
    """
INSERT INTO subscriptions_promise (
    id, order_number, "group", segment, basis, state, agreed, tax_rates, commitment_months,
    pledged_at, activated_on, cycle_day, periods, closed)
SELECT id, 'B-' || id, 'g1', 'business', 'HT', 'active',
       (SELECT jsonb_agg(jsonb_build_object(
                   'item', item, 'code', code, 'recurring', true, 'amount', amount || ' EUR',
                   'tax_class', tax_class, 'every_months', 1, 'benefits', '[]'::jsonb,
                   'quantity', 1) ORDER BY place)
          FROM bench_charge),
       '{"standard": "20", "press": "2.1"}', 24, now(), %(on)s, 1, %(periods)s, '{}'
  FROM generate_series(%(first)s::bigint, %(last)s) AS id
""",
    """
INSERT INTO subscriptions_promiseline (
    promise_id, item, charge, period, benefit, amount, tax_class, tax_rate, starts_on, due_on)
SELECT id, item, code, period, '', amount, tax_class, tax_rate,
       %(on)s::date + make_interval(months => period - 1),
       %(on)s::date + make_interval(months => period - 1)
  FROM generate_series(%(first)s::bigint, %(last)s) AS id, bench_charge,
       generate_series(1, %(periods)s) AS period
""",
    """
INSERT INTO subscriptions_subscription (
    id, order_number, "group", party_id, account_id, promise_id, status, msisdn, iccid, imei, eid,
    lpa, user_name, activated_on, activated_at, commitment_months, commitment_ends_on, release,
    channel)
SELECT id, 'B-' || id, 'g1', id, id, id, 'active', '', '', '', '', '', 'User ' || id, %(on)s, now(),
       24, %(on)s::date + make_interval(months => 24), 1, 'b2b_api'
  FROM generate_series(%(first)s::bigint, %(last)s) AS id
""",
    """
INSERT INTO subscriptions_subscriptionitem (
    id, subscription_id, line_id, offering, names, facts, from_on, until_on)
SELECT (id - %(first)s) * 3 + %(first_item)s + place - 1, id, item, item, name, '{}', %(on)s, NULL
  FROM generate_series(%(first)s::bigint, %(last)s) AS id, bench_charge
""",
    """
INSERT INTO subscriptions_itemcharge (
    item_id, code, amount, every_months, quantity, tax_class, tax_rate, billed_until)
SELECT item.id, code, amount, 1, 1, tax_class, tax_rate, NULL
  FROM subscriptions_subscriptionitem AS item JOIN bench_charge ON bench_charge.item = line_id
 WHERE item.id >= %(first_item)s
""",
)
_COUNTED = (
    "accounts_party",
    "subscriptions_billingaccount",
    "subscriptions_promise",
    "subscriptions_subscription",
    "subscriptions_subscriptionitem",
)
_FIRE = """
INSERT INTO events_timer (
    key, handler, due_at, clock, payload, generation, state, attempts, next_at, last_error,
    trace_id)
VALUES ('bill-run', 'bill-run', now(), 'business', '{}', gen_random_uuid(), 'pending', 0, now(), '',
        '')
ON CONFLICT (key) DO UPDATE
SET due_at = now(), next_at = now(), state = 'pending', generation = gen_random_uuid()
"""
_PROGRESS = """
SELECT run.state, coalesce(sum(chunk.issued), 0), coalesce(sum(chunk.held), 0)
  FROM subscriptions_billrun AS run LEFT JOIN subscriptions_billrunchunk AS chunk
    ON chunk.run_id = run.id
 WHERE run.id > %s
 GROUP BY run.id ORDER BY run.id DESC LIMIT 1
"""
_WRONG = """
SELECT count(*)
  FROM subscriptions_invoice AS invoice
 WHERE invoice.account_id >= %(first)s
   AND (invoice.state <> 'issued' OR invoice.gross <> 34.09
        OR 3 <> (SELECT count(*)
                   FROM subscriptions_invoiceline AS line
                   JOIN subscriptions_promise AS promise
                     ON promise.order_number = line.order_number AND promise.group = line.group
                   JOIN subscriptions_promiseline AS promised
                     ON promised.promise_id = promise.id AND promised.item = line.item
                    AND promised.charge = line.charge AND promised.period = line.period
                    AND promised.amount = line.amount AND promised.tax_rate = line.tax_rate
                    AND promised.starts_on = line.starts_on
                  WHERE line.invoice_id = invoice.id))
"""
_LED_TO = """
SELECT count(*) FROM events_timer
 WHERE (handler LIKE 'einvoicing%' OR handler = 'bill-collection') AND due_at <= now()
"""
_SET_ASIDE = """
DELETE FROM events_timer
 WHERE (handler LIKE 'einvoicing%' OR handler = 'bill-collection')
   AND state IN ('pending', 'leased')
"""
_HANDED_OVER = "SELECT count(*) FROM subscriptions_platformrequest WHERE state <> 'waiting'"


@dataclass(frozen=True, slots=True)
class Run:
    """One bill run as it is seen from outside."""

    issued: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.issued / self.seconds


def measure(
    stack: Stack, *, pg_tps: float, accounts: int = ACCOUNTS, runs: int = RUNS
) -> list[Metric]:
    """Invoices a second against the store's small transactions a second, over new accounts each.

    A run leads to electronic invoices, which take the same workers longer than the run, and after
    nine o'clock to collecting: those of the first are waited for and are a figure of their own. A
    last run is begun beside those of the run before. All others start when what the run before led
    to is set aside.
    """
    day = business_today().replace(day=1)
    alone, handed_over = [], 0.0
    with psycopg.connect(stack.info.database_url, autocommit=True) as connection:
        for number in range(runs + 1):
            beside = number == runs
            first = seed(connection, accounts=accounts, on=day)
            if number == 1:
                handed_over = _hand_over(connection)
            elif not beside:
                set_aside(connection)
            done = run(connection, accounts=accounts)
            check(connection, first=first)
            if not beside:
                alone.append(done)
        set_aside(connection)
    rates = [each.rate for each in alone]
    return [
        metric(
            "bill_run", rates, unit="invoices/s", n=sum(r.issued for r in alone), reference=pg_tps
        ),
        metric(
            *("bill_run_beside", [done.rate]),
            unit="invoices/s", n=done.issued, reference=statistics.median(rates),
        ),
        metric("einvoices_sent", [handed_over], unit="invoices/s"),
        metric("bill_run_memory", [peak_mib(stack.pids["worker"])], unit="MiB"),
    ]  # fmt: skip


def growth(stack: Stack, *, accounts: int, few: int = 10_000) -> list[Metric]:
    """Time per invoice with a million accounts in the tables against that with ten thousand.

    Promises are written out for three periods here, as far as they are needed.
    """
    day = business_today().replace(day=1)
    with psycopg.connect(stack.info.database_url, autocommit=True) as connection:
        seed(connection, accounts=few, on=day, periods=3)
        small = run(connection, accounts=few)
        seed(connection, accounts=accounts, on=day, periods=3)
        set_aside(connection)
        large = run(connection, accounts=accounts)
        set_aside(connection)
    return [
        metric("bill_run_full", [large.rate], n=large.issued, unit="invoices/s"),
        metric("bill_run_growth", [small.rate / large.rate], unit="times"),
        metric("bill_run_full_memory", [peak_mib(stack.pids["worker"])], unit="MiB"),
    ]


def seed(
    connection: psycopg.Connection,
    *,
    accounts: int,
    on: date,
    periods: int = SHORTEST_HORIZON,
) -> int:
    """Accounts with one contract each that began `on`; the id of the first."""
    with connection.transaction():
        first = 1 + max(_highest(connection, table) for table in _COUNTED[:-1])
        values = {
            "first": first,
            "last": first + accounts - 1,
            "first_item": 1 + _highest(connection, _COUNTED[-1]),
            "on": on,
            "periods": periods,
        }
        for statement in _SEED:
            connection.execute(statement.encode(), values if "%(" in statement else None)
        for table in _COUNTED:
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            connection.execute(f"SELECT setval({sequence}, max(id)) FROM {table}".encode())
    connection.execute("ANALYZE")
    return first


def run(connection: psycopg.Connection, *, accounts: int) -> Run:
    """Let the timer of the bill run fall due; pump and workers do the rest."""
    (before,) = connection.execute(
        "SELECT coalesce(max(id), 0) FROM subscriptions_billrun"
    ).fetchone() or (0,)
    connection.execute(_FIRE)
    began = time.monotonic()
    connection.execute("SELECT pg_notify('work', '')")
    row = None
    while time.monotonic() - began < PATIENCE:
        row = connection.execute(_PROGRESS, [before]).fetchone()
        if row and row[0] == "finished":
            seconds = time.monotonic() - began
            # Other accounts that are due today are billed with them.
            assert row[1] >= accounts, f"issued {row[1]} of {accounts}"
            assert row[2] == 0, f"held {row[2]}"
            return Run(issued=int(row[1]), seconds=seconds)
        time.sleep(0.02)
    raise RuntimeError(f"The bill run did not end within {PATIENCE:g} s: {row}.")


def check(connection: psycopg.Connection, *, first: int) -> None:
    """Each invoice has its three lines as promised, and the sum that they make with tax.

    16.00 + 4.17 = 20.17, 20 % is 4.03; 9.69, 2.1 % is 0.20: 34.09.
    """
    (wrong,) = connection.execute(_WRONG, {"first": first}).fetchone() or (None,)
    assert wrong == 0, f"{wrong} invoices are not as promised"


def set_aside(connection: psycopg.Connection) -> None:
    """Forget what runs led to and nobody has begun, and wait for the rest: what is measured next is
    not measured beside it."""
    connection.execute(_SET_ASIDE)
    _until_done(connection)


def _hand_over(connection: psycopg.Connection) -> float:
    """Wait until all that the run led to is done: electronic invoices a second from now on."""
    before, began = _count(connection, _HANDED_OVER), time.monotonic()
    _until_done(connection)
    return (_count(connection, _HANDED_OVER) - before) / (time.monotonic() - began)


def _until_done(connection: psycopg.Connection) -> None:
    began = time.monotonic()
    while left := _count(connection, _LED_TO):
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError(f"{left} timers that runs led to are left after {PATIENCE:g} s.")
        time.sleep(0.1)


def _count(connection: psycopg.Connection, statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0


def _highest(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}".encode()).fetchone()
    return int(row[0]) if row else 0
