"""Searching, narrowing and comparing in a real browser: keyboard, phone, French and English."""

import re

from playwright.sync_api import Browser, expect

from commerce.local.stack import Stack
from tests.browser.pages import nothing_wrong, watched


def test_suggestions_are_walked_by_keyboard(chromium: Browser, stack: Stack) -> None:
    with watched(chromium, stack, language="fr") as page:
        page.goto(f"{stack.info.web_url}/")
        page.keyboard.press("/")
        field = page.get_by_role("combobox")
        expect(field).to_be_focused()
        field.press_sequentially("noct")
        rows = page.get_by_role("option")
        expect(rows).to_have_count(7)
        expect(field).to_have_attribute("aria-expanded", "true")
        nothing_wrong(page)
        field.press("ArrowDown")
        field.press("ArrowDown")
        expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
        assert field.get_attribute("aria-activedescendant") == rows.nth(1).get_attribute("id")
        field.press("Escape")
        expect(rows.first).to_be_hidden()
        field.press("ArrowDown")
        expect(rows.nth(1)).to_be_visible()
        field.press("ArrowDown")
        field.press("ArrowDown")
        field.press("Enter")
        expect(page).to_have_url(re.compile("/phones/noctile-un/"))


def test_filters_on_a_phone_are_a_sheet_and_chips(chromium: Browser, stack: Stack) -> None:
    with watched(chromium, stack, width=390, language="fr") as page:
        page.goto(f"{stack.info.web_url}/phones/")
        page.locator(".facets-toggle > summary").click()
        nothing_wrong(page)
        page.get_by_label("Rocval").check()
        expect(page.locator("#results [role=status]")).to_have_text("3 résultats")
        page.keyboard.press("Escape")
        expect(page.locator(".facets")).to_be_hidden()
        chip = page.locator(".chip-chosen")
        expect(chip).to_contain_text("Rocval")
        nothing_wrong(page)
        chip.click()
        expect(page.locator("#results [role=status]")).to_have_text("25 résultats")


def test_ticked_phones_are_compared_over_pages(chromium: Browser, stack: Stack) -> None:
    with watched(chromium, stack, language="en") as page:
        page.goto(f"{stack.info.web_url}/phones/")
        page.locator("[data-compare-tick]").first.check()
        page.get_by_role("link", name="Next").click()
        page.locator("[data-compare-tick]").first.check()
        expect(page.locator(".compare-bar")).to_contain_text("2 ticked to compare")
        nothing_wrong(page)
        page.get_by_role("button", name="Compare side by side").click()
        expect(page.get_by_role("columnheader")).to_have_count(2)
        nothing_wrong(page)
        page.get_by_role("link", name="Only the differences").click()
        page.wait_for_url(re.compile("only=differences"))
        characteristics = page.locator(".compare tbody + tbody tr:not(.compare-group)")
        differing = page.locator(".compare tbody + tbody tr.compare-differs")
        assert characteristics.count() == differing.count() > 5
        page.get_by_role("link", name=re.compile("^Take away")).first.click()
        expect(page.get_by_role("columnheader")).to_have_count(1)


def test_a_comparison_reads_well_on_a_phone_in_the_dark(chromium: Browser, stack: Stack) -> None:
    offers = "ardoval-a5-128-nuit,ardoval-x2-128-nuit,noctile-un-128-craie"
    with watched(chromium, stack, width=390, language="fr", dark=True) as page:
        page.goto(f"{stack.info.web_url}/compare/?offers={offers}")
        expect(page.locator("h1")).to_have_text("Téléphones côte à côte")
        nothing_wrong(page)
