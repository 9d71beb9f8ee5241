"""A migrated and otherwise empty database, kept so that thrown-away stacks need not migrate again.

It belongs to the digest of everything that migrations depend on; another digest migrates for real.
"""

import os
import subprocess
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


def restore(*, url: str, digest: str, binaries: Path) -> bool:
    """Fill an empty database from the snapshot of `digest`; False if there is none.

    Raises:
        StackError: the snapshot does not fit; the database is as empty as before.
    """
    snapshot = _path(digest)
    if not snapshot.exists():
        return False
    _run(binaries / "pg_restore", "--single-transaction", "--no-owner", f"--dbname={url}", snapshot)
    return True


def keep(*, url: str, digest: str, binaries: Path) -> None:
    """Keep the database as the snapshot of `digest`; the oldest ones go."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    unfinished = _FOLDER / f"{os.getpid()}.unfinished"
    _run(
        binaries / "pg_dump",
        *("--format=custom", "--compress=1", "--no-owner", "--no-comments"),
        *(f"--dbname={url}", f"--file={unfinished}"),
    )
    unfinished.rename(_path(digest))
    by_age = sorted(_FOLDER.glob("*.dump"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in by_age[_KEPT:]:
        old.unlink(missing_ok=True)


def _path(digest: str) -> Path:
    return _FOLDER / f"{digest}.dump"


def _run(program: Path, *arguments: str | Path) -> None:
    done = subprocess.run(
        (str(program), *map(str, arguments)), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"{program.name} failed: {done.stderr.strip()[-2000:]}")
