"""What is overdue, over the API: a firm's own case, its promise, its interest, and what is told."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from commerce.accounts.kinds import Role
from commerce.accounts.models import Contact, Organisation, Party, Unit
from commerce.accounts.services.organisations import add_api_client, add_member
from commerce.events.models import OutboxEvent, WebhookMessage
from commerce.kernel.clock import business_now, business_time_fixed
from commerce.kernel.money import Money
from commerce.payments.models import PaymentAttempt, SavedMethod
from commerce.payments.selectors import chosen_method
from subscriptions.collection.services import announcing
from subscriptions.dunning.services import dunning
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.services import ledger
from subscriptions.models import BillingAccount, DunningCase, DunningEntry, Invoice, LateInterest
from subscriptions.subscribers import on_payment_declined, on_payment_settled
from tests.api.conftest import Api, money, token_of
from tests.integration.subscriptions.contracts import RATES, at, begun, handset, plan, promised

BEGAN = date(2026, 9, 10)
NOW = date(2026, 11, 9)
"""Thirty days after the bill of 1200.00 was due."""


@pytest.fixture
def firm(buyer: Api) -> Iterator[Party]:
    found = Organisation.objects.get().party
    with business_time_fixed(at(BEGAN)):
        promised("F-1", [handset("1000.00")], segment="business")
        bill_order(
            order_number="F-1",
            party_id=found.pk,
            segment="business",
            charges={"g1": [handset("1000.00")]},
            tax_rates=RATES,
        )
        begun("B-1", [plan("20.00")], party=found.pk, segment="business")
    buyer.post("webhook-endpoints", {"url": "https://erp.example/hook"})
    looked(found, on=BEGAN + timedelta(days=31))
    with business_time_fixed(at(NOW)):
        yield found


def looked(firm: Party, *, on: date) -> None:
    with business_time_fixed(at(on)):
        dunning.look(BillingAccount.objects.get(party=firm).pk)


def told() -> list[tuple[str, Any]]:
    """What the firm's endpoint was told of, in no order: the event, and what it says of a state."""
    rows = WebhookMessage.objects.select_related("event")
    found = []
    for row in rows:
        said = row.event.payload
        found.append((row.event.name, said.get("state", said.get("grade", said.get("step", "")))))
    return sorted(found)


def paid(firm: Party) -> None:
    ledger.enter_payment(key="pay", party_id=firm.pk, reference="F-1", amount=Money.of("1200.00"))
    looked(firm, on=NOW)


def test_a_firm_sees_its_case_with_what_comes_and_what_its_bill_bears(
    buyer: Api, firm: Party
) -> None:
    (case,) = buyer.get("dunning-cases").json()["items"]
    assert (case["state"], case["since"], case["owed"]) == (
        "running",
        "2026-10-10",
        money("1200.00"),
    )
    shown = buyer.get(f"dunning-cases/{case['id']}").json()
    assert [(bill["number"], bill["open"]) for bill in shown["bills"]] == [
        ("FA-2026-0000001", money("1200.00"))
    ]
    assert [each["action"] for each in shown["coming"]] == [
        "message", "message", "restrict", "suspend", "message", "terminate",
    ]  # fmt: skip
    assert [each["kind"] for each in shown["history"]] == ["opened", "fee"]
    # 1200.00 x 7.86 % x 30 / 365.
    assert shown["interest"] == money("7.75")
    assert buyer.get("dunning-cases/999999").json()["code"] == "unknown_case"


def test_a_promise_is_made_and_taken_back_as_on_the_page(buyer: Api, firm: Party) -> None:
    case = buyer.get("dunning-cases").json()["items"][0]["id"]
    late = buyer.put(f"dunning-cases/{case}/promise", {"on": "2026-12-31"})
    assert (late.status_code, late.json()["code"]) == (400, "promise_day")
    assert DunningEntry.objects.filter(kind="promised").count() == 0
    made = buyer.put(f"dunning-cases/{case}/promise", {"on": "2026-11-20", "note": "By transfer"})
    assert (made.json()["state"], made.json()["promised_for"]) == ("promised", "2026-11-20")
    again = buyer.put(f"dunning-cases/{case}/promise", {"on": "2026-11-21"})
    assert again.json()["code"] == "promised_already"
    back = buyer.send("DELETE", f"dunning-cases/{case}/promise").json()
    assert (back["state"], back["promised_for"], back["promises_left"]) == ("running", None, 1)
    none = buyer.send("DELETE", f"dunning-cases/{case}/promise")
    assert none.json()["code"] == "not_promised"
    kinds = list(DunningEntry.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["opened", "fee", "promised", "undone"]


def test_a_viewer_sees_the_case_and_promises_nothing(firm: Party) -> None:
    unit = Unit.objects.filter(organisation__party=firm).order_by("pk")[0]
    member = add_member(unit_id=unit.pk, name="Vi", email="vi@rivoire.example", role=Role.VIEWER)
    client = {"client_id": "rivoire-viewer", "client_secret": "a-secret-of-the-viewer"}
    add_api_client(membership_id=member, name="viewer", **client)
    viewer = Api(token=token_of(client))
    case = viewer.get("dunning-cases").json()["items"][0]["id"]
    refused = viewer.put(f"dunning-cases/{case}/promise", {"on": "2026-11-20"})
    assert (refused.status_code, refused.json()["code"]) == (403, "viewer")
    assert DunningCase.objects.get().promised_for is None


def test_a_case_that_is_closed_takes_no_promise(buyer: Api, firm: Party) -> None:
    case = buyer.get("dunning-cases").json()["items"][0]["id"]
    paid(firm)
    shown = buyer.get(f"dunning-cases/{case}").json()
    assert (shown["state"], shown["closed_on"], shown["bills"]) == ("closed", "2026-11-09", [])
    assert [each["amount"] for each in shown["asked"]] == [money("7.75")]
    refused = buyer.put(f"dunning-cases/{case}/promise", {"on": "2026-11-20"})
    assert (refused.status_code, refused.json()["code"]) == (404, "nothing_overdue")


def test_an_agent_waives_interest_of_the_caller_whom_he_knows_and_nobody_else(
    buyer: Api, agent: Api, firm: Party
) -> None:
    paid(firm)
    (asked,) = buyer.get("late-interest").json()["items"]
    assert (asked["starts_on"], asked["ends_on"]) == ("2026-10-11", "2026-11-10")
    assert [(part["open"], part["percent"]) for part in asked["parts"]] == [
        (money("1200.00"), "7.86")
    ]
    address, reason = f"late-interest/{asked['id']}/waiver", {"reason": "Our bank was late."}
    assert buyer.put(address, reason).status_code == 403
    assert agent.put(address, reason).json()["code"] == "no_contact"
    begin = {"reason": "bill", "channel": "call_centre", "party": firm.pk}
    agent.browser.post("/agent/contacts/", begin)
    assert agent.put(address, reason).json()["code"] == "caller_not_verified"
    assert LateInterest.objects.get().waived_at is None
    Contact.objects.update(verified=True)
    done = agent.put(address, reason)
    assert (done.status_code, done.json()["reason"]) == (200, "Our bank was late.")
    assert agent.get("late-interest").json()["items"][0]["waived_at"] is not None


def test_webhooks_tell_the_firm_of_its_case_its_promise_and_its_interest(
    buyer: Api, firm: Party
) -> None:
    for day in (4, 10, 15):
        looked(firm, on=date(2026, 10, 10) + timedelta(days=day))
    case = buyer.get("dunning-cases").json()["items"][0]["id"]
    buyer.put(f"dunning-cases/{case}/promise", {"on": "2026-11-20"})
    paid(firm)
    assert told() == [
        ("DunningCaseClosed", ""),
        ("DunningCaseOpened", ""),
        ("DunningMoved", ""),
        ("DunningMoved", "restrict"),
        ("DunningStepTaken", "notice"),
        ("DunningStepTaken", "reminder"),
        ("DunningStepTaken", "restrict"),
        ("LateInterestMoved", "asked"),
        ("PaymentPromiseMoved", "kept"),
        ("PaymentPromiseMoved", "made"),
    ]
    types = {row["type"] for row in _messages(buyer)}
    assert {"dunning.case_opened", "dunning.promise_moved", "late_interest.moved"} <= types


def _messages(buyer: Api) -> list[dict[str, Any]]:
    (hook,) = buyer.get("webhook-endpoints").json()["items"]
    found: list[dict[str, Any]] = buyer.get(f"webhook-endpoints/{hook['id']}/messages").json()[
        "items"
    ]
    return found


def test_a_debit_is_shown_and_told_from_its_notice_to_what_became_of_it(
    buyer: Api, firm: Party
) -> None:
    SavedMethod.objects.create(
        party=firm, customer_id="cus_1", method_id="pm_1", kind="sepa_debit", mandate_id="m_1",
        mandate_reference="UMR1", card_last4="3000", for_bills=True, saved_at=business_now(),
        chosen_at=business_now(),
    )  # fmt: skip
    method = chosen_method(firm.pk, for_bills=True)
    assert method is not None
    bill = Invoice.objects.select_related("account").get(number="FA-2026-0000001")
    announcing.announce([announcing.ToDebit(bill, Money.of("1200.00"))], method)
    (notice,) = buyer.get("debit-notices").json()["items"]
    assert (notice["amount"], notice["debit_on"], notice["state"]) == (
        money("1200.00"), "2026-11-23", "announced",
    )  # fmt: skip
    for state, heard in (("declined", on_payment_declined), ("settled", on_payment_settled)):
        payment = PaymentAttempt.objects.create(
            key=f"k/{state}", party=firm, reference=bill.number or "", amount="1200.00",
            state=state, off_session=True, method_kind="sepa_debit", expires_at=business_now(),
            last_error="insufficient_funds" if state == "declined" else "", method_id="pm_1",
        )  # fmt: skip
        heard({"key": payment.key})
    events = OutboxEvent.objects.filter(name="DebitMoved")
    assert sorted((e.payload["state"], e.payload["reason"]) for e in events) == [
        ("announced", ""), ("failed", "insufficient_funds"), ("made", ""),
    ]  # fmt: skip
    shown = buyer.get(f"debit-notices/{notice['id']}").json()
    assert (shown["state"], shown["mandate"]) == ("made", "UMR1")
    assert buyer.get("debit-notices/999999").json()["code"] == "unknown_debit"
    PaymentAttempt.objects.filter(key="k/settled").delete()
    SavedMethod.objects.create(
        party=firm, customer_id="cus_1", method_id="pm_2", kind="sepa_debit", mandate_id="m_2",
        mandate_reference="UMR2", card_last4="3001", for_bills=True, saved_at=business_now(),
        chosen_at=business_now(),
    )  # fmt: skip
    other = chosen_method(firm.pk, for_bills=True)
    assert other is not None
    announcing.announce([announcing.ToDebit(bill, Money.of("1200.00"))], other)
    listed = buyer.get("debit-notices").json()["items"]
    assert [(each["mandate"], each["state"], each["reason"]) for each in listed] == [
        ("UMR2", "announced", ""), ("UMR1", "failed", "insufficient_funds"),
    ]  # fmt: skip
