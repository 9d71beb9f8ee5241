"""Whether the process lives, and whether it can serve: what is missing is named."""

import pytest
from django.db import OperationalError
from django.test import Client

from commerce.celery import app
from commerce.web import health

pytestmark = pytest.mark.django_db


def test_it_lives_and_is_ready(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok", "broker": "ok"}


def test_without_a_broker_it_lives_but_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert answer.json()["checks"]["broker"] == "ConnectionError"
    assert "127.0.0.1" not in answer.content.decode()
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("part", ["database", "migrations"])
def test_what_is_missing_is_named_and_nothing_more(
    client: Client, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def fails() -> None:
        raise OperationalError("password of the database: secret")

    monkeypatch.setitem(health.CHECKS, part, fails)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"][part] == "OperationalError"
    assert b"secret" not in answer.content
