"""Webhooks in words: what may be heard of, how an endpoint does, what was answered."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from commerce.events.models import EndpointState, WebhookState
from commerce.events.webhooks.selectors import AttemptView, EndpointView, MessageView
from commerce.events.webhooks.telling import TEST


def event_name(type_: str) -> str:
    """The event in words; its own name where there are none."""
    return {
        "order.placed": _("An order is written"),
        "order.approval_asked": _("An order waits for approval"),
        "order.confirmed": _("The customer agrees to an order"),
        "order.accepted": _("We are bound by an order"),
        "order.in_progress": _("An order is being carried out"),
        "task.state_changed": _("A step of an order: each single one"),
        "porting.moved": _("The transfer of a number moves on"),
        "order.parcel_day_moved": _("A parcel comes on another day"),
        "order.line_activated": _("A line of an order is in service"),
        "order.bundle_cancelled": _("A part of an order is cancelled"),
        "order.in_jeopardy": _("An order will be late"),
        "order.out_of_jeopardy": _("A late order is as planned again"),
        "order.completed": _("An order is finished"),
        "order.cancelled": _("An order is cancelled or rejected"),
        "contract.activated": _("A contract runs"),
        "contract.changed": _("A running contract is changed"),
        "bill.issued": _("A bill has its number"),
        "bill.electronic_status": _("What became of a bill at the accredited platform"),
        "bill.day_moved": _("Bills are made on another day of the month"),
        "bill.payer_moved": _("Who pays another’s bills begins or ends"),
        "debit.moved": _("A direct debit is announced, made or failed"),
        "allowance.reached": _("A line has used 80 or 100 % of what its plan includes"),
        "dunning.case_opened": _("Bills are overdue"),
        "dunning.case_closed": _("Nothing is overdue any more"),
        "dunning.step_taken": _("A step for overdue bills is done"),
        "dunning.lines_treated": _("Lines are restricted or freed because of overdue bills"),
        "dunning.promise_moved": _("A promise to pay is made, kept, broken or taken back"),
        "late_interest.moved": _("Interest on late payment is asked for, waived or given back"),
        "offer.accepted": _("An offer that we proposed is accepted"),
        "webhook.endpoint_failed": _("We gave up on an address"),
        TEST: _("Test"),
    }.get(type_, type_)


def endpoint_row(endpoint: EndpointView) -> dict[str, Any]:
    """One endpoint, as a row and as the head of its page."""
    return {"endpoint": endpoint, "state": _endpoint_state(endpoint), "hears": _hears(endpoint)}


def message_rows(messages: Sequence[MessageView]) -> list[dict[str, Any]]:
    """The log of an endpoint, each message with its tries, the newest first."""
    return [
        {
            "message": each,
            "event": event_name(each.type),
            "state": _message_state(each.state),
            "tries": [(attempt, _answer(attempt)) for attempt in each.attempts],
        }
        for each in messages
    ]


def is_moving(messages: Sequence[MessageView]) -> bool:
    """Whether the page should look again by itself: something was never tried yet."""
    return any(each.state is WebhookState.PENDING and not each.attempts for each in messages)


def _hears(endpoint: EndpointView) -> str:
    if not endpoint.types:
        return _("of everything but single steps")
    return ", ".join(event_name(each) for each in endpoint.types)


def _endpoint_state(endpoint: EndpointView) -> tuple[str, str]:
    if endpoint.state is EndpointState.PAUSED:
        return ("pending", _("paused"))
    if endpoint.state is EndpointState.FAILED:
        return ("failed", _("given up"))
    if endpoint.failing_since is not None:
        return ("failed", _("does not answer well"))
    return ("running", _("listening"))


def _message_state(state: WebhookState) -> tuple[str, str]:
    return {
        WebhookState.PENDING: ("waiting", _("on its way")),
        WebhookState.DELIVERED: ("done", _("arrived")),
        WebhookState.FAILED: ("failed", _("given up")),
    }[state]


def _answer(attempt: AttemptView) -> str:
    return str(attempt.status) if attempt.status is not None else _("no answer")
