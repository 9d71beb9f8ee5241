"""What Linux tells about processes: who they are, whether they live, which belong together."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_STATE, _GROUP, _STARTED = 0, 2, 19


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for all time: a pid comes back, a pid with its start tick and boot does not."""

    pid: int
    started: int
    boot: str


def boot_id() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Identity | None:
    """The process that has `pid` now; None if there is none or only its remains (a zombie)."""
    fields = _stat(pid)
    if fields is None or fields[_STATE] in "ZX":
        return None
    return Identity(pid=pid, started=int(fields[_STARTED]), boot=boot_id())


def is_alive(identity: Identity) -> bool:
    return identify(identity.pid) == identity


def in_group(group: int) -> list[int]:
    """The living processes of a process group."""
    return [
        pid
        for pid in _pids()
        if (fields := _stat(pid)) and fields[_STATE] not in "ZX" and int(fields[_GROUP]) == group
    ]


def working_in(folder: Path) -> list[int]:
    """The living processes whose working directory is `folder`."""
    wanted = str(folder.resolve())
    return [pid for pid in _pids() if _working_directory(pid) == wanted and identify(pid)]


def marked(name: str, value: str) -> list[int]:
    """The living processes started with the environment variable `name` set to `value`."""
    wanted = f"{name}={value}".encode()
    return [pid for pid in _pids() if wanted in _environment(pid) and identify(pid)]


def signal_each(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def wait_until_gone(pids: Iterable[int], *, seconds: float) -> list[int]:
    """Wait at most `seconds` (real time) for these processes to end; those that did not."""
    watched = [identity for pid in pids if (identity := identify(pid))]
    deadline = time.monotonic() + seconds
    while (left := [one.pid for one in watched if is_alive(one)]) and time.monotonic() < deadline:
        time.sleep(0.03)
    return left


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the program's name, which may itself hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return text.rpartition(")")[2].split()


def _working_directory(pid: int) -> str | None:
    try:
        return os.readlink(_PROC / str(pid) / "cwd")
    except OSError:
        return None


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
