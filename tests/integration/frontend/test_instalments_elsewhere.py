"""Paying phones in parts on the pages of agents, firms and of running lines."""

from collections.abc import Iterator
from datetime import date, datetime

import pytest
from django.test import Client

from commerce.accounts.kinds import Role
from commerce.accounts.models import Membership, User
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.money import Money
from commerce.markets.pack import AtEnd
from commerce.ordering.models import Order
from commerce.payments.models import PaymentAttempt
from subscriptions.collection.instalments import plan_of
from subscriptions.collection.services.instalments import agree
from subscriptions.models import InstalmentPlan, Subscription
from tests.factories import FirmFactory, PersonFactory, UserFactory
from tests.integration.frontend.test_agent_console import agent, begun, handed, send
from tests.integration.frontend.test_instalment_pages import of_the_panel, text_of
from tests.integration.frontend.test_portal_and_ops import as_member, firm
from tests.integration.ordering.conftest import at as _shop_time
from tests.integration.ordering.conftest import shop
from tests.integration.ordering.test_changes import LATE
from tests.integration.ordering.test_instalments import _allowed, _own_billing, link_of
from tests.integration.ordering.test_next_offers import ORDER, START, begin
from tests.integration.ordering.test_renewing_in_parts import _trusted
from tests.integration.subscriptions.contracts import DAY, at
from tests.integration.subscriptions.test_instalments import bought

__all__ = ["_allowed", "_own_billing", "_shop_time", "_trusted", "agent", "handed", "shop"]
pytestmark = pytest.mark.django_db
AT = at(START)
PHONE = "halvik-bureau-128-graphite"
allowed = pytest.mark.usefixtures("_allowed")


@pytest.fixture(name="at")
def _at(_shop_time: datetime) -> datetime:
    return _shop_time


@allowed
def test_an_agent_lets_the_caller_choose_and_he_agrees_on_his_own_device(
    agent: Client, handed: str
) -> None:
    begun(agent)
    agent.post("/agent/cart/", {"code": handed})
    page = text_of(agent, f"/agent/cart/{handed}/?instalments=3")
    assert "Today you pay" in page
    assert "Without fee or interest, with your bills." in page
    assert "In 3 parts" in page
    assert "I agree to pay" not in page
    assert "If I pay in parts" not in page
    assert send(agent, handed, instalments="3") == 302
    order = Order.objects.get()
    plan = plan_of(order.number)
    assert plan is not None
    assert (order.state, plan.parts) == ("awaiting_acceptance", 3)
    customer = Client(headers={"accept-language": "en"})
    path = f"/accept/{link_of(order.number)}/"
    seen = text_of(customer, path)
    assert "I agree to pay each of the parts with its bill." in seen
    assert f"€{(order.gross - order.deferred):.2f}" in of_the_panel(seen)
    said = {
        "early": "now",
        "summary": "on",
        "terms": "on",
        **customer.get(path).context["form"].initial,
    }
    silent = customer.post(path, said).content.decode()
    assert "Please agree to pay the parts on their days." in silent
    assert not PaymentAttempt.objects.exists()
    customer.post(path, {**said, "instalments_agreed": "on"})
    assert PaymentAttempt.objects.get().amount == order.gross - order.deferred


def test_in_france_an_agent_is_not_asked(agent: Client, handed: str) -> None:
    begun(agent)
    agent.post("/agent/cart/", {"code": handed})
    assert 'name="instalments"' not in text_of(agent, f"/agent/cart/{handed}/")


@pytest.fixture
def line(demo_catalogue: object) -> tuple[Client, int]:
    """The browser of a customer, and his line that may be renewed."""
    person = PersonFactory.create()
    contract = begin(person.pk)
    user: User = UserFactory.create(party=person, language="en")
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return browser, contract


@pytest.mark.usefixtures("_allowed", "_trusted")
def test_a_renewal_shows_the_parts_beside_its_bills_and_asks_for_a_yes(
    line: tuple[Client, int],
) -> None:
    browser, contract = line
    path = (
        f"/account/lines/{contract}/change/renew/"
        "?plan=horizon-130&handset=ardoval-x2-128-nuit&term=24"
    )
    with business_time_fixed(at(LATE)):
        page = browser.get(f"{path}&instalments=3")
        text = page.content.decode()
        assert "How you pay the phone" in text
        assert of_the_panel(text).count("of 3 of the phone, due on") == 2
        form = page.context["form"]
        assert form.initial["instalments"] == 3
        said = {
            **{name: form.initial[name] for name in ("expected", "digest")},
            "summary": "on", "terms": "on", "early": "on", "instalments": "3",
            "name": "Camille", "line1": "8 rue des Lilas", "postcode": "75020", "city": "Paris",
        }  # fmt: skip
        refused = browser.post(path, said).content.decode()
        assert "Please agree to pay the parts on their days." in refused
        assert not InstalmentPlan.objects.exists()
        browser.post(path, {**said, "instalments_agreed": "on"})
    order = Order.objects.get()
    assert (order.change, order.subject) == ("renew", contract)
    assert PaymentAttempt.objects.get().amount == order.gross - order.deferred


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (AtEnd.GOES_ON, "€99.50 of the phone is left to pay in parts: they go on as agreed."),
        (
            AtEnd.FALLS_DUE,
            "€99.50 of the phone is left to pay in parts: it falls due on 12 January 2028.",
        ),
    ],
)
def test_the_preview_of_an_end_says_what_becomes_of_the_parts(
    line: tuple[Client, int], end: AtEnd, sentence: str
) -> None:
    browser, contract = line
    later = Money.of("49.75")
    agree(
        order_number=ORDER,
        party_id=Subscription.objects.get().party_id,
        amounts=(later, later, later),
        lines={"handset-1": later * 2},
        longest_days=None,
        at_end=end,
    )
    with business_time_fixed(at(date(2028, 1, 1))):
        page = text_of(browser, f"/account/lines/{contract}/change/terminate/?on=2028-01-12")
    assert sentence in page


@pytest.fixture
def buyer(demo_catalogue: object) -> Iterator[Client]:
    with business_time_fixed(at(date(2026, 11, 24))):
        yield as_member(
            firm("Atelier Rivoire", siren="732829320"), "Bruno", role=Role.BUYER, limit="9000"
        )


def ordered(buyer: Client, **said: str) -> str:
    heading = "user_name;user_email;plan;handset;sim;term;site"
    users = [f"U{n};u{n}@firm.example;flotte-50;{PHONE};carte-sim;24;Lyon" for n in range(3)]
    answer = buyer.post("/portal/new/", {"table": "\n".join([heading, *users]), **said})
    return answer.content.decode().replace("\u00a0", " ")


def test_a_fleet_is_checked_with_its_parts_and_ordered_with_a_yes(
    buyer: Client, settings: object
) -> None:
    assert 'name="instalments"' not in ordered(buyer, step="check")
    settings.INSTALMENTS_FOR = ["business"]  # type: ignore[attr-defined]
    page = ordered(buyer, step="check")
    assert "All with the bill of the order" in page
    assert "In 2 parts" in page
    assert "is due with that bill in all." in page
    said = {"purchase_order": "PO-7", "terms": "on", "instalments": "2"}
    refused = ordered(buyer, **said)
    assert "Please agree to pay the parts on their days." in refused
    assert "Due of it with the bill of the order" in of_the_panel(refused)
    assert not Order.objects.exists()
    ordered(buyer, **said, instalments_agreed="on")
    order = Order.objects.get()
    plan = plan_of(order.number)
    assert plan is not None
    assert (plan.parts, plan.longest_days) == (2, 60)


@pytest.fixture
def member() -> Iterator[tuple[Membership, Client, str]]:
    """Of a firm whose phone is paid in two parts, with the number of its bill."""
    unit = FirmFactory.create()
    user = UserFactory.create(language="en")
    found = Membership.objects.create(
        unit=unit, name="Alix", email=user.email, role=Role.BUYER, user=user
    )
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    with business_time_fixed(at(DAY)):
        party = unit.organisation.party_id
        number = bought(party, "119.40", "119.40", segment="business", longest=60)
        yield found, client, number


def test_a_firm_pays_off_what_is_left_in_its_portal(
    member: tuple[Membership, Client, str],
) -> None:
    _, client, number = member
    assert "Pay off all €119.40 now" in text_of(client, f"/portal/bills/{number}/")
    answer = client.post(f"/portal/bills/{number}/pay-off/")
    assert answer.status_code == 302
    # What was due with the bill is open too: the firm transfers it.
    assert str(PaymentAttempt.objects.get().amount) == "238.80"


def test_a_viewer_of_a_firm_does_not_pay(member: tuple[Membership, Client, str]) -> None:
    who, client, number = member
    Membership.objects.filter(pk=who.pk).update(role=Role.VIEWER)
    assert "Pay off all" not in text_of(client, f"/portal/bills/{number}/")
    assert client.post(f"/portal/bills/{number}/pay-off/").status_code == 403
    assert not PaymentAttempt.objects.exists()
