"""The components in a real browser: accessible, quiet under the policy, usable by keyboard."""

from collections.abc import Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from tests.browser.pages import nothing_wrong

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """One server for all of these tests: they only read, so nothing is flushed between them."""
    connections.settings["default"]["CONN_MAX_AGE"] = 0
    with django_db_blocker.unblock():
        server = LiveServer("127.0.0.1")
        yield f"{server.url}/styleguide/"
        server.stop()


def opened(
    browser: Browser, address: str, *, width: int, theme: str = "light", lang: str = "fr"
) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if theme == "dark" else "light", locale=lang, reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize(
    ("width", "theme", "lang", "query"),
    [
        (1280, "light", "fr", ""),
        (390, "dark", "en", ""),
        (390, "light", "fr", "?dense=1"),
        (1280, "dark", "en", "?dense=1"),
    ],
)  # fmt: skip
def test_axe_finds_nothing_and_the_policy_blocks_nothing(
    chromium: Browser, address: str, width: int, theme: str, lang: str, query: str
) -> None:
    complaints: list[str] = []
    context = chromium.new_context(viewport={"width": width, "height": 844}, locale=lang,
                                   color_scheme="dark" if theme == "dark" else "light")  # fmt: skip
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address + query)
    nothing_wrong(page)
    assert complaints == []
    context.close()


@pytest.mark.parametrize("width", [320, 1920])
def test_nothing_runs_out_of_the_page(chromium: Browser, address: str, width: int) -> None:
    page = opened(chromium, address, width=width)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


def test_the_promise_opens_on_a_phone_by_keyboard_and_closes_with_escape(
    chromium: Browser, address: str
) -> None:
    page = opened(chromium, address, width=390)
    lines = page.locator(".promise-lines")
    assert not lines.is_visible()
    assert page.locator(".promise .button-main").is_visible()
    page.locator("#promise-open").focus()
    page.keyboard.press("Space")
    assert lines.is_visible()
    page.keyboard.press("Escape")
    assert not lines.is_visible()


def test_the_promise_stands_open_beside_the_step_on_a_wide_screen(
    chromium: Browser, address: str
) -> None:
    page = opened(chromium, address, width=1280)
    assert page.locator(".promise-lines").is_visible()
    assert not page.locator("#promise-open").is_visible()


def test_a_slash_leads_into_the_search_and_the_menu_opens_on_a_phone(
    chromium: Browser, address: str
) -> None:
    wide = opened(chromium, address, width=1280)
    wide.evaluate("document.activeElement.blur()")
    wide.keyboard.press("/")
    assert wide.evaluate("document.activeElement.name") == "q"
    phone = opened(chromium, address, width=390)
    assert not phone.locator("#menu").is_visible()
    phone.locator(".menu-open").click()
    assert phone.locator("#menu nav").is_visible()
    phone.keyboard.press("Escape")
    assert not phone.locator("#menu").is_visible()


def test_the_language_switches_and_stays_on_the_page(chromium: Browser, address: str) -> None:
    page = opened(chromium, address, width=1280)
    assert page.locator("#promise-title").inner_text() == "Ce que vous paierez"
    page.locator(".languages button[value=en]").click()
    page.wait_for_load_state("networkidle")
    assert page.url.endswith("/styleguide/")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("#promise-title").inner_text() == "What you will pay"
    assert page.locator(".promise-today b").inner_text() == "€450.00"
