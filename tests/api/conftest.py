"""The demo shop and its people behind the API, and clients that speak for each of them."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from catalogue.selectors import forget_snapshots
from commerce.accounts.demo import load_demo_people
from commerce.accounts.models import User
from commerce.kernel.clock import business_time_fixed
from tests.demo import sell_demo

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


class Api:
    """Speaks JSON to /api/v1 as one caller: a program with a token, or a browser."""

    def __init__(self, *, token: str = "", browser: Client | None = None) -> None:
        self.browser = browser or Client()
        self.headers = {"Accept-Language": "en"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: Any) -> Any:
        return self.browser.get(f"/api/v1/{path}", query, headers=self.headers)

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """`key` is the idempotency key; text is sent as it stands, of `content_type`."""
        key = options.pop("key", "")
        headers = {**self.headers, "Idempotency-Key": key} if key else self.headers
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.browser.generic(
            method,
            f"/api/v1/{path}",
            b"" if body is None else data,
            content_type=options.pop("content_type", "application/json"),
            headers=headers,
        )

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.send("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.send("PUT", path, body, **options)


@pytest.fixture(scope="module")
def demo(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Mapping[str, Mapping[str, str]]]:
    """The demo shop, loaded once per module; each test rolls back to it."""
    with django_db_blocker.unblock(), business_time_fixed(AT), transaction.atomic():
        forget_snapshots()
        sell_demo(at=AT)
        made = load_demo_people()
        clients = {f"{who['role']}_client": who for who in made["api_clients"]}
        yield {**{who["role"]: who for who in made["logins"]}, **clients}
        transaction.set_rollback(True)
    forget_snapshots()


@pytest.fixture
def people(demo: Mapping[str, Mapping[str, str]], db: None) -> Iterator[Mapping[str, Any]]:
    """Logins and API clients of the demo, by role; the demo catalogue is on sale."""
    with business_time_fixed(AT):
        yield demo


@pytest.fixture
def buyer(people: Mapping[str, Mapping[str, str]]) -> Api:
    return Api(token=token_of(people["buyer_client"]))


@pytest.fixture
def approver(people: Mapping[str, Mapping[str, str]]) -> Api:
    return Api(token=token_of(people["approver_client"]))


@pytest.fixture
def visitor(people: Mapping[str, Mapping[str, str]]) -> Api:
    return Api()


@pytest.fixture
def shopper(people: Mapping[str, Mapping[str, str]]) -> Api:
    return logged_in(people["shopper"])


@pytest.fixture
def agent(people: Mapping[str, Mapping[str, str]]) -> Api:
    return logged_in(people["agent"])


@pytest.fixture
def operator(people: Mapping[str, Mapping[str, str]]) -> Api:
    return logged_in(people["operator"])


def token_of(who: Mapping[str, str], *, scope: str = "") -> str:
    """An access token by client credentials, given by Basic authentication."""
    secret = b64encode(f"{who['client_id']}:{who['client_secret']}".encode()).decode()
    asked = {"grant_type": "client_credentials"}
    answer = Client().post(
        "/oauth/token/",
        {**asked, "scope": scope} if scope else asked,
        headers={"Authorization": f"Basic {secret}"},
    )
    assert answer.status_code == 200, answer.content
    return str(answer.json()["access_token"])


def logged_in(who: Mapping[str, str]) -> Api:
    """A browser in which that person is logged in."""
    browser = Client()
    browser.force_login(
        User.objects.get(email=who["email"]), "django.contrib.auth.backends.ModelBackend"
    )
    return Api(browser=browser)


def money(amount: str) -> dict[str, str]:
    """An amount as the API writes it."""
    return {"amount": amount, "currency": "EUR"}
