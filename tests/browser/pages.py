"""A browser in front of the running system that notices everything that is wrong with a page."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from commerce.local.stack import Stack

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ASKED = {"runOnly": RULES, "resultTypes": ["violations"]}
"""Else axe describes each element that is right too."""
EXPECTED = "a status of 422"
"""What Chromium writes when a form comes back with its errors."""


@contextmanager
def watched(
    chromium: Browser, stack: Stack, *, width: int = 1280, language: str = "fr", dark: bool = False
) -> Iterator[Page]:
    """A fresh visitor; at the end nothing was loaded from elsewhere and nothing complained."""
    context = chromium.new_context(
        viewport={"width": width, "height": 844},
        locale="fr-FR" if language == "fr" else "en-GB",
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    info = stack.info
    ours = (info.web_url, info.payments_url, info.providers_url, "data:")
    foreign: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda r: None if r.url.startswith(ours) else foreign.append(r.url))
    page.on(
        "console",
        lambda said: None if EXPECTED in said.text else complaints.append(said.text),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert foreign == [], foreign
    assert complaints == [], complaints
    context.close()


def nothing_wrong(page: Page) -> None:
    """Axe finds nothing, and nothing runs out of the page."""
    page.wait_for_load_state("networkidle")
    assert violations(page) == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0, page.url


def violations(page: Page) -> list[list[str]]:
    """What axe finds: the rule, and the first element that breaks it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[list[str]] = page.evaluate(
        "async asked => (await axe.run(asked)).violations"
        ".map(each => [each.id, ...each.nodes[0].target.flat()])",
        ASKED,
    )
    return found


def log_in(page: Page, stack: Stack, *, role: str) -> None:
    """As one of the demo's people."""
    who = next(each for each in stack.info.credentials["logins"] if each["role"] == role)
    page.goto(f"{stack.info.web_url}/account/login/")
    page.fill("#id_email", who["login"])
    page.fill("#id_password", who["password"])
    page.locator("main .button-main").click()
    page.wait_for_load_state("networkidle")
