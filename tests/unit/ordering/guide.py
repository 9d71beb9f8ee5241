"""The demo catalogue as a guide's ground: everything pure, nothing stored."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

from catalogue.domain.model import Kind, Offering, Segment, Snapshot
from commerce.kernel.money import Money
from commerce.ordering.domain.answers import Answers
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.drafts import Draft, Laid, OwnLine, Sale, lay_out, loose
from commerce.ordering.domain.journey import Candidate, Step, StepView, step_view
from commerce.ordering.domain.journeys import (
    Journey,
    entrances,
    entry_point,
    journey_of,
    journeys,
    later_than,
)
from commerce.ordering.domain.quote import Quote, quote
from promotions.domain.compiler import CompiledPromotions, compile_promotions
from promotions.domain.model import CustomerFacts
from tests import demo as shop

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
ACTIVATION = date(2026, 11, 26)
X2 = {"handset": ("ardoval-x2-128-nuit",), "plan": ("horizon-130",), "sim": ("esim",)}
LINE = OwnLine(
    id=7,
    number="0639980001",
    has={
        "plan": ("essentiel-40",),
        "handset": ("ardoval-a5-128-nuit",),
        "sim": ("carte-sim",),
    },
    monthly=Money.of("9.99"),
    activated_on=date(2025, 1, 2),
    bound_until=date(2027, 1, 2),
)


def demo() -> Snapshot:
    return shop.demo().snapshot


@cache
def promotions() -> CompiledPromotions:
    return compile_promotions(demo().promotions)


def sale(segment: Segment = Segment.CONSUMER) -> Sale:
    return Sale(demo(), segment, "web", AT)


def bundles(segment: Segment = Segment.CONSUMER) -> tuple[Offering, ...]:
    found = [b for b in demo().of_kind(Kind.BUNDLE) if segment in b.segments]
    return entrances(found, catalogue=demo())


def all_journeys(segment: Segment = Segment.CONSUMER) -> tuple[Journey, ...]:
    return journeys(bundles(segment), own_line=True)


def journey(code: str, segment: Segment = Segment.CONSUMER) -> Journey:
    entry = entry_point(code)
    assert entry is not None
    found = journey_of(entry, bundles=bundles(segment))
    assert found is not None
    return found


def price(cart: CartValue) -> Quote:
    return quote(
        cart,
        catalogue=demo(),
        promotions=promotions(),
        customer=CustomerFacts(segment=cart.segment),
        at=AT,
        activation=ACTIVATION,
    )


def laid(
    code: str,
    choices: Mapping[str, tuple[str, ...]],
    *,
    term: int | None = None,
    line: OwnLine | None = None,
) -> Laid:
    return lay_out(Draft(choices, term), journey(code), sale=sale(), line=line)


def step(
    code: str,
    role: str,
    choices: Mapping[str, tuple[str, ...]],
    *,
    term: int | None = None,
    line: OwnLine | None = None,
) -> Step:
    found, way = laid(code, choices, term=term, line=line), journey(code)
    ground = found.ground
    if ground.slot(role) is None:
        ground = replace(ground, bundle=way.bundle_for({*found.filled, role}))
    slot = ground.slot(role)
    assert slot is not None
    return Step(
        cart=found.cart,
        ground=ground,
        slot=slot,
        term=found.term,
        later=later_than(way.ways, role),
        fill=True,
        loose=loose(way),
    )


def seen(
    code: str,
    role: str,
    choices: Mapping[str, tuple[str, ...]],
    *,
    term: int | None = None,
    line: OwnLine | None = None,
    answers: Answers | None = None,
    among: Sequence[str] = (),
) -> StepView:
    looked = step(code, role, choices, term=term, line=line)
    offerings = demo().of_kind(looked.slot.kind)
    if among:
        offerings = tuple(demo().offering(each) for each in among)
    return step_view(looked, offerings=offerings, price=price, answers=answers)


def candidate(view: StepView, code: str) -> Candidate:
    found = view.candidate(code)
    assert found is not None
    return found
