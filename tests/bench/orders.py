"""From accepted to active: orders carried out by pump, workers and simulated providers over HTTP.

A firm's program places orders of one line each (a phone from a supplier, a SIM, a new number) on
invoice, so that each is accepted at once. The pump stands still while they are placed; the clock
runs from the moment at which it goes on to the last order that is completed.
"""

import asyncio
import json
import os
import signal
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg

from commerce.local.stack import Stack
from tests.bench.client import Client
from tests.bench.memory import family
from tests.bench.results import Metric, metric

ORDERS, ROUNDS, CONNECTIONS = 60, 3, 8
PATIENCE = 240.0
_STATES = "SELECT state, count(*) FROM ordering_order WHERE id > %s GROUP BY state"
_TASKS = """
SELECT count(*) FROM orchestration_task AS task JOIN orchestration_plan AS plan
    ON plan.id = task.plan_id JOIN ordering_order AS placed ON placed.number = plan.order_number
 WHERE placed.id > %s
"""
_LAST = "SELECT coalesce(max(id), 0) FROM ordering_order"


@dataclass(frozen=True, slots=True)
class Round:
    seconds: float
    tasks: int
    calls: float
    """Arrivals at the providers per order."""


def measure(stack: Stack, *, celery_noop: float) -> list[Metric]:
    """Orders a second, and their tasks a second against tasks that do nothing."""
    token = token_of(stack)
    with psycopg.connect(stack.info.database_url, autocommit=True) as connection:
        rounds = [carry_out(stack, connection, token=token) for _ in range(ROUNDS)]
    fewest = min(each.calls for each in rounds)
    assert fewest >= 6, f"only {fewest} provider calls per order"
    return [
        metric(
            "orchestrated",
            [ORDERS / each.seconds for each in rounds],
            n=ORDERS * ROUNDS,
            unit="orders/s",
        ),
        metric(
            "orchestrated_tasks",
            [each.tasks / each.seconds for each in rounds],
            n=sum(each.tasks for each in rounds),
            unit="tasks/s",
            reference=celery_noop,
        ),
    ]


def carry_out(stack: Stack, connection: psycopg.Connection, *, token: str) -> Round:
    """Place orders while the pump stands still, then let it go on until all are completed."""
    before, arrived = number(connection, _LAST), _arrivals(stack)
    with _standing_still(stack.pids["pump"]):
        asyncio.run(_place(stack, token=token))
        placed = _states(connection, since=before)
        assert placed == {"accepted": ORDERS}, placed
    began = time.monotonic()
    while True:
        states = _states(connection, since=before)
        spent = time.monotonic() - began
        if states == {"completed": ORDERS}:
            break
        if spent > PATIENCE:
            raise RuntimeError(f"after {spent:.0f} s orders are {states}")
        time.sleep(0.05)
    return Round(
        seconds=spent,
        tasks=number(connection, _TASKS, before),
        calls=(_arrivals(stack) - arrived) / ORDERS,
    )


@contextmanager
def _standing_still(root: int) -> Iterator[None]:
    pids = family(root)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def _place(stack: Stack, *, token: str) -> None:
    address = urlsplit(stack.info.web_url)
    headers = {"Authorization": f"Bearer {token}"}

    async def program(count: int) -> None:
        async with Client(address.hostname or "", address.port or 80, headers=headers) as client:
            for _ in range(count):
                await client.call("POST", "/api/v1/fleet-orders", order(), status=201)

    share, rest = divmod(ORDERS, CONNECTIONS)
    await asyncio.gather(*(program(share + (place < rest)) for place in range(CONNECTIONS)))


def order() -> dict[str, Any]:
    """Of one line."""
    return {
        "purchase_order_number": "PO-BENCH",
        "terms": True,
        "lines": [
            {
                "user_name": "Ada Aubry",
                "user_email": "ada@rivoire.example",
                "plan": "flotte-50",
                "handset": "halvik-bureau-128-graphite",
                "sim": "carte-sim",
                "term": 24,
                "site": "Atelier",
                "cost_centre": "EM-01",
            }
        ],
    }


def token_of(stack: Stack) -> str:
    """Of the firm's buying program."""
    keys = {entry["role"]: entry for entry in stack.info.credentials["api_clients"]}
    pair = f"{keys['buyer']['client_id']}:{keys['buyer']['client_secret']}"
    request = urllib.request.Request(
        f"{stack.info.web_url}/oauth/token/",
        data=b"grant_type=client_credentials",
        headers={"Authorization": f"Basic {b64encode(pair.encode()).decode()}"},
    )
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["access_token"])


def _arrivals(stack: Stack) -> int:
    """How many requests the providers have had."""
    with urllib.request.urlopen(
        f"{stack.info.providers_url}/_control/ledger?parts=arrivals"
    ) as answer:
        return len(json.load(answer)["arrivals"])


def _states(connection: psycopg.Connection, *, since: int) -> dict[str, int]:
    """How many of the later orders are in which state."""
    return {str(state): count for state, count in connection.execute(_STATES, [since]).fetchall()}


def number(connection: psycopg.Connection, query: str, *values: object) -> int:
    """What a query counts."""
    row = connection.execute(query.encode(), values or None).fetchone()
    return int(row[0]) if row else 0
