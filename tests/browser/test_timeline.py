"""The timeline of a contract, and the answer to what is free at first, in a real browser."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.selectors import forget_snapshots
from commerce.accounts.models import User
from commerce.kernel.clock import business_today
from subscriptions.models import Subscription
from tests.browser.pages import nothing_wrong
from tests.browser.test_guide import visit
from tests.demo import sell_demo
from tests.factories import PersonFactory, UserFactory
from tests.integration.ordering.test_paid_later import begin
from tests.integration.subscriptions.contracts import at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def line(live_server: LiveServer) -> Iterator[str]:
    forget_snapshots()
    today = business_today()
    sell_demo(at=at(today) - timedelta(days=1))
    person = PersonFactory.create(display_name="Camille Martin")
    begin(person.pk, on=today)
    UserFactory.create(party=person, language="fr")
    yield f"{live_server.url}/account/lines/{Subscription.objects.get().pk}/"
    forget_snapshots()


def test_what_is_free_is_answered_and_the_timeline_reads_well_on_a_phone(
    chromium: Browser, line: str
) -> None:
    owner = Client()
    user = User.objects.get(party__display_name="Camille Martin")
    owner.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    key = owner.cookies[settings.SESSION_COOKIE_NAME].value
    for width, language in ((1280, "en"), (390, "fr")):
        with visit(chromium, width=width, language=language) as page:
            page.context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": line}]
            )
            page.goto(line)
            expect(page.locator("#paid-later .line-number")).to_contain_text("Ondine")
            nothing_wrong(page)
            page.goto(f"{line}timeline/")
            nothing_wrong(page)
            page.goto(line)
            page.locator("#paid-later button").first.click()
            nothing_wrong(page)
            expect(page.locator("#paid-later .badge")).to_have_text(
                "goes on" if language == "en" else "se termine"
            )
