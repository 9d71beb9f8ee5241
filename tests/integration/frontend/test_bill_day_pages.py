"""Another bill day on the pages and over the API: shown, then confirmed, each for his own."""

from collections.abc import Iterator
from datetime import date

import pytest
from django.test import Client

from commerce.accounts.kinds import StaffKind
from commerce.accounts.models import Contact, Party, User
from commerce.kernel.clock import business_time_fixed
from subscriptions.models import BillingAccount, CycleMove
from tests.integration.frontend.test_portal_and_ops import as_staff, browser
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan, run

AT = at(DAY)
ASKED = date(2026, 3, 20)
BILLED = date(2026, 3, 11)
"""A firm is billed on the day after its line began."""
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def party() -> Iterator[int]:
    found = person()
    with business_time_fixed(at(DAY)):
        begun("F-1", [plan("30.00")], party=found)
    with business_time_fixed(at(ASKED)):
        yield found


@pytest.fixture
def customer(party: int) -> Client:
    owner = Party.objects.get(pk=party)
    return browser(User.objects.create_user("camille@example.test", None, party=owner))


def said(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode().replace("\u00a0", " ").replace("\u202f", " ")


def digest_of(page: str) -> str:
    return page.split('name="digest" value="')[1].split('"')[0]


def test_a_customer_sees_the_next_bills_and_then_moves_the_day(customer: Client) -> None:
    assert 'href="/account/bill-day/"' in said(customer, "/account/bills/")
    assert "Bills are made on day 10 of each month." in said(customer, "/account/bill-day/")
    page = said(customer, "/account/bill-day/?day=25")
    assert "The bill of 10 April 2026 holds a part of a month" in page
    assert page.count("€14.52") == 2
    assert CycleMove.objects.count() == 0
    stale = customer.post("/account/bill-day/", {"day": "25", "digest": "other"})
    assert stale.status_code == 422
    assert CycleMove.objects.count() == 0
    told = {"day": "25", "digest": digest_of(page), "reason": "pay day"}
    assert customer.post("/account/bill-day/", told).status_code == 302
    assert CycleMove.objects.get().reason == "pay day"
    page = said(customer, "/account/bill-day/")
    assert "It can be moved again from 10 October 2026 on." in page
    assert "Show what changes" not in page


def test_a_day_that_is_not_offered_moves_nothing(customer: Client) -> None:
    assert customer.post("/account/bill-day/", {"day": "29"}).status_code == 422
    assert CycleMove.objects.count() == 0


def test_who_has_no_bills_has_no_bill_day() -> None:
    stranger = browser(
        User.objects.create_user("x@example.test", None, party=Party.objects.get(pk=person()))
    )
    assert stranger.get("/account/bill-day/").status_code == 404


def test_an_agent_moves_it_only_for_a_caller_whom_he_knows(party: int) -> None:
    agent = as_staff(StaffKind.AGENT)
    agent.post("/agent/contacts/", {"reason": "bill", "channel": "call_centre", "party": party})
    refused = agent.post("/agent/bill-day/", {"day": "25"})
    assert refused.status_code == 422
    assert CycleMove.objects.count() == 0
    Contact.objects.update(verified=True)
    page = said(agent, "/agent/bill-day/?day=25")
    told = {"day": "25", "digest": digest_of(page)}
    assert agent.post("/agent/bill-day/", told).status_code == 302
    assert BillingAccount.objects.get().cycle_day == 25


@pytest.mark.parametrize(("segment", "told"), [("consumer", 0), ("business", 1)])
def test_an_agent_is_told_that_a_firms_amounts_are_without_tax(segment: str, told: int) -> None:
    found = person()
    with business_time_fixed(at(DAY)):
        begun("F-2", [plan("30.00")], party=found, segment=segment)
    with business_time_fixed(at(BILLED, 4)):
        run(BILLED)
    agent = as_staff(StaffKind.AGENT)
    agent.post("/agent/contacts/", {"reason": "bill", "channel": "call_centre", "party": found})
    Contact.objects.update(verified=True)
    with business_time_fixed(at(ASKED)):
        page = said(agent, "/agent/bill-day/?day=25")
    assert page.count("The amounts of bills are without tax.") == told


def test_the_api_shows_and_moves_it(customer: Client) -> None:
    assert customer.get("/api/v1/bill-day").json()["day"] == 10
    shown = customer.get("/api/v1/bill-day/preview", {"day": 25}).json()
    assert (shown["first_start"], shown["first_end"]) == ("2026-04-10", "2026-04-25")
    assert [line["amount"]["amount"] for line in shown["lines"]] == ["14.52"]
    body = {"day": 25, "digest": shown["digest"]}
    moved = customer.put("/api/v1/bill-day", body, content_type="application/json")
    assert moved.status_code == 200
    assert (moved.json()["day"], moved.json()["from_on"]) == (25, "2026-04-10")
    again = customer.put("/api/v1/bill-day", {"day": 3}, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (422, "cycle_day_moves_already")
    assert CycleMove.objects.count() == 1
