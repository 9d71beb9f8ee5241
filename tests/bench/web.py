"""Reads through the running web process, against a view that does nothing behind the same door."""

from tests.bench.load import loaded
from tests.bench.results import Metric, metric

NOOP, LIST = "/api/v1/bench/noop", "/api/v1/offerings?limit=24"
DETAIL = "/api/v1/offerings/ardoval-x2-128-nuit"


def measure(base: str) -> list[Metric]:
    """The noop is measured before and after, because the machine may be shared."""
    before = loaded(f"{base}{NOOP}").rates
    found = {
        "catalogue_list": loaded(f"{base}{LIST}"),
        "catalogue_detail": loaded(f"{base}{DETAIL}"),
    }
    after = loaded(f"{base}{NOOP}").rates
    noop = metric("noop_rps", [*before, *after], unit="answers/s")
    return [
        noop,
        *(
            metric(name, load.rates, n=load.answers, unit="answers/s", reference=noop.median)
            for name, load in found.items()
        ),
    ]
