"""An organisation's programs: token, offers, quote, fleet order, waiting, approval, acceptance."""

from collections.abc import Mapping
from typing import Any

import pytest

from commerce.ordering.models import Order, OrderItem
from commerce.web import idempotency
from tests.api.conftest import Api, money, token_of

PLAN, HANDSET, SIM = "flotte-50", "halvik-bureau-128-graphite", "carte-sim"
HEADING = "user_name;user_email;plan;handset;sim;term;site;cost_centre"


def rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Users of two sites, each with a line and a handset."""
    return [
        {
            "user_name": f"User {number}",
            "user_email": f"user{number}@rivoire.example",
            "plan": PLAN,
            "handset": HANDSET,
            "sim": SIM,
            "term": 24,
            "site": "Atelier" if number % 2 else "Entrepôt",
            "cost_centre": "EM-01",
            **changes,
        }
        for number in range(1, count + 1)
    ]


def fleet(count: int, **members: Any) -> dict[str, Any]:
    return {
        "purchase_order_number": "PO-118",
        "terms": True,
        "lines": rows(count),
        **members,
    }


def table(count: int) -> str:
    lines = [";".join(str(value) for value in row.values()) for row in rows(count)]
    return "\n".join([HEADING, *lines])


def test_a_program_sees_business_offers_at_prices_without_tax(buyer: Api) -> None:
    plans = buyer.get("offerings", kind="plan").json()
    assert [item["code"] for item in plans["items"]] == ["flotte-20", "flotte-50", "flotte-200"]
    price = plans["items"][1]["price"]
    assert (price["basis"], price["term_months"]) == ("HT", 24)
    assert price["lasting_month"] == money("16.00")


def test_25_lines_are_quoted_with_the_volume_price_and_the_tax_apart(buyer: Api) -> None:
    answer = buyer.post("fleet-quotes", {"lines": rows(25)}).json()
    quote = answer["quote"]
    assert [line["accepted"] for line in answer["lines"]] == [True] * 25
    # 25 x (149.17 + 8.33) = 3937.50 today, 20 % of it 787.50; 25 x 16.00 less 10 % = 360.00.
    assert (quote["basis"], quote["due_today"]) == ("HT", money("3937.50"))
    assert quote["tax_today"] == [
        {
            "rate": "20",
            "net": money("3937.50"),
            "tax": money("787.50"),
            "gross": money("4725.00"),
        }
    ]
    assert [phase["amount"] for phase in quote["monthly"]] == [money("360.00")]
    assert quote["commitment_total"] == money("12577.50")
    assert [promotion["code"] for promotion in quote["applied"]] == ["fleet-volume"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_an_order_above_the_limit_waits_and_the_approvers_program_accepts_it(
    buyer: Api, approver: Api, form: str
) -> None:
    if form == "json":
        placed = buyer.post("fleet-orders", fleet(25, expected_total=money("4725.00")), key="f-1")
    else:
        placed = buyer.post(
            "fleet-orders?purchase_order_number=PO-118&terms=true&expected_total=4725.00",
            table(25).encode(),
            content_type="text/csv; charset=utf-8",
            key="f-1",
        )
    assert placed.status_code == 201, placed.content
    number = placed.json()["number"]
    assert placed.headers["Location"] == f"/api/v1/orders/{number}"
    assert placed.json()["state"] == "awaiting_approval"
    assert placed.json()["due_today_gross"] == money("4725.00")
    assert [line["row"] for line in placed.json()["lines"]] == list(range(1, 26))

    waiting = approver.get("approvals").json()["items"]
    assert [(order["number"], order["commitment_total"]) for order in waiting] == [
        (number, money("12577.50"))
    ]
    own = buyer.post(f"orders/{number}/approve", {})
    assert (own.status_code, own.json()["code"]) == (403, "not_an_approver")

    approved = approver.post(f"orders/{number}/approve", {"note": "As planned"}).json()
    assert approved["state"] == "accepted"
    assert (approved["approval"]["approved"], approved["approval"]["decided_by"]) == (
        True,
        "Claire Rivoire (Atelier Rivoire approver)",
    )
    assert [step["state"] for step in approved["steps"]] == ["awaiting_approval", "accepted"]
    assert (approved["purchase_order_number"], approved["payable"]) == ("PO-118", False)
    assert approved["channels"] == ["b2b_api"]
    assert approver.get("approvals").json()["items"] == []


def test_each_user_has_a_line_a_handset_and_a_place_of_delivery(buyer: Api) -> None:
    number = buyer.post("fleet-orders", fleet(25)).json()["number"]
    page = buyer.get(f"orders/{number}/items", limit=3).json()
    assert (page["total"], OrderItem.objects.count()) == (75, 75)
    assert [(item["role"], item["user_name"], item["number_choice"]) for item in page["items"]] == [
        ("handset", "User 1", ""),
        ("plan", "User 1", "new"),
        ("sim", "User 1", ""),
    ]
    handset = page["items"][0]
    assert (handset["supplier"], handset["deliver_to"]["city"]) == ("comptoir-atlantique", "Lyon")
    assert buyer.get(f"orders/{number}").json()["item_count"] == 75


def test_a_fleet_takes_from_the_own_warehouse_first_and_the_rest_from_suppliers(
    buyer: Api,
) -> None:
    phone = "rocval-r5-thermo-256-graphite"
    lines = [row | {"handset": phone} for row in rows(6)]
    number = buyer.post("fleet-orders", fleet(6, lines=lines)).json()["number"]
    items = buyer.get(f"orders/{number}/items").json()["items"]
    phones = [item for item in items if item["role"] == "handset"]
    assert [item["supplier"] for item in phones] == ["entrepot"] * 4 + ["comptoir-atlantique"] * 2
    assert [item["shares"][0]["kind"] for item in phones] == ["own"] * 4 + ["supplier"] * 2
    assert {item["shares"][0]["quantity"] for item in phones} == {1}


def test_an_order_within_the_limit_is_accepted_at_once(buyer: Api) -> None:
    placed = buyer.post("fleet-orders", fleet(2)).json()
    assert placed["state"] == "accepted"


def test_an_approver_may_refuse_and_everything_is_free_again(buyer: Api, approver: Api) -> None:
    before = stock(buyer)
    number = buyer.post("fleet-orders", fleet(25)).json()["number"]
    assert stock(buyer) == before - 25
    rejected = approver.post(f"orders/{number}/reject", {"note": "Too early"}).json()
    assert (rejected["state"], rejected["approval"]["note"]) == ("rejected", "Too early")
    assert stock(buyer) == before
    again = approver.post(f"orders/{number}/approve", {})
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")


def test_nobody_approves_his_own_order(approver: Api, buyer: Api) -> None:
    assert approver.post("fleet-orders", fleet(1)).json()["state"] == "accepted"
    number = buyer.post("fleet-orders", fleet(25)).json()["number"]
    Order.objects.filter(number=number).update(
        membership=Order.objects.exclude(number=number).values("membership")[:1]
    )
    own = approver.post(f"orders/{number}/approve", {})
    assert (own.status_code, own.json()["code"]) == (403, "own_order")
    assert Order.objects.get(number=number).state == "awaiting_approval"


def test_all_rows_or_none_and_every_row_is_answered(buyer: Api) -> None:
    lines = rows(4)
    lines[1]["plan"] = "no-such-plan"
    lines[2].update(user_email="user1@rivoire.example", site="Nulle part")
    lines[3].update(number="06 39 98 12 34", rio="02PA1B2C3RE0", handset=5)
    refused = buyer.post("fleet-orders", fleet(1, lines=lines))
    assert (refused.status_code, refused.json()["code"]) == (422, "fleet_refused")
    answers = refused.json()["values"]["answers"]
    assert [answer["accepted"] for answer in answers] == [True, True, True, False]
    assert [error["code"] for error in answers[3]["errors"]] == ["not_text"]
    lines[3]["handset"] = HANDSET
    answers = buyer.post("fleet-orders", fleet(1, lines=lines)).json()["values"]["answers"]
    assert [[error["code"] for error in answer["errors"]] for answer in answers] == [
        [],
        ["unknown_offering"],
        ["user_twice"],
        ["rio_key"],
    ]
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"\n", 400, "csv_empty"),
        (b"user_name;plan\nAda;flotte-50", 400, "csv_columns"),
        (HEADING.encode(), 400, "fleet_empty"),
        (b"\xff\xfe", 400, "csv_charset"),
        (f"{HEADING}\nAda;a@b.fr;x;;;24;;;;;;".encode(), 422, "fleet_refused"),
        (f"{HEADING}\nAda\x00;a@b.fr;x;;;24;;".encode(), 422, "fleet_refused"),
    ],
)
def test_a_malformed_table_is_refused_with_a_code(
    buyer: Api, body: bytes, status: int, code: str
) -> None:
    answer = buyer.post(
        "fleet-orders?purchase_order_number=PO-1&terms=true", body, content_type="text/csv"
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"purchase_order_number": ""}, 400, "invalid_input"),
        ({"terms": False}, 422, "terms_not_accepted"),
        ({"expected_total": {"amount": "1.00", "currency": "EUR"}}, 422, "price_changed"),
        ({"digest": "0" * 64}, 422, "price_changed"),
        ({"lines": []}, 400, "fleet_empty"),
        ({"lines": ["Ada"]}, 400, "invalid_input"),
        ({"surprise": 1}, 400, "invalid_input"),
    ],
)
def test_a_fleet_order_that_can_not_be_leaves_nothing(
    buyer: Api, members: dict[str, Any], status: int, code: str
) -> None:
    answer = buyer.post("fleet-orders", fleet(2, **members))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert (Order.objects.count(), OrderItem.objects.count()) == (0, 0)


def test_the_same_key_is_one_order_and_another_body_under_it_is_refused(buyer: Api) -> None:
    first = buyer.post("fleet-orders", fleet(2), key="k-1")
    second = buyer.post("fleet-orders", fleet(2), key="k-1")
    other = buyer.post("fleet-orders", fleet(3), key="k-1")
    assert first.json()["number"] == second.json()["number"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Order.objects.count() == 1


def test_a_crash_before_the_answer_is_kept_leaves_no_order_and_the_key_makes_one(
    buyer: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(idempotency, "_keep", die)
        with pytest.raises(KeyboardInterrupt):
            buyer.post("fleet-orders", fleet(2), key="once")
    assert Order.objects.count() == 0
    assert buyer.post("fleet-orders", fleet(2), key="once").status_code == 201
    assert buyer.post("fleet-orders", fleet(2), key="once").headers["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == 1


def test_a_token_for_reading_offers_can_not_order(people: Mapping[str, Any]) -> None:
    reader = Api(token=token_of(people["buyer_client"], scope="catalogue"))
    assert reader.get("offerings", kind="plan").status_code == 200
    refused = reader.post("fleet-orders", fleet(1))
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert not Order.objects.exists()


def stock(api: Api) -> int:
    pieces: int = api.get(f"offerings/{HANDSET}").json()["stock"]["available"]
    return pieces
