"""What was measured, as numbers: one file for machines, one line for people."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commerce.local.place import ROOT

LATEST = ROOT / "tests" / "bench" / "results" / "latest.json"


@dataclass(frozen=True, slots=True)
class Metric:
    """One measurement. `reference_ratio` compares the median with the reference of the same run;
    None for what is a reference itself or has none."""

    name: str
    median: float
    p95: float
    n: int
    unit: str
    reference_ratio: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "median": significant(self.median),
            "p95": significant(self.p95),
            "n": self.n,
            "unit": self.unit,
            "reference_ratio": significant(self.reference_ratio),
        }

    def line(self) -> str:
        """Aligned with the lines of other metrics."""
        ratio = "-" if self.reference_ratio is None else f"{significant(self.reference_ratio):g}"
        return (
            f"{self.name:<22}{significant(self.median):>12g}{significant(self.p95):>12g}"
            f"{self.n:>9}  {self.unit:<14}{ratio:>9}"
        )


HEADING = f"{'metric':<22}{'median':>12}{'p95':>12}{'n':>9}  {'unit':<14}{'ratio':>9}"


def metric(
    name: str,
    samples: Sequence[float],
    *,
    unit: str,
    n: int | None = None,
    reference: float | None = None,
) -> Metric:
    """The metric of `samples`; `n` is how many things they count, if not one each.

    The p95 is that of the samples as they are: of rates it is a high rate, of times a slow one.

    Raises:
        ValueError: there are no samples.
    """
    if not samples:
        raise ValueError(f"{name} has no samples.")
    median = statistics.median(samples)
    return Metric(
        name=name,
        median=median,
        p95=percentile(samples, 95),
        n=len(samples) if n is None else n,
        unit=unit,
        reference_ratio=median / reference if reference else None,
    )


def percentile(samples: Sequence[float], percent: float) -> float:
    """By linear interpolation between the two nearest samples."""
    ordered = sorted(samples)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def significant(value: float | None) -> Any:
    """Four significant digits: more would be noise. None stays None."""
    return None if value is None else float(f"{value:.4g}")


def report(
    metrics: Sequence[Metric], *, commit: str, machine: str
) -> dict[str, str | Mapping[str, Any]]:
    """The content of the result file."""
    return {
        "commit": commit,
        "machine": machine,
        "metrics": {each.name: each.to_json() for each in metrics},
    }


def write(content: Mapping[str, Any], *, to: Path = LATEST) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def commit_here() -> str:
    """The commit that was measured; `+` where files differ from it."""
    head = _git("rev-parse", "HEAD")
    return head + ("+" if head and _git("status", "--porcelain", "--untracked-files=no") else "")


def machine_here() -> str:
    """Processor, cores, memory, and how busy the machine was already."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, load {load:.1f} at the start"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ("git", *arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""
