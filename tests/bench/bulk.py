"""A firm's order of thousands of lines, and orders beside tables that have grown."""

import time
from collections.abc import Mapping

import psycopg

from commerce.local.demo.browser import Program
from commerce.local.stack import Stack
from tests.bench import orders
from tests.bench.memory import peak_mib
from tests.bench.results import Metric, metric

LINES = 10_000
FINISHED, WAITING = 100_000, 10_000
PATIENCE = 600.0
_ENOUGH = """
INSERT INTO offering_number (msisdn, klass, state, key)
SELECT '07' || lpad((44000000 + place)::text, 8, '0'), 'standard', 'free', ''
  FROM generate_series(1, %s) AS place
    ON CONFLICT DO NOTHING
"""
_TRUSTED = "UPDATE accounts_membership SET order_limit = 100000000 WHERE role = 'approver'"
_PLANS = "SELECT count(*) FROM orchestration_plan WHERE order_number = %s"
_LARGEST = "SELECT coalesce(max(id), 0) FROM {table}"
_LEFT = "SELECT count(*) FROM orchestration_plan WHERE state = 'running'"

Copied = Mapping[str, str]
"""What a copied row has otherwise than its model: SQL by column; %(copy)s counts the copies."""
_TABLES: Mapping[str, tuple[str, Copied]] = {
    "ordering_order": (
        "number = %(model)s",
        {"number": "'G-' || copy.n", "cart_id": "NULL", "state": "%(order_state)s"},
    ),
    "ordering_orderitem": (
        "order_id = (SELECT id FROM ordering_order WHERE number = %(model)s)",
        {"order_id": "(SELECT id FROM ordering_order WHERE number = 'G-' || copy.n)"},
    ),
    "orchestration_plan": (
        "order_number = %(model)s",
        {"order_number": "'G-' || copy.n", "state": "%(plan_state)s"},
    ),
    "orchestration_task": (
        "plan_id = (SELECT id FROM orchestration_plan WHERE order_number = %(model)s)",
        {"plan_id": "(SELECT id FROM orchestration_plan WHERE order_number = 'G-' || copy.n)"},
    ),
    "events_outboxevent": (
        "payload ->> 'number' = %(model)s OR payload ->> 'order_number' = %(model)s",
        {
            "id": "gen_random_uuid()",
            "payload": "replace(model.payload::text, %(model)s, 'G-' || copy.n)::jsonb",
        },
    ),
}
_EFFECTS = """
INSERT INTO orchestration_effect (task_id, generation, key, port, request, state, answer, sent_at)
SELECT copied.id, effect.generation, 'G:' || copied.id, port, request, effect.state, answer, sent_at
  FROM orchestration_effect AS effect
  JOIN orchestration_task AS task ON task.id = effect.task_id
  JOIN orchestration_plan AS plan ON plan.id = task.plan_id AND plan.order_number = %(model)s
  JOIN orchestration_task AS copied ON copied.key = task.key AND copied.id > %(last_task)s
"""
_TIMERS = """
INSERT INTO events_timer (key, handler, due_at, clock, payload, generation, state, attempts,
                          next_at, last_error, trace_id, queue, turn)
SELECT 'overdue:G' || n, 'orchestration.overdue', now() + interval '20 days', 'business', '{}',
       gen_random_uuid(), 'pending', 0, now(), '', '', 'calls', 0
  FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""


def measure(stack: Stack, *, lines: int = LINES) -> list[Metric]:
    """Seconds until one order of so many lines is accepted, and until all of it is planned; and the
    largest worker at its end."""
    with psycopg.connect(stack.info.database_url, autocommit=True) as connection:
        connection.execute(_ENOUGH, [lines])
        connection.execute(_TRUSTED)
        began = time.monotonic()
        number = _place(stack, lines=lines)
        accepted = time.monotonic() - began
        while (planned := orders.number(connection, _PLANS, number)) < lines:
            if time.monotonic() - began > PATIENCE:
                raise RuntimeError(f"{planned} of {lines} lines were planned in {PATIENCE:g} s")
            time.sleep(0.1)
        spent = time.monotonic() - began
    return [
        metric("bulk_order", [accepted], n=lines, unit="s"),
        metric("bulk_order_planned", [spent], n=lines, unit="s"),
        metric("bulk_order_memory", [peak_mib(stack.pids["worker"])], unit="MiB"),
    ]


def growth(stack: Stack, *, finished: int = FINISHED, waiting: int = WAITING) -> list[Metric]:
    """Orders a second beside many finished and waiting ones, against the rate without them."""
    token = orders.token_of(stack)
    with psycopg.connect(stack.info.database_url, autocommit=True) as connection:
        before = _seconds(stack, connection, token=token)
        model = connection.execute(
            "SELECT number FROM ordering_order WHERE state = 'completed' ORDER BY id DESC LIMIT 1"
        ).fetchone()
        assert model is not None
        _copy(connection, str(model[0]), first=1, last=finished, waits=False)
        _copy(connection, str(model[0]), first=finished + 1, last=finished + waiting, waits=True)
        connection.execute("ANALYZE")
        assert orders.number(connection, _LEFT) >= waiting
        after = _seconds(stack, connection, token=token)
    shares = [few / many for few, many in zip(before, after, strict=True)]
    return [metric("orchestrated_growth", shares, n=2 * orders.ROUNDS, unit="times")]


def _seconds(stack: Stack, connection: psycopg.Connection, *, token: str) -> list[float]:
    """Of so many rounds, the quickest first."""
    rounds = (orders.carry_out(stack, connection, token=token) for _ in range(orders.ROUNDS))
    return sorted(each.seconds for each in rounds)


def _place(stack: Stack, *, lines: int) -> str:
    keys = {entry["role"]: entry for entry in stack.info.credentials["api_clients"]}
    buyer, approver = (
        Program(
            stack.info.web_url,
            client_id=keys[role]["client_id"],
            client_secret=keys[role]["client_secret"],
        )
        for role in ("buyer", "approver")
    )
    one = orders.order()["lines"][0]
    users = [
        {"user_name": f"Ada Aubry {place}", "user_email": f"ada{place}@rivoire.example"}
        for place in range(lines)
    ]
    wish = orders.order() | {"lines": [one | user for user in users]}
    placed = buyer.api("POST", "fleet-orders", wish)
    number = str(placed["number"])
    if placed["state"] == "awaiting_approval":
        approver.api("POST", f"orders/{number}/approve", {"note": "yes"})
    return number


def _copy(
    connection: psycopg.Connection, model: str, *, first: int, last: int, waits: bool
) -> None:
    """Write the order `model` so many times more, as it is, or as one that waits for its parcel."""
    values = {
        "model": model,
        "first": first,
        "last": last,
        "last_task": orders.number(connection, _LARGEST.format(table="orchestration_task")),
        "order_state": "in_progress" if waits else "completed",
        "plan_state": "running" if waits else "completed",
    }
    with connection.transaction():
        for table, (where, changed) in _TABLES.items():
            columns = [n for n in _columns(connection, table) if n != "id" or n in changed]
            chosen = ", ".join(changed.get(name, f'model."{name}"') for name in columns)
            named = ", ".join(f'"{name}"' for name in columns)
            connection.execute(
                f"WITH model AS MATERIALIZED (SELECT * FROM {table} WHERE {where})"
                f" INSERT INTO {table} ({named}) SELECT {chosen}"
                f" FROM generate_series(%(first)s::int, %(last)s::int) AS copy (n), model".encode(),
                values,
            )
        connection.execute(_EFFECTS.encode(), values)
        if waits:
            connection.execute(_TIMERS.encode(), values)


def _columns(connection: psycopg.Connection, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        " AND table_schema = current_schema() ORDER BY ordinal_position",
        [table],
    )
    return [str(name) for (name,) in rows.fetchall()]
