"""Fixtures of the whole suite: the servers behind it and, where a test asks, the whole system."""

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import django
import psycopg
import pytest
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from commerce.garbage import settle
from commerce.local.stack import Stack, temporary_run_dir
from frontend import texts
from tests.emptying import empty
from tests.services import services, template
from tests.sharing import WholeSystemsApart, of_the_whole, scheduler
from tests.standing import report

# What is imported and collected stays: nothing is to be found there. See `commerce.garbage`.
gc.disable()

# Before Django reads its settings: they take addresses and secrets from the environment.
_SERVICES = services()
_SYSTEM: list[Stack] = []
_BROWSER = Path(__file__).parent / "browser"
_FRENCH = Path(__file__).parents[1] / "frontend/locale/fr/LC_MESSAGES/django.po"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commerce.settings.test")
if "PYTEST_XDIST_WORKER" not in os.environ:
    texts.brought_up_to_date(_FRENCH)
django.setup()

# The same examples on every machine, however busy it is; `make proof` looks for new ones.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    if _SERVICES and getattr(config.option, "numprocesses", None):
        _SERVICES.start()


def pytest_unconfigure() -> None:
    if _SERVICES:
        _SERVICES.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the whole system can be chosen by `-m stack`. Their files come first, whole orders
    before pages, then other pages: no process is left alone with a long one at the end."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
            assert of_the_whole(_file(item)), f"{item.nodeid} takes the system by another name"
    items.sort(key=_place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> WholeSystemsApart | None:
    return scheduler(config, log)


def pytest_collection_finish() -> None:
    settle()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test of the whole system tells what the system was doing."""
    told = yield
    running = getattr(item, "funcargs", {}).get("stack")
    if told.failed and isinstance(running, Stack):
        try:
            lines = list(report(running))
        except (psycopg.Error, OSError) as error:
            lines = [f"the system can't be asked: {error}"]
        told.sections.append(("the system at that moment", "\n".join(lines)))
    return told


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """The system stops once no test will ask for it; waiting has its price too."""
    if _SYSTEM and nextitem is not None and not of_the_whole(_file(nextitem)):
        _SYSTEM.pop().stop()


def _place(item: pytest.Item) -> tuple[bool, bool]:
    whole = of_the_whole(_file(item))
    return not whole, whole == (_BROWSER in item.path.parents)


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def servers() -> None:
    """PostgreSQL and Redis run. The database fixtures ask for it; so do tests that need Redis."""
    if _SERVICES:
        _SERVICES.start()


@pytest.fixture(scope="session", autouse=True)
def quickly_emptied() -> Iterator[None]:
    """After a test that committed."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: None, django_db_modify_db_settings: None) -> None:
    """The servers start before the first test that uses the database, and give it its schema."""
    connection.settings_dict["TEST"]["TEMPLATE"] = template()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole system as `make run` starts it, with a database, worker and pump of its own; one
    for each process that runs tests of it."""
    with (
        temporary_run_dir("suite") as run_dir,
        Stack(run_dir, settings="tests.settings", durable=False) as running,
    ):
        _SYSTEM.append(running)
        yield running
