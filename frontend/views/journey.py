"""The guided journey: every step has an address that can be shared and survives reload and Back."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from catalogue.domain.model import Kind, Offering, Snapshot
from catalogue.selectors import snapshot_of
from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import FaisceauError, InvalidInput, NotFound
from commerce.markets.pack import market
from commerce.ordering.domain.numbering import SLOTS, Keep, NumberChoice
from commerce.ordering.domain.showcase import models_of
from commerce.ordering.journey import journey_step
from commerce.ordering.selectors import CartView, cart_view
from commerce.ordering.services import carts
from commerce.ordering.services.numbering import proposed_numbers
from commerce.ordering.showcase import window
from commerce.web.policy import Policy, policy
from frontend.sentences import sentence_of
from frontend.shop import steps
from frontend.shop.contract import display_number
from frontend.shop.forms import NumberForm, note_refusal
from frontend.shop.session import cart_of, remember_cart
from frontend.shop.summary_dates import withdrawal_words
from frontend.shop.words import model_name, on_day
from frontend.views.summary import open_cart_view

PROPOSED = 6
DAYS_SHOWN = 18


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
    )
    remember_cart(request, code)
    following = "plan" if offering.kind is Kind.HANDSET else "accessory"
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
    role = "accessory" if role in steps.EXTRAS else role
    if role not in steps.ways_of(bundle):
        raise Http404
    remember_cart(request, view.code)
    page = Page(request, context, view, group, role, bundle, catalogue)
    if role == "sim":
        return _sim_step(page)
    if request.method == "POST":
        _chosen(page)
        return redirect(request.get_full_path())
    return _extras_step(page) if role == "accessory" else _single_step(page)


class Page:
    """What every step needs."""

    def __init__(
        self,
        request: HttpRequest,
        context: AccountContext,
        view: CartView,
        group: str,
        role: str,
        bundle: Offering,
        catalogue: Snapshot,
    ) -> None:
        self.request, self.context, self.view = request, context, view
        self.group, self.role, self.bundle, self.catalogue = group, role, bundle, catalogue

    @property
    def code(self) -> str:
        return self.view.code

    @property
    def following(self) -> str:
        """The step after this one; empty after the last."""
        way = steps.ways_of(self.bundle)
        place = way.index(self.role) + 1
        return way[place] if place < len(way) else ""

    def values(self, **more: Any) -> dict[str, Any]:
        return {
            "code": self.code,
            "group": self.group,
            "role": self.role,
            "steps": steps.bar_of(self.view, group=self.group, role=self.role, bundle=self.bundle),
            "chosen": steps.chosen_card(
                self.view, group=self.group, role=self.role, catalogue=self.catalogue
            ),
            **more,
        }

    def panel(self) -> dict[str, Any]:
        """Leads on once the step is filled."""
        filled = {line.role for line in self.view.quote.lines if line.group == self.group}
        if self.role in filled or self.role == "accessory":
            action = {
                "action_url": steps.step_url(self.code, self.group, self.following),
                "action_label": _("Continue: %(step)s")
                % {"step": steps.step_label(self.following, self.bundle)},
            }
        else:
            action = {}
        return steps.panel_for(self.view, catalogue=self.catalogue, **action)


def _single_step(page: Page) -> HttpResponse:
    request = page.request
    if page.role == "handset":
        found = journey_step(
            page.context, code=page.code, group=page.group, role="handset", among=_phones(page)
        )
        choices = steps.handset_choices(found, catalogue=page.catalogue, code=page.code)
        title, lead = _("Which phone?"), _("Each price below is the difference to your choice.")
        chips: list[dict[str, Any]] = []
        usage = None
    else:
        usage = _number(request.GET.get("usage"))
        found = journey_step(
            page.context,
            code=page.code,
            group=page.group,
            role=page.role,
            term=_term(request.GET.get("term")),
        )
        choices = steps.plan_choices(found, catalogue=page.catalogue, code=page.code, usage=usage)
        title = _plan_title(page)
        lead = _(
            "Each price below is the real difference to your present choice, promotions included."
        )
        chips = steps.term_chips(found, usage=usage)
    return render(
        request,
        "frontend/checkout/step.html",
        page.values(
            title=title,
            lead=lead,
            choices=choices,
            chips=chips,
            term=found.term,
            usage=usage,
            panel=page.panel(),
        ),
    )


def _plan_title(page: Page) -> str:
    line = next(
        (x for x in page.view.quote.lines if x.group == page.group and x.role == "handset"), None
    )
    if line is None:
        return _("Which plan?")
    name = model_name(page.catalogue, page.catalogue.offering(line.offering))
    return _("Which plan with this %(phone)s?") % {"phone": name}


def _phones(page: Page) -> list[str]:
    line = next(
        (x for x in page.view.quote.lines if x.group == page.group and x.role == "handset"), None
    )
    own = line.offering if line is not None else ""
    firsts = [variants[0].code for variants in models_of(window(at=business_now()).window)]
    return steps.first_of_models(page.catalogue, firsts, own=own)


def _extras_step(page: Page) -> HttpResponse:
    sections = []
    titles = {
        "accessory": _("Accessories that fit"),
        "content": _("Music, video, press"),
        "option": _("Options of your line"),
    }
    for role in steps.extras_of(page.bundle):
        found = journey_step(page.context, code=page.code, group=page.group, role=role)
        choices = steps.extra_choices(found, catalogue=page.catalogue, code=page.code)
        sections.append(
            {
                "role": role,
                "title": titles[role],
                "choices": [c for c in choices if c["state"] != "closed"],
                "closed": [c for c in choices if c["state"] == "closed"],
            }
        )
    return render(
        page.request,
        "frontend/checkout/extras.html",
        page.values(sections=sections, panel=page.panel()),
    )


def _sim_step(page: Page) -> HttpResponse:
    request = page.request
    line = next(
        (x for x in page.view.quote.lines if x.group == page.group and x.role == "plan"), None
    )
    if line is None:
        messages.warning(request, _("Choose the plan first: the number goes with it."))
        return redirect(steps.step_url(page.code, page.group, "plan"))
    config = page.view.configs.get(line.id, {})
    options: dict[str, Any] = {
        "days": _days(),
        "slots": [(slot, slot.replace("-", " – ")) for slot in SLOTS],
    }
    if request.method == "POST":
        form = NumberForm(request.POST, **options)
        if form.is_valid() and _numbered(page, form, line_id=line.id):
            return redirect(_after(page))
    else:
        form = NumberForm(initial=_known(config), **options)
    found = journey_step(page.context, code=page.code, group=page.group, role="sim")
    return render(
        request,
        "frontend/checkout/sim.html",
        page.values(
            form=form,
            sims=steps.sim_choices(found, catalogue=page.catalogue, code=page.code),
            sim_chosen=request.POST.get("sim") or next((c.offering.code for c in found.chosen), ""),
            proposed=_proposed(page, config),
            picked=form["proposed"].value() or "",
            early=withdrawal_words(),
            panel=steps.panel_for(
                page.view,
                catalogue=page.catalogue,
                action_form="number",
                action_label=_("Continue: %(step)s") % {"step": _("Summary")},
            ),
        ),
    )


def _numbered(page: Page, form: NumberForm, *, line_id: str) -> bool:
    """Keep the SIM and the number; what is refused stands beside its field."""
    values = form.cleaned_data
    keep = Keep(values["keep"])
    choice = NumberChoice(
        keep=keep,
        msisdn=values["msisdn"] if keep is Keep.PORT else values["proposed"],
        rio=values["rio"] if keep is Keep.PORT else "",
        port_on=form.wished_on if keep is Keep.PORT else None,
        slot=values["slot"] if keep is Keep.PORT else "",
    )
    sim = page.request.POST.get("sim", "")[:64]
    try:
        if sim:
            carts.choose(page.context, code=page.code, group=page.group, role="sim", offering=sim)
        carts.choose_number(page.context, code=page.code, line_id=line_id, choice=choice)
    except (InvalidInput, FaisceauError) as refusal:
        note_refusal(form, refusal)
        return False
    return True


def _after(page: Page) -> str:
    view = cart_view(page.context, code=page.code)
    if view.orderable:
        return f"{reverse('checkout:summary')}?cart={view.code}"
    return reverse("checkout:cart", args=[view.code])


def _chosen(page: Page) -> None:
    posted = page.request.POST
    if posted.get("remove"):
        for line in page.view.quote.lines:
            if line.group == page.group and line.offering == posted["remove"]:
                carts.remove_line(page.context, code=page.code, line_id=line.id)
        return
    wanted = posted.get("choose", "")[:64]
    offering = page.catalogue.offering(wanted)
    role = offering.kind.value if page.role == "accessory" else page.role
    carts.choose(
        page.context,
        code=page.code,
        group=page.group,
        role=role,
        offering=wanted,
        term=_term(posted.get("term")) if role == "plan" else None,
    )


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


def _proposed(page: Page, config: Any) -> list[tuple[str, str]]:
    numbers = list(proposed_numbers(page.context, code=page.code, count=PROPOSED))
    own = config.get("msisdn", "")
    if config.get("number_choice") == "new" and own and own not in numbers:
        numbers = [own, *numbers[: PROPOSED - 1]]
    return [(number, display_number(number)) for number in numbers]


def _known(config: Any) -> dict[str, str]:
    choice = config.get("number_choice", "new")
    number = config.get("msisdn", "")
    return {
        "keep": choice,
        "proposed": number if choice == "new" else "",
        "msisdn": display_number(number) if choice == "port" else "",
        "rio": config.get("rio", ""),
        "port_on": config.get("port_on", ""),
        "slot": config.get("port_slot", ""),
    }


def _days() -> list[tuple[str, str]]:
    """The next working days; the first choice leaves the day to us."""
    pack, today = market(settings.MARKET), business_today()
    days = [pack.add_working_days(today, days=n) for n in range(1, DAYS_SHOWN + 1)]
    return [("", _("As soon as possible")), *((day.isoformat(), on_day(day)) for day in days)]


def _term(text: str | None) -> int | None:
    return int(text) if text in ("0", "12", "24") else None


def _number(text: str | None) -> int | None:
    return min(int(text), 2000) if text and text.isdecimal() and len(text) < 6 else None
