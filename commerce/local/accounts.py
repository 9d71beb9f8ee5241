"""The unprivileged user that PostgreSQL runs as when we are root, and what that user can reach."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from commerce.local.errors import StackError

# PostgreSQL refuses to run as root. No user is added to the machine for a local stack.
_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether this user may pass through `folder` and everything above it."""
        path = folder.resolve()
        return all(self._may(part, 0o1) for part in (path, *path.parents))

    def can_run(self, program: Path) -> bool:
        path = program.resolve()
        return self._may(path, 0o5) and self.can_enter(path.parent)

    def owns(self, path: Path) -> bool:
        return path.stat().st_uid == self.uid

    def give(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)

    def _may(self, path: Path, wanted: int) -> bool:
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid == self.uid:
            granted = mode >> 6
        elif found.st_gid == self.gid:
            granted = mode >> 3
        else:
            granted = mode
        return granted & wanted == wanted


def service_account() -> Account | None:
    """The user for PostgreSQL; None when we are not root and it runs as ourselves.

    Raises:
        StackError: we are root and the machine has no suitable user.
    """
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise StackError("PostgreSQL can't run as root and there is no user 'nobody' to run it as.")
