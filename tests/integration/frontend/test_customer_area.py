"""The customer area on PostgreSQL: what it says of contracts and bills, and to whom."""

import logging
import re
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commerce.accounts.events import PasswordForgotten
from commerce.accounts.models import ContractRequest, Party, TimelineEntry, User
from commerce.accounts.services.passwords import link_for
from commerce.accounts.written import open_contract_requests
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import business_time_fixed
from commerce.notifications.models import Message
from commerce.notifications.subscribers import on_password_forgotten
from commerce.ordering.models import Order
from commerce.ordering.services.confirming import disagreeing
from subscriptions.models import Invoice, Subscription
from tests.integration.ordering.test_next_offers import begin
from tests.integration.subscriptions import contracts

DAY = date(2026, 11, 23)
ORDER = "F-2026-000001"
PASSWORD = "un-mot-de-passe-long"
FEW = 26
AT = contracts.at(DAY)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def customer(email: str = "camille@example.test", name: str = "Camille Renard") -> User:
    party = Party.objects.create(kind="person", segment="consumer", display_name=name, email=email)
    return User.objects.create_user(email, PASSWORD, party=party, language="en")


def browser(user: User | None = None) -> Client:
    client = Client(headers={"accept-language": "en"})
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def camille() -> User:
    """Six free months of a plan at 29.99 from 23 November on, and two bills made."""
    user = customer()
    assert user.party_id is not None
    with business_time_fixed(contracts.at(DAY)):
        charges = [contracts.plan("29.99", contracts.SIX_FREE), contracts.press()]
        contracts.begun(ORDER, charges, party=user.party_id, on=DAY)
    contract = Subscription.objects.get()
    contract.lpa = "LPA:1$smdp.example.invalid$ABCDE-12345"
    contract.save(update_fields=["lpa"])
    with business_time_fixed(contracts.at(date(2026, 12, 23))):
        contracts.run(date(2026, 12, 23))
    return user


def text_of(client: Client, path: str) -> str:
    with business_time_fixed(contracts.at(date(2026, 12, 24))):
        answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode().replace("\u00a0", " ")


def test_the_overview_shows_the_line_and_the_next_bill_as_promised(camille: User) -> None:
    page = text_of(browser(camille), "/account/")
    assert "06 39 98 00 01" in page
    assert "€2.10" in page
    assert "23 January 2027" in page


def test_a_line_shows_its_bills_over_the_promise_and_the_esim_to_scan_or_type(
    camille: User,
) -> None:
    page = text_of(browser(camille), f"/account/lines/{Subscription.objects.get().pk}/")
    assert "2 bills made, all to the cent what you were told before you signed." in page
    assert 'class="qr"' in page
    assert "smdp.example.invalid" in page
    assert "ABCDE-12345" in page
    assert "6 months free" in page


def test_a_bill_shows_the_free_month_tax_per_rate_and_the_promise_in_words(camille: User) -> None:
    number = Invoice.objects.order_by("-pk").values_list("number", flat=True)[0]
    page = text_of(browser(camille), f"/account/bills/{number}/")
    for expected in (
        "6 months free",
        "−€29.99",
        "€2.10",
        "of which VAT at 2.1 %",
        "Promised before you signed: €2.10. Billed: the same, line by line.",
    ):
        assert expected.replace("2.1 %", "2.1%") in page.replace("2.1 %", "2.1%"), expected


def test_a_bill_is_explained_in_sentences(camille: User) -> None:
    with business_time_fixed(contracts.at(date(2027, 1, 10))):
        contracts.begun(
            "F-2", [contracts.plan("9.99", line="extra-1")], party=camille.party_id or 0
        )
    for day in (date(2027, 1, 23), date(2027, 5, 23)):
        with business_time_fixed(contracts.at(day)):
            contracts.run(day)
    numbers = list(Invoice.objects.order_by("pk").values_list("number", flat=True))
    first = text_of(browser(camille), f"/account/bills/{numbers[0]}/explained/")
    assert "There is no earlier bill to compare this one with." in first
    assert "6 months free on Line plan-1, until 22 May 2027." in first
    ended = text_of(browser(camille), f"/account/bills/{numbers[-1]}/explained/")
    for expected in (
        "€29.99 more than last month.",
        "6 months free on Line plan-1 ended on 22 May 2027.",
        "+€29.99",
        "Billed: the same, line by line.",
    ):
        assert expected in ended, expected


@pytest.mark.parametrize(
    "path", ["/account/", "/account/bills/", "/account/orders/", "/account/profile/"]
)
def test_a_page_of_the_customer_area_asks_few_queries(camille: User, path: str) -> None:
    client = browser(camille)
    text_of(client, path)
    with CaptureQueriesContext(connection) as asked:
        text_of(client, path)
    assert len(asked) <= FEW


def test_another_customer_finds_neither_the_line_nor_the_bill(camille: User) -> None:
    stranger = browser(customer("sacha@example.test", "Sacha Perrin"))
    number = Invoice.objects.values_list("number", flat=True)[0]
    for path in (f"/account/lines/{Subscription.objects.get().pk}/", f"/account/bills/{number}/"):
        answer = stranger.get(path)
        assert answer.status_code == 404
        assert "0639980001" not in answer.content.decode()


def test_a_visitor_is_led_to_the_log_in_and_back() -> None:
    answer = browser().get("/account/bills/")
    assert answer.status_code == 302
    assert answer["Location"] == "/account/login/?next=%2Faccount%2Fbills%2F"


def test_the_log_in_never_leads_to_a_foreign_address(camille: User) -> None:
    answer = browser().post(
        "/account/login/",
        {"email": camille.email, "password": PASSWORD, "next": "https://elsewhere.example/"},
    )
    assert answer["Location"] == "/account/"


def test_new_customers_are_told_what_to_do_where_nothing_is_yet() -> None:
    client = browser(customer())
    for path, words in (
        ("/account/", "No line yet"),
        ("/account/bills/", "No bills yet"),
        ("/account/orders/", "No orders yet"),
        ("/account/profile/", "Nothing yet. Each answer that you give"),
    ):
        assert words in text_of(client, path)


def test_a_forgotten_password_is_answered_alike_whether_or_not_there_is_an_account(
    camille: User,
) -> None:
    for email in (camille.email, "nobody@example.test"):
        answer = browser().post("/account/password/", {"email": email})
        assert answer["Location"] == "/account/password/sent/"
    events = OutboxEvent.objects.filter(name=PasswordForgotten.__name__)
    assert [event.payload["user_id"] for event in events] == [camille.pk]


def test_the_link_is_sent_once_sets_the_password_and_is_used_up(camille: User) -> None:
    for _ in range(2):
        on_password_forgotten({"user_id": camille.pk, "key": "k1"})
    assert [message.to for message in Message.objects.all()] == [camille.email]
    path = link_for(camille.pk)[1].split("/account/")[1]
    answer = browser().post(f"/account/{path}", {"password": "encore-plus-long-42"})
    assert answer["Location"] == "/account/"
    camille.refresh_from_db()
    assert camille.check_password("encore-plus-long-42")
    again = browser().post(f"/account/{path}", {"password": "quatre-mots-de-plus"})
    assert again.status_code == 404
    camille.refresh_from_db()
    assert camille.check_password("encore-plus-long-42")


SAID = {
    "name": "Camille Renard",
    "email": "camille@example.test",
    "contract": ORDER.lower(),
    "line_number": "06 39 98 00 01",
}


def test_ending_takes_three_clicks_and_no_account_and_is_acknowledged(camille: User) -> None:
    client = browser()
    with business_time_fixed(contracts.at(date(2026, 12, 24), 9)):
        check = client.post("/end-contract/", {**SAID, "wished_on": "2027-01-31"})
        assert "Send my termination" in check.content.decode()
        assert not ContractRequest.objects.exists()
        sent = client.post("/end-contract/", {**SAID, "wished_on": "2027-01-31", "send": "1"})
        page = client.get(sent["Location"]).content.decode().replace("\u00a0", " ")
    asked = ContractRequest.objects.get()
    assert (asked.contract, asked.line_number, asked.party_id) == (
        ORDER, "0639980001", camille.party_id,
    )  # fmt: skip
    assert asked.reference in page
    assert "24 December 2026 at 09:00" in page
    message = Message.objects.get()
    assert message.to == "camille@example.test"
    assert asked.reference in message.text
    entry = TimelineEntry.objects.get(code="request_end")
    assert entry.party_id == camille.party_id


def link_in(message: Message) -> str:
    (path,) = re.findall(r"/confirm-request/\S+", message.text)
    return str(path)


def test_who_says_all_as_we_know_it_ends_his_contract_by_the_link_that_he_gets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="faisceau.access")
    client, user = browser(), customer()
    assert user.party_id is not None
    begin(user.party_id)
    with business_time_fixed(contracts.at(date(2026, 12, 24), 9)):
        client.post("/end-contract/", {**SAID, "wished_on": "2027-01-31", "send": "1"})
        path = link_in(Message.objects.get())
        assert browser().get(path)["Location"] == f"{path}?on=2027-01-31"
        page = browser().get(f"{path}?on=2027-01-31").content.decode().replace("\u00a0", " ")
        assert "The contract ends on 31 January 2027" in page
        sent = client.post(
            f"{path}?on=2027-01-31",
            {name: re.findall(rf'name="{name}" value="([^"]+)"', page)[0]
             for name in ("expected", "digest")},
        )  # fmt: skip
        again = browser().get(path).content.decode()
    order = Order.objects.get()
    assert (sent["Location"], order.change) == (f"/orders/{order.number}/", "terminate")
    asked = ContractRequest.objects.get()
    assert (asked.outcome, asked.handled_by) == (order.number, "Camille Renard")
    assert "settled already" in again
    assert client.get(sent["Location"]).status_code == 200
    assert browser().get("/confirm-request/forged/").status_code == 404
    # Who reads the log can't end anybody's contract.
    assert "GET /confirm-request/***/" in caplog.messages
    assert not [text for text in caplog.messages if path in text]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("name", "Sacha Renard"), ("email", "sacha@example.test"), ("line_number", "06 39 98 00 09")],
)
def test_what_does_not_agree_gets_no_link_and_is_named_to_the_agent(
    camille: User, wrong: str, said: str
) -> None:
    browser().post("/end-contract/", {**SAID, wrong: said, "send": "1"})
    assert "/confirm-request/" not in Message.objects.get().text
    (asked,) = open_contract_requests()
    assert disagreeing(asked) == (wrong.partition("_")[0],)


def test_what_names_no_contract_of_the_sender_is_received_but_laid_to_nobody(
    camille: User,
) -> None:
    wrong = {**SAID, "name": "Sacha Perrin", "email": "sacha@example.test", "send": "1"}
    answer = browser().post("/withdraw/", wrong)
    assert answer.status_code == 302
    assert ContractRequest.objects.get().party_id is None
    assert not TimelineEntry.objects.filter(code="request_withdraw").exists()


def test_the_same_statement_twice_is_one_request(camille: User) -> None:
    client = browser()
    for _ in range(2):
        client.post("/withdraw/", {**SAID, "send": "1"})
    assert ContractRequest.objects.count() == 1
    assert Message.objects.count() == 1


def test_who_says_his_name_better_the_second_time_gets_the_link() -> None:
    user = customer()
    assert user.party_id is not None
    begin(user.party_id)
    for name in ("Sacha Renard", SAID["name"]):
        browser().post("/end-contract/", {**SAID, "name": name, "send": "1"})
    first, second = Message.objects.order_by("pk")
    assert "/confirm-request/" not in first.text
    assert link_in(second)


@pytest.mark.parametrize(
    ("field", "value"), [("email", "nobody"), ("line_number", "12"), ("wished_on", "2020-01-01")]
)
def test_a_wrong_value_is_shown_beside_its_field_and_nothing_is_kept(
    field: str, value: str
) -> None:
    answer = browser().post("/end-contract/", {**SAID, field: value, "send": "1"})
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not ContractRequest.objects.exists()


def test_a_running_line_is_renewed_or_added_to_at_an_exact_price_by_its_owner_alone(
    camille: User,
) -> None:
    line = Subscription.objects.get().pk
    owner = browser(camille)
    guide = text_of(owner, "/build/")
    assert f"/build/renew/handset/?line={line}" in guide
    assert f"/build/add/extras/?line={line}" in guide
    renewal = text_of(owner, f"/build/renew/handset/?line={line}")
    assert "Keep my phone" in renewal
    assert "This line can be renewed in the last three months of its commitment. From" in renewal
    more = text_of(owner, f"/build/add/extras/?line={line}")
    assert "06 39 98 00 01" in more
    chosen = text_of(owner, f"/build/add/extras/?line={line}&option=escale-monde")
    assert "See what changes" in chosen
    other = browser(customer("other@example.test", "Other"))
    assert other.get(f"/build/renew/handset/?line={line}").status_code == 404
    assert browser().get(f"/build/add/extras/?line={line}").status_code == 404
