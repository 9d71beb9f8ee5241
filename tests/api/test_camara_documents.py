"""CAMARA's published documents decide: whatever is asked of their routes, each answer is one that
they name, and each code that they name is answered here or is out of reach for a reason."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast
from uuid import uuid4

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from commerce.accounts.models import Party
from commerce.kernel.clock import business_time_fixed
from subscriptions.carrier import selectors
from subscriptions.carrier.models import CarrierLimits, CarrierPayment
from subscriptions.carrier.models import Merchant as OurMerchant
from subscriptions.carrier.services import purchasing
from subscriptions.domain.carrier import PaymentState
from subscriptions.models import Subscription
from tests.api.conftest import token_of
from tests.api.test_carrier_billing import (
    DAY,
    DOCUMENTS,
    LINE,
    PAYMENTS,
    REFUNDS,
    Merchant,
    back,
    code_of,
    documented,
    merchant,
    purchase,
)
from tests.api.test_openapi import CHECKS, within_the_test
from tests.integration.subscriptions.contracts import at, begun, person, plan

pytestmark = pytest.mark.django_db
EXAMPLES = 12
OTHER = "+33639980002"
"""Another line of the same holder, who is being asked."""
METHODS = ("get", "post")
OPERATIONS: Mapping[str, Any] = {
    operation["operationId"]: (name, operation)
    for name, document in DOCUMENTS.items()
    for item in document["paths"].values()
    for method, operation in item.items()
    if method in METHODS
}


def codes_of(operation: str) -> frozenset[str]:
    """What the document lets the operation refuse with."""
    name, described = OPERATIONS[operation]
    found: set[str] = set()
    for status, told in described["responses"].items():
        if "$ref" in told:
            told = DOCUMENTS[name]["components"]["responses"][told["$ref"].rpartition("/")[2]]
        for content in told.get("content", {}).values() if int(status) >= 400 else ():
            for part in content["schema"]["allOf"]:
                found |= set(part.get("properties", {}).get("code", {}).get("enum", ()))
    return frozenset(found)


@dataclass
class Request:
    """One that is right, to be spoilt."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Scene:
    """A merchant with a payment in each state and a refund, and requests about them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        party = person()
        for order, number in (("F-2", OTHER), ("F-1", LINE)):
            begun(order, [plan()], party=party, on=date(2026, 11, 10))
            Subscription.objects.filter(order_number=order).update(msisdn=f"0{number[3:]}")
        self.who = merchant()
        self.lune = Merchant(self.who)
        details = [{"id": "a", "amount": 10, "currency": "EUR", "description": "a",
                    "isTaxIncluded": True}]  # fmt: skip
        self.paid = self.lune.pay(10, details=details).json()["paymentId"]
        self.refund = self.lune.refund(self.paid, 4).json()["refundId"]
        held = self.lune.prepare(3).json()
        self.reserved, self.reserved_code = self._asked(held)
        assert self.lune.post(f"{PAYMENTS}/{self.reserved}/validate", self.reserved_code)
        self.waiting, self.code = self._asked(self.lune.prepare(2, number=OTHER).json())

    def _asked(self, made: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        payment = made["paymentId"]
        authorization = made["validationInfo"]["authorizationId"]
        return payment, {"authorizationId": authorization, "code": code_of(payment)}

    def right(self, operation: str) -> Request:
        paid, number = f"{REFUNDS}/{self.paid}/refunds", {"phoneNumber": LINE}
        return {
            "createPayment": Request("POST", PAYMENTS, purchase()),
            "preparePayment": Request("POST", f"{PAYMENTS}/prepare", purchase()),
            "retrievePayments": Request("GET", PAYMENTS),
            "retrievePayment": Request("GET", f"{PAYMENTS}/{self.paid}"),
            "validatePayment": Request("POST", f"{PAYMENTS}/{self.waiting}/validate", self.code),
            "confirmPayment": Request("POST", f"{PAYMENTS}/{self.reserved}/confirm", number),
            "cancelPayment": Request("POST", f"{PAYMENTS}/{self.reserved}/cancel", number),
            "createRefund": Request("POST", paid, back(1)),
            "retrieveRefunds": Request("GET", paid),
            "retrieveRefund": Request("GET", f"{paid}/{self.refund}"),
            "retrievePaymentRemainingAmount": Request("GET", f"{paid}/remaining-amount"),
        }[operation]

    def send(self, asked: Request) -> Any:
        headers = {**self.lune.headers, **asked.headers}
        answer = Client().generic(
            asked.method,
            asked.path + asked.query,
            b"" if asked.body is None else json.dumps(asked.body),
            content_type="application/json",
            headers={name: value for name, value in headers.items() if value},
        )
        documented(answer, method=asked.method, path=asked.path)
        return answer


READ_REFUNDS = "carrier-billing-refund:refunds:read"
Spoilt = Callable[[Scene, Request], Request]


def _nobody(scene: Scene, asked: Request) -> Request:
    asked.headers = {"Authorization": ""}
    return asked


def _other_scope(scene: Scene, asked: Request) -> Request:
    of_refunds = asked.path.startswith(REFUNDS)
    wrong = "carrier-billing:payments:read" if of_refunds else READ_REFUNDS
    asked.headers = {"Authorization": f"Bearer {token_of(scene.who, scope=wrong)}"}
    return asked


def _malformed(scene: Scene, asked: Request) -> Request:
    asked.headers = {"x-correlator": "a b"}
    return asked


def _unknown(scene: Scene, asked: Request) -> Request:
    for known in (scene.paid, scene.reserved, scene.waiting):
        asked.path = asked.path.replace(known, str(uuid4()))
    return asked


def _number(asked: Request) -> dict[str, Any]:
    """Where the request names the line."""
    assert asked.body is not None
    found: dict[str, Any] = asked.body.get("amountTransaction", asked.body)
    return found


def _strange_number(scene: Scene, asked: Request) -> Request:
    _number(asked)["phoneNumber"] = "+33639980009"
    return asked


def _no_number(scene: Scene, asked: Request) -> Request:
    del _number(asked)["phoneNumber"]
    return asked


def _with(**more: Any) -> Spoilt:
    def spoil(scene: Scene, asked: Request) -> Request:
        assert asked.body is not None
        asked.body = {**asked.body, **more}
        return asked

    return spoil


def _asking(query: str) -> Spoilt:
    def spoil(scene: Scene, asked: Request) -> Request:
        asked.query = query
        return asked

    return spoil


def _twice(scene: Scene, asked: Request) -> Request:
    assert scene.send(asked).status_code < 300
    return asked


def _of_amount(amount: float) -> Spoilt:
    def spoil(scene: Scene, asked: Request) -> Request:
        _number(asked)["paymentAmount"]["chargingInformation"]["amount"] = amount
        return asked

    return spoil


def _clothing(scene: Scene, asked: Request) -> Request:
    meta = _number(asked)["paymentAmount"]["chargingMetaData"]
    meta["purchaseCategoryCode"] = "clothing"
    return asked


def _firm(scene: Scene, asked: Request) -> Request:
    line = Subscription.objects.get(order_number="F-1")
    Party.objects.filter(pk=line.party_id).update(segment="business")
    return asked


def _capped(scene: Scene, asked: Request) -> Request:
    line = Subscription.objects.get(order_number="F-1")
    CarrierLimits.objects.create(
        subscription=line, per_month=15, changed_at=at(DAY), changed_by="x"
    )
    return asked


def _not_yet(scene: Scene, asked: Request) -> Request:
    asked.path, asked.body = f"{PAYMENTS}/{scene.waiting}/confirm", {"phoneNumber": OTHER}
    return asked


def _after(step: str) -> Spoilt:
    def spoil(scene: Scene, asked: Request) -> Request:
        done = Request("POST", f"{PAYMENTS}/{scene.reserved}/{step}", {"phoneNumber": LINE})
        assert scene.send(done).status_code == 202
        return asked

    return spoil


def _too_often(scene: Scene, asked: Request) -> Request:
    known = CarrierPayment.objects.get(pk=scene.reserved)
    for each in range(purchasing.MOST_CODES):
        known.pk, known.reference, known.state = uuid4(), f"again-{each}", "cancelled"
        known.save(force_insert=True)
    return asked


def _wrong_code(times: int) -> Spoilt:
    def spoil(scene: Scene, asked: Request) -> Request:
        code = "000000" if scene.code["code"] != "000000" else "000001"
        asked.body = {**scene.code, "code": code}
        for _ in range(times - 1):
            scene.send(asked)
        return asked

    return spoil


def _crowded(scene: Scene, asked: Request) -> Request:
    scene.patch.setattr(selectors, "MOST_FOUND", 0)
    return asked


def _contract(**changed: Any) -> Spoilt:
    def spoil(scene: Scene, asked: Request) -> Request:
        OurMerchant.objects.update(**changed)
        return asked

    return spoil


def _of(amount: float | None, *, included: bool = True, **more: Any) -> Spoilt:
    def spoil(scene: Scene, asked: Request) -> Request:
        asked.body = back(amount, included=included, **more)
        return asked

    return spoil


def _unpaid(scene: Scene, asked: Request) -> Request:
    asked.path = asked.path.replace(scene.paid, scene.reserved)
    return asked


WAYS: Mapping[str, Spoilt | Mapping[str, Spoilt]] = {
    "UNAUTHENTICATED": _nobody,
    "PERMISSION_DENIED": _other_scope,
    "INVALID_ARGUMENT": _malformed,
    "NOT_FOUND": _unknown,
    "IDENTIFIER_NOT_FOUND": _strange_number,
    "MISSING_IDENTIFIER": _no_number,
    "SERVICE_NOT_APPLICABLE": _firm,
    "INVALID_SINK": _with(sink="ftp://shop.example"),
    "INVALID_CREDENTIAL": _with(sinkCredential={"credentialType": "PLAIN"}),
    "INVALID_TOKEN": _with(
        sinkCredential={"credentialType": "ACCESSTOKEN", "accessTokenType": "mac"}
    ),
    "OUT_OF_RANGE": _asking("?perPage=0"),
    "CARRIER_BILLING.INVALID_DATE_RANGE": _asking("?paymentCreationDate.gte=2027-01-01T00:00:00Z"),
    "CARRIER_BILLING_REFUND.INVALID_DATE_RANGE": _asking(
        "?refundCreationDate.gte=2027-01-01T00:00:00Z"
    ),
    "CARRIER_BILLING.TOO_MANY_MATCHING_RECORDS": _crowded,
    "CARRIER_BILLING_REFUND.TOO_MANY_MATCHING_RECORDS": _crowded,
    "ALREADY_EXISTS": _twice,
    "CARRIER_BILLING.PAYMENT_DENIED": {"confirmPayment": _not_yet, "*": _clothing},
    "CARRIER_BILLING.UNAUTHORIZED_AMOUNT": _of_amount(50.01),
    "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED": _capped,
    "CARRIER_BILLING.PAYMENT_CONFIRMED": _after("confirm"),
    "CARRIER_BILLING.PAYMENT_CANCELLED": _after("cancel"),
    "TOO_MANY_REQUESTS": _too_often,
    "CARRIER_BILLING.INVALID_AUTHORIZATION_ID": _with(authorizationId="x"),
    "CARRIER_BILLING.INVALID_CODE": _wrong_code(1),
    "CARRIER_BILLING.VALIDATION_FAILED": _wrong_code(3),
    "CARRIER_BILLING_REFUND.REFUND_DENIED": _contract(active=False),
    "CARRIER_BILLING_REFUND.PAYMENT_NOT_ELIGIBLE_FOR_REFUND": _contract(refund_days=0),
    "CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT": _of(6.01),
    "CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS": _unpaid,
    "CARRIER_BILLING_REFUND.TAXES_MANAGEMENT_MISMATCH": _of(1, included=False),
    "CARRIER_BILLING_REFUND.REFUND_DETAILS_MISMATCH": _of(
        1, details=[{"paymentItemId": "z", "amount": 1, "currency": "EUR", "description": "z"}]
    ),
}
UNNUMBERED = "a token of ours is a program's and names no line: only client credentials are served"
NO_RATE = "the rate of requests is bounded before the application, by the proxy"
OUT_OF_REACH: Mapping[tuple[str, str], str] = {
    ("*", "UNNECESSARY_IDENTIFIER"): UNNUMBERED,
    **{
        (operation, "TOO_MANY_REQUESTS"): NO_RATE
        for operation in OPERATIONS
        if operation != "preparePayment"
    },
    ("confirmPayment", "ALREADY_EXISTS"): "the same second step again is PAYMENT_CONFIRMED",
    ("cancelPayment", "ALREADY_EXISTS"): "the same second step again is PAYMENT_CANCELLED",
    ("cancelPayment", "SERVICE_NOT_APPLICABLE"): "what was reserved can always be given up",
    (
        "createRefund",
        "CARRIER_BILLING_REFUND.USER_AMOUNT_THRESHOLD_OVERPASSED",
    ): "no sum bounds what a customer gets back but that of the purchase",
}
STATES_OUT_OF_REACH = {
    "PaymentStatus": {"processing": "a payment is decided while it is asked for"},
    "RefundStatus": {
        "processing": "a refund is decided while it is asked for",
        "denied": "what is refused makes no refund: its request is answered with the reason",
    },
}


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_nothing_is_out_of_reach_that_no_document_names() -> None:
    for operation, code in OUT_OF_REACH:
        within = OPERATIONS if operation == "*" else (operation,)
        assert any(code in codes_of(each) for each in within), (operation, code)
    named = {code for operation in OPERATIONS for code in codes_of(operation)}
    assert set(WAYS) <= named
    assert len(named) == 33
    assert sum(len(codes_of(each)) for each in OPERATIONS) == 110


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_each_code_of_an_operation_is_answered(operation: str, scene: Scene) -> None:
    for code in sorted(codes_of(operation)):
        if (operation, code) in OUT_OF_REACH or ("*", code) in OUT_OF_REACH:
            continue
        way = WAYS[code]
        if isinstance(way, Mapping):
            way = way.get(operation) or way["*"]
        with transaction.atomic():
            answer = scene.send(way(scene, scene.right(operation)))
            transaction.set_rollback(True)
        scene.patch.undo()
        assert answer.json()["code"] == code, (operation, answer.content)
    assert scene.send(scene.right(operation)).status_code < 300, "each was refused for its reason"


def test_each_state_is_answered_or_out_of_reach(scene: Scene) -> None:
    """How payments come into each `test_carrier_billing` shows."""
    shown: dict[str, set[str]] = {"PaymentStatus": set(), "RefundStatus": set()}
    paid = CarrierPayment.objects.filter(pk=scene.paid)
    for state in PaymentState:
        paid.update(state=state, paid_at=at(DAY) if state is PaymentState.SUCCEEDED else None)
        told = scene.send(scene.right("retrievePayment")).json()
        shown["PaymentStatus"].add(told["paymentStatus"])
    told = scene.send(scene.right("retrieveRefund")).json()
    shown["RefundStatus"].add(told["refundStatus"])
    for document in DOCUMENTS.values():
        for name, described in document["components"]["parameters"].items():
            if name in shown:
                known = set(described["schema"]["items"]["enum"])
                assert shown[name] | set(STATES_OUT_OF_REACH[name]) == known
                assert not shown[name] & set(STATES_OUT_OF_REACH[name])


@pytest.fixture
def signals() -> Iterator[None]:
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_no_request_leads_beyond_the_documents(name: str, scene: Scene, signals: None) -> None:
    described = schemathesis.openapi.from_dict(DOCUMENTS[name])
    described.app = within_the_test
    found: list[Any] = [each.ok() for each in cast("Any", described.get_all_operations())]
    assert len(found) == {"carrier-billing": 7, "carrier-billing-refund": 4}[name]
    payments = [scene.paid, scene.reserved, scene.waiting]
    reached: set[int] = set()

    def hold(case: Any, real: bool, payment: str, caller: Mapping[str, str]) -> None:
        if real:
            _made_real(case, scene, payment=payment)
        with transaction.atomic():
            answer = case.call_and_validate(headers=dict(caller), checks=CHECKS)
            transaction.set_rollback(True)
        reached.add(answer.status_code)

    callers = st.sampled_from([scene.lune.headers, scene.lune.headers, scene.lune.headers, {}])
    for operation in found:
        strategy = st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        )
        bounded = hypothesis_settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        made = given(
            case=strategy,
            real=st.booleans(),
            payment=st.sampled_from(payments),
            caller=callers,
        )
        seed(2026)(bounded(made(hold)))()
    assert {200, 400, 401, 404} <= reached


def _made_real(case: Any, scene: Scene, *, payment: str) -> None:
    """About things that are there, so that not every request ends at an unknown id."""
    ids = {"paymentId": payment, "refundId": scene.refund}
    if case.path_parameters:
        case.path_parameters = {
            name: ids.get(name, value) for name, value in case.path_parameters.items()
        }
    if not isinstance(case.body, dict):
        return
    if "phoneNumber" in case.body:
        case.body["phoneNumber"] = LINE
    told = case.body.get("amountTransaction")
    if isinstance(told, dict):
        told["phoneNumber"] = LINE
    if "authorizationId" in case.body:
        case.body |= scene.code
