"""A merchant fetches his closed months with his own credentials: the same bytes with their digest,
and nobody else's."""

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
import yaml
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from schemathesis import GenerationMode

from commerce.accounts.services.organisations import Company
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.money import Money
from subscriptions.carrier.services import settling
from subscriptions.domain.carrier import Category, Selling
from tests.api.conftest import token_of
from tests.api.test_carrier_billing import DAY, Merchant, merchant
from tests.api.test_openapi import CHECKS, within_the_test
from tests.integration.subscriptions.contracts import at, begun, person, plan
from tests.integration.subscriptions.test_carrier_billing import operator

pytestmark = pytest.mark.django_db
STATEMENTS = "/carrier-billing-statements/v1/statements"
NOVEMBER, CLOSED = f"{STATEMENTS}/2026-11", date(2026, 12, 3)
DOCUMENT = yaml.safe_load(
    (Path(__file__).parents[2] / "docs" / "carrier-billing-statements.yaml").read_text()
)


class Program:
    """A merchant's, at its statements."""

    def __init__(self, seller: Merchant) -> None:
        self.headers = seller.headers

    def get(self, path: str, **headers: str) -> Any:
        """The answer, with all that it sends piece by piece."""
        answer = Client().get(path, headers={**self.headers, **headers})
        if answer.streaming:
            whole = HttpResponse(answer.getvalue(), status=answer.status_code)
            whole.headers = answer.headers
            whole.json = lambda: json.loads(whole.content)  # type: ignore[attr-defined]
            return whole
        return answer


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def lune() -> Program:
    """In November he sold for 10.00 and 4.99, gave 4.00 back, and the month is closed."""
    begun("F-1", [plan()], party=person(), on=date(2026, 11, 10))
    seller = Merchant(merchant())
    payment = seller.pay(10, reference="=r-1", description="=1+1").json()["paymentId"]
    seller.pay(4.99, reference="r-2")
    seller.refund(payment, 4, reference="b-1")
    with business_time_fixed(at(CLOSED)):
        assert settling.close(date(2026, 11, 1), by="x") == 1
    return Program(seller)


def test_a_closed_month_is_a_file_with_its_digest(lune: Program) -> None:
    answer = lune.get(NOVEMBER)
    told = answer.json()
    schema = {
        "$ref": "#/components/schemas/StatementWithLines",
        "components": DOCUMENT["components"],
    }
    Draft202012Validator(schema).validate(told)
    amounts = {name: told[name] for name in ("sold", "givenBack", "net", "due", "commission")}
    assert amounts == {
        "sold": "14.99",
        "givenBack": "4.00",
        "net": "9.16",
        "due": "6.41",
        "commission": "0.00",
    }
    lines = {(row["kind"], row["reference"], row["gross"]) for row in told["lines"]}
    assert len(told["lines"]) == 3
    assert lines == {
        ("purchase", "=r-1", "10.00"),
        ("purchase", "r-2", "4.99"),
        ("refund", "b-1", "-4.00"),
    }
    total = sum(Decimal(row["gross"]) for row in told["lines"])
    assert total == Decimal(told["sold"]) - Decimal(told["givenBack"])
    digest = sha256(answer.content)
    assert answer.headers["Repr-Digest"] == f"sha-256=:{b64encode(digest.digest()).decode()}:"
    assert answer.headers["ETag"] == f'"{digest.hexdigest()}"'
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert lune.get(NOVEMBER).content == answer.content
    (listed,) = lune.get(STATEMENTS).json()
    assert {**listed, "lines": told["lines"]} == told


def test_it_is_a_table_too_with_no_formula_in_it(lune: Program) -> None:
    answer = lune.get(NOVEMBER, Accept="text/csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="lune-2026-11.csv"'
    liked_less = lune.get(NOVEMBER, Accept="application/json, text/csv;q=0.1")
    assert liked_less.headers["Content-Type"] == "application/json"
    rows = [row.split(";") for row in answer.content.decode().strip().split("\r\n")]
    assert rows[0] == ["day", "kind", "reference", "payment", "service", "gross", "net"]
    assert len(rows) == 4
    assert {(row[2], row[4], row[5]) for row in rows[1:]} == {
        ("'=r-1", "'=1+1", "10.00"),
        ("r-2", "Lune+", "4.99"),
        ("b-1", "'=1+1", "-4.00"),
    }


def test_who_has_it_is_told_so_until_it_says_more(lune: Program) -> None:
    tag = lune.get(NOVEMBER).headers["ETag"]
    for known in (f'"other", {tag}', f"W/{tag}", "*"):  # who compresses on the way makes it weak
        again = lune.get(NOVEMBER, **{"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert lune.get(NOVEMBER, **{"If-None-Match": '"other"'}).status_code == 200
    table = lune.get(NOVEMBER, Accept="text/csv").headers["ETag"]
    with business_time_fixed(at(CLOSED)):
        settling.pay_out(context=operator(), code="lune", amount=Money.of("6.41"), reference="V-7")
    paid = lune.get(NOVEMBER, **{"If-None-Match": tag})
    assert (paid.status_code, paid.json()["transferReference"]) == (200, "V-7")
    assert lune.get(NOVEMBER, Accept="text/csv").headers["ETag"] == table, "its lines stand"


def test_a_merchant_has_his_own_closed_months_alone(lune: Program) -> None:
    soleil = Program(Merchant(merchant("soleil")))
    assert soleil.get(STATEMENTS).json() == []
    for who, path in ((soleil, NOVEMBER), (lune, f"{STATEMENTS}/2026-12")):
        answer = who.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    for month in ("2026-13", "november", "0000-01"):
        answer = lune.get(f"{STATEMENTS}/{month}")
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_ARGUMENT")
    assert Client().get(NOVEMBER).status_code == 401
    program = {"client_id": "lune-id", "client_secret": "lune-secret"}
    token = token_of(program, scope="carrier-billing:payments:create")
    other_scope = Client().get(NOVEMBER, headers={"Authorization": f"Bearer {token}"})
    assert (other_scope.status_code, other_scope.json()["code"]) == (403, "PERMISSION_DENIED")


def test_the_invoice_of_our_commission_is_his_alone(lune: Program) -> None:
    """He sold for 12.00, 10.00 without tax, and keeps 70 %."""
    metro = Merchant(
        merchant(
            "metro",
            selling=Selling.TOLD,
            categories=(Category.TICKET,),
            company=Company("Métro SA", "732829320", "1 quai", "33000", "Bordeaux"),
        )
    )
    assert metro.pay(12, category="transport").status_code == 201
    with business_time_fixed(at(CLOSED)):
        assert settling.close(date(2026, 11, 1), by="x") == 1
    his = Program(metro)
    told = his.get(NOVEMBER).json()
    sums = (told["commission"], told["commissionTax"], told["due"], told["commissionInvoice"])
    assert sums == ("3.00", "0.60", "8.40", "CO-2026-0000001")
    xml = his.get(f"{NOVEMBER}/commission", Accept="application/xml")
    assert (xml.status_code, xml.headers["Content-Type"]) == (200, "application/xml")
    assert "CO-2026-0000001" in xml.content.decode()
    pdf = his.get(f"{NOVEMBER}/commission")
    assert (pdf.headers["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    for who, month in ((lune, NOVEMBER), (his, f"{STATEMENTS}/2026-12")):
        answer = who.get(f"{month}/commission")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_no_request_leads_beyond_the_document(lune: Program) -> None:
    described = schemathesis.openapi.from_dict(DOCUMENT)
    described.app = within_the_test
    found: list[Any] = [each.ok() for each in cast("Any", described.get_all_operations())]
    reached: set[int] = set()

    def hold(case: Any, real: bool, caller: dict[str, str]) -> None:
        if real and case.path_parameters:
            case.path_parameters = {"month": "2026-11"}
        reached.add(case.call_and_validate(headers=dict(caller), checks=CHECKS).status_code)

    try:
        for operation in found:
            strategy = st.one_of(
                operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
                operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
            )
            bounded = hypothesis_settings(
                max_examples=15,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            callers = st.sampled_from([lune.headers, lune.headers, {}])
            made = given(case=strategy, real=st.booleans(), caller=callers)
            seed(2026)(bounded(made(hold)))()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    assert {200, 401, 404} <= reached
    assert len(found) == 3
