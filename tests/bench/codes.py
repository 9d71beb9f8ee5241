"""A batch of single-use codes, as a campaign orders it."""

import time
from pathlib import Path

from commerce.local.stack import Stack
from tests.bench.results import Metric, metric

PROMOTION = "friend-20"
COUNT = 100_000


def measure(stack: Stack, *, folder: Path) -> list[Metric]:
    """Make the batch, and write it out once; each as the command, with the start of its process."""
    target = folder / "codes.csv"
    began = time.monotonic()
    made = stack.manage("codes", "make", PROMOTION, "--name", "bench", "--count", str(COUNT))
    making = time.monotonic() - began
    batch = made.split(":")[0].removeprefix("batch ")
    began = time.monotonic()
    stack.manage("codes", "export", batch, "--to", str(target))
    writing = time.monotonic() - began
    written = len(target.read_text(encoding="utf-8").splitlines()) - 1
    if written != COUNT:
        raise AssertionError(f"{written} codes were written out, not {COUNT}")
    return [
        metric("codes_made", [making], unit="s"),
        metric("codes_written", [writing], unit="s"),
    ]
