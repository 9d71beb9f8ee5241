"""Memory of a stack: what everything holds together, and the most that one process ever held."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.bench.results import Metric, metric

_PROC = Path("/proc")


def measure(pids: Mapping[str, int]) -> list[Metric]:
    """Everything that the stack starts, with its children, as PSS (shared pages are shared out)."""
    seen = {pid for root in pids.values() for pid in family(root)}
    total = sum(_kib(pid, "smaps_rollup", "Pss") for pid in seen) / 1024
    return [metric("stack_memory", [total], n=len(seen), unit="MiB")]


def peak_mib(root: int) -> float:
    """The largest resident size that any process below `root` (or itself) has had so far."""
    return max(_kib(pid, "status", "VmHWM") for pid in family(root)) / 1024


def family(root: int) -> list[int]:
    """`root` and all processes below it."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (parent := _parent(int(entry.name))):
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def _parent(pid: int) -> int | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def _kib(pid: int, file: str, name: str) -> int:
    """A figure of /proc; 0 for a process that is gone."""
    try:
        text = (_PROC / str(pid) / file).read_text()
    except OSError as error:
        if os.path.exists(_PROC / str(pid)):
            raise
        del error
        return 0
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name}:"))
