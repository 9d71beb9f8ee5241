"""What every sandbox reads from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


class SettingMissing(Exception):
    """A sandbox can't start without this environment variable."""


def required(environment: Mapping[str, str], name: str) -> str:
    """The value of `name`.

    Raises:
        SettingMissing: it is unset or empty.
    """
    value = environment.get(name, "").strip()
    if not value:
        raise SettingMissing(f"{name} is not set; the sandbox needs it to start.")
    return value


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """`public_url` is the base address under which browsers reach the sandbox, without slash."""

    port: int
    database: Path
    public_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        return cls(
            port=int(required(environment, "SANDBOX_PORT")),
            database=Path(required(environment, "SANDBOX_DB")),
            public_url=required(environment, "SANDBOX_PUBLIC_URL").rstrip("/"),
        )
