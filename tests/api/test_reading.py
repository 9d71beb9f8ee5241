"""Offers, contracts and bills: exact values, and as many queries for many as for few."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.accounts.models import Organisation, Party
from commerce.kernel.clock import business_time_fixed
from subscriptions.domain.buyers import BuyerCodes
from subscriptions.invoicing.selectors import bills_of
from tests.api.conftest import Api, money
from tests.api.test_carts_and_orders import CONSENTS, filled
from tests.integration.subscriptions.contracts import SIX_FREE, at, begun, plan, run


def test_a_handset_is_shown_with_the_cheapest_plan_at_its_price(visitor: Api) -> None:
    found = visitor.get("offerings/ardoval-x2-128-nuit").json()
    price = found["price"]
    assert (price["basis"], price["plan"], price["term_months"]) == ("TTC", "horizon-130", 24)
    assert [(phase["periods"], phase["amount"]) for phase in price["monthly"]] == [
        (6, money("0.00")),
        (None, money("19.99")),
    ]
    assert "six-free" in [promotion["code"] for promotion in price["promotions"]]
    there = {"available": 104, "lead_days": 1, "back_order_on": None, "coming": 0}
    assert found["stock"] == there
    ahead = visitor.get("offerings/ombrine-s1-pro-256-encre").json()["stock"]
    assert (ahead["available"], ahead["coming"], ahead["back_order_on"]) == (0, 20, "2026-12-08")
    assert {"network-5g", "esim-supported"} <= {rule["code"] for rule in found["rules"]}
    assert "ardoval-x2-256-nuit" in [variant["code"] for variant in found["variants"]]
    assert found["plans"][0] == "horizon-130"
    storage = next(c for c in found["characteristics"] if c["code"] == "storage_gb")
    assert (storage["name"], storage["values"], storage["unit"]) == ("Storage", ["128"], "GB")


def test_texts_come_in_the_language_that_is_asked_for(visitor: Api) -> None:
    visitor.headers = {"Accept-Language": "fr"}
    french = visitor.get("offerings/esim").json()["summary"]
    visitor.headers = {"Accept-Language": "en"}
    assert french.startswith("Rien à attendre")
    assert visitor.get("offerings/esim").json()["summary"].startswith("Nothing to wait for")


def test_a_list_is_narrowed_and_paged_by_its_own_address(visitor: Api) -> None:
    first = visitor.get("offerings", kind="handset", storage_gb="256..", limit=5, sort="name")
    page = first.json()
    assert len(page["items"]) == 5
    codes = [item["code"] for item in page["items"]]
    while page["next"]:
        page = visitor.browser.get(page["next"], headers=visitor.headers).json()
        codes += [item["code"] for item in page["items"]]
    assert len(codes) == len(set(codes)) == page["total"]
    there = visitor.get("offerings", kind="handset", in_stock=True, limit=100).json()
    assert "ombrine-s1-pro-256-encre" not in [item["code"] for item in there["items"]]
    assert all(item["stock"]["available"] for item in there["items"])


@pytest.mark.parametrize("code", ["flotte-50", "no-such-thing"])
def test_what_is_not_sold_to_the_caller_is_not_found(visitor: Api, code: str) -> None:
    answer = visitor.get(f"offerings/{code}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_offering")


def test_24_offers_take_as_many_queries_as_one(visitor: Api) -> None:
    counts = []
    for limit in (1, 24):
        visitor.get("offerings", kind="handset", limit=limit)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            visitor.get("offerings", kind="handset", limit=limit)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


def test_an_order_is_placed_in_few_queries(shopper: Api) -> None:
    code = filled(shopper)
    for accessory in ("chargeur-30w", "verre-6-4", "cable-usb-c-1m", "support-voiture"):
        shopper.post(f"carts/{code}/items", {"offering": accessory})
    total = shopper.get(f"carts/{code}").json()["quote"]["due_today_gross"]
    asked = {"cart": code, "expected_total": total, "consents": CONSENTS}
    with CaptureQueriesContext(connection) as queries:
        placed = shopper.post("orders", asked)
    assert placed.status_code == 201, placed.content
    written = [q for q in queries.captured_queries if "SAVEPOINT" not in q["sql"]]
    # Thirty for the order itself; the session, the user, his roles and the clock beside it.
    assert len(written) <= 36, [q["sql"][:90] for q in written]


def test_a_contract_tells_its_number_its_months_and_its_benefits(shopper: Api) -> None:
    party = Party.objects.get(email="camille@example.test")
    begun("F-8", [plan("19.99", SIX_FREE)], party=party.pk)
    page = shopper.get("subscriptions").json()
    assert (page["total"], page["items"][0]["order"], page["items"][0]["basis"]) == (
        1,
        "F-8",
        "TTC",
    )
    contract = shopper.get(f"subscriptions/{page['items'][0]['id']}").json()
    assert contract == page["items"][0]
    charge = contract["items"][0]["charges"][0]
    assert (charge["amount"], charge["benefits"][0]["periods"]) == (money("19.99"), 6)


def test_a_bill_carries_its_promise(shopper: Api) -> None:
    party = Party.objects.get(email="camille@example.test")
    begun("F-8", [plan("19.99", SIX_FREE)], party=party.pk)
    number = bills_of(party.pk)[0].number
    listed = shopper.get("invoices").json()["items"]
    bill = shopper.get(f"invoices/{number}").json()
    assert listed == [bill["invoice"]]
    assert (bill["as_promised"], bill["promised"]) == (True, money("0.00"))
    lines = [line for section in bill["sections"] for line in section["lines"]]
    assert [(line["benefit"], line["amount"], line["promised"]) for line in lines] == [
        ("", money("19.99"), money("19.99")),
        ("six-free", money("-19.99"), money("-19.99")),
    ]


def test_a_bill_is_explained_reason_by_reason(shopper: Api) -> None:
    party = Party.objects.get(email="camille@example.test")
    begun("F-8", [plan("19.99", SIX_FREE)], party=party.pk)
    number = bills_of(party.pk)[0].number
    told = shopper.get(f"invoices/{number}/explanation").json()
    assert (told["number"], told["before"], told["difference"]) == (number, None, money("0.00"))
    assert [(each["why"], each["amount"], each["on"]) for each in told["reasons"]] == [
        ("started", money("19.99"), None),
        ("benefit_began", money("-19.99"), "2026-09-10"),
    ]
    assert (told["promised"], told["billed"], told["beside_promise"]) == (
        money("0.00"),
        money("0.00"),
        [],
    )


def test_a_bill_is_had_as_a_file_whatever_the_caller_accepts(shopper: Api) -> None:
    party = Party.objects.get(email="camille@example.test")
    begun("F-8", [plan("19.99")], party=party.pk)
    number = bills_of(party.pk)[0].number
    for form, kind, begins in (
        ("pdf", "application/pdf", b"%PDF-1.7"),
        ("xml", "application/xml", b"<?xml"),
        ("ubl.xml", "application/xml", b"<?xml"),
    ):
        answer = shopper.get(f"invoices/{number}.{form}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{number}.{form}"'
        assert answer.content.startswith(begins)
    unknown = shopper.get("invoices/FA-2020-0000001.pdf")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_bill")


def test_a_page_of_a_fleets_contracts_takes_a_fixed_number_of_queries(buyer: Api) -> None:
    firm = Organisation.objects.get().party_id
    counts = []
    for number in range(1, 7):
        begun(f"F-{number}", [plan("20.00")], party=firm, group="u1", segment="business")
        if number in (1, 6):
            with CaptureQueriesContext(connection) as queries:
                page = buyer.get("subscriptions", limit=5).json()
            counts.append(len(queries))
    assert (page["total"], len(page["items"])) == (6, 5)
    assert counts[0] == counts[1]


def test_a_firm_names_another_cost_centre_and_its_bill_says_how_it_is_paid(
    buyer: Api, shopper: Api
) -> None:
    party = Organisation.objects.get().party_id
    line = begun(
        "F-9", [plan("30.00")], party=party, segment="business", codes=BuyerCodes("EM-01", "PO-1")
    )
    moved = buyer.send("PATCH", f"subscriptions/{line}", {"cost_centre": "EM-02"})
    assert moved.status_code == 200, moved.content
    assert (moved.json()["cost_centre"], moved.json()["purchase_order_number"]) == ("EM-02", "PO-1")
    with business_time_fixed(at(date(2026, 4, 10), 4)):
        run(date(2026, 4, 10))
    bill = buyer.get(f"invoices/{bills_of(party)[0].number}").json()
    assert bill["invoice"]["purchase_order_number"] == "PO-1"
    assert [each["cost_centre"] for each in bill["sections"][0]["lines"]] == ["EM-02"]
    (borne,) = bill["cost_centres"]
    assert borne["cost_centre"] == "EM-02"
    assert bill["means"] == {"by": "transfer", "last4": "", "mandate": "", "creditor": ""}
    assert bill["transfer"]["reference"].startswith("RF")
    assert (bill["electronic"]["status"], bill["electronic"]["steps"]) == ("marked", [])
    camille = Party.objects.get(email="camille@example.test")
    own = begun("F-10", [plan()], party=camille.pk)
    refused = shopper.send("PATCH", f"subscriptions/{own}", {"cost_centre": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "firms_only")
    plain = shopper.get(f"invoices/{bills_of(camille.pk)[0].number}").json()
    assert [plain[name] for name in ("means", "transfer", "electronic", "cost_centres")] == [
        None, None, None, [],
    ]  # fmt: skip
