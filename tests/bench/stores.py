"""What the stores themselves can do: the references that figures of services are held against."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from commerce.local.stack import Stack
from tests.bench.memory import family
from tests.bench.results import Metric, metric

CLIENTS, SECONDS, ROUNDS = 8, 3, 3
TASKS, PATIENCE = 600, 120.0
_SEND = f"""
from uuid import uuid4
from commerce.events.tasks import deliver
for _ in range({TASKS}):
    deliver.delay([], str(uuid4()))
"""


def pg_tps(stack: Stack) -> Metric:
    """pgbench's small write transactions (TPC-B like) in a database of its own, same cluster."""
    place = stack.prepare()
    assert place.cluster is not None
    program = place.cluster.binaries / "pgbench"
    address = urlsplit(place.database_url)
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench")
    try:
        _pgbench(program, address.geturl(), "-i", "-q", "-s", "10")
        rates = [
            float(found.group(1))
            for _ in range(ROUNDS)
            for found in re.finditer(
                r"tps = ([\d.]+)",
                _pgbench(
                    *(program, address.geturl(), "-n", "-c", str(CLIENTS), "-j", "2"),
                    *("-T", str(SECONDS), "-M", "prepared"),
                ),
            )
        ]
    finally:
        with psycopg.connect(place.database_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE bench")
    return metric("pg_tps", rates, unit="transactions/s")


def celery_noop(stack: Stack) -> Metric:
    """Tasks that have nothing to do (`deliver` of no rows), drained by the running workers.

    The workers are stopped while the queue is filled, so that sending is not part of the figure.
    """
    rates = []
    with redis.Redis.from_url(stack.info.redis_url) as queue:
        for _ in range(ROUNDS):
            workers = family(stack.pids["worker"])
            _signal(workers, signal.SIGSTOP)
            try:
                stack.manage("shell", "--no-imports", "-c", _SEND)
                waiting = queue.llen("settling")
            finally:
                _signal(workers, signal.SIGCONT)
            assert waiting >= TASKS, f"only {waiting} tasks wait"
            rates.append(waiting / _drained(queue))
    return metric("celery_noop", rates, n=TASKS * ROUNDS, unit="tasks/s")


def _drained(queue: redis.Redis) -> float:
    """Seconds until no task waits and none is under way."""
    began = time.monotonic()
    while queue.llen("settling") or queue.hlen("unacked"):
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError("The workers don't drain their queue.")
        time.sleep(0.01)
    return time.monotonic() - began


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def _pgbench(program: Path, url: str, *arguments: str) -> str:
    address = urlsplit(url)
    done = subprocess.run(
        [
            *(str(program), "-h", str(address.hostname), "-p", str(address.port)),
            *("-U", str(address.username), *arguments, "bench"),
        ],
        env={**os.environ, "PGPASSWORD": address.password or ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"pgbench: {done.stderr.strip()}")
    return done.stdout
