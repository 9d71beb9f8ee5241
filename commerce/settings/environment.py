"""Reading the environment, and what production refuses to start with: one sentence each."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured

NEEDED = (
    *("SECRET_KEY", "PUBLIC_URL", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"),
    *("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"),
    *("PROVIDERS_URL", "PROVIDERS_API_KEY", "PROVIDERS_CALLBACK_SECRET"),
)
"""What production has no default for."""


def env_value(name: str, default: str | None = None) -> str:
    """The variable `name`, else `default`.

    Raises:
        ImproperlyConfigured: neither is there; the sentence names the variable.
    """
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(_missing(name))
    return value


def env_list(name: str, default: list[str]) -> list[str]:
    """A comma-separated variable."""
    raw = os.environ.get(name, "")
    return [part.strip() for part in raw.split(",") if part.strip()] or default


def refusals(environ: Mapping[str, str]) -> list[str]:
    """Why production does not start with this environment; empty if it may."""
    found = [_missing(name) for name in NEEDED if not environ.get(name)]
    address = environ.get("PUBLIC_URL", "")
    if address and not address.startswith("https://"):
        found.append("Set PUBLIC_URL to the https address of the shop.")
    if "*" in environ.get("ALLOWED_HOSTS", ""):
        found.append("Name the hosts in ALLOWED_HOSTS; an asterisk lets anybody choose one.")
    if _is_on(environ.get("CELERY_TASK_ALWAYS_EAGER")):
        found.append("Celery's eager mode is refused in production; run a worker.")
    if _is_on(environ.get("VIRTUAL_CLOCK")):
        found.append("The virtual clock is refused in production; unset VIRTUAL_CLOCK.")
    return found


@contextmanager
def in_sentences() -> Iterator[None]:
    """A process that can't start because of its settings ends with the sentences alone."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.exit(str(error))


def _missing(name: str) -> str:
    return f"Set the environment variable {name}; Faisceau can't start without it."


def _is_on(value: str | None) -> bool:
    return (value or "").strip().lower() not in {"", "0", "false", "no", "off"}
