"""`make proof`: the oracle and the engine over 5,000 carts; goes on where it was stopped.

What has been compared is kept in `tests/proof/results/` and counts only while the sources of both
stay as they are.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.proof.comparing import disagreements
from tests.proof.random_carts import case

CARTS, TOGETHER = 5000, 100
ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).parent / "results" / "oracle.json"
SOURCES = ("commerce", "catalogue", "promotions", "subscriptions", "tests/oracle", "tests/proof")
SHOWN = 20


@dataclass
class Progress:
    """Seeds 0 up to `done` were compared; `found` has what was said otherwise, by seed."""

    sources: str
    done: int = 0
    given: int = 0
    found: dict[str, list[str]] = field(default_factory=dict)


def main() -> int:
    """0 if the two agree on every cart."""
    progress = _kept()
    if progress.done:
        print(f"oracle: going on after {progress.done} carts")
    for first in range(progress.done, CARTS, TOGETHER):
        for seed in range(first, min(first + TOGETHER, CARTS)):
            one = case(seed)
            progress.given += bool(one.promotions)
            if said := disagreements(one):
                progress.found[str(seed)] = said
        progress.done = min(first + TOGETHER, CARTS)
        _keep(progress)
        print(f"oracle: {progress.done}/{CARTS} carts, {len(progress.found)} otherwise", flush=True)
    for line in _told(progress):
        print(line)
    return 1 if progress.found else 0


def _told(progress: Progress) -> Iterator[str]:
    for seed, said in list(progress.found.items())[:SHOWN]:
        yield f"seed {seed}"
        yield from (f"  {line[:300]}" for line in said)
    agreed = progress.done - len(progress.found)
    yield f"oracle: {agreed} of {progress.done} carts agree ({progress.given} with promotions)"


def _kept() -> Progress:
    sources = _digest()
    if KEPT.exists():
        kept = Progress(**json.loads(KEPT.read_text(encoding="utf-8")))
        if kept.sources == sources:
            return kept
    return Progress(sources)


def _keep(progress: Progress) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    fresh = KEPT.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(progress)), encoding="utf-8")
    fresh.replace(KEPT)


def _digest() -> str:
    found = hashlib.sha256()
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in (".py", ".yaml"):
                found.update(file.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
