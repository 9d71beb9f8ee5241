"""A phone that is paid in parts: chosen at the checkout, read on its bill, in a real browser; and
what the agent is shown of the bill day and of who pays."""

from collections.abc import Iterator

import pytest
from django.test import Client
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.selectors import forget_snapshots
from commerce.accounts.demo import load_demo_people
from commerce.accounts.models import Contact, StaffRole, User
from commerce.kernel.clock import business_now, business_today
from commerce.ordering.models import Order
from tests.browser.test_guide import visit as visited
from tests.browser.test_purchases import looked_at, visit
from tests.demo import sell_demo
from tests.integration.frontend.test_instalment_pages import summary
from tests.integration.ordering.test_instalments import _allowed, _own_billing  # noqa: F401
from tests.integration.subscriptions.contracts import begun, plan
from tests.integration.subscriptions.test_instalments import bought

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = ((1280, "fr"), (390, "fr"), (1280, "en"), (390, "en"))


@pytest.fixture
def on_sale(live_server: LiveServer) -> Iterator[str]:
    forget_snapshots()
    sell_demo(at=business_now())
    yield live_server.url
    forget_snapshots()


@pytest.mark.usefixtures("_allowed")
def test_the_checkout_offers_parts_and_wants_a_yes_to_their_days(
    chromium: Browser, on_sale: str
) -> None:
    shopper = Client()
    path = summary(shopper)
    kept: list[SetCookieParam] = [
        {"name": name, "value": each.value, "url": on_sale}
        for name, each in shopper.cookies.items()
    ]
    for width, language in LOOKS:
        with visited(chromium, width=width, language=language) as page:
            page.context.add_cookies(kept)
            page.goto(f"{on_sale}{path}")
            expect(page.locator("[name=instalments]")).to_have_count(3)
            looked_at(page, f"parts_{language}")
            page.locator("[name=instalments][value='3']").check()
            page.locator("#id_instalments_agreed").check()
            looked_at(page, f"parts_chosen_{language}")
    assert not Order.objects.exists()


def test_the_bill_tells_of_its_parts_and_the_agent_of_bill_day_and_payers(
    chromium: Browser, live_server: LiveServer
) -> None:
    load_demo_people()
    camille = User.objects.get(email="camille@example.test")
    assert camille.party_id is not None
    begun("C-1", [plan("29.99")], party=camille.party_id, on=business_today())
    number = bought(camille.party_id)
    agent = StaffRole.objects.filter(kind="agent").order_by("pk")[0].user
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    said = {"reason": "bill", "channel": "call_centre", "party": camille.party_id}
    client.post("/agent/contacts/", said)
    Contact.objects.update(verified=True)
    for width, language in LOOKS:
        with visit(chromium, live_server, camille, width=width, language=language) as page:
            page.goto(f"{live_server.url}/account/bills/{number}/")
            expect(page.locator(".bill-parts tbody tr")).to_have_count(3)
            looked_at(page, f"parts_bill_{language}")
        with visited(chromium, width=width, language=language) as page:
            session = client.cookies["sessionid"].value
            page.context.add_cookies(
                [{"name": "sessionid", "value": session, "url": live_server.url}]
            )
            for name in ("bill-day", "payables"):
                page.goto(f"{live_server.url}/agent/{name}/")
                expect(page.locator("main h1")).to_have_count(1)
                looked_at(page, f"agent_{name}_{language}")
