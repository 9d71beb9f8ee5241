"""A number that was refused is corrected on a phone, and arrives."""

import re

import pytest
from playwright.sync_api import Browser, expect

from commerce.local.demo.shopper import Shopper
from commerce.local.stack import Stack
from commerce.markets.fr.rio import key_of
from tests.browser.pages import log_in, nothing_wrong, watched

pytestmark = [pytest.mark.stack, pytest.mark.browser]
NUMBER = "0639985511"
LONG = 60_000


def rio(reference: str) -> str:
    key = key_of(operator="02", quality="P", reference=reference, number=NUMBER)
    return f"02P{reference}{key}"


def test_a_refused_number_is_corrected_and_ported(chromium: Browser, stack: Stack) -> None:
    unknown, right = rio("ZZA1B2"), rio("A7B8C9")
    number = Shopper(stack, number=NUMBER, rio=unknown).order().number
    with watched(chromium, stack, width=390) as page:
        log_in(page, stack, role="shopper")
        page.goto(f"{stack.info.web_url}/orders/{number}/")
        card = page.locator(".port-card")
        expect(card.locator(".status")).to_have_text("refusé", timeout=LONG)
        expect(card).to_contain_text("ne reconnaît pas le numéro ou le RIO")
        nothing_wrong(page)
        card.locator("a").click()
        expect(page.locator("h1")).to_contain_text("06 39 98 55 11")
        expect(page.locator(".timeline")).to_contain_text("Demandé à votre ancien opérateur")
        nothing_wrong(page)

        form = page.locator("form", has=page.locator("[name=correct-rio]"))
        form.locator("[name=correct-rio]").fill(f"{right[:-1]}{'A' if right[-1] != 'A' else 'B'}")
        form.locator("button").click()
        expect(page.locator(".errorlist")).to_contain_text("Ce RIO ne correspond pas à ce numéro")
        nothing_wrong(page)
        form.locator("[name=correct-rio]").fill(right)
        form.locator("button").click()
        expect(page.locator(".toast")).to_contain_text("La demande repart")

        page.goto(f"{stack.info.web_url}/orders/{number}/")
        expect(card.locator(".status")).to_have_text("transféré", timeout=LONG)
        card.locator("a").click()
        expect(page.locator(".port-log")).to_contain_text("Votre ancien opérateur a refusé")
        expect(page.locator(".port-log")).to_contain_text("Le numéro est arrivé chez nous")
        nothing_wrong(page)
        assert unknown not in page.content()

    with watched(chromium, stack, width=1280, language="en") as page:
        log_in(page, stack, role="operator")
        page.goto(f"{stack.info.web_url}/ops/portings/?state=ported")
        nothing_wrong(page)
        page.locator("a", has_text=NUMBER).click()
        expect(page.locator(".timeline")).to_contain_text("port.refused")
        expect(page.locator(".timeline")).to_contain_text(re.compile("sub_motive: RIO_UNKNOWN"))
        assert right not in page.content()
        nothing_wrong(page)
