"""Which process runs which file, when several share the suite.

A whole system is seven processes, and its tests wait for it half of their time. So some of the
processes have one each and run all of those tests; what the others run needs the processor alone.
"""

import re
from functools import cache

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from commerce.local.place import ROOT

SYSTEMS = 2


class WholeSystemsApart(LoadFileScheduling):  # type: ignore[misc]
    """By file, in their order; only the first processes take files of the whole system, as long as
    there are others for the rest."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node not in self.nodes[:SYSTEMS]:
            other = next((file for file in self.workqueue if not of_the_whole(file)), None)
            if other is not None:
                self.workqueue.move_to_end(other, last=False)
        super()._assign_work_unit(node)


@cache
def of_the_whole(file: str) -> bool:
    """Whether a test or a fixture in it asks for the running system."""
    return re.search(r"\bstack: Stack\b", (ROOT / file).read_text(encoding="utf-8")) is not None


def scheduler(config: pytest.Config, log: Producer) -> WholeSystemsApart | None:
    """None leaves it to what was asked for on the command line."""
    return WholeSystemsApart(config, log) if config.getvalue("dist") == "loadfile" else None
