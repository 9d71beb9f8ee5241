"""A saved card is charged once without its holder, whatever crashes; what is refused says why."""

import itertools
from datetime import timedelta

import pytest
import stripe
from django.db import transaction

from commerce.accounts.models import Party
from commerce.events.pump import drain
from commerce.kernel.clock import business_now, business_time_fixed, machine_now
from commerce.kernel.errors import NotFound, Unknown
from commerce.kernel.money import Money
from commerce.payments.gateway import gateway
from commerce.payments.models import PaymentAttempt, PaymentState, SavedMethod
from commerce.payments.ports import PayLine
from commerce.payments.reconciling import provider_differences
from commerce.payments.selectors import payment, saved_methods
from commerce.payments.services import charge, effects, methods
from commerce.payments.services.checkout import open_session, refresh, request_payment
from tests.integration.payments.conftest import Shop, told
from tests.integration.sandbox_payments.harness import type_card

_numbers = itertools.count(1)
AMOUNT = Money.of("29.99")
ONCE = [("authorised", 2999), ("captured", 2999)]


@pytest.fixture
def key() -> str:
    return f"bill-{next(_numbers)}"


@pytest.fixture
def party(db: None) -> int:
    return Party.objects.create(
        kind="person", segment="consumer", display_name="Ada", email="ada@example.test"
    ).pk


def holding(shop: Shop, party: int, *, card: str = "pm_card_visa", last4: str = "4242") -> int:
    """A card that is attached to a customer at the provider, as paying with it does."""
    client: stripe.StripeClient = shop.sandbox.client()
    customer = client.v1.customers.create({"email": "ada@example.test"})
    method = client.v1.payment_methods.attach(card, {"customer": customer.id})
    return SavedMethod.objects.create(
        party_id=party,
        customer_id=customer.id,
        method_id=method.id,
        card_brand="visa",
        card_last4=last4,
        saved_at=business_now(),
        chosen_at=machine_now(),
    ).pk


def asked(party: int, key: str) -> None:
    assert charge.request_charge(key=key, party_id=party, amount=AMOUNT, reference=f"of-{key}")


def test_the_card_that_was_paid_with_is_kept_and_charged_once(
    shop: Shop, party: int, key: str
) -> None:
    request_payment(
        key=f"{key}/first", amount=AMOUNT, party_id=party, reference="F-1",
        lines=(PayLine("X", AMOUNT),), email="ada@example.test", language="fr",
        success_url="http://shop.invalid/done", cancel_url="http://shop.invalid/cart",
    )  # fmt: skip
    assert type_card(open_session(key=f"{key}/first"), "4242424242424242").status_code == 303
    refresh(key=f"{key}/first")
    (card,) = saved_methods(party)
    assert (card.card_brand, card.card_last4) == ("visa", "4242")
    for _ in range(2):
        asked(party, key)
        drain()
    charge.carry_out({"key": key})
    assert shop.effects(key) == ONCE
    view = payment(key)
    assert (view.state, view.off_session, view.card_last4) == (PaymentState.SETTLED, True, "4242")
    assert told(key) == ["PaymentSettled"]
    assert [each.id for each in saved_methods(party)] == [card.id]


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("pm_card_chargeCustomerFail", "generic_decline"),
        ("pm_card_authenticationRequired", "authentication_required"),
    ],
)
def test_a_card_that_is_refused_says_why_and_takes_nothing(
    shop: Shop, party: int, key: str, card: str, reason: str
) -> None:
    holding(shop, party, card=card)
    asked(party, key)
    drain()
    view = payment(key)
    assert (view.state, view.last_error) == (PaymentState.DECLINED, reason)
    assert told(key) == ["PaymentDeclined"]
    assert charge.carry_out({"key": key}) is False


def test_a_silent_provider_is_asked_before_anything_is_sent_again(
    shop: Shop, party: int, key: str
) -> None:
    holding(shop, party)
    shop.sandbox.control(
        "POST", "faults",
        {"route": "POST /v1/payment_intents$", "kind": "timeout_after_effect", "seconds": 3},
    )  # fmt: skip
    asked(party, key)
    with pytest.raises(Unknown):
        charge.carry_out({"key": key})
    assert payment(key).state == PaymentState.OPENING
    assert charge.carry_out({"key": key}) is True
    assert payment(key).state == PaymentState.SETTLED
    assert shop.effects(key) == ONCE


def test_the_providers_own_word_settles_a_charge_whose_answer_was_lost(
    shop: Shop, party: int, key: str
) -> None:
    holding(shop, party)
    asked(party, key)
    drain()
    PaymentAttempt.objects.filter(key=key).update(state=PaymentState.OPENING)
    webhooks = shop.webhooks(key, kinds=("payment_intent.succeeded",))
    assert shop.tell(*webhooks, *webhooks) == [200, 200]
    assert payment(key).state == PaymentState.SETTLED
    assert shop.effects(key) == ONCE


def test_without_a_card_nothing_is_asked_for(party: int, key: str) -> None:
    assert not charge.request_charge(key=key, party_id=party, amount=AMOUNT, reference="F-1")
    assert not PaymentAttempt.objects.exists()


def test_a_card_that_is_removed_before_it_is_charged_is_not_charged(party: int, key: str) -> None:
    kept = SavedMethod.objects.create(
        party_id=party, customer_id="cus_1", method_id="pm_1", card_last4="4242",
        saved_at=business_now(), chosen_at=machine_now(),
    )  # fmt: skip
    asked(party, key)
    methods.remove(party_id=party, saved_id=kept.pk)
    assert charge.carry_out({"key": key}) is False
    view = payment(key)
    assert (view.state, view.last_error) == (PaymentState.DECLINED, "card_removed")
    assert told(key) == ["PaymentDeclined"]


def test_a_card_is_chosen_removed_and_forgotten_by_the_provider(shop: Shop, party: int) -> None:
    first, second = holding(shop, party), holding(shop, party, card="pm_card_amex", last4="8431")
    assert [each.id for each in saved_methods(party)] == [second, first]
    replaced = holding(shop, party)
    SavedMethod.objects.filter(pk=replaced).update(removed_at=business_now())
    methods.choose(party_id=party, saved_id=first)
    assert [each.id for each in saved_methods(party)] == [first, second]
    methods.remove(party_id=party, saved_id=first)
    drain()
    assert [each.id for each in saved_methods(party)] == [second]
    for removed in SavedMethod.objects.filter(pk__in=[first, replaced]):
        found = shop.sandbox.client().v1.payment_methods.retrieve(removed.method_id)
        assert found.customer is None
    assert methods.forget({"saved_id": first}) is True
    stranger = Party.objects.create(kind="person", segment="consumer", display_name="Eve")
    for change in (methods.choose, methods.remove):
        with pytest.raises(NotFound):
            change(party_id=stranger.pk, saved_id=second)
    assert [each.id for each in saved_methods(party)] == [second]


def test_the_provider_lists_what_he_took_and_gave_back(shop: Shop, party: int, key: str) -> None:
    holding(shop, party)
    since = machine_now() - timedelta(hours=1)
    with business_time_fixed(machine_now()):
        asked(party, key)
        drain()
        (mine,) = [each for each in gateway().taken_since(since) if each.key == key]
        assert (mine.taken, mine.refunded) == (AMOUNT, Money.zero())
        found = {each.identity for each in provider_differences(since=since)}
        assert key not in found
        with transaction.atomic():
            effects.refund(key=key, amount=Money.of("9.99"))
        drain()
        shop.sandbox.client().v1.refunds.create({"payment_intent": mine.intent_id, "amount": 999})
        (doubled,) = [each for each in provider_differences(since=since) if each.identity == key]
    assert (doubled.kind, doubled.expected, doubled.found) == (
        "refund", "9.99 EUR", "19.98 EUR",
    )  # fmt: skip
