"""A shopper from the home page to an active line, in a real browser on the running system."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from commerce.local.stack import Stack
from commerce.markets.fr.rio import key_of
from tests.browser.pages import nothing_wrong

pytestmark = [pytest.mark.stack, pytest.mark.browser]
NBSP = "\u00a0"
KEY = key_of(operator="02", quality="P", reference="A1B2C3", number="0639985077")
RIO = f"02PA1B2C3{KEY}"
WHO = {
    "first_name": "Camille",
    "last_name": "Renard",
    "email": "camille.renard@example.org",
    "phone": "06 39 98 00 01",
    "line1": "12 rue des Tilleuls",
    "postcode": "69003",
    "city": "Lyon",
}


@contextmanager
def shopper(chromium: Browser, stack: Stack, *, width: int, language: str) -> Iterator[Page]:
    """A fresh visitor; at the end nothing was loaded from elsewhere and nothing complained."""
    context = chromium.new_context(
        viewport={"width": width, "height": 844},
        locale="fr-FR" if language == "fr" else "en-GB",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    ours = (stack.info.web_url, stack.info.payments_url, "data:")
    foreign: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda r: None if r.url.startswith(ours) else foreign.append(r.url))
    page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(stack.info.web_url)
    if language == "en":
        page.context.add_cookies(
            [{"name": "django_language", "value": "en", "url": stack.info.web_url}]
        )
        page.reload()
    yield page
    assert foreign == []
    # The hosted page answers a declined card with 402, which the browser notes by itself.
    assert [said for said in complaints if said.startswith(stack.info.web_url)] == []
    context.close()


def main_action(page: Page) -> None:
    page.locator(".promise .button-main").click()
    page.wait_for_load_state("networkidle")


def fill_in(page: Page, *, early: str) -> None:
    for name, value in WHO.items():
        page.fill(f"#id_{name}", value)
    page.locator(f"input[name=early][value={early}]").check()
    page.check("#id_summary")
    page.check("#id_terms")


def pay_by(page: Page, card: str) -> None:
    page.fill("[name=number]", card)
    page.fill("[name=expiry]", "12 / 30")
    page.fill("[name=cvc]", "123")
    if page.locator("[name=name]").count():
        page.fill("[name=name]", "Camille Renard")
    page.locator("form button").first.click()
    page.wait_for_load_state("networkidle")


def test_a_phone_with_a_kept_number_is_ordered_on_a_phone_in_french_and_becomes_active(
    chromium: Browser, stack: Stack
) -> None:
    with shopper(chromium, stack, width=390, language="fr") as page:
        expect(page.locator("h1")).to_have_text("Vous connaissez chaque facture avant de signer.")
        nothing_wrong(page)
        page.goto(f"{stack.info.web_url}/phones/ardoval-x2/")
        nothing_wrong(page)
        main_action(page)

        assert re.search(r"/build/[0-9A-Z]{3}-[0-9A-Z]{3}/g\d+/plan/$", page.url)
        chosen = page.locator(".choice-chosen")
        expect(chosen).to_contain_text("Horizon 130 5G")
        dearer = page.locator(".choice", has_text="Grand large 300 5G")
        expect(dearer.locator(".choice-price")).to_contain_text(f"+{NBSP}10{NBSP}€")
        closed = page.locator(".choice-closed", has_text="Essentiel 40")
        expect(closed).to_contain_text("Le prix réduit de ce téléphone demande un forfait 5G.")
        nothing_wrong(page)
        address = page.url
        page.reload()
        expect(page.locator(".choice-chosen")).to_contain_text("Horizon 130 5G")

        main_action(page)
        page.locator("button.choice-pick[value=coque-ardoval-x2]").click()
        expect(page.locator(".choice-chosen")).to_contain_text("Coque souple")
        nothing_wrong(page)

        main_action(page)
        page.locator("input[name=keep][value=port]").check()
        page.fill("#id_msisdn", "06 39 98 50 77")
        page.fill("#id_rio", "02PA1B2C3RX+")
        page.keyboard.press("Tab")
        expect(page.locator("#rio-answer")).to_contain_text("Ce RIO ne correspond pas à ce numéro")
        page.fill("#id_rio", RIO)
        page.keyboard.press("Tab")
        expect(page.locator("#rio-answer")).to_contain_text("Ce RIO correspond au")
        nothing_wrong(page)
        main_action(page)

        expect(page.locator(".promise-today b")).to_have_text(f"239,92{NBSP}€")
        expect(page.locator(".contract")).to_contain_text("vous gardez le")
        nothing_wrong(page)
        fill_in(page, early="now")
        main_action(page)
        pay_by(page, "4242 4242 4242 4242")

        expect(page.locator("h1")).to_contain_text("Commande F-")
        expect(page.locator("#progress > [role=status] .status")).to_have_text(
            "active", timeout=120_000
        )
        expect(page.locator("#progress")).to_contain_text("Colis livré")
        nothing_wrong(page)

        page.goto(address)
        assert "/orders/F-" in page.url


def test_a_cart_is_filtered_for_handed_over_declined_and_paid_again_in_english(
    chromium: Browser, stack: Stack
) -> None:
    with shopper(chromium, stack, width=1280, language="en") as page:
        page.goto(f"{stack.info.web_url}/phones/")
        page.locator("#results").wait_for()
        page.locator(".facet", has_text="Halvik").click()
        expect(page.locator("#results [role=status]")).to_have_text("3 results")
        assert "brand=Halvik" in page.url
        nothing_wrong(page)
        page.goto(f"{stack.info.web_url}/plans/essentiel-40/?term=0")
        nothing_wrong(page)
        main_action(page)
        page.goto(f"{stack.info.web_url}/cart/")
        expect(page.locator("h1")).to_contain_text("Cart ")
        page.locator("#hand-over button").click()
        link = page.locator("#handed-link").inner_text()
        nothing_wrong(page)

        with shopper(chromium, stack, width=390, language="en") as other:
            other.goto(link)
            expect(other.locator(".cart-line").first).to_contain_text("Essentiel 40")
            nothing_wrong(other)
            main_action(other)
            fill_in(other, early="wait")
            main_action(other)
            pay_by(other, "4000 0000 0000 9995")
            expect(other.locator("body")).to_contain_text("insufficient", ignore_case=True)
            other.goto(other.url)
            pay_by(other, "4242 4242 4242 4242")
            expect(other.locator("h1")).to_contain_text("Order F-")
            number = other.locator("h1").inner_text().split()[-1]

    stranger = chromium.new_context()
    assert stranger.request.get(f"{stack.info.web_url}/orders/{number}/").status == 404
    stranger.close()


def test_errors_have_our_look_and_say_what_to_do(chromium: Browser, stack: Stack) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="fr-FR")
    page = context.new_page()
    answer = page.goto(f"{stack.info.web_url}/cart/222-222/")
    assert answer is not None
    assert answer.status == 404, answer.text()[:3000]
    expect(page.locator("main")).to_contain_text("Nous ne connaissons pas de panier de ce nom.")
    nothing_wrong(page)
    context.close()
