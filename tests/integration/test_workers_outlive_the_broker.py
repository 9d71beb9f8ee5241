"""A worker waits for its broker, whatever befalls both meanwhile: nobody has to start it again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from celery import Celery

from commerce.local.place import ROOT
from commerce.local.ports import free_port
from commerce.local.redis_server import configure, program
from tests.bench.memory import family
from tests.integration.sandbox_providers.harness import wait_for

SECRET = "broker"
PROCESSES = 2
PATIENCE = 120.0


@contextmanager
def started(*command: str, log: Path, env: dict[str, str] | None = None) -> Iterator[int]:
    """The process; everything below it is killed in the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.usefixtures("db")
def test_a_worker_outlives_a_broker_that_comes_late_and_one_that_only_reads(
    tmp_path: Path,
) -> None:
    """Celery ends the worker when one of its processes died before the broker came ("Could not
    start worker processes"), and when the broker answers what it does not expect."""
    port, log = free_port(), tmp_path / "worker.log"
    environment = {**os.environ, "BROKER_URL": f"redis://:{SECRET}@127.0.0.1:{port}/0"}
    worker = (sys.executable, "-m", "celery", "-A", "commerce.celery", "worker")
    small = ("--pool", "prefork", "--concurrency", str(PROCESSES), "--loglevel", "INFO")
    with started(*worker, *small, "--without-mingle", log=log, env=environment) as pid:

        def below() -> list[int]:
            found = sorted(set(family(pid)) - {pid})
            return found if len(found) == PROCESSES else []

        def said(words: str) -> bool:
            return words in log.read_text()

        before = wait_for(below, seconds=PATIENCE)
        wait_for(lambda: said("Cannot connect"), seconds=PATIENCE)
        os.kill(before[0], signal.SIGKILL)
        settings = configure(home=tmp_path / "redis", port=port, password=SECRET)
        with started(str(program()), str(settings), log=tmp_path / "redis.log"):
            wait_for(lambda: said(" ready."), seconds=PATIENCE)
            # Another has taken the place of the one that was killed.
            wait_for(lambda: below() and before[0] not in below(), seconds=PATIENCE)
            broker = redis.Redis(port=port, password=SECRET)
            broker.replicaof("127.0.0.1", str(free_port()))
            wait_for(lambda: said("Connection to broker lost"), seconds=PATIENCE)
            broker.replicaof("NO", "ONE")
            asked = Celery(broker=environment["BROKER_URL"]).control
            wait_for(lambda: asked.ping(timeout=1), seconds=PATIENCE)
            assert len(below()) == PROCESSES
