"""What comes when, where it can be fetched, and the shelves in the back office."""

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from commerce.local.stack import Stack
from tests.browser.pages import log_in, nothing_wrong, watched

pytestmark = [pytest.mark.stack, pytest.mark.browser]
AHEAD = "ombrine-s1-pro-256-encre"


@pytest.mark.parametrize(("width", "language"), [(1280, "fr"), (390, "en")])
def test_ordered_ahead_and_fetched_in_a_shop(
    chromium: Browser, stack: Stack, width: int, language: str
) -> None:
    web = stack.info.web_url
    with watched(chromium, stack, width=width, language=language) as page:
        page.goto(f"{web}/phones/ombrine-s1-pro/?variant={AHEAD}")
        expect(page.locator(".offer-stock")).to_contain_text("2026")
        nothing_wrong(page)
        page.locator(f"form:has(input[value={AHEAD}]) .button-quiet").click()
        expect(page.locator(".cart-body")).to_contain_text("2026")
        nothing_wrong(page)
        page.goto(f"{web}/accessories/chargeur-30w/")
        page.locator("main .button-main").click()
        page.locator("button[name=remove]").first.click()
        page.goto(f"{web}/cart/summary/")
        expect(page.locator("#pick-up input")).to_have_count(5)
        page.fill("#id_postcode", "75020")
        page.locator("#id_city").focus()
        expect(page.locator("#pick-up .option").nth(1)).to_contain_text("Paris")
        nothing_wrong(page)


@pytest.mark.parametrize(("width", "language"), [(1280, "fr"), (390, "en")])
def test_shelves(chromium: Browser, stack: Stack, width: int, language: str) -> None:
    web = stack.info.web_url
    with watched(chromium, stack, width=width, language=language) as page:
        log_in(page, stack, role="catalogue_manager")
        page.goto(f"{web}/backoffice/stock/")
        expect(page.locator("tbody tr")).to_have_count(50)
        nothing_wrong(page)
        wrong = FilePayload(name="week.csv", mimeType="text/csv", buffer=b"partner;pieces\n")
        page.set_input_files("#file", wrong)
        page.locator("main .button-main").click()
        expect(page.locator("[role=alert]")).to_contain_text("partner;offering;pieces")
        nothing_wrong(page)
