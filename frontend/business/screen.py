"""The business portal in words: frame, chart of bills, lines of an order, fleet answers."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering, Segment, Snapshot
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.ordering.domain.fleet import RowAnswer
from commerce.ordering.selectors import OrderView
from frontend.account import words
from frontend.shop.words import named, said
from frontend.typography import month_text
from subscriptions.domain.views import BillSummary

DECIDERS = (Role.APPROVER, Role.ADMINISTRATOR)


def around(context: AccountContext, *, here: str) -> dict[str, Any]:
    """The frame of every page of the portal."""
    pages = [
        ("portal:home", _("Overview")),
        ("portal:new", _("New lines")),
        ("portal:orders", _("Orders")),
        ("portal:approvals", _("Approvals")),
        ("portal:bills", _("Bills")),
        ("portal:people", _("People and API")),
    ]
    if context.role not in DECIDERS:
        pages = [page for page in pages if page[0] != "portal:approvals"]
    return {
        "area": _("Business"),
        "area_url": reverse("portal:home"),
        "navigation": [
            {"label": label, "url": reverse(name), "current": name == here} for name, label in pages
        ],
        "search_url": reverse("portal:orders"),
        "search_label": _("Order or purchase order"),
        "who": context.actor.name,
        "role": role_name(context.role),
    }


def role_name(role: Role) -> str:
    return {
        Role.BUYER: _("buyer"),
        Role.APPROVER: _("approver"),
        Role.ADMINISTRATOR: _("administrator"),
        Role.VIEWER: _("viewer"),
    }.get(role, str(role))


def spend(bills: Sequence[BillSummary]) -> list[dict[str, Any]]:
    """The last bills, oldest first, for the bill chart; without tax."""
    return [
        {
            "label": month_text(bill.issued_on, language=None),
            "date": bill.issued_on,
            "amount": bill.net,
            "list_amount": bill.net,
            "actual": bill.net,
            "free": False,
            "bill_text": bill.number,
        }
        for bill in reversed(bills[:12])
    ]


def offers(catalogue: Snapshot) -> dict[str, list[dict[str, Any]]]:
    """What a firm can order for its lines, in prices without tax."""
    return {
        "plans": [_offer(each) for each in _sold(catalogue, Kind.PLAN)],
        "handsets": [_offer(each) for each in _sold(catalogue, Kind.HANDSET)],
    }


def _sold(catalogue: Snapshot, kind: Kind) -> list[Offering]:
    found = [o for o in catalogue.of_kind(kind) if Segment.BUSINESS in o.segments]
    return sorted(found, key=lambda o: (o.rank, o.code))


def _offer(offering: Offering) -> dict[str, Any]:
    charges = offering.charges_for(
        segment=Segment.BUSINESS, term=max(offering.terms, default=24), bundle="fleet-line"
    )
    return {
        "code": offering.code,
        "name": said(offering.name),
        "summary": said(offering.summary),
        "charges": [(charge.amount, charge.kind == "recurring") for charge in charges],
        "terms": [term for term in offering.terms if term],
    }


def answer_rows(answers: Sequence[RowAnswer], *, names: Sequence[str]) -> list[dict[str, Any]]:
    """Every row of a fleet with what is wrong with it."""
    return [
        {
            "row": answer.row,
            "name": names[answer.row - 1] if answer.row <= len(names) else "",
            "accepted": answer.accepted,
            "errors": [f"{error.field}: {error.message}" for error in answer.errors],
        }
        for answer in answers
    ]


def fleet_rows(order: OrderView) -> list[dict[str, Any]]:
    """One row per user of an order: line, number, SIM, phone, site, parcel."""
    groups: dict[str, dict[str, Any]] = {}
    for item in order.items:
        row = groups.setdefault(
            item.group,
            {"user": "", "number": "", "sim": "", "phone": "", "site": "", "parcel": ""},
        )
        if item.role == "plan":
            row["user"] = item.config.get("user_name", "")
            row["number"] = words.number(item.facts.get("msisdn", ""))
            row["plan"] = named(item.name)
        if item.facts.get("iccid"):
            row["sim"] = item.facts["iccid"]
        if item.role == "handset":
            row["phone"] = named(item.name)
        if item.deliver_to is not None:
            row["site"] = f"{item.deliver_to.postcode} {item.deliver_to.city}"
        if item.facts.get("tracking_number"):
            row["parcel"] = item.facts["tracking_number"]
        row["state"] = _item_state(str(item.state)) if item.role == "plan" else row.get("state")
    return list(groups.values())


def _item_state(state: str) -> tuple[str, str]:
    if state == "active":
        return ("done", _("active"))
    return ("running", _("being prepared"))
