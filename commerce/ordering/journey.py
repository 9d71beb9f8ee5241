"""Guided journeys for every channel: the steps of a bundle, each with its candidates.

Before there is a cart a journey is a draft that stands in an address and stores nothing; in a cart
it is one of the cart's bundles. Both go through `domain.journey`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from catalogue.domain.model import Kind, Offering, Refusal, Segment, Slot
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import NotFound
from commerce.ordering.domain.adapting import Ground, refusal_of
from commerce.ordering.domain.answers import Answers, Reason
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.drafts import (
    GROUP,
    Draft,
    Laid,
    OwnLine,
    Sale,
    lay_out,
    loose,
    missing,
    standing,
)
from commerce.ordering.domain.journey import Step, StepView, difference, step_in, step_view
from commerce.ordering.domain.journeys import (
    Journey,
    entrances,
    entry_point,
    journey_of,
    journeys,
    later_than,
)
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.showcase import Window, models_of
from commerce.ordering.domain.simulation import Cost, Usage, cost_on, ranked
from commerce.ordering.lines import facts_of, own_line
from commerce.ordering.services.access import find_cart, items_of
from commerce.ordering.services.pricing import (
    Pricing,
    assumed_activation,
    cart_value,
    customer_of,
    priced,
    pricing_now,
    pricing_of,
)
from commerce.ordering.showcase import window, window_of


@dataclass(frozen=True, slots=True)
class DraftView:
    """A journey as far as it was chosen. `missing` are the roles that are still to be chosen,
    `standing` what keeps it from being ordered although it is whole, `conflict` what does not go
    together (an address may say anything)."""

    journey: Journey
    laid: Laid
    quote: Quote
    missing: tuple[str, ...]
    line: OwnLine | None
    standing: Reason | None
    conflict: Refusal | None

    @property
    def bundle(self) -> Offering:
        return self.laid.bundle


def journeys_on_sale(
    context: AccountContext, *, segment: Segment = Segment.CONSUMER, own_line: bool = False
) -> tuple[Journey, ...]:
    """Where the caller may begin; with `own_line` also what begins at a running line."""
    return journeys(_bundles(_sale(context, pricing_now(), segment=segment)), own_line=own_line)


def open_draft(
    context: AccountContext,
    *,
    entry: str,
    draft: Draft,
    line: int | None = None,
    segment: Segment = Segment.CONSUMER,
) -> "OpenDraft":
    """A draft to look at: what it costs so far, and any of its steps. Nothing is stored.

    Raises:
        NotFound: `unknown_journey`: nothing on sale begins so, or a line is needed;
            `unknown_subscription`.
    """
    return OpenDraft(context, entry=entry, draft=draft, line=line, segment=segment)


def journey_step(
    context: AccountContext,
    *,
    code: str,
    group: str,
    role: str,
    term: int | None = None,
    answers: Answers | None = None,
    every_variant: bool = True,
    also: str = "",
) -> StepView:
    """The step `role` of the bundle `group` of a cart; the same queries whatever the candidates.

    `term` prices plans at another commitment than the chosen one. Without `every_variant` one of
    each model of phone is compared, of the chosen one all, and `also`.

    Raises:
        NotFound: `unknown_cart`, `unknown_group`, `unknown_role`.
    """
    cart = find_cart(context, code=code)
    value, pricing = cart_value(cart, items_of(cart)), pricing_of(cart)
    customer = customer_of(value, pricing=pricing, cart=cart)
    step = step_in(
        value, group=group, role=role, term=term, catalogue=pricing.snapshot, at=pricing.at
    )
    offerings = pricing.snapshot.of_kind(step.slot.kind)
    if not every_variant:
        offerings = _one_of_each(step, offerings, pricing=pricing, also=also)

    def price(changed: CartValue) -> Quote:
        return priced(changed, pricing=pricing, customer=customer)

    view = step_view(step, offerings=offerings, price=price, answers=answers)
    return _with_lowest(view, step, pricing=pricing)


def plans_for_usage(
    context: AccountContext,
    *,
    usage: Usage,
    term: int | None = None,
    segment: Segment = Segment.CONSUMER,
) -> tuple[Cost, ...]:
    """What each plan on sale costs on a usage, the cheapest that suffices first.

    Each is a new line with what it needs, promotions included, at `term`, else at the commitment
    at which it is cheapest over two years.
    """
    shop = window(at=business_now(), segment=segment, channel=str(context.channel))
    return ranked(
        cost_on(
            usage,
            plan=plan,
            term=each,
            quote=shop.shown(plan, term=each).best,
            segment=segment,
            at=shop.window.at,
        )
        for plan in shop.window.sold(Kind.PLAN)
        for each in plan.terms
        if term is None or each == term
    )


class OpenDraft:
    """A draft with everything that prices it; the queries are done when it is open."""

    def __init__(
        self,
        context: AccountContext,
        *,
        entry: str,
        draft: Draft,
        line: int | None,
        segment: Segment,
    ) -> None:
        self._pricing = pricing_now()
        self._sale = _sale(context, self._pricing, segment=segment)
        self._journey = _journey(
            entry, sale=self._sale, with_line=line is not None, bundle=draft.bundle
        )
        catalogue = self._pricing.snapshot
        of_line = line is not None and self._journey.entry.of_line
        self._line = own_line(context, line, catalogue=catalogue) if of_line else None
        self._laid = lay_out(draft, self._journey, sale=self._sale, line=self._line)
        self._customer = facts_of(context, self._line, segment=segment, pricing=self._pricing)

    def view(self) -> DraftView:
        """What was chosen so far, with its price."""
        return DraftView(
            journey=self._journey,
            laid=self._laid,
            quote=self._price(self._laid.cart),
            missing=missing(self._laid, self._journey),
            line=self._line,
            standing=standing(self._journey, self._line, on=business_today()),
            conflict=refusal_of(self._laid.ground, self._laid.cart.lines),
        )

    @property
    def pricing(self) -> Pricing:
        return self._pricing

    def in_group(self, group: str) -> tuple[CartValue, Quote]:
        """The draft's cart with its lines in that group, and what it costs: as it is ordered."""
        laid = self._laid.cart
        value = replace(
            laid,
            lines=tuple(replace(line, group=group) for line in laid.lines),
            bundles=dict.fromkeys([group] if laid.bundles else [], self._laid.bundle.code),
        )
        return value, self._price(value)

    def step(self, role: str, *, answers: Answers | None = None, also: str = "") -> StepView:
        """The step `role`. Of each model of phone one variant is compared, of the chosen one all;
        `also` is one more offering.

        Raises:
            NotFound: `unknown_role`.
        """
        if role not in {each for way in self._journey.ways for each in way.roles}:
            raise NotFound(f"This journey has no step {role[:20]!r}.", code="unknown_role")
        step = Step(
            cart=self._laid.cart,
            ground=self._ground_of(role),
            slot=self._slot(role),
            term=self._laid.term,
            later=later_than(self._journey.ways, role),
            fill=True,
            loose=loose(self._journey),
        )
        offerings = self._pricing.snapshot.of_kind(step.slot.kind)
        offerings = _one_of_each(step, offerings, pricing=self._pricing, also=also)
        view = step_view(step, offerings=offerings, price=self._price, answers=answers)
        if self._slot(role).role in self._journey.entry.keeps:
            empty = self._price(self._without(role))
            view = replace(view, without=difference(view.quote, empty))
        return _with_lowest(view, step, pricing=self._pricing)

    def _price(self, cart: CartValue) -> Quote:
        return priced(cart, pricing=self._pricing, customer=self._customer)

    def _ground_of(self, role: str) -> Ground:
        """As the draft stands; for a role that its bundle lacks, in the bundle that has it."""
        if self._laid.ground.slot(role) is not None:
            return self._laid.ground
        return replace(
            self._laid.ground, bundle=self._journey.bundle_for({*self._laid.filled, role})
        )

    def _without(self, role: str) -> CartValue:
        """The draft's cart with nothing in the role, in the bundle that this makes."""
        lines = tuple(line for line in self._laid.cart.lines if line.role != role)
        bundle = self._journey.bundle_for(line.role for line in lines)
        return replace(self._laid.cart, lines=lines, bundles={GROUP: bundle.code})

    def _slot(self, role: str) -> Slot:
        found = self._ground_of(role).slot(role)
        if found is None:
            raise NotFound(f"This journey has no step {role[:20]!r}.", code="unknown_role")
        return found


def _sale(context: AccountContext, pricing: Pricing, *, segment: Segment) -> Sale:
    return Sale(pricing.snapshot, segment, str(context.channel), pricing.at)


def _bundles(sale: Sale) -> tuple[Offering, ...]:
    sold = (
        bundle
        for bundle in sale.catalogue.of_kind(Kind.BUNDLE)
        if bundle.sellable(segment=sale.segment, channel=sale.channel, at=sale.at)
    )
    return entrances(sold, catalogue=sale.catalogue)


def _journey(code: str, *, sale: Sale, with_line: bool, bundle: str = "") -> Journey:
    """Through the `bundle` alone if it is named and serves; an old address may name any."""
    entry, sold = entry_point(code), _bundles(sale)
    found = journey_of(entry, bundles=sold) if entry is not None else None
    named = [each for each in sold if bundle and each.code == bundle]
    if entry is not None and (narrowed := journey_of(entry, bundles=named)) is not None:
        found = narrowed
    if found is None or (found.entry.of_line and not with_line):
        raise NotFound(f"No journey is called {code[:20]!r}.", code="unknown_journey")
    return found


def _with_lowest(view: StepView, step: Step, *, pricing: Pricing) -> StepView:
    """Said beside every candidate whose price is announced as reduced."""
    ground = step.ground
    shop = window_of(
        pricing.snapshot.release, at=pricing.at, segment=ground.segment, channel=ground.channel
    )
    found = {
        each.offering.code: lowest
        for each in view.candidates
        if (lowest := shop.lowest_before(each.offering)) is not None
    }
    return replace(view, lowest=found)


def _one_of_each(
    step: Step, offerings: Iterable[Offering], *, pricing: Pricing, also: str
) -> tuple[Offering, ...]:
    """The cheapest variant of each model, all of the chosen one's, and `also`."""
    if step.slot.kind is not Kind.HANDSET:
        return tuple(offerings)
    ground = step.ground
    chosen = {ground.catalogue.offering(line.offering).family for line in step.there}
    shop = Window(
        ground.catalogue,
        pricing.promotions,
        ground.segment,
        ground.channel,
        pricing.at,
        assumed_activation(pricing.at),
    )
    return tuple(
        variant
        for variants in models_of(shop)
        for place, variant in enumerate(variants)
        if not place or variant.code == also or (variant.family in chosen and variant.family)
    )
