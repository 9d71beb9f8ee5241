"""What the steps of a guided journey show: the way, the candidates, the panel."""

from collections.abc import Sequence
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering, Segment, Snapshot, role_of
from catalogue.selectors import snapshot_of
from commerce.kernel.clock import business_now
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from commerce.ordering.domain.adapting import Change
from commerce.ordering.domain.answers import Reason
from commerce.ordering.domain.journey import Candidate, Difference, StepView
from commerce.ordering.domain.journeys import EXTRAS, Way, ways_of
from commerce.ordering.domain.packs import line_group, pack_of
from commerce.ordering.domain.quote import Quote, QuoteLine
from commerce.ordering.domain.simulation import Beyond, Cost
from commerce.ordering.selectors import CartView
from commerce.ordering.services.instalments import is_offered
from frontend.consumption import amount_text
from frontend.shop.cards import lowest_text
from frontend.shop.cart import role_name
from frontend.shop.contract import line_schedule
from frontend.shop.panel import panel_of
from frontend.shop.places import CartPlace, Place
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
IN_PARTS = "in-parts"
"""The step after those of a bundle: how its phone is paid."""
TERMS = (24, 12, 0)
MOST_BADGES = 3
MOST_CLOSED = 4


def step_label(way: Way) -> str:
    if way.code == EXTRAS and "accessory" not in map(role_of, way.roles):
        return _("Services")
    return role_name("accessory" if way.code == EXTRAS else way.code)


def step_url(code: str, group: str, role: str) -> str:
    return reverse("checkout:step", args=[code, group, role])


def bar_of(
    ways: Sequence[Way], *, here: str, place: Place | None, in_parts_url: str = ""
) -> list[Context]:
    """The steps bar: what is behind leads back. `here` is a step's code, or none: the summary. How
    the phone is paid is a step of its own where parts are offered, at `in_parts_url`."""
    codes = [way.code for way in ways] + ([IN_PARTS] if in_parts_url else [])
    at = codes.index(here) if here in codes else len(codes)
    steps = []
    for number, way in enumerate(ways):
        state = "here" if number == at else "done" if number < at else "coming"
        url = place.step_url(way.code) if place is not None else ""
        steps.append({"label": step_label(way), "url": url, "state": state})
    if in_parts_url:
        state = "here" if here == IN_PARTS else "coming" if here in codes else "done"
        steps.append({"label": _("Payment"), "url": in_parts_url, "state": state})
    state = "here" if at == len(codes) else "coming"
    return [*steps, {"label": _("Summary"), "url": "", "state": state}]


def steps_of(view: CartView, *, here: str) -> list[Context]:
    """The steps bar of the cart's first bundle, all of them behind us: how its phone is paid where
    that is asked, and the summary."""
    group = next(iter(view.bundles), "")
    if not group:
        return [{"label": _("Summary"), "url": "", "state": "here"}]
    bundle = snapshot_of(view.quote.release).offering(view.bundles[group])
    place = CartPlace(_NO_QUERY, route="checkout:step", args=(view.code, group))
    return bar_of(ways_of(bundle.slots), here=here, place=place, in_parts_url=in_parts_url(view))


def in_parts_url(view: CartView) -> str:
    """Where it is asked how the phone is paid; empty where parts are not offered to anybody in the
    segment, or the cart has no phone."""
    phones = any(role_of(line.role) == "handset" for line in view.quote.lines)
    asked = phones and is_offered(view.segment)
    return reverse("checkout:in_parts", args=[view.code]) if asked else ""


def line_of_pack(view: CartView, *, group: str, catalogue: Snapshot) -> str:
    """Which line of its pack a step is about; empty outside of packs."""
    around = pack_of(group, view.bundles)
    pack = catalogue.offering(view.bundles[around])
    groups = [line_group(around, line) for line in pack.lines]
    if group not in groups:
        return ""
    return _("%(pack)s: line %(number)s of %(count)s") % {
        "pack": said(pack.name),
        "number": groups.index(group) + 1,
        "count": len(groups),
    }


def line_choices(view: CartView, *, group: str, catalogue: Snapshot) -> list[Context]:
    """The bundles that the line of a pack may be, where it may be several."""
    around = pack_of(group, view.bundles)
    lines = catalogue.offering(view.bundles[around]).lines
    line = next((each for each in lines if line_group(around, each) == group), None)
    return [
        {
            "label": said(catalogue.offering(code).name),
            "value": code,
            "current": code == view.bundles[group],
        }
        for code in (line.bundles if line is not None and len(line.bundles) > 1 else ())
    ]


def chosen_card(
    quote: Quote,
    *,
    group: str,
    here: str,
    ways: Sequence[Way],
    place: Place,
    catalogue: Snapshot,
) -> Context | None:
    """What was chosen in the last step before that is for one, with the way back."""
    codes = [way.code for way in ways]
    before = codes[: codes.index(here)] if here in codes else codes
    for code in reversed(before):
        line = next((x for x in quote.lines if x.group == group and x.role == code), None)
        if line is not None:
            offering = catalogue.offering(line.offering)
            return {
                "device": drawing(offering),
                "title": long_name(catalogue, offering),
                "text": _chosen_text(quote, line, offering),
                "change_url": place.step_url(code),
            }
    return None


def _chosen_text(quote: Quote, line: QuoteLine, offering: Offering) -> str:
    facts = offering.characteristics
    parts = []
    if offering.kind is Kind.HANDSET:
        networks = facts.get("network")
        if isinstance(networks, tuple) and networks:
            parts.append(str(networks[-1]))
        if facts.get("esim") is True:
            parts.append("eSIM")
        plain = _plain_price(offering, quote)
        price = euros(line.due_today)
        if plain is not None and plain != line.due_today:
            price = _("%(price)s with a commitment of %(term)s, instead of %(list)s") % {
                "price": price,
                "term": months(line.term),
                "list": euros(plain),
            }
        return ", ".join(parts) + (" · " if parts else "") + price
    if line.phases:
        return line_schedule(line, quote)
    return said(offering.summary)


def _plain_price(offering: Offering, quote: Quote) -> Money | None:
    """The list price without commitment."""
    segment = Segment.CONSUMER if quote.basis is Basis.TTC else Segment.BUSINESS
    charges = offering.charges_for(segment=segment, term=0, bundle=None, at=business_now())
    return next((charge.amount for charge in charges if charge.code == "price"), None)


def choices_of(step: StepView, *, catalogue: Snapshot, place: Place) -> list[Context]:
    """The candidates of a step for one, as its kind is shown."""
    if step.slot.kind is Kind.PLAN:
        return [_plan_choice(each, step=step, catalogue=catalogue, place=place)
                for each in step.candidates]  # fmt: skip
    return [_thing_choice(each, step=step, catalogue=catalogue, place=place)
            for each in step.candidates]  # fmt: skip


def parted(choices: Sequence[Context]) -> Context:
    """Those that meet all answers, and the others; many that can't be chosen are folded."""
    closed = [choice for choice in choices if choice["state"] == "closed"]
    folded = closed if len(closed) > MOST_CLOSED else []
    shown = [choice for choice in choices if choice not in folded]
    return {
        "choices": [choice for choice in shown if not choice["misses"]],
        "others": [choice for choice in shown if choice["misses"]],
        "closed": folded,
    }


def _plan_choice(
    candidate: Candidate, *, step: StepView, catalogue: Snapshot, place: Place
) -> Context:
    offering = candidate.offering
    facts = offering.characteristics
    size = value_text(catalogue, "data_gb", facts["data_gb"]) if "data_gb" in facts else ""
    figure, _nbsp, unit = size.rpartition("\u00a0")
    choice = base_choice(candidate, step=step, catalogue=catalogue, place=place) | {
        "figure": figure,
        "unit": unit,
        "title": full_name(offering),
        "text": _plan_text(candidate, catalogue=catalogue),
    }
    if candidate.refusal is None:
        choice["badges"] = [*_free_months(candidate), *choice["badges"]][:MOST_BADGES]
    return choice | (_monthly_difference(candidate) if step.quote.lines else _whole(candidate))


def _whole(candidate: Candidate) -> Context:
    """Before anything is chosen: what it costs, not what it changes."""
    change = candidate.difference
    if not change.lasting_month:
        return {"price_text": euros(change.today), "price_note": _("today")}
    note = _("today, then %(month)s per month") % {"month": euros(change.lasting_month)}
    return {"price_text": euros(change.today), "price_note": note}


def _free_months(candidate: Candidate) -> list[dict[str, str]]:
    first = candidate.quote.monthly[0] if candidate.quote.monthly else None
    if first is None or first.amount or not first.list_amount or not first.periods:
        return []
    return [{"label": _("%(months)s free") % {"months": months(first.periods)}, "kind": "mint"}]


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
    if candidate.chosen:
        first = candidate.quote.monthly[0] if candidate.quote.monthly else None
        if first is not None and first.periods and len(candidate.quote.monthly) > 1:
            note = _("%(amount)s for %(months)s") % {
                "amount": euros(first.amount),
                "months": months(first.periods),
            }
            return {"price_note": note}
        return {}
    return difference_of(candidate.difference)


def difference_of(change: Difference) -> Context:
    """A difference as a choice shows it: per month first, today beside it."""
    if change.lasting_month or not change.today:
        note = _("per month")
        if change.today:
            note = _("per month, %(today)s today") % {"today": _signed(change.today)}
        return {"difference": change.lasting_month, "price_note": note}
    return {"difference": change.today, "price_note": _("today")}


def _signed(amount: Money) -> str:
    return difference_text(amount, language=get_language())


def _thing_choice(
    candidate: Candidate, *, step: StepView, catalogue: Snapshot, place: Place
) -> Context:
    """A phone (or anything bought at once): today's difference, with the month's beside it."""
    change = candidate.difference
    note = ""
    if change.today and change.lasting_month:
        note = _("today, %(month)s per month") % {"month": _signed(change.lasting_month)}
    elif change.today:
        note = _("today")
    elif change.lasting_month:
        note = _("per month")
    shown = change.today or change.lasting_month
    choice = base_choice(candidate, step=step, catalogue=catalogue, place=place) | {
        "device": drawing(candidate.offering),
        "title": long_name(catalogue, candidate.offering),
        "text": said(candidate.offering.summary),
    }
    if not step.quote.lines:
        return choice | _whole(candidate)
    return choice | {
        "difference": None if candidate.chosen else shown,
        "price_text": "" if shown or candidate.chosen else _("same price"),
        "price_note": "" if candidate.chosen else note,
    }


def extra_choices(step: StepView, *, catalogue: Snapshot, place: Place) -> list[Context]:
    """Accessories and services: what each adds today or per month."""
    found = []
    for candidate in step.candidates:
        line = candidate.quote.line(candidate.line)
        once = line.due_today if line is not None else Money.zero()
        choice = base_choice(candidate, step=step, catalogue=catalogue, place=place) | {
            "device": drawing(candidate.offering),
            "title": full_name(candidate.offering),
            "text": said(candidate.offering.summary),
            "remove": candidate.offering.code if candidate.chosen else "",
        }
        phases = line.phases if line is not None else ()
        if phases:
            choice["difference"] = None if candidate.chosen else phases[0].amount
            choice["price_text"] = "" if candidate.chosen else _signed(phases[0].amount)
            choice["price_note"] = _service_note(candidate)
        else:
            choice["difference"] = None if candidate.chosen else candidate.difference.today
            if line is not None and line.list_today != once:
                saved = _("instead of %(list)s") % {"list": euros(line.list_today)}
                choice["price_note"] = saved
        if candidate.recommended is not None and candidate.refusal is None:
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


def sim_choices(step: StepView, *, catalogue: Snapshot, place: Place) -> list[Context]:
    return [
        base_choice(candidate, step=step, catalogue=catalogue, place=place)
        | {
            "value": candidate.offering.code,
            "title": full_name(candidate.offering),
            "text": said(candidate.offering.summary),
            "device": drawing(candidate.offering),
            "price": _sum_once(candidate),
            "recommended": said(candidate.recommended) if candidate.recommended else "",
        }
        for candidate in step.candidates
    ]


def _sum_once(candidate: Candidate) -> Money:
    line = candidate.quote.line(candidate.line)
    return line.due_today if line is not None else Money.zero()


def base_choice(
    candidate: Candidate, *, step: StepView, catalogue: Snapshot, place: Place
) -> Context:
    choice: Context = {
        "state": "chosen" if candidate.chosen else "",
        "badges": [],
        "changes": [],
        "misses": [],
    } | place.pick(candidate, step)
    if candidate.refusal is not None:
        return choice | {
            "state": "closed",
            "reason": said(candidate.refusal.message),
            "way_out": _way_out(candidate, step=step, place=place),
        }
    choice["badges"] = [_badge(reason) for reason in candidate.reasons][:MOST_BADGES]
    choice["misses"] = [_miss(reason) for reason in candidate.misses]
    choice["lowest"] = lowest_text(candidate.offering, step.lowest.get(candidate.offering.code))
    if not candidate.chosen:
        choice["changes"] = [change_text(each, catalogue) for each in candidate.changes
                             if each.before is not None or each.role == "plan"]  # fmt: skip
    return choice


def _badge(reason: Reason) -> dict[str, str]:
    if reason.code == "recommended":
        return {"label": _("Recommended"), "kind": "sun"}
    kind = {"best_for_usage": "sun", "within_budget": "mint"}.get(reason.code, "")
    return {"label": said(reason.message), "kind": kind}


def _miss(reason: Reason) -> str:
    if "over" in reason.values:
        return _("%(amount)s a month above your budget.") % {
            "amount": euros(Money.of(reason.values["over"]))
        }
    return said(reason.message)


def change_text(change: Change, catalogue: Snapshot) -> str:
    """What changes in another role, as a sentence."""
    names = {
        "before": _named(change.before, change.term_before, change, catalogue),
        "after": _named(change.after, change.term_after, change, catalogue),
    }
    if change.before is None:
        return _("With %(after)s") % names
    if change.after is None:
        return _("Without %(before)s") % names
    return _("%(after)s instead of %(before)s") % names


def _named(code: str | None, term: int, change: Change, catalogue: Snapshot) -> str:
    offering = catalogue.offerings.get(code or "")
    name = long_name(catalogue, offering) if offering is not None else code or ""
    if change.role != "plan" or change.term_before == change.term_after or not change.before:
        return name
    return f"{name} ({months(term) if term else _('No commitment')})"


def confirmation(step: StepView, code: str, *, catalogue: Snapshot, place: Place) -> Context | None:
    """What a choice would change elsewhere, to be looked at before it is made."""
    candidate = step.candidate(code) if code else None
    if candidate is None or candidate.refusal is not None or not candidate.consequences:
        return None
    change = candidate.difference
    return {
        "title": long_name(catalogue, candidate.offering),
        "value": code,
        "accept": candidate.confirmation,
        "term": candidate.term,
        "changes": [
            {
                "text": change_text(each, catalogue),
                "reason": said(each.reason.message) if each.reason is not None else "",
            }
            for each in candidate.consequences
        ],
        "today": change.today,
        "lasting": change.lasting_month,
        "total": change.total,
        "back_url": place.here(confirm="", place=""),
        "candidate": candidate,
    }


def _way_out(candidate: Candidate, *, step: StepView, place: Place) -> Context | None:
    """The catalogue's words for what can be done instead, as a link to where it is done."""
    refusal = candidate.refusal
    label = said(refusal.way_out) if refusal is not None else ""
    if refusal is None or not label:
        return None
    plan = step.slot.kind is Kind.PLAN
    if plan and refusal.code == "not_a_candidate":
        return {"label": label, "url": reverse("shop:plan", args=[candidate.offering.code])}
    if plan and refusal.code == "term_not_offered":
        term = max(candidate.offering.terms, default=0)
        label = _("See it with a commitment of %(term)s") % {"term": months(term)}
        label = label if term else _("See it without commitment")
        return {"label": label, "url": place.here(term=str(term))}
    if step.term and refusal.code.startswith("reduced-price"):
        return {"label": _("See it without commitment"), "url": place.here(term="0")}
    roles = {slot.role for slot in step.bundle.slots}
    other = "handset" if step.role != "handset" and "handset" in roles else "plan"
    return {"label": label, "url": place.step_url(other)}


def term_chips(step: StepView, *, place: Place, terms: Sequence[int] = TERMS) -> list[Context]:
    return [
        {
            "label": months(term) if term else _("No commitment"),
            "url": place.here(term=str(term)),
            "current": term == step.term,
        }
        for term in terms
        if term in step.bundle.terms
    ]


def panel_for(quote: Quote, *, catalogue: Snapshot, **action: Any) -> Context:
    return panel_of(quote, catalogue=catalogue, **action)


def cost_choice(cost: Cost, *, catalogue: Snapshot, first: bool, url: str) -> Context:
    """A plan of the simulation: what it costs on the usage, and why."""
    facts = cost.plan.characteristics
    size = value_text(catalogue, "data_gb", facts["data_gb"]) if "data_gb" in facts else ""
    figure, _nbsp, unit = size.rpartition("\u00a0")
    badges = []
    if first and not cost.short:
        badges.append({"label": _("The cheapest for your usage"), "kind": "sun"})
    return {
        "figure": figure,
        "unit": unit,
        "title": full_name(cost.plan),
        "text": " ".join(_cost_sentences(cost)),
        "badges": badges,
        "misses": [_short_text(each) for each in cost.short],
        "state": "",
        "price_text": euros(cost.commitment, short=False),
        "price_note": _("over 24 months, %(year)s in the first year")
        % {"year": euros(cost.year, short=False)},
        "url": url,
    }


def _cost_sentences(cost: Cost) -> list[str]:
    term = months(cost.term) if cost.term else ""
    found = [
        _("With a commitment of %(term)s.") % {"term": term} if term else _("No commitment") + "."
    ]
    found.append(
        _("%(fixed)s fixed, promotions included.") % {"fixed": euros(cost.fixed, short=False)}
    )
    found += [
        _("%(what)s beyond: %(year)s a year.")
        % {"what": amount_text(each.used - each.included, each.dimension), "year": euros(each.year)}
        for each in cost.beyond
    ]
    if not cost.beyond and not cost.short:
        found.append(_("Nothing beyond what is included."))
    return found


def _short_text(beyond: Beyond) -> str:
    return _("Includes %(included)s, you use %(used)s.") % {
        "included": amount_text(beyond.included, beyond.dimension),
        "used": amount_text(beyond.used, beyond.dimension),
    }


_NO_QUERY = QueryDict()
