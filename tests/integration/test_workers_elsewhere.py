"""A worker and a pump in a copy of the code somewhere else, told only what is documented, do all
the work; by Redis as by RabbitMQ."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from django.db import connection

from commerce.accounts.kinds import Role
from commerce.celery import app, reach_broker
from commerce.events.models import Delivery, WorkState
from commerce.events.queues import WorkQueue
from commerce.local.place import ROOT
from commerce.ordering.services.bulk import place_bulk_order
from orchestration.domain.states import TaskState
from orchestration.models import Plan, Task
from tests.integration.ordering.conftest import at, committed_shop
from tests.integration.ordering.people import member, organisation
from tests.integration.ordering.test_fleet import CHECKOUT, fleet
from tests.integration.sandbox_providers.harness import wait_for
from tests.rabbitmq import rabbitmq

__all__ = ["at", "committed_shop"]
LINES = 25
"""More than are handled like anybody's, so that the queue of large orders is needed too."""
_CODE = ("catalogue", "commerce", "frontend", "orchestration", "promotions", "subscriptions")
_CELERY = ("-m", "celery", "-A", "commerce.celery", "worker", "--pool", "prefork")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The code as another checkout has it."""
    folder = tmp_path / "another" / "checkout"
    for name in _CODE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", folder)
    return folder


@pytest.fixture(params=["redis", "rabbitmq"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """What docs/production.md tells of, as it is here, and no other variable."""
    database = connection.settings_dict
    address = (
        f"postgresql://{database['USER']}:{database['PASSWORD']}"
        f"@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    )
    documented = re.findall(r"`([A-Z_]+)`", (ROOT / "docs" / "production.md").read_text())
    known = {name: os.environ[name] for name in documented if name in os.environ}
    with ExitStack() as stack:
        if request.param == "rabbitmq":
            broker = stack.enter_context(rabbitmq(tmp_path))
            known |= {"BROKER_URL": broker, "REDIS_URL": "redis://127.0.0.1:1/0"}
        yield known | {"DATABASE_URL": address}


@contextmanager
def running(*arguments: str, folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    with (folder / f"{arguments[-1]}.log").open("wb") as log:
        process = subprocess.Popen(
            (sys.executable, *arguments),
            cwd=folder,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def documented_groups() -> dict[str, tuple[str, ...]]:
    """The arguments of each group of workers, by its queue."""
    text = (ROOT / "docs" / "production.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\| `(-Q .*)` \|$", text, re.MULTILINE)
    return {queue: tuple(arguments.split()) for queue, arguments in rows}


def test_every_queue_has_a_documented_group_and_the_small_profile_one_for_all() -> None:
    groups = documented_groups()
    assert set(groups) == set(WorkQueue)
    for queue, arguments in groups.items():
        assert arguments[:3] == ("-Q", queue, "--concurrency")
    tables = (ROOT / "commerce" / "local" / "table.py").read_text()
    assert (tables.count('"celery"'), tables.count('"-Q"')) == (1, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("environment", ["redis"], indirect=True)
def test_groups_of_workers_take_their_own_queues_with_their_own_concurrency(
    elsewhere: Path, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("broker_write_url", "broker_read_url"):
        monkeypatch.setattr(app.conf, url, environment["REDIS_URL"])
    groups = documented_groups()
    chosen = ("settling", "payments")
    with ExitStack() as workers:
        for queue in chosen:
            named = ("-n", f"{queue}@shop", *groups[queue])
            workers.enter_context(running(*_CELERY, *named, folder=elsewhere, env=environment))
        asked = app.control.inspect(timeout=2, destination=[f"{queue}@shop" for queue in chosen])
        wait_for(lambda: len(asked.ping() or {}) == len(chosen), seconds=60)
        queues, stats = asked.active_queues() or {}, asked.stats() or {}
    taken = {name: [each["name"] for each in found] for name, found in queues.items()}
    processes = {name: found["pool"]["max-concurrency"] for name, found in stats.items()}
    assert taken == {"settling@shop": ["settling"], "payments@shop": ["payments"]}
    assert processes == {"settling@shop": 2, "payments@shop": 4}


def test_a_worker_from_another_folder_joins_and_takes_all_kinds_of_work(
    committed_shop: object,
    elsewhere: Path,
    environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = environment.get("BROKER_URL", environment["REDIS_URL"])
    monkeypatch.setattr(app.conf, "broker_write_url", broker)
    reach_broker()
    loaded = subprocess.run(
        (sys.executable, "-c", "import commerce.celery as c; print(c.__file__)"),
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.strip() == str(elsewhere / "commerce" / "celery.py")
    buyer = member(organisation(), "Bruno", role=Role.BUYER, limit="1000000")
    place_bulk_order(buyer, lines=fleet(LINES, handset="", sim="esim"), checkout=CHECKOUT)
    with (
        running("manage.py", "pump", folder=elsewhere, env=environment),
        running(*_CELERY, "--concurrency", "2", folder=elsewhere, env=environment),
    ):
        numbers = Task.objects.filter(action="numbering.assign", state=TaskState.DONE)
        wait_for(lambda: numbers.count() == LINES, seconds=60)
        delivered = Delivery.objects.exclude(state=WorkState.DONE)
        wait_for(lambda: not delivered.exists(), seconds=30)
    assert Plan.objects.filter(turn=0).count() == 20
    assert Plan.objects.filter(turn=1).count() == LINES - 20
