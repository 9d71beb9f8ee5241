"""Who pays whose bills, and the statement of what is to pay, in a real browser."""

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from commerce.accounts.kinds import Role
from commerce.accounts.models import Membership, User
from tests.browser.pages import nothing_wrong
from tests.browser.test_guide import visit
from tests.browser.test_purchases import looked_at
from tests.factories import FirmFactory, UserFactory
from tests.integration.subscriptions.contracts import DAY, begun, person, plan
from tests.integration.subscriptions.test_payers import APRIL, billed, group, named, on, pays

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


@pytest.fixture
def payer(live_server: LiveServer) -> tuple[str, Client]:
    """A person who pays another's bill of April."""
    mine, theirs = person(), named(person(), "Jeanne Roux")
    with on(DAY):
        begun("C-1", [plan("10.00")], party=theirs)
    pays(mine, theirs)
    billed(APRIL)
    user = User.objects.create_user("camille@example.test", None, party_id=mine)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return f"{live_server.url}/account/payables/", client


def test_a_person_has_a_button_for_each_open_bill_of_another(
    chromium: Browser, payer: tuple[str, Client]
) -> None:
    address, client = payer
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    shop = address.removesuffix("account/payables/")
    for width, language in ((1280, "en"), (390, "fr"), (1280, "fr"), (390, "en")):
        with visit(chromium, width=width, language=language) as page:
            page.context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": shop}]
            )
            page.goto(address)
            expect(page.locator("main form[action$='/pay/'] button")).to_have_count(1)
            expect(page.locator("main button[name=refuse]")).to_have_count(1)
            nothing_wrong(page)
            looked_at(page, f"payables_{width}_{language}")
