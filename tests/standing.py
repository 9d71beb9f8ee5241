"""What the whole system was doing when a test of it failed, so that a red run explains itself."""

from collections.abc import Iterator
from pathlib import Path

import psycopg

from commerce.local.stack import Stack

_LAST_LINES = 40

_QUERIES = {
    "orders under way": """
        SELECT number, state, channel FROM ordering_order
         WHERE state NOT IN ('completed', 'cancelled') ORDER BY id DESC LIMIT 10""",
    "tasks not done": """
        SELECT plan.order_number, task.key, task.state, task.attempts, task.asked,
               task.not_before, task.lease_until, task.cause, task.last_error
          FROM orchestration_task AS task JOIN orchestration_plan AS plan ON plan.id = task.plan_id
         WHERE plan.state = 'running' AND task.state NOT IN ('done', 'skipped')
         ORDER BY task.id DESC LIMIT 40""",
    "callbacks of running plans": """
        SELECT call.request_key, call.type, call.occurred_at, call.received_at, call.processed
          FROM orchestration_providercallback AS call
          JOIN orchestration_effect AS effect ON effect.key = call.request_key
          JOIN orchestration_task AS task ON task.id = effect.task_id
          JOIN orchestration_plan AS plan ON plan.id = task.plan_id
         WHERE plan.state = 'running' ORDER BY call.received_at DESC LIMIT 40""",
    "deliveries not done": """
        SELECT subscriber, state, attempts, next_at, lease_until, last_error
          FROM events_delivery WHERE state <> 'done' ORDER BY id DESC LIMIT 20""",
    "timers": """
        SELECT key, state, clock, due_at, attempts, lease_until, last_error
          FROM events_timer WHERE state <> 'pending' OR clock = 'machine' OR attempts > 0
         ORDER BY due_at LIMIT 40""",
    "now": 'SELECT now(), (SELECT max("offset") FROM events_clocksetting)',
}


def report(stack: Stack) -> Iterator[str]:
    """Lines on what is under way in the database, and the last that worker and pump wrote."""
    with psycopg.connect(stack.info.database_url, autocommit=True) as connection:
        for title, query in _QUERIES.items():
            yield f"-- {title}"
            for row in connection.execute(query):
                yield "   " + " | ".join("" if value is None else str(value) for value in row)
    for name in ("worker", "pump"):
        yield f"-- last lines of {name}"
        yield from _tail(stack.run_dir / "logs" / f"{name}.log")


def _tail(path: Path) -> Iterator[str]:
    for line in path.read_text(errors="replace").splitlines()[-_LAST_LINES:]:
        yield "   " + line[:300]
