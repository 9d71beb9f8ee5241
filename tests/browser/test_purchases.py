"""The pages about purchases from third parties: the question to the holder of a line, what a firm's
lines may, and the merchants' months, in a real browser."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from commerce.accounts.demo import load_demo_people
from commerce.accounts.models import Organisation, User
from commerce.kernel.clock import business_time_fixed, business_today
from commerce.kernel.periods import add_months
from subscriptions.carrier.demo import load_demo_merchant
from subscriptions.carrier.models import CarrierPayment, Merchant
from subscriptions.carrier.services import confirming, purchasing, settling
from subscriptions.carrier.services.answering import page_of
from subscriptions.domain.carrier import Selling
from subscriptions.models import Subscription
from tests.browser.pages import nothing_wrong
from tests.integration.subscriptions.contracts import at, begun, plan
from tests.integration.subscriptions.test_carrier_billing import asked
from tests.integration.subscriptions.test_who_sells import seller

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FOLDER = os.environ.get("PICTURES", "")
"""Where pictures of the pages go, if somebody wants to look at them."""


@contextmanager
def visit(
    chromium: Browser, server: LiveServer, user: User, *, width: int, language: str
) -> Iterator[Page]:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    context = chromium.new_context(
        viewport={"width": width, "height": 844},
        extra_http_headers={"Accept-Language": language},
        reduced_motion="reduce",
    )
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    yield context.new_page()
    context.close()


def looked_at(page: Page, name: str) -> None:
    nothing_wrong(page)
    if FOLDER:
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=f"{FOLDER}/{name}_{width}.png", full_page=True)


def test_each_page_about_purchases_reads_well(chromium: Browser, live_server: LiveServer) -> None:
    load_demo_people()
    load_demo_merchant("http://127.0.0.1:9")
    lune = Merchant.objects.get()
    metro = seller(Selling.TOLD)
    Merchant.objects.filter(pk=metro.pk).update(return_to="http://127.0.0.1:9/back")
    camille, hugo, claire = (
        User.objects.get(email=email)
        for email in (
            "camille@example.test",
            "hugo.lefort@faisceau.example",
            "claire@rivoire.example",
        )
    )
    assert camille.party_id is not None
    firm = Organisation.objects.get(customer=True).party_id
    begun("F-1", [plan("29.99")], party=camille.party_id, on=business_today())
    for number, name in (("0639980008", "Ada"), ("0639980009", "Bruno")):
        begun(f"F-{name}", [plan("20.00")], party=firm, segment="business", on=business_today())
        line = Subscription.objects.filter(order_number=f"F-{name}")
        line.update(user_name=name, msisdn=number)

    def asks(reference: str, service: str) -> CarrierPayment:
        told = asked("3.99", reference, service_code=service)
        return purchasing.prepare(party_id=lune.party_id, purchase=told)

    for width, language, yes, service in (
        (1280, "en", "Yes, buy it", "lune-plus"),
        (390, "fr", "Oui, acheter", "lune-42"),
    ):
        payment = asks(f"r-{width}", service)
        address = page_of(payment).partition("/account/")[2]
        with visit(chromium, live_server, camille, width=width, language=language) as page:
            page.goto(f"{live_server.url}/account/{address}")
            looked_at(page, "question")
            page.get_by_role("button", name=yes).click()
            expect(page.locator(f'a[href$="paymentId={payment.pk}"]')).to_be_visible()
            looked_at(page, "answered")
            number = payment.told["phoneNumber"]
            confirming.confirm(party_id=lune.party_id, payment_id=payment.pk, number=number)
            page.goto(f"{live_server.url}/account/lines/{payment.subscription_id}/purchases/")
            looked_at(page, "purchases")
            told = asked("2.20", f"t-{width}", category="transport", description="Ticket")
            payment = purchasing.prepare(party_id=metro.party_id, purchase=told)
            address = page_of(payment).partition("/account/")[2]
            page.goto(f"{live_server.url}/account/{address}")
            whose = "in his own name" if language == "en" else "en son propre nom"
            expect(page.locator("dl.definitions dd").first).to_contain_text(whose)
            looked_at(page, "question_in_his_name")
            page.get_by_role("button", name=yes).click()
            expect(page.locator(f'a[href$="paymentId={payment.pk}"]')).to_be_visible()
            confirming.confirm(party_id=metro.party_id, payment_id=payment.pk, number=number)
        with visit(chromium, live_server, claire, width=width, language=language) as page:
            page.goto(f"{live_server.url}/portal/purchases/")
            page.get_by_label("Ada").check()
            page.fill("[name=per_day]", "0")
            page.fill("[name=of_digital]", "30")
            page.locator('form[method="post"] .button-main').click()
            expect(page.locator("tbody tr").first).to_contain_text("300")
            none_a_day = "€0.00 a day" if language == "en" else "0,00 € par jour"
            expect(page.locator("tbody tr").first).to_contain_text(none_a_day)
            looked_at(page, "portal")
            page.goto(f"{live_server.url}/portal/lines/")
            looked_at(page, "portal-lines")
            page.locator('a[href$="/timeline/"]').first.click()
            expect(page.locator("ol.timeline li.is-done").first).to_be_visible()
            looked_at(page, "portal-timeline")
        month = business_today().replace(day=1)
        with business_time_fixed(at(add_months(month, 1))):
            settling.close(month, by="x")
        with visit(chromium, live_server, hugo, width=width, language=language) as page:
            page.goto(f"{live_server.url}/ops/merchants/")
            less = "less our commission" if language == "en" else "moins notre commission"
            expect(page.locator("tbody tr", has_text="Métro").first).to_contain_text(less)
            looked_at(page, "merchants")
