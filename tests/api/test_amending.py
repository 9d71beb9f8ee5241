"""Changing what is under way over the API: asked first, then done with the quote's token."""

import pytest

from commerce.ordering.models import OrderItem
from orchestration.models import PlanAmendment, Porting
from orchestration.services.plans import create_plans
from tests.api.conftest import Api
from tests.api.test_fleet_orders import fleet

pytestmark = pytest.mark.django_db


def placed(buyer: Api) -> str:
    number: str = buyer.post("fleet-orders", fleet(2)).json()["number"]
    create_plans(order_number=number)
    return number


def test_another_number_and_another_day_are_asked_for_and_taken(buyer: Api) -> None:
    number = placed(buyer)
    item = OrderItem.objects.filter(order__number=number, role="plan").order_by("pk")[0]
    before = item.config
    wish = {"msisdn": "", "not_before": "2026-12-01"}
    quote = buyer.post(f"orders/{number}/amendment-quote", {"bundle": item.group, "wish": wish})
    assert quote.status_code == 200, quote.content
    told = quote.json()
    assert (told["possible"], told["refusal"], told["undone"]) == (True, "", [])
    assert told["refund"] == {"amount": "0.00", "currency": "EUR"}

    body = {"bundle": item.group, "wish": wish, "token": told["token"]}
    done = buyer.post(f"orders/{number}/amendment", body)
    assert (done.status_code, done.json()["number"]) == (200, number), done.content
    item.refresh_from_db()
    assert str(item.port_not_before) == "2026-12-01"
    assert item.config.get("msisdn") != before.get("msisdn", "")
    assert PlanAmendment.objects.get().wish == {
        line: sorted({"date", "number"} if line == item.line_id else {"date"})
        for line in OrderItem.objects.filter(group=item.group).values_list("line_id", flat=True)
    }
    again = buyer.post(f"orders/{number}/amendment", {**body, "token": "0" * 32})
    assert (again.status_code, again.json()["code"]) == (409, "impact_changed")


def test_nothing_wished_is_nothing_done(buyer: Api) -> None:
    number = placed(buyer)
    group = OrderItem.objects.filter(order__number=number)[0].group
    told = buyer.post(f"orders/{number}/amendment-quote", {"bundle": group, "wish": {}})
    assert (told.status_code, told.json()["code"]) == (400, "nothing_chosen")
    alone = buyer.post(f"orders/{number}/amendment-quote", {"bundle": "", "wish": {}})
    assert (alone.status_code, alone.json()["code"]) == (404, "unknown_bundle")


def test_a_number_that_comes_along_is_listed_and_its_day_is_changed(buyer: Api) -> None:
    number = placed(buyer)
    item = OrderItem.objects.filter(order__number=number, role="plan").order_by("pk")[0]
    assert buyer.get(f"orders/{number}/numbers").json() == {"items": []}
    answer = buyer.post(f"orders/{number}/numbers/{item.line_id}/day", {"port_on": "2026-12-01"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_porting")
    assert not Porting.objects.exists()
