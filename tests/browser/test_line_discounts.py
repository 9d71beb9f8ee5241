"""What other lines cost otherwise is shown before a line is ended, in a real browser."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.selectors import forget_snapshots
from commerce.accounts.models import User
from commerce.kernel.clock import business_now
from tests.browser.pages import nothing_wrong
from tests.browser.test_guide import visit
from tests.demo import sell_demo
from tests.integration.ordering.people import customer
from tests.integration.ordering.test_line_discounts import family, sell, three_lines

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ending(live_server: LiveServer) -> Iterator[str]:
    """The page on which the first of three lines is ended."""
    forget_snapshots()
    now = business_now()
    sell_demo(at=now)
    sell(family(earlier=1), at=now)
    first, _, _ = three_lines(customer())
    yield f"{live_server.url}/account/lines/{first}/change/terminate/"
    forget_snapshots()


def test_the_end_of_a_line_says_what_the_others_cost_then(chromium: Browser, ending: str) -> None:
    owner = Client()
    user = User.objects.get(party__display_name="Camille Martin")
    owner.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    key = owner.cookies[settings.SESSION_COOKIE_NAME].value
    for width, language in ((1280, "fr"), (390, "fr"), (1280, "en"), (390, "en")):
        with visit(chromium, width=width, language=language) as page:
            page.context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": ending}]
            )
            User.objects.update(language=language)
            page.goto(ending)
            lines = page.locator("section[aria-labelledby=beside-title] li")
            expect(lines).to_have_count(1)
            expect(lines).to_contain_text(
                "€5.00 more per month" if language == "en" else "de plus par mois"
            )
            nothing_wrong(page)
