"""Reading the environment: a missing value stops the start with one sentence."""

import os

from django.core.exceptions import ImproperlyConfigured


def env_value(name: str, default: str | None = None) -> str:
    """The variable `name`, else `default`.

    Raises:
        ImproperlyConfigured: neither is there; the sentence names the variable.
    """
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(
            f"Set the environment variable {name}; Faisceau can't start without it."
        )
    return value


def env_list(name: str, default: list[str]) -> list[str]:
    """A comma-separated variable."""
    raw = os.environ.get(name, "")
    return [part.strip() for part in raw.split(",") if part.strip()] or default
