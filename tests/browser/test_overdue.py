"""The pages about what is overdue: cases, promises, interest and deposits, in a real browser."""

from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from commerce.accounts.demo import load_demo_people
from commerce.accounts.models import Organisation, Party, User
from commerce.kernel.clock import business_now, business_time_fixed, business_today
from commerce.kernel.money import Money
from subscriptions.dunning.services import dunning
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.services import ledger
from subscriptions.models import BillingAccount, Deposit, DunningCase, Invoice, LateInterest
from tests.browser.test_purchases import looked_at, visit
from tests.integration.subscriptions.contracts import RATES, at, begun, handset, plan, promised

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def owing(party: Party, *, segment: str) -> None:
    """A bill that is overdue for a month, part of it paid late and interest asked for, and a
    deposit held."""
    today = business_today()
    with business_time_fixed(at(today - timedelta(days=62))):
        promised(f"F-{party.pk}", [handset("1000.00")], segment=segment)
        bill_order(
            order_number=f"F-{party.pk}",
            party_id=party.pk,
            segment=segment,
            charges={"g1": [handset("1000.00")]},
            tax_rates=RATES,
        )
        begun(f"B-{party.pk}", [plan("20.00")], party=party.pk, segment=segment)
    account = BillingAccount.objects.get(party=party)
    with business_time_fixed(at(today - timedelta(days=20))):
        dunning.look(account.pk)
    case = DunningCase.objects.get(account=account)
    bill = Invoice.objects.filter(account=account).order_by("pk")[0]
    start = today - timedelta(days=31)
    LateInterest.objects.create(
        case=case, invoice=bill, starts_on=start, ends_on=start + timedelta(days=10),
        amount=Decimal("2.58"), asked_at=business_now(),
        parts=[{"start": start.isoformat(), "end": (start + timedelta(days=10)).isoformat(),
                "open": "1200.00", "percent": "7.86"}],
    )  # fmt: skip
    deposit = Deposit.objects.create(
        account=account, amount=Decimal("60.00"), asked_by="Amina", asked_at=business_now()
    )
    ledger.enter_payment(
        key=f"d/{party.pk}", party_id=party.pk, reference=deposit.reference,
        amount=Money.of("60.00"),
    )  # fmt: skip


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("width", [1280, 390])
def test_each_page_about_what_is_overdue_reads_well(
    chromium: Browser, live_server: LiveServer, width: int, language: str
) -> None:
    load_demo_people()
    firm = Organisation.objects.get().party
    claire = User.objects.get(email="claire@rivoire.example")
    camille = User.objects.get(email="camille@example.test")
    assert camille.party is not None
    owing(firm, segment="business")
    owing(camille.party, segment="consumer")
    receipt = Deposit.objects.get(account__party=firm).pk
    with visit(chromium, live_server, claire, width=width, language=language) as page:
        for name, address in (
            ("bills", "/portal/bills/"),
            ("deposit", f"/portal/deposits/{receipt}/"),
        ):
            page.goto(f"{live_server.url}{address}")
            looked_at(page, f"portal_{name}_{language}")
    receipt = Deposit.objects.get(account__party=camille.party).pk
    dunning.promise_to_pay(
        party_id=camille.party.pk, on=business_today() + timedelta(days=3), by="Camille"
    )
    with visit(chromium, live_server, camille, width=width, language=language) as page:
        for name, address in (
            ("bills", "/account/bills/"),
            ("deposit", f"/account/deposits/{receipt}/"),
        ):
            page.goto(f"{live_server.url}{address}")
            looked_at(page, f"account_{name}_{language}")
