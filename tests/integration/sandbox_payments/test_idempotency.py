"""A key means one effect: replay, conflict, in-progress and what is not remembered."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe

from tests.integration.sandbox_payments.harness import API_KEY, PaymentSandbox, payment

PAYMENT = {
    "amount": "2000",
    "currency": "eur",
    "payment_method": "pm_card_visa",
    "payment_method_types[0]": "card",
    "confirm": "true",
}


def _post(sandbox: PaymentSandbox, path: str, key: str, **more: str) -> httpx.Response:
    return httpx.post(
        f"{sandbox.url}/v1/{path}",
        data=PAYMENT | more,
        auth=(API_KEY, ""),
        headers={"Idempotency-Key": key},
        timeout=10,
    )


def test_the_same_request_gets_the_same_answer_and_pays_once(sandbox: PaymentSandbox) -> None:
    first = _post(sandbox, "payment_intents", "same")
    second = _post(sandbox, "payment_intents", "same")
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    assert second.headers["request-id"] != first.headers["request-id"]
    assert sandbox.effects(first.json()["id"]) == [("authorised", 2000), ("captured", 2000)]


def test_a_decline_is_replayed_too(sandbox: PaymentSandbox) -> None:
    first = _post(sandbox, "payment_intents", "no", payment_method="pm_card_chargeDeclined")
    second = _post(sandbox, "payment_intents", "no", payment_method="pm_card_chargeDeclined")
    assert (first.status_code, second.status_code) == (402, 402)
    assert second.content == first.content


def test_other_parameters_under_the_same_key_are_a_conflict(sandbox: PaymentSandbox) -> None:
    client = sandbox.client().v1
    wishes: Any = {"name": "Ada"}
    client.customers.create(wishes, {"idempotency_key": "ada"})
    with pytest.raises(stripe.IdempotencyError) as caught:
        client.customers.create({"name": "Bob"}, {"idempotency_key": "ada"})
    assert caught.value.http_status == 400
    assert [c.name for c in client.customers.list({"limit": 100}).data].count("Bob") == 0


def test_another_endpoint_under_the_same_key_is_a_conflict(sandbox: PaymentSandbox) -> None:
    _post(sandbox, "payment_intents", "one place")
    answer = _post(sandbox, "customers", "one place")
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "idempotency_error"


def test_while_the_first_is_under_way_the_second_is_told_so(sandbox: PaymentSandbox) -> None:
    sandbox.plant("POST /v1/payment_intents$", "latency", seconds=0.6)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: _post(sandbox, "payment_intents", "race"), range(6)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 409, 409, 409, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"]["code"] == "idempotency_key_in_use"
    paid = next(answer for answer in answers if answer.status_code == 200).json()["id"]
    assert sandbox.effects(paid) == [("authorised", 2000), ("captured", 2000)]


def test_parallel_requests_without_delay_pay_once(sandbox: PaymentSandbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _post(sandbox, "payment_intents", "many"), range(24)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    paid = {answer.json()["id"] for answer in answers if answer.status_code == 200}
    assert len(paid) == 1
    assert sandbox.effects(paid.pop()) == [("authorised", 2000), ("captured", 2000)]


def test_malformed_parameters_do_not_use_up_the_key(sandbox: PaymentSandbox) -> None:
    assert _post(sandbox, "payment_intents", "again", amount="much").status_code == 400
    assert _post(sandbox, "payment_intents", "again").status_code == 200


def test_a_failure_before_the_effect_leaves_the_key_free(sandbox: PaymentSandbox) -> None:
    sandbox.plant("POST /v1/payment_intents$", "error", status=503)
    assert _post(sandbox, "payment_intents", "unlucky").status_code == 503
    again = _post(sandbox, "payment_intents", "unlucky")
    assert again.status_code == 200
    assert "idempotent-replayed" not in again.headers


def test_without_a_key_the_same_request_pays_twice(sandbox: PaymentSandbox) -> None:
    assert payment(sandbox).id != payment(sandbox).id
