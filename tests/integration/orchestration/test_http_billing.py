"""The `http` biller against the provider sandbox: it is told what our own billing is told."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from commerce.kernel.errors import Refused, Unknown
from commerce.ordering.services.place import place_order
from orchestration.adapters import client
from orchestration.adapters.http import HttpBilling
from orchestration.ports import BillingStart, Standing
from tests.integration.ordering.conftest import at, shop
from tests.integration.ordering.people import bundle_cart, checkout_for, customer
from tests.integration.sandbox_providers.harness import API_KEY, Receiver, Sandbox

__all__ = ["at", "shop"]
KEY = "F-1:g1:billing:1"


@pytest.fixture
def biller(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Sandbox]:
    receiver = Receiver()
    sandbox = Sandbox(
        tmp_path_factory.mktemp("providers"), callback_url=receiver.url, pace="instant"
    )
    settings.PROVIDERS_URL, settings.PROVIDERS_API_KEY = sandbox.url, API_KEY
    settings.PROVIDER_TIMEOUT_SECONDS = 2.0
    client._http.cache_clear()
    yield sandbox
    client._http.cache_clear()
    sandbox.stop()
    receiver.stop()


@pytest.fixture
def wish(shop: object) -> BillingStart:
    """To bill the bundle of an order: a handset, a plan with six free months, an eSIM."""
    owner = customer()
    code = bundle_cart(owner, handset="ardoval-x2-128-lilas")
    placed = place_order(owner, code=code, checkout=checkout_for(owner, code))
    assert owner.party_id is not None
    return BillingStart(
        f"{placed.number}/g1", placed.number, "g1", owner.party_id, date(2026, 12, 1)
    )


def test_it_is_told_every_charge_with_its_benefits_and_its_rate(
    biller: Sandbox, wish: BillingStart
) -> None:
    sent: list[dict[str, Any]] = []
    client._http().event_hooks = {"request": [lambda r: sent.append(json.loads(r.content))]}
    answer = HttpBilling().start(wish, key=KEY)
    assert str(answer.facts["subscription_id"]).startswith("bsu_")
    (body,) = sent
    assert (body["starts_on"], body["term_months"], body["segment"]) == (
        "2026-12-01",
        24,
        "consumer",
    )
    charges = {
        (item["offering"], charge["code"]): charge
        for item in body["items"]
        for charge in item["charges"]
    }
    monthly = charges["horizon-130", "monthly"]
    assert (monthly["amount"], monthly["every_months"], monthly["tax_rate"]) == ("19.99", 1, "20")
    assert monthly["benefits"] == [
        {"code": "six-free", "kind": "percent_off", "value": "100", "first": 1, "periods": 6}
    ]
    once = [charge for charge in charges.values() if charge["every_months"] == 0]
    assert {charge["amount"] for charge in once} == {"219.00", "15.00", "1.00"}


def test_the_same_key_is_one_subscription_and_its_answer_is_found(
    biller: Sandbox, wish: BillingStart
) -> None:
    first, again = HttpBilling().start(wish, key=KEY), HttpBilling().start(wish, key=KEY)
    assert first == again
    assert biller.counted("subscribe", wish.reference)["effects"] == 1
    found = HttpBilling().find(KEY)
    assert (found.standing, found.answer["subscription_id"]) == (
        Standing.ACCEPTED,
        first.facts["subscription_id"],
    )


def test_a_lost_answer_is_unknown_and_resolved_by_asking(
    biller: Sandbox, wish: BillingStart
) -> None:
    biller.plant(
        provider="biller", operation="subscriptions$", kind="timeout_after_effect", seconds=3
    )
    with pytest.raises(Unknown):
        HttpBilling().start(wish, key=KEY)
    assert HttpBilling().find(KEY).standing == Standing.ACCEPTED
    assert HttpBilling().find("never-sent").standing == Standing.NEVER_ARRIVED


def test_another_request_under_the_key_is_refused(biller: Sandbox, wish: BillingStart) -> None:
    HttpBilling().start(wish, key=KEY)
    other = BillingStart("other", wish.order_number, "g1", wish.party_id, date(2027, 1, 1))
    with pytest.raises(Refused):
        HttpBilling().start(other, key=KEY)
    assert biller.counted("subscribe", "other")["effects"] == 0
