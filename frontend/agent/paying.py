"""Links to pay, on the agent's screen: what one may be for, and what became of those sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.accounts.selectors import PartyFacts
from commerce.kernel.money import Money
from commerce.notifications.models import MessageChannel
from frontend.shop.words import euros
from subscriptions.collection.deposits import deposit_wanted, deposits_of
from subscriptions.collection.links import LinkView, links_of
from subscriptions.domain.states import DepositState, InvoiceKind, LinkState
from subscriptions.domain.views import BillSummary

DEPOSIT = "deposit"
"""Stands for the deposit among what a link may be for."""
STATES: Mapping[LinkState, tuple[str, Any]] = {
    LinkState.SENT: ("waiting", gettext_lazy("not opened yet")),
    LinkState.OPENED: ("running", gettext_lazy("opened, not paid")),
    LinkState.PAID: ("done", gettext_lazy("paid")),
    LinkState.EXPIRED: ("pending", gettext_lazy("expired")),
}
"""The state of `components/status.html` and its label."""
DEPOSITS: Mapping[DepositState, tuple[str, Any]] = {
    DepositState.ASKED: ("waiting", gettext_lazy("asked for")),
    DepositState.HELD: ("done", gettext_lazy("held")),
    DepositState.SETTLED: ("pending", gettext_lazy("settled")),
}


def pay_links(
    party: PartyFacts, bills: Sequence[BillSummary], *, overdue: Mapping[str, Any] | None
) -> dict[str, Any]:
    ways = [(MessageChannel.SMS.value, "SMS", party.phone), ("email", _("E-mail"), party.email)]
    return {
        "what": [
            *_all_overdue(overdue),
            *map(_bill, filter(_is_open, bills)),
            *_deposit(deposit_wanted(party.id)),
        ],
        "ways": [(code, label) for code, label, known in ways if known],
        "sent": [_sent(each) for each in links_of(party.id)],
        "deposits": [
            {"deposit": each, "state": state, "label": label}
            for each in deposits_of(party.id)
            for state, label in (DEPOSITS[each.state],)
        ],
    }


def _deposit(wanted: Money) -> list[tuple[str, str]]:
    amount = euros(wanted, short=False)
    return [(DEPOSIT, _("Deposit: %(amount)s") % {"amount": amount})] if wanted else []


def _all_overdue(overdue: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if overdue is None:
        return []
    amount = euros(overdue["case"].owed, short=False)
    return [("", _("All that is overdue: %(amount)s") % {"amount": amount})]


def _is_open(bill: BillSummary) -> bool:
    return bool(bill.open) and bill.kind != InvoiceKind.CREDIT_NOTE


def _bill(bill: BillSummary) -> tuple[str, str]:
    amount = euros(bill.open, short=False)
    return bill.number, _("%(number)s: %(amount)s") % {"number": bill.number, "amount": amount}


def _sent(link: LinkView) -> dict[str, Any]:
    state, label = STATES[link.state]
    return {
        "link": link,
        "way": "SMS" if link.channel == MessageChannel.SMS else _("E-mail"),
        "bills": ", ".join(bill.number for bill in link.bills) or _("Deposit"),
        "state": state,
        "label": label,
    }
