"""The catalogue manager changes, is told what is wrong, mends, looks, publishes; the shop shows."""

import re

import pytest
from playwright.sync_api import Browser, expect

from commerce.local.stack import Stack
from tests.browser.pages import log_in, nothing_wrong, watched

pytestmark = [pytest.mark.stack, pytest.mark.browser]
PRESS = "parts/offerings/kiosque-presse/"


@pytest.mark.parametrize(("width", "language"), [(1280, "fr"), (390, "en")])
def test_from_the_draft_to_the_shop(
    chromium: Browser, stack: Stack, width: int, language: str
) -> None:
    name = f"Le Kiosque {width}"
    web = stack.info.web_url
    with watched(chromium, stack, width=width, language=language) as page:
        log_in(page, stack, role="catalogue_manager")
        page.goto(f"{web}/backoffice/")
        nothing_wrong(page)
        page.fill("#name", f"Presse {width}")
        page.locator("main .button-main").click()
        page.wait_for_url(re.compile(r"/backoffice/drafts/\d+/$"))
        draft = page.url
        nothing_wrong(page)

        page.goto(draft + PRESS)
        nothing_wrong(page)
        written = page.locator("#text").input_value()
        page.fill("#text", written.replace("tax_class: press", "tax_class: luxury"))
        page.locator("button[value=text]").click()
        wrong = page.locator(".line-wrong")
        said = {"fr": "luxury n’est pas une classe de taxe", "en": "luxury is not a tax class"}
        expect(wrong).to_contain_text(said[language])
        nothing_wrong(page)
        page.goto(f"{draft}findings/")
        nothing_wrong(page)
        page.locator("tbody a").first.click()
        expect(page.locator(".line-wrong")).to_have_count(1)
        page.goto(f"{draft}publish/")
        expect(page.locator("main .button-main")).to_be_disabled()
        nothing_wrong(page)

        page.goto(draft + PRESS)
        page.fill("#text", written)
        page.locator("button[value=text]").click()
        expect(page.locator(".line-wrong")).to_have_count(0)
        page.fill(f"[name=name-{language}]", name)
        page.fill("[name=charges-0-consumer]", "8,90")
        page.locator("button[value=fields]").click()
        expect(page.locator(f"[name=name-{language}]")).to_have_value(name)
        page.goto(f"{draft}changes/")
        expect(page.locator("tbody")).to_contain_text(name)
        nothing_wrong(page)
        page.goto(f"{draft}prices/")
        nothing_wrong(page)

        page.goto(f"{draft}publish/")
        page.locator("form[action$='/preview/'] button").click()
        expect(page.locator(".preview-bar")).to_contain_text(f"Presse {width}")
        page.goto(f"{web}/content/kiosque-presse/")
        expect(page.locator("h1")).to_contain_text(name)
        nothing_wrong(page)
        with watched(chromium, stack, language=language) as stranger:
            stranger.goto(f"{web}/content/kiosque-presse/")
            expect(stranger.locator("h1")).not_to_contain_text(name)
        page.locator(".preview-bar button").click()
        page.wait_for_url(re.compile("/publish/$"))

        page.locator("main .button-main").click()
        page.wait_for_url(f"{web}/backoffice/releases/")
        nothing_wrong(page)
        page.locator("tbody a").first.click()
        expect(page.locator("tbody")).to_contain_text(name)
        nothing_wrong(page)
        page.goto(f"{web}/backoffice/acts/")
        nothing_wrong(page)
    with watched(chromium, stack, width=width, language=language) as shopper:
        shopper.goto(f"{web}/content/kiosque-presse/")
        expect(shopper.locator("h1")).to_contain_text(name)
