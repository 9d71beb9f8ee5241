"""An electronic invoice's life in words: for its buyer, and for operators."""

from typing import Any

from django.utils.translation import gettext as _

from subscriptions.domain.einvoicing import EinvoiceStatus, EinvoiceView, RequestState


def einvoice_page(found: EinvoiceView | None) -> dict[str, Any] | None:
    """What stands on the bill's page; None of a bill that is not sent."""
    if found is None:
        return None
    state, label = pill(found.status)
    return {
        "id": found.id,
        "number": found.number,
        "state": state,
        "label": label,
        "motive": motive_text(found.motive),
        "error": error_text(found.error),
        "refused": found.payment_refused,
        "at": found.changed_at,
        "may_send": found.status in (EinvoiceStatus.REJECTED, EinvoiceStatus.MARKED),
        "came_back": found.status in (EinvoiceStatus.REJECTED, EinvoiceStatus.REFUSED),
        "steps": [
            {"label": pill(step.status)[1], "at": step.at, "by": step.by} for step in found.steps
        ],
    }


def pill(status: str) -> tuple[str, str]:
    """The state of `components/status.html` and its label: the law's words in French."""
    return {
        EinvoiceStatus.MARKED: ("waiting", _("to be sent")),
        EinvoiceStatus.SENT: ("running", _("sent to the platform")),
        EinvoiceStatus.DEPOSITED: ("done", _("deposited")),
        EinvoiceStatus.REJECTED: ("failed", _("rejected by the platform")),
        EinvoiceStatus.REFUSED: ("failed", _("refused by the buyer")),
        EinvoiceStatus.PAID: ("done", _("payment received")),
    }[EinvoiceStatus(status)]


def motive_text(code: str) -> str:
    """Why it was rejected or refused; the platform's own code where we have no words."""
    if not code:
        return ""
    return {
        "profile": _("The profile of the document is not the one agreed."),
        "number": _("The number is not as it should be."),
        "seller": _("The seller's number or address is missing or wrong."),
        "buyer": _("The buyer's number (SIREN) or electronic address is missing or wrong."),
        "mentions": _("A mention that the law wants is missing."),
        "corrects_nothing": _("The credit note names no invoice."),
        "totals": _("The totals don't add up."),
        "duplicate": _("An invoice of this number is there already."),
        "order_unknown": _("The buyer does not know the order."),
    }.get(code, code)


def error_text(error: str) -> str:
    """What the platform answered last, `code: sentence`; in our words where we know its code."""
    code = error.partition(":")[0]
    known = motive_text(code)
    return known if known != code else error


def request_pill(state: str) -> tuple[str, str]:
    """How the sending of a report stands."""
    return {
        RequestState.WAITING: ("waiting", _("to be sent")),
        RequestState.CLAIMED: ("running", _("on its way")),
        RequestState.ACCEPTED: ("done", _("taken")),
        RequestState.REFUSED: ("failed", _("refused")),
    }[RequestState(state)]
