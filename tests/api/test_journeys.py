"""The guide by API: the same engine as the pages, drafts that store nothing, switches in a cart."""

from commerce.ordering.models import Cart
from tests.api.conftest import Api, money
from tests.api.test_carts_and_orders import filled

CHOICES = [
    {"role": "handset", "offering": "ardoval-x2-128-nuit"},
    {"role": "plan", "offering": "horizon-130"},
    {"role": "sim", "offering": "esim"},
]


def test_the_ways_in_are_listed_with_their_steps(visitor: Api, buyer: Api) -> None:
    found = visitor.get("journeys").json()["items"]
    assert [each["code"] for each in found] == [
        "handset", "plan", "pack", "lines", "kit", "keep-handset",
    ]  # fmt: skip
    assert found[0]["name"] == "A phone and its plan"
    assert [step["code"] for step in found[0]["steps"]] == ["handset", "plan", "extras", "sim"]
    fleet = buyer.get("journeys").json()["items"]
    assert fleet[0]["bundles"] == ["fleet-line"]


def test_a_step_of_a_draft_ranks_and_says_why(visitor: Api) -> None:
    answer = visitor.post(
        "journeys/handset/steps/plan",
        {
            "choices": CHOICES,
            "term": 24,
            "answers": {"budget": money("25.00"), "usage": {"data_gb": 60}},
        },
    )
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["bundle"], found["missing"], found["conflict"]) == ("handset-and-plan", [], None)
    assert found["step"]["quote"]["due_today_gross"] == money("235.00")
    best = found["step"]["candidates"][0]
    assert best["offering"] == "horizon-130"
    assert best["reasons"][0]["code"] == "best_for_usage"
    assert best["use"]["commitment"] == money("594.82")
    by_code = {each["offering"]: each for each in found["step"]["candidates"]}
    assert by_code["grand-large-300"]["misses"][0]["values"] == {"over": "4.99"}
    assert by_code["essentiel-40"]["refusal"]["code"] == "reduced-price-level-3"
    assert not Cart.objects.exists()


def test_another_way_or_step_is_not_found(visitor: Api) -> None:
    assert visitor.post("journeys/nowhere/steps/plan", {}).status_code == 404
    assert visitor.post("journeys/handset/steps/content", {}).status_code == 200
    assert visitor.post("journeys/keep-handset/steps/handset", {}).status_code == 404
    # A running line is needed, and it must be the caller's.
    assert visitor.post("journeys/renew/steps/plan", {}).json()["code"] == "unknown_journey"
    assert visitor.post("journeys/renew/steps/plan", {"line": 1}).status_code == 404


def test_a_switch_needs_the_consequences_accepted(shopper: Api) -> None:
    code = filled(shopper)
    group = shopper.get(f"carts/{code}").json()["bundles"][0]["group"]
    path = f"carts/{code}/groups/{group}/steps/handset"
    refused = shopper.post(path, {"offering": "ardoval-a5-128-nuit"})
    assert (refused.status_code, refused.json()["code"]) == (422, "changes_needed")
    accept = refused.json()["values"]["confirmation"]
    assert accept == "plan:horizon-130>essentiel-40@24,sim:esim>carte-sim@0"
    lines = {x["offering"] for x in shopper.get(f"carts/{code}").json()["quote"]["lines"]}
    assert "ardoval-a5-128-nuit" not in lines
    done = shopper.post(path, {"offering": "ardoval-a5-128-nuit", "accept": accept})
    assert done.status_code == 200, done.content
    lines = {x["offering"] for x in done.json()["quote"]["lines"]}
    assert lines == {"ardoval-a5-128-nuit", "essentiel-40", "carte-sim"}


def test_answers_rank_the_steps_of_a_cart_too(shopper: Api) -> None:
    code = filled(shopper)
    group = shopper.get(f"carts/{code}").json()["bundles"][0]["group"]
    step = shopper.get(f"carts/{code}/groups/{group}/steps/plan", data_gb=200, budget=40).json()
    assert step["candidates"][0]["offering"] == "grand-large-300"


def test_the_best_plan_for_a_usage(visitor: Api, buyer: Api) -> None:
    found = visitor.post("plan-simulations", {"data_gb": 60, "days_abroad": 20}).json()["items"]
    assert found[0]["plan"] == "grand-large-300"
    assert found[0]["suffices"]
    # 15.00 activation, 1.00 eSIM, 18 months at 29.99.
    assert found[0]["commitment"] == money("555.82")
    assert found[0]["term"] == 24
    short = next(each for each in found if each["plan"] == "horizon-130")["short"]
    assert [(s["dimension"], s["used"], s["included"]) for s in short] == [
        ("europe_gb", "40", "30")
    ]
    fleet = buyer.post("plan-simulations", {"data_gb": 40}).json()["items"]
    assert fleet[0]["plan"] == "flotte-50"
