"""PostgreSQL and Redis for one run of the suite, in a folder that is removed after it.

The addresses are settled when the suite is loaded, because Django's settings read them; the servers
start when the first test needs them. With several workers their controller starts the servers once
and the workers inherit the addresses.
"""

import os
from contextlib import ExitStack

from commerce.local.postgres import DATABASE
from commerce.local.stack import Stack, temporary_run_dir

_OWN = "FAISCEAU_TEST_SERVICES"
_ADDRESSES = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL", "ALLOWED_HOSTS"),
    *("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE"),
    *("PROVIDERS_URL", "PROVIDERS_API_KEY", "PROVIDERS_CALLBACK_SECRET"),
    *("STATIC_ROOT", "MEDIA_ROOT"),
)


class Services:
    """The suite's own servers; `start` may be called any number of times."""

    def __init__(self) -> None:
        self._cleanup = ExitStack()
        run_dir = self._cleanup.enter_context(temporary_run_dir("tests"))
        self._stack = Stack(
            run_dir, settings="commerce.settings.test", durable=False, say=lambda _: None
        )
        self._started = False
        env = self._stack.env
        os.environ.update({name: env[name] for name in _ADDRESSES})
        os.environ[_OWN] = "1"

    def start(self) -> None:
        if not self._started:
            self._stack.start(only={"postgres", "redis"})
            self._stack.migrate()
            self._started = True

    def stop(self) -> None:
        self._stack.stop()
        self._cleanup.close()
        for name in (*_ADDRESSES, _OWN):
            os.environ.pop(name, None)


def template() -> str | None:
    """The migrated database that test databases are copied from; None on servers of others."""
    return DATABASE if os.environ.get(_OWN) else None


def services() -> Services | None:
    """The suite's own servers; None when DATABASE_URL names others or a controller has them."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if os.environ.get(_OWN) and worker:
        # Each worker has a Redis database of its own, as pytest-django gives it in PostgreSQL.
        server, _, _ = os.environ["REDIS_URL"].rpartition("/")
        os.environ["REDIS_URL"] = f"{server}/{1 + int(worker.removeprefix('gw'))}"
    return None if os.environ.get("DATABASE_URL") else Services()
