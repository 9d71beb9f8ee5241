"""`make bench`: every measurement, one after the other, on one running stack."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from commerce.local.stack import Stack
from tests.bench import (
    bills,
    bulk,
    cart,
    checkout,
    codes,
    memory,
    orders,
    papers,
    quotes,
    reconciling,
    shop,
    stores,
    web,
)
from tests.bench.results import (
    HEADING,
    LATEST,
    Metric,
    commit_here,
    machine_here,
    report,
    write,
)

SETTINGS = "tests.bench.settings"
ENVIRONMENT = {"SANDBOX_PACE": "instant"}
"""The simulated providers answer and call back at once: what is measured is us, not their waits."""
MANY_ACCOUNTS = 1_000_000


def main(stack: Stack, *, full: bool = False) -> int:
    """Measure all, print a line each, write the result file. 1 if a measurement failed.

    What was measured before a failure is printed and written too.
    """
    began, machine = time.monotonic(), machine_here()
    run = Measured()
    print(f"{machine}\n\n{HEADING}", flush=True)
    run(lambda: memory.measure(stack.pids))
    run(quotes.measure)
    run(lambda: papers.measure(stack))
    run(lambda: [stores.pg_tps(stack)])
    run(lambda: [stores.celery_noop(stack)])
    run(lambda: bills.measure(stack, pg_tps=run.median("pg_tps")))
    run(lambda: reconciling.measure(stack))
    with TemporaryDirectory() as folder:
        large = Path(folder)
        run(lambda: codes.measure(stack, folder=large))
        run(lambda: shop.enlarge(stack, folder=large))
    run(lambda: web.measure(stack.info.web_url))
    run(lambda: cart.measure(stack.info.web_url))
    run(lambda: checkout.measure(stack.info.web_url, noop=run.median("noop_rps")))
    run(lambda: orders.measure(stack, celery_noop=run.median("celery_noop")))
    if full:
        run(lambda: bulk.growth(stack))
        run(lambda: bills.growth(stack, accounts=MANY_ACCOUNTS))
    run(lambda: bulk.measure(stack))  # the last: its lines are being carried out at the end
    write(report(run.metrics, commit=commit_here(), machine=machine))
    seconds = time.monotonic() - began
    print(f"\n{len(run.metrics)} metrics in {seconds:.0f} s, written to {LATEST}", flush=True)
    for failure in run.failures:
        print(f"FAILED {failure}", flush=True)
    return 1 if run.failures else 0


class Measured:
    """What was measured so far; one measurement that fails doesn't keep the others from running."""

    def __init__(self) -> None:
        self.metrics: list[Metric] = []
        self.failures: list[str] = []

    def __call__(self, measure: Callable[[], Sequence[Metric]]) -> None:
        try:
            found = measure()
        except (AssertionError, LookupError, OSError, RuntimeError, ValueError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")
            return
        for each in found:
            self.metrics.append(each)
            print(each.line(), flush=True)

    def median(self, name: str) -> float:
        """Of a reference. Raises LookupError if it could not be measured."""
        found = next((each for each in self.metrics if each.name == name), None)
        if found is None:
            raise LookupError(f"the reference {name} was not measured")
        return found.median
