"""Reads through the running web process, against a view that does nothing behind the same door."""

import time
from urllib.request import urlopen

from tests.bench.load import loaded
from tests.bench.results import Metric, metric

NOOP, LIST = "/api/v1/bench/noop", "/api/v1/offerings?limit=24"
DETAIL = "/api/v1/offerings/ardoval-x2-128-nuit"
SEARCH = (
    "/api/v1/offerings?q=chargeru+orme&brand=Orme,Merle&price=10..39.99&connector=usb-c"
    "&facets=brand,price,connector&limit=24"
)
"""Two words, one of them mistyped, and three facets that are chosen and counted."""
PAGE = "/phones/"
GUIDED = "/build/handset/handset/?handset=ardoval-x2-128-nuit&plan=horizon-130&sim=esim&term=24"
"""The step of the phones with a bundle chosen: each model is priced with the whole cart."""


def measure(base: str) -> list[Metric]:
    """The noop is measured before and after, because the machine may be shared.

    `search` and `page_guided_ms` are the time of one answer for a caller alone, `search_rps` and
    `page_guided` how many come in a second over 16 connections. `search_first` are the first
    answers after a release, for which each process prices everything once.
    """
    first = _first_answers(f"{base}{SEARCH}")
    _first_answers(f"{base}{PAGE}")
    before = loaded(f"{base}{NOOP}").rates
    found = {
        "catalogue_list": loaded(f"{base}{LIST}"),
        "catalogue_detail": loaded(f"{base}{DETAIL}"),
    }
    page = loaded(f"{base}{PAGE}")
    search = loaded(f"{base}{SEARCH}")
    alone = loaded(f"{base}{SEARCH}", connections=1)
    guided = loaded(f"{base}{GUIDED}")
    guided_alone = loaded(f"{base}{GUIDED}", connections=1)
    after = loaded(f"{base}{NOOP}").rates
    noop = metric("noop_rps", [*before, *after], unit="answers/s")
    return [
        noop,
        *(
            metric(name, load.rates, n=load.answers, unit="answers/s", reference=noop.median)
            for name, load in found.items()
        ),
        metric("search", alone.times, unit="ms"),
        metric("search_first", first, unit="ms"),
        metric("search_rps", search.rates, n=search.answers, unit="answers/s"),
        metric("page_list", page.rates, n=page.answers, unit="pages/s", reference=noop.median),
        metric("page_list_ms", page.times, unit="ms"),
        metric("page_guided", guided.rates, n=guided.answers, unit="pages/s"),
        metric("page_guided_ms", guided_alone.times, unit="ms"),
    ]


def _first_answers(url: str) -> list[float]:
    """Milliseconds of the first answers: enough of them that each process has given one."""
    times = []
    for _ in range(8):
        began = time.perf_counter()
        with urlopen(url, timeout=120) as answer:
            answer.read()
        times.append((time.perf_counter() - began) * 1000)
    return times
