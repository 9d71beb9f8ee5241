"""The business portal in words: frame, spend, offers, lines of an order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.core.paginator import Page, Paginator
from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering, Segment, Snapshot
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.money import Money, total
from commerce.ordering.domain.states import ItemState, OrderState
from commerce.ordering.selectors import OrderItemView, OrderView
from frontend.account import words
from frontend.business.numbers import price_sign
from frontend.shop.contract import display_number
from frontend.shop.tracking import within_text
from frontend.shop.words import drawing, full_name, language, model_name, named, said
from frontend.typography import month_text
from subscriptions.domain.views import BillSummary

DECIDERS = (Role.APPROVER, Role.ADMINISTRATOR)
LINES_PER_PAGE = 100
MONTHS = 12


def around(context: AccountContext, *, here: str) -> dict[str, Any]:
    """The frame of every page of the portal."""
    pages = [
        ("portal:home", _("Overview")),
        ("portal:new", _("New lines")),
        ("portal:lines", _("Lines")),
        ("portal:numbers", _("Numbers")),
        ("portal:orders", _("Orders")),
        ("portal:approvals", _("Approvals")),
        ("portal:bills", _("Bills")),
        ("portal:purchases", _("Purchases")),
        ("portal:people", _("People and API")),
        ("portal:webhooks", _("Webhooks")),
    ]
    hidden = {"portal:approvals"} if context.role not in DECIDERS else set()
    if context.role is Role.VIEWER:
        hidden.add("portal:new")
    return {
        "area": _("Business"),
        "area_url": reverse("portal:home"),
        "navigation": [
            {"label": label, "url": reverse(name), "current": name == here}
            for name, label in pages
            if name not in hidden
        ],
        "search_url": reverse("portal:orders"),
        "search_label": _("Order or purchase order"),
        "who": context.actor.name,
        "role": role_name(context.role),
        "may_order": context.role is not Role.VIEWER,
    }


def role_name(role: Role) -> str:
    return {
        Role.BUYER: _("buyer"),
        Role.APPROVER: _("approver"),
        Role.ADMINISTRATOR: _("administrator"),
        Role.VIEWER: _("viewer"),
    }.get(role, str(role))


def spend(bills: Sequence[BillSummary]) -> list[dict[str, Any]]:
    """What was billed per month, without tax, oldest first, for the bars and the table."""
    ordered = sorted(bills, key=lambda bill: bill.issued_on)
    months = []
    for first, group in groupby(ordered, key=lambda bill: bill.issued_on.replace(day=1)):
        amounts = [bill.net for bill in group]
        months.append(
            {
                "label": month_text(first, language=language(), short=False),
                "date": first,
                "amount": total(amounts, currency=amounts[0].currency),
                "bill_text": "",
                "count": len(amounts),
            }
        )
    return months[-MONTHS:]


def offers(catalogue: Snapshot, *, at: datetime) -> dict[str, list[dict[str, Any]]]:
    """What a firm can order for its lines, in prices without tax."""
    return {
        "plans": [_offer(each, at=at) for each in sold(catalogue, Kind.PLAN)],
        "handsets": [_offer(each, at=at) for each in sold(catalogue, Kind.HANDSET)],
        "sims": [_offer(each, at=at) for each in sold(catalogue, Kind.SIM)],
    }


def sold(catalogue: Snapshot, kind: Kind) -> list[Offering]:
    found = [o for o in catalogue.of_kind(kind) if Segment.BUSINESS in o.segments]
    return sorted(found, key=lambda o: (o.rank, o.code))


def _offer(offering: Offering, *, at: datetime) -> dict[str, Any]:
    charges = offering.charges_for(
        segment=Segment.BUSINESS,
        term=max(offering.terms, default=24),
        bundle="fleet-line",
        at=at,
    )
    return {
        "code": offering.code,
        "name": full_name(offering),
        "summary": said(offering.summary),
        "monthly": _sum(charge.amount for charge in charges if charge.kind == "recurring"),
        "once": _sum(charge.amount for charge in charges if charge.kind != "recurring"),
        "terms": [term for term in offering.terms if term],
        "data_gb": offering.characteristics.get("data_gb"),
        "network": offering.characteristics.get("network"),
    }


def _sum(amounts: Iterable[Money]) -> Money | None:
    """None when it costs nothing: then nothing is said of it."""
    found = total(amounts, currency="EUR")
    return found if found.amount else None


def pictured(catalogue: Snapshot, *, at: datetime, most: int = 5) -> list[dict[str, Any]]:
    """One phone of each model that firms can order, to be drawn; the dearest first."""
    models: dict[str, Offering] = {}
    for offering in sold(catalogue, Kind.HANDSET):
        models.setdefault(offering.family or offering.code, offering)
    rows = [
        {
            "name": model_name(catalogue, each),
            "device": drawing(each),
            "price": _offer(each, at=at)["once"],
        }
        for each in models.values()
    ]
    rows.sort(key=lambda row: -(row["price"].amount if row["price"] else 0))
    return rows[:most]


def bill_sections(sections: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A bill's sections with lines that are alike as one, and without those that cost nothing."""
    return [
        section | {"lines": [_times(*each) for each in _alike(section["lines"]) if _told(each[0])]}
        for section in sections
    ]


def _alike(lines: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    found: dict[str, tuple[dict[str, Any], int]] = {}
    for line in lines:
        first, count = found.get(repr(line), (line, 0))
        found[repr(line)] = (first, count + 1)
    return list(found.values())


def _told(line: dict[str, Any]) -> bool:
    return bool(line["amount"].amount) or line["differs"] or bool(line["note"])


def _times(line: dict[str, Any], count: int) -> dict[str, Any]:
    if count == 1:
        return line
    promised = line["promised"] * count if line["promised"] is not None else None
    label, amount = f"{line['label']} × {count}", line["amount"] * count
    return line | {"label": label, "amount": amount, "promised": promised}


def lines_page(order: OrderView, *, number: str) -> Page[dict[str, Any]]:
    """One page of the order's lines."""
    return Paginator(fleet_rows(order), LINES_PER_PAGE).get_page(number)


def progress(order: OrderView) -> dict[str, int]:
    """How many of the order's lines are active."""
    plans = [item for item in order.items if item.role == "plan" or item.tariff is not None]
    active = sum(item.state is ItemState.ACTIVE for item in plans)
    return {"active": active, "all": len(plans)}


def is_moving(order: OrderView) -> bool:
    """Whether its page should look again by itself."""
    return order.summary.state in (OrderState.ACCEPTED, OrderState.IN_PROGRESS)


def fleet_rows(order: OrderView) -> list[dict[str, Any]]:
    """One row per user of an order: line, number, SIM, phone, site, parcels."""
    groups: dict[str, list[OrderItemView]] = {}
    for item in order.items:
        groups.setdefault(item.group, []).append(item)
    moving = is_moving(order)
    return [_row(group, moving=moving) for group in groups.values()]


def _row(items: Sequence[OrderItemView], *, moving: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"parcels": []}
    row["within"] = list(dict.fromkeys(filter(None, map(within_text, items))))
    for item in items:
        if item.role == "plan":
            row["user"] = item.config.get("user_name", "")
            row["cost_centre"] = item.config.get("cost_centre", "")
            msisdn = item.facts.get("msisdn") or item.config.get("msisdn", "")
            row["number"] = words.number(msisdn)
            row["plan"] = named(item.name)
            row["state"] = _item_state(item.state, moving=moving)
        if item.tariff is not None:
            number = display_number(item.facts.get("msisdn") or item.config.get("msisdn", ""))
            row["plan"] = named(item.name)
            row["sign"] = price_sign(item.tariff, number=number or _("given at the order"))
            row["route_to"] = display_number(item.said("route_to"))
            row["state"] = _item_state(item.state, moving=moving)
        if item.role == "handset":
            row["phone"] = named(item.name)
        row["sim"] = item.facts.get("iccid") or row.get("sim", "")
        if item.deliver_to is not None:
            row["site"] = f"{item.deliver_to.postcode} {item.deliver_to.city}"
        parcel = item.facts.get("tracking_number")
        if parcel and parcel not in row["parcels"]:
            row["parcels"].append(parcel)
    return row


def _item_state(state: ItemState, *, moving: bool) -> tuple[str, str]:
    if state is ItemState.ACTIVE:
        return ("done", _("active"))
    if state is ItemState.CANCELLED:
        return ("pending", _("cancelled"))
    return ("running", _("being prepared")) if moving else ("pending", _("not started"))
