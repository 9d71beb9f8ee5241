"""What a provider's answer over HTTP means: taken, refused, or nothing known."""

import httpx
import pytest

from commerce.kernel.errors import Refused, Unknown
from orchestration.adapters import client
from orchestration.adapters.client import HttpProvider


def ask(monkeypatch: pytest.MonkeyPatch, answer: httpx.Response) -> dict[str, object]:
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: answer), base_url="http://provider.invalid"
    )
    monkeypatch.setattr(client, "_http", lambda: http)
    return HttpProvider().post("things", body={}, key="k")


def test_an_object_with_2xx_is_an_acceptance(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, httpx.Response(202, json={"id": "1"})) == {"id": "1"}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"Location": "http://login.invalid/"}),
        httpx.Response(304),
        httpx.Response(200, text="<html>Sign in</html>"),
        httpx.Response(200, json=["not", "an", "object"]),
        httpx.Response(204),
        httpx.Response(408),
        httpx.Response(429),
        httpx.Response(503, json={"code": "unavailable"}),
    ],
    ids=lambda answer: f"{answer.status_code} {answer.text[:10]}",
)
def test_what_is_not_the_protocols_answer_says_nothing_of_the_effect(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response
) -> None:
    with pytest.raises(Unknown):
        ask(monkeypatch, answer)


def test_any_other_4xx_is_a_refusal_with_the_providers_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Refused) as refused:
        ask(monkeypatch, httpx.Response(422, json={"code": "out_of_stock", "detail": "No."}))
    assert (refused.value.code, refused.value.message) == ("out_of_stock", "No.")
    with pytest.raises(Refused):
        ask(monkeypatch, httpx.Response(404, text="no page"))


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"status": "refused", "http_status": "none"},
        {"status": "accepted", "callbacks": [{"id": "cb_1", "type": "port.completed"}]},
        {"status": "accepted", "callbacks": ["cb_1"]},
    ],
)
def test_what_a_provider_tells_of_a_key_and_nobody_can_read_says_nothing(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, object]
) -> None:
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=told)),
        base_url="http://provider.invalid",
    )
    monkeypatch.setattr(client, "_http", lambda: http)
    with pytest.raises(Unknown):
        HttpProvider().find("k")
