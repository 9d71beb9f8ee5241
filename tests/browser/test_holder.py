"""A line goes to somebody else, on the pages of both."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.selectors import forget_snapshots
from commerce.accounts.models import Party, User
from commerce.kernel.clock import business_now, business_time_fixed, business_today
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from commerce.ordering.models import Order
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.domain.charges import AgreedCharge
from subscriptions.models import Subscription
from tests.browser.pages import nothing_wrong
from tests.browser.test_guide import visit
from tests.demo import sell_demo
from tests.factories import PersonFactory
from tests.integration.subscriptions.contracts import RATES, promised

PASSWORD = "sept-mers-et-un-phare"
CHARGES = (AgreedCharge("plan", "monthly", True, Money.of("19.99"), "telecom"),)
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop(live_server: LiveServer) -> Iterator[str]:
    """Two customers; the first has a line since today."""
    forget_snapshots()
    now = business_now()
    sell_demo(at=now)
    for email, name in (("camille@example.test", "Camille Martin"), ("noe@example.test", "Noé")):
        person: Party = PersonFactory.create(display_name=name, email=email)
        User.objects.create_user(email, PASSWORD, party=person)
    with business_time_fixed(now):
        promised("F-2026-000001", CHARGES)
        activate(
            order_number="F-2026-000001", group="g1",
            party_id=Party.objects.get(email="camille@example.test").pk, segment="consumer",
            items=[
                ActivatedItem("plan", "horizon-130", CHARGES, names={"fr": "Horizon 130 5G"}),
                ActivatedItem("sim", "esim", (), names={"fr": "eSIM"}),
            ],
            tax_rates=RATES, term_months=24, activated_on=business_today(), release=1,
            channel="web", msisdn="0639980001",
        )  # fmt: skip
    yield live_server.url
    forget_snapshots()


def come_in(page: Page, email: str) -> None:
    page.fill("#id_email", email)
    page.fill("#id_password", PASSWORD)
    page.locator("main .button-main").click()
    page.wait_for_load_state("networkidle")


def test_a_line_is_passed_on_and_taken_over(chromium: Browser, shop: str) -> None:
    line = Subscription.objects.get()
    with visit(chromium, width=1280, language="fr") as page:
        page.goto(f"{shop}/account/login/")
        come_in(page, "camille@example.test")
        page.goto(f"{shop}/account/lines/{line.pk}/")
        page.get_by_role("link", name="Céder cette ligne à quelqu’un d’autre").click()
        nothing_wrong(page)
        page.fill("#id_email", "noe@example.test")
        page.check("#id_agreed")
        page.locator("main .button-main").click()
        expect(page.locator("main .alert-title").last).to_contain_text("noe@example.test")
        nothing_wrong(page)
    text = Message.objects.get(code="holder_asked").text
    link = re.search(r"/take-over/\S+", text)
    assert link is not None
    with visit(chromium, width=390, language="en") as page:
        page.goto(shop + link[0])
        nothing_wrong(page)
        page.get_by_role("link", name="Log in to accept").click()
        come_in(page, "noe@example.test")
        nothing_wrong(page)
        page.check("#id_summary")
        page.check("#id_terms")
        page.get_by_role("button", name="Take the line over").click()
        page.wait_for_url(re.compile("/orders/F-"))
        nothing_wrong(page)
    order = Order.objects.get()
    assert (order.change, order.state, order.party.email) == (
        "holder", "accepted", "noe@example.test",
    )  # fmt: skip
