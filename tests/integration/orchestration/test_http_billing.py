"""The `http` biller against the provider sandbox: it is told what our own is told, and alone."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from commerce.events.models import Delivery, WorkState
from commerce.events.outbox import publish
from commerce.events.pump import drain
from commerce.kernel.errors import Refused, Unknown
from commerce.ordering import subscribers as ordering
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.fulfilment import record_item_facts
from commerce.ordering.services.place import PlacedOrder, place_order
from commerce.payments.events import PaymentRefunded
from commerce.payments.models import PaymentAttempt, PaymentState
from commerce.payments.ports import Outcome, PaymentReport
from commerce.payments.services.outcome import note_report
from orchestration import actions
from orchestration.adapters import client
from orchestration.adapters.http import HttpBilling
from orchestration.models import Task
from orchestration.ports import BillingNumber, BillingStart, OrderBill, Standing, WearBill
from orchestration.services.callbacks import ask
from subscriptions.models import BillingAccount, Invoice, Subscription
from tests.integration.ordering.conftest import at, committed_shop, shop
from tests.integration.ordering.people import bundle_cart, checkout_for, customer
from tests.integration.sandbox_providers.harness import API_KEY, Receiver, Sandbox, wait_for

__all__ = ["at", "committed_shop", "shop"]
KEY = "F-1:g1:billing:1"
IMEI, ICCID = "490154203237518", "8933158000000000022"
EXTERNAL = "orchestration.adapters.http.HttpBilling"


@pytest.fixture
def biller(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Sandbox]:
    receiver = Receiver()
    sandbox = Sandbox(
        tmp_path_factory.mktemp("providers"), callback_url=receiver.url, pace="instant"
    )
    settings.PROVIDERS_URL, settings.PROVIDERS_API_KEY = sandbox.url, API_KEY
    settings.PROVIDER_TIMEOUT_SECONDS = 2.0
    client._http.cache_clear()
    actions.provider.cache_clear()
    yield sandbox
    client._http.cache_clear()
    actions.provider.cache_clear()
    sandbox.stop()
    receiver.stop()


def placed() -> tuple[PlacedOrder, int]:
    """An order of a handset, a plan with six free months and an eSIM; and who placed it."""
    owner = customer()
    code = bundle_cart(owner, handset="ardoval-x2-128-lilas")
    assert owner.party_id is not None
    return place_order(owner, code=code, checkout=checkout_for(owner, code)), owner.party_id


@pytest.fixture
def wish(shop: object) -> BillingStart:
    order, party_id = placed()
    return BillingStart(f"{order.number}/g1", order.number, "g1", party_id, date(2026, 12, 1))


def authorise(key: str) -> None:
    """As the provider's word would; there is no payment provider here."""
    PaymentAttempt.objects.filter(key=key).update(
        state=PaymentState.AUTHORISED, session_id="cs_1", intent_id="pi_1"
    )
    ordering.on_payment_authorised({"key": key, "reference": key})


def carried_on(number: str) -> bool:
    """Do all that is due, and ask the providers for what they would call back; True at the end."""
    drain()
    for task in Task.objects.filter(state="awaiting", kind="callback"):
        ask(task_id=task.pk)
    busy = Delivery.objects.exclude(state=WorkState.DONE).exists()
    return not busy and Order.objects.get(number=number).state == "completed"


def biller_ledger(sandbox: Sandbox) -> dict[tuple[str, ...], int]:
    """What the biller was told, with how often."""
    told = sandbox.http.get("/_control/ledger?parts=by_identity&provider=biller").json()
    return {tuple(entry["identity"]): entry["in_force"] for entry in told["by_identity"]}


def test_it_is_told_every_recurring_charge_with_its_benefits_and_its_rate(
    biller: Sandbox, wish: BillingStart
) -> None:
    sent: list[dict[str, Any]] = []
    client._http().event_hooks = {"request": [lambda r: sent.append(json.loads(r.content))]}
    answer = HttpBilling().start(wish, key=KEY)
    assert str(answer.facts["subscription_id"]).startswith("bsu_")
    (body,) = sent
    assert (body["starts_on"], body["term_months"], body["segment"]) == (
        "2026-12-01",
        24,
        "consumer",
    )
    charges = {
        (item["offering"], charge["code"]): charge
        for item in body["items"]
        for charge in item["charges"]
    }
    monthly = charges["horizon-130", "monthly"]
    assert (monthly["amount"], monthly["every_months"], monthly["tax_rate"]) == ("19.99", 1, "20")
    assert monthly["benefits"] == [
        {
            "code": "six-free",
            "names": {"fr": "6 mois de forfait offerts", "en": "Six months of your plan free"},
            "kind": "percent_off",
            "value": "100",
            "first": 1,
            "periods": 6,
            "from_piece": 1,
            "pieces": None,
        }
    ]
    assert list(charges) == [("horizon-130", "monthly")]


def test_it_is_told_what_the_line_is_and_all_that_belongs_to_it(
    biller: Sandbox, wish: BillingStart
) -> None:
    rows = OrderItem.objects.filter(order__number=wish.order_number)
    lines = dict(rows.values_list("role", "line_id"))
    learnt = {"plan": {"msisdn": "0639980001"}, "handset": {"imei": IMEI}, "sim": {"iccid": ICCID}}
    facts = {lines[role]: told for role, told in learnt.items()}
    record_item_facts(order_number=wish.order_number, facts=facts)
    answer = HttpBilling().start(wish, key=KEY)
    books = biller.http.get(f"/biller/subscriptions/{answer.facts['subscription_id']}").json()
    assert books["facts"] == {"msisdn": "0639980001", "imei": IMEI, "iccid": ICCID}
    assert {item["reference"]: item["facts"] for item in books["items"]} == {
        f"{wish.order_number}/{line}": told for line, told in facts.items()
    }
    assert [len(item["charges"]) for item in books["items"]].count(0) == 2
    names = {item["names"]["en"] for item in books["items"]}
    assert names == {"Horizon 130 5G", "Ardoval X2 128 GB Lilac", "eSIM"}


def test_a_number_that_came_along_takes_the_place_of_the_temporary_one_in_its_books(
    biller: Sandbox, wish: BillingStart
) -> None:
    begun = HttpBilling().start(wish, key=KEY).facts["subscription_id"]
    number = BillingNumber(wish.order_number, "g1", wish.party_id, "0639981234", date(2026, 12, 3))
    for _ in range(2):
        HttpBilling().renumber(number, key="F-1:g1:billed_number:1")
    books = biller.http.get(f"/biller/subscriptions/{begun}").json()
    assert (books["facts"], len(books["items"])) == ({"msisdn": "0639981234"}, 3)
    assert biller.counted("change", f"{wish.reference}/number")["effects"] == 1


def test_what_came_back_worn_is_told_piece_by_piece_at_its_tax(
    biller: Sandbox, wish: BillingStart
) -> None:
    sent: list[dict[str, Any]] = []
    client._http().event_hooks = {"request": [lambda r: sent.append(json.loads(r.content))]}
    phone = OrderItem.objects.get(order__number=wish.order_number, role="handset")
    owed = {phone.line_id: Decimal("43.80")}
    answer = HttpBilling().bill_wear(
        WearBill(wish.order_number, "g1", wish.party_id, owed), key="F-2:wear:1"
    )
    assert str(answer.facts["bill"]).startswith("bch_")
    (body,) = sent
    (line,) = body["lines"]
    assert (body["reference"], body["amount"]) == (f"{wish.reference}/wear", "43.80")
    assert (line["offering"], line["code"], line["amount"], line["tax_rate"]) == (
        "ardoval-x2-128-lilas", "wear", "43.80", "20",
    )  # fmt: skip


def test_the_same_key_is_one_subscription_and_its_answer_is_found(
    biller: Sandbox, wish: BillingStart
) -> None:
    first, again = HttpBilling().start(wish, key=KEY), HttpBilling().start(wish, key=KEY)
    assert first == again
    assert biller.counted("subscribe", wish.reference)["effects"] == 1
    found = HttpBilling().find(KEY)
    assert (found.standing, found.answer["subscription_id"]) == (
        Standing.ACCEPTED,
        first.facts["subscription_id"],
    )


def test_a_lost_answer_is_unknown_and_resolved_by_asking(
    biller: Sandbox, wish: BillingStart
) -> None:
    biller.plant(
        provider="biller", operation="subscriptions$", kind="timeout_after_effect", seconds=3
    )
    with pytest.raises(Unknown):
        HttpBilling().start(wish, key=KEY)
    assert HttpBilling().find(KEY).standing == Standing.ACCEPTED
    assert HttpBilling().find("never-sent").standing == Standing.NEVER_ARRIVED


def test_another_request_under_the_key_is_refused(biller: Sandbox, wish: BillingStart) -> None:
    HttpBilling().start(wish, key=KEY)
    other = BillingStart("other", wish.order_number, "g1", wish.party_id, date(2027, 1, 1))
    with pytest.raises(Refused):
        HttpBilling().start(other, key=KEY)
    assert biller.counted("subscribe", "other")["effects"] == 0


def test_what_is_due_once_is_told_with_the_order_and_adds_up(
    biller: Sandbox, wish: BillingStart
) -> None:
    sent: list[dict[str, Any]] = []
    client._http().event_hooks = {"request": [lambda r: sent.append(json.loads(r.content))]}
    answer = HttpBilling().bill_order(OrderBill(wish.order_number, wish.party_id), key="bill:1")
    assert str(answer.facts["bill"]).startswith("bch_")
    (body,) = sent
    assert (body["reference"], body["amount"]) == (wish.order_number, "235.00")
    assert sorted(line["amount"] for line in body["lines"]) == ["1.00", "15.00", "219.00"]
    assert {line["tax_rate"] for line in body["lines"]} == {"20"}
    spoilt = biller.post("/biller/charges", key="bill:2", body=body | {"amount": "234.00"})
    assert (spoilt.status_code, list(spoilt.json()["fields"])) == (422, ["amount"])


def test_it_is_told_what_a_firms_books_call_the_contract_and_its_lines(
    biller: Sandbox, wish: BillingStart
) -> None:
    Order.objects.update(segment="business", purchase_order="PO-2026-7")
    for item in OrderItem.objects.filter(order__number=wish.order_number):
        item.config = {**item.config, "cost_centre": "EM-01"}
        item.save(update_fields=["config"])
    begun = HttpBilling().start(wish, key=KEY).facts["subscription_id"]
    books = biller.http.get(f"/biller/subscriptions/{begun}").json()
    assert (books["cost_centre"], books["purchase_order"]) == ("EM-01", "PO-2026-7")
    sent: list[dict[str, Any]] = []
    client._http().event_hooks = {"request": [lambda r: sent.append(json.loads(r.content))]}
    HttpBilling().bill_order(OrderBill(wish.order_number, wish.party_id), key="bill:1")
    phone = OrderItem.objects.get(order__number=wish.order_number, role="handset")
    worn = WearBill(wish.order_number, "g1", wish.party_id, {phone.line_id: Decimal("43.80")})
    HttpBilling().bill_wear(worn, key="F-2:wear:1")
    charged, wear = sent
    assert charged["purchase_order"] == "PO-2026-7"
    assert [line["cost_centre"] for line in charged["lines"]] == ["EM-01"] * 3
    assert [line["cost_centre"] for line in wear["lines"]] == ["EM-01"]


@pytest.mark.parametrize(
    ("adapter", "bills", "contracts"),
    [
        pytest.param(EXTERNAL, 0, 0, id="external"),
        pytest.param("", 2, 1, id="our own"),
    ],
)
def test_an_order_is_billed_by_one_of_them(
    committed_shop: object,
    biller: Sandbox,
    settings: Settings,
    adapter: str,
    bills: int,
    contracts: int,
) -> None:
    if adapter:
        settings.ADAPTERS = {**settings.ADAPTERS, "billing": adapter}
        biller.plant(provider="biller", operation="charges$", kind="error")
        biller.plant(provider="biller", operation="payments$", kind="error")
    order, _ = placed()
    authorise(order.payment_key)
    drain()
    note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))
    wait_for(lambda: carried_on(order.number))
    with transaction.atomic():
        publish(PaymentRefunded(order.payment_key, order.number, sequence=1, amount="15.00"))
    wait_for(lambda: carried_on(order.number))
    expected = {
        ("charge", order.number): 1,
        ("subscribe", f"{order.number}/g1"): 1,
        ("payment", order.payment_key): 1,
        ("payment", f"{order.payment_key}/refund/1"): 1,
    }
    assert biller_ledger(biller) == (expected if adapter else {})
    counted = [model.objects.count() for model in (Invoice, Subscription, BillingAccount)]
    assert counted == [bills, contracts, contracts]
    if bills:
        bill = Invoice.objects.get(key=f"order:{order.number}")
        assert (bill.state, bill.gross) == ("issued", Decimal("235.00"))
