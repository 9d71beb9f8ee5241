"""What the steps of a guided journey show: the way, the candidates, the panel."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering, Snapshot
from commerce.kernel.money import Money
from commerce.ordering.domain.journey import Candidate, StepView
from commerce.ordering.selectors import CartView
from frontend.shop.cart import role_name
from frontend.shop.contract import line_schedule
from frontend.shop.panel import panel_of
from frontend.shop.words import (
    drawing,
    euros,
    full_name,
    long_name,
    months,
    on_day,
    phase_start,
    said,
    value_text,
)
from frontend.typography import difference_text

Context = dict[str, Any]
EXTRAS = ("accessory", "content", "option")
TERMS = (24, 12, 0)


def ways_of(bundle: Offering) -> list[str]:
    """The steps of a bundle by role; the extras are one step."""
    roles = [slot.role for slot in bundle.slots]
    way: list[str] = [role for role in ("handset", "plan") if role in roles]
    if any(role in roles for role in EXTRAS):
        way.append("accessory")
    return [*way, *(["sim"] if "sim" in roles else [])]


def extras_of(bundle: Offering) -> list[str]:
    """The roles that the step of the extras shows, in their order."""
    roles = {slot.role for slot in bundle.slots}
    return [role for role in EXTRAS if role in roles]


def step_label(role: str, bundle: Offering) -> str:
    if role == "accessory" and "accessory" not in {slot.role for slot in bundle.slots}:
        return _("Services")
    return role_name(role)


def step_url(code: str, group: str, role: str) -> str:
    return reverse("checkout:step", args=[code, group, role])


def bar_of(view: CartView, *, group: str, role: str, bundle: Offering) -> list[Context]:
    """The steps bar: what is behind leads back."""
    way = ways_of(bundle)
    here = way.index(role) if role in way else len(way)
    steps = []
    for place, each in enumerate(way):
        state = "here" if place == here else "coming"
        if place < here:
            state = "done"
        steps.append(
            {
                "label": step_label(each, bundle),
                "url": step_url(view.code, group, each),
                "state": state,
            }
        )
    state = "here" if here == len(way) else "coming"
    return [*steps, {"label": _("Summary"), "url": "", "state": state}]


def chosen_card(view: CartView, *, group: str, role: str, catalogue: Snapshot) -> Context | None:
    """What was chosen in the step before, with the way back."""
    before = {"plan": "handset", "accessory": "plan", "sim": "plan"}.get(role, "")
    line = next((x for x in view.quote.lines if x.group == group and x.role == before), None)
    if line is None:
        return None
    offering = catalogue.offering(line.offering)
    return {
        "device": drawing(offering),
        "title": long_name(catalogue, offering),
        "text": _chosen_text(view, line.offering, line.id, catalogue=catalogue),
        "change_url": step_url(view.code, group, before),
    }


def _chosen_text(view: CartView, code: str, line_id: str, *, catalogue: Snapshot) -> str:
    offering, line = catalogue.offering(code), view.quote.line(line_id)
    if line is None:
        return ""
    facts = offering.characteristics
    parts = []
    if offering.kind is Kind.HANDSET:
        networks = facts.get("network")
        if isinstance(networks, tuple) and networks:
            parts.append(str(networks[-1]))
        if facts.get("esim") is True:
            parts.append("eSIM")
        plain = plain_price(offering, view)
        price = euros(line.due_today)
        if plain is not None and plain != line.due_today:
            price = _("%(price)s with a commitment of %(term)s, instead of %(list)s") % {
                "price": price,
                "term": months(line.term),
                "list": euros(plain),
            }
        return ", ".join(parts) + (" · " if parts else "") + price
    if line.phases:
        return line_schedule(line, view.quote)
    return said(offering.summary)


def plain_price(offering: Offering, view: CartView) -> Money | None:
    """The list price without commitment."""
    charges = offering.charges_for(segment=view.segment, term=0, bundle=None)
    return next((charge.amount for charge in charges if charge.code == "price"), None)


def plan_choices(
    step: StepView, *, catalogue: Snapshot, code: str, usage: int | None
) -> list[Context]:
    best = best_for(step, usage) if usage else None
    return [
        _plan_choice(candidate, step=step, catalogue=catalogue, code=code, best=best, usage=usage)
        for candidate in step.candidates
        if candidate.refusal is None or candidate.refusal.code != "term_not_offered"
    ]


def best_for(step: StepView, usage: int) -> str | None:
    """The cheapest over the commitment that has as much data as is used."""
    enough = [
        candidate
        for candidate in step.candidates
        if candidate.refusal is None
        and isinstance(candidate.offering.characteristics.get("data_gb"), int)
        and int(str(candidate.offering.characteristics["data_gb"])) >= usage
    ]
    found = min(
        enough, key=lambda c: (c.quote.commitment_total.amount, c.offering.rank), default=None
    )
    return found.offering.code if found is not None else None


def _plan_choice(
    candidate: Candidate,
    *,
    step: StepView,
    catalogue: Snapshot,
    code: str,
    best: str | None,
    usage: int | None,
) -> Context:
    offering = candidate.offering
    facts = offering.characteristics
    size = value_text(catalogue, "data_gb", facts["data_gb"]) if "data_gb" in facts else ""
    figure, _nbsp, unit = size.rpartition("\u00a0")
    choice = _base(candidate, step=step, code=code) | {
        "figure": figure,
        "unit": unit,
        "title": full_name(offering),
        "text": _plan_text(candidate, catalogue=catalogue),
        "badges": _plan_badges(candidate) if candidate.refusal is None else [],
    }
    if best == offering.code and usage:
        choice["badges"].append(
            {"label": _("Best for %(usage)d GB a month") % {"usage": usage}, "kind": "sun"}
        )
    return choice | _monthly_difference(candidate)


def _plan_badges(candidate: Candidate) -> list[dict[str, str]]:
    badges = []
    first = candidate.quote.monthly[0] if candidate.quote.monthly else None
    if first is not None and not first.amount and first.list_amount and first.periods:
        badges.append(
            {"label": _("%(months)s free") % {"months": months(first.periods)}, "kind": "mint"}
        )
    if candidate.recommended is not None and candidate.refusal is None:
        badges.append({"label": _("Recommended"), "kind": "sun"})
    return badges


def _plan_text(candidate: Candidate, *, catalogue: Snapshot) -> str:
    facts = candidate.offering.characteristics
    parts = []
    if "calls" in facts:
        calls = value_text(catalogue, "calls", facts["calls"]).lower()
        parts.append(_("Calls: %(calls)s") % {"calls": calls})
    if "network" in facts:
        parts.append(value_text(catalogue, "network", facts["network"]))
    if "europe_gb" in facts:
        europe = value_text(catalogue, "europe_gb", facts["europe_gb"])
        parts.append(_("%(amount)s of it in Europe") % {"amount": europe})
    text = ", ".join(parts) + "."
    quote = candidate.quote
    if candidate.refusal is None and quote.monthly:
        last = quote.monthly[-1]
        if len(quote.monthly) > 1:
            text += " " + _("Then %(amount)s per month from %(day)s.") % {
                "amount": euros(last.amount),
                "day": on_day(phase_start(quote, last)),
            }
        else:
            text += " " + _("%(amount)s per month.") % {"amount": euros(last.amount)}
    if candidate.recommended is not None:
        text += " " + said(candidate.recommended)
    return text


def _monthly_difference(candidate: Candidate) -> Context:
    """The lasting month's difference, with today's beside it where it differs too."""
    change = candidate.difference
    if candidate.chosen:
        first = candidate.quote.monthly[0] if candidate.quote.monthly else None
        if first is not None and first.periods and len(candidate.quote.monthly) > 1:
            note = _("%(amount)s for %(months)s") % {
                "amount": euros(first.amount),
                "months": months(first.periods),
            }
            return {"price_note": note}
        return {}
    if change.lasting_month or not change.today:
        note = _("per month")
        if change.today:
            note = _("per month, %(today)s today") % {"today": _signed(change.today)}
        return {"difference": change.lasting_month, "price_note": note}
    return {"difference": change.today, "price_note": _("today")}


def _signed(amount: Money) -> str:
    return difference_text(amount, language=get_language())


def handset_choices(step: StepView, *, catalogue: Snapshot, code: str) -> list[Context]:
    return [
        _base(candidate, step=step, code=code)
        | {
            "device": drawing(candidate.offering),
            "title": long_name(catalogue, candidate.offering),
            "text": said(candidate.offering.summary),
            "badges": [],
            "difference": None if candidate.chosen else candidate.difference.today,
            "price_text": "" if candidate.difference.today else _("same price"),
            "price_note": _("today") if candidate.difference.today else "",
        }
        for candidate in step.candidates
    ]


def extra_choices(step: StepView, *, catalogue: Snapshot, code: str) -> list[Context]:
    """Accessories and services: what each adds today or per month."""
    found = []
    for candidate in step.candidates:
        change = candidate.difference
        line = candidate.quote.line(candidate.line)
        once = line.due_today if line is not None else Money.zero()
        choice = _base(candidate, step=step, code=code) | {
            "device": drawing(candidate.offering),
            "title": full_name(candidate.offering),
            "text": said(candidate.offering.summary),
            "badges": [],
            "remove": candidate.offering.code if candidate.chosen else "",
        }
        phases = line.phases if line is not None else ()
        if phases:
            choice["difference"] = None if candidate.chosen else phases[0].amount
            choice["price_text"] = "" if candidate.chosen else _signed(phases[0].amount)
            choice["price_note"] = _service_note(candidate)
        else:
            choice["difference"] = None if candidate.chosen else change.today
            if line is not None and line.list_today != once:
                saved = _("instead of %(list)s") % {"list": euros(line.list_today)}
                choice["price_note"] = saved
        if candidate.recommended is not None and candidate.refusal is None:
            choice["badges"].append({"label": _("Recommended"), "kind": "sun"})
            choice["text"] += " " + said(candidate.recommended)
        found.append(choice)
    return found


def _service_note(candidate: Candidate) -> str:
    line = candidate.quote.line(candidate.line)
    phases = line.phases if line is not None else ()
    if len(phases) < 2:
        return _("per month")
    return _("for %(months)s, then %(amount)s per month") % {
        "months": months(phases[0].periods or 0),
        "amount": euros(phases[-1].amount),
    }


def sim_choices(step: StepView, *, catalogue: Snapshot, code: str) -> list[Context]:
    return [
        _base(candidate, step=step, code=code)
        | {
            "value": candidate.offering.code,
            "title": full_name(candidate.offering),
            "text": said(candidate.offering.summary),
            "device": drawing(candidate.offering),
            "price": sum_once(candidate),
            "recommended": said(candidate.recommended) if candidate.recommended else "",
        }
        for candidate in step.candidates
    ]


def sum_once(candidate: Candidate) -> Money:
    line = candidate.quote.line(candidate.line)
    return line.due_today if line is not None else Money.zero()


def _base(candidate: Candidate, *, step: StepView, code: str) -> Context:
    choice: Context = {"name": "choose", "value": candidate.offering.code, "state": ""}
    if candidate.chosen:
        choice["state"] = "chosen"
    if candidate.refusal is not None:
        choice |= {
            "state": "closed",
            "reason": said(candidate.refusal.message),
            "way_out": _way_out(candidate, step=step, code=code),
        }
    return choice


def _way_out(candidate: Candidate, *, step: StepView, code: str) -> Context | None:
    """The catalogue's words for what can be done instead, as a link to where it is done."""
    refusal = candidate.refusal
    label = said(refusal.way_out) if refusal is not None else ""
    if refusal is None or not label:
        return None
    if refusal.code == "not_a_candidate" and step.role == "plan":
        return {"label": label, "url": reverse("shop:plan", args=[candidate.offering.code])}
    if step.role == "plan" and step.term and refusal.code.startswith("reduced-price"):
        return {"label": _("See it without commitment"), "url": "?term=0"}
    roles = {slot.role for slot in step.bundle.slots}
    other = "handset" if step.role != "handset" and "handset" in roles else "plan"
    return {"label": label, "url": step_url(code, step.group, other)}


def term_chips(step: StepView, *, usage: int | None) -> list[Context]:
    kept = f"&usage={usage}" if usage else ""
    return [
        {
            "label": months(term) if term else _("No commitment"),
            "url": f"?term={term}{kept}",
            "current": term == step.term,
        }
        for term in TERMS
        if term in step.bundle.terms
    ]


def panel_for(view: CartView, *, catalogue: Snapshot, **action: Any) -> Context:
    return panel_of(view.quote, catalogue=catalogue, **action)


def first_of_models(catalogue: Snapshot, codes: Iterable[str], *, own: str) -> list[str]:
    """All variants of the chosen phone's model, and one of each other."""
    family = catalogue.offerings[own].family if own in catalogue.offerings else None
    same = [offering.code for offering in catalogue.family(family)] if family else []
    return [*same, *(code for code in codes if catalogue.offerings[code].family != family)]
