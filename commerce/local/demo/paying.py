"""Paying on the provider's hosted page, as the customer does it."""

from commerce.local.demo.browser import Browser, Page
from commerce.local.demo.errors import StoryBroken

NEEDS_BANK = "4000002500003155"
"""A card whose bank asks the holder to authenticate (SCA)."""
GOOD = "4242424242424242"


def pay(browser: Browser, *, address: str, card: str, name: str) -> Page:
    """Type the card, answer the bank if it asks; the page of the shop to which it leads back."""
    page = browser.open(address)
    return pay_on(browser, page=page, card=card, name=name)


def pay_on(browser: Browser, *, page: Page, card: str, name: str) -> Page:
    """As `pay`, when the hosted page is open already."""
    hosted = page.form_with("number", "expiry", "cvc")
    page = browser.send(hosted, number=card, expiry="12 / 34", cvc="123", name=name)
    if "answer" in {name for form in page.forms for name in form.choices}:
        page = browser.send(page.form_with("answer"), answer="complete")
    if any("cvc" in form.names for form in page.forms):
        raise StoryBroken(f"the card {card[:4]}…{card[-4:]} was not accepted")
    return page
