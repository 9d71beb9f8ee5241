"""What may be bought of third parties on a line, over the API: the customer's own caps are read and
set, and hold at once; of a firm who decides sets them for a line."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from commerce.accounts.models import Organisation, User
from commerce.kernel.clock import business_time_fixed
from subscriptions.carrier.models import CarrierDenial, CarrierLimits
from subscriptions.models import Subscription
from tests.api.conftest import AT, Api
from tests.api.test_carrier_billing import LINE, Merchant, merchant
from tests.integration.subscriptions.contracts import begun, plan

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(AT):
        yield


@pytest.fixture
def line(shopper: Api, people: Mapping[str, Any]) -> Subscription:
    party = User.objects.get(email=people["shopper"]["email"]).party_id
    assert party is not None
    return begun_for(party)


@pytest.fixture
def firms(people: Mapping[str, Any]) -> Subscription:
    return begun_for(Organisation.objects.get().party_id, segment="business")


def begun_for(party: int, *, segment: str = "consumer") -> Subscription:
    begun("F-1", [plan()], party=party, on=date(2026, 11, 10), segment=segment)
    Subscription.objects.filter(order_number="F-1").update(msisdn=f"0{LINE[3:]}")
    return Subscription.objects.get(order_number="F-1")


def path_of(line: Subscription) -> str:
    return f"subscriptions/{line.pk}/purchase-limits"


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def test_the_caps_are_read_set_and_hold_at_once(shopper: Api, line: Subscription) -> None:
    path, lune = path_of(line), Merchant(merchant())
    told = shopper.get(path).json()
    assert (told["per_month"], told["blocked"], told["law_per_month"]) == (
        None,
        False,
        euros("300.00"),
    )
    assert lune.pay(10, reference="r-1").status_code == 201
    assert shopper.get(path).json()["spent"] == euros("10.00")
    wished: dict[str, Any] = {
        "per_purchase": euros("20.00"),
        "per_month": euros("100.00"),
        "per_category": [{"category": "ticket", "most": euros("0.00")}],
        "per_merchant": [{"merchant": "lune", "most": euros("15.00")}],
        "categories": ["voice"],
    }
    answer = shopper.put(path, wished)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told == shopper.get(path).json()
    assert {name: told[name] for name in wished if name != "per_merchant"} == {
        name: value for name, value in wished.items() if name != "per_merchant"
    }
    assert told["per_merchant"] == [
        {"merchant": "lune", "name": "Éditions Lune", "most": euros("15.00")}
    ]
    assert told["per_day"] is None
    refused = lune.pay(5.01, reference="r-2")
    assert (refused.status_code, refused.json()["code"]) == (
        422,
        "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED",
    )
    assert lune.pay(5, reference="r-3").status_code == 201
    told = shopper.put(path, {"blocked": True}).json()
    assert (told["blocked"], told["per_merchant"], told["per_purchase"]) == (True, [], None)
    assert lune.pay(1, reference="r-4").status_code == 403


@pytest.mark.parametrize(
    ("wished", "status", "code"),
    [
        ({"per_purchase": euros("50.01")}, 422, "cap_out_of_range"),
        ({"per_month": euros("300.01")}, 422, "cap_out_of_range"),
        ({"per_merchant": [{"merchant": "nobody", "most": euros("1.00")}]}, 404,
         "unknown_merchant"),
        (
            {"per_category": [{"category": "voice", "most": euros("1.00")}] * 2},
            422,
            "cap_named_twice",
        ),
        ({"per_category": [{"category": "goods", "most": euros("1.00")}]}, 422, None),
        ({"per_year": euros("1.00")}, 422, None),
    ],
)  # fmt: skip
def test_what_is_no_cap_is_not_set(
    shopper: Api, line: Subscription, wished: dict[str, Any], status: int, code: str | None
) -> None:
    answer = shopper.put(path_of(line), wished)
    assert answer.status_code in (status, 400), answer.content
    if code:
        assert answer.json()["code"] == code
    assert not CarrierLimits.objects.exists()


def test_of_a_firm_who_decides_sets_the_caps_of_a_line(
    buyer: Api, approver: Api, firms: Subscription
) -> None:
    path = path_of(firms)
    assert buyer.get(path).json()["blocked"] is True, "until the firm allows it"
    refused = buyer.put(path, {"per_month": euros("10.00")})
    assert (refused.status_code, refused.json()["code"]) == (403, "may_not_limit_purchases")
    assert not CarrierLimits.objects.exists()
    told = approver.put(path, {"per_month": euros("10.00")}).json()
    assert (told["blocked"], told["per_month"]) == (False, euros("10.00"))
    lune = Merchant(merchant())
    assert lune.pay(10, reference="r-1").status_code == 201
    assert lune.pay(0.01, reference="r-2").status_code == 422


def test_a_contract_says_how_much_a_line_may_spend_in_a_month(line: Subscription) -> None:
    lune = Merchant(merchant(most_per_month=Decimal(12)))
    soleil = Merchant(merchant("soleil"))
    assert lune.pay(12, reference="r-1").status_code == 201
    refused = lune.pay(0.01, reference="r-2")
    assert (refused.status_code, refused.json()["code"]) == (
        422,
        "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED",
    )
    assert CarrierDenial.objects.get().rule == "over_merchant_cap"
    assert soleil.pay(0.01, reference="r-3").status_code == 201
