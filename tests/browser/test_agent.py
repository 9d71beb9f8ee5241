"""A call from the first word to the note: in a real browser on the running system."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from commerce.local.demo.browser import Browser as Visitor
from commerce.local.stack import Stack
from tests.browser.pages import log_in, nothing_wrong, watched

pytestmark = [pytest.mark.stack, pytest.mark.browser]

CHOSEN = {"handset": "ardoval-x2-128-nuit", "plan": "horizon-130", "sim": "carte-sim"}


def half_filled_cart(stack: Stack) -> str:
    """The code of a visitor's cart that was handed over."""
    visitor = Visitor(stack.info.web_url)
    visitor.open("/")
    code = str(visitor.api("POST", "carts", {})["code"])
    choices = [{"role": role, "offering": offering} for role, offering in CHOSEN.items()]
    bundle = {"bundle": "handset-and-plan", "term": 24, "choices": choices}
    visitor.api("POST", f"carts/{code}/bundles", bundle)
    visitor.api("POST", f"carts/{code}/hand-over", {})
    return code


def send_link(page: Page, *, email: str) -> None:
    for name, value in (
        ("first_name", "Sacha"), ("last_name", "Perrin"), ("email", email),
        ("phone", "06 39 98 00 77"), ("line1", "3 rue Haute"), ("postcode", "29200"),
        ("city", "Brest"),
    ):  # fmt: skip
        page.fill(f"#send-form [name={name}]", value)
    page.locator("#send-form .button-main").click()
    page.wait_for_url(re.compile(r"/agent/orders/F-"))


@pytest.mark.parametrize(
    ("width", "language", "dark"), [(1280, "fr", False), (390, "en", False), (1280, "en", True)]
)
def test_the_shoppers_cart_is_opened_by_its_code_added_to_and_sent(
    chromium: Browser, stack: Stack, width: int, language: str, dark: bool
) -> None:
    code = half_filled_cart(stack)
    with watched(chromium, stack, width=width, language=language, dark=dark) as page:
        log_in(page, stack, role="agent")
        page.locator("aside form[action='/agent/contacts/'] button").click()
        page.wait_for_url(re.compile("/agent/contact/$"))
        nothing_wrong(page)
        page.fill("#cart-code", code.replace("-", " ").lower())
        page.locator(".next-best .button-main").click()
        page.wait_for_url(re.compile(f"/agent/cart/{code}/"))
        nothing_wrong(page)
        before = page.locator(".promise-lines .promise-line").count()
        page.locator("button.choice-pick[value='ondine-musique']").click()
        page.wait_for_load_state("networkidle")
        assert page.locator(".promise-lines .promise-line").count() > before
        nothing_wrong(page)
        page.locator("a[href$='/number/']").click()
        page.wait_for_url(re.compile("/number/$"))
        page.locator("input[name=keep][value=port]").check()
        nothing_wrong(page)
        page.goto(f"{stack.info.web_url}/agent/guide/")
        nothing_wrong(page)
        page.goto(f"{stack.info.web_url}/agent/cart/{code}/")
        send_link(page, email=f"sacha.{width}.{language}@example.org")
        nothing_wrong(page)
        assert "Nadia Benali" in page.locator("main").inner_text()
        expect(page.locator("#state .badge-sun")).to_have_count(2)
        page.goto(f"{stack.info.web_url}/agent/contact/#end")
        nothing_wrong(page)
        page.fill("#end textarea", "Link sent.")
        page.locator("#end button").click()
        page.wait_for_url(re.compile("/agent/$"))


def test_a_known_customer_is_found_by_the_slash_and_verified_before_anything_changes(
    chromium: Browser, stack: Stack
) -> None:
    with watched(chromium, stack) as page:
        log_in(page, stack, role="agent")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("/")
        page.keyboard.type("camille@example.test")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/agent/\?q="))
        nothing_wrong(page)
        page.locator(".begin-row button").first.click()
        page.wait_for_url(re.compile("/agent/contact/$"))
        nothing_wrong(page)
        assert page.locator("button[name=new][value=plan-only]").is_disabled()
        page.locator(".check-fact input").nth(0).check()
        page.locator(".check-fact input").nth(1).check()
        page.locator("button[name=passed][value=yes]").click()
        page.wait_for_load_state("networkidle")
        assert page.locator(".contact-bar .badge-mint").is_visible()
        nothing_wrong(page)
        page.locator("button[name=new][value=plan-only]").click()
        page.wait_for_url(re.compile("/agent/cart/"))
        nothing_wrong(page)
        assert page.locator("#send-form .button-main").is_enabled()
        page.goto(f"{stack.info.web_url}/agent/contact/")
        page.locator("#end button").click()
        page.wait_for_url(re.compile("/agent/$"))
