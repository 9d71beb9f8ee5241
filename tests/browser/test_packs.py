"""Packs in a real browser, on a phone: one kit instead of another, and the second line of a duo."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import nothing_wrong
from tests.browser.test_guide import shop, visit

__all__ = ["shop"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
X2 = "handset=ardoval-x2-128-nuit&plan=horizon-130&sim=esim&term=24"
MERLE = "kit.leisure-kit.listen.accessory=ecouteurs-merle"


def test_a_kit_takes_the_place_of_another_and_a_second_line_follows_the_first(
    chromium: Browser, shop: str
) -> None:
    with visit(chromium, width=390, language="en") as page:
        page.goto(f"{shop}/build/pack/extras/?bundle=home-office&{X2}&{MERLE}")
        nothing_wrong(page)
        work = page.locator("section", has=page.get_by_role("heading", name=re.compile("Work kit")))
        work.locator("a.choice-pick").first.click()
        expect(page.locator("#consequences")).to_contain_text("Without Merle earbuds")
        nothing_wrong(page)
        page.goto(f"{shop}/build/lines/extras/?bundle=duo-pack%2Ffirst&{X2}")
        page.locator(".promise .button-main").first.click()
        page.locator(".promise .button-main").first.click()
        expect(page.get_by_role("button", name="Plan only")).to_have_attribute(
            "aria-pressed", "true"
        )
        nothing_wrong(page)
