"""A bill is paid: by the saved card on its day, or by hand on the provider's page."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.test import Client

from commerce.accounts.identity import SYSTEM
from commerce.accounts.models import Party
from commerce.events.models import Timer
from commerce.events.pump import drain
from commerce.kernel.clock import business_today, machine_now
from commerce.notifications.models import Message, MessageChannel
from commerce.payments.models import PaymentAttempt, SavedMethod
from commerce.payments.selectors import saved_methods
from subscriptions.collection.services.collecting import TIMER
from subscriptions.collection.services.links import send_link
from subscriptions.invoicing.selectors import bills_of
from subscriptions.models import Invoice
from tests.factories import UserFactory
from tests.integration.payments.conftest import Shop
from tests.integration.sandbox_payments.harness import type_card
from tests.integration.subscriptions.contracts import begun, person, plan


@pytest.fixture
def camille(db: None) -> int:
    return person()


@pytest.fixture
def web(camille: int) -> Client:
    client = Client(headers={"accept-language": "en"})
    user = UserFactory.create(party=Party.objects.get(pk=camille), language="en")
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def billed(party: int, *, order: str) -> tuple[str, Decimal]:
    """The first bill of a contract that begins today: its number, and what is to pay."""
    begun(order, [plan("29.99")], party=party, on=business_today())
    bill = Invoice.objects.latest("pk")
    return bill.number or "", bill.gross


def once(amount: Decimal) -> list[tuple[str, int]]:
    """What the provider did with it."""
    return [("authorised", int(amount * 100)), ("captured", int(amount * 100))]


def on_the_day() -> None:
    """It is nine o'clock of the day on which bills are due; everything that follows is done."""
    now = machine_now()
    Timer.objects.filter(handler=TIMER).update(clock="machine", due_at=now, next_at=now)
    drain()


def paid(party: int) -> list[tuple[str, str]]:
    return [(str(bill.open.amount), str(bill.paid.amount)) for bill in bills_of(party)]


def test_a_bill_is_paid_by_hand_and_the_next_one_by_the_card_that_is_kept(
    shop: Shop, camille: int, web: Client
) -> None:
    number, gross = billed(camille, order="C-1")
    Timer.objects.filter(handler=TIMER).delete()
    page = f"/account/bills/{number}/"
    assert f"Pay €{gross} now" in web.get(page).content.decode()
    to_pay = web.post(f"{page}pay/")
    assert to_pay.status_code == 302
    assert type_card(to_pay.headers["Location"], "4242424242424242").status_code == 303
    web.get(f"{page}?back=1")
    drain()
    assert shop.effects(f"{number}/pay/1") == once(gross)
    assert paid(camille) == [("0.00", str(gross))]
    shown = web.get(page).content.decode()
    assert "Paid by card ending in 4242." in shown
    assert "/pay/" not in shown
    (card,) = saved_methods(camille)
    later, also = billed(camille, order="C-2")
    on_the_day()
    key = f"{later}/charge/1"
    assert shop.effects(key) == once(also)
    assert PaymentAttempt.objects.get(key=key).method_id == card.method_id
    assert paid(camille) == [("0.00", str(also)), ("0.00", str(gross))]


def test_a_refused_card_is_told_on_the_bills_page_and_can_be_changed(
    shop: Shop, camille: int, web: Client
) -> None:
    customer = shop.sandbox.client().v1.customers.create({"email": "c@example.test"})
    method = shop.sandbox.client().v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )
    party = Party.objects.get(pk=camille)
    kept = SavedMethod.objects.create(
        party=party, customer_id=customer.id, method_id=method.id, card_brand="visa",
        card_last4="0341", saved_at=party.created_at, chosen_at=party.created_at,
    )  # fmt: skip
    number, gross = billed(camille, order="C-1")
    on_the_day()
    assert paid(camille) == [(str(gross), "0.00")]
    shown = web.get(f"/account/bills/{number}/").content.decode()
    assert "Your card ending in 0341 was refused (the bank gave no reason)." in shown
    assert f"Pay €{gross} now" in shown
    assert "0341" in web.get("/account/bills/").content.decode()
    assert web.post(f"/account/methods/{kept.pk}/", {"do": "remove"}).status_code == 302
    drain()
    assert "0341" not in web.get("/account/bills/").content.decode()
    assert paid(camille) == [(str(gross), "0.00")]


def test_a_bill_is_paid_by_link_on_the_providers_page_without_an_account(
    shop: Shop, camille: int
) -> None:
    """Whoever has the link may pay, so that no later bill is charged to the card."""
    number, gross = billed(camille, order="C-1")
    Timer.objects.filter(handler=TIMER).delete()
    send_link(replace(SYSTEM, party_id=camille), channel=MessageChannel.EMAIL, number=number)
    text = Message.objects.get(code="bill_link").text
    page = f"/pay/{text.partition('/pay/')[2].partition('/')[0]}/"
    anybody = Client(headers={"accept-language": "en"})
    to_pay = anybody.post(page)
    assert to_pay.status_code == 302
    assert type_card(to_pay.headers["Location"], "4242424242424242").status_code == 303
    assert "Your payment is under way." in anybody.get(f"{page}?back=1").content.decode()
    drain()
    (attempt,) = PaymentAttempt.objects.all()
    assert shop.effects(attempt.key) == once(gross)
    assert paid(camille) == [("0.00", str(gross))]
    assert "Everything is paid" in anybody.get(page).content.decode()
    assert saved_methods(camille) == ()
    again = anybody.post(page, follow=True).content.decode()
    assert "There is nothing left to pay." in again
    assert PaymentAttempt.objects.count() == 1
