"""A phone paid in parts over the API: what may be chosen; what order and invoice say."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from commerce.accounts.models import Organisation
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.models import Order
from commerce.payments.models import PaymentAttempt
from subscriptions.api import instalments as pay_off_api
from subscriptions.contracts.services.promise import agreed_charges
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.models import Promise
from tests.api.conftest import AT, Api, money
from tests.api.test_carts_and_orders import CONSENTS, HANDSET, filled
from tests.api.test_fleet_orders import fleet
from tests.integration.ordering.test_instalments import _allowed, _own_billing  # noqa: F401
from tests.integration.subscriptions.contracts import RATES, handset

pytestmark = pytest.mark.django_db
ADDRESS = {
    "name": "Camille Martin", "line1": "8 rue des Lilas", "postcode": "75020", "city": "Paris",
}  # fmt: skip


def test_in_france_a_consumer_hears_why_not_in_his_language(shopper: Api) -> None:
    code = filled(shopper)
    answer = shopper.get(f"carts/{code}/instalments").json()
    assert (answer["choices"], answer["reason"]) == ([], "instalments_off")
    assert "L312-1 and following of the consumer code" in answer["sentence"]
    shopper.headers["Accept-Language"] = "fr"
    answer = shopper.get(f"carts/{code}/instalments").json()
    assert "L312-1 et suivants du code de la consommation" in answer["sentence"]
    total = shopper.get(f"carts/{code}").json()["quote"]["due_today_gross"]
    refused = shopper.post(
        "orders",
        {"cart": code, "expected_total": total, "consents": CONSENTS, "deliver_to": ADDRESS,
         "instalments": 4},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (422, "instalments_off")
    assert not Order.objects.exists()


@pytest.mark.usefixtures("_allowed")
def test_where_he_may_he_pays_the_first_part_and_reads_the_others(shopper: Api) -> None:
    code = filled(shopper)
    choices = shopper.get(f"carts/{code}/instalments").json()["choices"]
    assert [each["parts"] for each in choices] == [3, 4]
    four = choices[1]
    assert [part["amount"] for part in four["later"]] == four["amounts"][1:]
    assert [part["number"] for part in four["later"]] == [2, 3, 4]
    assert [part["bill"] for part in four["later"]] == [2, 3, 4]
    total = shopper.get(f"carts/{code}").json()["quote"]["due_today_gross"]
    asked = {
        "cart": code, "expected_total": total, "deliver_to": ADDRESS, "instalments": 4,
        "consents": {**CONSENTS, "instalments": True},
    }  # fmt: skip
    placed = shopper.post("orders", asked).json()
    assert (placed["due_today_gross"], placed["due_now"]) == (total, four["due_now"])
    asked_for = PaymentAttempt.objects.get().money.amount
    assert money(str(asked_for)) == placed["due_now"] != placed["due_today_gross"]
    read = shopper.get(f"orders/{placed['number']}").json()
    (listed,) = shopper.get("orders").json()["items"]
    assert read["due_now"] == listed["due_now"] == placed["due_now"]
    order = read["instalments"]
    assert [order["first"], *order["later"]] == four["amounts"]
    assert (order["parts"], order["invoice"]) == (4, "")

    row = Order.objects.get(number=placed["number"])
    promises = Promise.objects.filter(order_number=row.number)
    number = bill_order(
        order_number=row.number,
        party_id=row.party_id,
        segment="consumer",
        charges={promise.group: agreed_charges(promise) for promise in promises},
        tax_rates=RATES,
    )
    invoice = shopper.get(f"invoices/{number}").json()
    assert invoice["invoice"]["deferred"] == order["left"]
    assert [part["amount"] for part in invoice["instalments"]["later"]] == four["amounts"][1:]
    assert {part["state"] for part in invoice["instalments"]["later"]} == {"coming"}
    assert invoice["to_pay_with_it"] == []


QUOTED = {
    "bundles": [
        {
            "bundle": "handset-and-plan",
            "term": 24,
            "choices": [
                {"role": "handset", "offering": HANDSET},
                {"role": "plan", "offering": "horizon-130"},
                {"role": "sim", "offering": "carte-sim"},
            ],
        }
    ]
}


@pytest.mark.usefixtures("_allowed")
def test_a_quote_lays_the_parts_beside_its_bills_and_leaves_their_amounts(shopper: Api) -> None:
    plain = shopper.post("quotes?months=6", QUOTED).json()
    assert plain["instalments"] is None
    answer = shopper.post("quotes?months=6&instalments=3", QUOTED).json()
    assert answer["quote"] == plain["quote"]
    parts = answer["instalments"]
    assert len(parts["amounts"]) == 3
    bills = {bill["period"]: bill for bill in answer["quote"]["bills"]}
    for part in parts["later"]:
        bill = bills[part["bill"]]
        assert bill["start"] <= part["due_on"] < bill["end"]
    assert not Order.objects.exists()


def test_a_quote_in_parts_is_refused_where_nothing_is_sold_in_parts(shopper: Api) -> None:
    answer = shopper.post("quotes?instalments=3", QUOTED)
    assert (answer.status_code, answer.json()["code"]) == (422, "instalments_off")


def test_a_firm_asks_for_two_parts_where_it_is_turned_on(buyer: Api) -> None:
    code = buyer.post("carts", {"segment": "business"}).json()["code"]
    chosen = {"plan": "flotte-50", "handset": HANDSET, "sim": "carte-sim"}
    buyer.post(
        f"carts/{code}/bundles",
        {"bundle": "fleet-line", "term": 24,
         "choices": [{"role": role, "offering": of} for role, of in chosen.items()]},
    )  # fmt: skip
    with business_time_fixed(AT):
        assert buyer.get(f"carts/{code}/instalments").json()["reason"] == "instalments_off"
        with override_settings(INSTALMENTS_FOR=["business"]):
            (choice,) = buyer.get(f"carts/{code}/instalments").json()["choices"]
    assert choice["parts"] == 2
    assert money("0.00") not in choice["amounts"]


def billed(placed: dict[str, Any]) -> str:
    """The number of the invoice of an order."""
    row = Order.objects.get(number=placed["number"])
    promises = Promise.objects.filter(order_number=row.number)
    number = bill_order(
        order_number=row.number,
        party_id=row.party_id,
        segment=row.segment,
        charges={promise.group: agreed_charges(promise) for promise in promises},
        tax_rates=RATES,
    )
    assert number is not None
    return number


@pytest.mark.usefixtures("_allowed")
def test_what_is_left_is_paid_off_on_the_hosted_page(
    shopper: Api, visitor: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def page(*, key: str) -> str:
        opened.append(key)
        return "https://pay.example/1"

    monkeypatch.setattr(pay_off_api, "open_session", page)
    code = filled(shopper)
    total = shopper.get(f"carts/{code}").json()["quote"]["due_today_gross"]
    asked = {
        "cart": code, "expected_total": total, "deliver_to": ADDRESS, "instalments": 4,
        "consents": {**CONSENTS, "instalments": True},
    }  # fmt: skip
    placed = shopper.post("orders", asked).json()
    left = shopper.get(f"orders/{placed['number']}").json()["instalments"]["left"]
    number = billed(placed)
    invoice = shopper.get(f"invoices/{number}").json()
    assert invoice["parts_to_come"] == []
    before = PaymentAttempt.objects.count()
    stranger = visitor.post(f"invoices/{number}/pay-off", {})
    assert stranger.status_code in (401, 403, 404)
    assert PaymentAttempt.objects.count() == before
    answer = shopper.post(f"invoices/{number}/pay-off", {})
    assert (answer.status_code, answer.json()) == (201, {"url": "https://pay.example/1"})
    attempt = PaymentAttempt.objects.get(key=opened[0])
    open_ = invoice["invoice"]["open"]["amount"]
    assert str(attempt.amount) == str(Decimal(left["amount"]) + Decimal(open_))
    assert attempt.success_url.endswith(f"/account/bills/{number}/?back=1")


def test_a_bill_that_is_not_paid_in_parts_is_not_paid_off(buyer: Api) -> None:
    firm = Organisation.objects.get().party_id
    number = bill_order(
        order_number="F-9",
        party_id=firm,
        segment="business",
        charges={"u1": [handset()]},
        tax_rates=RATES,
    )
    answer = buyer.post(f"invoices/{number}/pay-off", {})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_bill")
    assert not PaymentAttempt.objects.exists()


def test_a_fleet_is_priced_and_ordered_in_parts(buyer: Api) -> None:
    asked = {key: value for key, value in fleet(2).items() if key == "lines"}
    with business_time_fixed(AT):
        assert buyer.post("fleet-quotes", asked).json()["instalments"]["choices"] == []
        with override_settings(INSTALMENTS_FOR=["business"]):
            quote = buyer.post("fleet-quotes", asked).json()
            (two,) = quote["instalments"]["choices"]
            silent = buyer.post("fleet-orders", fleet(2, instalments=2))
            assert (silent.status_code, silent.json()["code"]) == (422, "instalments_not_agreed")
            worded = buyer.post("fleet-orders", fleet(2, instalments="2", instalments_agreed=True))
            assert worded.status_code == 400
            assert not Order.objects.exists()
            answer = buyer.post(
                "fleet-orders", fleet(2, instalments=2, instalments_agreed=True)
            ).json()
    assert two["parts"] == 2
    assert answer["due_now"] == two["due_now"]
    assert Decimal(answer["due_today_gross"]["amount"]) == sum(
        (Decimal(part["amount"]["amount"]) for part in two["later"]),
        Decimal(two["due_now"]["amount"]),
    )
