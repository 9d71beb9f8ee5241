"""What operators see of orders, plans and parked work, in words."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import PARIS
from commerce.ordering.domain.states import OrderState
from commerce.ordering.selectors import OrderItemView
from commerce.payments.selectors import RefusedEffect
from frontend.shop.words import named
from frontend.typography import day_text, moment_text, money_text, number_text
from orchestration.domain.jeopardy import Colour
from orchestration.domain.way import CLEAR
from orchestration.selectors import PlanSummary, PlanView, ProviderHealth, TaskView
from orchestration.services.fallout_bulk import Consequence, Foreseen, Remedy
from subscriptions.domain.promise import Rule
from subscriptions.domain.views import ParkedAccount

TASK_WORDS: Mapping[str, Any] = {
    "numbering.assign": gettext_lazy("Assign the number"),
    "numbering.lend": gettext_lazy("Lend a number until the other is here"),
    "numbering.take_back": gettext_lazy("Take the temporary number back"),
    "network.suspend": gettext_lazy("Stop the line"),
    "network.suspend_again": gettext_lazy("Stop the line again"),
    "network.restrict": gettext_lazy("Let the line be called only"),
    "network.restrict_again": gettext_lazy("Let the line be called only, again"),
    "network.cut_over": gettext_lazy("Give the line the number that came"),
    "numbering.cut_over": gettext_lazy("Give the contract the number that came"),
    "billing.number": gettext_lazy("Bill the line under the number that came"),
    "line.works": gettext_lazy("Note that the line works"),
    "porting.port_in": gettext_lazy("Bring the number over"),
    "esim.download": gettext_lazy("Order the eSIM profile"),
    "esim.confirm": gettext_lazy("Release the eSIM profile"),
    "logistics.ship": gettext_lazy("Prepare the parcel"),
    "dropship.ship": gettext_lazy("Have the supplier ship"),
    "shop.reserve": gettext_lazy("Put aside in the shop"),
    "network.activate": gettext_lazy("Activate the line"),
    "content.entitle": gettext_lazy("Open the content service"),
    "numbering.release": gettext_lazy("Give the number up"),
    "porting.cancel": gettext_lazy("Cancel the porting"),
    "esim.cancel": gettext_lazy("Withdraw the eSIM profile"),
    "logistics.cancel": gettext_lazy("Stop the parcel"),
    "dropship.cancel": gettext_lazy("Stop the supplier’s parcel"),
    "shop.cancel": gettext_lazy("Give up what the shop put aside"),
    "network.end": gettext_lazy("Switch the line off"),
    "network.end_route": gettext_lazy("End the routing of calls"),
    "content.end": gettext_lazy("Close the content service"),
    "content.stop": gettext_lazy("Close the content service"),
    "content.suspend": gettext_lazy("Let the content service stand still"),
    "content.resume": gettext_lazy("Let the content service go on"),
    "billing.credit": gettext_lazy("Credit what was billed"),
    "billing.order": gettext_lazy("Bill what is due once"),
    "billing.owed": gettext_lazy("Bill what is owed for the end"),
    "billing.credit_back": gettext_lazy("Credit what comes back"),
    "billing.wear": gettext_lazy("Bill the wear of what came back"),
    "money.pay_back": gettext_lazy("Pay the money back"),
    "network.stop": gettext_lazy("End the line"),
    "network.stop_route": gettext_lazy("End the route of the number"),
    "logistics.take_back": gettext_lazy("Take a parcel back"),
    "stock.refurbish": gettext_lazy("Put it on sale as refurbished"),
    "proof_to_check": gettext_lazy("Check the proof of the reason"),
    "billing.start": gettext_lazy("Start the contract"),
    "message.order_shipped": gettext_lazy("Message: parcel sent"),
    "message.esim_ready": gettext_lazy("Message: eSIM ready"),
    "message.porting_scheduled": gettext_lazy("Message: porting day"),
    "message.line_active": gettext_lazy("Message: line active"),
    "message.content_ready": gettext_lazy("Message: content open"),
}
MILESTONE_WORDS: Mapping[str, Any] = {
    "port.scheduled": gettext_lazy("Porting date known"),
    "shipment.shipped": gettext_lazy("Parcel on its way"),
    "shipment.delivered": gettext_lazy("Parcel delivered"),
    CLEAR: gettext_lazy("Other orders are over"),
}
STATE_WORDS: Mapping[str, Any] = {
    "waiting": gettext_lazy("Not yet"),
    "running": gettext_lazy("Running"),
    "awaiting": gettext_lazy("Waits for an answer"),
    "retrying": gettext_lazy("Tries again"),
    "fallout": gettext_lazy("Needs a decision"),
    "done": gettext_lazy("Done"),
    "skipped": gettext_lazy("Skipped"),
    "cancelled": gettext_lazy("Cancelled"),
}
CAUSE_WORDS: Mapping[str, Any] = {
    "refused": gettext_lazy("The provider refused"),
    "provider_silent": gettext_lazy("The provider does not answer"),
    "out_of_stock": gettext_lazy("Nothing is left in stock"),
    "opr_incomplete": gettext_lazy("The porting request is not complete"),
    "date_past": gettext_lazy("The porting day is over"),
    "date_not_working": gettext_lazy("No numbers are ported on that day"),
    "OPD_DATA": gettext_lazy("The old operator knows the line by other data"),
    "OPD_INACTIVE": gettext_lazy("The line is not active with the old operator"),
    "OPD_IN_PROGRESS": gettext_lazy("The number is being ported elsewhere"),
    "port.failed": gettext_lazy("The porting failed; the line is back with the old operator"),
    "address_missing": gettext_lazy("There is no address to deliver to"),
    "fact_missing": gettext_lazy("Something that an earlier task should have learnt is missing"),
    "unknown_action": gettext_lazy("The recipe names an action that is not known"),
    "invalid_request": gettext_lazy("The provider did not understand the request"),
    "wrong_state": gettext_lazy("It is past that point with the provider"),
    "done_by_hand": gettext_lazy("It was done by hand, and must be undone by hand"),
    "not_collected": gettext_lazy("Nobody fetched it in the shop in time"),
    "parcel_lost": gettext_lazy("The carrier has lost the parcel"),
    "profile_failed": gettext_lazy("The phone could not install the eSIM"),
    "refund_due": gettext_lazy("A refund falls due in two days"),
    "too_late": gettext_lazy("It is too late for that"),
}
MONEY_WORDS: Mapping[str, Any] = {
    "capture": gettext_lazy("Take the authorised money"),
    "cancel": gettext_lazy("Give the authorisation back"),
    "refund": gettext_lazy("Pay back"),
}
MONEY_CAUSES: Mapping[str, Any] = {
    "card_declined": gettext_lazy("The bank refused"),
    "charge_expired_for_capture": gettext_lazy("The authorisation has expired"),
    "payment_intent_unexpected_state": gettext_lazy("The provider holds no such money any more"),
    "charge_already_refunded": gettext_lazy("It was paid back already"),
    "refused": gettext_lazy("The provider refused"),
}
RULE_WORDS: Mapping[str, Any] = {
    "price": gettext_lazy("Another price than promised"),
    "tax": gettext_lazy("Another tax rate than promised"),
    "benefit": gettext_lazy("An advantage differs from the promise"),
    "start": gettext_lazy("Another first day than promised"),
    "missing": gettext_lazy("Something promised is not on the bill"),
    "extra": gettext_lazy("Something on the bill was never promised"),
    "impossible_state": gettext_lazy("The contract can't be billed as it stands"),
    "already_billed": gettext_lazy("These days are billed already"),
    "refused_by_database": gettext_lazy("The database refused the bill"),
}
REASON_WORDS: Mapping[str, Any] = {
    "accepted_by_customer": gettext_lazy("the customer agreed"),
    "approved": gettext_lazy("approved"),
    "payment_authorised": gettext_lazy("payment authorised"),
    "payment_settled": gettext_lazy("payment received"),
    "fulfilment_started": gettext_lazy("work has begun"),
    "capture_refused": gettext_lazy("the money could not be taken"),
    "cancel_refused": gettext_lazy("the authorisation could not be given back"),
    "refund_refused": gettext_lazy("the money could not be paid back"),
    "payment_refused": gettext_lazy("the money could not be taken"),
    "payment_try_again": gettext_lazy("the payment is tried again"),
    "payment_settled_otherwise": gettext_lazy("the payment was settled otherwise"),
    "cancelling": gettext_lazy("cancelled while under way; everything is taken back"),
    "cancelled_under_way": gettext_lazy("everything is taken back"),
    "payment_cancel_order": gettext_lazy("cancelled, the authorisation is given back"),
}
HANDS: Mapping[str, Any] = {
    "retried": gettext_lazy("Tried again by hand"),
    "replaced": gettext_lazy("Tried again with other data"),
    "claimed": gettext_lazy("Taken"),
    "released": gettext_lazy("Left to others"),
}
FIELD_WORDS: Mapping[str, Any] = {
    "name": gettext_lazy("Name"),
    "line1": gettext_lazy("Address"),
    "line2": gettext_lazy("Building, floor"),
    "postcode": gettext_lazy("Postcode"),
    "city": gettext_lazy("City"),
    "phone": gettext_lazy("Phone"),
    "iccid": gettext_lazy("SIM card (ICCID)"),
    "imei": gettext_lazy("Device (IMEI)"),
    "route_to": gettext_lazy("Calls are led to"),
    "line_id": gettext_lazy("Line at the network"),
    "entitlement_id": gettext_lazy("Entitlement at the partner"),
}
REMEDY_WORDS: Mapping[Remedy, Any] = {
    Remedy.RETRY: gettext_lazy("Try again"),
    Remedy.COMPLETE: gettext_lazy("Done by hand"),
    Remedy.SKIP: gettext_lazy("Go on without it"),
}
CONSEQUENCES: Mapping[Consequence, Any] = {
    Consequence.ASKED_ANEW: gettext_lazy("The provider gets a new request"),
    Consequence.ASKED_FOR: gettext_lazy("The provider is asked first what became of the request"),
    Consequence.SENT: gettext_lazy("The request is made anew and sent"),
    Consequence.KEPT_ON: gettext_lazy("It is kept for its time once more"),
    Consequence.LEFT_OUT: gettext_lazy("The plan goes on without it"),
    Consequence.COUNTS_AS_DONE: gettext_lazy("It counts as done"),
    Consequence.STAYS: gettext_lazy("It stays as it is"),
}
PROBLEMS: Mapping[str, Any] = {
    "already_done": gettext_lazy("the provider has done it already; complete it by hand"),
    "moved_on": gettext_lazy("it has moved on meanwhile"),
    "parcel_lost": gettext_lazy("the parcel is lost; send it again by hand, then complete it"),
    "profile_failed": gettext_lazy("its code works once; cancel the change and order another SIM"),
}
KIND_WORDS: Mapping[str, Any] = {
    "call": gettext_lazy("request"),
    "callback": gettext_lazy("request, answered later"),
    "milestone": gettext_lazy("milestone"),
    "notify": gettext_lazy("message"),
    "timer": gettext_lazy("wait"),
    "manual": gettext_lazy("by hand"),
}
MOST_PLANS = 3
PLANS_PER_PAGE = 50
DRAWN: Mapping[str, str] = {
    "running": "running",
    "retrying": "running",
    "awaiting": "waiting",
    "fallout": "failed",
    "done": "done",
    "skipped": "done",
    "cancelled": "pending",
}


def decided_at(form: Mapping[str, str]) -> str:
    """The page on which an operator decided: the order's plan that the form names, else the list of
    what fell out, as where it names none that could be."""
    number, plan = form.get("order", ""), form.get("plan", "")
    try:
        page = reverse("ops:order", args=[number])
    except NoReverseMatch:
        return reverse("ops:fallout")
    return f"{page}?{urlencode({'plan': plan})}" if plan else page


def around(context: AccountContext, *, here: str, search_text: str = "") -> dict[str, Any]:
    """The frame of every operator's page."""
    pages = [
        ("ops:home", _("Overview")),
        ("ops:orders", _("Orders")),
        ("ops:jeopardy", _("Late orders")),
        ("ops:fallout", _("Decisions")),
        ("ops:manual", _("By hand")),
        ("ops:providers", _("Providers")),
        ("ops:billing", _("Billing")),
        ("ops:einvoicing", _("Electronic invoices")),
        ("ops:payments", _("Payments")),
        ("ops:bank", _("Bank")),
        ("ops:disputes", _("Disputes")),
        ("ops:ledger", _("Ledger")),
        ("ops:dunning", _("Unpaid")),
        ("ops:reconciliation", _("Reconciliation")),
        ("ops:portings", _("Portings")),
        ("ops:settlements", _("Settlements")),
        ("ops:merchants", _("Merchants")),
        ("ops:terms", _("Changes of contracts")),
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


PORT_WORDS: Mapping[str, Any] = {
    "logistics": gettext_lazy("Own warehouse"),
    "dropship": gettext_lazy("Suppliers who ship"),
    "shop": gettext_lazy("Shops"),
    "porting": gettext_lazy("Clearing house for porting"),
    "esim": gettext_lazy("eSIM profiles (SM-DP+)"),
    "network": gettext_lazy("Network"),
    "content": gettext_lazy("Content partners"),
    "billing": gettext_lazy("Billing"),
    "messages": gettext_lazy("Carrier of messages"),
    "letters": gettext_lazy("Postal provider"),
    "einvoicing": gettext_lazy("Platform for electronic invoices"),
    "payments": gettext_lazy("Payment provider"),
}


def provider_rows(found: Sequence[ProviderHealth], *, now: datetime) -> list[dict[str, Any]]:
    """How each provider is, in words; `now` is machine time."""
    return [
        {
            "health": each,
            "label": str(PORT_WORDS.get(each.port, each.port)),
            "pill": _health(each, now),
        }
        for each in found
    ]


def _health(each: ProviderHealth, now: datetime) -> tuple[str, str]:
    if each.shut_until is None:
        return ("done", _("answers")) if not each.silences else ("waiting", _("answers not always"))
    return (
        ("failed", _("silent, left alone"))
        if each.shut_until > now
        else (
            "running",
            _("about to be tried"),
        )
    )


def task_label(task: TaskView) -> str:
    """What the task does, in a few words."""
    if task.kind == "milestone":
        return str(MILESTONE_WORDS.get(task.until or "", task.until or task.key))
    if task.kind == "timer":
        return _("Wait for the withdrawal period")
    return str(TASK_WORDS.get(task.action, task.action or task.key))


def cause_label(cause: str) -> str:
    """Why a task fell out; the provider's own word where we have none."""
    return str(CAUSE_WORDS.get(cause, cause or _("not said")))


def foreseen_rows(found: Sequence[Foreseen]) -> list[dict[str, Any]]:
    """What would happen to each task, in words."""
    return [
        {
            "task": each,
            "label": str(TASK_WORDS.get(each.action, each.action or each.key)),
            "consequence": CONSEQUENCES[each.consequence],
            "problem": PROBLEMS.get(each.problem, each.problem),
            "stays": each.consequence is Consequence.STAYS,
        }
        for each in found
    ]


def foreseen_sums(found: Sequence[Foreseen]) -> list[tuple[str, int]]:
    """How many tasks meet each consequence, the most frequent first."""
    counted = Counter(each.consequence for each in found)
    return [(str(CONSEQUENCES[what]), count) for what, count in counted.most_common()]


def tell_of_bulk(request: HttpRequest, done: Sequence[Foreseen]) -> None:
    """Say how many tasks were decided, and how many stay."""
    stay = sum(each.consequence is Consequence.STAYS for each in done)
    moved = len(done) - stay
    if moved:
        said = ngettext("%(count)s task is decided.", "%(count)s tasks are decided.", moved)
        messages.success(request, said % {"count": moved})
    if stay:
        said = ngettext("%(count)s task stays as it is.", "%(count)s tasks stay as they are.", stay)
        messages.warning(request, said % {"count": stay})


def money_rows(
    refused: Sequence[RefusedEffect], *, states: Mapping[str, OrderState]
) -> list[dict[str, Any]]:
    """Money that could not be moved; `begun`: work on its order, which can't be cancelled then."""
    return [
        {
            "effect": each,
            "label": str(MONEY_WORDS.get(each.kind, each.kind)),
            "cause": str(MONEY_CAUSES.get(each.reason, each.reason)),
            "known": each.reason in MONEY_CAUSES,
            "of_order": each.reference in states,
            "begun": states.get(each.reference) is not OrderState.ACCEPTED,
        }
        for each in refused
    ]


def money_clusters(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many of them have one cause, the most frequent first."""
    counted = Counter((row["label"], row["cause"]) for row in rows)
    return [
        {"label": label, "cause": cause, "count": count}
        for (label, cause), count in counted.most_common()
    ]


def rule_label(rule: str) -> str:
    """Which part of its promise a held bill breaks."""
    return str(RULE_WORDS.get(rule, rule))


def reason_label(reason: str) -> str:
    """Why an order moved on."""
    return str(REASON_WORDS.get(reason, reason.replace("_", " ")))


def shown_groups(summaries: Sequence[PlanSummary], *, wanted: str) -> tuple[str, ...]:
    """The plans to draw: the one that was asked for, else all of a few or the first of many."""
    known = [summary.group for summary in summaries]
    if wanted in known:
        return (wanted,)
    return tuple(known if len(known) <= MOST_PLANS else known[:1])


def plan_names(items: Sequence[OrderItemView]) -> dict[str, str]:
    """What each plan of an order is for: its user, or what is sold."""
    names: dict[str, str] = {}
    for item in items:
        user = item.config.get("user_name", "")
        if user:
            names[item.group] = user
        elif item.role in ("plan", "handset") or item.group not in names:
            before = names.get(item.group)
            names[item.group] = f"{before} + {named(item.name)}" if before else named(item.name)
    return names


def plan_rows(
    summaries: Sequence[PlanSummary], *, names: Mapping[str, str], shown: Sequence[str]
) -> list[dict[str, Any]]:
    """The plans as a table: name, progress, state, and whether it is drawn below."""
    return [
        {
            "plan": each,
            "name": names.get(each.group) or each.group,
            "pill": plan_pill(each),
            "here": each.group in shown,
        }
        for each in summaries
    ]


def plan_pill(plan: PlanSummary) -> tuple[str, str]:
    if plan.stuck:
        return ("failed", _("needs a decision"))
    if plan.arrived and plan.state == "running":
        return ("running", _("complete, the rest goes on aside"))
    return {
        "completed": ("done", _("complete")),
        "cancelling": ("running", _("being taken back")),
        "cancelled": ("pending", _("cancelled")),
    }.get(plan.state, ("running", _("under way")))


def account_rows(parked: Sequence[ParkedAccount]) -> list[dict[str, Any]]:
    """Parked accounts with what differs, line by line."""
    return [
        {
            "account": each,
            "rule": rule_label(each.rule),
            "reasons": [
                {
                    "rule": rule_label(str(reason.get("rule", ""))),
                    "line": reason.get("line") or reason.get("reason", ""),
                    "promised": _term(reason, "promised"),
                    "billed": _term(reason, "billed"),
                }
                for reason in each.reasons
            ],
        }
        for each in parked
    ]


def _term(reason: Mapping[str, Any], side: str) -> str:
    """What stands on one side of a difference: an amount, a rate of tax or a first day."""
    kept = str(reason.get(side) or "")
    if not kept or kept == "None":
        return ""
    match reason.get("rule"):
        case Rule.TAX:
            return f"{number_text(Decimal(kept), language=get_language())} %"
        case Rule.START:
            return day_text(date.fromisoformat(kept), language=get_language())
        case Rule.PRICE | Rule.BENEFIT | Rule.MISSING | Rule.EXTRA:
            return money_text(Decimal(kept), language=get_language())
    return kept


def graph_of(plan: PlanView) -> list[dict[str, Any]]:
    """The plan for `{% plan_graph %}`."""
    return [
        {
            "key": task.key,
            "label": task_label(task),
            "kind": _kind(task),
            "state": _drawn(task, plan),
            "needs": (*task.needs, *[key for key in (task.of, task.undoes) if key]),
            "detail": _lateness(task, plan) or _detail(task),
            "url": f"#task-{task.id}",
        }
        for task in plan.tasks
    ]


def _kind(task: TaskView) -> str:
    kind = str(KIND_WORDS.get(task.kind, task.kind))
    return _("%(kind)s, aside") % {"kind": kind} if task.aside else kind


def _is_late(task: TaskView, plan: PlanView) -> bool:
    return plan.colour is not Colour.GREEN and task.key == plan.culprit


def _drawn(task: TaskView, plan: PlanView) -> str:
    """As its state is; the task that breaks the day as what failed is."""
    if _is_late(task, plan) and plan.colour is Colour.RED:
        return "failed"
    return DRAWN.get(task.state, "pending")


def _lateness(task: TaskView, plan: PlanView) -> str:
    if not _is_late(task, plan) or task.state == "fallout":
        return ""
    return _("late: the day will be broken") if plan.colour is Colour.RED else _("late")


def _detail(task: TaskView) -> str:
    if task.state == "fallout":
        return cause_label(task.cause)
    if task.state == "awaiting":
        if task.planned_finish:
            day = moment_text(task.planned_finish.astimezone(PARIS), language=get_language())
            return _("by %(day)s") % {"day": day}
        return _("no day known")
    if task.state == "retrying":
        return _("attempt %(count)s") % {"count": task.attempts}
    if task.finished_at is None:
        return ""
    return moment_text(task.finished_at.astimezone(PARIS), language=get_language())


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
            "by_hand": task.state == "awaiting" and task.kind == "manual",
            "fields": [(name, str(FIELD_WORDS.get(name, name))) for name in task.replaceable],
            "cause": cause_label(task.cause) if task.state == "fallout" else "",
            "waits": _waits(task),
            "history": [
                {
                    "state": STATE_WORDS.get(step.state, step.state),
                    "drawn": DRAWN.get(step.state, "pending"),
                    "at": step.at,
                    "by": "" if step.by == "system" else step.by,
                    "note": HANDS.get(step.note, step.note),
                    "changes": [
                        (FIELD_WORDS.get(name, name), before, after)
                        for name, (before, after) in step.changes.items()
                    ],
                }
                for step in task.history
            ],
        }
        for task in plan.tasks
    ]


def _waits(task: TaskView) -> str:
    """For what the task waits, in words; empty if for nothing."""
    if task.state == "waiting" and task.needs:
        return _("for the tasks before it: %(keys)s") % {"keys": ", ".join(task.needs)}
    if task.orders:
        return _("for other orders to be over: %(numbers)s") % {"numbers": ", ".join(task.orders)}
    if task.state == "awaiting" and task.kind == "manual":
        return _("for somebody to do it: %(who)s") % {"who": task.claimed_by or _("nobody’s yet")}
    if task.state == "awaiting":
        return _("for the provider to tell: %(event)s") % {"event": task.until or task.key}
    return ""


def _pretty(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) if value else ""
