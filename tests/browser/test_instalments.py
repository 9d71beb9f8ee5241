"""A phone paid in parts in a real browser: chosen before the summary, read on the bills."""

from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.selectors import forget_snapshots
from commerce.accounts.models import Party, StaffRole, User
from commerce.kernel.clock import business_now, business_time_fixed
from commerce.ordering.services.handover import hand_over
from tests.browser.pages import nothing_wrong
from tests.browser.test_guide import visit
from tests.demo import sell_demo
from tests.integration.ordering.people import bundle_cart, visitor
from tests.integration.ordering.test_instalments import _allowed, _own_billing  # noqa: F401
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan
from tests.integration.subscriptions.test_instalments import APRIL, bought, first_month

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZES = ((1280, "en"), (390, "fr"), (1280, "fr"), (390, "en"))


@pytest.fixture
def shop(live_server: LiveServer) -> Iterator[str]:
    forget_snapshots()
    sell_demo(at=business_now())
    yield live_server.url
    forget_snapshots()


def with_cookies(page: Page, client: Client, url: str) -> None:
    page.context.add_cookies(
        [{"name": name, "value": each.value, "url": url} for name, each in client.cookies.items()]
    )


@pytest.mark.usefixtures("_allowed")
def test_how_the_phone_is_paid_is_a_step_and_the_panel_follows(
    chromium: Browser, shop: str
) -> None:
    shopper = Client()
    posted = {"handset": "ardoval-x2-128-nuit", "term": "24"}
    step = shopper.post("/build/start/", posted)["Location"].replace("/plan/", "/sim/")
    asked = shopper.post(step, {"sim": "esim", "keep": "new"})["Location"]
    assert asked.endswith("/in-parts/")
    for width, language in SIZES:
        with visit(chromium, width=width, language=language) as page:
            with_cookies(page, shopper, shop)
            page.goto(f"{shop}{asked}")
            expect(page.locator(".choices .choice")).to_have_count(3)
            nothing_wrong(page)
            page.locator(".choices .choice-pick").nth(1).click()
            expect(page.locator(".choices .choice-chosen .choice-pick")).to_contain_text("3")
            if width < 1000:
                page.locator(".promise-closed-text").click()
            page.locator(".promise-bars summary").click()
            expect(page.locator(".promise-bars td", has_text="+")).to_have_count(2)
            nothing_wrong(page)
            page.goto(
                f"{shop}{asked.replace('/build/', '/cart/summary/?cart=').split('/in-parts')[0]}"
            )
            due = page.locator(".promise-today b")
            whole = due.inner_text()
            page.locator("input[name=instalments]").nth(2).check()
            expect(due).not_to_have_text(whole)
            nothing_wrong(page)


@pytest.mark.usefixtures("_allowed")
def test_an_agent_reads_aloud_what_the_caller_chooses(
    chromium: Browser, shop: str, django_user_model: type[User]
) -> None:
    agent = Client()
    user = django_user_model.objects.create_user("nadia@faisceau.example", "x", first_name="Nadia")
    StaffRole.objects.create(user=user, kind="agent")
    agent.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    agent.post("/agent/contacts/", {"reason": "order", "channel": "call_centre", "party": ""})
    caller = visitor()
    code = bundle_cart(caller, handset="ardoval-x2-128-nuit")
    hand_over(caller, code=code)
    agent.post("/agent/cart/", {"code": code})
    for width, language in SIZES:
        with visit(chromium, width=width, language=language) as page:
            with_cookies(page, agent, shop)
            page.goto(f"{shop}/agent/cart/{code}/")
            aloud = page.locator("#aloud")
            whole = aloud.inner_text()
            page.locator("input[name=instalments]").nth(1).check()
            expect(aloud).not_to_have_text(whole)
            nothing_wrong(page)


def test_a_bill_and_its_explanation_name_the_parts(
    chromium: Browser, live_server: LiveServer
) -> None:
    party = person()
    user = User.objects.create_user("camille@example.test", None, party=Party.objects.get(pk=party))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    with business_time_fixed(at(DAY)):
        begun("C-1", [plan("29.99")], party=party)
        bought(party)
    monthly = first_month(party, APRIL)
    for width, language in SIZES:
        with visit(chromium, width=width, language=language) as page:
            with_cookies(page, client, live_server.url)
            page.goto(f"{live_server.url}/account/bills/{monthly}/")
            expect(page.locator(".bill-parts")).to_have_count(2)
            nothing_wrong(page)
            page.goto(f"{live_server.url}/account/bills/{monthly}/explained/")
            expect(page.locator(".bill-parts")).to_have_count(2)
            nothing_wrong(page)
