"""Processes that an earlier supervisor of the same folder left behind, recognised without doubt."""

import signal
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from commerce.local import proc
from commerce.local.files import read_json, write_json
from commerce.local.proc import Identity

MARK = "FAISCEAU_SUPERVISED"
_FILE = "processes.json"
_GRACE = 10.0


def remember(run_dir: Path, identities: dict[str, Identity]) -> None:
    """Write down who runs, for a later start that finds no supervisor."""
    write_json(run_dir / _FILE, {name: asdict(one) for name, one in identities.items()})


def forget(run_dir: Path) -> None:
    (run_dir / _FILE).unlink(missing_ok=True)


def find(run_dir: Path, *, homes: Iterable[Path] = ()) -> list[int]:
    """The living processes of this folder's stack.

    Three signs, each sure by itself: a remembered pid with the same start tick of the same boot,
    and what is in its group; the mark in the environment; a working directory that only the stack
    uses. A pid alone says nothing, it may be another's by now.
    """
    found: set[int] = set(proc.marked(MARK, str(run_dir)))
    for identity in _remembered(run_dir):
        if proc.is_alive(identity):
            found.update((identity.pid, *proc.in_group(identity.pid)))
    for home in homes:
        found.update(proc.working_in(home))
    return sorted(found)


def stop(run_dir: Path, *, homes: Iterable[Path] = ()) -> int:
    """Stop what `find` finds, by force when asking is not enough; how many there were.

    SIGINT is PostgreSQL's fast shutdown; the others get SIGTERM.
    """
    homes = tuple(homes)
    found = find(run_dir, homes=homes)
    if not found:
        return 0
    stores = {pid for home in homes for pid in proc.working_in(home)}
    proc.signal_each((pid for pid in found if pid not in stores), signal.SIGTERM)
    proc.signal_each(stores, signal.SIGINT)
    proc.signal_each(proc.wait_until_gone(found, seconds=_GRACE), signal.SIGKILL)
    # A process may have been started while the first ones were ending.
    late = find(run_dir, homes=homes)
    proc.signal_each(late, signal.SIGKILL)
    proc.wait_until_gone(late, seconds=_GRACE)
    forget(run_dir)
    return len(found)


def _remembered(run_dir: Path) -> list[Identity]:
    identities = []
    for value in read_json(run_dir / _FILE).values():
        try:
            identities.append(Identity(**value))
        except TypeError:
            continue
    return identities
