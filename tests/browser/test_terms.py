"""Operators announce a change of running contracts, and a firm passes a line on, in a real
browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.selectors import forget_snapshots
from commerce.accounts.demo import load_demo_people
from commerce.accounts.models import Organisation, User
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.periods import add_months
from subscriptions.contracts.services.terms import on_tell_due
from subscriptions.models import SubscriptionItem, TermsChange, TermsNotice
from tests.browser.test_purchases import looked_at, visit
from tests.demo import sell_demo
from tests.integration.subscriptions.contracts import begun, plan

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server(live_server: LiveServer) -> Iterator[LiveServer]:
    """A person's line and a firm's, both since today."""
    forget_snapshots()
    sell_demo(at=business_now())
    load_demo_people()
    camille = User.objects.get(email="camille@example.test")
    assert camille.party_id is not None
    begun("F-1", [plan("19.99")], party=camille.party_id, on=business_today())
    SubscriptionItem.objects.update(offering="horizon-130")
    firm = Organisation.objects.get().party_id
    begun("F-2", [plan("20.00")], party=firm, segment="business", on=business_today())
    SubscriptionItem.objects.exclude(offering="horizon-130").update(offering="flotte-20")
    yield live_server
    forget_snapshots()


def test_a_change_is_tried_announced_and_followed(chromium: Browser, server: LiveServer) -> None:
    hugo = User.objects.get(email="hugo.lefort@faisceau.example")
    for width, language, tries, announces in (
        (1280, "en", "See what it would do", "Announce it to 1 holder"),
        (390, "fr", "Voir ce qu’il ferait", "L’annoncer à 1 titulaire"),
    ):
        with visit(chromium, server, hugo, width=width, language=language) as page:
            page.goto(f"{server.url}/ops/terms/")
            looked_at(page, "terms")
            page.select_option("#id_offering", "horizon-130")
            page.select_option("#id_segment", "consumer")
            page.select_option("#id_successor", "grand-large-300")
            page.fill("#id_from_on", add_months(business_today(), 2).isoformat())
            page.fill("#id_code", f"horizon-{language}")
            page.fill("#id_text_fr", "Votre forfait Horizon devient Grand large.")
            page.fill("#id_text_en", "Your Horizon plan becomes Grand large.")
            page.get_by_role("button", name=tries).click()
            page.locator("details summary").last.click()
            looked_at(page, "terms_tried")
            assert not TermsChange.objects.filter(code=f"horizon-{language}").exists()
            page.get_by_role("button", name=announces).click()
            expect(page).to_have_url(re.compile(f"/ops/terms/horizon-{language}/"))
            terms = TermsChange.objects.get(code=f"horizon-{language}")
            on_tell_due({"terms": terms.pk, "after": 0})
            TermsNotice.objects.filter(terms=terms).update(outcome="unknown_offering")
            page.reload()
            expect(page.locator("main tbody tr").last).to_contain_text("F-1")
            looked_at(page, "announcement")


def test_a_firm_passes_a_line_on(chromium: Browser, server: LiveServer) -> None:
    claire = User.objects.get(email="claire@rivoire.example")
    for width, language in ((1280, "fr"), (390, "en")):
        with visit(chromium, server, claire, width=width, language=language) as page:
            page.goto(f"{server.url}/portal/lines/")
            page.locator('a[href$="/timeline/"]').first.click()
            looked_at(page, "portal_timeline")
            page.locator('a[href$="/holder/"]').click()
            looked_at(page, "portal_holder")
            page.fill("#id_email", f"otto-{language}@ailleurs.example")
            page.fill("#id_on", add_months(business_today(), 1).isoformat())
            page.check("#id_agreed")
            page.locator("main .button-main").click()
            expect(page.locator("main .alert-title").last).to_contain_text(f"otto-{language}")
            looked_at(page, "portal_holder_asked")
            page.locator("button[value=take_back]").click()
            expect(page.locator("#id_email")).to_be_visible()
