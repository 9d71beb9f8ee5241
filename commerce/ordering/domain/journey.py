"""One step of a guided journey: what may fill a role of a bundle, and what each choice changes.

Pure. An alternative is priced by the whole cart with it and compared with the cart as it is, so
that every difference counts every promotion.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from catalogue.domain.model import Offering, Refusal, RuleKind, Slot, Snapshot, Text
from commerce.kernel.money import Money
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.checks import broken_rules, decidable, fits_slot, roles_named
from commerce.ordering.domain.facts import Entry, entries_of, term_of, unit_facts
from commerce.ordering.domain.quote import Quote

ALTERNATIVE = "alternative"
"""The id of the line that stands for a choice that is not made yet."""


@dataclass(frozen=True, slots=True)
class Difference:
    """With the alternative, minus without: today (gross), in the first month, in a lasting month
    (promotions over), over the commitment."""

    today: Money
    first_month: Money
    lasting_month: Money
    total: Money


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could fill the role.

    `quote` is the cart with it and `line` its line there. A refused one has no difference that
    means anything; `recommended` is the reason of a rule that recommends it.
    """

    offering: Offering
    chosen: bool
    quantity: int
    term: int
    difference: Difference
    quote: Quote
    line: str
    refusal: Refusal | None
    recommended: Text | None


@dataclass(frozen=True, slots=True)
class StepView:
    """`quote` is the cart as it is; `term` the commitment at which candidates are priced."""

    group: str
    role: str
    slot: Slot
    bundle: Offering
    term: int
    quote: Quote
    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        return tuple(candidate for candidate in self.candidates if candidate.chosen)


@dataclass(frozen=True, slots=True)
class Step:
    """Which role of which bundle of which cart is looked at, and with what it is judged."""

    cart: CartValue
    group: str
    bundle: Offering
    slot: Slot
    term: int
    catalogue: Snapshot
    at: datetime

    @property
    def entries(self) -> tuple[Entry, ...]:
        found = entries_of(self.cart, catalogue=self.catalogue)
        return tuple(entry for entry in found if entry.line.group == self.group)

    @property
    def there(self) -> tuple[CartLine, ...]:
        return tuple(
            line
            for line in self.cart.lines
            if line.group == self.group and line.role == self.slot.role
        )


def step_view(
    step: Step, *, offerings: Iterable[Offering], price: Callable[[CartValue], Quote]
) -> StepView:
    """The candidates among `offerings`: first those that can be chosen, as the catalogue ranks."""
    quote = price(step.cart)
    found = [
        _candidate(step, offering, quote=quote, price=price)
        for offering in offerings
        if offering.kind is step.slot.kind
        and offering.sellable(segment=step.cart.segment, channel=step.cart.channel, at=step.at)
    ]
    ordered = sorted(found, key=lambda c: (c.refusal is not None, c.offering.rank, c.offering.code))
    return StepView(
        group=step.group,
        role=step.slot.role,
        slot=step.slot,
        bundle=step.bundle,
        term=step.term,
        quote=quote,
        candidates=tuple(ordered),
    )


def _candidate(
    step: Step, offering: Offering, *, quote: Quote, price: Callable[[CartValue], Quote]
) -> Candidate:
    own = next((line for line in step.there if line.offering == offering.code), None)
    term = _term(step, offering)
    chosen = own is not None and (step.slot.role != "plan" or own.term == term)
    changed, line = (step.cart, own.id) if chosen and own else _with(step, offering, term=term)
    entries = [
        entry
        for entry in entries_of(changed, catalogue=step.catalogue)
        if entry.line.group == step.group
    ]
    other = quote if chosen else price(changed)
    return Candidate(
        offering=offering,
        chosen=chosen,
        quantity=own.quantity if own is not None else 0,
        term=term,
        difference=_difference(quote, other),
        quote=other,
        line=line,
        refusal=None if chosen else _refusal(step, offering, entries, term=term),
        recommended=_recommended(step, offering, entries),
    )


def _term(step: Step, offering: Offering) -> int:
    if step.slot.role == "plan":
        return step.term if step.term in offering.terms else max(offering.terms, default=0)
    return term_of(step.entries)


def _with(step: Step, offering: Offering, *, term: int) -> tuple[CartValue, str]:
    """The cart with `offering` in the role: instead of what is there, or beside it."""
    role = step.slot.role
    if step.slot.maximum == 1 and step.there:
        own = step.there[0]
        line = replace(own, offering=offering.code, quantity=1)
        line = replace(line, term=term) if role == "plan" else line
        lines = tuple(line if each.id == own.id else each for each in step.cart.lines)
        return replace(step.cart, lines=lines), own.id
    line = CartLine(
        id=ALTERNATIVE,
        offering=offering.code,
        group=step.group,
        role=role,
        term=term if role == "plan" else 0,
    )
    return replace(step.cart, lines=(*step.cart.lines, line)), ALTERNATIVE


def _refusal(
    step: Step, offering: Offering, entries: Sequence[Entry], *, term: int
) -> Refusal | None:
    """Why it can't be chosen beside what is there; None if it can."""
    facts = unit_facts(entries, bundle=step.bundle, segment=step.cart.segment.value)
    if not fits_slot(step.slot, offering, facts=facts):
        return Refusal("not_a_candidate", _NOT_HERE, _ALONE)
    broken = broken_rules(
        entries,
        bundle=step.bundle,
        catalogue=step.catalogue,
        segment=step.cart.segment.value,
    )
    if broken:
        return broken[0]
    if not offering.charges_for(segment=step.cart.segment, term=term, bundle=step.bundle.code):
        return Refusal("no_price", _NO_PRICE, _OTHER_TERM)
    if step.slot.role == "plan" and step.term not in offering.terms:
        return Refusal("term_not_offered", _NO_PRICE, _OTHER_TERM)
    return None


def _recommended(step: Step, offering: Offering, entries: Sequence[Entry]) -> Text | None:
    """The sentence of the first rule that recommends it beside what is there."""
    role = step.slot.role
    facts = {
        **unit_facts(entries, bundle=step.bundle, segment=step.cart.segment.value),
        **offering.facts(role=role),
    }
    for rule in step.catalogue.rules:
        if (
            rule.kind is RuleKind.RECOMMENDS
            and role in roles_named(rule.then)
            and decidable(rule, facts=facts)
            and rule.when.holds(facts)
            and rule.then.holds(facts)
        ):
            return rule.message
    return None


def _difference(now: Quote, then: Quote) -> Difference:
    return Difference(
        today=then.due_today_gross - now.due_today_gross,
        first_month=_month(then, 0) - _month(now, 0),
        lasting_month=_month(then, -1) - _month(now, -1),
        total=then.commitment_total - now.commitment_total,
    )


def _month(quote: Quote, place: int) -> Money:
    return quote.monthly[place].amount if quote.monthly else Money.zero()


def _text(fr: str, en: str) -> Text:
    return Text({"fr": fr, "en": en})


_NOT_HERE = _text(
    "Cet article n'entre pas dans cette offre groupée.", "This item is not part of this bundle."
)
_ALONE = _text("Il peut être commandé seul.", "It can be ordered on its own.")
_NO_PRICE = _text(
    "Ce forfait n'est pas proposé avec cette durée d'engagement.",
    "This plan is not offered with this commitment.",
)
_OTHER_TERM = _text("Choisissez une autre durée d'engagement.", "Choose another commitment.")
