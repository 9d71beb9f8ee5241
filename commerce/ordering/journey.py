"""The guided journey: steps from the bundle's slots, and for each candidate what it changes.

Differences, not prices: a candidate is priced in the whole cart, all promotions counted. What can't
be chosen is shown too, with the reason and the way out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalogue.domain.model import Offering, Refusal, RuleKind, Slot, Text
from catalogue.selectors import stock_of
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.checks import broken_rules, decidable, fits_slot
from commerce.ordering.domain.facts import by_group, entries_of, unit_facts
from commerce.ordering.domain.quote import Quote
from commerce.ordering.models import Cart
from commerce.ordering.services.access import find_cart
from commerce.ordering.services.pricing import Pricing, cart_value, pricing_of, quote_of

MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the journey: a slot of the bundle, and what fills it."""

    role: str
    required: bool
    several: bool
    chosen: tuple[str, ...]

    @property
    def done(self) -> bool:
        return bool(self.chosen) or not self.required


@dataclass(frozen=True, slots=True)
class Delta:
    """What a choice changes, in the quote's basis; `monthly` is the first month's."""

    due_today: Money
    monthly: Money
    lasting: Money
    commitment: Money


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offering for the step. `delta` against the cart as it is; None when it is refused.

    `reasons` are recommendations that speak for it. `available` is None for what needs no stock.
    """

    offering: Offering
    chosen: bool
    delta: Delta | None
    refusal: Refusal | None
    reasons: tuple[Text, ...]
    available: int | None


@dataclass(frozen=True, slots=True)
class StepView:
    """One step with its candidates, those that can be chosen first; `panel` is the promise.

    `more` counts candidates beyond those shown.
    """

    group: str
    role: str
    steps: tuple[Step, ...]
    candidates: tuple[Candidate, ...]
    panel: Quote
    more: int


def journey_steps(context: AccountContext, *, code: str, group: str) -> tuple[Step, ...]:
    """The steps of a bundle in the cart, in the order of its slots.

    Raises:
        NotFound: `unknown_cart`, `unknown_group`.
    """
    cart = find_cart(context, code=code)
    value, pricing = cart_value(cart, cart.items.all()), pricing_of(cart)
    return _steps(_bundle(value, group, pricing), value.group(group))


def journey_step(
    context: AccountContext,
    *,
    code: str,
    group: str,
    role: str,
    term: int | None = None,
    only: Sequence[str] | None = None,
) -> StepView:
    """Every candidate for `role`, each with what it would change.

    `term` prices plans with that commitment (default: the bundle's own). `only` limits the
    candidates to some offerings, as a page's filters found them.

    Raises:
        NotFound: `unknown_cart`, `unknown_group`, `unknown_step`.
    """
    cart = find_cart(context, code=code)
    value, pricing = cart_value(cart, cart.items.all()), pricing_of(cart)
    bundle = _bundle(value, group, pricing)
    slot = next((s for s in bundle.slots if s.role == role), None)
    if slot is None:
        raise NotFound("The bundle has no such step.", code="unknown_step", role=role[:20])
    desk = _Desk(cart, value, pricing, group, bundle, slot, term)
    found = [desk.judged(offering) for offering in desk.fitting(only)]
    found.sort(
        key=lambda c: (c.refusal is not None, -len(c.reasons), c.offering.rank, c.offering.code)
    )
    shown = desk.priced(found[:MOST_SHOWN])
    return StepView(
        group=group,
        role=role,
        steps=_steps(bundle, value.group(group)),
        candidates=tuple(shown),
        panel=desk.panel,
        more=max(0, len(found) - MOST_SHOWN),
    )


class _Desk:
    """One step being worked out."""

    def __init__(
        self,
        cart: Cart,
        value: CartValue,
        pricing: Pricing,
        group: str,
        bundle: Offering,
        slot: Slot,
        term: int | None,
    ) -> None:
        self._cart = cart
        self._value = value
        self._pricing = pricing
        self._group = group
        self._bundle = bundle
        self._slot = slot
        own = [line.term for line in value.group(group)]
        self._term = term if term is not None else max(own, default=0)
        self.panel = quote_of(value, pricing=pricing, cart=cart)

    def fitting(self, only: Sequence[str] | None) -> list[Offering]:
        """Those that are sold here and that the slot takes."""
        snapshot, value = self._pricing.snapshot, self._value
        entries = by_group(entries_of(value, catalogue=snapshot)).get(self._group, [])
        others = [entry for entry in entries if entry.role != self._slot.role]
        facts = unit_facts(others, bundle=self._bundle, segment=value.segment.value)
        return [
            offering
            for offering in snapshot.of_kind(self._slot.kind)
            if (only is None or offering.code in only)
            and offering.sellable(segment=value.segment, channel=value.channel, at=self._pricing.at)
            and fits_slot(self._slot, offering, facts=facts)
        ]

    def judged(self, offering: Offering) -> Candidate:
        """With the first rule that forbids it, and the recommendations that speak for it."""
        after = self._with(offering)
        entries = by_group(entries_of(after, catalogue=self._pricing.snapshot))[self._group]
        broken = broken_rules(
            entries,
            bundle=self._bundle,
            catalogue=self._pricing.snapshot,
            segment=after.segment.value,
        )
        facts = {
            **unit_facts(entries, bundle=self._bundle, segment=after.segment.value),
            **offering.facts(role=self._slot.role),
        }
        reasons = tuple(
            rule.message
            for rule in self._pricing.snapshot.rules
            if rule.kind is RuleKind.RECOMMENDS
            and decidable(rule, facts=facts)
            and rule.when.holds(facts)
            and rule.then.holds(facts)
        )
        refusal = broken[0] if broken else self._term_refusal(offering)
        return Candidate(offering, self._is_chosen(offering), None, refusal, reasons, None)

    def priced(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """With stock, and with what each possible one changes."""
        stocked = [c.offering.code for c in candidates if c.offering.stocked]
        stock = stock_of(stocked) if stocked else {}
        return [
            replace(
                candidate,
                delta=None if candidate.refusal else self._delta(candidate.offering),
                available=stock[candidate.offering.code].available
                if candidate.offering.code in stock
                else (0 if candidate.offering.stocked else None),
            )
            for candidate in candidates
        ]

    def _delta(self, offering: Offering) -> Delta:
        after = quote_of(self._with(offering), pricing=self._pricing, cart=self._cart)
        before = self.panel
        return Delta(
            due_today=after.due_today - before.due_today,
            monthly=_first(after) - _first(before),
            lasting=_last(after) - _last(before),
            commitment=after.commitment_total - before.commitment_total,
        )

    def _with(self, offering: Offering) -> CartValue:
        """The cart as it would be: replaced where one fits, else added once."""
        role, one = self._slot.role, self._slot.maximum == 1
        lines = [
            line
            for line in self._value.lines
            if not (one and line.group == self._group and line.role == role)
        ]
        before = next(
            (ln for ln in self._value.group(self._group) if one and ln.role == role), None
        )
        new = CartLine(
            id=before.id if before is not None else "new",
            offering=offering.code,
            group=self._group,
            role=role,
            term=self._term if role == "plan" else 0,
            config=before.config if before is not None else {},
        )
        if self._slot.maximum != 1 and self._is_chosen(offering):
            return self._value
        return replace(self._value, lines=(*lines, new))

    def _is_chosen(self, offering: Offering) -> bool:
        return any(
            line.offering == offering.code and line.role == self._slot.role
            for line in self._value.group(self._group)
        )

    def _term_refusal(self, offering: Offering) -> Refusal | None:
        if self._slot.role != "plan" or not offering.terms or self._term in offering.terms:
            return None
        return _TERM_REFUSAL


def _bundle(value: CartValue, group: str, pricing: Pricing) -> Offering:
    if group not in value.bundles:
        raise NotFound("There is no such bundle in the cart.", code="unknown_group")
    return pricing.snapshot.offering(value.bundles[group])


def _steps(bundle: Offering, lines: Sequence[CartLine]) -> tuple[Step, ...]:
    return tuple(
        Step(
            role=slot.role,
            required=slot.minimum > 0,
            several=slot.maximum > 1,
            chosen=tuple(line.offering for line in lines if line.role == slot.role),
        )
        for slot in bundle.slots
    )


def _first(quote: Quote) -> Money:
    return quote.monthly[0].amount if quote.monthly else Money.zero(quote.currency)


def _last(quote: Quote) -> Money:
    return quote.monthly[-1].amount if quote.monthly else Money.zero(quote.currency)


_TERM_REFUSAL = Refusal(
    "term_not_offered",
    Text(
        {
            "fr": "Ce forfait n'est pas proposé avec cette durée d'engagement.",
            "en": "This plan is not offered with this commitment.",
        }
    ),
    Text({"fr": "Choisissez une autre durée.", "en": "Choose another commitment."}),
)
