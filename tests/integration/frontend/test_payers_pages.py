"""Who pays whose bills, on the pages and over the API: asked, accepted, ended, each for his own."""

from collections.abc import Iterator
from datetime import date

import pytest
from django.test import Client

from commerce.accounts.kinds import Role, StaffKind
from commerce.accounts.models import Contact, Unit, User
from commerce.kernel.clock import business_time_fixed
from commerce.payments.models import PaymentAttempt
from subscriptions.collection.payables import payables_of
from subscriptions.invoicing.selectors import bills_of
from subscriptions.models import PayerAgreement
from tests.integration.frontend.test_portal_and_ops import as_member, as_staff, browser, firm
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan, run
from tests.integration.subscriptions.test_payers import pays as payers_pays

AT = at(DAY)
APRIL = date(2026, 4, 10)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def parent() -> Unit:
    return firm("Maison Parent", siren="732829320")


@pytest.fixture
def child() -> Unit:
    found = firm("Filiale Une", siren="552100554")
    begun("C-1", [plan("10.00")], party=found.organisation.party_id, segment="business")
    with business_time_fixed(at(date(2026, 3, 11), 4)):
        run(date(2026, 3, 11))
    return found


@pytest.fixture
def pays(parent: Unit) -> Client:
    return as_member(parent, "Paule", role=Role.ADMINISTRATOR)


@pytest.fixture
def paid(child: Unit) -> Client:
    return as_member(child, "Fanny", role=Role.ADMINISTRATOR)


def said(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode().replace("\u00a0", " ").replace("\u202f", " ")


def agreed(pays: Client, paid: Client) -> None:
    page = pays.post("/portal/payables/", {"side": "payer"}).content.decode()
    code = page.split('<code class="nowrap">')[1].split("<")[0]
    assert paid.post("/portal/payables/", {"code": code}).status_code == 302


def billed() -> None:
    with business_time_fixed(at(APRIL, 4)):
        run(APRIL)


def test_the_portal_asks_and_accepts_and_shows_what_is_to_pay(
    pays: Client, paid: Client, parent: Unit, child: Unit
) -> None:
    assert 'href="/portal/payables/"' in said(pays, "/portal/bills/")
    agreed(pays, paid)
    billed()
    with business_time_fixed(at(APRIL)):
        (statement,) = payables_of(parent.organisation.party_id)
        page = said(pays, "/portal/payables/")
        assert "Pays the bills of Filiale Une" in page
        assert "Bills of 10 April 2026" in page
        assert page.count("€12.00") == 4
        assert statement.reference in page.replace(" ", "")
        # Of the child's bill the parent reads the sum alone.
        (number, _) = [bill.number for bill in bills_of(child.organisation.party_id)]
        assert pays.get(f"/portal/bills/{number}/").status_code == 404
        assert "Another party pays this bill: Maison Parent" in said(
            paid, f"/portal/bills/{number}/"
        )
        theirs = said(paid, "/portal/payables/")
        assert "Maison Parent pays these bills" in theirs
        assert "Bills of 10 April 2026" not in theirs
        ended = paid.post("/portal/payables/", {"end": str(PayerAgreement.objects.get().pk)})
        assert ended.status_code == 302
        assert "and before 10 May 2026" in said(pays, "/portal/payables/")


def test_a_wrong_code_is_refused_in_words_and_a_viewer_decides_nothing(
    pays: Client, child: Unit
) -> None:
    refused = pays.post("/portal/payables/", {"code": "wrong"})
    assert refused.status_code == 422
    assert "This code is not valid, or not any more." in refused.content.decode()
    viewer = as_member(child, "Vera", role=Role.VIEWER)
    assert "Make a code" not in said(viewer, "/portal/payables/")
    assert viewer.post("/portal/payables/", {"side": "paid"}).status_code == 422
    assert PayerAgreement.objects.count() == 0


def test_an_agent_decides_with_the_caller_alone(child: Unit) -> None:
    agent = as_staff(StaffKind.AGENT)
    party = child.organisation.party
    agent.post("/agent/contacts/", {"reason": "bill", "channel": "call_centre", "party": party.pk})
    assert agent.post("/agent/payables/", {"side": "paid"}).status_code == 422
    assert PayerAgreement.objects.count() == 0
    Contact.objects.update(verified=True)
    page = agent.post("/agent/payables/", {"side": "paid"}).content.decode()
    assert page.count('<code class="nowrap">') == 1
    assert PayerAgreement.objects.get().account_id is not None


def test_the_api_asks_accepts_tells_and_ends(
    pays: Client, paid: Client, parent: Unit, child: Unit
) -> None:
    asked = paid.post("/api/v1/payer-agreements", {"side": "paid"}, content_type="application/json")
    assert asked.status_code == 201
    accepted = pays.post(
        "/api/v1/payer-agreements/acceptances",
        {"code": asked.json()["code"]},
        content_type="application/json",
    )
    assert accepted.status_code == 200
    told = accepted.json()
    assert (told["side"], told["state"], told["other"], told["from_on"], told["until_on"]) == (
        "payer", "agreed", "Filiale Une", "2026-04-10", None,
    )  # fmt: skip
    again = pays.post(
        "/api/v1/payer-agreements/acceptances",
        {"code": asked.json()["code"]},
        content_type="application/json",
    )
    assert (again.status_code, again.json()["code"]) == (404, "unknown_payer_code")
    billed()
    (statement,) = pays.get("/api/v1/payables").json()["items"]
    (number, _) = [bill.number for bill in bills_of(child.organisation.party_id)]
    assert (statement["on"], statement["open"]["amount"]) == ("2026-04-10", "12.00")
    assert [bill["number"] for bill in statement["accounts"][0]["bills"]] == [number]
    assert pays.get("/api/v1/payables/2026-04-10").json() == statement
    assert pays.get(f"/api/v1/invoices/{number}").status_code == 404
    assert paid.get(f"/api/v1/invoices/{number}").json()["payer"] == "Maison Parent"
    for address in ("/api/v1/payables/2026-04-10", "/api/v1/payables/soon"):
        assert paid.get(address).status_code == 404
    other = as_member(firm("Autre", siren="443061841"), "Otto", role=Role.ADMINISTRATOR)
    end = f"/api/v1/payer-agreements/{told['id']}/end"
    assert other.post(end, {}, content_type="application/json").status_code == 404
    assert PayerAgreement.objects.get().until_on is None
    ended = pays.post(end, {"reason": "sold"}, content_type="application/json").json()
    assert (ended["until_on"], ended["reason"]) == ("2026-04-10", "sold")
    assert parent.organisation.party_id != child.organisation.party_id


def test_a_person_pays_the_bills_of_another_by_hand() -> None:
    payer, child = person(), person()
    begun("C-1", [plan("10.00")], party=child)
    payers_pays(payer, child)
    billed()
    number = bills_of(child)[0].number
    mine = browser(User.objects.create_user("paule@example.test", None, party_id=payer))
    theirs = browser(User.objects.create_user("fanny@example.test", None, party_id=child))
    with business_time_fixed(at(APRIL)):
        button, pay = "Pay €10.00 now", f"/account/bills/{number}/pay/"
        page = said(mine, "/account/payables/")
        assert (page.count(button), f'action="{pay}"' in page) == (1, True)
        assert button not in said(theirs, "/account/payables/")
        assert theirs.post(pay, {"for_another": "yes"}).status_code == 404
        assert PaymentAttempt.objects.count() == 0
        asked = mine.post(pay, {"for_another": "yes"})
        payment = PaymentAttempt.objects.get()
        assert (asked.status_code, payment.party_id, payment.reference, str(payment.amount)) == (
            302, payer, number, "10.00",
        )  # fmt: skip
        assert payment.success_url == "http://testserver/account/payables/?back=1"
        PaymentAttempt.objects.update(state="authorised")
        assert button not in said(mine, "/account/payables/")


def test_who_has_a_code_refuses_on_the_page_and_over_the_api(
    pays: Client, paid: Client, child: Unit
) -> None:
    codes = []
    for _ in range(2):
        page = pays.post("/portal/payables/", {"side": "payer"}).content.decode()
        codes.append(page.split('<code class="nowrap">')[1].split("<")[0])
    refused = paid.post("/portal/payables/", {"code": codes[0], "refuse": "yes"})
    assert refused.status_code == 302
    answer = paid.post(
        "/api/v1/payer-agreements/refusals", {"code": codes[1]}, content_type="application/json"
    )
    assert (answer.status_code, answer.content) == (204, b"")
    states = PayerAgreement.objects.values_list("state", flat=True)
    assert list(states) == ["withdrawn", "withdrawn"]
    for code in codes:
        again = paid.post("/portal/payables/", {"code": code})
        assert again.status_code == 422
