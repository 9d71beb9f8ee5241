"""A shopper, a guest and an agent: from a bundle to an order that waits for its payment."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.accounts.models import Party
from commerce.ordering.models import Cart, CartItem, Order
from tests.api.conftest import Api, money

HANDSET, PLAN = "ardoval-x2-128-nuit", "horizon-130"
CONSENTS = {
    "terms": True,
    "contract_summary_confirmed": True,
    "early_execution_requested": True,
}
NUMBER, RIO = "06 39 98 12 34", "02PA1B2C3RE+"


def filled(api: Api) -> str:
    """The code of a cart with a phone, a plan for 24 months and an eSIM."""
    code: str = api.post("carts", {}).json()["code"]
    answer = api.post(
        f"carts/{code}/bundles",
        {
            "bundle": "handset-and-plan",
            "term": 24,
            "choices": [
                {"role": "handset", "offering": HANDSET},
                {"role": "plan", "offering": PLAN},
                {"role": "sim", "offering": "esim"},
            ],
        },
    )
    assert answer.status_code == 201, answer.content
    return code


def line_of(cart: dict[str, object], role: str) -> str:
    lines = cart["quote"]["lines"]  # type: ignore[index]
    return str(next(line["id"] for line in lines if line["role"] == role))


def test_a_shoppers_cart_is_priced_at_every_change(shopper: Api) -> None:
    code = filled(shopper)
    cart = shopper.get(f"carts/{code}", months=7).json()
    assert (cart["segment"], cart["orderable"], cart["quote"]["basis"]) == ("consumer", True, "TTC")
    # Six months of the plan free, then 19.99.
    bills = [bill["amount"]["amount"] for bill in cart["quote"]["bills"]]
    assert bills == ["0.00"] * 6 + ["19.99"]
    phases = [(p["periods"], p["amount"]) for p in cart["quote"]["monthly"]]
    assert phases == [(6, money("0.00")), (None, money("19.99"))]

    before = cart["quote"]["due_today"]["amount"]
    kept = shopper.send(
        "PUT",
        f"carts/{code}/items/{line_of(cart, 'plan')}/number",
        {"choice": "port", "msisdn": NUMBER, "rio": RIO},
    ).json()
    assert kept["numbers"][0]["msisdn"] == "0639981234"
    # Keeping a number waives the activation: 15.00 less.
    assert float(before) - float(kept["quote"]["due_today"]["amount"]) == 15.0
    assert RIO not in str(kept)


def test_every_amount_has_its_reason_when_it_is_asked_for(shopper: Api) -> None:
    code = filled(shopper)
    steps = shopper.get(f"carts/{code}", trace=True).json()["quote"]["trace"]
    assert steps[0]["code"] == "due_today"
    rules = {part["rule"] for step in steps[0]["parts"] for part in step["parts"]}
    assert f"{HANDSET}.price" in rules
    assert shopper.get(f"carts/{code}").json()["quote"]["trace"] == []


def test_a_step_of_the_journey_tells_differences_and_refusals(shopper: Api) -> None:
    code = filled(shopper)
    group = shopper.get(f"carts/{code}").json()["bundles"][0]["group"]
    step = shopper.get(f"carts/{code}/groups/{group}/steps/plan").json()
    by_code = {candidate["offering"]: candidate for candidate in step["candidates"]}
    assert by_code[PLAN]["chosen"]
    assert by_code["grand-large-300"]["difference"]["lasting_month"] == money("10.00")
    refused = by_code["mini-20"]["refusal"]
    assert refused["message"]
    assert refused["way_out"]


def test_an_order_is_placed_once_at_the_total_that_was_seen(shopper: Api) -> None:
    code = filled(shopper)
    total = shopper.get(f"carts/{code}").json()["quote"]["due_today_gross"]
    wrong = shopper.post(
        "orders", {"cart": code, "expected_total": money("1.00"), "consents": CONSENTS}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "price_changed")
    assert wrong.json()["values"]["total"] == f"{total['amount']} EUR"
    assert not Order.objects.exists()

    asked = {"cart": code, "expected_total": total, "consents": CONSENTS}
    first, second = shopper.post("orders", asked, key="a"), shopper.post("orders", asked, key="b")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first.json()["state"] == "awaiting_payment"
    assert (first.json()["payable"], Order.objects.count()) == (True, 1)

    number = first.json()["number"]
    assert [order["number"] for order in shopper.get("orders").json()["items"]] == [number]
    shown = shopper.get(f"orders/{number}").json()
    assert (shown["due_today_gross"], shown["cart"]) == (total, code)
    assert shown["consents"]["contract_summary"] is True
    assert shopper.get(f"orders/{number}/tracking").json() == {
        "number": number,
        "state": "awaiting_payment",
        "milestones": [],
    }
    ordered = shopper.post(f"carts/{code}/items", {"offering": "chargeur-30w"})
    assert (ordered.status_code, ordered.json()["code"]) == (409, "cart_ordered")


def test_a_guest_orders_with_name_and_address_and_sees_his_order(visitor: Api) -> None:
    code = filled(visitor)
    total = visitor.get(f"carts/{code}").json()["quote"]["due_today_gross"]
    asked = {"cart": code, "expected_total": total, "consents": CONSENTS}
    nobody = visitor.post("orders", asked)
    assert (nobody.status_code, nobody.json()["code"]) == (400, "customer_missing")
    guest = {"email": "zoe@example.test", "first_name": "Zoé", "last_name": "Le Goff"}
    nowhere = visitor.post("orders", {**asked, "customer": guest})
    assert (nowhere.status_code, nowhere.json()["code"]) == (400, "address_missing")
    assert not Order.objects.exists()
    assert not Party.objects.filter(email="zoe@example.test").exists()
    address = {"name": "Zoé Le Goff", "line1": "3 rue du Port", "postcode": "29900", "city": "X"}
    placed = visitor.post("orders", {**asked, "customer": guest, "deliver_to": address})
    assert placed.status_code == 201, placed.content
    number = placed.json()["number"]
    assert visitor.get(f"orders/{number}").json()["deliver_to"]["postcode"] == "29900"
    assert Api().get(f"orders/{number}").status_code == 404


def test_cancelling_before_payment_opens_the_cart_again(shopper: Api) -> None:
    code = filled(shopper)
    total = shopper.get(f"carts/{code}").json()["quote"]["due_today_gross"]
    asked = {"cart": code, "expected_total": total, "consents": CONSENTS}
    number = shopper.post("orders", asked).json()["number"]
    cancelled = shopper.post(f"orders/{number}/cancel", {}).json()
    assert cancelled["state"] == "cancelled"
    assert shopper.get(f"carts/{code}").json()["orderable"] is True
    late = shopper.post(f"orders/{number}/payment-session", {})
    assert (late.status_code, late.json()["code"]) == (422, "nothing_to_pay")


def test_a_cart_is_handed_over_to_an_agent_by_its_code(visitor: Api, agent: Api) -> None:
    code = filled(visitor)
    early = agent.get(f"carts/{code}")
    assert (early.status_code, early.json()["code"]) == (404, "unknown_cart")
    offered = visitor.post(f"carts/{code}/hand-over", {}).json()
    assert offered["code"] == code
    spoken = code.replace("-", " ").lower()
    assert agent.post("carts/arrivals", {"code": spoken}).json() == {
        "code": code,
        "differences": [],
    }
    seen = agent.get(f"carts/{code}").json()
    assert seen["quote"]["digest"] == visitor.get(f"carts/{code}").json()["quote"]["digest"]
    assert seen["channels"] == ["web", "call_centre"]
    agent.post(f"carts/{code}/items", content_of(seen))
    busy = visitor.post(f"carts/{code}/codes", {"code": "BIENVENUE10"})
    assert (busy.status_code, busy.json()["code"]) == (409, "cart_in_use")
    lease = visitor.post(f"carts/{code}/take-over", {}).json()
    assert (lease["mine"], lease["editor"]) == (False, "Nadia Benali")


def content_of(cart: dict[str, object]) -> dict[str, object]:
    group = cart["bundles"][0]["group"]  # type: ignore[index]
    return {"group": group, "role": "content", "offering": "ondine-musique"}


def test_a_code_of_a_promotion_says_what_it_gives(shopper: Api) -> None:
    code = filled(shopper)
    before = shopper.get(f"carts/{code}").json()["quote"]["due_today"]["amount"]
    cart = shopper.post(f"carts/{code}/codes", {"code": " bienvenue10 "}).json()
    assert float(before) - float(cart["quote"]["due_today"]["amount"]) == 10.0
    unknown = shopper.post(f"carts/{code}/codes", {"code": "NOPE"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_promotion_code")
    cleared = shopper.send("DELETE", f"carts/{code}/codes/BIENVENUE10").json()
    assert cleared["quote"]["due_today"]["amount"] == before


def test_a_bundle_is_taken_out_whole_and_a_loose_line_counts_up(shopper: Api) -> None:
    code = filled(shopper)
    for _ in range(2):
        shopper.post(f"carts/{code}/items", {"offering": "chargeur-30w", "quantity": 2})
    group = shopper.get(f"carts/{code}").json()["bundles"][0]["group"]
    cart = shopper.send("DELETE", f"carts/{code}/bundles/{group}").json()
    assert [(line["offering"], line["quantity"]) for line in cart["quote"]["lines"]] == [
        ("chargeur-30w", 4)
    ]
    line = cart["quote"]["lines"][0]["id"]
    changed = shopper.send("PATCH", f"carts/{code}/items/{line}", {"quantity": 1}).json()
    assert changed["quote"]["lines"][0]["quantity"] == 1
    emptied = shopper.send("DELETE", f"carts/{code}/items/{line}").json()
    assert (emptied["quote"]["lines"], emptied["orderable"]) == ([], False)


def test_a_shoppers_cart_with_the_same_key_is_opened_once(shopper: Api) -> None:
    first, second = shopper.post("carts", {}, key="c"), shopper.post("carts", {}, key="c")
    assert first.json()["code"] == second.json()["code"]
    assert (Cart.objects.count(), CartItem.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("who", "role", "segment"),
    [
        ("visitor", "visitor", "consumer"),
        ("shopper", "customer", "consumer"),
        ("agent", "agent", "consumer"),
        ("buyer", "buyer", "business"),
    ],
)
def test_everybody_is_told_who_he_is_taken_for(
    request: pytest.FixtureRequest, who: str, role: str, segment: str
) -> None:
    answer = request.getfixturevalue(who).get("me")
    me = answer.json()
    assert (me["role"], me["segment"]) == (role, segment)
    assert me["limit"] == (money("5000.00") if who == "buyer" else None)
    assert "csrftoken" in answer.cookies


def test_a_changed_line_is_read_back_without_asking_for_the_cart_again(visitor: Api) -> None:
    code = filled(visitor)
    visitor.post(f"carts/{code}/items", {"offering": "coque-ardoval-x2", "quantity": 1})
    line = line_of(visitor.get(f"carts/{code}").json(), "accessory")

    with CaptureQueriesContext(connection) as asked:
        changed = visitor.send("PATCH", f"carts/{code}/items/{line}", {"quantity": 3})

    quantities = {each["id"]: each["quantity"] for each in changed.json()["quote"]["lines"]}
    assert quantities[line] == 3
    # In one transaction: cart, lines, release; line and cart written. Then limits and stock.
    statements = [query["sql"].split(maxsplit=1)[0] for query in asked]
    assert statements == [
        "SAVEPOINT",
        *["SELECT"] * 3,
        "UPDATE",
        "UPDATE",
        "RELEASE",
        *["SELECT"] * 2,
    ]
