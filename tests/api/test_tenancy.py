"""Nobody sees or changes another's: every API route with an id, for everybody whose it is not.

The routes come from the URL resolver, so that a new one is either listed here or fails.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from commerce.accounts.context import SYSTEM
from commerce.accounts.kinds import Role
from commerce.accounts.models import Membership, Organisation, Party, Unit, User
from commerce.accounts.services.customers import register_customer
from commerce.accounts.services.organisations import (
    add_api_client,
    add_member,
    create_organisation,
)
from commerce.events.models import WebhookEndpoint, WebhookMessage
from commerce.kernel.money import Money
from commerce.ordering.domain.next_offers import Lead
from commerce.ordering.models import Cart, CartItem, NextOffer, Order
from commerce.web.policy import Policy, policies_of, routes
from subscriptions.invoicing.selectors import bills_of
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.models import (
    DebitNotice,
    DunningCase,
    Invoice,
    LateInterest,
    PayerAgreement,
    Subscription,
)
from tests.api.conftest import AT, Api, token_of
from tests.api.test_carts_and_orders import CONSENTS, filled, line_of
from tests.api.test_fleet_orders import fleet
from tests.integration.subscriptions.contracts import RATES, begun, handset, plan

OPEN = {
    "api/v1/offerings/<slug:code>",
    "api/v1/journeys/<slug:entry>/steps/<name:role>",
    "api/v1/payables/<str:on>",
}
"""Routes whose id is everybody's, as a day is: whose payables are told, the caller says."""
BODIES: Mapping[str, dict[str, Any]] = {
    "bundles": {"bundle": "plan-only"},
    "<int:subscription_id>": {"cost_centre": "CC-1"},
    "items": {"offering": "chargeur-30w"},
    "<name:line>": {"quantity": 2},
    "<name:group>": {"bundle": "plan-only"},
    "number": {"choice": "new"},
    "use": {"route_to": "0199001234", "purpose": "sales"},
    "<name:role>": {"offering": "horizon-130", "term": 24},
    "codes": {"code": "BIENVENUE10"},
    "cancellation": {"token": "0" * 32},
    "amendment-quote": {"bundle": "b1", "wish": {"msisdn": ""}},
    "amendment": {"bundle": "b1", "wish": {"msisdn": ""}, "token": "0" * 32},
    "day": {"port_on": "2026-11-27"},
    "correction": {"msisdn": "0612345678", "rio": "01P12345636Q"},
    "redirection": {"to": "0199001234"},
    "withdrawal-quote": {"bundle": "g1"},
    "withdrawals": {"bundle": "g1", "digest": "0" * 64},
    "change-quotes": {"kind": "suspend", "block": "lost_sim"},
    "holder-changes": {"email": "noe@example.test"},
    "changes": {
        "kind": "suspend",
        "block": "lost_sim",
        "expected_total": {"amount": "0.00", "currency": "EUR"},
    },
    "<name:promotion>": {"reason": "price"},
    "<int:item_id>": {"agreed": True},
    "purchase-limits": {"blocked": True},
    "promise": {"on": "2026-11-27"},
    "waiver": {"reason": "Kind."},
    "<uuid:endpoint>": {"url": "https://elsewhere.example/hook"},
    "replays": {"since": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"},
}
"""Bodies that would be good, by the last part of the route, so that only the owner is missing."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def with_an_id() -> list[tuple[str, str]]:
    """Every (method, route) of the API that names a thing of somebody's."""
    found = []
    for route, view in routes(get_resolver().url_patterns):
        if route.startswith("api/v1/") and "<" in route and route not in OPEN:
            offered = getattr(view, "view_class", None) or getattr(view, "cls", None)
            found += [(m, route) for m in METHODS if hasattr(offered, m.lower())]
    return found


@pytest.fixture
def owned(shopper: Api, buyer: Api) -> dict[str, dict[str, str]]:
    """Things of a shopper and of an organisation: what stands for each parameter of a route."""
    cart = filled(shopper)
    shown = shopper.get(f"carts/{cart}").json()
    placed = filled(shopper)
    total = shopper.get(f"carts/{placed}").json()["quote"]["due_today_gross"]
    number = shopper.post(
        "orders", {"cart": placed, "expected_total": total, "consents": CONSENTS}
    ).json()["number"]
    person = Order.objects.get(number=number).party
    firm = Organisation.objects.get().party
    begun("F-8", [plan("19.99")], party=person.pk)
    begun("F-9", [plan("20.00"), handset()], party=firm.pk, group="u1", segment="business")
    bill_order(
        order_number="F-9",
        party_id=firm.pk,
        segment="business",
        charges={"u1": [handset()]},
        tax_rates=RATES,
    )
    offers = {
        party: NextOffer.objects.create(
            party=party,
            order_number="F-8",
            rule="case",
            version=1,
            release=1,
            lead=asdict(Lead("add", "extras", 1)),
            made_at=AT,
            until=AT + timedelta(days=9),
        ).pk
        for party in (person, firm)
    }
    unpaid = {party: _unpaid(party) for party in (person, firm)}
    hook = buyer.post("webhook-endpoints", {"url": "https://erp.example/hook"}).json()["id"]
    fleet_order = buyer.post("fleet-orders", fleet(25)).json()["number"]
    cart_names = {
        "code": cart,
        "group": shown["bundles"][0]["group"],
        "line": line_of(shown, "plan"),
        "role": "plan",
        "promotion": "BIENVENUE10",
        "batch": "1",
        "draft": "1",
        "porting_id": "1",
        "endpoint": hook,
        "task": "1",
        "item_id": "1",
        "message": str(WebhookMessage.objects.filter(endpoint=hook)[0].pk),
    }
    return {
        "shopper": {
            **cart_names,
            "number": number,
            "offer": str(offers[person]),
            **unpaid[person],
            "invoice": bills_of(person.pk)[0].number,
            "subscription_id": str(Subscription.objects.get(party=person).pk),
        },
        "organisation": {
            **cart_names,
            "number": fleet_order,
            "offer": str(offers[firm]),
            **unpaid[firm],
            "invoice": bills_of(firm.pk)[0].number,
            "subscription_id": str(Subscription.objects.get(party=firm).pk),
        },
    }


def _unpaid(party: Party) -> dict[str, str]:
    """An open case, interest and a debit of a bill of the party's."""
    bill = Invoice.objects.filter(account__party=party).order_by("pk")[0]
    case = DunningCase.objects.create(
        account=bill.account, opened_on=AT.date(), since=AT.date(), owed=Decimal(1)
    )
    interest = LateInterest.objects.create(
        case=case,
        invoice=bill,
        starts_on=AT.date(),
        ends_on=AT.date() + timedelta(days=1),
        amount=Decimal(1),
        parts=[],
        asked_at=AT,
    )
    notice = DebitNotice.objects.create(
        invoice=bill,
        mandate_reference="UMR1",
        last4="4242",
        amount=Decimal(1),
        debit_on=AT.date(),
        told_at=AT,
    )
    agreement = PayerAgreement.objects.create(
        account=bill.account, state="asked", asked_by="x", asked_at=AT
    )
    return {
        "agreement_id": str(agreement.pk),
        "case_id": str(case.pk),
        "interest_id": str(interest.pk),
        "notice_id": str(notice.pk),
    }


@pytest.fixture
def strangers(people: Mapping[str, Any]) -> dict[str, Api]:
    """Another customer, another organisation's approver, a visitor, an agent without contact."""
    register_customer(
        email="other@example.test",
        password="correct horse battery",
        first_name="Other",
        last_name="Person",
        context=SYSTEM,
    )
    customer = Client()
    customer.force_login(
        User.objects.get(email="other@example.test"), "django.contrib.auth.backends.ModelBackend"
    )
    agent = Client()
    agent.force_login(
        User.objects.get(email=people["agent"]["email"]),
        "django.contrib.auth.backends.ModelBackend",
    )
    return {
        "another customer": Api(browser=customer),
        "another organisation": Api(token=_other_organisation()),
        "a visitor": Api(),
        "an agent without contact": Api(browser=agent),
    }


def _other_organisation() -> str:
    party_id = create_organisation(
        legal_name="Autre SARL", siren="012345682", email="autre@autre.example"
    )
    unit = Unit.objects.get(organisation__party_id=party_id)
    member = add_member(
        unit_id=unit.pk,
        name="Other Approver",
        email="approver@autre.example",
        role=Role.APPROVER,
        limit=Money.of(1_000_000),
    )
    assert Membership.objects.filter(pk=member).exists()
    add_api_client(
        membership_id=member, name="autre", client_id="autre", client_secret="a-secret-of-autre"
    )
    return token_of({"client_id": "autre", "client_secret": "a-secret-of-autre"})


def path_of(route: str, names: Mapping[str, str]) -> str:
    """The route with its parameters filled in; an invoice's number is not an order's."""
    names = {**names, "number": names["invoice"]} if "invoices/" in route else names
    filled_in = re.sub(r"<\w+:(\w+)>", lambda match: names[match[1]], route)
    return filled_in.removeprefix("api/v1/")


def test_the_list_of_routes_is_not_empty() -> None:
    assert len(with_an_id()) >= 23


def test_the_owner_does_see_what_the_strangers_are_refused(
    owned: dict[str, dict[str, str]], shopper: Api, buyer: Api
) -> None:
    for who, api in (("shopper", shopper), ("organisation", buyer)):
        for method, route in with_an_id():
            if "catalogue/" in route:
                continue  # a manager's, nobody's else
            if "webhook-endpoints/" in route and who == "shopper":
                continue  # a firm's
            if method == "GET" and not (who == "organisation" and "carts/" in route):
                answer = api.get(path_of(route, owned[who]))
                assert answer.status_code == 200, (who, route, answer.content)


@pytest.mark.parametrize("owner", ["shopper", "organisation"])
def test_every_route_with_an_id_is_closed_to_everybody_else(
    owned: dict[str, dict[str, str]], strangers: dict[str, Api], owner: str
) -> None:
    before = _state()
    seen: list[tuple[str, str, str, int]] = []
    for name, api in strangers.items():
        for method, route in with_an_id():
            body = BODIES.get(route.rpartition("/")[2], {})
            answer = api.send(method, path_of(route, owned[owner]), body)
            if answer.status_code not in (401, 403, 404):
                seen.append((name, method, route, answer.status_code))
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert seen == []
    assert _state() == before


def test_lists_hold_nothing_of_others(
    owned: dict[str, dict[str, str]], strangers: dict[str, Api]
) -> None:
    for name, api in strangers.items():
        for path in ("carts", "orders", "approvals", "subscriptions", "invoices", "next-offers"):
            answer = api.get(path)
            assert answer.status_code in (200, 401, 403), (name, path)
            if answer.status_code == 200:
                assert answer.json()["items"] == [], (name, path)


def test_every_route_of_the_api_has_a_policy_and_open_ones_are_named() -> None:
    found = [
        (route, policies_of(view))
        for route, view in routes(get_resolver().url_patterns)
        if route.startswith("api/v1/")
    ]
    assert len(found) > 30
    assert all(policies for _, policies in found)
    public = {route for route, policies in found if Policy.PUBLIC in policies}
    assert public == {
        "api/v1/comparisons",
        "api/v1/numbers",
        "api/v1/offerings",
        "api/v1/offerings/<slug:code>",
        "api/v1/plan-simulations",
        "api/v1/quotes",
        "api/v1/shops",
        "api/v1/suggestions",
    }


def _state() -> tuple[list[Any], ...]:
    """Everything that a stranger could have changed."""
    return (
        list(Cart.objects.order_by("pk").values()),
        list(CartItem.objects.order_by("pk").values()),
        list(Order.objects.order_by("pk").values("number", "state", "payment_sequence")),
        list(WebhookEndpoint.objects.order_by("pk").values()),
        list(WebhookMessage.objects.order_by("pk").values()),
    )
