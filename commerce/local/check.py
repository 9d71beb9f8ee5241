"""`make test`: every check of the project one after the other, with the time that each took."""

import subprocess
import sys
import time
from pathlib import Path

from commerce.local.place import ROOT

_BIN = Path(sys.executable).parent
WORKERS = "2"

CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("lint", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("import contracts", ("lint-imports",)),
    ("types", ("mypy",)),
    ("tests", ("pytest", "-q", "-n", WORKERS, "--durations", "15")),
)


def main() -> int:
    """Run all checks, also after one failed, so that one run shows everything; 0 if all passed."""
    results = [(name, *_run(name, command)) for name, command in CHECKS]
    print()
    for name, passed, seconds in results:
        print(f"{'ok    ' if passed else 'FAILED'} {name:<18}{seconds:7.1f} s")
    total = sum(seconds for _, _, seconds in results)
    print(f"{'':<25}{total:7.1f} s")
    return 0 if all(passed for _, passed, _ in results) else 1


def _run(name: str, command: tuple[str, ...]) -> tuple[bool, float]:
    print(f"== {name}: {' '.join(command)}", flush=True)
    began = time.monotonic()
    done = subprocess.run((str(_BIN / command[0]), *command[1:]), cwd=ROOT, check=False)
    return done.returncode == 0, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
