"""The shopper's cart on the agent's screen: same prices, and the promise in words to read aloud."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Slot, Snapshot
from catalogue.selectors import snapshot_of
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_now
from commerce.kernel.money import Money
from commerce.ordering.domain.arrival import Change, Difference
from commerce.ordering.domain.checks import Issue
from commerce.ordering.domain.instalments import Choice
from commerce.ordering.domain.journey import Candidate, StepView
from commerce.ordering.domain.quote import QuoteLine
from commerce.ordering.domain.states import WAITING, OrderState
from commerce.ordering.journey import journey_step
from commerce.ordering.selectors import CartView, OrderView
from frontend.account import words
from frontend.account.lines import monthly_in_words
from frontend.shop.answers import NAMES, answers_in, asked, kept
from frontend.shop.cart import bundle_title, titled
from frontend.shop.deliveries import delivery, when_texts
from frontend.shop.in_parts import in_parts_text
from frontend.shop.panel import line_name, panel_of
from frontend.shop.places import CONFIRM, CartPlace
from frontend.shop.steps import base_choice, confirmation, line_choices
from frontend.shop.words import (
    drawing,
    euros,
    full_name,
    long_name,
    months,
    retention_reason,
    said,
    short_schedule,
)
from promotions.selectors import offered_by_agents

SHOWN_ROLES = ("content", "option", "accessory", "plan", "handset", "sim")


def role_name(role: str) -> str:
    return {
        "content": _("Content"),
        "option": _("Options"),
        "accessory": _("Accessories"),
        "plan": _("Plan"),
        "handset": _("Phone"),
        "sim": _("SIM"),
    }.get(role, role)


def cart_screen(
    context: AccountContext,
    view: CartView,
    *,
    role: str,
    group: str,
    query: QueryDict,
    in_parts: Choice | None = None,
) -> dict[str, Any]:
    """Lines, what may be added or changed with its difference, the panel, the words; with the phone
    paid `in_parts`, if the caller wants that."""
    catalogue = snapshot_of(view.quote.release)
    places = {each: _places(view, catalogue, each) for each in view.bundles}
    groups = [each for each, slots in places.items() if slots]
    group = group if group in groups else next(iter(groups), "")
    slots = {slot.name: slot for slot in places.get(group, ())}
    role = role if role in slots else next(iter(slots), "")
    values: dict[str, Any] = {
        "cart": view,
        "channels": ", ".join(words.channel(channel) for channel in view.channels),
        "cart_lines": _lines(view, catalogue),
        "panel": panel_of(
            view.quote,
            catalogue=catalogue,
            in_parts=in_parts,
            why_url=reverse("checkout:cart_why", args=[view.code]),
        ),
        "aloud": in_words(view, in_parts=in_parts),
        "issues": [_issue(issue, view, catalogue, groups) for issue in view.issues],
        "group": group,
        "chosen_role": role,
        "retention": _retention(view, catalogue) if view.quote.lines else [],
        "role_title": _place_title(slots[role], catalogue) if role else "",
        "groups": _groups(view, catalogue, groups, here=group) if len(groups) > 1 else [],
        "line_choices": line_choices(view, group=group, catalogue=catalogue) if group else [],
        "chips": [
            {
                "label": _place_title(slot, catalogue),
                "url": _at(view, group, name),
                "current": name == role,
            }
            for name, slot in slots.items()
        ],
    }
    if group and role:
        step = journey_step(
            context,
            code=view.code,
            group=group,
            role=role,
            answers=answers_in(query),
            every_variant=False,
            also=query.get(CONFIRM, ""),
        )
        place = CartPlace(query, route="agent:cart", args=(), name="offering")
        values["choices"] = [_choice(each, catalogue, place, step) for each in step.candidates]
        values["questions"] = asked(step.questions, query)
        values["answered"] = bool(answers_in(query))
        values["kept"] = kept(query, without=(*NAMES, CONFIRM))
        values["confirm"] = confirmation(
            step, query.get(CONFIRM, ""), catalogue=catalogue, place=place
        )
        if values["confirm"] is not None:
            values["confirm"] |= {
                "action": reverse("agent:change", args=[view.code]),
                "name": "offering",
                "fields": [("group", group), ("role", role)],
            }
    return values


def in_words(view: CartView, *, in_parts: Choice | None = None) -> list[str]:
    """The promise as it is read to the caller before the link is sent."""
    quote = view.quote
    if not quote.lines:
        return []
    today = quote.due_today_gross if in_parts is None else in_parts.due_now
    sentences = [
        _("Today you pay %(today)s.") % {"today": euros(today, short=False)},
        *([in_parts_text(in_parts)] if in_parts is not None else []),
        *monthly_in_words(quote),
    ]
    if quote.commitment_months:
        sentences.append(
            _("You commit for %(months)s. Over that time it costs %(total)s in total.")
            % {
                "months": months(quote.commitment_months),
                "total": euros(quote.commitment_total, short=False),
            }
        )
    elif quote.monthly:
        sentences.append(
            _("There is no commitment. The first 12 months cost %(total)s in total.")
            % {"total": euros(quote.commitment_total, short=False)}
        )
    sentences += [
        _("Included: %(name)s, which saves %(saving)s.")
        % {"name": said(a.name), "saving": euros(a.saving_over_commitment, short=False)}
        for a in quote.applied
    ]
    sentences.append(
        _("You receive the contract summary with the link, and nothing binds before you agree.")
    )
    return sentences


def difference_text(difference: Difference, catalogue: Snapshot) -> str:
    """What is not as the shopper saw it, as a sentence."""
    offering = catalogue.offerings.get(difference.subject.partition(".")[0])
    name = full_name(offering) if offering else difference.subject
    before = euros(difference.before, short=False) if difference.before is not None else ""
    after = euros(difference.after, short=False) if difference.after is not None else ""
    text = {
        Change.PRICE: _("%(name)s: %(before)s before, %(after)s now."),
        Change.NO_LONGER_SOLD: _("%(name)s is no longer sold."),
        Change.OUT_OF_STOCK: _("%(name)s is out of stock."),
        Change.ADVANTAGE_GONE: _("The advantage %(name)s is no longer given."),
        Change.ADVANTAGE_NEW: _("The advantage %(name)s is new."),
        Change.DUE_TODAY: _("Due today: %(before)s before, %(after)s now."),
        Change.COMMITMENT_TOTAL: _("Total: %(before)s before, %(after)s now."),
    }[difference.change]
    return text % {"name": name, "before": before, "after": after}


def order_screen(view: OrderView) -> dict[str, Any]:
    """An order that the agent has sent: who did what where, and how it stands."""
    catalogue = snapshot_of(view.quote.release)
    return (
        {
            "order": view,
            "panel": panel_of(
                view.quote,
                catalogue=catalogue,
                in_parts=view.in_parts,
                title=_("As agreed"),
                why_url=reverse("checkout:order_why", args=[view.summary.number]),
            ),
            "order_lines": [
                {
                    "name": line_name(line, catalogue=catalogue),
                    "within": _within(line, catalogue),
                    "today": line.due_today,
                    "monthly": _per_month(line.phases),
                }
                for line in view.quote.lines
            ],
            "channels": ", ".join(words.channel(channel) for channel in view.channels),
            "schedule": short_schedule(view.quote),
        }
        | state_of(view)
        | delivery(view)
    )


def _accepted(view: OrderView) -> bool:
    """By whoever placed it himself, or by link."""
    steps = [(step.before, step.after) for step in view.steps]
    asked = any(after == OrderState.AWAITING_ACCEPTANCE for _before, after in steps)
    return not asked or any(
        before == OrderState.AWAITING_ACCEPTANCE and after != OrderState.CANCELLED
        for before, after in steps
    )


CANCELLABLE = WAITING | {OrderState.ACCEPTED, OrderState.IN_PROGRESS}


def state_of(view: OrderView) -> dict[str, Any]:
    """The part that is asked for again while the customer accepts and pays."""
    state, label = words.order_state(view.summary.state, for_staff=True)
    return {
        "order": view,
        "state": state,
        "state_label": label,
        "waits": state == "waiting" or state == "running",
        "accepted": _accepted(view),
        "paid": view.accepted_at is not None,
        "can_cancel": view.summary.state in CANCELLABLE,
        "steps": [
            {
                "label": words.order_state(step.after, for_staff=True)[1],
                "at": step.at,
                "by": words.actor(step.actor),
                "where": words.channel(step.channel),
            }
            for step in view.steps
        ],
    }


def _issue(issue: Issue, view: CartView, catalogue: Snapshot, groups: Sequence[str]) -> str:
    """What is in the way; of several bundles with the name of the one."""
    text = f"{said(issue.message)} {said(issue.way_out)}"
    if len(groups) < 2 or issue.group not in groups:
        return text
    return titled(bundle_title(view.bundles[issue.group], catalogue=catalogue), text)


def _retention(view: CartView, catalogue: Snapshot) -> list[dict[str, Any]]:
    """What an agent may give a customer who thinks of leaving, and what was given."""
    return [
        {
            "code": offer.code,
            "name": said(offer.name),
            "reasons": [(reason, retention_reason(reason)) for reason in offer.reasons],
            "given": retention_reason(view.retained.get(offer.code, "")),
        }
        for offer in offered_by_agents(catalogue, at=business_now())
    ]


def _places(view: CartView, catalogue: Snapshot, group: str) -> list[Slot]:
    """The places of a bundle in which something is chosen; a pack of lines alone has none."""
    bundle = catalogue.offerings.get(view.bundles[group])
    slots = bundle.slots if bundle is not None else ()
    shown = [slot for slot in slots if slot.role in SHOWN_ROLES]
    return sorted(shown, key=lambda slot: SHOWN_ROLES.index(slot.role))


def _place_title(slot: Slot, catalogue: Snapshot) -> str:
    """A place in words, with the nested bundle that it stands in where that was chosen."""
    title = said(slot.title) if slot.title else role_name(slot.role)
    nested = catalogue.offerings.get(slot.bundle)
    return titled(said(nested.name), title) if nested is not None and slot.place else title


def _groups(
    view: CartView, catalogue: Snapshot, groups: Sequence[str], *, here: str
) -> list[dict[str, Any]]:
    """The bundles of the cart and the lines of its packs, also those that have nothing yet."""
    titles = [bundle_title(view.bundles[group], catalogue=catalogue) for group in groups]
    return [
        {
            "label": title if titles.count(title) == 1 else f"{title} ({number})",
            "url": _at(view, group),
            "current": group == here,
        }
        for number, (group, title) in enumerate(zip(groups, titles, strict=True), start=1)
    ]


def _at(view: CartView, group: str, role: str = "") -> str:
    """Where something is chosen for a place of the cart."""
    query = urlencode({"group": group} | ({"role": role} if role else {}))
    return f"{reverse('agent:cart', args=[view.code])}?{query}#add"


def _lines(view: CartView, catalogue: Snapshot) -> list[dict[str, Any]]:
    rows = []
    for line in view.quote.lines:
        offering = catalogue.offerings.get(line.offering)
        config = view.configs.get(line.id, {})
        needed = offering is not None and offering.kind in (Kind.PLAN, Kind.SIM, Kind.HANDSET)
        rows.append(
            {
                "id": line.id,
                "name": line_name(line, catalogue=catalogue),
                "within": _within(line, catalogue),
                "device": drawing(offering) if offering else None,
                "today": line.due_today,
                "monthly": _per_month(line.phases),
                "term": months(line.term) if line.term and line.role == "plan" else "",
                "number": _number(config) if offering and offering.kind is Kind.PLAN else "",
                "removable": not needed,
                "when": when_texts(view.shares.get(line.id, ())),
            }
        )
    return rows


def _within(line: QuoteLine, catalogue: Snapshot) -> str:
    nested = catalogue.offerings.get(line.bundle)
    return _("In: %(bundle)s") % {"bundle": said(nested.name)} if nested is not None else ""


def _number(config: Any) -> str:
    number = words.number(config.get("msisdn", ""))
    if config.get("number_choice") == "port":
        return _("keeps %(number)s") % {"number": number}
    return _("new number %(number)s") % {"number": number} if number else _("new number")


def _per_month(phases: Any) -> str:
    if not phases:
        return ""
    last: Money = phases[-1].amount
    if len(phases) == 1:
        return _("%(amount)s per month") % {"amount": euros(last)}
    return _("%(first)s, then %(last)s per month") % {
        "first": euros(phases[0].amount),
        "last": euros(last),
    }


def _choice(
    candidate: Candidate, catalogue: Snapshot, place: CartPlace, step: StepView
) -> dict[str, Any]:
    offering, difference = candidate.offering, candidate.difference
    monthly = difference.lasting_month
    choice: dict[str, Any] = base_choice(candidate, step=step, catalogue=catalogue, place=place) | {
        "title": long_name(catalogue, offering),
        "text": said(offering.summary),
        "device": drawing(offering),
    }
    if candidate.refusal is not None:
        way_out = said(candidate.refusal.way_out)
        return choice | {
            "reason": f"{said(candidate.refusal.message)} {way_out}".strip(),
            "way_out": None,
        }
    if candidate.recommended is not None:
        choice["text"] += " " + said(candidate.recommended)
    if candidate.chosen:
        return choice
    notes = []
    if monthly.amount and difference.today.amount:
        notes.append(_("and %(amount)s today") % {"amount": euros(difference.today)})
    if difference.first_month != monthly:
        notes.append(_("first month %(amount)s") % {"amount": euros(difference.first_month)})
    if monthly.amount:
        return choice | {
            "difference": monthly,
            "price_note": ", ".join([_("per month"), *notes]),
        }
    return choice | {"difference": difference.today, "price_note": _("today")}
