"""A bundle that nests two levels of others, from its journey to its tasks, through the API."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from catalogue.domain.model import present_in
from catalogue.selectors import current_snapshot, forget_snapshots
from catalogue.services.imports import import_catalogue
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order
from orchestration.models import Task
from orchestration.services.plans import create_plans
from tests.api.conftest import AT, Api, money
from tests.api.test_carts_and_orders import CONSENTS, HANDSET, PLAN
from tests.demo import sell_demo
from tests.unit.catalogue.test_packs import with_packs

MAIN = {"handset": HANDSET, "plan": PLAN, "sim": "esim"}


@pytest.fixture(scope="module")
def shelf(
    demo: object, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The demo and packs; each test rolls back to it."""
    with django_db_blocker.unblock(), business_time_fixed(AT), transaction.atomic():
        import_catalogue(with_packs(tmp_path_factory.mktemp("packs") / "shop"), at=AT)
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def packs(shelf: None, people: Mapping[str, Any]) -> Iterator[None]:
    forget_snapshots()
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


KITS = {"handset": HANDSET, "plan": PLAN, "sim": "esim"}
WORK = "kit.work-kit.accessory"
LISTEN, CHARGE = "kit.leisure-kit.listen.accessory", "kit.leisure-kit.charge.accessory"
SECOND = "second.plan-only"


@pytest.fixture
def demo_packs(people: Mapping[str, Any]) -> None:
    """The demonstration's own packs."""
    sell_demo(at=AT)
    forget_snapshots()


def begun(api: Api, bundle: str, choices: Mapping[str, str]) -> dict[str, Any]:
    code = api.post("carts", {}).json()["code"]
    chosen = [{"role": role, "offering": each} for role, each in choices.items()]
    answer = api.post(f"carts/{code}/bundles", {"bundle": bundle, "term": 24, "choices": chosen})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = api.get(f"carts/{code}").json()
    return found


def test_one_of_several_kits_takes_the_place_and_two_places_have_one_role(
    demo_packs: None, shopper: Api
) -> None:
    cart = begun(
        shopper, "home-office", {**KITS, LISTEN: "ecouteurs-merle", CHARGE: "chargeur-30w"}
    )
    assert issues(cart) == []
    lines = {line["role"]: line for line in cart["quote"]["lines"]}
    assert lines[CHARGE]["list_today"] == money("14.90")
    assert (lines[CHARGE]["bundle"], lines["plan"]["bundle"]) == ("leisure-kit", "handset-and-plan")
    path = f"carts/{cart['code']}/groups/{cart['bundles'][0]['group']}/steps/{WORK}"
    step = shopper.get(path).json()
    assert (step["minimum"], step["maximum"], step["needed"]) == (1, 2, 0)
    other = next(each for each in step["candidates"] if each["offering"] == "chargeur-30w")
    assert other["refusal"] is None
    gone = {(each["role"], each["before"], each["after"]) for each in other["changes"]}
    assert gone == {(LISTEN, "ecouteurs-merle", None), (CHARGE, "chargeur-30w", None)}
    asked = {"offering": "chargeur-30w"}
    assert shopper.post(path, asked).json()["code"] == "changes_needed"
    shopper.post(path, asked | {"accept": other["confirmation"]})
    changed = shopper.get(f"carts/{cart['code']}").json()
    assert issues(changed) == []
    assert {line["role"] for line in changed["quote"]["lines"]} == {*KITS, WORK}
    both = {**KITS, LISTEN: "ecouteurs-merle", WORK: "chargeur-30w"}
    with pytest.raises(AssertionError, match="one_of"):
        begun(shopper, "home-office", both)


def test_a_bundle_that_was_left_out_is_not_among_the_bundles_of_a_condition(
    demo_packs: None, shopper: Api
) -> None:
    snapshot = current_snapshot(AT)
    office = snapshot.offering("home-office")
    present = present_in(office.slots, filled={"plan", LISTEN})
    assert office.named(nest.bundle for nest in present)["bundle.codes"] == (
        "home-office", "leisure-kit", "handset-and-plan",
    )  # fmt: skip


def test_two_lines_are_one_pack_with_two_contracts_and_two_plans(
    demo_packs: None, shopper: Api
) -> None:
    first = {f"first.{role}": each for role, each in KITS.items()}
    cart = begun(shopper, "duo-pack", first)
    (pack, one, two) = [each["group"] for each in cart["bundles"]]
    assert (one, two) == (f"{pack}.first", f"{pack}.second")
    assert [(each["code"], each["group"]) for each in cart["issues"]] == [("slot_missing", two)]
    line = shopper.put(
        f"carts/{cart['code']}/bundles/{two}", {"bundle": "duo-pack/second.handset-and-plan"}
    )
    assert issues(line.json()) == [("slot_missing", "handset")]
    shopper.put(f"carts/{cart['code']}/bundles/{two}", {"bundle": f"duo-pack/{SECOND}"})
    for role, chosen in (("plan", "horizon-130"), ("sim", "carte-sim")):
        shopper.post(
            f"carts/{cart['code']}/items",
            {"offering": chosen, "group": two, "role": role, "term": 24},
        )
    cart = shopper.get(f"carts/{cart['code']}").json()
    assert issues(cart) == []
    (plan,) = [x for x in cart["quote"]["lines"] if (x["group"], x["role"]) == (two, "plan")]
    assert plan["monthly"][-1]["list_amount"] == money("14.99")
    asked = {
        "cart": cart["code"],
        "expected_total": cart["quote"]["due_today_gross"],
        "consents": CONSENTS,
    }
    placed = shopper.post("orders", asked)
    assert placed.status_code == 201, placed.content
    number = placed.json()["number"]
    Order.objects.filter(number=number).update(state=OrderState.ACCEPTED)
    with transaction.atomic():
        create_plans(order_number=number)
    tasks = Task.objects.filter(plan__order_number=number)
    found = {group: set(tasks.filter(plan__group=group).values_list("action", flat=True))
             for group in (one, two)}  # fmt: skip
    assert any("esim" in action for action in found[one] - found[two])
    assert "logistics.ship" in found[two], "the second line has a SIM card"
    by_group = {group: {key for key, in tasks.filter(plan__group=group).values_list("key")}
                for group in (one, two)}  # fmt: skip
    for task in tasks:
        assert set(task.needs) <= by_group[task.plan.group], "a line waits for its own SIM alone"
    assert tasks.filter(action="network.activate").count() == 2


def test_a_kit_without_phone_and_plan_is_quoted_and_begun(demo_packs: None, shopper: Api) -> None:
    found = shopper.post(
        "journeys/kit/steps/listen.accessory",
        {"bundle": "leisure-kit", "choices": [], "term": 0},
    ).json()
    assert (found["bundle"], found["missing"]) == ("leisure-kit", ["listen.accessory"])
    assert found["step"]["needed"] == 1
    cart = begun(shopper, "leisure-kit", {"listen.accessory": "ecouteurs-merle"})
    assert issues(cart) == []
    quoted = shopper.post(
        "quotes",
        {"bundles": [{"bundle": "duo-pack", "term": 24, "choices": [
            {"role": "second.plan-only.plan", "offering": "horizon-130"},
        ]}]},
    ).json()  # fmt: skip
    assert quoted["quote"]["lines"][0]["group"].endswith(".second")
