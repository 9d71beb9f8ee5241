"""`make chaos`: mixed orders while everything is killed and every party misbehaves; then judged."""

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import httpx
import psycopg

from commerce.local.demo.bills import read_back
from commerce.local.demo.errors import StoryBroken
from commerce.local.stack import Stack
from tests.chaos import faults
from tests.chaos.buyers import Buyers, Wish, wishes
from tests.chaos.changing import Owner
from tests.chaos.judging import Verdict, judge, plant_duplicate, settled
from tests.chaos.killing import Killer

ORDERS, SEED = 1000, 1
BULK = 24
"""Lines of a firm's larger order: more than are handled like anybody's."""
PAUSE = 1.6
"""Seconds between two kills, on average."""
KILLS_IN_FLIGHT = 200
BUYERS = 6
PATIENCE = 600.0
ENVIRONMENT = {"SANDBOX_PACE": "instant"}
FALLOUT_SHARE = 0.02
_PLENTY = "UPDATE partner_stockrecord SET num_in_stock = 1000000"


@dataclass
class Run:
    """What a run found; `right` says whether it is as it must be."""

    seed: int
    wanted: int
    in_flight_wanted: int
    bulk: int = BULK
    numbers: list[str] = field(default_factory=list)
    changes: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    verdict: Verdict | None = None
    killer: Killer | None = None
    struck: Counter[str] = field(default_factory=Counter)
    bills: int = 0
    bills_as_promised: int = 0
    duplicate_found: bool = False
    seconds: float = 0.0

    @property
    def refusals(self) -> int:
        """How many of firms' bills their buyers were made to refuse."""
        return self.struck["buyer_refuses"]

    @property
    def right(self) -> bool:
        verdict, killer = self.verdict, self.killer
        return (
            verdict is not None
            and killer is not None
            and not killer.failure
            and not self.broken
            and len(self.numbers) == self.wanted + self.changes
            and verdict.right
            and verdict.held <= max(1, self.wanted * FALLOUT_SHARE)
            and killer.in_flight >= self.in_flight_wanted
            and 0 < self.bills == self.bills_as_promised
            and self.duplicate_found
        )

    def as_json(self) -> str:
        verdict, killer = self.verdict, self.killer
        found: dict[str, Any] = {
            "seed": self.seed,
            "orders": len(self.numbers),
            "of_running_lines": self.changes,
        }
        if verdict is not None:
            found |= {
                "completed": verdict.completed,
                "states": dict(verdict.states),
                "fallout": dict(verdict.fallout),
                "orders_in_fallout": verdict.held,
                "effects_expected": verdict.expected,
                "lost": len(verdict.lost),
                "doubled": len(verdict.doubled),
                "stuck": len(verdict.stuck),
                "unbound": len(verdict.unbound),
                "parked": verdict.parked,
                "bills_refused": verdict.bills_refused,
                "bills_astray": len(verdict.astray),
            }
        if killer is not None:
            found |= {
                "kills": killer.kills.total(),
                "kills_in_flight": killer.in_flight,
                "killed": dict(killer.kills),
                "postgres_restarts": killer.restarts,
                "outages": killer.outages,
            }
        found |= {
            "faults": dict(self.struck),
            "bills": self.bills,
            "bills_as_promised": self.bills_as_promised,
            "planted_duplicate_found": self.duplicate_found,
            "could_not_order": dict(self.broken),
            "seconds": round(self.seconds, 1),
        }
        return json.dumps(found)


def main(stack: Stack) -> int:
    """ORDERS and SEED may be set. The last line is one JSON object; 0 if all is as it must be."""
    orders = int(os.environ.get("ORDERS") or ORDERS)
    seed = int(os.environ.get("SEED") or SEED)
    run = Run(seed=seed, wanted=orders, in_flight_wanted=KILLS_IN_FLIGHT * orders // ORDERS)
    with psycopg.connect(stack.info.database_url) as connection:
        connection.execute(_PLENTY)
    play(stack, run)
    planted = plant_duplicate(stack)
    found = judge(stack, numbers=run.numbers, refusals=run.refusals)
    run.duplicate_found = planted in found.doubled
    print(run.as_json(), flush=True)
    return 0 if run.right else 1


def play(stack: Stack, run: Run, *, pause: float = PAUSE, patience: float = PATIENCE) -> None:
    """Order, kill, wait, judge. What is found stands in `run`."""
    began = time.monotonic()
    faults.plant(stack, orders=run.wanted, seed=run.seed)
    run.killer = Killer(stack, seed=run.seed, pause=pause)
    buyers = Buyers(stack, run=run.seed, bulk=run.bulk)
    run.killer.start()
    try:
        _order(buyers, wishes(run.wanted, seed=run.seed), run)
        _change(buyers, run)
        print(f"{len(run.numbers)} orders after {time.monotonic() - began:.0f} s", flush=True)
        settled(stack, numbers=run.numbers, seconds=patience / 12)
    finally:
        run.killer.stop()
        print(f"no more kills after {time.monotonic() - began:.0f} s", flush=True)
        run.struck = faults.struck(stack)
        faults.clear(stack)
    settled(stack, numbers=run.numbers, seconds=patience)
    print(f"after {time.monotonic() - began:.0f} s it is judged", flush=True)
    run.verdict = judge(stack, numbers=run.numbers, refusals=run.refusals, changed=buyers.changed)
    _told(run.verdict)
    audit = read_back(stack, numbers=run.numbers, until=_today(stack))
    run.bills, run.bills_as_promised = len(audit.bills), audit.as_promised
    run.seconds = time.monotonic() - began


def _order(buyers: Buyers, wanted: Sequence[Wish], run: Run) -> None:
    def place(wish: Wish) -> None:
        try:
            run.numbers.append(buyers.place(wish))
        except (StoryBroken, httpx.HTTPError, LookupError, StopIteration) as error:
            run.broken[wish.kind] += 1
            print(f"{wish} was not ordered: {type(error).__name__} {str(error)[:400]}", flush=True)
        done = len(run.numbers) + run.broken.total()
        if done % 50 == 0 and run.killer:
            kills = run.killer.kills.total()
            print(f"{done} orders, {kills} kills, {run.killer.in_flight} in flight", flush=True)

    with ThreadPoolExecutor(max_workers=BUYERS) as threads:
        list(threads.map(place, wanted))


def _change(buyers: Buyers, run: Run) -> None:
    """What was ordered to be changed is, while everything is still killed."""
    run.changes = len(buyers.owners)

    def change(owner: Owner) -> None:
        try:
            run.numbers.append(buyers.change(owner))
        except (StoryBroken, httpx.HTTPError, LookupError) as error:
            run.broken[f"change of {owner.kind}"] += 1
            print(f"another {owner.kind} was not ordered: {error!s:.400}", flush=True)

    with ThreadPoolExecutor(max_workers=BUYERS) as threads:
        list(threads.map(change, list(buyers.owners)))


def _told(verdict: Verdict) -> None:
    for name in ("lost", "doubled", "stuck", "unbound", "astray"):
        for found in getattr(verdict, name)[:20]:
            print(f"{name}: {found}", flush=True)


def _today(stack: Stack) -> date:
    return datetime.fromisoformat(stack.manage("clock", "show").split(" ")[0]).date()
