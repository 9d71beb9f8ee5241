"""A program gets a token by client credentials and acts as one member of one organisation."""

from typing import Any

import pytest
from django.test import Client

from commerce.accounts.demo import load_demo_people
from commerce.accounts.models import Membership, Organisation

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.client_urls")]


def token_of(who: dict[str, str]) -> str:
    answer = Client().post(
        "/oauth/token/",
        {
            "grant_type": "client_credentials",
            "client_id": who["client_id"],
            "client_secret": who["client_secret"],
        },
    )
    assert answer.status_code == 200, answer.content
    return str(answer.json()["access_token"])


def business(token: str) -> Any:
    return Client().get("/api/business", headers={"Authorization": f"Bearer {token}"})


def test_demo_people_are_made_once_and_told_again() -> None:
    assert load_demo_people() == load_demo_people()
    assert (Organisation.objects.count(), Membership.objects.count()) == (1, 2)


def test_each_client_acts_as_its_own_member() -> None:
    people = load_demo_people()["api_clients"]
    answers = [business(token_of(who)).json() for who in people[:2]]
    party = Organisation.objects.get().party_id
    assert [(answer["party"], answer["role"]) for answer in answers] == [
        (party, "buyer"),
        (party, "approver"),
    ]
    assert business(token_of(people[2])).status_code == 403


def test_a_member_who_left_loses_access_at_once() -> None:
    buyer = load_demo_people()["api_clients"][0]
    token = token_of(buyer)
    Membership.objects.filter(role="buyer").update(active=False)
    answer = business(token)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_an_unknown_token_is_401_with_a_challenge_and_no_token_too() -> None:
    unknown, none = business("nonsense"), Client().get("/api/business")
    assert (unknown.status_code, none.status_code) == (401, 401)
    assert unknown.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_wrong_secret_gives_no_token() -> None:
    buyer = load_demo_people()["api_clients"][0]
    answer = Client().post(
        "/oauth/token/",
        {
            "grant_type": "client_credentials",
            "client_id": buyer["client_id"],
            "client_secret": "wrong",
        },
    )
    assert answer.status_code == 401
