"""The steps of a bundle in a cart: each has an address and survives reload and Back."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from catalogue.domain.model import Kind, Offering, Snapshot, least_in
from catalogue.selectors import snapshot_of
from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_now
from commerce.kernel.errors import FaisceauError, NotFound, RuleViolated
from commerce.markets.pack import market
from commerce.ordering.domain.journey import StepView
from commerce.ordering.domain.journeys import EXTRAS, Way, ways_of
from commerce.ordering.domain.packs import pack_of
from commerce.ordering.domain.quote import Quote
from commerce.ordering.journey import journey_step
from commerce.ordering.selectors import CartView, cart_view
from commerce.ordering.services import carts
from commerce.ordering.services.switching import switch
from commerce.ordering.showcase import window
from commerce.web.policy import Policy, policy
from frontend.sentences import sentence_of
from frontend.shop import steps
from frontend.shop.answers import NAMES, answers_in, asked, kept
from frontend.shop.cart import role_name, titled
from frontend.shop.contract import display_number
from frontend.shop.number_choice import keep_number, number_form, number_values
from frontend.shop.places import CONFIRM, PLACE, CartPlace, DraftPlace, Place, draft_url, term_in
from frontend.shop.session import cart_of, remember_cart
from frontend.shop.words import model_name, said
from frontend.views.summary import open_cart_view


@policy(Policy.VISITOR)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """A phone or a plan begins a bundle, filled as its own page showed it; on to the next step."""
    context, posted = context_for_request(request), request.POST
    shop = window(at=business_now())
    offering = shop.window.catalogue.offering(posted.get("handset") or posted.get("plan") or "")
    bundle = shop.window.bundle_for(offering)
    if bundle is None:
        raise NotFound("This begins no bundle.", code="unknown_offering")
    shown = shop.shown(offering, term=_term(posted.get("term")) or 0)
    choices = {line.role: line.offering for line in shown.best.lines if shown.bundled and line.role}
    code = cart_of(request) or carts.open_cart(context)
    group = carts.put_bundle(
        context,
        code=code,
        bundle=bundle.code,
        choices=choices or {offering.kind.value: offering.code},
        term=shown.term,
    ).result
    remember_cart(request, code)
    following = "plan" if offering.kind is Kind.HANDSET else EXTRAS
    return redirect("checkout:step", code=code, group=group, role=following)


@policy(Policy.VISITOR)
def step(request: HttpRequest, code: str, group: str, role: str) -> HttpResponse:
    """One step; POST chooses and comes back, so that the panel tells what it changed."""
    context = context_for_request(request)
    view = open_cart_view(request, context, code=code)
    if isinstance(view, HttpResponse):
        return view
    if group not in view.bundles:
        raise NotFound("There is no such bundle in the cart.", code="unknown_group")
    catalogue = snapshot_of(view.quote.release)
    bundle = catalogue.offering(view.bundles[group])
    way = next((way for way in ways_of(bundle.slots) if role in (way.code, *way.roles)), None)
    if way is None:
        raise Http404
    remember_cart(request, view.code)
    page = Page(request, context, view, group, way, bundle, catalogue)
    if way.code == "sim":
        return _sim_step(page)
    if request.method == "POST":
        return _chosen(page)
    return _extras_step(page) if way.code == EXTRAS else _single_step(page)


class Page:
    """What every step of a cart's bundle needs."""

    def __init__(
        self,
        request: HttpRequest,
        context: AccountContext,
        view: CartView,
        group: str,
        way: Way,
        bundle: Offering,
        catalogue: Snapshot,
    ) -> None:
        self.request, self.context, self.view = request, context, view
        self.group, self.way, self.bundle, self.catalogue = group, way, bundle, catalogue
        self.ways = ways_of(bundle.slots)
        self.place = CartPlace(request.GET, route="checkout:step", args=(view.code, group))

    @property
    def code(self) -> str:
        return self.view.code

    @property
    def following(self) -> Way | None:
        """The step after this one; None after the last."""
        place = self.ways.index(self.way) + 1
        return self.ways[place] if place < len(self.ways) else None

    def step(self, role: str, **asked: Any) -> StepView:
        return journey_step(
            self.context,
            code=self.code,
            group=self.group,
            role=role,
            answers=answers_in(self.request.GET),
            **asked,
        )

    def values(self, **more: Any) -> dict[str, Any]:
        return {
            "code": self.code,
            "group": self.group,
            "steps": steps.bar_of(
                self.ways,
                here=self.way.code,
                place=self.place,
                in_parts_url=steps.in_parts_url(self.view),
            ),
            "chosen": steps.chosen_card(
                self.view.quote,
                group=self.group,
                here=self.way.code,
                ways=self.ways,
                place=self.place,
                catalogue=self.catalogue,
            ),
            "line_of_pack": steps.line_of_pack(
                self.view, group=self.group, catalogue=self.catalogue
            ),
            "line_choices": steps.line_choices(
                self.view, group=self.group, catalogue=self.catalogue
            ),
            "share_url": share_url(self.view.quote, group=self.group, here=self.way.code,
                                   bundle=self.bundle),
            **more,
        }  # fmt: skip

    def panel(self) -> dict[str, Any]:
        """Leads on once the step is filled, or may be left out."""
        filled = {line.role for line in self.view.quote.lines if line.group == self.group}
        slots = self.bundle.slots
        lacks = any(
            slot.name in self.way.roles
            and slot.name not in filled
            and least_in(slot, slots, filled=filled)
            for slot in slots
        )
        action = {}
        if self.following is not None and not lacks:
            label = steps.step_label(self.following)
            action = {
                "action_url": self.place.step_url(self.following.code),
                "action_label": _("Continue: %(step)s") % {"step": label},
            }
        elif not lacks:
            action = {
                "action_url": reverse("checkout:cart", args=[self.code]),
                "action_label": _("Continue: %(step)s") % {"step": _("Cart")},
            }
        return steps.panel_for(self.view.quote, catalogue=self.catalogue, **action)


def share_url(quote: Quote, *, group: str, here: str, bundle: Offering) -> str:
    """The same step with the same choices, for anybody: nothing of the cart is in it."""
    return draft_url(
        [line for line in quote.lines if line.group == group], here=here, bundle=bundle
    )


def _single_step(page: Page) -> HttpResponse:
    request, query = page.request, page.request.GET
    plan = page.way.code == "plan"
    found = page.step(
        page.way.code,
        term=term_in(query) if plan else None,
        every_variant=False,
        also=query.get(CONFIRM, ""),
    )
    choices = steps.choices_of(found, catalogue=page.catalogue, place=page.place)
    if found.without is not None:
        nothing = {
            "name": "remove",
            "value": found.chosen[0].offering.code,
            "title": _("Nothing of this"),
        }
        choices = [
            {"badges": [], "misses": [], **nothing, **steps.difference_of(found.without)},
            *choices,
        ]
    return render(
        request,
        "frontend/checkout/step.html",
        page.values(
            **titles_of(page.way.code, quote=page.view.quote, group=page.group,
                        catalogue=page.catalogue),
            **steps.parted(choices),
            chips=steps.term_chips(found, place=page.place) if plan else [],
            questions=asked(found.questions, query),
            answered=bool(answers_in(query)),
            kept=kept(query, without=(*NAMES, CONFIRM, PLACE)),
            confirm=steps.confirmation(
                found, query.get(CONFIRM, ""), catalogue=page.catalogue, place=page.place
            ),
            term=found.term,
            panel=page.panel(),
        ),
    )  # fmt: skip


def titles_of(role: str, *, quote: Quote, group: str, catalogue: Snapshot) -> dict[str, str]:
    """The heading of a step for one."""
    lead = _("Each price below is the real difference to your present choice, promotions included.")
    if role == "handset":
        return {"title": _("Which phone?"), "lead": lead}
    if role != "plan":
        return {"title": role_name(role), "lead": lead}
    line = next((x for x in quote.lines if x.group == group and x.role == "handset"), None)
    if line is None:
        return {"title": _("Which plan?"), "lead": lead}
    name = model_name(catalogue, catalogue.offering(line.offering))
    return {"title": _("Which plan with this %(phone)s?") % {"phone": name}, "lead": lead}


def _extras_step(page: Page) -> HttpResponse:
    found = [page.step(role) for role in page.way.roles]
    confirm = confirmation_in(found, page.request.GET, catalogue=page.catalogue, place=page.place)
    return render(
        page.request,
        "frontend/checkout/extras.html",
        page.values(
            sections=sections_of(found, catalogue=page.catalogue, place=page.place),
            needed=any(step.needed for step in found),
            confirm=confirm,
            panel=page.panel(),
        ),
    )


def sections_of(
    found: Iterable[StepView], *, catalogue: Snapshot, place: Place
) -> list[dict[str, Any]]:
    """The extras by place; what does not go with the choice is folded, with its reason."""
    titles = {
        "accessory": _("Accessories that fit"),
        "content": _("Music, video, press"),
        "option": _("Options of your line"),
    }
    lists = {"accessory": "shop:accessories"}
    sections = []
    for step in found:
        choices = steps.extra_choices(step, catalogue=catalogue, place=place)
        role, nested = step.slot.role, catalogue.offerings.get(step.slot.bundle)
        title = said(step.slot.title) if step.slot.title else titles.get(role) or role_name(role)
        named = nested is not None and step.slot.place
        sections.append(
            {
                "role": step.role,
                "title": titled(said(nested.name), title) if named and nested else title,
                "choices": [c for c in choices if c["state"] != "closed"],
                "closed": [c for c in choices if c["state"] == "closed"],
                "more_url": reverse(lists.get(role, "shop:content")) if step.more else "",
            }
        )
    return sections


def confirmation_in(
    found: Iterable[StepView], query: QueryDict, *, catalogue: Snapshot, place: Place
) -> dict[str, Any] | None:
    """What a choice among the extras changes elsewhere, in the place that the address names."""
    wanted, here = query.get(CONFIRM, ""), query.get(PLACE, "")
    step = next((step for step in found if step.role == here), None)
    if step is None:
        return None
    confirm = steps.confirmation(step, wanted, catalogue=catalogue, place=place)
    if confirm is None:
        return None
    if isinstance(place, DraftPlace):
        return confirm | {"url": place.with_choice(confirm["candidate"], step)}
    return confirm | {"fields": [("role", here)]}


def _sim_step(page: Page) -> HttpResponse:
    request = page.request
    line = next(
        (x for x in page.view.quote.lines if x.group == page.group and x.role == "plan"), None
    )
    if line is None:
        messages.warning(request, _("Choose the plan first: the number goes with it."))
        return redirect(page.place.step_url("plan"))
    form = number_form(request, page.view, line_id=line.id)
    sim = request.POST.get("sim", "")[:64]
    lacking = request.method == "POST" and not sim and _lacks_sim(page)
    if (
        form.is_valid()
        and not lacking
        and keep_number(
            page.context, form, code=page.code, line_id=line.id, group=page.group, sim=sim
        )
    ):
        return redirect(_after(page))
    found = page.step("sim")
    return render(
        request,
        "frontend/checkout/sim.html",
        page.values(
            **number_values(request, page.context, page.view, line_id=line.id, form=form),
            sims=steps.sim_choices(found, catalogue=page.catalogue, place=page.place),
            sim_lacking=lacking,
            sim_chosen=sim or next((c.offering.code for c in found.chosen), ""),
            panel=steps.panel_for(
                page.view.quote,
                catalogue=page.catalogue,
                action_form="number",
                action_label=_("Continue: %(step)s")
                % {"step": _("Payment") if steps.in_parts_url(page.view) else _("Summary")},
            ),
        ),
    )


def _lacks_sim(page: Page) -> bool:
    """None was chosen earlier either, and the line can't do without."""
    found = page.step("sim")
    return bool(found.needed) and not found.chosen


def _after(page: Page) -> str:
    """How the phone is paid where that is asked, else the summary; of a pack first its other lines
    that are still to be chosen."""
    view = cart_view(page.context, code=page.code)
    if view.orderable:
        return steps.in_parts_url(view) or f"{reverse('checkout:summary')}?cart={view.code}"
    pack = pack_of(page.group, view.bundles)
    for issue in view.issues:
        if (
            issue.unfinished
            and issue.group != page.group
            and pack_of(issue.group, view.bundles) == pack
        ):
            return reverse("checkout:step", args=[view.code, issue.group, issue.role])
    return reverse("checkout:cart", args=[view.code])


def _chosen(page: Page) -> HttpResponse:
    posted = page.request.POST
    here = posted.get("role", "")[:100]
    if posted.get("line"):
        carts.choose_line(
            page.context, code=page.code, group=page.group, bundle=posted["line"][:130]
        )
        return redirect("checkout:cart", code=page.code)
    if posted.get("remove"):
        for line in page.view.quote.lines:
            stands = line.group == page.group and here in ("", line.role)
            if stands and line.offering == posted["remove"]:
                carts.remove_line(page.context, code=page.code, line_id=line.id)
        return redirect(page.request.get_full_path())
    wanted = posted.get("choose", "")[:64]
    kind = page.catalogue.offering(wanted).kind
    like = (s.name for s in page.bundle.slots if s.kind is kind and s.name in page.way.roles)
    role = here if here in page.way.roles else next(like, page.way.code)
    try:
        switch(
            page.context,
            code=page.code,
            group=page.group,
            role=role,
            offering=wanted,
            term=_term(posted.get("term")) if role == "plan" else None,
            accepted=posted.get("accept", "")[:2000],
        )
    except RuleViolated as refusal:
        if refusal.code != "changes_needed":
            raise
        return redirect(page.request.path + page.place.here(confirm=wanted, place=role))
    return redirect(page.request.path + page.place.here(confirm="", place=""))


@policy(Policy.VISITOR)
@require_POST
def check_rio(request: HttpRequest) -> HttpResponse:
    """Whether a RIO goes with the number, while it is typed; a sentence that helps."""
    number, rio = request.POST.get("msisdn", "")[:30], request.POST.get("rio", "")[:30]
    values: dict[str, Any] = {}
    if number.strip() and rio.strip():
        pack = market(settings.MARKET)
        try:
            pack.check_port_key(number=number, key=rio)
            national = pack.normalise_number(number)
        except FaisceauError as refusal:
            values = {"wrong": sentence_of(refusal)}
        else:
            values = {"right": display_number(national)}
    return render(request, "frontend/checkout/rio.html", values)


def _term(text: str | None) -> int | None:
    return int(text) if text in ("0", "12", "24") else None
