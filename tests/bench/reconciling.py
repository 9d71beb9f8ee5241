"""The daily reconciliation as its command: how long it takes, and how much its process holds."""

import os
import subprocess
import sys
import time

import psycopg

from commerce.kernel.clock import business_today
from commerce.local.place import ROOT
from commerce.local.stack import Stack
from tests.bench import bills
from tests.bench.results import Metric, metric

ACCOUNTS = 100_000


def measure(stack: Stack, *, accounts: int = ACCOUNTS) -> list[Metric]:
    """Over so many accounts that have been billed, the demonstration's and those of bill runs among
    them; the start of the process is part of it.

    Raises:
        AssertionError: something differs.
    """
    with psycopg.connect(stack.info.database_url, autocommit=True) as connection:
        there = connection.execute("SELECT count(*) FROM subscriptions_billingaccount").fetchone()
        more = accounts - int(there[0] if there else 0)
        if more > 0:
            day = business_today().replace(day=1)
            bills.seed(connection, accounts=more, on=day, periods=3)
            bills.run(connection, accounts=more)
            bills.set_aside(connection)
    began = time.monotonic()
    command = (sys.executable, "manage.py", "reconcile")
    looking = subprocess.Popen(command, cwd=ROOT, env=stack.env, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(looking.pid, 0)
    seconds = time.monotonic() - began
    looking.returncode = os.waitstatus_to_exitcode(status)
    assert looking.returncode == 0, "reconciliation found differences"
    return [
        metric("reconciliation", [seconds], unit="s", n=accounts),
        metric("reconciliation_memory", [used.ru_maxrss / 1024], unit="MiB"),
    ]
