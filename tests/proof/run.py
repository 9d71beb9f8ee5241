"""`make proof`: engine and oracle over 5,000 carts and 10,000 lives, on every core.

What has been compared is kept case by case in `tests/proof/results/` and counts only while the
sources of both stay as they are: a run that was stopped goes on where it was. Arguments say which
parts (`oracle`, `bills`), `--most` how many cases of each. The last line is the result as JSON.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from tests.proof.billing.compare import difference
from tests.proof.billing.lives import life
from tests.proof.billing.modelled import LEFT_OUT, OTHERWISE, modelled
from tests.proof.billing.situations import SITUATIONS, situations
from tests.proof.comparing import disagreements
from tests.proof.random_carts import case
from tests.proof.sources import digest

RESULTS = Path(__file__).parent / "results"
TOLD_EVERY, SHOWN = 500, 20
AT_A_TIME = 4
"""Cases that a process is given together."""


@dataclass(frozen=True, slots=True)
class Part:
    """`count` cases by their seeds; `compare` answers what is said otherwise and what was in it,
    which is one of the `situations`."""

    name: str
    cases: str
    count: int
    compare: Callable[[int], tuple[list[str], Collection[str]]]
    situations: Collection[str]


@dataclass
class Progress:
    """The seeds that were compared; `found` has what was said otherwise, by seed, `held` in how
    many cases each situation came up."""

    done: set[int] = field(default_factory=set)
    held: Counter[str] = field(default_factory=Counter)
    found: dict[int, list[str]] = field(default_factory=dict)

    def take(self, seed: int, said: list[str], held: Iterable[str]) -> None:
        """Count a case; once, however often it was compared."""
        if seed not in self.done:
            self.done.add(seed)
            self.held.update(held)
            if said:
                self.found[seed] = said


def _cart(seed: int) -> tuple[list[str], Collection[str]]:
    one = case(seed)
    return disagreements(one), ["promotions"] if one.promotions else []


def _life(seed: int) -> tuple[list[str], Collection[str]]:
    one = modelled(life(seed))
    said = difference(one)
    return [said] if said else [], situations(one)


PARTS = (
    Part("oracle", "carts", 5000, _cart, ("promotions",)),
    Part("bills", "lives", 10_000, _life, tuple(SITUATIONS)),
)


def main() -> int:
    """0 if engine and oracle agree on every case that was compared; the last line says how many."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("parts", nargs="*", default=[part.name for part in PARTS])
    words.add_argument("--most", type=int)
    asked = words.parse_args()
    sources = digest()
    results = {
        part.name: compared(part, sources, most=asked.most)
        for part in PARTS
        if part.name in asked.parts
    }
    for name, reason in LEFT_OUT.items():
        print(f"bills: not compared: {name}: {reason}")
    for name, how in OTHERWISE.items():
        print(f"bills: compared otherwise: {name}: {how}")
    print(json.dumps({name: _result(progress) for name, progress in results.items()}))
    return 1 if any(progress.found for progress in results.values()) else 0


def compared(part: Part, sources: str, *, most: int | None = None) -> Progress:
    """All cases of a part, those that are kept and the others; what is new is kept one by one."""
    file = RESULTS / f"{part.name}.jsonl"
    progress = kept(file, sources)
    if progress.done:
        print(f"{part.name}: going on after {len(progress.done)} {part.cases}")
    count = part.count if most is None else min(most, part.count)
    open_ones = [(part.name, seed) for seed in range(count) if seed not in progress.done]
    with file.open("a", encoding="utf-8") as book, closing(_each(open_ones)) as answers:
        for seed, said, held in answers:
            progress.take(seed, said, held)
            book.write(json.dumps([seed, said, held]) + "\n")
            book.flush()
            if len(progress.done) % TOLD_EVERY == 0:
                told = f"{len(progress.done)}/{part.count} {part.cases}"
                print(f"{part.name}: {told}, {len(progress.found)} otherwise", flush=True)
    for line in _told(part, progress):
        print(line)
    return progress


def _each(
    cases: list[tuple[str, int]],
) -> Generator[tuple[int, list[str], list[str]], None, None]:
    """Compare on every core; in whatever order they are done."""
    if cases:
        with get_context("spawn").Pool(min(os.cpu_count() or 1, len(cases))) as pool:
            yield from pool.imap_unordered(_compare, cases, AT_A_TIME)


def _compare(asked: tuple[str, int]) -> tuple[int, list[str], list[str]]:
    name, seed = asked
    (part,) = (each for each in PARTS if each.name == name)
    said, held = part.compare(seed)
    return seed, said, sorted(held)


def kept(file: Path, sources: str) -> Progress:
    """What is in the file, if it is of these sources; else it is begun anew. A last line that was
    not written to its end counts for nothing."""
    progress = Progress()
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
    whole = [line for line in lines if line.endswith("\n")]
    if not whole or json.loads(whole[0]) != sources:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(sources) + "\n", encoding="utf-8")
        return progress
    if len(whole) < len(lines):
        file.write_text("".join(whole), encoding="utf-8")
    for line in whole[1:]:
        progress.take(*json.loads(line))
    return progress


def _told(part: Part, progress: Progress) -> Iterator[str]:
    for seed, said in sorted(progress.found.items())[:SHOWN]:
        yield f"seed {seed}"
        yield from (f"  {line[:2000]}" for line in said)
    counts = Counter(dict.fromkeys(part.situations, 0)) + progress.held
    for name in sorted(part.situations, key=lambda name: -counts[name]):
        yield f"{part.name}: {counts[name]} {part.cases} with {name}"
    yield f"{part.name}: {_agreed(progress)} of {len(progress.done)} {part.cases} agree"


def _agreed(progress: Progress) -> int:
    return len(progress.done) - len(progress.found)


def _result(progress: Progress) -> dict[str, int]:
    return {"compared": len(progress.done), "agree": _agreed(progress)}


if __name__ == "__main__":
    sys.exit(main())
