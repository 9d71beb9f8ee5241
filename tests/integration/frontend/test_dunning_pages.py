"""What is overdue is seen by who owes it, by an agent and by operators, and can be stopped."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from commerce.accounts.kinds import StaffKind
from commerce.accounts.models import Contact, Party, User
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from subscriptions.ledger.services import ledger
from subscriptions.models import (
    BillingAccount,
    Deposit,
    DunningCase,
    DunningEntry,
    Invoice,
    LateInterest,
)
from tests.integration.frontend.test_portal_and_ops import as_staff, browser
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan
from tests.integration.subscriptions.test_dunning import lived

AT = at(DAY)
TODAY = DAY + timedelta(days=16)
LATER = (TODAY + timedelta(days=9)).isoformat()
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def party() -> Iterator[int]:
    """A customer whose bill of 42.00 EUR is overdue for 16 days; his line can only be called."""
    found = person()
    with business_time_fixed(AT):
        begun("C-1", [plan("42.00")], party=found)
    lived(15)
    with business_time_fixed(at(TODAY)):
        yield found


@pytest.fixture
def customer(party: int) -> Client:
    owner = Party.objects.get(pk=party)
    return browser(User.objects.create_user("camille@example.test", None, party=owner))


def said(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode().replace("\u00a0", " ").replace("\u202f", " ")


def test_a_customer_sees_what_is_overdue_and_what_comes_and_promises_to_pay(
    customer: Client,
) -> None:
    page = said(customer, "/account/bills/")
    assert "€42.00 overdue since 10 March 2026" in page
    assert "The lines can only be called until this is paid." in page
    assert page.count('class="is-coming"') == 3
    assert "The lines are stopped; emergency calls stay possible." in page
    refused = customer.post("/account/promise/", {"on": "2026-09-01"}, follow=True)
    assert "That day is over or too far away" in refused.content.decode()
    assert "Choose a day." in customer.post("/account/promise/", {}, follow=True).content.decode()
    assert customer.post("/account/promise/", {"on": LATER}).status_code == 302
    page = said(customer, "/account/bills/")
    assert "Payment is promised for 4 April 2026; until then nothing happens." in page
    assert "Promise to pay" not in page
    entry = DunningEntry.objects.get(kind="promised")
    assert (entry.by, entry.facts["owed"]) == ("camille@example.test", "42.00")


def test_another_s_case_is_not_seen(party: int) -> None:
    other = Party.objects.create(kind="person", segment="consumer", display_name="Ada")
    stranger = browser(User.objects.create_user("ada@example.test", None, party=other))
    assert "overdue" not in said(stranger, "/account/bills/")
    stranger.post("/account/promise/", {"on": LATER})
    assert DunningEntry.objects.filter(kind="promised").count() == 0


def test_an_agent_notes_the_promise_of_a_caller_whom_he_knows(party: int) -> None:
    agent = as_staff(StaffKind.AGENT)
    agent.post("/agent/contacts/", {"reason": "order", "channel": "call_centre", "party": party})
    assert "Promise to pay" not in said(agent, "/agent/contact/")
    agent.post("/agent/promise/", {"on": LATER})
    assert DunningEntry.objects.filter(kind="promised").count() == 0
    Contact.objects.update(verified=True)
    assert "Promise to pay" in said(agent, "/agent/contact/")
    agent.post("/agent/promise/", {"on": LATER})
    assert DunningEntry.objects.get(kind="promised").by == "agent@faisceau.example"


def test_operators_look_through_the_cases_and_pause_one_with_a_reason(party: int) -> None:
    operator = as_staff(StaffKind.OPERATOR)
    assert "Camille" in said(operator, "/ops/dunning/")
    assert "Camille" in said(operator, "/ops/dunning/?of=restrict")
    assert "Nothing is overdue here" in said(operator, "/ops/dunning/?of=reminded")
    case = DunningCase.objects.get()
    page = said(operator, f"/ops/dunning/{case.pk}/")
    assert "The lines were restricted: they can only be called" in page
    decide = f"/ops/dunning/{case.pk}/decide/"
    refused = operator.post(decide, {"decision": "pause", "note": ""}, follow=True)
    assert "Say why." in refused.content.decode()
    operator.post(decide, {"decision": "pause", "note": "The bill is in dispute."})
    page = said(operator, f"/ops/dunning/{case.pk}/")
    assert "The bill is in dispute." in page
    assert page.count('class="is-coming"') == 0
    assert "Camille" in said(operator, "/ops/dunning/?of=paused")
    operator.post(decide, {"decision": "resume", "note": "Settled."})
    assert not DunningCase.objects.get().paused
    assert operator.get("/ops/dunning/999999/").status_code == 404


def test_an_agent_sends_a_link_that_says_what_is_to_pay_to_whom_and_not_whose_it_is(
    party: int,
) -> None:
    Party.objects.filter(pk=party).update(phone="+33639980001")
    agent = as_staff(StaffKind.AGENT)
    agent.post("/agent/contacts/", {"reason": "bill", "channel": "call_centre", "party": party})
    assert "Send the link" not in said(agent, "/agent/contact/")
    Contact.objects.update(verified=True)
    assert "All that is overdue: €42.00" in said(agent, "/agent/contact/")
    agent.post("/agent/pay-link/", {"channel": "sms", "bill": ""})
    assert "not opened yet" in said(agent, "/agent/contact/")
    text = Message.objects.get(code="bill_link").text
    link = f"/pay/{text.partition('/pay/')[2]}"
    page = said(browser(), link)
    for shown in ("€42.00 to pay", "Bill FA-2026-0000001", "Faisceau", "Pay €42.00 now"):
        assert shown in page
    assert "Camille" not in page
    page = said(agent, "/agent/contact/")
    assert "opened, not paid" in page
    assert "Link to pay sent: FA-2026-0000001" in page
    assert browser().get("/pay/nobody-knows-it/").status_code == 404
    refused = agent.post("/agent/pay-link/", {"channel": "sms", "bill": "FA-2"}, follow=True)
    assert "There is no such bill." in refused.content.decode()


def test_an_agent_asks_for_a_deposit_whose_page_says_that_it_stays_the_payers(party: int) -> None:
    DunningCase.objects.update(grade="suspend")
    agent = as_staff(StaffKind.AGENT)
    agent.post("/agent/contacts/", {"reason": "bill", "channel": "call_centre", "party": party})
    Contact.objects.update(verified=True)
    assert "Deposit: €60.00" in said(agent, "/agent/contact/")
    agent.post("/agent/pay-link/", {"channel": "email", "bill": "deposit"})
    page = said(agent, "/agent/contact/")
    assert "Deposit of €60.00" in page
    assert "asked for" in page
    assert "Link to pay sent: Deposit" in page
    assert "deposit-" not in page
    text = Message.objects.get(code="deposit_link").text
    page = said(browser(), f"/pay/{text.partition('/pay/')[2].partition('/')[0]}/")
    for shown in ("€60.00 to pay", "It stays yours", "Pay €60.00 now"):
        assert shown in page


def test_a_promise_is_taken_back_where_it_was_made(customer: Client) -> None:
    customer.post("/account/promise/", {"on": LATER})
    assert "Take the promise back" in said(customer, "/account/bills/")
    answer = customer.post("/account/promise/", {"take_back": "yes"}, follow=True)
    assert "The promise is taken back" in answer.content.decode()
    assert DunningCase.objects.get().promised_for is None
    assert list(DunningEntry.objects.order_by("pk").values_list("kind", flat=True))[-1] == "undone"


def interest_asked(party: int) -> LateInterest:
    return LateInterest.objects.create(
        case=DunningCase.objects.get(), invoice=Invoice.objects.get(), starts_on=DAY,
        ends_on=DAY + timedelta(days=30), amount=Decimal("7.75"), asked_at=AT,
        parts=[{"start": DAY.isoformat(), "end": (DAY + timedelta(days=30)).isoformat(),
                "open": "1200.00", "percent": "7.86"}],
    )  # fmt: skip


def test_an_agent_sees_how_interest_was_worked_out_and_waives_it_with_a_reason(party: int) -> None:
    row = interest_asked(party)
    agent = as_staff(StaffKind.AGENT)
    agent.post("/agent/contacts/", {"reason": "bill", "channel": "call_centre", "party": party})
    page = said(agent, "/agent/contact/")
    for shown in ("Interest on late payment", "€7.75", "€1,200.00 for 30 days at 7.86% a year"):
        assert shown in page
    waive = f"/agent/interest/{row.pk}/waive/"
    assert waive not in page
    case = said(as_staff(StaffKind.OPERATOR), f"/ops/dunning/{row.case_id}/")
    assert "€1,200.00 for 30 days at 7.86% a year" in case
    assert waive not in case
    agent.post(waive, {"reason": "Kind."})
    row.refresh_from_db()
    assert row.waived_at is None
    Contact.objects.update(verified=True)
    assert waive in said(agent, "/agent/contact/")
    refused = agent.post(waive, {"reason": " "}, follow=True).content.decode()
    assert "Say why it is waived." in refused
    done = agent.post(waive, {"reason": "Our bank was late."}, follow=True).content.decode()
    assert "The interest is waived" in done
    assert "Our bank was late." in done
    row.refresh_from_db()
    assert row.waived_by == "agent@faisceau.example"


def test_an_operator_is_told_that_nobody_can_be_reached(party: int) -> None:
    case = DunningCase.objects.get()
    DunningEntry.objects.create(case=case, kind="paused", on=TODAY, at=at(TODAY), note="no_address")
    page = said(as_staff(StaffKind.OPERATOR), f"/ops/dunning/{case.pk}/")
    assert "neither an e-mail address nor a postal address is known" in page


def test_a_deposit_that_was_paid_has_a_receipt_to_print_for_its_payer_alone(
    party: int, customer: Client
) -> None:
    account = BillingAccount.objects.get(party=party)
    row = Deposit.objects.create(
        account=account, amount=Decimal("60.00"), asked_by="Amina", asked_at=AT
    )
    address = f"/account/deposits/{row.pk}/"
    assert customer.get(address).status_code == 404
    assert address not in said(customer, "/account/bills/")
    ledger.enter_payment(key="d", party_id=party, reference=row.reference, amount=Money.of("60.00"))
    assert address in said(customer, "/account/bills/")
    page = said(customer, address)
    for shown in ("Camille", "26 March 2026", "€60.00", row.reference, "held", "7 days after"):
        assert shown in page
    other = Party.objects.create(kind="person", segment="consumer", display_name="Ada")
    stranger = browser(User.objects.create_user("ada@example.test", None, party=other))
    assert stranger.get(address).status_code == 404
