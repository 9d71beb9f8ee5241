"""One step of a guided journey: what may fill a role, what each choice changes, and how it ranks.

Pure, and the same for the page, the API and the agent. An alternative is priced by the whole cart
with it and compared with the cart as it is, so that every difference counts every promotion.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from catalogue.domain.model import (
    Kind,
    Offering,
    Refusal,
    RuleKind,
    Slot,
    Snapshot,
    Text,
    least_in,
    rivals_of,
)
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.ordering.domain.adapting import (
    NOT_A_CANDIDATE,
    TERM_NOT_OFFERED,
    Change,
    Ground,
    confirmation_of,
    consequences_of,
    refusal_of,
    settle,
    without_rival,
)
from commerce.ordering.domain.answers import (
    Answers,
    Judged,
    Question,
    Reason,
    Verdict,
    questions,
    verdicts,
)
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.checks import decidable, roles_named
from commerce.ordering.domain.facts import Entry, term_of
from commerce.ordering.domain.journeys import later_than, ways_of
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.schedule import merged
from commerce.ordering.domain.simulation import Cost, Usage, cost_on

ALTERNATIVE = "alternative"
"""The id of the line that stands for a choice that is not made yet."""
MOST_COMPARED, MOST_LOOKED_AT = 48, 1000
"""Of a role that takes several: of thousands of accessories not each is priced with the cart."""
LONGEST = 24
"""Months at which plans are priced while nobody has asked for another commitment."""

Price = Callable[[CartValue], Quote]


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
    means anything. `changes` is what must change with it (and what is filled with it, where the
    journey fills); `misses` the answers that it does not meet; `use` what a usage costs with it.
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
    changes: tuple[Change, ...] = ()
    reasons: tuple[Reason, ...] = ()
    misses: tuple[Reason, ...] = ()
    use: Cost | None = None

    @property
    def consequences(self) -> tuple[Change, ...]:
        """What is there already and would not stay as it is: to be confirmed."""
        return consequences_of(self.changes)

    @property
    def confirmation(self) -> str:
        """What a buyer agrees to when he takes it; empty when nothing else changes."""
        return confirmation_of(self.consequences)


@dataclass(frozen=True, slots=True)
class StepView:
    """`quote` is the cart as it is; `term` the commitment at which candidates are priced.

    `without` is what changes if the role is left empty; None where it can't be. `needed` is how
    many the place needs beside what stands in others. `lowest` are the lowest prices of the 30 days
    before a reduction, by the code of what is reduced. `more` are sold too and not among the
    candidates.
    """

    group: str
    role: str
    slot: Slot
    bundle: Offering
    term: int
    quote: Quote
    candidates: tuple[Candidate, ...]
    questions: tuple[Question, ...] = ()
    without: Difference | None = None
    needed: int = 0
    lowest: Mapping[str, Money] = field(default_factory=dict)
    more: int = 0

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        return tuple(candidate for candidate in self.candidates if candidate.chosen)

    def candidate(self, code: str) -> Candidate | None:
        return next((each for each in self.candidates if each.offering.code == code), None)


@dataclass(frozen=True, slots=True)
class Step:
    """Which role of a bundle is looked at, on which ground.

    `later` are the roles that follow on the way: they may change with a choice. With `fill`, empty
    ones that have a default are filled. `loose`: what is chosen joins a running line and is priced
    singly.
    """

    cart: CartValue
    ground: Ground
    slot: Slot
    term: int
    later: tuple[str, ...] = ()
    fill: bool = False
    loose: bool = False

    def cart_with(self, lines: tuple[CartLine, ...]) -> CartValue:
        """The cart with other lines, its bundle the one that has this step."""
        own = {} if self.loose else {self.ground.group: self.ground.bundle.code}
        return replace(self.cart, lines=lines, bundles={**self.cart.bundles, **own})

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.ground.entries(self.cart.lines)

    @property
    def there(self) -> tuple[CartLine, ...]:
        return tuple(
            line
            for line in self.cart.lines
            if line.group == self.ground.group and line.role == self.slot.name
        )

    @property
    def rivals(self) -> tuple[CartLine, ...]:
        """What stands in a bundle that can't be there together with the slot's own."""
        names = rivals_of(self.slot, self.ground.bundle.slots)
        return tuple(
            line
            for line in self.cart.lines
            if line.group == self.ground.group and line.role in names
        )

    @property
    def needed(self) -> int:
        """How many the slot needs beside what stands in the others."""
        filled = {
            line.role
            for line in self.cart.lines
            if line.group == self.ground.group and line not in self.there
        }
        return least_in(self.slot, self.ground.bundle.slots, filled=filled)

    @property
    def emptied(self) -> CartValue | None:
        """The cart with nothing in the slot for one; None: it is empty, or can't be."""
        lines = tuple(line for line in self.cart.lines if line not in self.there)
        if not self.there or self.needed or self.slot.maximum > 1:
            return None
        return None if refusal_of(self.ground, lines) else self.cart_with(lines)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The lines of a cart after a choice; `line` is its own; `refusal` why it can't be."""

    lines: tuple[CartLine, ...]
    line: str
    changes: tuple[Change, ...] = ()
    refusal: Refusal | None = None

    @property
    def consequences(self) -> tuple[Change, ...]:
        """What is there already and would not stay as it is: to be confirmed."""
        return consequences_of(self.changes)


def step_view(
    step: Step, *, offerings: Iterable[Offering], price: Price, answers: Answers | None = None
) -> StepView:
    """The candidates among `offerings`: what can be chosen and meets the answers first.

    Of more than `MOST_COMPARED` for a role that takes several they are what is chosen, the first in
    the shop's order that go with it, and those before them that do not, with why.
    """
    answers = (answers or Answers()).about(step.slot.kind)
    quote = price(step.cart)
    sold = [o for o in offerings if o.kind is step.slot.kind and step.ground.sells(o)]
    compared = _compared(step, sold)
    found = [_candidate(step, o, quote=quote, price=price, usage=answers.usage) for o in compared]
    judged = verdicts([_judged(each, step=step) for each in found], answers)
    told = [
        (
            _place(each, verdict, answers),
            replace(each, reasons=verdict.reasons, misses=verdict.misses),
        )
        for each, verdict in zip(found, judged, strict=True)
    ]
    return StepView(
        group=step.ground.group,
        role=step.slot.name,
        slot=step.slot,
        bundle=step.ground.bundle,
        term=step.term,
        quote=quote,
        candidates=tuple(each for _, each in sorted(told, key=lambda pair: pair[0])),
        questions=questions(step.slot.kind, sold),
        without=difference(quote, price(empty)) if (empty := step.emptied) is not None else None,
        needed=step.needed,
        more=len(sold) - len(compared),
    )


def _compared(step: Step, sold: Sequence[Offering]) -> Sequence[Offering]:
    if step.slot.maximum == 1 or len(sold) <= MOST_COMPARED:
        return sold
    chosen = {line.offering for line in step.there}
    ordered = sorted(sold, key=lambda o: (o.code not in chosen, o.rank, o.code))
    found: list[Offering] = []
    room = {True: MOST_COMPARED, False: MOST_COMPARED}
    for offering in ordered[:MOST_LOOKED_AT]:
        fits = offering.code in chosen or choose(step, offering).refusal is None
        if room[fits]:
            room[fits] -= 1
            found.append(offering)
        if not room[True]:
            break
    return found


def step_in(
    value: CartValue,
    *,
    group: str,
    role: str,
    term: int | None,
    catalogue: Snapshot,
    at: datetime,
) -> Step:
    """A step of a bundle that stands in a cart; `term` None: the chosen plan's commitment.

    Raises:
        NotFound: `unknown_group`, `unknown_role`.
    """
    if group not in value.bundles:
        raise NotFound("There is no such bundle in the cart.", code="unknown_group")
    bundle = catalogue.offering(value.bundles[group])
    ground = Ground(group, bundle, value.segment, value.channel, catalogue, at)
    slot = ground.slot(role)
    if slot is None:
        raise NotFound(f"This bundle has no step {role[:20]!r}.", code="unknown_role")
    entries = ground.entries(value.lines)
    if term is None:
        planned = any(entry.offering.kind is Kind.PLAN for entry in entries)
        term = term_of(entries) if planned else LONGEST
    return Step(value, ground, slot, term, later=later_than(ways_of(bundle.slots), role))


def choose(step: Step, offering: Offering) -> Chosen:
    """The cart with `offering` in the role, valid again by changing what follows; or a refusal."""
    term = _term(step, offering)
    lines, line = _with(step, offering, term=term)
    gone = tuple(without_rival(each) for each in step.rivals)
    if step.slot.kind is Kind.PLAN and step.term not in offering.terms:
        return Chosen(lines, line, refusal=_no_such_term(step, lines))
    refusal = refusal_of(step.ground, lines)
    if refusal is None and not step.fill:
        return Chosen(lines, line, changes=gone)
    settled = settle(step.ground, lines, later=step.later, fill=step.fill, term=step.term)
    if settled is None:
        return Chosen(lines, line, refusal=refusal or refusal_of(step.ground, lines))
    return Chosen(settled.lines, line, changes=(*gone, *settled.changes))


def lasting_month(quote: Quote, *, group: str) -> Money:
    """What one bundle costs a month once its promotions are over."""
    phases = merged(quote.agreed_charges(group=group), months=quote.months_shown)
    return phases[-1].amount if phases else Money.zero()


def _candidate(
    step: Step, offering: Offering, *, quote: Quote, price: Price, usage: Usage
) -> Candidate:
    own = next((line for line in step.there if line.offering == offering.code), None)
    term = _term(step, offering)
    chosen = own is not None and (step.slot.kind is not Kind.PLAN or own.term == term)
    made = Chosen(step.cart.lines, own.id) if chosen and own else choose(step, offering)
    other = quote if chosen else price(step.cart_with(made.lines))
    plan = step.slot.kind is Kind.PLAN and bool(usage)
    return Candidate(
        offering=offering,
        chosen=chosen,
        quantity=own.quantity if own is not None else 0,
        term=term,
        difference=difference(quote, other),
        quote=other,
        line=made.line,
        refusal=made.refusal,
        recommended=_recommended(step, offering, step.ground.entries(made.lines)),
        changes=made.changes,
        use=_use(step, offering, usage=usage, term=term, quote=other) if plan else None,
    )


def _use(step: Step, plan: Offering, *, usage: Usage, term: int, quote: Quote) -> Cost:
    ground = step.ground
    return cost_on(usage, plan=plan, term=term, quote=quote, segment=ground.segment, at=ground.at)


def _judged(candidate: Candidate, *, step: Step) -> Judged:
    return Judged(
        offering=candidate.offering,
        lasting=lasting_month(candidate.quote, group=step.ground.group),
        total=candidate.quote.commitment_total,
        open=candidate.refusal is None,
        recommended=candidate.recommended,
        use=candidate.use,
    )


def _place(candidate: Candidate, verdict: Verdict, answers: Answers) -> tuple[object, ...]:
    return (
        candidate.refusal is not None,
        len(verdict.misses),
        bool(candidate.consequences),
        -verdict.weight if answers else 0,
        candidate.offering.rank,
        candidate.offering.code,
    )


def _term(step: Step, offering: Offering) -> int:
    if step.slot.kind is Kind.PLAN:
        return step.term if step.term in offering.terms else max(offering.terms, default=0)
    return term_of(step.entries)


def _with(step: Step, offering: Offering, *, term: int) -> tuple[tuple[CartLine, ...], str]:
    """The lines with `offering` in the role: instead of what is there, or beside it; what another
    bundle brought to its place goes out."""
    plan = step.slot.kind is Kind.PLAN
    kept = tuple(each for each in step.cart.lines if each not in step.rivals)
    if step.slot.maximum == 1 and step.there:
        own = step.there[0]
        line = replace(own, offering=offering.code, quantity=1, term=term if plan else own.term)
        return tuple(line if each.id == own.id else each for each in kept), own.id
    line = CartLine(
        id=ALTERNATIVE,
        offering=offering.code,
        group=step.ground.group,
        role=step.slot.name,
        term=term if plan else 0,
    )
    return (*kept, line), ALTERNATIVE


def _no_such_term(step: Step, lines: Sequence[CartLine]) -> Refusal:
    """A plan without the wished commitment: first what else is in its way, if it can't be here."""
    refusal = refusal_of(step.ground, lines)
    if refusal is not None and refusal.code == NOT_A_CANDIDATE.code:
        return refusal
    return TERM_NOT_OFFERED


def _recommended(step: Step, offering: Offering, entries: Sequence[Entry]) -> Text | None:
    """The sentence of the first rule that recommends it beside what is there."""
    role = step.slot.role
    facts = {
        **step.ground.facts(entries),
        **offering.facts(role=role),
    }
    for rule in step.ground.catalogue.rules:
        if (
            rule.kind is RuleKind.RECOMMENDS
            and role in roles_named(rule.then)
            and decidable(rule, facts=facts)
            and rule.when.holds(facts)
            and rule.then.holds(facts)
        ):
            return rule.message
    return None


def difference(now: Quote, then: Quote) -> Difference:
    """What `then` costs more than `now`."""
    return Difference(
        today=then.due_today_gross - now.due_today_gross,
        first_month=_month(then, 0) - _month(now, 0),
        lasting_month=_month(then, -1) - _month(now, -1),
        total=then.commitment_total - now.commitment_total,
    )


def _month(quote: Quote, place: int) -> Money:
    return quote.monthly[place].amount if quote.monthly else Money.zero()
