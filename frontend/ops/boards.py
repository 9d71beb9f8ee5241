"""Late orders and manual work in an operator's words."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.accounts.written import proofs_of
from frontend.ops.screen import FIELD_WORDS, MILESTONE_WORDS, PORT_WORDS, TASK_WORDS, cause_label
from orchestration.boards import LateOrder, ManualTask
from orchestration.domain.jeopardy import Colour
from orchestration.domain.settlement import Differing

COLOUR_WORDS: Mapping[Colour, tuple[str, Any]] = {
    Colour.AMBER: ("waiting", gettext_lazy("reserve half used")),
    Colour.RED: ("failed", gettext_lazy("will break its day")),
}

DIFFERENCE_WORDS: Mapping[Differing, Any] = {
    Differing.NOT_OURS: gettext_lazy("settled, and held by no contract of ours"),
    Differing.NOT_THEIRS: gettext_lazy("held by a contract, and not settled"),
    Differing.TWICE: gettext_lazy("settled more than once"),
    Differing.OTHER_DAYS: gettext_lazy("settled for other days"),
    Differing.NOT_BILLED: gettext_lazy("not all days stand on the customer’s bills"),
}


def late_rows(found: Sequence[LateOrder]) -> list[dict[str, Any]]:
    """Each late order with its reason and what to do about it."""
    return [
        {
            "order": each,
            "pill": COLOUR_WORDS[each.colour],
            "task": _task(each),
            "whose": str(PORT_WORDS.get(each.port, _("ourselves"))),
            "late": _by_how_much(each.late),
            "remedy": _remedy(each),
            "url": f"{reverse('ops:order', args=[each.order_number])}?plan={each.group}"
            + (f"#task-{each.task_id}" if each.task_id else ""),
        }
        for each in found
    ]


def _task(each: LateOrder) -> str:
    if each.kind == "milestone":
        return str(MILESTONE_WORDS.get(each.until or "", each.until or each.key))
    return str(TASK_WORDS.get(each.action, each.action or each.key))


def _by_how_much(late: timedelta) -> str:
    """In days, or hours where it is less than two days."""
    hours = round(late.total_seconds() / 3600)
    if hours <= 0:
        return _("not yet")
    if hours < 48:
        return ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours}
    days = round(hours / 24)
    return ngettext("%(count)s day", "%(count)s days", days) % {"count": days}


def _remedy(each: LateOrder) -> str:
    if each.orders:
        waits = ", ".join(each.orders)
        return _("Look at the orders that have to be over first: %(numbers)s.") % {"numbers": waits}
    match each.state:
        case "fallout":
            return _("Decide about the task: %(cause)s.") % {"cause": cause_label(each.cause)}
        case "awaiting" if each.kind == "manual":
            return _("Do the task by hand.")
        case "awaiting":
            return _("Ask the provider; it took the request and has not said what became of it.")
        case "retrying" | "running":
            return _("The provider does not answer; call it.")
    return _("Look at the plan.")


def manual_rows(found: Sequence[ManualTask], *, me: int | None) -> list[dict[str, Any]]:
    """Each task that people do: whose it is, what its form asks for, and the documents that were
    sent for its order."""
    proofs = proofs_of([each.order_number for each in found])
    return [
        {
            "task": each,
            "label": str(TASK_WORDS.get(each.action, each.action or each.key)),
            "mine": each.claimed_id is not None and each.claimed_id == me,
            "fields": [(name, str(FIELD_WORDS.get(name, name))) for name in each.asks],
            "proofs": proofs.get(each.order_number, ()),
            "url": f"{reverse('ops:order', args=[each.order_number])}?plan={each.group}"
            f"#task-{each.id}",
        }
        for each in found
    ]
