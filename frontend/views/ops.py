"""The operators' pages: every order's plan as it lives, and what waits for a decision."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.events import parking
from commerce.events import selectors as events
from commerce.kernel.clock import business_today, machine_now
from commerce.kernel.errors import FaisceauError
from commerce.ordering.domain.states import OrderState
from commerce.ordering.selectors import (
    OrderSummary,
    OrderView,
    order_states,
    order_view,
    orders_of,
)
from commerce.ordering.services import refused_money
from commerce.ordering.services.refused_money import Remedy
from commerce.payments.selectors import refused_effects
from commerce.web.policy import Policy, policy
from frontend.account import words
from frontend.account.dunning import mark_text
from frontend.ops import screen
from frontend.ops.bill_runs import run_words
from frontend.ops.boards import COLOUR_WORDS
from frontend.sentences import sentence_of
from frontend.shop.tracking import ordered_rows
from orchestration import selectors as plans
from orchestration.boards import colours_of, late_orders, waiting_differences
from orchestration.domain.jeopardy import Colour
from orchestration.domain.states import MOVING
from orchestration.services import fallout, fallout_bulk
from orchestration.services.fallout_bulk import Remedy as Remedies
from subscriptions.domain.states import Release
from subscriptions.invoicing.selectors import bill_runs, parked_accounts
from subscriptions.invoicing.services.release import release_held

PAGE = 50
PAYMENT_DECIDED = {
    Remedy.TRY_AGAIN: gettext_lazy("The payment is tried again."),
    Remedy.SETTLED_OTHERWISE: gettext_lazy("The payment counts as settled otherwise."),
    Remedy.CANCEL_ORDER: gettext_lazy("The order is cancelled; the authorisation is given back."),
}
STUCK = ("failed", gettext_lazy("needs a decision"))


@policy(Policy.OPERATOR)
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """What needs a decision first, then what happened last."""
    context = context_for_request(request)
    clusters = _clusters()
    values = screen.around(context, here="ops:home") | {
        "clusters": clusters,
        "stuck": sum(each["cluster"].count for each in clusters),
        "parked": screen.account_rows(parked_accounts(limit=100)),
        "money": _refused_money(),
        "work": events.parked(limit=100),
        "late": len(late_orders(limit=100)),
        "differences": len(waiting_differences(limit=100)),
        "orders": _progress(orders_of(context, limit=15)),
    }
    return render(request, "frontend/ops/home.html", values)


@policy(Policy.OPERATOR)
@never_cache
def orders(request: HttpRequest) -> HttpResponse:
    """The orders, newest first; by state, those that are stuck, or by number."""
    context = context_for_request(request)
    text = request.GET.get("q", "").strip().upper()[:40]
    if text:
        try:
            return redirect("ops:order", number=order_view(context, number=text).summary.number)
        except FaisceauError as error:
            messages.error(request, sentence_of(error))
    wanted = request.GET.get("state", "")
    state = OrderState(wanted) if wanted in set(OrderState) else None
    found = orders_of(context, state=state, before=request.GET.get("before", ""), limit=PAGE)
    numbers = [order.number for order in found]
    stuck, late = plans.orders_stuck(numbers), colours_of(numbers)
    values = screen.around(context, here="ops:orders", search_text=text) | {
        "orders": [
            (order, _pill(order, stuck=order.number in stuck, late=late))
            for order in sorted(found, key=lambda order: order.number not in stuck)
        ],
        "chips": _state_chips(state),
        "last": found[-1].number if len(found) == PAGE else "",
        "state": wanted if state else "",
    }
    return render(request, "frontend/ops/orders.html", values)


@policy(Policy.OPERATOR)
@never_cache
def order(request: HttpRequest, number: str) -> HttpResponse:
    """One order: who, what, its plans as graphs, and every task with its remedy."""
    context = context_for_request(request)
    view = order_view(context, number=number)
    values = (
        screen.around(context, here="ops:orders")
        | _plans(request, view)
        | {
            "channels": [words.channel(code) for code in view.channels],
            "marks": [mark_text(mark) for mark in view.credit.facts["marks"]]
            if view.credit
            else (),
            "steps": [
                {
                    "pill": words.order_state(step.after),
                    "reason": screen.reason_label(step.reason),
                    "at": step.at,
                    "actor": words.actor(step.actor),
                    "note": step.note,
                }
                for step in view.steps
            ],
        }
    )
    return render(request, "frontend/ops/order.html", values)


@policy(Policy.OPERATOR)
@never_cache
def order_plans(request: HttpRequest, number: str) -> HttpResponse:
    """The live part of an order's page."""
    view = order_view(context_for_request(request), number=number)
    return render(request, "frontend/ops/plans.html", _plans(request, view))


@policy(Policy.OPERATOR)
@require_POST
def decide(request: HttpRequest, task_id: int) -> HttpResponse:
    """Retry, skip, or complete a task by hand."""
    context = context_for_request(request)
    note = request.POST.get("note", "").strip()[:500]
    decision = request.POST.get("decision", "")
    try:
        if decision == "retry":
            fallout.retry(context, task_id=task_id)
            messages.success(request, _("The task is tried again."))
        elif note and decision == "skip":
            fallout.skip(context, task_id=task_id, note=note)
            messages.success(request, _("The plan goes on without the task."))
        elif note and decision == "complete":
            fallout.complete_by_hand(context, task_id=task_id, note=note)
            messages.success(request, _("The task counts as done."))
        else:
            messages.error(request, _("Write a note that says why, then decide."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect(screen.decided_at(request.POST))


@policy(Policy.OPERATOR)
@never_cache
def fallout_page(request: HttpRequest) -> HttpResponse:
    """Tasks that wait for a decision, by cause or of one."""
    context = context_for_request(request)
    cause = request.GET.get("cause", "")[:60]
    values = screen.around(context, here="ops:fallout") | {
        "clusters": _clusters(),
        "cause": cause,
        "cause_label": screen.cause_label(cause),
        "remedies": screen.REMEDY_WORDS.items(),
        "tasks": [
            {
                "task": task,
                "label": screen.TASK_WORDS.get(task.action, task.action),
                "cause": screen.cause_label(task.cause),
            }
            for task in plans.fallen_out(limit=100, cause=cause)
        ],
    }
    return render(request, "frontend/ops/fallout.html", values)


@policy(Policy.OPERATOR)
@never_cache
@require_POST
def decide_all(request: HttpRequest) -> HttpResponse:
    """What a remedy would do to all tasks of a cause; the second time, it is done to those."""
    context = context_for_request(request)
    cause, action = request.POST.get("cause", "")[:60], request.POST.get("action", "")[:60]
    wanted = request.POST.get("remedy", "")
    note = request.POST.get("note", "").strip()[:500]
    here = f"{reverse('ops:fallout')}?{urlencode({'cause': cause})}"
    if wanted not in set(Remedies):
        messages.error(request, _("Choose what should become of the tasks."))
        return redirect(here)
    remedy = Remedies(wanted)
    chosen = [int(pk) for pk in request.POST.getlist("task") if pk.isdecimal()]
    try:
        if chosen:
            done = fallout_bulk.decide_all(context, remedy=remedy, task_ids=chosen, note=note)
            screen.tell_of_bulk(request, done)
            return redirect("ops:fallout")
        rows = fallout_bulk.foresee(context, remedy=remedy, cause=cause, action=action)
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
        return redirect(here)
    values = screen.around(context, here="ops:fallout") | {
        "rows": screen.foreseen_rows(rows),
        "sums": screen.foreseen_sums(rows),
        "remedy": remedy.value,
        "remedy_label": screen.REMEDY_WORDS[remedy],
        "needs_note": remedy is not Remedies.RETRY,
        "note": note,
        "cause": cause,
        "cause_label": screen.cause_label(cause),
        "back": here,
    }
    return render(request, "frontend/ops/decide_all.html", values)


@policy(Policy.OPERATOR)
@never_cache
def providers(request: HttpRequest) -> HttpResponse:
    """How each provider is: who answers, who keeps silent and since when he is left alone."""
    context = context_for_request(request)
    rows = screen.provider_rows(plans.provider_health(), now=machine_now())
    values = screen.around(context, here="ops:providers") | {"rows": rows}
    return render(request, "frontend/ops/providers.html", values)


@policy(Policy.OPERATOR)
@never_cache
def billing_page(request: HttpRequest) -> HttpResponse:
    """Accounts whose bill is held, with the rule that it broke."""
    context = context_for_request(request)
    values = screen.around(context, here="ops:billing") | {
        "parked": screen.account_rows(parked_accounts(limit=100)),
        "runs": [{"run": run, "pill": run_words(run)} for run in bill_runs(limit=10)],
        "today": business_today(),
    }
    return render(request, "frontend/ops/billing.html", values)


@policy(Policy.OPERATOR)
@require_POST
def release(request: HttpRequest, account_id: int) -> HttpResponse:
    """Issue the held bill as it is, or throw it away and bill anew."""
    context = context_for_request(request)
    decision = request.POST.get("decision", "")
    if decision not in set(Release):
        messages.error(request, _("Choose what should become of the held bill."))
        return redirect("ops:billing")
    try:
        release_held(account_id=account_id, decision=Release(decision), operator=context.actor.name)
        messages.success(request, _("The account is billed again."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect("ops:billing")


@policy(Policy.OPERATOR)
@never_cache
def payments(request: HttpRequest) -> HttpResponse:
    """Money that the provider refused to take, release or pay back, with its remedies."""
    context = context_for_request(request)
    rows = _refused_money()
    values = screen.around(context, here="ops:payments") | {
        "rows": rows,
        "clusters": screen.money_clusters(rows),
    }
    return render(request, "frontend/ops/payments.html", values)


@policy(Policy.OPERATOR)
@require_POST
def decide_payment(request: HttpRequest, effect_id: int) -> HttpResponse:
    """Try again, settle otherwise, or cancel the order."""
    context = context_for_request(request)
    note = request.POST.get("note", "").strip()[:500]
    decision = request.POST.get("decision", "")
    remedy = Remedy(decision) if decision in set(Remedy) else None
    if remedy is None or (remedy is not Remedy.TRY_AGAIN and not note):
        messages.error(request, _("Write a note that says why, then decide."))
        return redirect("ops:payments")
    try:
        refused_money.decide(context, effect_id=effect_id, remedy=remedy, note=note)
        messages.success(request, PAYMENT_DECIDED[remedy])
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect("ops:payments")


def _refused_money() -> list[dict[str, Any]]:
    refused = refused_effects(limit=100)
    states = order_states([each.reference for each in refused])
    return screen.money_rows(refused, states=states)


@policy(Policy.OPERATOR)
@never_cache
def work(request: HttpRequest) -> HttpResponse:
    """Deliveries and timers that failed too often."""
    context = context_for_request(request)
    values = screen.around(context, here="ops:work") | {"work": events.parked(limit=100)}
    return render(request, "frontend/ops/work.html", values)


@policy(Policy.OPERATOR)
@require_POST
def retry_work(request: HttpRequest, kind: str, row_id: int) -> HttpResponse:
    """Give a parked delivery or timer a fresh set of tries."""
    if parking.retry(kind=kind, row_id=row_id):
        messages.success(request, _("It is tried again."))
    else:
        messages.error(request, _("It is no longer parked."))
    return redirect("ops:work")


def _plans(request: HttpRequest, view: OrderView) -> dict[str, Any]:
    """The order's state, its plans as a table when there are many, and those that are drawn."""
    number = view.summary.number
    wanted = request.GET.get("plan", "")
    summaries = plans.plans_of(number)
    shown = screen.shown_groups(summaries, wanted=wanted)
    names = screen.plan_names(view.items)
    rows = screen.plan_rows(summaries, names=names, shown=shown)
    page = Paginator(rows, screen.PLANS_PER_PAGE).get_page(request.GET.get("page", "1"))
    return {
        "order": view,
        "ordered": ordered_rows(view),
        "number": number,
        "pill": words.order_state(view.summary.state),
        "wanted": wanted if wanted in shown else "",
        "page": page,
        "plans": [
            {
                "plan": plan,
                "name": names.get(plan.group) or plan.group,
                "graph": screen.graph_of(plan),
                "rows": screen.task_rows(plan),
            }
            for plan in plans.plan_views(number, groups=shown)
        ],
        "stuck": sum(each.stuck for each in summaries),
        "live": any(each.state in MOVING for each in summaries)
        or view.summary.state is OrderState.ACCEPTED,
    }


def _pill(order: OrderSummary, *, stuck: bool, late: Mapping[str, Colour]) -> tuple[str, Any]:
    """What matters most: a decision, a day that will be broken, else the order's state."""
    if stuck:
        return STUCK
    if order.number in late:
        return COLOUR_WORDS[late[order.number]]
    return words.order_state(order.state)


def _progress(found: Sequence[OrderSummary]) -> list[dict[str, Any]]:
    numbers = [order.number for order in found]
    progress, late = plans.progress_of(numbers), colours_of(numbers)
    rows = []
    for order in found:
        done, total, stuck = progress.get(order.number, (0, 0, 0))
        pill = _pill(order, stuck=bool(stuck), late=late)
        rows.append({"order": order, "done": done, "total": total, "pill": pill})
    return rows


def _clusters() -> list[dict[str, Any]]:
    return [
        {
            "cluster": cluster,
            "label": screen.TASK_WORDS.get(cluster.action, cluster.action),
            "cause": screen.cause_label(cluster.cause),
        }
        for cluster in plans.fallout_clusters()
    ]


def _state_chips(state: OrderState | None) -> list[dict[str, Any]]:
    everything: dict[str, Any] = {"label": _("All"), "url": "?", "current": state is None}
    stuck: dict[str, Any] = {"label": _("Needs a decision"), "url": reverse("ops:fallout")}
    return [
        everything,
        stuck,
        *(
            {
                "label": words.order_state(each)[1],
                "url": f"?state={each.value}",
                "current": each is state,
            }
            for each in OrderState
        ),
    ]
