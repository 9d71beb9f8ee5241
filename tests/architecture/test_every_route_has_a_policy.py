"""No route without a declared policy; the middleware closes what declares none."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import get_resolver, path

from commerce.web.policy import Policy, policies_of, policy, routes


def undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse("should never be seen")


@policy(Policy.OPERATOR)
def for_operators(request: HttpRequest) -> HttpResponse:
    return HttpResponse("seen")


urlpatterns = [
    path("undeclared", undeclared),
    path("api/undeclared", undeclared),
    path("operators", for_operators),
]
handler403 = "commerce.web.errors.forbidden"


def test_every_route_of_the_system_declares_who_may_use_it() -> None:
    found = routes(get_resolver().url_patterns)
    assert len(found) > 5
    assert [route for route, view in found if not policies_of(view)] == []


def test_only_webhooks_callbacks_and_links_with_a_token_check_a_signature_of_their_own() -> None:
    signed = {
        route
        for route, view in routes(get_resolver().url_patterns)
        if Policy.SIGNED in policies_of(view)
    }
    others = {route for route in signed if not route.startswith(("webhooks/", "callbacks/"))}
    assert all("token>" in route for route in others)
    assert "webhooks/stripe" in signed


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_a_route_without_a_policy_is_closed(client: Client) -> None:
    page, api = client.get("/undeclared"), client.get("/api/undeclared")
    assert (page.status_code, api.status_code) == (403, 403)
    assert b"never be seen" not in page.content
    assert api.json()["code"] == "undeclared"


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_a_stranger_is_sent_to_log_in_and_comes_back(client: Client) -> None:
    answer = client.get("/operators?page=2")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/account/login/?next=%2Foperators%3Fpage%3D2"
