"""Firms: what the offer is, and the portal of their members."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from catalogue.selectors import current_snapshot, snapshot_of
from commerce.accounts import selectors as accounts
from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.clock import business_now
from commerce.kernel.errors import FaisceauError
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.fleet import (
    COLUMNS,
    FleetLine,
    FleetRefused,
    parse_fleet_csv,
)
from commerce.ordering.domain.states import OrderState
from commerce.ordering.selectors import OrderView, approvals_waiting, order_view, orders_of
from commerce.ordering.services.approval import approve_order, reject_order
from commerce.ordering.services.bulk import BulkCheckout, FleetQuote, place_bulk_order, quote_bulk
from commerce.web.policy import Policy, policy
from frontend.account import bills as bill_words
from frontend.account import words
from frontend.account.dunning import interest, overdue
from frontend.account.einvoices import einvoice_page
from frontend.account.explaining import explanation_page
from frontend.account.methods import methods_section
from frontend.business import screen
from frontend.business.answers import answered, merged
from frontend.business.forms import LinesForm, OrderForm
from frontend.business.landing import landing_page
from frontend.business.panel import fleet_panel
from frontend.sentences import sentence_of
from frontend.shop.deliveries import delivery
from frontend.shop.in_parts import chosen_in, why_not
from frontend.shop.words import language
from frontend.views.paying import note_added
from subscriptions.accounts.selectors import account_view
from subscriptions.collection.deposits import held_deposit, receipts_of
from subscriptions.collection.selectors import announced_debit
from subscriptions.contracts.selectors import subscriptions_of
from subscriptions.contracts.services.cycle_day import cycle_day_of
from subscriptions.invoicing.explaining import explanation
from subscriptions.invoicing.files import Form
from subscriptions.invoicing.selectors import bill_view, bills_of
from subscriptions.ledger.selectors import balance_of, payments_of_bill

PAGE = 50


@policy(Policy.PUBLIC)
def landing(request: HttpRequest) -> HttpResponse:
    """For firms that do not know us yet: an honest example, the prices, and how it goes."""
    return render(request, "frontend/portal/landing.html", landing_page(business_now()))


@policy(Policy.BUSINESS)
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Lines, what they cost, what waits for a decision."""
    context = context_for_request(request)
    party_id = context.party_id or 0
    bills = bills_of(party_id)
    orders = orders_of(context, limit=8)
    values = screen.around(context, here="portal:home") | {
        "organisation": accounts.organisation(party_id),
        "limit": accounts.limit_of(context.membership_id) if context.membership_id else None,
        "lines": len(subscriptions_of(party_id)),
        "spend": screen.spend(bills),
        "latest": bills[0] if bills else None,
        "waiting": approvals_waiting(context) if context.role in screen.DECIDERS else (),
        "orders": [(order, words.order_state(order.state)) for order in orders],
    }
    return render(request, "frontend/portal/home.html", values)


@policy(Policy.BUSINESS)
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """A fleet order: every row answered, priced, and ordered all or none."""
    context = context_for_request(request)
    posted = request.method == "POST"
    ordering = posted and request.POST.get("step") != "check"
    values: dict[str, Any] = screen.around(context, here="portal:new") | {
        "form": LinesForm(request.POST if posted else None, request.FILES or None),
        "order_form": OrderForm(request.POST if ordering else None),
        "columns": COLUMNS,
        "offers": screen.offers(current_snapshot(), at=business_now()),
        "sites": accounts.organisation(context.party_id or 0).sites,
    }
    if posted and values["form"].is_valid():
        number = _fleet(context, values, said=request.POST, ordering=ordering)
        if number:
            messages.success(request, _("The order %(number)s is placed.") % {"number": number})
            return redirect("portal:order", number=number)
    status = 422 if posted and _refused(values, ordering=ordering) else 200
    return render(request, "frontend/portal/new.html", values, status=status)


def _refused(values: dict[str, Any], *, ordering: bool) -> bool:
    wrong_rows = "answers" in values and values["answers"].wrong
    return bool(wrong_rows or values["form"].errors or (ordering and values["order_form"].errors))


def _fleet(
    context: AccountContext, values: dict[str, Any], *, said: QueryDict, ordering: bool
) -> str:
    """Answer the rows into `values`; the number of the order if it was asked for and made."""
    form: LinesForm = values["form"]
    order_form: OrderForm = values["order_form"]
    try:
        lines, found = _quoted(context, form.text())
        values["answers"] = answered(found.answers)
        quote = found.quote
        if quote is None:
            return ""
        values["quote"], values["not_in_parts"] = quote, why_not(found.in_parts)
        order_form = OrderForm(said if ordering else None, in_parts=found.in_parts.choices)
        values["order_form"] = order_form
        values["panel"] = fleet_panel(
            quote,
            catalogue=snapshot_of(quote.release),
            in_parts=chosen_in(said, found.in_parts),
            title=_("What it costs"),
            action_label=_("Order these lines"),
            action_form="fleet",
        )
        if not ordering or not order_form.is_valid():
            return ""
        checkout = BulkCheckout(
            purchase_order=order_form.cleaned_data["purchase_order"],
            consents=OrderConsents(
                terms=order_form.cleaned_data["terms"], instalments=order_form.parts_agreed
            ),
            instalments=order_form.parts,
            digest=said.get("digest", ""),
            language=language(),
        )
        return place_bulk_order(context, lines=lines, checkout=checkout).number
    except FleetRefused as refused:
        values["answers"] = answered(refused.answers)
    except FaisceauError as error:
        field = str(error.detail.get("field", ""))
        wrong = order_form if field in order_form.fields and ordering else form
        wrong.add_error(field if field in wrong.fields else None, sentence_of(error))
    return ""


def _quoted(context: AccountContext, text: str) -> tuple[Sequence[FleetLine], FleetQuote]:
    """The lines in `text`, what each is answered, and what they cost if all of them fit."""
    try:
        lines = parse_fleet_csv(text)
    except FleetRefused as refused:
        judged = quote_bulk(context, lines=refused.lines).answers if refused.lines else ()
        return (), FleetQuote(None, tuple(merged(refused.answers, judged)))
    return lines, quote_bulk(context, lines=lines)


@policy(Policy.BUSINESS)
@require_GET
def template(request: HttpRequest) -> HttpResponse:
    """The table to fill in, with the headings and one example."""
    offered = screen.offers(current_snapshot(), at=business_now())
    plan = offered["plans"][0]["code"] if offered["plans"] else ""
    example = {"user_name": "Ada Martin", "user_email": "ada@example.org", "plan": plan, "term": 24}
    rows = [";".join(COLUMNS), ";".join(str(example.get(name, "")) for name in COLUMNS)]
    answer = HttpResponse("\ufeff" + "\r\n".join(rows) + "\r\n", content_type="text/csv")
    answer["Content-Disposition"] = 'attachment; filename="faisceau-lines.csv"'
    return answer


@policy(Policy.BUSINESS)
@never_cache
def orders(request: HttpRequest) -> HttpResponse:
    """The firm's orders, by state, or one by its number or purchase order."""
    context = context_for_request(request)
    wanted = request.GET.get("state", "")
    state = OrderState(wanted) if wanted in set(OrderState) else None
    text = request.GET.get("q", "").strip().upper()[:60]
    found = orders_of(context, state=state, before=request.GET.get("before", ""), limit=PAGE)
    if text:
        found = tuple(o for o in found if text in (o.number, o.purchase_order.upper()))
    values = screen.around(context, here="portal:orders") | {
        "orders": [(order, words.order_state(order.state)) for order in found],
        "last": found[-1].number if len(found) == PAGE else "",
        "state": wanted if state else "",
        "search_text": text,
        "chips": [{"label": _("All"), "url": "?", "current": state is None}]
        + [
            {
                "label": words.order_state(each)[1],
                "url": f"?state={each.value}",
                "current": each is state,
            }
            for each in (
                OrderState.AWAITING_APPROVAL,
                OrderState.IN_PROGRESS,
                OrderState.COMPLETED,
                OrderState.REJECTED,
            )
        ],
    }
    return render(request, "frontend/portal/orders.html", values)


@policy(Policy.BUSINESS)
@never_cache
def order(request: HttpRequest, number: str) -> HttpResponse:
    """One order with every user's line."""
    context = context_for_request(request)
    view = order_view(context, number=number)
    asked = view.summary.state is OrderState.AWAITING_APPROVAL
    decider = asked and context.role in screen.DECIDERS
    values = screen.around(context, here="portal:orders") | _lines(request, view)
    values |= {
        "panel": fleet_panel(
            view.quote,
            catalogue=snapshot_of(view.quote.release),
            in_parts=view.in_parts,
            title=_("As agreed"),
        ),
        "may_decide": decider and any(each.number == number for each in approvals_waiting(context)),
        "own": decider and view.summary.placed_by == context.actor.name,
    } | delivery(view)
    return render(request, "frontend/portal/order.html", values)


@policy(Policy.BUSINESS)
@never_cache
def order_lines(request: HttpRequest, number: str) -> HttpResponse:
    """The live part of an order's page."""
    view = order_view(context_for_request(request), number=number)
    return render(request, "frontend/portal/lines.html", _lines(request, view))


def _lines(request: HttpRequest, view: OrderView) -> dict[str, Any]:
    page = screen.lines_page(view, number=request.GET.get("page", "1"))
    return {
        "order": view,
        "pill": words.order_state(view.summary.state),
        "rows": page.object_list,
        "page": page,
        "progress": screen.progress(view),
        "live": screen.is_moving(view),
    }


@policy(Policy.BUSINESS)
@require_POST
def decide(request: HttpRequest, number: str) -> HttpResponse:
    """Approve or reject an order of a colleague."""
    context = context_for_request(request)
    note = request.POST.get("note", "").strip()[:500]
    try:
        if request.POST.get("decision") == "approve":
            approve_order(context, number=number, note=note)
            messages.success(request, _("The order is approved and on its way."))
        elif note:
            reject_order(context, number=number, note=note)
            messages.success(request, _("The order is rejected; the buyer is told why."))
        else:
            messages.error(request, _("Say why you reject the order."))
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    return redirect("portal:order", number=number)


@policy(Policy.BUSINESS)
@never_cache
def approvals(request: HttpRequest) -> HttpResponse:
    """Orders of colleagues that wait for the one who looks."""
    context = context_for_request(request)
    try:
        waiting = approvals_waiting(context)
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
        return redirect("portal:home")
    values = screen.around(context, here="portal:approvals") | {"waiting": waiting}
    return render(request, "frontend/portal/approvals.html", values)


@policy(Policy.BUSINESS)
@never_cache
def bills(request: HttpRequest) -> HttpResponse:
    context = context_for_request(request)
    party_id = context.party_id or 0
    note_added(request, party_id=party_id)
    found, account = bills_of(party_id), account_view(party_id)
    values = screen.around(context, here="portal:bills") | {
        "methods": methods_section(
            party_id, area="portal", may_change=context.role is Role.ADMINISTRATOR
        ),
        "bills": [
            (bill, bill_words.period_text(bill), bill_words.standing(bill)) for bill in found
        ],
        "balance": balance_of(account.id) if account else None,
        "overdue": overdue(context.party_id or 0),
        "interest": interest(context.party_id or 0),
        "deposit": held_deposit(context.party_id or 0),
        "receipts": receipts_of(context.party_id or 0),
        "receipt_page": "portal:deposit",
        "bill_day": cycle_day_of(party_id),
        "may_move": context.role is Role.ADMINISTRATOR,
    }
    return render(request, "frontend/portal/bills.html", values)


@policy(Policy.BUSINESS)
@never_cache
def bill(request: HttpRequest, number: str) -> HttpResponse:
    """One bill, for the screen and for paper."""
    context = context_for_request(request)
    party_id = context.party_id or 0
    found = bill_view(party_id, number)
    page = bill_words.bill_page(
        found, payments=payments_of_bill(number), debit=announced_debit(number)
    )
    page["sections"] = screen.bill_sections(page["sections"])
    page["electronic"] = einvoice_page(found.electronic)
    values = screen.around(context, here="portal:bills") | {
        "trail": [{"label": _("Bills"), "url": reverse("portal:bills")}, {"label": number}],
        "bill": page,
        "may_pay": context.role is not Role.VIEWER,
    }
    return render(request, "frontend/portal/bill.html", values)


@policy(Policy.BUSINESS)
@never_cache
def bill_explained(request: HttpRequest, number: str) -> HttpResponse:
    """Why a bill differs from last month's, and what was promised of it."""
    context = context_for_request(request)
    values = screen.around(context, here="portal:bills") | {
        "trail": [
            {"label": _("Bills"), "url": reverse("portal:bills")},
            {"label": number, "url": reverse("portal:bill", args=[number])},
            {"label": _("Explained")},
        ],
        "told": explanation_page(explanation(context.party_id or 0, number)),
    }
    return render(request, "frontend/portal/explained.html", values)


@policy(Policy.BUSINESS)
@never_cache
def bill_file(request: HttpRequest, number: str, form: Form) -> HttpResponse:
    """One bill for the firm's books."""
    return bill_words.download(context_for_request(request), number, form=form)


@policy(Policy.BUSINESS)
@never_cache
def people(request: HttpRequest) -> HttpResponse:
    """Members with their roles and limits, and the programs that act for them."""
    context = context_for_request(request)
    party_id = context.party_id or 0
    organisation = accounts.organisation(party_id)
    units = {unit.id: unit.name for unit in organisation.units}
    values = screen.around(context, here="portal:people") | {
        "organisation": organisation,
        "members": [
            (member, screen.role_name(member.role), units.get(member.unit_id, ""))
            for member in organisation.members
        ],
        "clients": accounts.api_clients(party_id),
    }
    return render(request, "frontend/portal/people.html", values)
