"""A migrated and otherwise empty database, kept so that thrown-away stacks need not migrate again.

It belongs to the digest of everything that migrations depend on. When there is none for a digest,
one that lacks only migrations which were written since is a head start; else all is migrated.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg

from commerce.local.errors import StackError
from commerce.local.place import ROOT

_FOLDER = ROOT / ".cache" / "migrated"
_KEPT = 3


def is_empty(url: str) -> bool:
    """Whether nothing was migrated in this database yet."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
    return found == (None,)


def restore(*, url: str, digest: str, sources: Mapping[str, str], binaries: Path) -> bool:
    """Fill an empty database from the snapshot of `digest`, or else from one that can be migrated
    on to `sources` (digest by name). True if it is complete: nothing is left to migrate.

    Raises:
        StackError: the snapshot does not fit; the database is as empty as before.
    """
    complete = _path(digest).exists()
    snapshot = _path(digest) if complete else _head_start(sources)
    if snapshot is not None:
        arguments = ("--single-transaction", "--no-owner", f"--dbname={url}", snapshot)
        _run(binaries / "pg_restore", *arguments)
    return complete


def keep(*, url: str, digest: str, sources: Mapping[str, str], binaries: Path) -> None:
    """Keep the database as the snapshot of `digest`; the oldest ones go."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    unfinished = _FOLDER / f"{os.getpid()}.unfinished"
    _run(
        binaries / "pg_dump",
        *("--format=custom", "--compress=1", "--no-owner", "--no-comments"),
        *(f"--dbname={url}", f"--file={unfinished}"),
    )
    _contents(_path(digest)).write_text(json.dumps(dict(sources)))
    unfinished.rename(_path(digest))
    for old in _newest_first()[_KEPT:]:
        old.unlink(missing_ok=True)
        _contents(old).unlink(missing_ok=True)


def _head_start(sources: Mapping[str, str]) -> Path | None:
    """The newest snapshot whose every migration is still there, unchanged."""
    for path in _newest_first():
        try:
            made_of = json.loads(_contents(path).read_text())
        except OSError:
            continue
        if made_of.items() <= sources.items():
            return path
    return None


def _newest_first() -> list[Path]:
    return sorted(_FOLDER.glob("*.dump"), key=lambda path: path.stat().st_mtime, reverse=True)


def _path(digest: str) -> Path:
    return _FOLDER / f"{digest}.dump"


def _contents(snapshot: Path) -> Path:
    return snapshot.with_suffix(".json")


def _run(program: Path, *arguments: str | Path) -> None:
    done = subprocess.run(
        (str(program), *map(str, arguments)), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"{program.name} failed: {done.stderr.strip()[-2000:]}")
