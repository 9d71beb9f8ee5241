"""Who pays whose bills, and the statement of what is to pay, in a real browser."""

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from commerce.accounts.kinds import Role
from commerce.accounts.models import Membership
from tests.browser.pages import nothing_wrong
from tests.browser.test_guide import visit
from tests.factories import FirmFactory, UserFactory
from tests.integration.subscriptions.test_payers import APRIL, billed, group

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def administrator(live_server: LiveServer) -> tuple[str, Client]:
    """Of the parent of three subsidiaries, whose bills of April are made."""
    parent, _, _ = group()
    billed(APRIL)
    unit = FirmFactory.create()
    unit.organisation.party_id = parent
    unit.organisation.save()
    user = UserFactory.create(language="fr")
    Membership.objects.create(
        unit=unit, name="Paule", email=user.email, role=Role.ADMINISTRATOR, user=user
    )
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return f"{live_server.url}/portal/payables/", client


def test_the_statement_is_read_and_a_code_is_made(
    chromium: Browser, administrator: tuple[str, Client]
) -> None:
    address, client = administrator
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    shop = address.removesuffix("portal/payables/")
    for width, language in ((1280, "en"), (390, "fr"), (1280, "fr"), (390, "en")):
        with visit(chromium, width=width, language=language) as page:
            page.context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": shop}]
            )
            page.goto(address)
            expect(page.locator("main tbody tr")).to_have_count(3)
            nothing_wrong(page)
            page.locator("#id_side").select_option("payer")
            page.locator("main form:has(#id_side) button").click()
            expect(page.locator("main code")).to_have_count(1)
            nothing_wrong(page)
