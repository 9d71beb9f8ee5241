"""A payment happens once, whoever is asked twice, whatever crashes and whoever hears first."""

import itertools
from datetime import timedelta

import pytest
from django.test import Client

from commerce.events.models import Timer
from commerce.events.pump import drain
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import Conflict, NotFound, Unknown
from commerce.kernel.money import Money
from commerce.payments.models import (
    EffectState,
    PaymentAttempt,
    PaymentEffect,
    PaymentState,
    StoredWebhook,
)
from commerce.payments.selectors import payment, payments_of
from commerce.payments.services import effects
from commerce.payments.services.checkout import open_session, refresh
from commerce.payments.services.effects import cancel, capture, refund
from tests.integration.payments.conftest import Shop, told
from tests.integration.sandbox_payments.harness import type_card

_numbers = itertools.count(1)
NOT_YET = timedelta(seconds=1)


@pytest.fixture
def key() -> str:
    return f"pay-{next(_numbers)}"


def due_now() -> None:
    Timer.objects.update(due_at=machine_now() - NOT_YET, next_at=machine_now() - NOT_YET)


def authorised(shop: Shop, key: str) -> None:
    shop.ask(key)
    assert shop.pay(key) == 303
    assert refresh(key=key).state == PaymentState.AUTHORISED


def test_the_customer_pays_and_the_money_is_taken_when_we_say_so(shop: Shop, key: str) -> None:
    authorised(shop, key)
    view = payment(key)
    assert (view.card_brand, view.card_last4, view.is_held) == ("visa", "4242", True)
    assert shop.effects(key) == [("authorised", 44900)]
    capture(key=key)
    capture(key=key)
    drain()
    assert shop.effects(key) == [("authorised", 44900), ("captured", 44900)]
    assert payment(key).state == PaymentState.SETTLED
    assert told(key) == ["PaymentAuthorised", "PaymentSettled"]
    assert [entry.key for entry in payments_of(f"order-of-{key}")] == [key]


def test_asking_twice_is_one_payment_and_another_amount_is_refused(shop: Shop, key: str) -> None:
    shop.ask(key)
    shop.ask(key)
    assert PaymentAttempt.objects.count() == 1
    with pytest.raises(Conflict):
        shop.ask(key, amount="448.00")


def test_opening_twice_is_one_page(shop: Shop, key: str) -> None:
    shop.ask(key)
    assert open_session(key=key) == open_session(key=key)
    assert shop.sessions(key) == 1


def test_a_crash_between_the_call_and_our_note_opens_no_second_page(shop: Shop, key: str) -> None:
    shop.ask(key)
    page = open_session(key=key)
    PaymentAttempt.objects.update(state=PaymentState.OPENING, session_id="", hosted_url="")
    assert open_session(key=key) == page
    assert shop.sessions(key) == 1


def test_an_unanswered_opening_is_resolved_under_the_same_key(shop: Shop, key: str) -> None:
    shop.ask(key)
    shop.sandbox.plant("POST /v1/checkout/sessions$", "timeout_after_effect", seconds=3)
    with pytest.raises(Unknown):
        open_session(key=key)
    assert payment(key).state == PaymentState.UNKNOWN
    due_now()
    drain()
    assert payment(key).state == PaymentState.OPENED
    assert shop.sessions(key) == 1


def test_an_answer_of_5xx_is_unknown_too(shop: Shop, key: str) -> None:
    shop.ask(key)
    shop.sandbox.plant("POST /v1/checkout/sessions$", "error", status=500)
    with pytest.raises(Unknown):
        open_session(key=key)
    assert open_session(key=key).startswith(shop.sandbox.url)


def test_a_declined_card_leaves_the_page_open_for_another_one(shop: Shop, key: str) -> None:
    shop.ask(key)
    page = open_session(key=key)
    type_card(page, "4000000000000002")
    view = refresh(key=key)
    assert (view.state, view.last_error) == (PaymentState.OPENED, "generic_decline")
    type_card(page, "4242424242424242")
    assert refresh(key=key).state == PaymentState.AUTHORISED
    assert told(key) == ["PaymentAuthorised"]


def test_the_webhook_alone_is_enough_and_twice_is_once(shop: Shop, key: str) -> None:
    shop.ask(key)
    shop.pay(key)
    completed = shop.webhooks(key, kinds=("checkout.session.completed",))
    assert shop.tell(*completed, *completed) == [200] * (2 * len(completed))
    assert payment(key).state == PaymentState.AUTHORISED
    assert told(key) == ["PaymentAuthorised"]
    assert StoredWebhook.objects.filter(type="checkout.session.completed").count() == 1


def test_webhooks_in_the_wrong_order_end_in_the_same_state(shop: Shop, key: str) -> None:
    authorised(shop, key)
    capture(key=key)
    drain()
    kinds = ("payment_intent.succeeded", "checkout.session.completed")
    news = shop.webhooks(key, kinds=kinds)
    shop.tell(*sorted(news, key=lambda entry: str(entry.body["type"]), reverse=True))
    assert payment(key).state == PaymentState.SETTLED
    assert told(key) == ["PaymentAuthorised", "PaymentSettled"]


def test_news_before_the_answer_that_names_the_page_are_understood(shop: Shop, key: str) -> None:
    shop.ask(key)
    shop.pay(key)
    PaymentAttempt.objects.update(state=PaymentState.OPENING, session_id="", hosted_url="")
    shop.tell(*shop.webhooks(key, kinds=("checkout.session.completed",)))
    assert payment(key).state == PaymentState.AUTHORISED
    assert shop.sessions(key) == 1


def test_without_any_webhook_we_ask_by_ourselves(shop: Shop, key: str) -> None:
    shop.ask(key)
    shop.pay(key)
    due_now()
    drain()
    assert payment(key).state == PaymentState.AUTHORISED


def test_a_forged_webhook_is_refused_and_not_stored(shop: Shop) -> None:
    answer = Client().post(
        "/webhooks/stripe",
        b'{"id": "evt_1"}',
        content_type="application/json",
        headers={"Stripe-Signature": "t=1,v1=00"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert not StoredWebhook.objects.exists()


def test_a_capture_without_an_answer_is_asked_for_and_not_repeated(shop: Shop, key: str) -> None:
    authorised(shop, key)
    capture(key=key)
    shop.sandbox.plant("/capture$", "timeout_after_effect", seconds=3)
    drain()
    assert PaymentEffect.objects.get().state == EffectState.SENT
    due_now()
    drain()
    assert payment(key).state == PaymentState.SETTLED
    assert shop.effects(key) == [("authorised", 44900), ("captured", 44900)]


def test_a_crash_after_a_refund_pays_nothing_back_twice(shop: Shop, key: str) -> None:
    authorised(shop, key)
    capture(key=key)
    drain()
    refund(key=key, amount=Money.of("49.00"))
    drain()
    # As if the worker had died before it noted the refund.
    effect = PaymentEffect.objects.get(kind="refund")
    PaymentEffect.objects.filter(pk=effect.pk).update(state=EffectState.SENT)
    PaymentAttempt.objects.update(refunded=0)
    refund(key=key, amount=Money.of("49.00"))
    Timer.objects.create(
        key="again", handler="payments.effect", payload={"effect_id": effect.pk},
        due_at=machine_now(), clock="machine",
    )  # fmt: skip
    drain()
    assert shop.effects(key)[2:] == [("refunded", 4900)]
    assert payment(key).refunded == Money.of("49.00")


def test_more_than_was_paid_never_goes_back(shop: Shop, key: str) -> None:
    authorised(shop, key)
    with pytest.raises(Conflict, match="taken"):
        refund(key=key, amount=Money.of("1.00"))
    capture(key=key)
    drain()
    refund(key=key, amount=Money.of("400.00"), sequence=1)
    with pytest.raises(Conflict):
        refund(key=key, amount=Money.of("49.01"), sequence=2)
    refund(key=key, amount=Money.of("49.00"), sequence=2)
    drain()
    assert payment(key).state == PaymentState.REFUNDED
    assert shop.effects(key)[2:] == [("refunded", 40000), ("refunded", 4900)]


def test_an_authorisation_is_given_back(shop: Shop, key: str) -> None:
    authorised(shop, key)
    cancel(key=key)
    cancel(key=key)
    drain()
    assert payment(key).state == PaymentState.CANCELLED
    assert [kind for kind, _ in shop.effects(key)] == ["authorised", "cancelled"]
    assert told(key) == ["PaymentAuthorised", "PaymentCancelled"]


def test_an_open_page_is_closed_and_takes_no_card_any_more(shop: Shop, key: str) -> None:
    shop.ask(key)
    page = open_session(key=key)
    cancel(key=key)
    drain()
    assert payment(key).state == PaymentState.CANCELLED
    type_card(page, "4242424242424242")
    assert refresh(key=key).state == PaymentState.CANCELLED
    with pytest.raises(Conflict):
        open_session(key=key)


def test_a_customer_who_pays_while_we_cancel_gets_the_money_back(shop: Shop, key: str) -> None:
    shop.ask(key)
    shop.pay(key)
    cancel(key=key)
    drain()
    assert payment(key).state == PaymentState.CANCELLED
    assert [kind for kind, _ in shop.effects(key)] == ["authorised", "cancelled"]


def test_who_cancels_while_the_page_is_being_opened_waits_and_then_closes_it(
    shop: Shop, key: str
) -> None:
    """The browser's request has claimed the payment, and its worker may have died since."""
    shop.ask(key)
    page = open_session(key=key)
    opening = {"state": PaymentState.OPENING, "session_id": "", "hosted_url": ""}
    PaymentAttempt.objects.update(**opening, claimed_at=machine_now())
    cancel(key=key)
    assert drain() == 1
    timer = Timer.objects.get(handler="payments.effect")
    assert (timer.state, timer.attempts) == ("pending", 0), "it waits, which is no try"
    assert timer.next_at > machine_now() + timedelta(seconds=20)
    assert payment(key).state == PaymentState.OPENING
    PaymentAttempt.objects.update(claimed_at=machine_now() - effects.OPENING_TAKES)
    due_now()
    drain()
    assert payment(key).state == PaymentState.CANCELLED
    type_card(page, "4242424242424242")
    assert (shop.sessions(key), refresh(key=key).state) == (1, PaymentState.CANCELLED)
    assert told(key) == ["PaymentCancelled"]
    assert PaymentEffect.objects.get().state == EffectState.DONE


def test_a_page_that_the_provider_refuses_to_open_needs_no_closing(shop: Shop, key: str) -> None:
    shop.ask(key)
    PaymentAttempt.objects.update(state=PaymentState.UNKNOWN)
    shop.sandbox.plant("POST /v1/checkout/sessions$", "error", status=400)
    cancel(key=key)
    drain()
    assert payment(key).state == PaymentState.DECLINED
    assert PaymentEffect.objects.get().state == EffectState.DONE
    assert told(key) == ["PaymentDeclined"]


def test_what_was_never_sent_is_cancelled_at_once(shop: Shop, key: str) -> None:
    shop.ask(key)
    cancel(key=key)
    assert payment(key).state == PaymentState.CANCELLED
    assert told(key) == ["PaymentCancelled"]
    assert shop.sessions(key) == 0


def test_a_page_that_nobody_used_expires_by_business_time(shop: Shop, key: str) -> None:
    shop.ask(key)
    open_session(key=key)
    shop.sandbox.advance(24 * 3600)
    shop.tell(*shop.webhooks(key, kinds=("checkout.session.expired",)))
    assert payment(key).state == PaymentState.CANCELLED


def test_refusals_change_nothing(shop: Shop, key: str) -> None:
    with pytest.raises(NotFound):
        payment(key)
    with pytest.raises(ValueError, match="add up"):
        shop.ask(key, amount="0.00")
    shop.ask(key)
    with pytest.raises(Conflict, match="authorised"):
        capture(key=key)
    assert not PaymentEffect.objects.exists()
