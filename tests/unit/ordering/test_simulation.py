"""The best plan for a usage: the quote plus what goes beyond, worked by hand."""

from decimal import Decimal

import pytest

from catalogue.domain.model import Segment
from catalogue.domain.usage import Dimension
from commerce.kernel.money import Money
from commerce.ordering.domain.simulation import (
    Cost,
    Tariff,
    Usage,
    cost_on,
    ranked,
)
from tests.unit.ordering.guide import AT, demo, laid, price

CONSUMER = Segment.CONSUMER


def cost(plan: str, usage: Usage, *, term: int = 24) -> Cost:
    found = laid("keep-handset", {"plan": (plan,), "sim": ("esim",)}, term=term)
    offering = demo().offering(plan)
    return cost_on(
        usage, plan=offering, term=term, quote=price(found.cart), segment=CONSUMER, at=AT
    )


def test_a_plan_that_suffices_costs_its_quote() -> None:
    found = cost("horizon-130", Usage(data_gb=60))
    # 15.00 activation, 1.00 eSIM, six months free, 18 at 19.99.
    assert found.fixed == Money.of("375.82")
    assert found.commitment == Money.of("375.82")
    # The first year has six paid months.
    assert found.year == Money.of("135.94")
    assert (found.beyond, found.short) == ((), ())


def test_data_without_a_price_beyond_makes_a_plan_too_small() -> None:
    found = cost("essentiel-40", Usage(data_gb=60))
    assert [(s.dimension, s.used, s.included) for s in found.short] == [
        (Dimension.DATA, Decimal(60), Decimal(40))
    ]


@pytest.mark.parametrize(
    ("days", "busiest"), [(0, Decimal(0)), (15, Decimal(45)), (30, Decimal(90)), (75, Decimal(90))]
)
def test_days_abroad_come_in_a_row_and_use_as_much_as_at_home(days: int, busiest: Decimal) -> None:
    months = list(Usage(data_gb=90, days_abroad=days).months())
    assert max(month[Dimension.ABROAD] for month in months) == busiest
    assert len(months) == 12


def test_a_journey_can_make_another_plan_the_best() -> None:
    plans = ("essentiel-40", "horizon-130", "grand-large-300", "plein-ciel-600")
    at_home = ranked(cost(plan, Usage(data_gb=60)) for plan in plans)
    abroad = ranked(cost(plan, Usage(data_gb=60, days_abroad=20)) for plan in plans)
    assert at_home[0].plan.code == "horizon-130"
    # 60 GB over 20 days of 30 are 40 GB: Horizon has 30 GB from Europe, Grand large 45.
    assert abroad[0].plan.code == "grand-large-300"
    assert [each.plan.code for each in abroad][-2:] == ["essentiel-40", "horizon-130"]


def test_a_plan_stands_at_the_commitment_at_which_it_is_cheapest() -> None:
    found = ranked(cost("horizon-130", Usage(data_gb=10), term=term) for term in (0, 12, 24))
    assert [each.term for each in found] == [24]


@pytest.mark.parametrize(
    ("used", "expected"), [("100", "0.00"), ("120", "0.00"), ("120.1", "0.05"), ("140", "1.00")]
)
def test_each_started_unit_beyond_what_is_included_is_paid(used: str, expected: str) -> None:
    tariff = Tariff(Decimal(120), price=Money.of("0.05"))
    assert tariff.cost(Decimal(used)) == Money.of(expected)


def test_calls_beyond_the_two_hours_are_paid_by_the_minute() -> None:
    found = cost("mini-20", Usage(data_gb=10, minutes=200), term=0)
    # 80 minutes beyond 120 at 0.05 are 4.00 a month; 5.99 a month and 1.00 for the eSIM.
    assert [(b.dimension, b.year) for b in found.beyond] == [(Dimension.CALLS, Money.of("48.00"))]
    assert found.year == Money.of("120.88")
    assert found.commitment == Money.of("240.76")
    assert found.short == ()
