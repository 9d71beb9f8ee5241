"""Lives through the whole system: ordered, changed, used, billed and paid on one clock, judged.

See `__main__`.
"""

import json
import logging
import shutil
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from commerce.events import business_clock
from commerce.local.place import ROOT
from commerce.local.stack import Stack
from tests.proof.billing.lived.acting import Journal, World, instant
from tests.proof.billing.lived.judging import Verdict, judge
from tests.proof.billing.lived.plan import Plan
from tests.proof.billing.lived.scripts import Deed, by_day
from tests.proof.billing.lived.shelf import catalogue

DEMO = ROOT / "catalogue" / "demo"
NOT_TAKEN = ("promotions.yaml", "next_offers.yaml")
"""Of the demonstration's catalogue: what would give these customers something else."""
PATIENCE = 300.0
EVERY = 20


def lived(stack: Stack, folder: Path, plan: Plan, *, enough: Callable[[], bool]) -> Verdict:
    """Let the clock of the running stack go through all days of the plan, or until at the end of
    one it is `enough`; then judge what was lived."""
    logging.getLogger("commerce").setLevel(logging.WARNING)
    journal = Journal(folder / "journal.jsonl")
    _sell(stack, folder)
    world = World(journal, web=stack.info.web_url)
    scripts = plan.scripts()
    buyers = {each.seed: each.buyer for each in scripts}
    done = {row["done"] for row in journal.rows if "done" in row}
    began = time.monotonic()
    for number, (day, acts) in enumerate(by_day(scripts), start=1):
        if str(day) in done:
            continue
        if enough():
            return judge(journal, until=_last_done(journal))
        _advance(day)
        plan.keep(folder, acting=True)
        for act in acts:
            if act.deed is not Deed.USE:
                world.act(act, buyer=buyers[act.life])
        world.tell_use([act for act in acts if act.deed is Deed.USE])
        agreed, paid = world.agree_to_pay(), world.pay_bills_of_firms()
        journal.write(done=str(day))
        plan.keep(folder, acting=False)
        if number % EVERY == 0:
            spent = time.monotonic() - began
            print(
                f"{day}: {len(acts)} acts, {agreed} agreed, {paid} transfers, {spent:.0f} s",
                flush=True,
            )
    _advance(plan.until)
    return judge(journal, until=plan.until)


def _last_done(journal: Journal) -> date:
    """The last day on which all that was to be done was, and what came of it."""
    business_clock.wait_until_quiet(quiet_timeout=PATIENCE, world=business_clock.sandboxes())
    return max(date.fromisoformat(row["done"]) for row in journal.rows if "done" in row)


def told(verdict: Verdict, *, seconds: float) -> dict[str, Any]:
    """For the last line."""
    return {
        "lives": verdict.lives,
        "until": str(verdict.until),
        "agree": verdict.lives - len(verdict.differences),
        "documents": verdict.documents,
        "debits": dict(verdict.debits),
        "faults": len(verdict.faults),
        "seconds": round(seconds, 1),
    }


def show(verdict: Verdict, *, most: int = 20) -> None:
    """What differs, and what is wrong with the books."""
    for life, said in list(verdict.differences.items())[:most]:
        print(f"life {life}")
        for line in said[:8]:
            print(f"  {line[:1000]}")
    for fault in verdict.faults[:most]:
        print(f"fault: {fault[:1000]}")


def as_json(verdict: Verdict, *, seconds: float) -> str:
    return json.dumps(told(verdict, seconds=seconds))


def _sell(stack: Stack, folder: Path) -> None:
    """Put the shelf on sale beside the demonstration's goods, without its advantages."""
    shop = folder / "catalogue"
    if shop.exists():
        return
    shop.mkdir()
    for file in DEMO.glob("*.yaml"):
        if file.name not in NOT_TAKEN:
            shutil.copy(file, shop)
    for name, rows in catalogue().items():
        # One file each: a list of a file is joined to those of the others.
        text = yaml.safe_dump({name: rows}, allow_unicode=True, sort_keys=False)
        (shop / f"proof-{name}.yaml").write_text(text, encoding="utf-8")
    stack.manage("import_catalogue", str(shop))


def _advance(day: date) -> None:
    to = instant(day)
    if to > business_clock.virtual_now():
        business_clock.advance_clock(to=to, quiet_timeout=PATIENCE)


def _number(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    """As it is written, and not as text."""
    kind = "float" if "." in str(value) else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", str(value))


yaml.SafeDumper.add_representer(Decimal, _number)
