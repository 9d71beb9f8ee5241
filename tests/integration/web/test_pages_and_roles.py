"""Every page x every role, and every page with an id x everybody whose it is not.

The routes come from the URL resolver, so that a new page is looked at without being listed here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client
from django.urls import get_resolver

from commerce.accounts.kinds import Role
from commerce.accounts.models import Membership, Party, User
from commerce.ordering.models import Order
from commerce.web.identity import caller_of
from commerce.web.policy import OPEN, Policy, allows, policies_of, routes
from tests.api.conftest import Api, buyer, demo, logged_in, people, shopper
from tests.api.test_tenancy import _state, owned, strangers

__all__ = ["buyer", "demo", "owned", "people", "shopper", "strangers"]

ROLES = ("visitor", "shopper", "buyer", "approver", "agent", "operator", "catalogue_manager")
OF_OTHERS = ("django.", "oscar.", "drf_spectacular.", "oauth2_provider.")
"""Views that are not ours: who may use them is tested, what they write is not."""
BODIES: Mapping[str, dict[str, str]] = {
    "change": {"promotion_code": "BIENVENUE10"},
    "lines": {"promotion_code": "BIENVENUE10"},
    "decide": {"decision": "approve"},
    "<str:reference>": {"outcome": "Settled."},
    "<uuid:endpoint>": {"do": "rotate"},
}
"""Forms that would be good, by the last part of the route, so that only the owner is missing."""
PLACES = {"", "account", "agent", "cart", "orders", "portal", "ops", "build", "contact", "login"}
DOORS = {"admin/login/", "admin/logout/"}
"""Django's own, which the back office brings along."""


def all_routes() -> list[tuple[str, Any]]:
    """Routes that a browser can be sent to without knowing anything of theirs."""
    return [
        (route, view)
        for route, view in routes(get_resolver().url_patterns)
        if "<" not in route and not set(route) & set("^(\\?")
    ]


def pages_with_an_id() -> list[str]:
    """Pages of ours that name a thing of somebody's; what is on sale (`offering`), and the ways in
    to buy it (`entry`), are everybody's."""
    return [
        route
        for route, view in routes(get_resolver().url_patterns)
        if "<" in route
        and not {"<slug:entry>", "<slug:offering>"} & {*route.split("/")}
        and view.__module__.startswith("frontend.")
        and Policy.PUBLIC not in policies_of(view)
    ]


def browser_of(role: str, people: Mapping[str, Any]) -> Client:
    return Client() if role == "visitor" else logged_in(people[role]).browser


def is_page(view: Any) -> bool:
    """A page of ours: whoever its policy admits gets it. Elsewhere a policy is only the first of
    several locks (permissions of the back office, a member's role, a contact)."""
    return str(view.__module__).startswith("frontend.")


def is_ours(view: Any) -> bool:
    owner = getattr(view, "view_class", None) or getattr(view, "cls", None) or view
    return not str(getattr(owner, "__module__", "")).startswith(OF_OTHERS)


def refused(answer: Any) -> bool:
    """Sent to log in, or told that it is not for him, or that there is nothing."""
    to = answer.headers.get("Location", "")
    return answer.status_code in (401, 403, 404, 405) or (
        answer.status_code == 302 and "login" in to
    )


def request_of(browser: Client, *, email: str) -> HttpRequest | None:
    """What the policies see of a logged-in browser; None for a visitor."""
    user = User.objects.filter(email=email).first()
    if user is None:
        return None
    request = HttpRequest()
    request.user = user
    request.session = browser.session
    request.COOKIES.update({name: cookie.value for name, cookie in browser.cookies.items()})
    return request


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_the_pages_that_are_declared_for_it_and_no_other(
    people: Mapping[str, Any], role: str
) -> None:
    browser = browser_of(role, people)
    request = request_of(browser, email=people.get(role, {}).get("email", ""))
    caller = caller_of(request) if request else None
    is_staff = bool(request and request.user.is_staff)
    wrong: list[tuple[str, str, int]] = []
    for route, view in all_routes():
        policies = policies_of(view)
        answer = browser.get(f"/{route}")
        meant = bool(OPEN.intersection(policies)) or (
            caller is not None and allows(policies, caller, is_staff=is_staff)
        )
        if answer.status_code >= 500 and not route.endswith("z"):
            wrong.append(("broken", route, answer.status_code))
        elif meant and answer.status_code in (401, 403) and is_page(view):
            wrong.append(("closed", route, answer.status_code))
        elif not meant and not refused(answer) and route not in DOORS:
            wrong.append(("open", route, answer.status_code))
        elif answer.status_code == 200 and is_ours(view):
            wrong += [(fault, route, 200) for fault in faults_of(answer)]
    assert not wrong, "\n".join(map(str, wrong))


def faults_of(answer: Any) -> Iterator[str]:
    """What a page must not hold under our content policy, and the policy itself."""
    policy = answer.headers.get("Content-Security-Policy", "")
    if "default-src 'self'" not in policy or "unsafe" in policy or "frame-ancestors" not in policy:
        yield f"policy {policy!r}"
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        yield "sniffing"
    if not answer.headers.get("Content-Type", "").startswith("text/html"):
        return
    html = answer.content.decode()
    if re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", html):
        yield "inline script"
    if re.search(r"<style\b|<[a-z][^>]*\sstyle=", html):
        yield "inline style"
    if re.search(r"<[a-z][^>]*\s(on[a-z]+|hx-on[^=]*)=", html):
        yield "inline handler"
    if re.search(r"<(script|img|iframe|link|source|video)\b[^>]*\b(src|href)=\"(https?:)?//", html):
        yield "loaded from elsewhere"


def test_pages_with_an_id_are_found() -> None:
    found = pages_with_an_id()
    assert len(found) >= 25
    for prefix in ("account/", "agent/", "portal/", "ops/", "orders/", "cart/", "build/"):
        assert any(route.startswith(prefix) for route in found), prefix


def led_away(answer: Any, path: str) -> bool:
    """Sent on to a page that names nothing of the owner's: to log in, to one's own desk."""
    chain = [to for to, _ in answer.redirect_chain]
    return bool(chain) and not {*chain[-1].split("?")[0].split("/")} & {*path.split("/")} - PLACES


def path_for(route: str, names: Mapping[str, str]) -> str:
    """The route with the owner's names; a bill's number is not an order's."""
    known = {
        **names,
        **dict.fromkeys(
            ("task_id", "account_id", "contact_id", "effect_id", "row_id", "method"), "1"
        ),
        "difference_id": "1",
        "deposit_id": "1",
        "entry_id": "1",
        "case_id": "1",
        "einvoice_id": "1",
        "share_id": "1",
        "proof_id": "1",
        "run_id": "1",
        "month": "2026-12",
        "name": "another-price",
        "kind": "deliveries",
        "draft_id": "1",
        "batch": "1",
        "section": "offerings",
        "key": "horizon-130",
        "line_id": "1",
        "partner": "entrepot",
        "reference": "R-1",
        "token": "guessed-token",
        "user": "MQ",
    }
    if "bills/" in route:
        known["number"] = names["invoice"]
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: known[match[1]], route)


@pytest.fixture
def others(strangers: dict[str, Api], people: Mapping[str, Any]) -> dict[str, Client]:
    """The browsers of strangers; the other organisation's approver logs in to the portal."""
    party = Party.objects.get(display_name="Autre SARL")
    user = User.objects.create_user("approver@autre.example", "correct horse battery")
    Membership.objects.filter(unit__organisation__party=party, role=Role.APPROVER).update(user=user)
    firm = Client()
    firm.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return {
        "another customer": strangers["another customer"].browser,
        "another organisation": firm,
        "a visitor": Client(),
        "an agent without contact": strangers["an agent without contact"].browser,
    }


@pytest.mark.parametrize("owner", ["shopper", "organisation"])
def test_a_page_with_an_id_is_closed_to_everybody_whose_it_is_not(
    owned: dict[str, dict[str, str]], others: dict[str, Client], owner: str
) -> None:
    order = Order.objects.get(number=owned[owner]["number"])
    party = Party.objects.get(pk=order.party_id)
    secrets = [word.encode() for word in (party.display_name, party.email, party.phone) if word]
    before = _state()
    seen: list[tuple[str, str, str, str]] = []
    for name, browser in others.items():
        for route in pages_with_an_id():
            path = path_for(route, owned[owner])
            for method in ("get", "post"):
                body = BODIES.get(route.rstrip("/").rpartition("/")[2], {})
                answer = getattr(browser, method)(path, body, follow=True)
                told = answer.content
                if not (refused(answer) or answer.status_code == 400 or led_away(answer, path)):
                    seen.append((name, method, route, str(answer.status_code)))
                elif any(secret in told for secret in secrets):
                    seen.append((name, method, route, "tells"))
    assert not seen, "\n".join(map(str, seen))
    assert _state() == before
