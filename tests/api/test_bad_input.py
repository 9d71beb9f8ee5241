"""Bad input: a 4xx with a code and a sentence, and nothing half-written."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps

from commerce.kernel.clock import business_time_fixed
from commerce.ordering.models import Cart
from tests.api.conftest import AT, Api, money
from tests.api.test_carts_and_orders import CONSENTS, NUMBER, filled, line_of
from tests.api.test_fleet_orders import fleet

APPS = ("accounts", "offering", "promotions", "subscriptions", "ordering", "orchestration")
APPS_BESIDE = ("payments", "notifications", "events")
Case = Callable[[Api, str], Any]


def rows_written() -> dict[str, int]:
    """How many rows each of our tables has; the keys of repeated requests don't count."""
    return {
        model._meta.label: model._default_manager.count()
        for label in (*APPS, *APPS_BESIDE)
        for model in apps.get_app_config(label).get_models()
        if model.__name__ != "IdempotencyRecord"
    }


def group_of(api: Api, code: str) -> str:
    return str(api.get(f"carts/{code}").json()["bundles"][0]["group"])


def choose(role: str, offering: str, quantity: Any = 1) -> Case:
    def act(api: Api, code: str) -> Any:
        wish = {"group": group_of(api, code), "role": role, "offering": offering}
        return api.post(f"carts/{code}/items", {**wish, "quantity": quantity})

    return act


def add(offering: Any, quantity: Any) -> Case:
    return lambda api, code: api.post(
        f"carts/{code}/items", {"offering": offering, "quantity": quantity}
    )


def keep(**number: Any) -> Case:
    def act(api: Api, code: str) -> Any:
        line = line_of(api.get(f"carts/{code}").json(), "plan")
        return api.send("PUT", f"carts/{code}/items/{line}/number", {"choice": "port", **number})

    return act


def raw(method: str, path: str, body: Any, **options: Any) -> Case:
    return lambda api, code: api.send(method, path.replace("{code}", code), body, **options)


def order(**members: Any) -> Case:
    def act(api: Api, code: str) -> Any:
        asked = {"cart": code, "expected_total": money("1.00"), "consents": CONSENTS}
        return api.post("orders", {**asked, **members})

    return act


CASES: list[tuple[str, Case, int, str]] = [
    ("an unknown offering", add("no-such-thing", 1), 404, "unknown_offering"),
    ("an unknown offering in a quote", raw("POST", "quotes", {"lines": [{"offering": "x"}]}),
     404, "unknown_offering"),
    ("a business plan for a consumer", choose("plan", "flotte-50"), 422, "not_for_sale"),
    ("a 5G plan with a 4G phone", choose("handset", "brumaire-b1-64-nuit"), 422, "incompatible"),
    ("a phone for the plan's place", choose("plan", "noctile-un-128-craie"), 422,
     "not_a_candidate"),
    ("a plan outside of a bundle", add("horizon-130", 1), 422, "bundle_needed"),
    ("no quantity", add("chargeur-30w", 0), 400, "invalid_input"),
    ("a million", add("chargeur-30w", 10**6), 400, "invalid_input"),
    ("a quantity in words", add("chargeur-30w", "2"), 400, "invalid_input"),
    ("a true quantity", add("chargeur-30w", True), 400, "invalid_input"),
    ("a quantity beyond all numbers", raw("POST", "carts/{code}/items",
     '{"offering": "chargeur-30w", "quantity": 1e400}'), 400, "invalid_input"),
    ("an offering that is a number", add(7, 1), 400, "invalid_input"),
    ("a NUL in a text", add("a\x00b", 1), 400, "invalid_input"),
    ("a wrong RIO", keep(msisdn=NUMBER, rio="02PA1B2C3RE0"), 400, "rio_key"),
    ("a RIO that is none", keep(msisdn=NUMBER, rio="?"), 400, "rio_format"),
    ("a landline", keep(msisdn="01 99 00 12 34", rio="02PA1B2C3RE+"), 400, "number_not_mobile"),
    ("a day in the past", keep(msisdn=NUMBER, rio="02PA1B2C3RE+", port_on="2026-11-02"), 400,
     "port_day_invalid"),
    ("a day that there is not", keep(msisdn=NUMBER, rio="02PA1B2C3RE+", port_on="2026-02-30"), 400,
     "invalid_input"),
    ("malformed JSON", raw("POST", "carts/{code}/items", "{"), 400, "malformed_json"),
    ("JSON that is a list", raw("POST", "carts/{code}/items", "[]"), 400, "invalid_input"),
    ("no JSON", raw("POST", "carts/{code}/items", "a=1", content_type="text/plain"), 415,
     "unsupported_media_type"),
    ("an unknown member", raw("POST", "carts/{code}/items", {"offering": "x", "price": "0.01"}),
     400, "invalid_input"),
    ("an unknown parameter", lambda api, code: api.get("offerings", sorting="price"), 400,
     "invalid_input"),
    ("a page too large", lambda api, code: api.get("offerings", limit=101), 400, "invalid_input"),
    ("an unknown cart", raw("POST", "carts/ZZZ-ZZZ/items", {"offering": "chargeur-30w"}), 404,
     "unknown_cart"),
    ("an unknown group", raw("POST", "carts/{code}/items",
     {"group": "g99", "role": "plan", "offering": "horizon-130"}), 404, "unknown_group"),
    ("an unknown line", raw("PATCH", "carts/{code}/items/99", {"quantity": 2}), 404,
     "unknown_line"),
    ("an unknown step", lambda api, code: api.get(
        f"carts/{code}/groups/{group_of(api, code)}/steps/toaster"), 404, "unknown_role"),
    ("a commitment that is not offered", lambda api, code: api.send(
        "PATCH", f"carts/{code}/items/{line_of(api.get(f'carts/{code}').json(), 'plan')}",
        {"term": 7}), 422, "term_not_offered"),
    ("a business cart for a shopper", raw("POST", "carts", {"segment": "business"}), 400,
     "segment_not_yours"),
    ("an empty quote", raw("POST", "quotes", {}), 400, "empty"),
    ("an order at another total", order(), 422, "price_changed"),
    ("an order without consents", order(consents={}), 422, "terms_not_accepted"),
    ("an order of a total in a number", order(expected_total=129.0), 400, "invalid_input"),
    ("an order to nowhere", order(deliver_to={"name": "A"}), 400, "invalid_input"),
    ("an unknown order", lambda api, code: api.get("orders/F-2026-999999"), 404, "unknown_order"),
    ("an unknown invoice", lambda api, code: api.get("invoices/FA-2026-9999999"), 404,
     "unknown_bill"),
    ("an unknown subscription", lambda api, code: api.get(f"subscriptions/{10**30}"), 404,
     "unknown_subscription"),
    ("a fleet from a shopper", raw("POST", "fleet-orders", fleet(1)), 403, "forbidden"),
    ("an unreadable key", raw("POST", "carts", {}, key="\x7f"), 400, "idempotency_key_malformed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("act", "status", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_bad_input_is_refused_and_leaves_nothing(
    shopper: Api, act: Case, status: int, code: str
) -> None:
    cart = filled(shopper)
    before, version = rows_written(), Cart.objects.get().version
    answer = act(shopper, cart)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert len(answer.json()["detail"]) > 10
    assert rows_written() == before
    assert Cart.objects.get().version == version


def test_a_refusal_by_a_rule_speaks_the_callers_language(shopper: Api) -> None:
    cart = filled(shopper)
    shopper.headers = {"Accept-Language": "fr"}
    problem = choose("handset", "brumaire-b1-64-nuit")(shopper, cart).json()
    assert problem["detail"].startswith("Ce forfait 5G demande un téléphone compatible 5G")
    assert problem["values"]["rule"] == "network-5g"


def test_an_expired_cart_is_refused(shopper: Api) -> None:
    cart = filled(shopper)
    with business_time_fixed(AT + timedelta(days=31)):
        answer = shopper.post(f"carts/{cart}/items", {"offering": "chargeur-30w"})
    assert (answer.status_code, answer.json()["code"]) == (422, "cart_expired")


def test_a_browser_without_the_csrf_token_changes_nothing(shopper: Api) -> None:
    cart = filled(shopper)
    shopper.browser.handler.enforce_csrf_checks = True
    answer = shopper.post(f"carts/{cart}/items", {"offering": "chargeur-30w"})
    assert answer.status_code == 403
    token = shopper.browser.cookies["csrftoken"].value
    shopper.headers = {**shopper.headers, "X-CSRFToken": token}
    assert shopper.post(f"carts/{cart}/items", {"offering": "chargeur-30w"}).status_code == 201
