"""The three cases of care about purchases, from the merchant's shop to the agent's page and back:
it failed, it was charged and not delivered, nobody bought it; in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from commerce.accounts.demo import load_demo_people
from commerce.accounts.models import Contact, StaffRole, User
from commerce.kernel.clock import business_today
from commerce.sandbox.merchant.books import Sale
from subscriptions.carrier.models import CarrierRefund, SinkMessage
from subscriptions.models import Subscription
from tests.browser.test_purchases import looked_at
from tests.integration.sandbox_merchant.test_selling import (
    SINGLE,
    TICKET,
    Merchant,
    code_of,
    hears,
)
from tests.integration.subscriptions.contracts import begun, plan

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LINE = "+33639980001"


def of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@contextmanager
def seen(
    chromium: Browser, server: LiveServer, client: Client, *, width: int, language: str
) -> Iterator[Page]:
    context = chromium.new_context(
        viewport={"width": width, "height": 844},
        extra_http_headers={"Accept-Language": language},
        reduced_motion="reduce",
    )
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    yield context.new_page()
    context.close()


def sold(lune: Merchant, *, state: str) -> Sale:
    """Bought by a message, and the code of it given to the merchant."""
    sale = lune.shop.sell(SINGLE, number=LINE, channel="SMS")
    sale = lune.shop.type_code(sale, code=code_of(sale))
    assert sale.state == state
    return sale


def card(sale: Sale) -> str:
    return f"article[aria-labelledby='p-{sale.payment}']"


def test_a_purchase_that_failed_was_not_delivered_or_was_never_made(
    chromium: Browser, live_server: LiveServer, tmp_path: Path
) -> None:
    load_demo_people()
    lune = Merchant(tmp_path)
    camille = User.objects.get(email="camille@example.test")
    assert camille.party_id is not None
    begun("F-1", [plan("29.99")], party=camille.party_id, on=business_today())
    line = Subscription.objects.get()
    nadia = of(StaffRole.objects.filter(kind="agent").order_by("pk")[0].user)
    said = {"reason": "bill", "channel": "call_centre", "party": camille.party_id}
    nadia.post("/agent/contacts/", said)
    Contact.objects.update(verified=True)
    customers = f"{live_server.url}/account/lines/{line.pk}/purchases/"
    agents = f"{live_server.url}/agent/lines/{line.pk}/purchases/"

    for width, language in ((1280, "en"), (390, "fr")):
        looks: dict[str, Any] = {"width": width, "language": language}
        name = f"care_{language}"
        # It failed: by a limit that the customer chose, and the agent tells him so.
        with seen(chromium, live_server, of(camille), **looks) as page:
            page.goto(customers)
            page.fill("[name=per_purchase]", "1")
            page.fill("[name=per_day]", "40")
            page.fill("[name=of_digital]", "30")
            page.locator("form:has([name=per_purchase]) .button-main").click()
            kept = "30.00" if language == "en" else "30,00"
            expect(page.locator("[name=of_digital]")).to_have_value(kept)
            looked_at(page, f"{name}_limits")
        assert lune.shop.sell(TICKET, number=LINE, channel="SMS").state == "refused"
        with seen(chromium, live_server, nadia, **looks) as page:
            page.goto(agents)
            failed = page.locator("section[aria-labelledby=failed-title] tbody tr").first
            expect(failed).to_contain_text(TICKET.name)
            looked_at(page, f"{name}_failed")
            page.fill("[name=per_purchase]", "")
            page.locator("form:has([name=per_purchase]) .button-main").click()
            expect(page.locator("[name=per_purchase]")).to_have_value("")

        # Charged and not delivered: given back with a reason, and the merchant hears of it.
        lune.plant("no_delivery", SINGLE.code)
        undelivered = sold(lune, state="undelivered")
        with seen(chromium, live_server, nadia, **looks) as page:
            page.goto(agents)
            page.locator(f"{card(undelivered)} summary").click()
            page.fill(f"#reason-{undelivered.payment}", "never came")
            looked_at(page, f"{name}_undelivered")
            page.locator(f"{card(undelivered)} button[value=refund]").click()
            expect(page.locator(card(undelivered))).to_contain_text("never came")
            expect(page.locator(f"{card(undelivered)} summary")).to_have_count(0)
        refund = CarrierRefund.objects.get(payment=UUID(undelivered.payment))
        assert (str(refund.gross), refund.reason) == ("4.99", "never came")
        for message in SinkMessage.objects.filter(body__contains=str(refund.pk)):
            assert hears(lune, message) == ""
        assert lune.books.sale(undelivered.reference).returned == SINGLE.cents

        # "I never bought this": all of it back, and he sells nothing until the block is lifted.
        disowned = sold(lune, state="delivered")
        with seen(chromium, live_server, nadia, **looks) as page:
            page.goto(agents)
            page.locator(f"{card(disowned)} summary").click()
            page.locator(f"{card(disowned)} button[value=never]").click()
            expect(page.locator("section[aria-labelledby=merchants-title]")).to_contain_text("lune")
            looked_at(page, f"{name}_disowned")
        refused = lune.shop.sell(SINGLE, number=LINE, channel="SMS")
        assert (refused.state, refused.why) == ("refused", "CARRIER_BILLING.PAYMENT_DENIED")
        with seen(chromium, live_server, of(camille), **looks) as page:
            page.goto(customers)
            expect(page.locator("tbody tr").first).to_contain_text(SINGLE.name)
            looked_at(page, f"{name}_customer")
        with seen(chromium, live_server, nadia, **looks) as page:
            page.goto(agents)
            page.locator("section[aria-labelledby=merchants-title] button").click()
            expect(page.locator("section[aria-labelledby=merchants-title]")).to_have_count(0)
    assert CarrierRefund.objects.count() == 4
    for message in SinkMessage.objects.filter(body__contains="refund-completed"):
        assert hears(lune, message) == ""
    lune.agreed(4)
