"""What the supervisor is told of a process: how it starts, when it is ready, what if it dies."""

import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Protocol

import psycopg
import redis

from commerce.local.accounts import Account


class Stage(IntEnum):
    """Stages stop from the last to the first, so that nobody loses a store while still working."""

    STORE = 0
    OUTSIDE_WORLD = 1
    APPLICATION = 2


class Probe(Protocol):
    def answers(self, log: Callable[[], str]) -> bool:
        """Whether the process does its work; `log` reads what it wrote since it was started."""


@dataclass(frozen=True, slots=True)
class Http:
    """Ready when the address answers 200."""

    url: str

    def answers(self, log: Callable[[], str]) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@dataclass(frozen=True, slots=True)
class Postgres:
    """Ready when it accepts this connection."""

    url: str

    def answers(self, log: Callable[[], str]) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Redis:
    """Ready when it answers PING to its password."""

    url: str

    def answers(self, log: Callable[[], str]) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@dataclass(frozen=True, slots=True)
class Says:
    """Ready when its log says so; for processes that listen nowhere."""

    words: str

    def answers(self, log: Callable[[], str]) -> bool:
        return self.words in log()


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart after a death: wait `first` seconds, then twice as long each time, up to `longest`.

    `deaths` within `within` seconds are a crash loop: the supervisor gives up and stops the stack.
    """

    first: float = 0.2
    longest: float = 5.0
    deaths: int = 5
    within: float = 30.0

    def delay(self, recent_deaths: int) -> float:
        return min(self.first * 2.0 ** max(0, recent_deaths - 1), self.longest)


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One line of the process table.

    `stop` asks it to end; after `grace` seconds its whole group is killed. `home` is the working
    directory; with `home_is_own` every process that works there belongs to it (PostgreSQL's
    backends leave the process group).
    """

    name: str
    stage: Stage
    argv: tuple[str, ...]
    ready: Probe
    home: Path
    env: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    home_is_own: bool = False
    stop: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    patience: float = 60.0
    restart: Restart = field(default_factory=Restart)
