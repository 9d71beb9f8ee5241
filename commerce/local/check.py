"""`make test`: every check of the project, with the time that each took.

Types are checked beside the tests, which begin with a minute of waiting for servers.
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from commerce.local.place import ROOT

_BIN = Path(sys.executable).parent
WORKERS = "4"
"""On two cores: two of them wait half of their time for a whole system; see `tests/sharing.py`."""
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
"""What a file's tests share is made once; files are taken in the order of `tests/conftest.py`."""

Check = tuple[str, tuple[str, ...]]
CHECKS: tuple[Check, ...] = (
    ("lint", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("import contracts", ("lint-imports",)),
    ("tests", ("pytest", "-q", "-n", WORKERS, *BY_FILE, "--durations", "15")),
)
TYPES: Check = ("types", ("mypy",))


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    passed: bool
    seconds: float


def main() -> int:
    """Run all checks, also after one failed, so that one run shows everything; 0 if all passed."""
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=1) as beside:
        types = beside.submit(_run, TYPES, told_at_the_end=True)
        results = [*(_run(check) for check in CHECKS), types.result()]
    print()
    for each in results:
        print(f"{'ok    ' if each.passed else 'FAILED'} {each.name:<18}{each.seconds:7.1f} s")
    print(f"{'':<25}{time.monotonic() - began:7.1f} s")
    return 0 if all(each.passed for each in results) else 1


def _run(check: Check, *, told_at_the_end: bool = False) -> Result:
    """`told_at_the_end`: what it says is printed as a whole, apart from what others say."""
    name, command = check
    heading = f"== {name}: {' '.join(command)}"
    began = time.monotonic()
    if not told_at_the_end:
        print(heading, flush=True)
    done = subprocess.run(
        (str(_BIN / command[0]), *command[1:]),
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE if told_at_the_end else None,
        stderr=subprocess.STDOUT if told_at_the_end else None,
        text=True,
    )
    if told_at_the_end:
        print(f"{heading}\n{done.stdout}", flush=True)
    return Result(name, done.returncode == 0, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
