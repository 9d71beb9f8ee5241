"""Coming in, a forgotten password, ending a contract: in a real browser on the running system."""

import re
import time

import httpx
import pytest
from playwright.sync_api import Browser

from commerce.local.stack import Stack
from tests.browser.pages import log_in, nothing_wrong, watched

pytestmark = [pytest.mark.stack, pytest.mark.browser]


def message_to(stack: Stack, address: str, *, says: str) -> str:
    """The text of the message that was delivered to `address` and says `says`."""
    for _ in range(60):
        inbox = httpx.get(
            f"{stack.info.providers_url}/_control/messages", params={"to": address}
        ).json()["messages"]
        found = [each["text"] for each in inbox if says in each["text"]]
        if found:
            return str(found[-1])
        time.sleep(0.5)
    raise AssertionError(f"nothing that says {says!r} came to {address}")


@pytest.mark.parametrize(("width", "language"), [(1280, "fr"), (390, "en")])
def test_a_new_customer_registers_forgets_the_password_and_comes_back(
    chromium: Browser, stack: Stack, width: int, language: str
) -> None:
    email = f"noe.{width}@example.org"
    with watched(chromium, stack, width=width, language=language) as page:
        web = stack.info.web_url
        page.goto(f"{web}/account/register/")
        page.fill("#id_email", "no address")
        page.locator("main .button-main").click()
        page.wait_for_load_state("networkidle")
        assert page.locator("#id_email_error").is_visible()
        nothing_wrong(page)
        for name, value in (
            ("first_name", "Noé"), ("last_name", "Marchand"), ("email", email),
            ("password", "sept-mers-et-un-phare"),
        ):  # fmt: skip
            page.fill(f"#id_{name}", value)
        page.locator("main .button-main").click()
        page.wait_for_url(f"{web}/account/")
        for path in ("", "bills/", "orders/", "profile/"):
            page.goto(f"{web}/account/{path}")
            nothing_wrong(page)
        page.locator("form[action='/account/logout/'] button:visible").last.click()
        page.wait_for_url(f"{web}/account/login/")
        nothing_wrong(page)
        page.goto(f"{web}/account/password/")
        page.fill("#id_email", email)
        page.locator("main .button-main").click()
        page.wait_for_url(f"{web}/account/password/sent/")
        nothing_wrong(page)
        text = message_to(stack, email, says="/account/password/")
        link = re.search(r"http\S+/account/password/\S+", text)
        assert link is not None
        page.goto(link[0])
        nothing_wrong(page)
        page.fill("#id_password", "huit-mers-et-deux-phares")
        page.locator("main .button-main").click()
        page.wait_for_url(f"{web}/account/")


@pytest.mark.parametrize(("width", "language"), [(390, "fr"), (1280, "en")])
def test_ending_is_three_clicks_from_any_page_and_acknowledged_by_mail(
    chromium: Browser, stack: Stack, width: int, language: str
) -> None:
    email = f"lou.{width}@example.org"
    with watched(chromium, stack, width=width, language=language, dark=width < 600) as page:
        page.goto(f"{stack.info.web_url}/legal/")
        nothing_wrong(page)
        page.locator(".footer a[href='/end-contract/']").click()
        nothing_wrong(page)
        for name, value in (("name", "Lou Garnier"), ("email", email), ("contract", "F-2026-9")):
            page.fill(f"#id_{name}", value)
        page.locator("main .button-main").click()
        nothing_wrong(page)
        page.locator("main button[name=send]").click()
        nothing_wrong(page)
        reference = re.search(r"R-[A-Z0-9]{8}", page.locator("main").inner_text())
        assert reference is not None
        assert "F-2026-9" in message_to(stack, email, says=reference[0])


def test_withdrawing_and_the_notices_read_well_on_a_phone(chromium: Browser, stack: Stack) -> None:
    with watched(chromium, stack, width=390) as page:
        for path in ("withdraw/", "privacy/", "accessibility/", "legal/", "account/register/"):
            page.goto(f"{stack.info.web_url}/{path}")
            nothing_wrong(page)


def test_staff_and_customers_come_out_at_their_own_places(chromium: Browser, stack: Stack) -> None:
    for role, place in (("shopper", "/account/"), ("agent", "/agent/")):
        with watched(chromium, stack) as page:
            log_in(page, stack, role=role)
            assert page.url == stack.info.web_url + place
            nothing_wrong(page)
