"""What happened, and in which state things are, in sentences for customers and agents."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from commerce.accounts.kinds import Channel
from commerce.accounts.selectors import TimelineLine
from commerce.markets.pack import market
from commerce.ordering.domain.states import OrderState
from frontend.shop.words import on_day
from frontend.typography import day_of_month_text
from subscriptions.domain.carrier import NEVER_BOUGHT
from subscriptions.domain.views import SubscriptionView

Values = Mapping[str, Any]
Pill = tuple[str, str]
"""The state of `components/status.html` and its label."""


def number(msisdn: str) -> str:
    """A line's number as people write it."""
    if not msisdn:
        return ""
    national = f"0{msisdn[3:]}" if msisdn.startswith("+33") else msisdn
    return market(settings.MARKET).display_number(national) or msisdn


def channel(code: Channel | str) -> str:
    """Where something happened."""
    return {
        Channel.WEB: _("on the web"),
        Channel.CALL_CENTRE: _("by phone"),
        Channel.B2B_API: _("through the API"),
        Channel.PORTAL: _("on the business portal"),
    }.get(Channel(code), str(code))


def actor(name: str) -> str:
    """Who did something."""
    known = {"system": _("automatically"), "visitor": _("without an account")}
    return known.get(name, name)


def order_state(state: OrderState | str, *, for_staff: bool = False) -> Pill:
    """For a list of orders."""
    if for_staff and state == OrderState.AWAITING_ACCEPTANCE:
        return "waiting", _("waits for the customer")
    return {
        OrderState.AWAITING_APPROVAL: ("waiting", _("waits for approval")),
        OrderState.AWAITING_ACCEPTANCE: ("waiting", _("waits for your agreement")),
        OrderState.AWAITING_PAYMENT: ("waiting", _("waits for payment")),
        OrderState.ACCEPTED: ("running", _("being prepared")),
        OrderState.IN_PROGRESS: ("running", _("under way")),
        OrderState.COMPLETED: ("done", _("complete")),
        OrderState.CANCELLED: ("pending", _("cancelled")),
        OrderState.REJECTED: ("failed", _("rejected")),
    }[OrderState(state)]


def subscription_state(contract: SubscriptionView) -> Pill:
    if contract.outgoing_only and not contract.stands_still:
        return "waiting", _("can only be called")
    status = contract.status
    return {
        "pending": ("waiting", _("not started yet")),
        "active": ("done", _("active")),
        "suspended": ("waiting", _("suspended")),
        "ended": ("pending", _("ended")),
    }.get(status, ("pending", status))


def purpose(code: str) -> str:
    """What somebody agreed to or refused."""
    return {
        "terms": _("Terms of sale"),
        "contract_summary": _("Contract summary received and confirmed"),
        "paid_later": _("A free service to go on for money"),
        "early_execution": _("Service to begin before the withdrawal period ends"),
        "give_up_line": _("The line goes to another holder"),
        "take_over_line": _("The line of another holder is taken over"),
        "marketing_email": _("Offers by e-mail"),
        "marketing_sms": _("Offers by SMS"),
    }.get(code, code)


def reason(code: str) -> str:
    """Why somebody called."""
    return dict(reasons()).get(code, code)


def reasons() -> list[tuple[str, str]]:
    return [
        ("order", _("Order or quote")),
        ("delivery", _("Delivery or tracking")),
        ("bill", _("Bill or payment")),
        ("line", _("Line, SIM or number")),
        ("end", _("Ending a contract")),
        ("complaint", _("Complaint")),
        ("other", _("Something else")),
    ]


def fact(code: str) -> str:
    """What an agent may ask a caller about."""
    return {
        "birth_date": _("date of birth"),
        "address": _("postal address"),
        "email": _("e-mail address"),
        "phone": _("contact phone number"),
        "contract_number": _("contract number"),
        "last_bill": _("amount of the last bill"),
        "sms_code": _("code received by SMS"),
        "siren": "SIREN",
    }.get(code, code)


def entry(line: TimelineLine) -> str:
    """One line of a timeline as a sentence."""
    made = _ENTRIES.get(line.code)
    return made(line.values) if made is not None else line.code.replace("_", " ")


def detail(line: TimelineLine) -> str:
    """What was written down beside it; empty if nothing was."""
    said = str(line.values.get("note") or line.values.get("outcome") or "")
    return why_back(said) if line.code == "purchase_refunded" else said


def why_back(reason: str) -> str:
    """Why a purchase was given back: as somebody wrote it, but for what nobody bought."""
    if reason == NEVER_BOUGHT:
        return _("never bought")
    if reason.startswith(f"{NEVER_BOUGHT}: "):
        return _("never bought: %(said)s") % {"said": reason.removeprefix(f"{NEVER_BOUGHT}: ")}
    return reason


def _order(text: str) -> Callable[[Values], str]:
    return lambda values: _(text) % {"number": values.get("number", "")}


def _line(text: str) -> Callable[[Values], str]:
    """Of a line, perhaps with a day."""
    return lambda values: (
        _(text)
        % {
            "line": number(str(values.get("msisdn", ""))),
            "day": on_day(date.fromisoformat(values["on"])) if values.get("on") else "",
        }
    )


def _facts(values: Values) -> str:
    return ", ".join(fact(code) for code in values.get("facts", ()))


def _wished(values: Values) -> str:
    text = str(values.get("wished_on") or "")
    return on_day(date.fromisoformat(text)) if text else _("as soon as possible")


def _day_of_month(kept: Any) -> str:
    return day_of_month_text(int(kept), language=get_language())


_ENTRIES: Mapping[str, Callable[[Values], str]] = {
    "pay_link_sent": lambda values: (
        _("Link to pay sent: %(bills)s") % {"bills": values.get("bills") or _("Deposit")}
    ),
    "purchases_limited": lambda values: _("Limits of purchases on the bill changed"),
    "third_party_stopped": lambda values: (
        _("%(service)s stopped, free of charge") % {"service": values.get("service", "")}
    ),
    "purchase_refunded": lambda values: (
        _("Purchase given back: %(service)s") % {"service": values.get("service", "")}
    ),
    "bill_day_moved": lambda values: (
        _("Bill day moved from day %(former)s to day %(day)s, from the bill of %(from)s on")
        % {
            "former": _day_of_month(values["former"]),
            "day": _day_of_month(values["day"]),
            "from": on_day(date.fromisoformat(str(values["from_on"]))),
        }
    ),
    "payer_asked": lambda values: _("Asked another party for an agreement on who pays bills"),
    "payer_withdrawn": lambda values: _("Took back what was asked on who pays bills"),
    "payer_agreed": lambda values: (
        (
            _("Pays the bills of %(other)s from %(day)s on")
            if values.get("side") == "payer"
            else _("%(other)s pays the bills from %(day)s on")
        )
        % {
            "other": values.get("other", ""),
            "day": on_day(date.fromisoformat(str(values["on"]))),
        }
    ),
    "payer_ended": lambda values: (
        (
            _("Pays the bills of %(other)s no longer from %(day)s on")
            if values.get("side") == "payer"
            else _("%(other)s pays the bills no longer from %(day)s on")
        )
        % {
            "other": values.get("other", ""),
            "day": on_day(date.fromisoformat(str(values["on"]))),
        }
    ),
    "registered": lambda values: _("Account created"),
    "created": lambda values: _("Known as a customer since an order"),
    "password_changed": lambda values: _("Password changed"),
    "contact_begun": lambda values: (
        _("Contact begun: %(reason)s") % {"reason": reason(str(values.get("reason", "")))}
    ),
    "contact_ended": lambda values: (
        _("Contact ended: %(reason)s") % {"reason": reason(str(values.get("reason", "")))}
    ),
    "caller_verified": lambda values: (
        _("Caller's identity checked (%(facts)s), level %(level)s")
        % {"facts": _facts(values), "level": values.get("level", "")}
    ),
    "caller_not_verified": lambda values: (
        _("Caller's identity not established (%(facts)s)") % {"facts": _facts(values)}
    ),
    "cart_opened": lambda values: _("Cart %(cart)s opened") % {"cart": values.get("cart", "")},
    "consent_given": lambda values: (
        _("Agreed to: %(purpose)s") % {"purpose": purpose(str(values.get("purpose", "")))}
    ),
    "consent_refused": lambda values: (
        _("Refused: %(purpose)s") % {"purpose": purpose(str(values.get("purpose", "")))}
    ),
    "consents_recorded": lambda values: (
        _("Consents noted for order %(number)s") % {"number": values.get("reference", "")}
    ),
    "request_end": lambda values: (
        _("Asked in writing to end contract %(contract)s, %(wished)s (%(reference)s)")
        % {
            "contract": values.get("contract", ""),
            "wished": _wished(values),
            "reference": values.get("reference", ""),
        }
    ),
    "request_withdraw": lambda values: (
        _("Withdrew in writing from contract %(contract)s (%(reference)s)")
        % {"contract": values.get("contract", ""), "reference": values.get("reference", "")}
    ),
    "request_handled": lambda values: (
        _("Request %(reference)s settled") % {"reference": values.get("reference", "")}
    ),
    "rio_sent": lambda values: (
        _("RIO of %(line)s sent to the customer") % {"line": number(values.get("number", ""))}
    ),
    "line_passed_on": _line(gettext_noop("Somebody asked to take line %(line)s over")),
    "line_accepted_by_other": _line(
        gettext_noop("Line %(line)s accepted by its new holder, for %(day)s")
    ),
    "line_gone_to_other": _line(gettext_noop("Line %(line)s gone to its new holder")),
    "line_declined_by_other": _line(gettext_noop("Line %(line)s declined by the other")),
    "line_booked": _line(gettext_noop("Cost centre or purchase order of line %(line)s changed")),
    "line_kept": _line(gettext_noop("Nobody asked any more to take line %(line)s over")),
    "line_not_answered": _line(gettext_noop("No answer about line %(line)s; it stays")),
    "line_stays": _line(gettext_noop("Change of holder of line %(line)s cancelled")),
    "order_awaiting_approval": _order(gettext_noop("Order %(number)s waits for approval")),
    "order_awaiting_acceptance": _order(
        gettext_noop("Order %(number)s sent for agreement and payment")
    ),
    "order_awaiting_payment": _order(gettext_noop("Order %(number)s placed, payment awaited")),
    "order_accepted": _order(gettext_noop("Order %(number)s accepted")),
    "order_in_progress": _order(gettext_noop("Order %(number)s under way")),
    "order_completed": _order(gettext_noop("Order %(number)s complete")),
    "order_cancelled": _order(gettext_noop("Order %(number)s cancelled")),
    "order_rejected": _order(gettext_noop("Order %(number)s rejected")),
}
