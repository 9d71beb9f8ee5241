"""The state of a bill run in words."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from subscriptions.domain.states import RunState
from subscriptions.domain.views import BillRunView

STATES: dict[str, tuple[str, Any]] = {
    RunState.RUNNING: ("running", _("bills are drafted")),
    RunState.HELD: ("failed", _("held: needs a decision")),
    RunState.ISSUING: ("running", _("bills are issued")),
    RunState.FINISHED: ("done", _("finished")),
}


def run_words(run: BillRunView) -> tuple[str, Any]:
    """Its colour, and what it is called."""
    return STATES[run.state]
