"""Another bill day, looked at and confirmed in a real browser."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.selectors import forget_snapshots
from commerce.accounts.models import User
from commerce.kernel.clock import business_now
from subscriptions.models import BillingAccount
from tests.browser.pages import nothing_wrong
from tests.browser.test_guide import visit
from tests.demo import sell_demo
from tests.factories import PersonFactory, UserFactory
from tests.integration.ordering.test_paid_later import begin

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page_of_the_day(live_server: LiveServer) -> Iterator[str]:
    forget_snapshots()
    sell_demo(at=business_now())
    person = PersonFactory.create(display_name="Camille Martin")
    begin(person.pk)
    UserFactory.create(party=person, language="fr")
    yield f"{live_server.url}/account/bill-day/"
    forget_snapshots()


def test_another_bill_day_is_shown_to_the_cent_and_then_confirmed(
    chromium: Browser, page_of_the_day: str
) -> None:
    owner = Client()
    user = User.objects.get(party__display_name="Camille Martin")
    owner.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    key = owner.cookies[settings.SESSION_COOKIE_NAME].value
    shop = page_of_the_day.removesuffix("account/bill-day/")
    former = BillingAccount.objects.get().cycle_day
    wanted = 5 if former != 5 else 6
    for width, language in ((1280, "en"), (390, "fr"), (1280, "fr"), (390, "en")):
        with visit(chromium, width=width, language=language) as page:
            page.context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": shop}]
            )
            page.goto(page_of_the_day)
            nothing_wrong(page)
            page.locator("#id_day").select_option(str(wanted))
            page.locator("main form[method=get] button").click()
            expect(page.locator("#after-title + ul li")).to_have_count(4)
            nothing_wrong(page)
    assert BillingAccount.objects.get().cycle_day == former
    with visit(chromium, width=390, language="fr") as page:
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": shop}]
        )
        page.goto(f"{page_of_the_day}?day={wanted}")
        page.locator("main form .button-main").last.click()
        page.wait_for_url("**/account/bills/")
        nothing_wrong(page)
        page.goto(page_of_the_day)
        nothing_wrong(page)
    assert BillingAccount.objects.get().cycle_day == wanted
