"""CAMARA Carrier Billing 0.5 and Carrier Billing Refund 0.3: every answer is one that the documents
of CAMARA name, and nobody charges more, or sees more, than he may."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from commerce.accounts.models import Party
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed
from commerce.notifications.models import Message
from subscriptions.carrier.models import CarrierDenial, CarrierLimits, CarrierPayment, SinkMessage
from subscriptions.carrier.services import confirming, finishing, purchasing
from subscriptions.carrier.services.merchants import MerchantContract, take_on
from subscriptions.domain.carrier import Category
from subscriptions.models import BillingAccount, Subscription, SubscriptionBlock
from tests.api.conftest import token_of
from tests.integration.subscriptions.contracts import at, begun, person, plan

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 22)
LINE = "+33639980001"
PAYMENTS = "/carrier-billing/v0.5/payments"
REFUNDS = "/carrier-billing-refund/v0.3/payments"
SCOPES = " ".join(
    (
        *("carrier-billing:payments:create", "carrier-billing:payments:write"),
        *("carrier-billing:payments:read", "carrier-billing-refund:refunds:create"),
        "carrier-billing-refund:refunds:read",
    )
)
DOCUMENTS = {
    name: yaml.safe_load((Path(__file__).parent / "camara" / f"{name}.yaml").read_text())
    for name in ("carrier-billing", "carrier-billing-refund")
}


def documented(answer: Any, *, method: str, path: str) -> None:
    """The answer is one of CAMARA's document: its status, code and shape."""
    name = path.split("/")[1]
    inside = re.sub(r"[0-9a-f-]{36}", "{paymentId}", path.split(name)[1][5:], count=1)
    inside = re.sub(r"[0-9a-f-]{36}", "{refundId}", inside.partition("?")[0])
    document = DOCUMENTS[name]
    found = document["paths"][inside][method.lower()]["responses"]
    assert str(answer.status_code) in found, (answer.status_code, answer.content)
    told = found[str(answer.status_code)]
    if "$ref" in told:
        told = document["components"]["responses"][told["$ref"].rpartition("/")[2]]
    content = told.get("content")
    if content is None:
        assert answer.content == b""
        return
    schema = content["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())


class Merchant:
    """A merchant's program."""

    def __init__(self, who: Mapping[str, str], *, scope: str = SCOPES) -> None:
        self.browser = Client()
        self.headers = {"Authorization": f"Bearer {token_of(who, scope=scope)}"}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.browser.generic(
            method,
            path,
            b"" if body is None else json.dumps(body),
            content_type="application/json",
            headers={**self.headers, **headers},
        )
        documented(answer, method=method, path=path)
        return answer

    def get(self, path: str) -> Any:
        return self.send("GET", path)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def pay(self, amount: float = 4.99, **more: Any) -> Any:
        return self.post(PAYMENTS, purchase(amount, **more))

    def prepare(self, amount: float = 4.99, **more: Any) -> Any:
        return self.post(f"{PAYMENTS}/prepare", purchase(amount, **more))

    def refund(self, payment: str, amount: float | None = None, **more: Any) -> Any:
        return self.post(f"{REFUNDS}/{payment}/refunds", back(amount, **more))


def purchase(amount: float = 4.99, **more: Any) -> dict[str, Any]:
    sink: dict[str, Any] = {
        name: more.pop(name) for name in ("sink", "sinkCredential") if name in more
    }
    charging = {
        "amount": amount,
        "currency": more.pop("currency", "EUR"),
        "description": more.pop("description", "Lune+"),
        "isTaxIncluded": more.pop("included", True),
    }
    if "tax" in more:
        charging["taxAmount"] = more.pop("tax")
    told = {
        "phoneNumber": more.pop("number", LINE),
        "referenceCode": more.pop("reference", f"ref-{uuid4()}"),
        "paymentAmount": {
            "chargingInformation": charging,
            "chargingMetaData": {"purchaseCategoryCode": more.pop("category", "press")},
        },
    }
    if "details" in more:
        told["paymentAmount"]["paymentDetails"] = more.pop("details")
    if "correlator" in more:
        told["clientCorrelator"] = more.pop("correlator")
    if not told["phoneNumber"]:
        del told["phoneNumber"]
    assert not more, more
    return {"amountTransaction": told, **sink}


def back(amount: float | None = None, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if amount is not None:
        given["chargingInformation"] = {
            "amount": amount,
            "currency": "EUR",
            "description": "Lune+",
            "isTaxIncluded": more.pop("included", True),
        }
    if "details" in more:
        given["refundDetails"] = more.pop("details")
    told = {"referenceCode": more.pop("reference", f"back-{uuid4()}"), "refundAmount": given}
    if "correlator" in more:
        told["clientCorrelator"] = more.pop("correlator")
    return {
        "type": "total" if amount is None else "partial",
        "reason": "not delivered",
        "amountTransaction": told,
        **more,
    }


def merchant(code: str = "lune", **more: Any) -> dict[str, str]:
    who = {"client_id": f"{code}-id", "client_secret": f"{code}-secret"}
    take_on(
        MerchantContract(
            code=code,
            name="Éditions Lune",
            email=f"{code}@example.test",
            support="0800 000 001",
            categories=more.pop("categories", (Category.DIGITAL, Category.TICKET)),
            tax_class="standard",
            tax_rate=Decimal(20),
            share=Decimal(70),
            confirms_himself=more.pop("confirms_himself", True),
            **more,
        ),
        **who,
    )
    return who


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def line() -> Subscription:
    begun("F-1", [plan()], party=person(), on=date(2026, 11, 10))
    return Subscription.objects.get()


@pytest.fixture
def lune(line: Subscription) -> Merchant:
    return Merchant(merchant())


def code_of(payment: str) -> str:
    """The code that the customer was sent."""
    text = Message.objects.get(reference=f"carrier_code/{payment}").text
    found = re.search(r"\b\d{6}\b", text)
    assert found is not None
    return found[0]


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_one_step_charges_and_tells_the_customer(lune: Merchant, line: Subscription) -> None:
    made = lune.pay(4.99, reference="r-1")
    assert made.status_code == 201
    told = made.json()
    assert (told["paymentStatus"], told["amountTransaction"]["phoneNumber"]) == ("succeeded", LINE)
    row = CarrierPayment.objects.get(pk=told["paymentId"])
    assert (str(row.net), str(row.gross), row.subscription_id) == ("4.16", "4.99", line.pk)
    text = Message.objects.get(reference=f"carrier_paid/{row.pk}").text
    for each in (
        "Lune+",
        "Éditions Lune",
        "4,99 €",
        "0800 000 001",
        f"/lines/{line.pk}/purchases/",
    ):
        assert each in text
    assert lune.get(f"{PAYMENTS}/{row.pk}").json() == told


def test_a_merchant_is_taken_on_by_a_command(line: Subscription) -> None:
    told = StringIO()
    call_command(
        *("take_on_merchant", "soleil", "Radio Soleil", "s@example.test", "0800 000 002"),
        *("--share", "60", "--category", "digital", "--monthly", "radio=3.99"),
        stdout=told,
    )
    who = dict(row.split(" ") for row in told.getvalue().strip().split("\n"))
    assert Merchant(who).prepare(3.99).status_code == 201


def test_the_correlator_of_a_request_comes_back(lune: Merchant) -> None:
    answer = lune.post(PAYMENTS, purchase(), **{"x-correlator": "b4333c46:49c0"})
    assert answer.headers["x-correlator"] == "b4333c46:49c0"
    wrong = lune.post(PAYMENTS, purchase(), **{"x-correlator": "a b"})
    assert refused(wrong) == (400, "INVALID_ARGUMENT")


def test_the_same_correlator_charges_once(lune: Merchant) -> None:
    asked = purchase(4.99, reference="r-1", correlator="c-1")
    first, again = lune.post(PAYMENTS, asked), lune.post(PAYMENTS, asked)
    assert again.json() == first.json()
    other = lune.pay(9.99, reference="r-2", correlator="c-1")
    assert refused(other) == (400, "INVALID_ARGUMENT")
    taken = lune.pay(4.99, reference="r-1", correlator="c-2")
    assert refused(taken) == (409, "ALREADY_EXISTS")
    assert CarrierPayment.objects.count() == 1


def test_two_steps_with_the_customers_code(lune: Merchant) -> None:
    made = lune.prepare(12.50).json()
    payment, authorization = made["paymentId"], made["validationInfo"]["authorizationId"]
    assert made["paymentStatus"] == "pending_validation"
    early = lune.post(f"{PAYMENTS}/{payment}/confirm", {"phoneNumber": LINE})
    assert refused(early) == (403, "CARRIER_BILLING.PAYMENT_DENIED")
    code = {"authorizationId": authorization, "code": code_of(payment)}
    wrong_one = lune.post(f"{PAYMENTS}/{payment}/validate", {**code, "authorizationId": "x"})
    assert refused(wrong_one) == (400, "CARRIER_BILLING.INVALID_AUTHORIZATION_ID")
    assert lune.post(f"{PAYMENTS}/{payment}/validate", code).status_code == 204
    twice = lune.post(f"{PAYMENTS}/{payment}/validate", code)
    assert refused(twice) == (409, "ALREADY_EXISTS")
    nameless = lune.post(f"{PAYMENTS}/{payment}/confirm", {})
    assert refused(nameless) == (422, "MISSING_IDENTIFIER")
    stranger = lune.post(f"{PAYMENTS}/{payment}/confirm", {"phoneNumber": "+33639980009"})
    assert refused(stranger) == (404, "IDENTIFIER_NOT_FOUND")
    assert lune.post(f"{PAYMENTS}/{payment}/confirm", {"phoneNumber": LINE}).status_code == 202
    assert lune.get(f"{PAYMENTS}/{payment}").json()["paymentStatus"] == "succeeded"
    for step in ("confirm", "cancel"):
        late = lune.post(f"{PAYMENTS}/{payment}/{step}", {"phoneNumber": LINE})
        assert refused(late) == (409, "CARRIER_BILLING.PAYMENT_CONFIRMED")


def test_the_third_wrong_code_denies_the_payment(lune: Merchant) -> None:
    made = lune.prepare().json()
    payment = made["paymentId"]
    right = code_of(payment)
    asked = {**made["validationInfo"], "code": "000000" if right != "000000" else "000001"}
    del asked["action"]
    told = [refused(lune.post(f"{PAYMENTS}/{payment}/validate", asked)) for _ in range(3)]
    assert [code for _, code in told] == [
        "CARRIER_BILLING.INVALID_CODE",
        "CARRIER_BILLING.INVALID_CODE",
        "CARRIER_BILLING.VALIDATION_FAILED",
    ]
    late = lune.post(f"{PAYMENTS}/{payment}/validate", {**asked, "code": right})
    assert refused(late) == (400, "CARRIER_BILLING.VALIDATION_FAILED")
    assert lune.get(f"{PAYMENTS}/{payment}").json()["paymentStatus"] == "denied"
    assert not Message.objects.filter(code="carrier_paid").exists()


def test_the_code_is_among_nobodys_messages(lune: Merchant) -> None:
    made = lune.prepare().json()
    assert Message.objects.get(reference=f"carrier_code/{made['paymentId']}").party_id is None


def test_one_code_at_a_time(lune: Merchant) -> None:
    payment = lune.prepare().json()["paymentId"]
    assert refused(lune.prepare()) == (409, "ALREADY_EXISTS")
    assert lune.post(f"{PAYMENTS}/{payment}/cancel", {"phoneNumber": LINE}).status_code == 202
    again = lune.post(f"{PAYMENTS}/{payment}/cancel", {"phoneNumber": LINE})
    assert refused(again) == (409, "CARRIER_BILLING.PAYMENT_CANCELLED")
    assert lune.prepare().status_code == 201


def test_a_customer_is_not_asked_again_and_again(lune: Merchant) -> None:
    for _ in range(purchasing.MOST_CODES):
        payment = lune.prepare().json()["paymentId"]
        lune.post(f"{PAYMENTS}/{payment}/cancel", {"phoneNumber": LINE})
    assert refused(lune.prepare()) == (429, "TOO_MANY_REQUESTS")
    assert lune.pay().status_code == 201
    with business_time_fixed(at(DAY + timedelta(days=1))):
        assert lune.prepare().status_code == 201


def test_a_code_is_worth_nothing_after_its_quarter_of_an_hour(lune: Merchant) -> None:
    made = [lune.prepare().json()]
    payment = made[0]["paymentId"]
    code = {
        "authorizationId": made[0]["validationInfo"]["authorizationId"],
        "code": code_of(payment),
    }
    with business_time_fixed(at(DAY) + timedelta(minutes=15)):
        late = lune.post(f"{PAYMENTS}/{payment}/validate", code)
        assert refused(late) == (400, "CARRIER_BILLING.VALIDATION_FAILED")
    assert lune.post(f"{PAYMENTS}/{payment}/validate", code).status_code == 204
    with business_time_fixed(at(DAY) + timedelta(minutes=15)):
        late = lune.post(f"{PAYMENTS}/{payment}/confirm", {"phoneNumber": LINE})
        assert refused(late) == (409, "CARRIER_BILLING.PAYMENT_CANCELLED")
    assert not CarrierPayment.objects.filter(state="succeeded").exists()


def test_what_nobody_confirms_is_cancelled_after_a_quarter_of_an_hour(lune: Merchant) -> None:
    payment = lune.prepare(50).json()["paymentId"]
    timer = Timer.objects.get(handler=finishing.EXPIRY)
    assert timer.due_at - at(DAY) == timedelta(minutes=15)
    confirming.on_expiry_due(timer.payload)
    confirming.on_expiry_due(timer.payload)
    assert lune.get(f"{PAYMENTS}/{payment}").json()["paymentStatus"] == "cancelled"
    assert [lune.pay(50).status_code for _ in range(6)] == [201] * 6, "the cap is free again"


def test_the_caps_of_the_law(lune: Merchant) -> None:
    assert refused(lune.pay(50.01)) == (422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT")
    assert refused(lune.pay(41.67, included=False, tax=8.34)) == (
        *(422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT"),
    )
    assert lune.pay(41.667, included=False).status_code == 201, "50.00 with its tax"
    assert [lune.pay(50).status_code for _ in range(4)] == [201] * 4
    held = lune.prepare(50).json()["paymentId"]
    over = lune.pay(0.01)
    assert refused(over) == (422, "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED")
    lune.post(f"{PAYMENTS}/{held}/cancel", {"phoneNumber": LINE})
    assert lune.pay(0.01).status_code == 201, "what is given up counts no more"
    with business_time_fixed(at(date(2026, 12, 1))):
        assert lune.pay(50).status_code == 201, "a month of the calendar later"
    rules = CarrierDenial.objects.order_by("pk").values_list("rule", flat=True)
    assert list(rules) == ["over_purchase_cap", "over_purchase_cap", "over_month_cap"]


def test_what_the_customer_chose(lune: Merchant, line: Subscription) -> None:
    chosen = CarrierLimits.objects.create(
        subscription=line, per_month=Decimal(10), changed_at=at(DAY), changed_by="x"
    )
    assert lune.pay(10).status_code == 201
    assert refused(lune.pay(0.01)) == (422, "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED")
    for blocks in ({"categories": ["digital"]}, {"merchants": ["lune"]}, {"blocked": True}):
        CarrierLimits.objects.filter(pk=chosen.pk).update(
            **{"per_month": None, "categories": [], "merchants": [], **blocks}
        )
        assert refused(lune.pay(1)) == (403, "CARRIER_BILLING.PAYMENT_DENIED"), blocks


def test_a_reservation_is_looked_at_again_when_it_is_confirmed(
    lune: Merchant, line: Subscription
) -> None:
    made = lune.prepare().json()
    payment = made["paymentId"]
    code = {
        "authorizationId": made["validationInfo"]["authorizationId"],
        "code": code_of(payment),
    }
    lune.post(f"{PAYMENTS}/{payment}/validate", code)
    SubscriptionBlock.objects.create(subscription=line, kind="lost_sim", since=at(DAY))
    denied = lune.post(f"{PAYMENTS}/{payment}/confirm", {"phoneNumber": LINE})
    assert refused(denied) == (403, "CARRIER_BILLING.PAYMENT_DENIED")
    row = CarrierPayment.objects.get(pk=payment)
    assert (row.state, row.denied_for) == ("denied", "line_blocked")


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"number": "+33639980009"}, 404, "IDENTIFIER_NOT_FOUND"),
        ({"number": "+4915112345678"}, 404, "IDENTIFIER_NOT_FOUND"),
        ({"number": ""}, 422, "MISSING_IDENTIFIER"),
        ({"number": "0639980001"}, 400, "INVALID_ARGUMENT"),
        ({"currency": "USD"}, 400, "INVALID_ARGUMENT"),
        ({"amount": 0}, 400, "INVALID_ARGUMENT"),
        ({"amount": 1.2345}, 400, "INVALID_ARGUMENT"),
        ({"amount": "4.99"}, 400, "INVALID_ARGUMENT"),
        ({"tax": 3.0}, 400, "INVALID_ARGUMENT"),
        ({"category": "clothing"}, 403, "CARRIER_BILLING.PAYMENT_DENIED"),
        ({"category": "calls"}, 403, "CARRIER_BILLING.PAYMENT_DENIED"),
        ({"sink": "http://shop.example/e"}, 400, "INVALID_SINK"),
        ({"sink": "https://127.0.0.1/e"}, 400, "INVALID_SINK"),
        ({"sinkCredential": {"credentialType": "PLAIN"}}, 400, "INVALID_CREDENTIAL"),
        (
            {"sinkCredential": {"credentialType": "ACCESSTOKEN", "accessTokenType": "mac"}},
            *(400, "INVALID_TOKEN"),
        ),
        (
            {"sinkCredential": {"credentialType": "ACCESSTOKEN", "accessToken": "é x"}},
            *(400, "INVALID_ARGUMENT"),
        ),
        (
            {"details": [{"id": "a", "amount": 1, "currency": "EUR", "description": "x"}]},
            *(400, "INVALID_ARGUMENT"),
        ),
    ],
)
def test_what_is_wrong_is_said_and_charges_nothing(
    lune: Merchant, changed: dict[str, Any], status: int, code: str, settings: Any
) -> None:
    settings.WEBHOOKS_STAY_HOME = False
    assert refused(lune.pay(**changed)) == (status, code)
    assert not CarrierPayment.objects.exists()


def test_one_step_needs_a_contract_that_allows_it(line: Subscription) -> None:
    careful = Merchant(merchant("soleil", confirms_himself=False))
    assert refused(careful.pay()) == (403, "CARRIER_BILLING.PAYMENT_DENIED")
    assert CarrierDenial.objects.get().rule == "needs_confirmation"
    assert careful.prepare().status_code == 201


def test_a_merchant_sees_his_own_payments_alone(lune: Merchant) -> None:
    soleil = Merchant(merchant("soleil"))
    payment = lune.pay().json()["paymentId"]
    assert refused(soleil.get(f"{PAYMENTS}/{payment}")) == (404, "NOT_FOUND")
    assert soleil.get(PAYMENTS).json() == []
    assert refused(soleil.refund(payment)) == (404, "NOT_FOUND")
    for step in ("confirm", "cancel"):
        foreign = soleil.post(f"{PAYMENTS}/{payment}/{step}", {"phoneNumber": LINE})
        assert refused(foreign) == (404, "NOT_FOUND")
    for path in ("refunds", "refunds/remaining-amount", f"refunds/{uuid4()}"):
        assert refused(soleil.get(f"{REFUNDS}/{payment}/{path}")) == (404, "NOT_FOUND")


def test_who_is_no_merchant_may_nothing(lune: Merchant) -> None:
    nobody = Client().get(PAYMENTS)
    documented(nobody, method="GET", path=PAYMENTS)
    assert refused(nobody) == (401, "UNAUTHENTICATED")
    reader = Merchant(
        {"client_id": "lune-id", "client_secret": "lune-secret"},
        scope="carrier-billing:payments:read",
    )
    assert reader.get(PAYMENTS).status_code == 200
    assert refused(reader.pay()) == (403, "PERMISSION_DENIED")
    for ours in ("/api/v1/me", "/api/v1/invoices", "/api/v1/offerings"):
        assert Client().get(ours, headers=lune.headers).status_code == 403


def test_the_list_of_payments(lune: Merchant) -> None:
    paid = [lune.pay(1 + n).json()["paymentId"] for n in range(3)]
    held = lune.prepare().json()["paymentId"]
    first = lune.get(f"{PAYMENTS}?perPage=3&order=asc")
    assert (first.headers["X-Total-Count"], first.headers["Content-Last-Key"]) == ("4", "3")
    second = lune.get(f"{PAYMENTS}?perPage=3&page=2&order=asc")
    listed = [each["paymentId"] for each in (*first.json(), *second.json())]
    assert sorted(listed) == sorted([*paid, held])
    waiting = lune.get(f"{PAYMENTS}?paymentStatus=pending_validation")
    assert [each["paymentId"] for each in waiting.json()] == [held]
    later = lune.get(f"{PAYMENTS}?paymentCreationDate.lte=2026-11-21T00:00:00Z")
    assert later.json() == []
    for query, code in {
        "perPage=0": "OUT_OF_RANGE",
        "perPage=101": "OUT_OF_RANGE",
        "page=x": "INVALID_ARGUMENT",
        "page=--5": "INVALID_ARGUMENT",
        "page=00000000000199999999999999999999": "INVALID_ARGUMENT",
        "merchantIdentifier=%00": "INVALID_ARGUMENT",
        "order=up": "INVALID_ARGUMENT",
        "paymentStatus=gone": "INVALID_ARGUMENT",
        "paymentCreationDate.gte=2026-12-01T00:00:00Z": "CARRIER_BILLING.INVALID_DATE_RANGE",
    }.items():
        assert refused(lune.get(f"{PAYMENTS}?{query}")) == (400, code), query


def test_refunds_in_parts_and_the_rest(lune: Merchant) -> None:
    payment = lune.pay(10).json()["paymentId"]
    part = lune.refund(payment, 4).json()
    assert (part["type"], part["refundStatus"]) == ("partial", "succeeded")
    remaining = f"{REFUNDS}/{payment}/refunds/remaining-amount"
    assert lune.get(remaining).json()["amount"] == 6
    too_much = (422, "CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT")
    assert refused(lune.refund(payment, 6.01)) == too_much
    foreign = back(1)
    foreign["amountTransaction"]["refundAmount"]["chargingInformation"]["currency"] = "USD"
    in_dollars = lune.post(f"{REFUNDS}/{payment}/refunds", foreign)
    assert refused(in_dollars) == (400, "INVALID_ARGUMENT")
    other_terms = lune.refund(payment, 1, included=False)
    assert refused(other_terms) == (422, "CARRIER_BILLING_REFUND.TAXES_MANAGEMENT_MISMATCH")
    whole = lune.refund(payment).json()
    assert lune.get(remaining).json()["amount"] == 0
    assert refused(lune.refund(payment, 1)) == too_much
    listed = lune.get(f"{REFUNDS}/{payment}/refunds?order=asc").json()
    assert {each["refundId"] for each in listed} == {part["refundId"], whole["refundId"]}
    assert lune.get(f"{REFUNDS}/{payment}/refunds/{part['refundId']}").json() == part
    wrong = lune.get(f"{REFUNDS}/{payment}/refunds?refundCreationDate.gte=2026-12-22T00:00:00Z")
    assert refused(wrong) == (400, "CARRIER_BILLING_REFUND.INVALID_DATE_RANGE")


def test_a_refund_is_made_once_and_of_what_was_paid(lune: Merchant) -> None:
    details = [
        {"id": id_, "amount": 5, "currency": "EUR", "description": id_, "isTaxIncluded": True}
        for id_ in ("a", "b")
    ]
    payment = lune.pay(10, details=details).json()["paymentId"]
    asked = back(2, reference="b-1", correlator="c-1")
    path = f"{REFUNDS}/{payment}/refunds"
    assert lune.post(path, asked).json() == lune.post(path, asked).json()
    assert refused(lune.refund(payment, 3, correlator="c-1")) == (400, "INVALID_ARGUMENT")
    assert refused(lune.refund(payment, 2, reference="b-1")) == (409, "ALREADY_EXISTS")
    item = {"paymentItemId": "z", "amount": 2, "currency": "EUR", "description": "z"}
    strange = lune.refund(payment, 2, details=[item])
    assert refused(strange) == (422, "CARRIER_BILLING_REFUND.REFUND_DETAILS_MISMATCH")
    known = lune.refund(payment, 2, details=[{**item, "paymentItemId": "a"}])
    assert known.status_code == 201
    held = lune.prepare(5).json()["paymentId"]
    early = lune.refund(held)
    assert refused(early) == (422, "CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS")
    sized = lune.post(path, {**back(), "type": "partial"})
    assert refused(sized) == (400, "INVALID_ARGUMENT")


def test_events_are_cloud_events_with_the_merchants_token(lune: Merchant) -> None:
    sink: dict[str, Any] = {
        "sink": "https://shop.example/events",
        "sinkCredential": {
            "credentialType": "ACCESSTOKEN",
            "accessToken": "secret-token",
            "accessTokenExpiresUtc": "2030-01-01T00:00:00Z",
            "accessTokenType": "bearer",
        },
    }
    made = lune.prepare(**sink).json()
    payment = made["paymentId"]
    assert made["sink"] == "https://shop.example/events"
    code = {
        "authorizationId": made["validationInfo"]["authorizationId"],
        "code": code_of(payment),
    }
    lune.post(f"{PAYMENTS}/{payment}/validate", code)
    lune.post(f"{PAYMENTS}/{payment}/confirm", {"phoneNumber": LINE})
    BillingAccount.objects.update(next_bill_on=date(2026, 12, 10))
    lune.refund(payment, 1, **sink)
    rows = SinkMessage.objects.order_by("created_at")
    events = [json.loads(row.body) for row in rows]
    assert [event["type"].rpartition(".")[2] for event in events] == [
        *("payment-pending-validation", "payment-reserved", "payment-completed"),
        *("refund-completed", "refund-in-bill"),
    ]
    for row, event in zip(rows, events, strict=True):
        document = DOCUMENTS["carrier-billing-refund" if "refund" in event["type"] else
                             "carrier-billing"]  # fmt: skip
        mapping = document["components"]["schemas"]["CloudEvent"]["discriminator"]["mapping"]
        schema = {"$ref": mapping[event["type"]], "components": document["components"]}
        Draft202012Validator(schema).validate(event)
        assert "secret-token" not in row.credential
        assert row.credential
    assert Party.objects.filter(kind="merchant").count() == 1
