"""What operators see of orders, plans and parked work, in words."""

import json
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _t

from commerce.accounts.identity import AccountContext
from frontend.typography import moment_text
from orchestration.selectors import PlanView, TaskView

TASK_WORDS: Mapping[str, Any] = {
    "numbering.assign": _t("Assign the number"),
    "porting.port_in": _t("Bring the number over"),
    "esim.download": _t("Order the eSIM profile"),
    "esim.confirm": _t("Release the eSIM profile"),
    "logistics.ship": _t("Prepare the parcel"),
    "dropship.ship": _t("Have the supplier ship"),
    "network.activate": _t("Activate the line"),
    "content.entitle": _t("Open the content service"),
    "billing.start": _t("Start the contract"),
}
MILESTONE_WORDS: Mapping[str, Any] = {
    "port.scheduled": _t("Porting date known"),
    "shipment.shipped": _t("Parcel on its way"),
    "shipment.delivered": _t("Parcel delivered"),
}
STATE_WORDS: Mapping[str, Any] = {
    "waiting": _t("Not yet"),
    "running": _t("Running"),
    "awaiting": _t("Waits for an answer"),
    "retrying": _t("Tries again"),
    "fallout": _t("Needs a decision"),
    "done": _t("Done"),
    "skipped": _t("Skipped"),
    "cancelled": _t("Cancelled"),
}
DRAWN: Mapping[str, str] = {
    "running": "running",
    "retrying": "running",
    "awaiting": "waiting",
    "fallout": "failed",
    "done": "done",
    "skipped": "done",
    "cancelled": "done",
}


def around(context: AccountContext, *, here: str, search_text: str = "") -> dict[str, Any]:
    """The frame of every operator's page."""
    pages = [
        ("ops:home", _("Overview")),
        ("ops:orders", _("Orders")),
        ("ops:fallout", _("Decisions")),
        ("ops:billing", _("Billing")),
        ("ops:work", _("Parked work")),
    ]
    return {
        "area": _("Operations"),
        "area_url": reverse("ops:home"),
        "navigation": [
            {"label": label, "url": reverse(name), "current": name == here} for name, label in pages
        ],
        "search_url": reverse("ops:orders"),
        "search_label": _("Order number"),
        "search_text": search_text,
        "who": context.actor.name,
    }


def task_label(task: TaskView) -> str:
    """What the task does, in a few words."""
    if task.kind == "milestone":
        return str(MILESTONE_WORDS.get(task.until or "", task.until or task.key))
    if task.kind == "notify":
        return _("Tell the customer")
    if task.kind == "timer":
        return _("Wait for the withdrawal period")
    return str(TASK_WORDS.get(task.action, task.action or task.key))


def graph_of(plan: PlanView) -> list[dict[str, Any]]:
    """The plan for `{% plan_graph %}`."""
    return [
        {
            "key": task.key,
            "label": task_label(task),
            "kind": task.kind,
            "state": DRAWN.get(task.state, "pending"),
            "needs": (*task.needs, *([task.of] if task.of else [])),
            "detail": _detail(task),
            "url": f"#task-{task.id}",
        }
        for task in plan.tasks
    ]


def _detail(task: TaskView) -> str:
    if task.state == "fallout":
        return task.cause
    if task.state == "awaiting":
        return _("until %(event)s") % {"event": task.until or _("its day")}
    if task.state == "retrying":
        return _("attempt %(count)s") % {"count": task.attempts}
    return moment_text(task.finished_at, language=get_language()) if task.finished_at else ""


def task_rows(plan: PlanView) -> list[dict[str, Any]]:
    """The plan's tasks with everything an operator may ask about them."""
    return [
        {
            "task": task,
            "label": task_label(task),
            "state": DRAWN.get(task.state, "pending"),
            "state_label": STATE_WORDS.get(task.state, task.state),
            "request": _pretty(task.request),
            "answer": _pretty(task.answer),
            "decide": task.state == "fallout",
        }
        for task in plan.tasks
    ]


def _pretty(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) if value else ""
