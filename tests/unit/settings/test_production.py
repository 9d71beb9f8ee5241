"""Production starts with everything or says, one sentence each, what keeps it from starting."""

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module

import pytest

from commerce.local.place import ROOT
from commerce.settings.environment import NEEDED, refusals

GOOD: Mapping[str, str] = {
    "SECRET_KEY": "a-dummy-of-sufficient-length-0123456789-abcdefghijklmnopqrstuvwxyz",
    "PUBLIC_URL": "https://shop.example",
    "ALLOWED_HOSTS": "shop.example",
    "DATABASE_URL": "postgresql://faisceau:dummy@db.example/faisceau",
    "REDIS_URL": "rediss://:dummy@redis.example/0",
    "STRIPE_API_KEY": "sk_live_dummy",
    "STRIPE_WEBHOOK_SECRET": "whsec_dummy",
    "PROVIDERS_URL": "https://providers.example",
    "PROVIDERS_API_KEY": "dummy",
    "PROVIDERS_CALLBACK_SECRET": "whsec_ZHVtbXktZHVtbXktZHVtbXk=",
}


def started(command: tuple[str, ...], environ: Mapping[str, str]) -> tuple[int, list[str]]:
    """Exit code and last lines of a process of ours under production settings."""
    done = subprocess.run(
        (sys.executable, *command),
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "commerce.settings.production",
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, [line for line in done.stderr.splitlines() if line]


def test_it_starts_with_what_it_needs() -> None:
    assert refusals(GOOD) == []


@pytest.mark.parametrize("name", NEEDED)
def test_each_missing_value_is_said_in_one_sentence(name: str) -> None:
    for nothing in ({}, {name: ""}):
        environ = {key: value for key, value in GOOD.items() if key != name} | nothing
        assert refusals(environ) == [
            f"Set the environment variable {name}; Faisceau can't start without it."
        ]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PUBLIC_URL", "http://shop.example", "https address"),
        ("ALLOWED_HOSTS", "shop.example,*", "asterisk"),
        ("CELERY_TASK_ALWAYS_EAGER", "1", "eager mode is refused"),
        ("VIRTUAL_CLOCK", "true", "virtual clock is refused"),
    ],
)
def test_what_belongs_to_development_is_refused(name: str, value: str, words: str) -> None:
    (sentence,) = refusals({**GOOD, name: value})
    assert words in sentence


@pytest.mark.parametrize("value", ["", "0", "false", "no"])
def test_a_switch_that_is_off_is_no_reason(value: str) -> None:
    assert refusals({**GOOD, "VIRTUAL_CLOCK": value, "CELERY_TASK_ALWAYS_EAGER": value}) == []


@pytest.mark.parametrize(
    "command",
    [
        ("manage.py", "migrate"),
        ("-m", "celery", "-A", "commerce.celery", "worker"),
        ("-c", "import commerce.wsgi"),
    ],
    ids=["command", "worker", "web"],
)
def test_each_process_ends_with_all_sentences_and_nothing_else(command: tuple[str, ...]) -> None:
    environ = {key: value for key, value in GOOD.items() if key not in ("SECRET_KEY", "REDIS_URL")}
    assert started(command, {**environ, "VIRTUAL_CLOCK": "1"}) == (
        1,
        [
            "Set the environment variable SECRET_KEY; Faisceau can't start without it.",
            "Set the environment variable REDIS_URL; Faisceau can't start without it.",
            "The virtual clock is refused in production; unset VIRTUAL_CLOCK.",
        ],
    )


def test_the_deployment_check_is_clean() -> None:
    code, said = started(("manage.py", "check", "--deploy", "--fail-level", "DEBUG"), GOOD)
    assert code == 0, said


def test_sessions_are_in_the_database_and_nothing_that_lasts_is_in_redis() -> None:
    base = import_module("commerce.settings.base")
    assert base.SESSION_ENGINE == "django.contrib.sessions.backends.db"
    assert all("redis" not in cache["BACKEND"].lower() for cache in base.CACHES.values())
    assert base.CELERY["task_ignore_result"] is True
    assert "result_backend" not in base.CELERY
    assert base.CELERY["task_always_eager"] is False
    assert (base.DEBUG, base.VIRTUAL_CLOCK) == (False, False)
