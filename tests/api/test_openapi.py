"""The API is what its OpenAPI document says: no status, type or shape that it doesn't name."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Api
from tests.api.test_carts_and_orders import filled, line_of
from tests.api.test_fleet_orders import fleet

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 5


@schemathesis.serializer("text/csv")
def as_table(ctx: Any, value: Any) -> bytes:
    """Whatever was made up, as the body of a table."""
    return str(value).encode("utf-8", "replace")


def document() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    described: dict[str, Any] = generator().get_schema(request=None, public=True)
    return described


def within_the_test(environ: dict[str, Any], start: Any) -> Any:
    """The system behind WSGI, in the test's transaction: its connection stays open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    return WSGI(environ, start)


WSGI = get_wsgi_application()
DOCUMENT = document()
API = schemathesis.openapi.from_dict(DOCUMENT)
API.app = within_the_test
FOUND: list[Any] = [found.ok() for found in cast("Any", API.get_all_operations())]
OPERATIONS = {operation.label: operation for operation in FOUND}


def thing_of(label: str) -> str:
    """The resource of an operation: the first part of its path."""
    return str(label.split("/api/v1/")[1].partition("/")[0])


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def known(shopper: Api, buyer: Api) -> Mapping[str, Mapping[str, str]]:
    """Real things of each caller, so that not every request ends at an unknown id."""
    cart = filled(shopper)
    shown = shopper.get(f"carts/{cart}").json()
    order = buyer.post("fleet-orders", fleet(1)).json()["number"]
    return {
        "carts": {
            "code": cart,
            "group": shown["bundles"][0]["group"],
            "line": line_of(shown, "plan"),
            "role": "plan",
        },
        "orders": {"number": order},
        "offerings": {"code": "flotte-50"},
    }


@pytest.mark.parametrize("thing", sorted({thing_of(label) for label in OPERATIONS}))
def test_no_request_leads_beyond_the_document(
    thing: str, known: Mapping[str, Mapping[str, str]], shopper: Api, buyer: Api
) -> None:
    cookies = {name: morsel.value for name, morsel in shopper.browser.cookies.items()}
    csrf = {"X-CSRFToken": shopper.get("me").cookies["csrftoken"].value}
    cookies["csrftoken"] = csrf["X-CSRFToken"]
    callers: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "business": (buyer.headers, {}),
        "consumer": (csrf, cookies),
        "visitor": ({}, {}),
    }
    who = "consumer" if thing == "carts" else "business"

    def hold(case: Any, real: bool, caller: str) -> None:
        headers, own = callers[caller]
        if real and case.path_parameters:
            case.path_parameters = {**case.path_parameters, **known.get(thing, {})}
        case.call_and_validate(headers=dict(headers), cookies=dict(own), checks=CHECKS)

    for label, operation in sorted(OPERATIONS.items()):
        if thing_of(label) == thing:
            _tried(operation, hold, callers=[who, who, "visitor"])


def _tried(operation: Any, hold: Callable[..., None], *, callers: list[str]) -> None:
    """A few requests that fit the operation and a few that don't; the same in every run."""
    strategy = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    bounded = settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    made = given(case=strategy, real=st.booleans(), caller=st.sampled_from(callers))
    seed(2026)(bounded(made(hold)))()


def test_every_refusal_is_the_one_problem_document() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            refusals = {s: r for s, r in operation["responses"].items() if int(s) >= 400}
            assert {"401", "403", "406"} <= set(refusals), (path, method)
            assert all(
                refusal == {"$ref": "#/components/responses/Problem"}
                for refusal in refusals.values()
            )
    problem = DOCUMENT["components"]["responses"]["Problem"]
    assert list(problem["content"]) == ["application/problem+json"]


def test_requests_take_no_unknown_members_and_bound_their_texts_and_numbers() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    asked = {name: schema for name, schema in schemas.items() if name in _requests(schemas)}
    assert len(asked) >= 15
    for name, schema in asked.items():
        assert schema["additionalProperties"] is False, name
        for field, described in schema.get("properties", {}).items():
            _bounded(described, place=f"{name}.{field}")


def test_enumerations_have_names() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    named = {name for name, schema in schemas.items() if "enum" in schema}
    assert {"OrderState", "Channel", "Basis", "Kind", "Role", "TraceOperation"} <= named
    assert not [name for name in schemas if name.endswith("Enum")]


def test_ids_of_operations_are_unique_and_tagged() -> None:
    operations = [op for methods in DOCUMENT["paths"].values() for op in methods.values()]
    ids = [op["operationId"] for op in operations]
    assert len(ids) == len(set(ids)) >= 37
    assert all(op["tags"] != ["Other"] and op["summary"] for op in operations)


def _requests(schemas: Mapping[str, Any]) -> set[str]:
    """The components that request bodies are made of."""
    found: set[str] = set()
    waiting = [
        content["schema"]
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            name = node.get("$ref", "").rpartition("/")[2]
            if name and name not in found and "enum" not in schemas[name]:
                found.add(name)
                waiting.append(schemas[name])
            waiting += [value for value in node.values() if isinstance(value, dict | list)]
        elif isinstance(node, list):
            waiting += node
    return found


def _bounded(described: Mapping[str, Any], *, place: str) -> None:
    if "$ref" in described or "enum" in described or "allOf" in described or "oneOf" in described:
        return
    match described.get("type"):
        case "string":
            assert "maxLength" in described or described.get("format") == "date", place
        case "integer":
            assert {"minimum", "maximum"} <= set(described), place
        case "array":
            assert "maxItems" in described, place
        case kind:
            assert kind == "boolean", (place, described)


@pytest.mark.django_db
def test_the_document_and_its_page_are_served_and_load_nothing_from_elsewhere(
    client: Client,
) -> None:
    served = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert (served.status_code, served.json()["openapi"]) == (200, "3.1.0")
    page = client.get("/api/docs/")
    html = page.content.decode()
    assert page.status_code == 200
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", html)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)
