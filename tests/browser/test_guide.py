"""Each way into the guide in a real browser: readable, reachable by keyboard, true on Back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.selectors import forget_snapshots
from commerce.kernel.clock import business_now
from tests.browser.pages import nothing_wrong
from tests.demo import sell_demo

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NBSP = "\u00a0"


@pytest.fixture
def shop(live_server: LiveServer) -> Iterator[str]:
    forget_snapshots()
    sell_demo(at=business_now())
    yield live_server.url
    forget_snapshots()


@contextmanager
def visit(chromium: Browser, *, width: int, language: str) -> Iterator[Page]:
    context = chromium.new_context(
        viewport={"width": width, "height": 844},
        locale="fr-FR" if language == "fr" else "en-GB",
        extra_http_headers={"Accept-Language": language},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []
    context.close()


def test_phone_first_from_the_guide_to_the_number_in_french_on_a_phone(
    chromium: Browser, shop: str
) -> None:
    with visit(chromium, width=390, language="fr") as page:
        page.goto(f"{shop}/build/")
        nothing_wrong(page)
        page.get_by_role("link", name="Un téléphone et son forfait").click()
        nothing_wrong(page)
        page.locator("details.questions summary").click()
        page.locator("label.chip", has_text="Ardoval").click()
        page.get_by_role("button", name="Me conseiller").click()
        expect(page.locator(".others-title")).to_contain_text("qui ne répondent pas")
        nothing_wrong(page)
        page.get_by_role("link", name=re.compile("^Ardoval X2 · 128")).click()
        expect(page.locator(".choice-chosen")).to_contain_text("Ardoval X2")
        page.locator(".promise .button-main").click()
        expect(page.locator("h1")).to_contain_text("Quel forfait avec ce Ardoval X2")
        chosen = page.url
        page.get_by_role("link", name="Grand large 300 5G").click()
        expect(page.locator(".choice-chosen")).to_contain_text("Grand large")
        nothing_wrong(page)
        page.go_back()
        assert page.url == chosen
        expect(page.locator(".choice-chosen")).to_contain_text("Horizon 130 5G")
        page.locator(".promise .button-main").click()
        page.get_by_role("link", name="Coque souple pour Ardoval X2").click()
        nothing_wrong(page)
        page.locator(".promise .button-main").click()
        page.wait_for_url(re.compile(r"/build/[0-9A-Z]{3}-[0-9A-Z]{3}/g1/sim/"))
        nothing_wrong(page)


def test_plan_first_and_a_phone_that_would_change_the_sim_in_english(
    chromium: Browser, shop: str
) -> None:
    with visit(chromium, width=1280, language="en") as page:
        page.goto(f"{shop}/build/plan/plan/")
        nothing_wrong(page)
        page.get_by_role("link", name="Essentiel 40").click()
        page.locator(".promise .button-main").click()
        page.locator(".closed-ones summary").click()
        expect(page.locator(".choice-closed").first).to_contain_text("needs a")
        nothing_wrong(page)
        page.get_by_role("link", name=re.compile("^Ardoval A5")).click()
        expect(page.locator("#consequences")).to_contain_text("SIM card instead of eSIM")
        nothing_wrong(page)
        page.reload()
        page.get_by_role("link", name="Take it with these changes").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".choice-chosen")).to_contain_text("Ardoval A5")
        assert "sim=carte-sim" in page.url


def test_my_own_phone_with_a_plan_that_is_advised(chromium: Browser, shop: str) -> None:
    with visit(chromium, width=1280, language="fr") as page:
        page.goto(f"{shop}/build/usage/?data=60&calls=120&abroad=20")
        expect(page.locator(".choice").first).to_contain_text("Grand large 300 5G")
        expect(page.locator(".choice").first).to_contain_text("Le moins cher pour votre usage")
        nothing_wrong(page)
        page.locator(".choice-pick").first.click()
        expect(page.locator(".choice-chosen")).to_contain_text("Grand large")
        nothing_wrong(page)
        page.locator(".promise .button-main").click()
        expect(page.locator("h2").first).to_be_visible()
        nothing_wrong(page)
    with visit(chromium, width=390, language="en") as page:
        page.goto(f"{shop}/build/usage/?data=60")
        nothing_wrong(page)
