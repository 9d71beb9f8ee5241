"""A firm's program orders a special number: tariff shown, use declared, number held, ordered."""

from catalogue.models import Number
from commerce.ordering.models import Order
from tests.api.conftest import Api, money

GREEN = "0804990123"
ROUTE = "01 99 00 12 34"


def cart_with(api: Api, offering: str) -> tuple[str, str]:
    """A cart with the number's offering: its code and the line."""
    code = api.post("carts", {}).json()["code"]
    choices = [{"role": "number", "offering": offering}]
    answer = api.post(f"carts/{code}/bundles", {"bundle": "special-number", "choices": choices})
    assert answer.status_code == 201, answer.content
    return code, answer.json()["quote"]["lines"][0]["id"]


def test_the_offer_says_what_callers_pay_and_what_must_be_shown(buyer: Api) -> None:
    listed = buyer.get("offerings", kind="number").json()["items"]
    assert [(item["code"], (item["callers_tariff"] or {}).get("sign")) for item in listed] == [
        ("numero-argent", None),
        ("numero-or", None),
        ("numero-gratuit-0804", "Service and call free of charge"),
        ("numero-banalise-0807", "Service free of charge + price of a call"),
        ("numero-majore-0823", "Service €0.15 / min + price of a call"),
        ("numero-majore-0896", "Service €3.00 / call + price of a call"),
        ("numero-court-3782", "Service €0.50 / min + price of a call"),
    ]
    shown = buyer.get("offerings/numero-majore-0823").json()
    tariff = shown["callers_tariff"]
    assert (tariff["category"], tariff["mode"], tariff["price"], tariff["colour"]) == (
        "surcharged",
        "per_minute",
        money("0.15"),
        "magenta",
    )
    assert [duty["code"] for duty in tariff["duties"]] == [
        "TWO_PARTS",
        "SIGN",
        "ANNOUNCED",
        "SAME",
        "NO_AFTER_SALES",
        "BLOCKED",
    ]
    price = shown["price"]
    assert (price["basis"], price["today"], price["lasting_month"]) == (
        "HT",
        money("50.00"),
        money("25.00"),
    )
    said = {each["code"]: each["labels"] for each in shown["characteristics"]}
    assert said["tariff_category"] == ["Surcharged"]
    buyer.headers["Accept-Language"] = "fr"
    again = buyer.get("offerings/numero-gratuit-0804").json()["callers_tariff"]
    assert again["sign"] == "Service et appel gratuits"
    assert [duty["code"] for duty in again["duties"]] == ["FREE_OF_CHARGE", "SIGN"]


def test_consumers_see_none_of_them(visitor: Api) -> None:
    listed = visitor.get("offerings", kind="number").json()["items"]
    assert [item["code"] for item in listed] == ["numero-argent", "numero-or"]
    assert visitor.get("offerings/numero-gratuit-0804").status_code == 404


def test_a_number_is_held_declared_and_ordered(buyer: Api) -> None:
    code, line = cart_with(buyer, "numero-gratuit-0804")
    cart = buyer.get(f"carts/{code}").json()
    assert [issue["code"] for issue in cart["issues"]] == ["use_missing"]
    found = buyer.get("numbers", **{"class": "green", "pattern": "*23"}).json()["items"]
    assert [number["msisdn"] for number in found] == [GREEN]
    chosen = buyer.send(
        "PUT", f"carts/{code}/items/{line}/number", {"choice": "new", "msisdn": GREEN}
    )
    assert chosen.json()["numbers"][0]["held_until"] == "2026-11-22T10:15:00+01:00"
    cart = buyer.send(
        "PUT",
        f"carts/{code}/items/{line}/use",
        {"route_to": ROUTE, "purpose": "after_sales"},
    ).json()
    (number,) = cart["numbers"]
    assert (number["msisdn"], number["route_to"], number["purpose"]) == (
        GREEN,
        "0199001234",
        "after_sales",
    )
    assert number["callers_tariff"]["sign"] == "Service and call free of charge"
    assert (cart["orderable"], cart["quote"]["due_today_gross"]) == (True, money("48.00"))
    placed = buyer.post(
        "orders",
        {
            "cart": code,
            "expected_total": money("48.00"),
            "purchase_order_number": "PO-12",
            "consents": {"terms": True},
        },
        key="special-1",
    )
    assert (placed.status_code, placed.json()["state"]) == (201, "accepted"), placed.content
    (item,) = buyer.get(f"orders/{placed.json()['number']}/items").json()["items"]
    assert (item["role"], item["msisdn"], item["route_to"], item["purpose"]) == (
        "number",
        GREEN,
        "0199001234",
        "after_sales",
    )
    assert item["callers_tariff"]["colour"] == "green"
    assert Number.objects.get(msisdn=GREEN).key == f"{placed.json()['number']}/{line}"


def test_a_number_is_quoted_like_any_bundle(buyer: Api) -> None:
    choices = [{"role": "number", "offering": "numero-majore-0896"}]
    answer = buyer.post("quotes", {"bundles": [{"bundle": "special-number", "choices": choices}]})
    assert answer.status_code == 200, answer.content
    quote = answer.json()["quote"]
    assert (quote["basis"], quote["due_today"], quote["due_today_gross"]) == (
        "HT",
        money("50.00"),
        money("60.00"),
    )
    assert [phase["amount"] for phase in quote["monthly"]] == [money("35.00")]
    assert [issue["code"] for issue in answer.json()["unfinished"]] == ["use_missing"]


def test_what_the_law_forbids_is_refused_with_field_and_sentence(buyer: Api) -> None:
    code, line = cart_with(buyer, "numero-majore-0823")
    refused = buyer.send(
        "PUT", f"carts/{code}/items/{line}/use", {"route_to": ROUTE, "purpose": "complaints"}
    )
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "purpose_forbidden")
    assert "L121-16" in problem["detail"]
    assert [error["field"] for error in problem["errors"]] == ["purpose"]
    wrong = buyer.send(
        "PUT", f"carts/{code}/items/{line}/use", {"route_to": "3782", "purpose": "sales"}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (400, "route_invalid")
    assert [error["field"] for error in wrong.json()["errors"]] == ["route_to"]
    early = buyer.post(
        "orders",
        {
            "cart": code,
            "expected_total": money("60.00"),
            "purchase_order_number": "PO-12",
            "consents": {"terms": True},
        },
    )
    assert (early.status_code, early.json()["code"]) == (422, "use_missing")
    assert not Order.objects.exists()
