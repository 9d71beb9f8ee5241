"""`make proof`: engine and oracle over 5,000 carts and 10,000 lives; goes on where it was stopped.

What has been compared is kept in `tests/proof/results/` and counts only while the sources of both
stay as they are. The last line is the result as JSON.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.proof.billing.compare import difference
from tests.proof.billing.lives import life
from tests.proof.billing.modelled import LEFT_OUT, OTHERWISE, modelled
from tests.proof.billing.situations import situations
from tests.proof.comparing import disagreements
from tests.proof.random_carts import case
from tests.proof.sources import digest

RESULTS = Path(__file__).parent / "results"
TOGETHER, SHOWN = 100, 20


@dataclass(frozen=True, slots=True)
class Part:
    """`count` cases by their seeds; `compare` answers what is said otherwise and what was in it."""

    name: str
    cases: str
    count: int
    compare: Callable[[int], tuple[list[str], Collection[str]]]


@dataclass
class Progress:
    """Seeds 0 up to `done` were compared; `found` has what was said otherwise, by seed, `held` in
    how many cases each situation came up."""

    sources: str
    done: int = 0
    held: dict[str, int] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)


def _cart(seed: int) -> tuple[list[str], Collection[str]]:
    one = case(seed)
    return disagreements(one), ["promotions"] if one.promotions else []


def _life(seed: int) -> tuple[list[str], Collection[str]]:
    one = modelled(life(seed))
    said = difference(one)
    return [said] if said else [], situations(one)


PARTS = (Part("oracle", "carts", 5000, _cart), Part("bills", "lives", 10_000, _life))


def main() -> int:
    """0 if engine and oracle agree on every case."""
    sources = digest()
    results = {part.name: _run(part, _kept(part, sources)) for part in PARTS}
    for name, reason in LEFT_OUT.items():
        print(f"bills: not compared: {name}: {reason}")
    for name, how in OTHERWISE.items():
        print(f"bills: compared otherwise: {name}: {how}")
    print(json.dumps({name: _result(progress) for name, progress in results.items()}))
    return 1 if any(progress.found for progress in results.values()) else 0


def _run(part: Part, progress: Progress) -> Progress:
    if progress.done:
        print(f"{part.name}: going on after {progress.done} {part.cases}")
    for first in range(progress.done, part.count, TOGETHER):
        held = Counter(progress.held)
        for seed in range(first, min(first + TOGETHER, part.count)):
            said, situations = part.compare(seed)
            held.update(situations)
            if said:
                progress.found[str(seed)] = said
        progress.done, progress.held = min(first + TOGETHER, part.count), dict(held)
        _keep(part, progress)
        told = f"{progress.done}/{part.count} {part.cases}"
        print(f"{part.name}: {told}, {len(progress.found)} otherwise", flush=True)
    for line in _told(part, progress):
        print(line)
    return progress


def _told(part: Part, progress: Progress) -> Iterator[str]:
    for seed, said in list(progress.found.items())[:SHOWN]:
        yield f"seed {seed}"
        yield from (f"  {line[:2000]}" for line in said)
    for name, count in sorted(progress.held.items(), key=lambda pair: -pair[1]):
        yield f"{part.name}: {count} {part.cases} with {name}"
    yield f"{part.name}: {_agreed(progress)} of {progress.done} {part.cases} agree"


def _agreed(progress: Progress) -> int:
    return progress.done - len(progress.found)


def _result(progress: Progress) -> dict[str, int]:
    return {"compared": progress.done, "agree": _agreed(progress)}


def _kept(part: Part, sources: str) -> Progress:
    file = _file(part)
    if file.exists():
        kept = Progress(**json.loads(file.read_text(encoding="utf-8")))
        if kept.sources == sources:
            return kept
    return Progress(sources)


def _keep(part: Part, progress: Progress) -> None:
    RESULTS.mkdir(exist_ok=True)
    fresh = _file(part).with_suffix(".new")
    fresh.write_text(json.dumps(asdict(progress)), encoding="utf-8")
    fresh.replace(_file(part))


def _file(part: Part) -> Path:
    return RESULTS / f"{part.name}.json"


if __name__ == "__main__":
    sys.exit(main())
