"""Which lives a run has, and how far it is: kept in its folder."""

import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from commerce.local.files import read_json, write_json
from tests.proof.billing.cycles import add_months
from tests.proof.billing.lived.scripts import Script, days, script

FILE = "plan.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many lives of how many months, from the first of which month on; from which seed on."""

    lives: int
    months: int
    origin: date
    sources: str = ""
    first: int = 0

    def scripts(self) -> list[Script]:
        seeds = range(self.first, self.first + self.lives)
        return [script(seed, origin=self.origin, months=self.months) for seed in seeds]

    def keep(self, folder: Path, *, acting: bool) -> None:
        """While somebody acts nothing can be gone on from."""
        known = asdict(self) | {"origin": str(self.origin), "acting": acting}
        write_json(folder / FILE, known)

    @property
    def until(self) -> date:
        """The last day of all."""
        return days(self.origin, months=self.months + 2)[-1]


def plan_in(folder: Path, *, lives: int, months: int, sources: str, first: int = 0) -> Plan:
    """The run that was begun in the folder; another one if none was, or not the same, or of other
    sources, or if it was stopped while somebody acted."""
    known: dict[str, Any] = read_json(folder / FILE)
    wanted = {"lives": lives, "months": months, "sources": sources, "first": first}
    if known | wanted | {"acting": False} == known:
        return Plan(lives, months, date.fromisoformat(known["origin"]), sources, first)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o711)
    origin = add_months(datetime.now(UTC).date().replace(day=1), 1)
    return Plan(lives, months, origin, sources, first)
