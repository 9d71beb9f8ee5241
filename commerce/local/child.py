"""Becomes a supervised process: gives up root, ties its life to the supervisor, executes.

Run as a file by a bare interpreter (`python -I -S child.py PARENT SIGNAL UID:GID|- -- ARGV`),
because both steps must happen after the fork and before the program, and code of ours between fork
and exec is unsafe in a supervisor with threads. The order matters: a change of user clears the
death signal.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, death_signal, account, _, *argv = arguments
    if account != "-":
        uid, gid = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal))
    if os.getppid() != int(parent):
        sys.exit("the supervisor is gone")
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1:])
