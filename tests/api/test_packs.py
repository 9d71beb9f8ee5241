"""A bundle that nests two levels of others, from its journey to its tasks, through the API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from catalogue.selectors import forget_snapshots
from catalogue.services.imports import import_catalogue
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order
from orchestration.models import Task
from orchestration.services.plans import create_plans
from tests.api.conftest import AT, Api, money
from tests.api.test_carts_and_orders import CONSENTS, HANDSET, PLAN
from tests.unit.catalogue.test_packs import with_packs

MAIN = {"handset": HANDSET, "plan": PLAN, "sim": "esim"}


@pytest.fixture(autouse=True)
def packs(people: Mapping[str, Any], tmp_path: Path) -> Any:
    forget_snapshots()
    import_catalogue(with_packs(tmp_path / "shop"), at=AT)
    yield
    forget_snapshots()


def taken(api: Api, **choices: str) -> dict[str, Any]:
    """A cart with the pack at 24 months and these things in it."""
    code = api.post("carts", {}).json()["code"]
    chosen = [{"role": role, "offering": code} for role, code in (MAIN | choices).items()]
    answer = api.post(
        f"carts/{code}/bundles", {"bundle": "home-office", "term": 24, "choices": chosen}
    )
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = api.get(f"carts/{code}").json()
    return found


def issues(cart: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(each["code"], each["role"]) for each in cart["issues"]]


def test_nested_bundles_may_be_left_out_but_not_half_taken(shopper: Api) -> None:
    assert issues(taken(shopper)) == []
    assert issues(taken(shopper, accessory="chargeur-30w")) == []
    assert issues(taken(shopper, content="ondine-musique")) == [("slot_missing", "accessory")]
    assert issues(taken(shopper, accessory="chargeur-30w", content="ondine-musique")) == []
    with pytest.raises(AssertionError, match="not_a_candidate"):
        taken(shopper, accessory="chargeur-30w", content="kiosque-presse")


def test_a_rule_over_a_nested_bundle_holds(shopper: Api) -> None:
    taken(shopper, accessory="chargeur-30w", plan="grand-large-300")
    with pytest.raises(AssertionError, match="ne va pas avec le pack"):
        taken(shopper, accessory="chargeur-30w", content="ondine-musique", plan="grand-large-300")


def test_a_step_offers_what_the_nested_place_lets_in_at_the_price_there(shopper: Api) -> None:
    cart = taken(shopper, accessory="chargeur-30w")
    group = cart["bundles"][0]["group"]
    step = shopper.get(f"carts/{cart['code']}/groups/{group}/steps/content").json()
    assert (step["bundle"], step["minimum"], step["maximum"]) == ("home-office", 1, 3)
    by_code = {each["offering"]: each for each in step["candidates"]}
    assert by_code["ondine-musique"]["difference"]["lasting_month"] == money("4.99")
    refused = {code for code, each in by_code.items() if each["refusal"]}
    assert "kiosque-presse" in refused
    assert "ondine-musique" not in refused


def test_the_lines_say_in_which_nested_bundle_they_stand(shopper: Api) -> None:
    cart = taken(shopper, accessory="chargeur-30w", content="ondine-musique")
    assert {line["role"]: line["bundle"] for line in cart["quote"]["lines"]} == {
        "handset": "handset-and-plan", "plan": "handset-and-plan", "sim": "handset-and-plan",
        "accessory": "work-kit", "content": "sound-kit",
    }  # fmt: skip
    charger = next(line for line in cart["quote"]["lines"] if line["role"] == "accessory")
    assert charger["list_today"] == money("19.90")


def test_it_is_ordered_and_every_level_has_its_tasks(shopper: Api) -> None:
    cart = taken(shopper, accessory="chargeur-30w", content="ondine-musique")
    asked = {
        "cart": cart["code"],
        "expected_total": cart["quote"]["due_today_gross"],
        "consents": CONSENTS,
    }
    placed = shopper.post("orders", asked)
    assert placed.status_code == 201, placed.content
    number = placed.json()["number"]
    lines = shopper.get(f"orders/{number}/items").json()["items"]
    assert {line["role"] for line in lines} == {"handset", "plan", "sim", "accessory", "content"}
    Order.objects.filter(number=number).update(state=OrderState.ACCEPTED)
    with transaction.atomic():
        create_plans(order_number=number)
    tasks = list(Task.objects.order_by("position").values_list("key", "action"))
    assert {action for _key, action in tasks} >= {
        "logistics.ship", "network.activate", "content.entitle", "billing.start",
    }  # fmt: skip
    assert Task.objects.values("plan").distinct().count() == 1
