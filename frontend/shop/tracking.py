"""The way of an order in words that a neighbour would use."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from commerce.ordering.domain.states import GIVEN_UP, OrderState
from commerce.ordering.selectors import OrderItemView, OrderView
from commerce.payments.selectors import PaymentView
from frontend.shop.contract import display_number
from frontend.shop.words import euros, named, on_day
from frontend.typography import moment_text
from orchestration.selectors import Milestone

Event = dict[str, Any]
MOST_ROWS = 40
"""Of an order of a fleet the lines have a page of their own."""
OVER = frozenset({*GIVEN_UP, OrderState.COMPLETED})


def _ends(steps: Sequence[Milestone]) -> bool:
    """Whether all that is left of the order is being taken back."""
    return bool(steps) and all(step.code == "taken_back" for step in steps)


def may_cancel(order: OrderView, steps: Sequence[Milestone]) -> bool:
    """Whether it makes sense to ask what cancelling would do."""
    return order.summary.state not in OVER and not _ends(steps)


def headline(
    order: OrderView, *, payment: PaymentView | None, steps: Sequence[Milestone] = ()
) -> dict[str, str]:
    """Where the order is, in a status and a sentence."""
    match order.summary.state:
        case OrderState.IN_PROGRESS if _ends(steps):
            return {
                "state": "running",
                "label": _("being cancelled"),
                "text": _("We are taking everything back; you need do nothing."),
            }
        case OrderState.AWAITING_PAYMENT if payment is not None and payment.is_held:
            return {
                "state": "running",
                "label": _("payment received"),
                "text": _("Your payment is there; we are confirming the order."),
            }
        case OrderState.AWAITING_PAYMENT:
            return {
                "state": "waiting",
                "label": _("waits for your payment"),
                "text": _("We keep everything for you until %(at)s.")
                % {"at": _moment(order.hold_until)},
            }
        case OrderState.AWAITING_ACCEPTANCE:
            return {
                "state": "waiting",
                "label": _("waits for your agreement"),
                "text": _("Open the link that you were sent to read and accept it."),
            }
        case OrderState.AWAITING_APPROVAL:
            return {"state": "waiting", "label": _("waits for approval"), "text": ""}
        case OrderState.ACCEPTED:
            return {
                "state": "running",
                "label": _("accepted"),
                "text": _("Thank you. We are preparing everything."),
            }
        case OrderState.IN_PROGRESS:
            return {
                "state": "running",
                "label": _("under way"),
                "text": _("This page follows your order by itself."),
            }
        case OrderState.COMPLETED:
            return {
                "state": "done",
                "label": _("active"),
                "text": _("Everything is in place. Enjoy it."),
            }
    if order.accepted_at is not None:
        return {
            "state": "failed",
            "label": _("cancelled"),
            "text": _("Everything is taken back. What you paid goes back the way it came."),
        }
    return {
        "state": "failed",
        "label": _("cancelled"),
        "text": _("Nothing was charged. What you reserved is free again."),
    }


def ordered_rows(order: OrderView) -> list[dict[str, str]]:
    """What was ordered, line by line, each with the nested bundle in which it stands."""
    return [
        {
            "name": named(item.name) or item.offering,
            "count": str(item.quantity) if item.quantity > 1 else "",
            "within": within_text(item),
        }
        for item in order.items[:MOST_ROWS]
    ]


def within_text(item: OrderItemView) -> str:
    return _("In: %(bundle)s") % {"bundle": named(item.within)} if item.within else ""


def events_of(
    order: OrderView, milestones: Sequence[Milestone], *, payment: PaymentView | None
) -> list[Event]:
    """The steps with their days: done, running, and what comes next."""
    events = [
        _event(_("Order received"), "done", order.summary.placed_at),
    ]
    if order.summary.gross and order.summary.state not in GIVEN_UP:
        paid = order.accepted_at or (payment is not None and payment.is_held)
        state = "done" if paid else "waiting"
        events.append(_event(_("Payment"), state, order.accepted_at))
    seen: set[tuple[str, str]] = set()
    for milestone in sorted(milestones, key=_place):
        title, text = _words(milestone, order)
        if title and (title, text) not in seen:
            seen.add((title, text))
            events.append(_of(milestone, title, text))
    if order.summary.state in GIVEN_UP:
        events.append(_event(_("Order cancelled"), "failed", None))
    else:
        done = order.summary.state is OrderState.COMPLETED
        events.append(
            _event(_("Everything is active"), "done" if done else "coming", order.completed_at)
        )
    return events


ORDER = (
    "way_clear",
    "number_assigned",
    "number_lent",
    "parcel_prepared",
    "parcel_shipped",
    "parcel_delivered",
    "pick_up_ready",
    "pick_up_collected",
    "esim_ready",
    "number_ported",
    "esim_installed",
    "sim_swapped",
    "old_sim_ended",
    "number_changed",
    "line_active",
    "number_routed",
    "contract_running",
    "content_ready",
    "taken_back",
    "content_ended",
    "content_suspended",
    "content_resumed",
    "line_changed",
    "line_suspended",
    "line_restricted",
    "line_resumed",
    "line_ended",
    "contract_changed",
    "return_label",
    "thing_sent",
    "thing_back",
    "paid_back",
)


def _place(milestone: Milestone) -> tuple[bool, str, int]:
    """What is done as it happened, then what is to come in its natural order."""
    done = milestone.state == "done" and milestone.at is not None
    rank = ORDER.index(milestone.code) if milestone.code in ORDER else len(ORDER)
    at = milestone.at.isoformat(timespec="minutes") if done and milestone.at else ""
    return (not done, at, rank)


def _of(milestone: Milestone, title: str, text: str) -> Event:
    state = {"done": "done", "running": "running", "stuck": "waiting"}.get(
        milestone.state, "coming"
    )
    if milestone.state == "stuck":
        text = (
            _("See above what you can do.")
            if milestone.code == "number_ported"
            else _("We are looking into it; you need do nothing.")
        )
    event = _event(title, state, milestone.at, text)
    if milestone.at is None and milestone.expected_at is not None and state != "done":
        expected = on_day(timezone.localtime(milestone.expected_at).date())
        event["at"] = _("expected on %(day)s") % {"day": expected}
    return event


def _event(title: str, state: str, at: datetime | None, text: str = "") -> Event:
    return {
        "title": title,
        "state": state,
        "text": text,
        "at": _moment(at) if at else "",
        "iso": at.isoformat() if at else "",
    }


def _words(milestone: Milestone, order: OrderView) -> tuple[str, str]:
    items = {item.line_id: item for item in order.items}
    lines = [items[line] for line in milestone.line_ids if line in items]
    names = ", ".join(named(item.name) for item in lines)
    facts: Mapping[str, str] = lines[0].facts if lines else {}
    config: Mapping[str, str] = lines[0].config if lines else {}
    number = display_number(facts.get("msisdn") or config.get("msisdn", ""))
    brought = display_number(config.get("msisdn", ""))
    tracking = facts.get("tracking_number", "")
    return {
        "way_clear": (
            _("What you ordered before is taken back, or ends first"),
            ", ".join(milestone.orders),
        ),
        "parcel_prepared": (_("Parcel prepared"), names),
        "parcel_shipped": (
            _("Parcel on its way"),
            _("Tracking number %(number)s") % {"number": tracking} if tracking else names,
        ),
        "parcel_delivered": (_("Parcel delivered"), names),
        "pick_up_ready": (_("Ready in the shop"), names),
        "pick_up_collected": (_("Fetched in the shop"), names),
        "number_assigned": (_("Your number"), number),
        "number_lent": (_("A temporary number"), display_number(facts.get("temporary", ""))),
        "number_ported": (_("Your number comes along"), brought),
        "esim_ready": (_("eSIM ready"), _("Its QR code is in your customer area.")),
        "esim_installed": (_("eSIM installed on your phone"), ""),
        "sim_swapped": (_("New SIM active"), number),
        "old_sim_ended": (_("Old SIM ended"), ""),
        "number_changed": (_("New number active"), number),
        "line_active": (_("Line active"), number),
        "number_routed": (_("Number reachable"), number),
        "content_ready": (_("Service ready"), names),
        "taken_back": (_("Taken back"), names),
        "content_ended": (_("Service ended"), names),
        "content_suspended": (_("Service stands still"), names),
        "content_resumed": (_("Service goes on"), names),
        "line_changed": (_("Line changed"), number),
        "line_suspended": (_("Line stands still"), number),
        "line_restricted": (_("Line can only be called"), number),
        "line_resumed": (_("Line goes on"), number),
        "line_ended": (_("Line ended"), number),
        "return_label": (
            _("Return label sent"),
            _("Number on the label: %(number)s") % {"number": facts.get("return_number", "")},
        ),
        "thing_sent": (_("On its way back to us"), names),
        "thing_back": (_("Back and looked at"), names),
        "paid_back": (_("Money paid back"), ""),
        "contract_changed": (
            (_("The line is yours"), number)
            if order.change == "holder"
            else (_("Contract changed; the next bill settles it"), "")
        ),
        "contract_running": (_("Contract running, first bill made"), ""),
    }.get(milestone.code, ("", ""))


def payment_words(payment: PaymentView | None, order: OrderView) -> dict[str, str]:
    """What became of the payment, and what to do."""
    problem = order.payment_problem or (payment.last_error if payment is not None else "")
    amount = euros(order.summary.due_now, short=False)
    if payment is not None and payment.is_held:
        return {
            "kind": "done",
            "title": _("Payment received"),
            "text": _("%(amount)s by card %(brand)s ending in %(last4)s.")
            % {
                "amount": amount,
                "brand": payment.card_brand.capitalize(),
                "last4": payment.card_last4,
            },
        }
    if payment is not None and payment.is_open and not problem:
        return {
            "kind": "care",
            "title": _("Not paid yet"),
            "text": _("Nothing was charged. The payment of %(amount)s is still open.")
            % {"amount": amount},
        }
    return {
        "kind": "error",
        "title": _("The payment did not go through"),
        "text": _decline(problem),
    }


def _decline(code: str) -> str:
    """The bank's reason in words, without saying more than it did."""
    reasons = {
        "insufficient_funds": _("The card has not enough funds. Try another card."),
        "expired_card": _("The card has expired. Try another card."),
        "expired": _("The payment page was open for too long. You can pay again."),
        "cancelled": _("The payment was called off. You can pay again."),
        "incorrect_cvc": _("The security code was not right. You can try again."),
        "authentication_required": _("Your bank could not confirm it was you. Try again."),
    }
    return reasons.get(code) or _("Nothing was charged. You can try again, or use another card.")


def _moment(at: datetime) -> str:
    return moment_text(timezone.localtime(at), language=get_language())
