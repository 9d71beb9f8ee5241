"""A promotion's form, its trial on the same page and the codes, in a browser; nothing is wrong."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from commerce.local.stack import Stack
from tests.browser.pages import log_in, nothing_wrong, watched

pytestmark = [pytest.mark.stack, pytest.mark.browser]


def listening(page: Page) -> None:
    """What was swapped in listens once htmx has settled it."""
    expect(page.locator(".htmx-request, .htmx-settling")).to_have_count(0)


@pytest.mark.parametrize(("width", "language"), [(1280, "fr"), (390, "en")])
def test_a_promotion_is_changed_and_tried_and_its_codes_made(
    chromium: Browser, stack: Stack, width: int, language: str
) -> None:
    web = stack.info.web_url
    with watched(chromium, stack, width=width, language=language) as page:
        log_in(page, stack, role="catalogue_manager")
        page.goto(f"{web}/backoffice/")
        page.fill("#name", f"Promotions {width}")
        page.locator("main .button-main").click()
        page.wait_for_url(re.compile(r"/backoffice/drafts/\d+/$"))
        part = f"{page.url}parts/promotions/friend-20/"
        page.goto(part)
        page.fill("[name=benefits-0-value]", "much")
        page.locator(".button-main[value=promotion]").click()
        expect(page.locator("#wrong-benefits-0-value")).to_be_visible()
        nothing_wrong(page)
        page.locator("button[value='when 0 add-test']").click()
        expect(page.locator("[name=when-3-fact]")).to_be_focused()
        listening(page)
        page.select_option("[name=when-3-fact]", "handset.")
        page.fill("[name=when-3-detail]", "family")
        page.fill("[name=when-3-value]", "ardoval-x2")
        page.locator("button[value='when 3 up']").click()
        expect(page.locator("[name=when-2-value]")).to_have_value("ardoval-x2")
        expect(page.locator("#promotion [role=status]")).to_be_visible()
        nothing_wrong(page)
        page.select_option("[name=benefits-0-kind]", "free_item")
        expect(page.locator("[name=benefits-0-pick]")).to_be_visible()
        listening(page)
        page.select_option("[name=benefits-0-kind]", "amount_off")
        expect(page.locator("[name=benefits-0-pick]")).to_have_count(0)
        page.fill("[name=benefits-0-value]", "30")
        page.locator(".button-main[value=promotion]").click()
        expect(page.locator("[name=benefits-0-value]")).to_have_value("30")
        expect(page.locator("[name=when-2-value]")).to_have_value("ardoval-x2")
        expect(page.locator("#promotion [role=status]")).to_have_count(0)
        page.locator("#trial a.button").click()
        expect(page.locator("#trial tbody").last.locator("tr")).to_have_count(7)
        nothing_wrong(page)

        page.goto(f"{part.partition('parts/')[0]}trial/?try=1")
        expect(page.get_by_role("link", name="friend-20")).to_be_visible()
        expect(page.locator("table").last.locator("tbody tr")).to_have_count(7)
        nothing_wrong(page)

        page.goto(f"{web}/backoffice/codes/")
        page.fill("[name=name]", f"Lot {width}")
        page.fill("[name=count]", "1000")
        page.locator("main .button-main").click()
        page.wait_for_load_state("networkidle")
        row = page.locator("tbody tr", has_text=f"Lot {width}")
        with page.expect_download() as sent:
            row.locator("button").click()
        assert len(sent.value.path().read_text().split()) == 1001
        page.goto(f"{web}/backoffice/codes/")
        expect(row.locator("button")).to_have_count(0)
        nothing_wrong(page)
