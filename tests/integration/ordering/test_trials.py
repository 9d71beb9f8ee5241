"""A promotion tried on sample carts and on last month's orders: for how many, at what cost."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.accounts.kinds import Role
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from commerce.ordering.domain.states import OrderState
from commerce.ordering.domain.trial import Effect, Totals
from commerce.ordering.models import Order
from commerce.ordering.services.bulk import place_bulk_order
from commerce.ordering.services.place import place_order
from commerce.ordering.trials import trial_of
from tests.integration.ordering.people import (
    bundle_cart,
    checkout_for,
    customer,
    member,
    organisation,
)
from tests.integration.ordering.test_carts import handset
from tests.integration.ordering.test_fleet import CHECKOUT, fleet

pytestmark = pytest.mark.django_db
ANY_PHONE = {"fact": "kinds", "includes": "handset"}


def promotion(value: object = 50, **more: Any) -> dict[str, Any]:
    return {
        "code": "tried", "name": {"fr": "Essai", "en": "Tried"}, "when": ANY_PHONE,
        "benefits": [{"target": {"fact": "line.kind", "is": "handset"}, "charge": "one_off",
                      "kind": "amount_off", "value": value}],
        **more,
    }  # fmt: skip


TENTH_OF_PLAN = [{"target": {"fact": "line.kind", "is": "plan"}, "charge": "recurring",
                  "kind": "percent_off", "value": 10}]  # fmt: skip


def totals(sales: int, today: str, commitment: str) -> Totals:
    return Totals(sales, Money.of(today), Money.of(commitment))


def bought(name: str = "Camille Martin") -> str:
    owner = customer(name)
    code = bundle_cart(owner, handset=handset())
    return place_order(owner, code=code, checkout=checkout_for(owner, code)).number


@pytest.fixture
def orders(shop: datetime) -> list[str]:
    """Two consumers with a phone and a plan, and a fleet of three phones that has no cart."""
    buyer = member(organisation(), "Bruno", role=Role.BUYER, limit="50000")
    placed = place_bulk_order(buyer, lines=fleet(3), checkout=CHECKOUT)
    return [bought("A"), bought("B"), placed.number]


def test_what_it_would_have_cost_and_for_how_many(orders: list[str]) -> None:
    tried = trial_of(promotion()).tried
    assert tried.seen == tried.applied == 3
    assert tried.totals == {
        Basis.TTC: totals(2, "100.00", "100.00"),
        Basis.HT: totals(1, "150.00", "150.00"),
    }
    assert tried.examples[0].name == orders[2]
    assert {each.name for each in tried.examples} == set(orders)


def test_a_month_of_each_line_counts_over_the_commitment(orders: list[str]) -> None:
    """10 % of 16.00 without tax, 24 months, 3 lines: 1.60 x 24 x 3 = 115.20."""
    business = {"all": [{"fact": "customer.segment", "is": "business"},
                        {"fact": "bundle.code", "is": "fleet-line"}]}  # fmt: skip
    tried = trial_of(promotion(when=business, benefits=TENTH_OF_PLAN)).tried
    assert (tried.seen, tried.applied) == (3, 1)
    assert tried.totals == {Basis.HT: totals(1, "0.00", "115.20")}


@pytest.mark.parametrize(
    ("more", "sales"),
    [
        ({"requires_code": "MERCI"}, 2),
        ({"single_use": True}, 2),
        ({"reasons": ["price"]}, 2),
        ({"valid_from": "2030-01-01"}, 2),
        ({"limits": {"total": 1}}, 1),
        ({"limits": {"per_party": 1}}, 2),
    ],
)
def test_it_is_tried_as_if_it_ran_and_everybody_had_its_code_within_its_limits(
    orders: list[str], more: dict[str, Any], sales: int
) -> None:
    when = {"all": [ANY_PHONE, {"fact": "customer.segment", "is": "consumer"}]}
    tried = trial_of(promotion(when=when, **more)).tried
    assert tried.totals == {Basis.TTC: totals(sales, f"{50 * sales}.00", f"{50 * sales}.00")}


def test_the_promotion_of_that_name_as_it_is_sold_does_not_hide_its_cost(
    orders: list[str],
) -> None:
    """On sale it frees six months of horizon-130 for both; tried anew it costs the same again."""
    own = next(
        p for p in Order.objects.get(number=orders[0]).agreed["applied"] if p["code"] == "six-free"
    )
    six = {
        "code": "six-free", "name": {"fr": "x", "en": "x"}, "group": "plan",
        "when": {"fact": "customer.segment", "is": "consumer"},
        "benefits": [{"target": {"fact": "line.kind", "is": "plan"}, "charge": "recurring",
                      "kind": "percent_off", "value": 100, "first": 1, "periods": 6}],
    }  # fmt: skip
    found = trial_of(six).tried.totals[Basis.TTC]
    assert str(found.commitment.amount / 2) == own["saving_over_commitment"].split()[0]


def test_orders_given_up_and_older_ones_are_left_out(orders: list[str], at: datetime) -> None:
    Order.objects.filter(number=orders[0]).update(state=OrderState.CANCELLED, ended_at=at)
    Order.objects.filter(number=orders[1]).update(placed_at=at - timedelta(days=30))
    found = trial_of(promotion())
    assert (found.placed, found.tried.seen) == (1, 1)
    with business_time_fixed(at + timedelta(days=31)):
        assert trial_of(promotion()).placed == 0


def test_the_queries_are_the_same_for_one_order_and_for_many(orders: list[str]) -> None:
    trial_of(promotion())
    with CaptureQueriesContext(connection) as asked:
        trial_of(promotion())
    assert len(asked) == 5
    bought("C")
    with CaptureQueriesContext(connection) as asked:
        trial_of(promotion())
    assert len(asked) == 5


def test_sample_carts_show_what_it_does(shop: object) -> None:
    samples = {each.name.in_("en"): each.effect for each in trial_of(promotion()).samples}
    assert len(samples) == 7
    alone = samples["A phone alone"]
    assert alone == Effect(
        "A phone alone", Basis.TTC, Money.of("549.00"), Money.of("50.00"), Money.of("50.00")
    )
    assert samples["A plan alone for 24 months"] is None
    assert samples["Twenty fleet lines"] is None


def test_what_cannot_be_read_is_told_at_its_field(shop: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        trial_of(promotion("much"))
    assert refused.value.detail["field"] == "promotions[0].benefits[0].value"
