"""The served web process is joined to the broker that the environment names, and to no other."""

import os
import signal
import subprocess
import sys
from typing import Any

import httpx

from commerce.local.place import ROOT
from commerce.local.stack import Stack
from tests.integration.sandbox_providers.harness import wait_for

SEND = """
import commerce.wsgi
from commerce.events.tasks import deliver
print(deliver.delay([], "no token").id)
"""
"""As the web process is loaded. The worker can't read the token, so it says that it came."""


def ready(stack: Stack) -> tuple[int, Any]:
    answer = httpx.get(f"{stack.info.web_url}/readyz", timeout=10)
    return answer.status_code, answer.json()["checks"]["broker"]


def test_the_web_process_tells_whether_it_reaches_the_broker(stack: Stack) -> None:
    assert ready(stack) == (200, "ok")
    stack.kill("redis", signal.SIGSTOP)  # it hangs: killed, it would be back too soon
    try:
        assert ready(stack) == (503, "TimeoutError")
        alive = httpx.get(f"{stack.info.web_url}/healthz", timeout=10)
        assert alive.json() == {"status": "ok"}
    finally:
        stack.kill("redis", signal.SIGCONT)
    assert ready(stack) == (200, "ok")
    stack.kill("redis")
    stack.wait_ready("redis")
    assert ready(stack) == (200, "ok")


def test_what_the_web_process_sends_arrives_at_the_worker(stack: Stack) -> None:
    environment = {**os.environ, **stack.env}
    sent = subprocess.run(
        (sys.executable, "-c", SEND),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    task = sent.stdout.split()[-1]
    wait_for(lambda: f"commerce.events.tasks.deliver[{task}] raised" in stack.logs("worker"))
