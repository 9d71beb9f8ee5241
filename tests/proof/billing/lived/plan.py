"""Which lives a run has, and how far it is: kept in its folder."""

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from commerce.local.files import read_json, write_json
from tests.proof.billing.cycles import add_months
from tests.proof.billing.lived.scripts import Script, days, script

FILE = "plan.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many lives of how many months, from the first of which month on."""

    lives: int
    months: int
    origin: date
    sources: str = ""

    def scripts(self) -> list[Script]:
        return [script(seed, origin=self.origin, months=self.months) for seed in range(self.lives)]

    def keep(self, folder: Path, *, acting: bool) -> None:
        """While somebody acts nothing can be gone on from."""
        known = {"lives": self.lives, "months": self.months, "sources": self.sources}
        write_json(folder / FILE, {**known, "origin": str(self.origin), "acting": acting})

    @property
    def until(self) -> date:
        """The last day of all."""
        return days(self.origin, months=self.months + 2)[-1]


def plan_in(folder: Path, *, lives: int, months: int, sources: str) -> Plan:
    """The run that was begun in the folder; another one if none was, or not the same, or of other
    sources, or if it was stopped while somebody acted."""
    known: dict[str, Any] = read_json(folder / FILE)
    wanted = {"lives": lives, "months": months, "sources": sources, "acting": False}
    if known | wanted == known:
        return Plan(lives, months, date.fromisoformat(known["origin"]), sources)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o711)
    origin = add_months(datetime.now(UTC).date().replace(day=1), 1)
    return Plan(lives, months, origin, sources)
