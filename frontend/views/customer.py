"""The customer area: what is mine, what it costs next, what was billed against what was said."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Snapshot
from catalogue.selectors import current_snapshot
from commerce.accounts import selectors as accounts
from commerce.accounts import written
from commerce.accounts.context import context_for_request
from commerce.accounts.selectors import Address
from commerce.accounts.services.customers import add_address
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import FaisceauError
from commerce.ordering import selectors as ordering
from commerce.ordering.domain.states import GIVEN_UP, OrderState
from commerce.ordering.holder_changes import holder_change
from commerce.ordering.selectors import OrderSummary
from commerce.ordering.services import links
from commerce.ordering.services.next_offers import show_next_offers
from commerce.ordering.services.open_changes import open_change
from commerce.ordering.services.withdrawing import withdrawable
from commerce.payments.selectors import payments_of
from commerce.payments.services.checkout import refresh
from commerce.web.policy import Policy, policy
from frontend import errors
from frontend.account import bills as bill_words
from frontend.account import lines, words
from frontend.account.dunning import overdue
from frontend.account.explaining import explanation_page
from frontend.account.forms import AddressForm
from frontend.account.methods import methods_section
from frontend.account.paid_later import paid_later
from frontend.consumption import this_month
from frontend.next_offers import offer_cards
from frontend.shop import holder
from frontend.typography import month_text
from frontend.views.paying import note_added
from orchestration.content import accesses_of
from orchestration.esim import profile_of
from orchestration.porting.rio import rio_of_subscription
from subscriptions.accounts.selectors import account_view
from subscriptions.collection.deposits import held_deposit, receipts_of
from subscriptions.collection.selectors import announced_debit
from subscriptions.contracts.finding import ComingBill, coming_bills
from subscriptions.contracts.selectors import promise_view, subscription_view, subscriptions_of
from subscriptions.invoicing.explaining import explanation
from subscriptions.invoicing.files import Form
from subscriptions.invoicing.selectors import bill_view, bills_of
from subscriptions.ledger.selectors import balance_of, payments_of_bill
from subscriptions.usage.using import consumption_of, used_so_far

LATEST = 3
NEW = timedelta(days=14)
"""While a line is new, its eSIM comes first on a phone."""
ENDED = frozenset({OrderState.COMPLETED, *GIVEN_UP})


@policy(Policy.CUSTOMER)
def home(request: HttpRequest) -> HttpResponse:
    """Lines, the next bill with its promise, orders in progress, content."""
    context = context_for_request(request)
    party_id = context.party_id or 0
    catalogue = _catalogue()
    contracts = subscriptions_of(party_id)
    account = account_view(party_id)
    since = account.next_bill_on if account and account.next_bill_on else business_today()
    orders = ordering.orders_of(context, limit=20)
    values = {
        "tabs": tabs("home"),
        "first_name": accounts.party(party_id).first_name,
        "lines": [lines.card(contract, catalogue) for contract in contracts],
        "contents": lines.contents(contracts, catalogue),
        "next_offers": offer_cards(show_next_offers(context, contracts=contracts), catalogue),
        "coming": [_coming(bill, request) for bill in coming_bills(party_id, since=since)],
        "parked": account.parked if account else False,
        "bills": [_bill_row(bill) for bill in bills_of(party_id)[:LATEST]],
        "orders": [_order_row(order) for order in orders if order.state not in ENDED],
        "requests": written.open_contract_requests(party_id=party_id),
    }
    return render(request, "frontend/account/home.html", values)


@policy(Policy.CUSTOMER)
def line(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """One contract: number, SIM, what is included, the promise with the bills laid over it."""
    context = context_for_request(request)
    party_id = context.party_id or 0
    contract = subscription_view(party_id, subscription_id)
    promise = promise_view(contract.order_number, contract.group)
    catalogue = _catalogue()
    happened = [
        entry
        for entry in accounts.timeline(party_id)
        if entry.values.get("number", entry.values.get("reference")) == contract.order_number
        or entry.values.get("contract") == contract.order_number
    ]
    state, label = words.subscription_state(contract)
    today = business_today()
    used = consumption_of(party_id, on=today, subscription_id=contract.id)
    passed_on = holder.standing(holder_change(party_id, contract.id))
    values = {
        "tabs": tabs("home"),
        "trail": [
            {"label": _("My account"), "url": reverse("account:home")},
            {"label": words.number(contract.msisdn) or _("Contract")},
        ],
        "contract": contract,
        "rio": rio_of_subscription(contract.id),
        "card": lines.card(contract, catalogue),
        "number": words.number(contract.msisdn),
        "state": state,
        "state_label": label,
        "included": lines.included(contract, catalogue, accesses=accesses_of(contract)),
        "under_way": open_change(contract.id),
        "passed_on": passed_on,
        "withdraw_until": withdrawable(context, number=contract.order_number).get(contract.group),
        "removable": contract.status == "active",
        "paid_later": paid_later(party_id, contract.id, route="account:answer_paid_later"),
        "is_new": contract.activated_on > today - NEW,
        "esim": lines.esim(profile_of(contract)),
        "chart": lines.chart(promise),
        "used": this_month(
            used.get(contract.id, ()),
            on=today,
            so_far=used_so_far(party_id, on=today, subscription_id=contract.id),
        ),
        "kept": lines.kept_so_far(promise),
        "promise": promise,
        "timeline": [_event(entry) for entry in happened],
        "track_url": links.TRACK.format(number=contract.order_number),
    }
    return render(request, "frontend/account/line.html", values)


@policy(Policy.CUSTOMER)
def bills(request: HttpRequest) -> HttpResponse:
    context = context_for_request(request)
    party_id = context.party_id or 0
    note_added(request, party_id=party_id)
    account = account_view(party_id)
    values = {
        "tabs": tabs("bills"),
        "bills": [_bill_row(bill) for bill in bills_of(party_id)],
        "next_bill_on": account.next_bill_on if account else None,
        "balance": balance_of(account.id) if account else None,
        "methods": methods_section(party_id, area="account", may_change=True),
        "overdue": overdue(party_id),
        "deposit": held_deposit(party_id),
        "receipts": receipts_of(party_id),
        "receipt_page": "account:deposit",
    }
    return render(request, "frontend/account/bills.html", values)


@policy(Policy.CUSTOMER)
def bill(request: HttpRequest, number: str) -> HttpResponse:
    """One bill, for the screen and for paper."""
    context = context_for_request(request)
    party_id = context.party_id or 0
    found = bill_view(party_id, number)
    with_order = found.summary.order_number if not found.collected else ""
    payments = payments_of(with_order) if with_order else payments_of_bill(number)
    if "back" in request.GET:
        payments = tuple(refresh(key=each.key) if each.is_open else each for each in payments)
    values = {
        "tabs": tabs("bills"),
        "trail": [
            {"label": _("My account"), "url": reverse("account:home")},
            {"label": _("Bills"), "url": reverse("account:bills")},
            {"label": number},
        ],
        "bill": bill_words.bill_page(found, payments=payments, debit=announced_debit(number)),
    }
    return render(request, "frontend/account/bill.html", values)


@policy(Policy.CUSTOMER)
def bill_explained(request: HttpRequest, number: str) -> HttpResponse:
    """Why a bill differs from last month's, and what was promised of it."""
    found = explanation(context_for_request(request).party_id or 0, number)
    values = {
        "tabs": tabs("bills"),
        "trail": [
            {"label": _("Bills"), "url": reverse("account:bills")},
            {"label": number, "url": reverse("account:bill", args=[number])},
            {"label": _("Explained")},
        ],
        "told": explanation_page(found),
    }
    return render(request, "frontend/account/explained.html", values)


@policy(Policy.CUSTOMER)
def bill_file(request: HttpRequest, number: str, form: Form) -> HttpResponse:
    """One bill to keep."""
    return bill_words.download(context_for_request(request), number, form=form)


@policy(Policy.CUSTOMER)
def orders(request: HttpRequest) -> HttpResponse:
    context = context_for_request(request)
    before = request.GET.get("before", "")
    found = ordering.orders_of(context, before=before, limit=26)
    values = {
        "tabs": tabs("orders"),
        "orders": [_order_row(order) for order in found[:25]],
        "older": found[24].number if len(found) > 25 else "",
        "carts": ordering.open_carts(context),
    }
    return render(request, "frontend/account/orders.html", values)


@policy(Policy.CUSTOMER)
def profile(request: HttpRequest) -> HttpResponse:
    """What we know of the customer, and everything that he agreed to."""
    context = context_for_request(request)
    party_id = context.party_id or 0
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            add_address(party_id=party_id, address=Address(**form.cleaned_data))
        except FaisceauError as error:
            errors.put(form, error)
        else:
            messages.success(request, _("The address is kept for your next orders."))
            return redirect("account:profile")
    party = accounts.party(party_id)
    values = {
        "tabs": tabs("profile"),
        "party": party,
        "phone": words.number(party.phone),
        "form": form,
        "consents": [
            {
                "purpose": words.purpose(each.purpose),
                "granted": each.granted,
                "version": each.text_version,
                "reference": each.reference,
                "where": words.channel(each.channel),
                "at": each.at,
            }
            for each in written.consents(party_id)
        ],
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "frontend/account/profile.html", values, status=status)


def tabs(current: str) -> list[dict[str, Any]]:
    names = (
        ("home", _("Overview")),
        ("bills", _("Bills")),
        ("orders", _("Orders")),
        ("profile", _("Details and consents")),
    )
    return [
        {"label": label, "url": reverse(f"account:{name}"), "current": name == current}
        for name, label in names
    ]


def _catalogue() -> Snapshot:
    return current_snapshot(business_now())


def _coming(bill: ComingBill, request: HttpRequest) -> dict[str, Any]:
    language = getattr(request, "LANGUAGE_CODE", "fr")
    return {
        "label": month_text(bill.on, language=language, short=False),
        "date": bill.on,
        "amount": bill.amount,
        "list_amount": bill.list_amount,
        "free": not bill.amount and bool(bill.list_amount),
        "bill_text": _("free") if not bill.amount and bill.list_amount else "",
        "saving": bill.list_amount - bill.amount,
    }


def _bill_row(summary: Any) -> dict[str, Any]:
    return {
        "number": summary.number,
        "day": summary.issued_on,
        "what": bill_words.period_text(summary),
        "gross": summary.gross,
        "standing": bill_words.standing(summary),
    }


def _order_row(order: OrderSummary) -> dict[str, Any]:
    state, label = words.order_state(order.state)
    return {
        "number": order.number,
        "at": order.placed_at,
        "where": words.channel(order.channel),
        "state": state,
        "state_label": label,
        "due_now": order.due_now,
        "url": links.TRACK.format(number=order.number),
    }


def _event(entry: accounts.TimelineLine) -> dict[str, Any]:
    return {
        "title": words.entry(entry),
        "text": words.channel(entry.channel),
        "at": entry.at,
        "state": "done",
    }
