"""What every provider does with a request: key, replay, conflict, refusal, ledger."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.sandbox_providers.harness import Sandbox, shipment, sms


def test_the_same_request_again_gives_the_same_answer_and_happens_once(sandbox: Sandbox) -> None:
    first = sandbox.post("/warehouse/shipments", key="again:1", body=shipment("again"))
    second = sandbox.post("/warehouse/shipments", key="again:1", body=shipment("again"))

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.content == first.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert sandbox.counted("ship", "again/1") == {
        "provider": "warehouse",
        "identity": ["ship", "again/1"],
        "effects": 1,
        "undone": 0,
        "in_force": 1,
        "arrivals": 2,
        "keys": ["again:1"],
    }


def test_another_body_under_the_same_key_is_a_conflict_and_changes_nothing(
    sandbox: Sandbox,
) -> None:
    sandbox.post("/messages/sms", key="conflict:1", body=sms("conflict", text="one"))
    answer = sandbox.post("/messages/sms", key="conflict:1", body=sms("conflict", text="two"))

    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_conflict"
    assert sandbox.counted("sms", "conflict")["effects"] == 1
    found = sandbox.http.get("/_control/messages", params={"reference": "conflict"}).json()
    assert [message["text"] for message in found["messages"]] == ["one"]


def test_two_keys_for_one_identity_take_effect_twice_and_are_seen(sandbox: Sandbox) -> None:
    sandbox.post("/messages/sms", key="double:1", body=sms("double"))
    sandbox.post("/messages/sms", key="double:2", body=sms("double"))

    counted = sandbox.counted("sms", "double")
    assert (counted["effects"], counted["in_force"]) == (2, 2)
    assert sorted(counted["keys"]) == ["double:1", "double:2"]


def test_ten_parallel_requests_under_one_key_have_one_effect(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(
                lambda _: sandbox.post("/messages/sms", key="parallel:1", body=sms("parallel")),
                range(10),
            )
        )

    assert len({answer.content for answer in answers}) == 1
    counted = sandbox.counted("sms", "parallel")
    assert (counted["effects"], counted["arrivals"]) == (1, 10)


def test_one_key_means_different_requests_at_different_providers(sandbox: Sandbox) -> None:
    own = sandbox.post("/warehouse/shipments", key="each:1", body=shipment("each-own"))
    other = sandbox.post("/dropship/shipments", key="each:1", body=shipment("each-drop"))

    assert own.json()["shipment_id"].startswith("wsh_")
    assert other.json()["shipment_id"].startswith("dsh_")


def test_a_key_that_never_arrived_is_said_to_be_unknown(sandbox: Sandbox) -> None:
    answer = sandbox.http.get("/warehouse/requests/order%2F7%3Aship")

    assert answer.status_code == 404
    assert (answer.json()["status"], answer.json()["code"]) == ("never_arrived", "never_arrived")


def test_a_key_with_slashes_can_be_asked_for(sandbox: Sandbox) -> None:
    sandbox.post("/messages/sms", key="order/8:sms", body=sms("slashes"))

    became = sandbox.became("messages", "order%2F8%3Asms")
    assert (became["status"], became["http_status"]) == ("done", 202)
    assert became["result"]["message_id"].startswith("sms_")


def test_a_refusal_names_the_fields_and_is_remembered(sandbox: Sandbox) -> None:
    body = shipment("broken", quantity=0) | {"deliver_to": {"name": "Ada"}}
    answer = sandbox.post("/warehouse/shipments", key="broken:1", body=body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
    assert sorted(answer.json()["fields"]) == [
        "deliver_to.city",
        "deliver_to.country",
        "deliver_to.line1",
        "deliver_to.postcode",
        "lines.0.quantity",
    ]
    assert sandbox.became("warehouse", "broken:1")["status"] == "refused"
    assert sandbox.counted("ship", "broken/1")["effects"] == 0


@pytest.mark.parametrize(
    ("case", "headers", "content", "status", "code"),
    [
        ("no key", {}, "{}", 400, "idempotency_key_missing"),
        ("a key too long", {"Idempotency-Key": "k" * 256}, "{}", 400, "idempotency_key_missing"),
        ("not JSON", {"Idempotency-Key": "edge:1"}, "{", 400, "malformed_json"),
        ("a list", {"Idempotency-Key": "edge:1"}, "[]", 400, "malformed_json"),
        ("deep nonsense", {"Idempotency-Key": "edge:1"}, "[" * 9999, 400, "malformed_json"),
        (
            "a wrong bearer key",
            {"Idempotency-Key": "edge:1", "Authorization": "Bearer x"},
            "{}",
            401,
            "unauthorized",
        ),
        ("too large", {"Idempotency-Key": "edge:1"}, " " * 1_000_001, 413, "too_large"),
    ],
)
def test_what_is_not_understood_is_rejected_and_not_remembered(
    sandbox: Sandbox, case: str, headers: dict[str, str], content: str, status: int, code: str
) -> None:
    answer = sandbox.http.post("/messages/sms", content=content, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert sandbox.became("messages", "edge:1")["status"] == "never_arrived"


def test_the_ledger_tells_every_arrival_with_its_outcome(sandbox: Sandbox) -> None:
    since = sandbox.http.get("/_control/ledger?parts=effects").json()["last"]
    sandbox.post("/messages/sms", key="told:1", body=sms("told"))
    sandbox.post("/messages/sms", key="told:1", body=sms("told"))
    sandbox.post("/messages/sms", key="told:1", body=sms("other"))
    sandbox.post("/messages/sms", key="told:2", body=sms("told", to="nobody"))
    sandbox.became("messages", "told:1")

    ledger = sandbox.http.get("/_control/ledger", params={"since": since}).json()
    assert [(row["outcome"], row["status"], row["key"]) for row in ledger["arrivals"]] == [
        ("done", 202, "told:1"),
        ("replayed", 202, "told:1"),
        ("conflict", 422, "told:1"),
        ("refused", 422, "told:2"),
        ("asked", 200, None),
    ]
    assert [row["identity"] for row in ledger["effects"]] == [["sms", "told"]]
    assert ledger["effects"][0]["arrival"] == since + 1


def test_unknown_routes_and_providers_are_not_found(sandbox: Sandbox) -> None:
    assert sandbox.post("/messages/pigeons", key="route:1").status_code == 404
    assert sandbox.post("/baker/loaves", key="route:1").status_code == 404
    assert sandbox.http.get("/warehouse/shipments/wsh_999999").json()["code"] == "not_found"
