"""The guide: journeys before there is a cart. Everything chosen stands in the address."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from catalogue.domain.model import Snapshot
from catalogue.selectors import current_snapshot
from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_now
from commerce.ordering.domain.answers import Reason
from commerce.ordering.domain.changes import KIND_OF_JOURNEY
from commerce.ordering.domain.drafts import GROUP, OwnLine
from commerce.ordering.domain.journey import StepView
from commerce.ordering.domain.journeys import EXTRAS, Journey, Way, journey_of
from commerce.ordering.journey import (
    DraftView,
    journeys_on_sale,
    open_draft,
    plans_for_usage,
)
from commerce.ordering.lines import own_lines
from commerce.ordering.services import carts
from commerce.web.policy import Policy, policy
from frontend.consumption import usual_months
from frontend.shop import steps
from frontend.shop.answers import NAMES, answers_in, asked, kept, usage_fields, usage_in
from frontend.shop.changing import change_url
from frontend.shop.contract import display_number
from frontend.shop.places import BUNDLE, CONFIRM, PLACE, ROLES, DraftPlace, draft_in, term_in
from frontend.shop.session import cart_of, remember_cart
from frontend.shop.words import euros, long_name, on_day, said
from frontend.views.journey import confirmation_in, sections_of, titles_of

ROUTE = "checkout:draft"


@policy(Policy.VISITOR)
def index(request: HttpRequest) -> HttpResponse:
    """Where to begin: each way in, and for a customer each of his lines."""
    context = context_for_request(request)
    catalogue = current_snapshot(business_now())
    lines = own_lines(context, catalogue=catalogue)
    return render(request, "frontend/checkout/guide.html", entries_page(context, lines=lines,
                  catalogue=catalogue, route=ROUTE))  # fmt: skip


def entries_page(
    context: AccountContext, *, lines: tuple[OwnLine, ...], catalogue: Snapshot, route: str
) -> dict[str, Any]:
    """The ways in as choices; those of running lines stand under each line."""
    journeys = journeys_on_sale(context, own_line=True)
    return {
        "entries": [
            each
            for journey in journeys
            if not journey.entry.of_line
            for each in _ways_in(journey, route, catalogue=catalogue)
        ],
        "of_line": [_entry(j.entry, url="") for j in journeys if j.entry.of_line],
        "lines": [
            {
                "number": display_number(line.number),
                "plan": line_plan(line, catalogue),
                "entries": [
                    _entry(journey.entry, url=f"{_start(journey, route)}?line={line.id}")
                    for journey in journeys
                    if journey.entry.of_line
                ],
            }
            for line in lines
        ],
        "known": context.party_id is not None,
    }  # fmt: skip


def line_plan(line: OwnLine, catalogue: Snapshot) -> str:
    code = next(iter(line.has.get("plan", ())), "")
    offering = catalogue.offerings.get(code)
    return long_name(catalogue, offering) if offering is not None else ""


def _start(journey: Journey, route: str) -> str:
    return reverse(route, args=[journey.entry.code, journey.ways[0].code])


def _ways_in(journey: Journey, route: str, *, catalogue: Snapshot) -> list[dict[str, str]]:
    """One for the journey; of packs one for each, under its own name."""
    if journey.entry.through == "plain":
        return [_entry(journey.entry, url=_start(journey, route))]
    return [
        _entry(
            catalogue.offering(bundle.part_of or bundle.code),
            url=f"{_start(alone, route)}?{urlencode({BUNDLE: bundle.code})}",
        )
        for bundle in journey.bundles
        if (alone := journey_of(journey.entry, bundles=[bundle])) is not None
    ]


def _entry(entry: Any, *, url: str) -> dict[str, str]:
    return {"title": said(entry.name), "text": said(entry.summary), "url": url}


@policy(Policy.VISITOR)
def step(request: HttpRequest, entry: str, role: str) -> HttpResponse:
    """A step of a draft. Its address can be shared; a line belongs to its owner alone."""
    page = Page(request, context_for_request(request), entry=entry, code=role, route=ROUTE)
    return render(request, f"frontend/checkout/{page.template}.html", page.values())


@policy(Policy.VISITOR)
@require_POST
def keep(request: HttpRequest, entry: str) -> HttpResponse:
    """Put a draft into the cart and go on there, to the number."""
    context, posted = context_for_request(request), request.POST
    draft = draft_in(posted)
    line = posted.get("line", "")
    line_id = int(line) if line.isdecimal() and len(line) < 16 else None
    view = open_draft(context, entry=entry, draft=draft, line=line_id).view()
    if view.line is not None and changes_line(view):
        kind = KIND_OF_JOURNEY[view.journey.entry.code]
        return redirect(change_url("account:change", view.line.id, kind, said_in(posted)))
    code = cart_of(request) or carts.open_cart(context)
    remember_cart(request, code)
    if view.journey.entry.of_line:
        for chosen in view.laid.cart.lines:
            if chosen.role == "accessory":
                carts.add_line(context, code=code, offering=chosen.offering)
        return redirect("checkout:cart", code=code)
    group = carts.put_bundle(context, code=code, **as_bundle(view)).result
    last = view.journey.ways[-1].code
    if last != "sim":
        return redirect("checkout:cart", code=code)
    return redirect("checkout:step", code=code, group=group, role=last)


def changes_line(view: DraftView) -> bool:
    """Whether the draft changes a contract; accessories alone are goods like any others."""
    return any(line.role != "accessory" for line in view.laid.cart.lines)


def said_in(posted: QueryDict) -> QueryDict:
    """The choices of a draft, to be carried along in an address."""
    found = QueryDict(mutable=True)
    for name in (*ROLES, "term"):
        found.setlist(name, posted.getlist(name))
    return found


def as_bundle(view: DraftView) -> dict[str, Any]:
    """A draft as `carts.put_bundle` takes it."""
    many = {slot.name for slot in view.bundle.slots if slot.maximum > 1}
    lines = view.laid.cart.lines
    return {
        "bundle": view.bundle.code,
        "choices": {x.role: x.offering for x in lines if x.role not in many},
        "extras": [(x.role, x.offering) for x in lines if x.role in many],
        "term": view.laid.term,
    }


@policy(Policy.VISITOR)
def usage(request: HttpRequest) -> HttpResponse:
    """The best plan for a usage that is said in the address; a customer may begin with his own."""
    context = context_for_request(request)
    return render(
        request, "frontend/checkout/usage.html", usage_page(request, context, route=ROUTE)
    )


def usage_page(request: HttpRequest, context: AccountContext, *, route: str) -> dict[str, Any]:
    query = request.GET
    said_usage = usage_in(query)
    term = term_in(query)
    costs = plans_for_usage(context, usage=said_usage, term=term) if said_usage else ()
    catalogue = current_snapshot(business_now())
    start = reverse(route, args=["keep-handset", "plan"])
    shown = [
        steps.cost_choice(
            cost,
            catalogue=catalogue,
            first=not place,
            url=f"{start}?plan={cost.plan.code}&sim=esim&term={cost.term}",
        )
        for place, cost in enumerate(costs)
    ]
    return {
        "fields": usage_fields(query),
        "term": "" if term is None else str(term),
        "terms": [("", _("The cheapest")), ("0", _("No commitment")),
                  ("12", _("12 months")), ("24", _("24 months"))],
        "choices": [choice for choice in shown if not choice["misses"]],
        "others": [choice for choice in shown if choice["misses"]],
        "asked": bool(said_usage),
        "usual": usual_months(context),
    }  # fmt: skip


class Page:
    """A step of a draft, for the shopper and for the agent."""

    def __init__(
        self, request: HttpRequest, context: AccountContext, *, entry: str, code: str, route: str
    ) -> None:
        query = request.GET
        line = query.get("line", "")
        self.request, self.context, self.code = request, context, code
        self.place = DraftPlace(query, route=route, entry=entry)
        self._draft = open_draft(
            context,
            entry=entry,
            draft=draft_in(query),
            line=int(line) if line.isdecimal() and len(line) < 16 else None,
        )
        self.view = self._draft.view()
        self.catalogue = self.view.laid.ground.catalogue
        found = next((way for way in self.view.journey.ways if way.code == code), None)
        if found is None:
            raise Http404
        self.way: Way = found

    @property
    def template(self) -> str:
        return "extras" if self.way.code == EXTRAS else "step"

    @property
    def following(self) -> Way | None:
        ways = self.view.journey.ways
        place = ways.index(self.way) + 1
        return ways[place] if place < len(ways) else None

    def step(self, role: str) -> StepView:
        query = self.request.GET
        return self._draft.step(role, answers=answers_in(query), also=query.get(CONFIRM, ""))

    def values(self) -> dict[str, Any]:
        common = {
            "steps": steps.bar_of(self.view.journey.ways, here=self.code, place=self.place),
            "chosen": steps.chosen_card(
                self.view.quote,
                group=GROUP,
                here=self.code,
                ways=self.view.journey.ways,
                place=self.place,
                catalogue=self.catalogue,
            ),
            "draft": True,
            "line": self._line(),
            "standing": _standing(self.view.standing),
            "conflict": self.view.conflict and said(self.view.conflict.message),
            "conflict_way_out": self.view.conflict and said(self.view.conflict.way_out),
            "keep_url": reverse("checkout:keep", args=[self.view.journey.entry.code]),
            "keep_fields": kept(self.request.GET, without=(*NAMES, CONFIRM, PLACE)),
            "panel": self._panel(),
        }
        return common | (self._extras() if self.way.code == EXTRAS else self._single())

    def _single(self) -> dict[str, Any]:
        query, found = self.request.GET, self.step(self.way.code)
        plan = self.way.code == "plan"
        entry = self.view.journey.entry
        terms = [t for t in steps.TERMS if t] if entry.renews else list(steps.TERMS)
        choices = steps.choices_of(found, catalogue=self.catalogue, place=self.place)
        if found.without is not None or found.role in entry.keeps:
            choices = [self._without(found), *choices]
        titles = titles_of(
            self.way.code, quote=self.view.quote, group=GROUP, catalogue=self.catalogue
        )
        if not self.view.quote.lines:
            titles["lead"] = _(
                "Each price is what it costs with what goes with it, promotions included."
            )
        confirm = steps.confirmation(
            found, query.get(CONFIRM, ""), catalogue=self.catalogue, place=self.place
        )
        if confirm is not None:
            confirm["url"] = self.place.with_choice(confirm["candidate"], found)
        return (
            titles
            | steps.parted(choices)
            | {
                "chips": steps.term_chips(found, place=self.place, terms=terms)
                if plan and not entry.stays
                else [],
                "questions": asked(found.questions, query),
                "answered": bool(answers_in(query)),
                "kept": kept(query, without=(*NAMES, CONFIRM, PLACE)),
                "confirm": confirm,
            }
        )  # fmt: skip

    def _without(self, found: StepView) -> dict[str, Any]:
        """The choice of nothing: to keep what the line has, or to leave an extra out."""
        nothing = not found.chosen
        keeps = found.role in self.view.journey.entry.keeps
        choice: dict[str, Any] = {
            "title": _("Keep my phone") if keeps else _("Nothing of this"),
            "text": _("Only the plan is renewed.") if keeps else "",
            "badges": [],
            "misses": [],
            "state": "chosen" if nothing else "",
            "url": self.place.without(self.way.code),
        }
        if nothing or found.without is None:
            return choice
        return choice | steps.difference_of(found.without)

    def _extras(self) -> dict[str, Any]:
        found = [self.step(role) for role in self.way.roles]
        sections = sections_of(found, catalogue=self.catalogue, place=self.place)
        confirm = confirmation_in(
            found, self.request.GET, catalogue=self.catalogue, place=self.place
        )
        for section in sections:
            for choice in section["choices"]:
                if choice.get("remove"):
                    choice["remove_url"] = self.place.without(section["role"], choice["remove"])
        needed = any(step.needed for step in found)
        return {"sections": sections, "confirm": confirm, "needed": needed}

    def _panel(self) -> dict[str, Any]:
        view, action = self.view, {}
        following = self.following
        entry = view.journey.entry
        of_line = entry.of_line
        if self._blocked():
            pass
        elif following is not None and following.code == "sim":
            action = {"action_form": "keep", "action_label": _continue(following)}
        elif following is None and not of_line and view.laid.cart.lines and not view.missing:
            action = {"action_form": "keep", "action_label": _("Put it into the cart")}
        elif following is not None:
            action = {
                "action_url": self.place.step_url(following.code),
                "action_label": _continue(following),
            }
        elif of_line and view.laid.cart.lines and view.standing is None:
            label = _("See what changes") if changes_line(view) else _("Put into the cart")
            action = {"action_form": "keep", "action_label": label}
        if of_line:
            action |= {"title": _("What you would pay")}
            if view.line is not None and (entry.renews or entry.stays):
                now = euros(view.line.monthly, short=False)
                action |= {"note": _("Today this line costs %(now)s a month.") % {"now": now}}
        return steps.panel_for(view.quote, catalogue=self.catalogue, **action)

    def _blocked(self) -> bool:
        """Something must be chosen (or put right) before it goes on."""
        mine = {role for role in self.way.roles if role in self.view.missing}
        return bool(mine) or self.view.conflict is not None

    def _line(self) -> dict[str, str] | None:
        line = self.view.line
        if line is None:
            return None
        bound = (
            _("bound until %(day)s") % {"day": on_day(line.bound_until)}
            if line.bound_until is not None
            else _("without commitment")
        )
        return {
            "number": display_number(line.number),
            "text": f"{line_plan(line, self.catalogue)}, {bound}",
        }


def _continue(way: Way) -> str:
    return _("Continue: %(step)s") % {"step": steps.step_label(way)}


def _standing(reason: Reason | None) -> str:
    """What keeps a draft from being ordered, in words."""
    if reason is None:
        return ""
    opens = reason.values.get("from", "")
    day = _("From %(day)s on.") % {"day": on_day(date.fromisoformat(opens))} if opens else ""
    return f"{said(reason.message)} {day}".strip()
