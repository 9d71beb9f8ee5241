"""What the console shows: the frame of every page, and the customer on one screen."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Snapshot
from catalogue.selectors import current_snapshot
from commerce.accounts import selectors as accounts
from commerce.accounts import written
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.selectors import ContactFacts, PartyFacts
from commerce.accounts.written import ContractRequestFacts
from commerce.kernel.clock import business_now, business_today
from commerce.ordering import selectors as ordering
from commerce.ordering.desk import open_carts_of_customer
from commerce.ordering.domain.next_offers import Lead
from commerce.ordering.domain.states import OrderState
from commerce.ordering.services.next_offers import show_next_offers
from frontend.account import lines, words
from frontend.account.bills import period_text, standing
from frontend.account.dunning import interest, overdue
from frontend.agent.doubts import doubts
from frontend.agent.forms import ASKED, CheckForm, EndContactForm, SettleForm
from frontend.agent.paying import pay_links
from frontend.consumption import short_text
from frontend.next_offers import decline_reasons, offer_cards
from frontend.shop.motives import motive_label
from frontend.shop.words import on_day
from orchestration.porting.rio import has_rio
from subscriptions.contracts.finding import coming_bills
from subscriptions.contracts.selectors import subscriptions_of
from subscriptions.domain.states import BlockKind
from subscriptions.domain.views import SubscriptionView
from subscriptions.invoicing.selectors import bills_of
from subscriptions.usage.using import consumption_of

RENEWAL = timedelta(days=90)
CART = "desk_cart"
"""Name in the session: the contact and the code of the cart that was opened within it."""


def around(context: AccountContext, *, search_text: str = "") -> dict[str, Any]:
    """The frame: navigation, search, who works here."""
    navigation: list[dict[str, Any]] = [{"label": _("Search"), "url": reverse("agent:home")}]
    if context.contact_id is not None:
        navigation.append({"label": _("Present contact"), "url": reverse("agent:contact")})
        navigation.append({"label": _("Guide"), "url": reverse("agent:guide")})
    return {
        "area": _("Console"),
        "area_url": reverse("agent:home"),
        "navigation": navigation,
        "search_url": reverse("agent:home"),
        "search_label": _("Name, phone, e-mail, order, cart"),
        "search_text": search_text,
        "who": context.actor.name,
    }


def frame_for(context: AccountContext) -> dict[str, Any]:
    """The `frame` of a page that shoppers and agents both open, and what an agent's shows."""
    if context.role is not Role.AGENT:
        return {"frame": "frontend/base.html"}
    return around(context) | {"frame": "frontend/base_dense.html"}


def contact_bar(context: AccountContext) -> dict[str, Any]:
    """The present contact, on top of every screen of a call."""
    if context.contact_id is None:
        return {"contact": None, "party": None}
    contact = accounts.contact(context.contact_id)
    party = accounts.party(contact.party_id) if contact.party_id is not None else None
    return {
        "contact": contact,
        "reason": words.reason(contact.reason),
        "party": party,
        "phone": words.number(party.phone) if party else "",
    }


def agent_path(lead: Lead) -> str:
    """Where the next best offer of a line leads on the agent's screen."""
    query = QueryDict(mutable=True)
    query["line"] = str(lead.line)
    if lead.role:
        query[lead.role] = lead.offering
    return f"{reverse('agent:draft', args=[lead.entry, lead.step])}?{query.urlencode()}"


def customer_screen(context: AccountContext, *, cart: str = "") -> dict[str, Any]:
    """Who, lines, orders, bills, timeline, carts, consents, and what to do next on top.

    `cart` is the one that was opened within this contact.
    """
    bar = contact_bar(context)
    values = (
        around(context)
        | bar
        | {
            "check_form": CheckForm(),
            "end_form": EndContactForm(),
            "settle_form": SettleForm(),
            "carts": open_carts_of_customer(context),
        }
    )
    contact, party = bar["contact"], bar["party"]
    if party is None:
        return values | {"next": _next_for_unknown(cart)}
    catalogue = current_snapshot(business_now())
    contracts = subscriptions_of(party.id)
    orders = ordering.orders_of(context, limit=10)
    bills = bills_of(party.id)
    requests = written.open_contract_requests(party_id=party.id)
    offers = show_next_offers(context, contracts=contracts)
    used = consumption_of(party.id, on=business_today())
    unpaid = overdue(party.id)
    return values | {
        "next_offers": offer_cards(offers, catalogue),
        "decline_reasons": decline_reasons(),
        "lines": [
            _line(contract, catalogue)
            | {"used": short_text(used.get(contract.id, ()), on=business_today())}
            for contract in contracts
        ],
        "orders": [_order(order) for order in orders],
        "bills": [
            {
                "number": b.number,
                "day": b.issued_on,
                "what": period_text(b),
                "gross": b.gross,
                "standing": standing(b),
            }
            for b in bills[:6]
        ],
        "overdue": unpaid,
        "interest": interest(party.id),
        "pay_links": pay_links(party, bills, overdue=unpaid),
        "coming": coming_bills(party.id, since=business_today(), count=3),
        "timeline": [
            {
                "title": words.entry(entry),
                "detail": words.detail(entry),
                "at": entry.at,
                "by": words.actor(entry.actor),
                "where": words.channel(entry.channel),
            }
            for entry in accounts.timeline(party.id, limit=40)
        ],
        "consents": [
            {"purpose": words.purpose(c.purpose), "granted": c.granted, "at": c.at}
            for c in written.consents(party.id, limit=6)
        ],
        "requests": [
            row | {"doubts": doubts(asked)}
            for row, asked in zip(request_rows(requests), requests, strict=True)
        ],
        "facts": _facts(party, orders[0].number if orders else "", bills),
        "checked": ", ".join(words.fact(code) for code in contact.facts_checked),
        "next": _next(contact, orders=orders, carts=values["carts"], contracts=contracts)
        | ({"request": requests[0]} if requests else {}),
    }


def request_rows(requests: Sequence[ContractRequestFacts]) -> list[dict[str, Any]]:
    """What was asked in writing, with the motive and what proves it."""
    proofs = written.proofs_of([asked.reference for asked in requests])
    return [
        {
            "asked": asked,
            "motive": motive_label(asked.motive),
            "proofs": proofs.get(asked.reference, ()),
        }
        for asked in requests
    ]


def _line(contract: SubscriptionView, catalogue: Snapshot) -> dict[str, Any]:
    """A line with what the agent can change of it at once."""

    def url(kind: str, **query: Any) -> str:
        return f"{reverse('agent:change_line', args=[contract.id, kind])}?{urlencode(query)}"

    lost = BlockKind.LOST_SIM in contract.blocks
    changes = {
        "links": [
            {
                "label": _("SIM found: let it go on") if lost else _("SIM lost: stop the line"),
                "url": url("resume" if lost else "suspend", block="lost_sim"),
            },
            {
                "label": _("Change the plan"),
                "url": f"{reverse('agent:draft', args=['change-plan', 'plan'])}?line={contract.id}",
            },
            {"label": _("Replace the SIM"), "url": url("sim")},
            {"label": _("Change the number"), "url": url("number")},
            {"label": _("Timeline"), "url": reverse("agent:timeline", args=[contract.id])},
            {"label": _("Change of holder"), "url": reverse("agent:holder", args=[contract.id])},
            {"label": _("Purchases"), "url": reverse("agent:purchases", args=[contract.id])},
            {"label": _("End the contract"), "url": url("terminate")},
        ],
        "esim_url": reverse("agent:esim_again", args=[contract.id]) if contract.lpa else "",
        "removable": [
            {"name": item["name"], "url": url("remove", item=item["id"])}
            for item in lines.included(contract, catalogue)
            if item["removable"]
        ],
    }
    ended = contract.status == "ended"
    rio = {"rio_url": reverse("agent:rio", args=[contract.id]) if has_rio(contract) else ""}
    return lines.card(contract, catalogue) | rio | ({"removable": []} if ended else changes)


def _order(order: ordering.OrderSummary) -> dict[str, Any]:
    state, label = words.order_state(order.state, for_staff=True)
    return {
        "number": order.number,
        "at": order.placed_at,
        "by": order.placed_by,
        "where": words.channel(order.channel),
        "state": state,
        "state_label": label,
        "due_now": order.due_now,
    }


def _facts(party: PartyFacts, order: str, bills: Any) -> list[dict[str, Any]]:
    """What the agent compares the answers with; shown while he asks, stored nowhere."""
    home = party.addresses[0] if party.addresses else None
    known = {
        "birth_date": on_day(party.birth_date) if party.birth_date else "",
        "address": f"{home.line1}, {home.postcode} {home.city}" if home else "",
        "email": party.email,
        "phone": words.number(party.phone),
        "contract_number": order,
        "last_bill": bills[0].gross if bills else "",
    }
    return [
        {"code": code, "label": words.fact(code), "value": known[code]}
        for code in ASKED
        if known[code]
    ]


def _next_for_unknown(cart: str) -> dict[str, Any]:
    if cart:
        return {
            "title": _("Go on with cart %(code)s") % {"code": cart},
            "text": _("The caller is not known as a customer yet. The link makes him one."),
            "url": reverse("agent:cart", args=[cart]),
            "action": _("Open the cart"),
        }
    return {
        "title": _("Ask for the cart's code"),
        "text": _("Three letters or figures, a hyphen, three more: it stands beside the cart."),
        "ask_code": True,
    }


def _next(
    contact: ContactFacts,
    *,
    orders: tuple[ordering.OrderSummary, ...],
    carts: tuple[str, ...],
    contracts: tuple[SubscriptionView, ...],
) -> dict[str, Any]:
    """The first thing that is to be done, by plain rules."""
    if not contact.verified:
        return {
            "title": _("Establish who is calling"),
            "text": _("Ask for two facts. Until then, nothing can be changed for this customer."),
            "check": True,
        }
    waiting = next((o for o in orders if o.state is OrderState.AWAITING_ACCEPTANCE), None)
    if waiting is not None:
        return {
            "title": _("Order %(number)s waits for the customer") % {"number": waiting.number},
            "text": _("The link was sent. Help to open it, and see here when it is accepted."),
            "url": reverse("agent:order", args=[waiting.number]),
            "action": _("See the order"),
        }
    if carts:
        return {
            "title": _("Go on with cart %(code)s") % {"code": carts[0]},
            "text": _("It is half filled. See it with the same prices as the customer."),
            "url": reverse("agent:cart", args=[carts[0]]),
            "action": _("Open the cart"),
        }
    soon = business_today() + RENEWAL
    for contract in contracts:
        if contract.commitment_ends_on is not None and contract.commitment_ends_on <= soon:
            return {
                "title": _("The commitment of %(line)s ends on %(day)s")
                % {
                    "line": words.number(contract.msisdn),
                    "day": on_day(contract.commitment_ends_on),
                },
                "text": _("Ask how the plan fits, and say what can be changed then."),
            }
    return {
        "title": _("Nothing waits"),
        "text": _("No open cart, no order that waits for the customer."),
        "ask_code": True,
    }
