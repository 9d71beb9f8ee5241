"""Contracts as the customer area shows them."""

from collections.abc import Iterable, Mapping
from typing import Any

import segno
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from catalogue.domain.expressions import Scalar
from catalogue.domain.model import Kind, Snapshot
from commerce.kernel.clock import business_today
from commerce.ordering.domain.quote import Quote
from frontend.account.words import number, subscription_state
from frontend.qr import drawn
from frontend.shop.words import (
    drawing,
    euros,
    label_of,
    language,
    long_name,
    months,
    named,
    said,
    value_text,
)
from frontend.typography import NBSP, month_text
from orchestration.content import ContentAccess
from orchestration.esim import EsimProfile, ProfileState
from subscriptions.domain.views import (
    BenefitView,
    ChargeView,
    ItemView,
    PromisedBill,
    PromiseView,
    SubscriptionView,
)

SHOWN, MADE_SHOWN = 13, 9
PLAN_FACTS = ("data_gb", "network", "calls", "messages", "europe_gb")


def item_name(item: ItemView, catalogue: Snapshot) -> str:
    """What is sold, as it was called when it was agreed."""
    offering = catalogue.offerings.get(item.offering)
    if offering is not None and offering.kind is Kind.HANDSET:
        return long_name(catalogue, offering)
    return named(item.names) or (said(offering.name) if offering else item.offering)


def card(line: SubscriptionView, catalogue: Snapshot) -> dict[str, Any]:
    """A line in the overview: its plan, its phone as a drawing, its content."""
    state, label = subscription_state(line)
    by_kind = _by_kind(line.items_on(business_today()), catalogue)
    plan = next(iter(by_kind.get(Kind.PLAN, ())), None)
    handset = next(iter(by_kind.get(Kind.HANDSET, ())), None)
    shown = handset or next(iter(by_kind.get(Kind.SIM, ())), None)
    offering = catalogue.offerings.get(shown.offering) if shown else None
    services = (*by_kind.get(Kind.CONTENT, ()), *by_kind.get(Kind.OPTION, ()))
    return {
        "id": line.id,
        "number": number(line.msisdn),
        "plan": item_name(plan, catalogue) if plan else "",
        "handset": item_name(handset, catalogue) if handset else "",
        "device": drawing(offering) if offering else None,
        "services": [item_name(item, catalogue) for item in services],
        "user_name": line.user_name,
        "state": state,
        "state_label": label,
        "commitment_ends_on": line.commitment_ends_on,
    }


def contents(lines: Iterable[SubscriptionView], catalogue: Snapshot) -> list[dict[str, Any]]:
    """Music, video, press and options of all lines, with the line each belongs to."""
    found = []
    for line in lines:
        for kind in (Kind.CONTENT, Kind.OPTION):
            for item in _by_kind(line.items_on(business_today()), catalogue).get(kind, ()):
                offering = catalogue.offerings[item.offering]
                found.append(
                    {
                        "name": item_name(item, catalogue),
                        "device": drawing(offering),
                        "number": number(line.msisdn),
                        "price": "; ".join(charge_text(charge) for charge in item.charges),
                        "url_id": line.id,
                    }
                )
    return found


def included(
    line: SubscriptionView, catalogue: Snapshot, *, accesses: Iterable[ContentAccess] = ()
) -> list[dict[str, Any]]:
    """Every item with what it costs per month, for a plan what it holds, and where a service is
    opened."""
    rows = []
    opened = {access.item_id: access for access in accesses}
    for item in line.items_on(business_today()):
        offering = catalogue.offerings.get(item.offering)
        facts = offering.characteristics if offering else {}
        is_plan = offering is not None and offering.kind is Kind.PLAN
        holds = [
            _plan_fact(catalogue, name, facts[name])
            for name in PLAN_FACTS
            if is_plan and name in facts
        ]
        rows.append(
            {
                "id": item.id,
                "removable": offering is not None and offering.kind in (Kind.OPTION, Kind.CONTENT),
                "name": item_name(item, catalogue),
                "access": opened.get(item.id),
                "device": drawing(offering) if offering else None,
                "text": ", ".join(holds) or (said(offering.summary) if offering else ""),
                "charges": [charge_text(charge) for charge in item.charges],
                "benefits": [
                    benefit_text(benefit) for charge in item.charges for benefit in charge.benefits
                ],
            }
        )
    return rows


def _plan_fact(catalogue: Snapshot, name: str, value: Scalar | tuple[Scalar, ...]) -> str:
    """`130 Go`, but `Appels : illimités`: a word that needs its name gets it."""
    text = value_text(catalogue, name, value)
    if name in ("data_gb", "network"):
        return text
    gap = NBSP if language() == "fr" else ""
    return f"{label_of(catalogue, name)}{gap}: {text[:1].lower()}{text[1:]}"


def charge_text(charge: ChargeView) -> str:
    """`19,99 € per month`."""
    amount = euros(charge.amount * charge.quantity)
    if charge.every_months == 1:
        return _("%(amount)s per month") % {"amount": amount}
    return _("%(amount)s every %(months)s") % {
        "amount": amount,
        "months": months(charge.every_months),
    }


def benefit_text(benefit: BenefitView) -> str:
    """The name that it was agreed under; with its months when they are not the first ones."""
    name = named(benefit.names) or benefit.code
    if benefit.periods is None:
        return name
    last = benefit.first + benefit.periods - 1
    if benefit.first == 1 and benefit.names:
        return name
    return _("%(name)s (months %(first)d to %(last)d)") % {
        "name": name,
        "first": benefit.first,
        "last": last,
    }


def chart(promise: PromiseView) -> list[dict[str, Any]]:
    """A year and a month of promised bills, the latest made among them, with those laid over."""
    bills = [bill for bill in promise.bills if bill.period and bill.starts_on]
    made = sum(bill.billed is not None for bill in bills)
    first = max(0, min(made - MADE_SHOWN, len(bills) - SHOWN))
    return [_bar(bill) for bill in bills[first : first + SHOWN]]


def _bar(bill: PromisedBill) -> dict[str, Any]:
    assert bill.starts_on is not None
    return {
        "label": month_text(bill.starts_on, language=get_language(), short=False),
        "date": bill.starts_on,
        "amount": bill.amount,
        "list_amount": bill.list_amount,
        "free": not bill.amount and bool(bill.list_amount),
        "bill_text": _("free") if not bill.amount and bill.list_amount else "",
        "actual": bill.billed,
    }


def kept_so_far(promise: PromiseView) -> dict[str, int]:
    """How many bills were made, and how many of them are to the cent what was promised."""
    made = [bill for bill in promise.bills if bill.period and bill.billed is not None]
    return {"made": len(made), "kept": sum(bill.billed == bill.amount for bill in made)}


def qr(code: str) -> SafeString:
    """The eSIM's activation code, for the phone's camera."""
    return drawn(segno.make_qr(code, error="m"), title=_("QR code of your eSIM"))


_PROFILE_WORDS = {
    ProfileState.ALLOCATED: ("waiting", gettext_lazy("Reserved for you")),
    ProfileState.RELEASED: ("waiting", gettext_lazy("Ready to be installed")),
    ProfileState.DOWNLOADED: ("running", gettext_lazy("Downloaded to your phone")),
    ProfileState.INSTALLED: ("done", gettext_lazy("Installed on your phone")),
    ProfileState.ENABLED: ("done", gettext_lazy("In use on your phone")),
    ProfileState.ERROR: ("failed", gettext_lazy("Could not be installed")),
}


def esim(profile: EsimProfile | None) -> dict[str, Any] | None:
    """The eSIM's card: its state, and its code as long as it can be installed."""
    if profile is None:
        return None
    state, label = _PROFILE_WORDS[profile.state]
    return {
        "state": state,
        "label": label,
        "at": profile.at,
        "coming": profile.coming,
        "qr": qr(profile.lpa) if profile.installable else "",
        **lpa_parts(profile.lpa if profile.installable else ""),
    }


def lpa_parts(lpa: str) -> dict[str, str]:
    """The two values that are typed by hand where no camera helps: `LPA:1$server$code`."""
    parts = lpa.split("$")
    return {
        "server": parts[1] if len(parts) > 1 else "",
        "code": parts[2] if len(parts) > 2 else "",
    }


def monthly_in_words(quote: Quote) -> list[str]:
    """The phases of a quote, one sentence each, to be read aloud."""
    sentences = []
    for phase in quote.monthly:
        amount = euros(phase.amount, short=False)
        if phase.periods is None:
            text = (
                _("From month %(first)d on: %(amount)s per month.")
                if phase.first > 1
                else _("%(amount)s per month from the first month on.")
            )
        elif phase.periods == 1:
            text = _("Month %(first)d: %(amount)s.")
        else:
            text = _("Months %(first)d to %(last)d: %(amount)s per month.")
        sentences.append(
            text
            % {
                "first": phase.first,
                "last": phase.first + (phase.periods or 1) - 1,
                "amount": amount,
            }
        )
    return sentences


def _by_kind(items: Iterable[ItemView], catalogue: Snapshot) -> Mapping[Kind, tuple[ItemView, ...]]:
    found: dict[Kind, tuple[ItemView, ...]] = {}
    for item in items:
        offering = catalogue.offerings.get(item.offering)
        if offering is not None:
            found[offering.kind] = (*found.get(offering.kind, ()), item)
    return found
