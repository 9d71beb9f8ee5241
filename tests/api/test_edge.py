"""What holds for every API route: problems, traces, bounds, policies and idempotency keys."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from commerce.accounts.models import Party
from commerce.events.models import IdempotencyRecord, IdempotencyState
from commerce.kernel.clock import machine_now

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.edge_urls")]
GOOD = {"name": "Ada", "lines": [1, 2]}


def post(client: Client, body: Any = None, key: str = "", **options: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(
        "/api/things",
        GOOD if body is None else body,
        content_type=options.pop("content_type", "application/json"),
        headers=headers,
    )


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("rule", 422, "needs_5g"),
        ("missing", 404, "not_found"),
        ("conflict", 409, "conflict"),
        ("unknown", 503, "unknown"),
    ],
)
def test_each_error_of_ours_has_its_status_and_code(
    client: Client, name: str, status: int, code: str
) -> None:
    answer = client.get(f"/api/errors/{name}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["trace_id"] == answer.headers["X-Trace-Id"]


def test_a_problem_names_the_field_and_carries_the_values(client: Client) -> None:
    body = client.get("/api/errors/rule", headers={"Accept-Language": "en"}).json()
    assert body["errors"] == [
        {"field": "plan", "code": "needs_5g", "message": "The plan needs 5G."}
    ]
    assert body["values"] == {"needs": "5G"}
    assert body["type"] == "urn:faisceau:problem:needs_5g"


def test_a_provider_without_answer_says_when_to_try_again(client: Client) -> None:
    assert client.get("/api/errors/unknown").headers["Retry-After"] == "5"


def test_a_fault_of_ours_is_a_problem_document_without_its_secrets(client: Client) -> None:
    client.raise_request_exception = False
    answer = client.get("/api/errors/bug")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "ZeroDivision" not in answer.content.decode()


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        ("{", "application/json", 400, "malformed_json"),
        ("\xff\xfe", "application/json", 400, "malformed_json"),
        ("[" * 100_000, "application/json", 400, "too_deep"),
        ("x" * (5 * 1024 * 1024 + 1), "application/json", 413, "too_large"),
        ("a=1", "text/csv", 415, "unsupported_media_type"),
        ({"name": "Ada"}, "application/json", 400, "invalid_input"),
        ("[1]", "application/json", 400, "invalid_input"),
        ({"name": "x" * 11, "lines": [0, "a"]}, "application/json", 400, "invalid_input"),
    ],
)
def test_bad_input_is_refused_with_a_code(
    client: Client, body: Any, content_type: str, status: int, code: str
) -> None:
    answer = post(client, body, content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Party.objects.exists()


def test_each_wrong_field_of_a_list_is_named(client: Client) -> None:
    errors = post(client, {"name": "x" * 11, "lines": [0, 1, "a"]}).json()["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [
        ("name", "max_length"),
        ("lines.0", "min_value"),
        ("lines.2", "invalid"),
    ]


def test_the_trace_of_the_caller_is_kept_and_a_malformed_one_replaced(client: Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    kept = client.get("/api/by-method", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    fresh = client.get("/api/by-method", headers={"traceparent": "nonsense"})
    assert kept.headers["X-Trace-Id"] == trace
    assert len(fresh.headers["X-Trace-Id"]) == 32


def test_an_undeclared_view_is_closed_and_a_wrong_method_is_405(client: Client) -> None:
    assert client.get("/api/undeclared").status_code == 403
    assert client.put("/api/by-method").json()["code"] == "method_not_allowed"


def test_a_policy_may_differ_by_method(client: Client) -> None:
    assert client.get("/api/by-method").status_code == 200
    assert client.post("/api/by-method").json()["code"] == "unauthenticated"


def test_an_unknown_address_of_the_api_is_a_problem_document(client: Client) -> None:
    answer = client.get("/api/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_repeated_request_gets_the_first_answer_and_has_one_effect(client: Client) -> None:
    first, second = post(client, key="k1"), post(client, key="k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert Party.objects.count() == 1


def test_another_body_under_the_same_key_is_refused(client: Client) -> None:
    post(client, key="k1")
    answer = post(client, {"name": "Bob", "lines": [1]}, key="k1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Party.objects.count() == 1


def test_a_refusal_is_replayed_too(client: Client) -> None:
    body = {"name": "rule", "lines": [1]}
    first, second = post(client, body, key="k1"), post(client, body, key="k1")
    assert (first.status_code, second.status_code) == (422, 422)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["unknown", "bug"])
def test_an_answer_of_5xx_is_not_kept(client: Client, name: str) -> None:
    client.raise_request_exception = False
    body = {"name": name, "lines": [1]}
    assert post(client, body, key="k1").status_code >= 500
    assert not IdempotencyRecord.objects.exists()


def test_a_request_still_running_is_409_until_its_lease_ends(client: Client) -> None:
    post(client, key="k1")
    IdempotencyRecord.objects.update(
        state=IdempotencyState.RUNNING, lease_until=machine_now() + timedelta(seconds=30)
    )
    running = post(client, key="k1")
    assert (running.status_code, running.headers["Retry-After"]) == (409, "1")
    assert running.json()["code"] == "idempotency_in_progress"
    IdempotencyRecord.objects.update(lease_until=machine_now() - timedelta(seconds=1))
    assert post(client, key="k1").status_code == 201
    assert Party.objects.count() == 2


def test_after_a_day_the_key_is_free(client: Client) -> None:
    post(client, key="k1")
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert post(client, key="k1").status_code == 201
    assert Party.objects.count() == 2


def test_the_same_key_of_another_visitor_is_another_key() -> None:
    assert post(Client(), key="k1").status_code == 201
    assert "Idempotent-Replayed" not in post(Client(), key="k1").headers
    assert Party.objects.count() == 2


def test_a_browser_with_cookies_needs_the_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)
    assert post(browser).status_code == 201
    assert "visitor" in browser.cookies
    assert post(browser).status_code == 403
