"""`python -m tests.proof.billing 7`: the life of a seed and its bills, to read.

`python -m tests.proof.billing --lives 100`: what so many lives cover, and how many there are to a
second of processor time.
"""

import argparse
from collections.abc import Iterator
from time import process_time

from tests.proof.billing.facts import Life
from tests.proof.billing.lives import life
from tests.proof.billing.oracle import Bill, bills
from tests.proof.billing.situations import covered


def main() -> None:
    """Print what was asked for."""
    words = argparse.ArgumentParser(prog="python -m tests.proof.billing", description=__doc__)
    words.add_argument("seed", type=int, nargs="?", default=0)
    words.add_argument("--lives", type=int)
    asked = words.parse_args()
    for line in measured(asked.lives) if asked.lives else shown(life(asked.seed)):
        print(line)


def shown(one: Life) -> Iterator[str]:
    """The facts as they became known, then the bills."""
    yield f"{one.account}"
    yield from (f"{contract}" for contract in one.contracts)
    yield from (f"{fact.known} {fact}" for fact in one.facts)
    for bill in bills(one):
        yield from told(bill)


def told(bill: Bill) -> Iterator[str]:
    """A bill and its lines."""
    yield f"{bill.issued} {bill.document} net {bill.net} tax {bill.tax} total {bill.total}"
    for line in bill.lines:
        key, mark = line.key, " (corrects)" if line.repairs else ""
        what = " / ".join(filter(None, (key.contract, key.item, key.charge)))
        yield f"  {line.amount:>9} {key.kind}: {what}, {key.period.start} to {key.period.end}{mark}"


def measured(count: int) -> Iterator[str]:
    """How many lives hold each situation; the pace."""
    lives = [life(seed) for seed in range(count)]
    for situation, times in covered(lives).most_common():
        yield f"{times:>6} {situation}"
    before = process_time()
    made = sum(len(bills(one)) for one in lives)
    seconds = process_time() - before
    yield f"{count / seconds:.1f} lives/s, {made / seconds:.0f} bills/s"


if __name__ == "__main__":
    main()
