"""Methods are added without a payment; accounts are debited under their mandate, and what banks
take back is heard of, whatever the order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from commerce.accounts.models import Party
from commerce.events.models import OutboxEvent, Timer
from commerce.events.pump import drain
from commerce.kernel.clock import business_now, business_time_fixed
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.payments.models import Dispute, MethodSetup, PaymentAttempt, PaymentState, SavedMethod
from commerce.payments.ports import MethodKind
from commerce.payments.reconciling import provider_differences
from commerce.payments.selectors import (
    Saved,
    chosen_method,
    coming_in,
    disputed,
    open_disputes,
    payment,
    saved_methods,
)
from commerce.payments.services import charge, methods, setups
from commerce.payments.services.disputes import note_dispute
from tests.integration.payments.conftest import Shop, told
from tests.integration.sandbox_payments.harness import type_card
from tests.integration.sandbox_payments.test_setting_up import CLOSED, DISPUTED, GOOD, POOR
from tests.integration.sandbox_providers.harness import wait_for

DAYS = 10 * 24 * 3600
AMOUNT = Money.of("29.99")


@pytest.fixture(autouse=True)
def _on_the_day_of_the_sandbox(shop: Shop) -> Iterator[None]:
    """Its clock, which earlier tests have moved, never runs backwards."""
    moved = shop.sandbox.control("GET", "state")["offset_seconds"]
    with business_time_fixed(datetime.now(UTC) + timedelta(seconds=moved)):
        yield


@pytest.fixture
def party(db: None) -> int:
    return Party.objects.create(
        kind="person", segment="consumer", display_name="Ada", email="ada@example.test"
    ).pk


def page(party: int, kind: MethodKind) -> tuple[str, str]:
    key = setups.request_setup(
        party_id=party,
        kind=kind,
        email="ada@example.test",
        language="en",
        success_url="http://shop.invalid/account/bills/?added=1",
        cancel_url="http://shop.invalid/account/bills/",
    )
    return key, setups.open_setup(key=key)


def mandated(party: int, iban: str) -> Saved:
    key, url = page(party, MethodKind.SEPA_DEBIT)
    assert httpx.post(url, data={"iban": iban, "name": "Ada"}).status_code == 303
    assert setups.note_setup(key=key) is True
    return saved_methods(party)[0]


def different() -> set[str]:
    """What we and the provider say otherwise of the last hour."""
    since = business_now() - timedelta(hours=1)
    return {each.identity for each in provider_differences(since=since)}


def debited(shop: Shop, party: int, key: str, *, iban: str) -> PaymentState:
    """The state of a debit once the bank has had its days, asked for without any webhook."""
    mandated(party, iban)
    assert charge.request_charge(key=key, party_id=party, amount=AMOUNT, reference=f"of-{key}")
    charge.carry_out({"key": key})
    assert payment(key).state == PaymentState.PROCESSING
    assert key not in different()
    intent = PaymentAttempt.objects.get(key=key).intent_id
    shop.sandbox.advance(DAYS)
    client = shop.sandbox.client().v1.payment_intents
    wait_for(lambda: client.retrieve(intent).status != "processing" or None)
    charge.carry_out({"key": key})
    return payment(key).state


def test_a_card_is_added_without_a_payment_and_is_charged_from_now_on(
    shop: Shop, party: int
) -> None:
    key, url = page(party, MethodKind.CARD)
    assert page(party, MethodKind.CARD) == (key, url)
    assert setups.back_from_setup(party_id=party) is False
    assert type_card(url, "5555555555554444").status_code == 303
    assert setups.back_from_setup(party_id=party) is True
    assert setups.note_setup(key=key) is True
    (card,) = saved_methods(party)
    assert (card.kind, card.card_brand, card.card_last4) == (MethodKind.CARD, "mastercard", "4444")
    assert chosen_method(party, for_bills=True) == card
    assert PaymentAttempt.objects.count() == 0
    assert page(party, MethodKind.CARD)[0] != key


def test_a_page_that_nobody_used_is_closed_and_another_opened(shop: Shop, party: int) -> None:
    key, _ = page(party, MethodKind.CARD)
    session = MethodSetup.objects.get(key=key).session_id
    shop.sandbox.client().v1.checkout.sessions.expire(session)
    setups.look_after({"key": key, "after": 60})
    assert MethodSetup.objects.get(key=key).state == "expired"
    assert setups.look_after({"key": key, "after": 60}) is False
    assert saved_methods(party) == ()
    assert page(party, MethodKind.CARD)[0] == f"setup/{party}/card/en/2"


def test_the_providers_word_alone_adds_the_method(shop: Shop, party: int) -> None:
    key, url = page(party, MethodKind.CARD)
    MethodSetup.objects.filter(key=key).update(state="requested", session_id="", hosted_url="")
    type_card(url, "4242424242424242")
    webhooks = shop.webhooks(key, kinds=("checkout.session.completed",))
    assert shop.tell(*webhooks, *webhooks) == [200, 200]
    assert [each.card_last4 for each in saved_methods(party)] == ["4242"]


def test_a_mandate_is_kept_without_the_number_of_the_account(shop: Shop, party: int) -> None:
    saved = mandated(party, GOOD)
    assert (saved.kind, saved.card_last4, saved.bank_code) == (
        MethodKind.SEPA_DEBIT,
        "2606",
        "20041",
    )
    assert len(saved.mandate_reference) == 16
    row = SavedMethod.objects.get(pk=saved.id)
    assert GOOD not in str(row.__dict__)
    again = mandated(party, GOOD)
    assert [each.id for each in saved_methods(party)] == [again.id]


def test_a_debit_is_on_its_way_for_days_and_then_taken_without_any_news(
    shop: Shop, party: int
) -> None:
    assert debited(shop, party, "debit-1", iban=GOOD) == PaymentState.SETTLED
    assert told("debit-1") == ["PaymentSettled"]
    assert shop.effects("debit-1") == [("captured", 2999)]


def test_a_debit_under_way_counts_as_money_that_comes_and_is_asked_for_later(
    shop: Shop, party: int
) -> None:
    mandated(party, GOOD)
    charge.request_charge(key="debit-2", party_id=party, amount=AMOUNT, reference="F-2")
    charge.carry_out({"key": "debit-2"})
    assert coming_in("F-2") == ("debit-2",)
    row = PaymentAttempt.objects.get(key="debit-2")
    timer = Timer.objects.get(key="payments.charge:debit-2")
    assert (timer.clock, timer.due_at) == ("business", row.created_at + charge.BANKS_TAKE)
    assert told("debit-2") == []


@pytest.mark.parametrize(
    ("iban", "reason", "unusable"),
    [(POOR, "insufficient_funds", ""), (CLOSED, "account_closed", "account_closed")],
)
def test_a_debit_that_the_bank_refuses_says_why_and_may_end_the_mandate(
    shop: Shop, party: int, iban: str, reason: str, unusable: str
) -> None:
    key = f"debit-{reason}"
    assert debited(shop, party, key, iban=iban) == PaymentState.DECLINED
    assert payment(key).last_error == reason
    (saved,) = saved_methods(party)
    assert saved.unusable_because == unusable
    assert (chosen_method(party) is None) == bool(unusable)
    assert OutboxEvent.objects.filter(name="MethodUnusable").count() == bool(unusable)
    if unusable:
        with pytest.raises(RuleViolated):
            methods.choose(party_id=party, saved_id=saved.id)


def test_a_removed_account_is_not_debited_for_another(shop: Shop, party: int) -> None:
    saved = mandated(party, GOOD)
    charge.request_charge(key="debit-3", party_id=party, amount=AMOUNT, reference="F-3")
    methods.remove(party_id=party, saved_id=saved.id)
    mandated(party, POOR)
    assert charge.carry_out({"key": "debit-3"}) is False
    assert payment("debit-3").state == PaymentState.DECLINED


def test_a_disputed_debit_ends_its_mandate_by_the_providers_word(shop: Shop, party: int) -> None:
    assert debited(shop, party, "debit-4", iban=DISPUTED) == PaymentState.SETTLED

    def ended() -> list[Any] | None:
        came = list(shop.sandbox.receiver.received)
        return [each for each in came if each.body["type"] == "mandate.updated"] or None

    shop.tell(*wait_for(ended))
    (saved,) = saved_methods(party)
    assert saved.unusable_because == "mandate_ended"


def disputes_of(shop: Shop, key: str) -> list[str]:
    intent = PaymentAttempt.objects.get(key=key).intent_id
    found = shop.sandbox.client().v1.disputes.list({"payment_intent": intent})
    return [each.id for each in found.data]


def charged(shop: Shop, party: int, key: str, *, card: str) -> str:
    _, url = page(party, MethodKind.CARD)
    type_card(url, card)
    setups.back_from_setup(party_id=party)
    charge.request_charge(key=key, party_id=party, amount=AMOUNT, reference=f"of-{key}")
    drain()
    (found,) = disputes_of(shop, key)
    return found


def states() -> list[tuple[str, bool, bool]]:
    rows = Dispute.objects.order_by("pk")
    return [(row.state, bool(row.withdrawn_at), bool(row.reinstated_at)) for row in rows]


def test_a_dispute_is_noted_once_and_told_once_for_each_step(shop: Shop, party: int) -> None:
    found = charged(shop, party, "card-1", card="4000000000000259")
    for _ in range(2):
        assert note_dispute(dispute_id=found) is True
    assert states() == [("open", True, False)]
    assert [each.reference for each in open_disputes()] == ["of-card-1"]
    assert disputed(["of-card-1", "F-9"]) == {"of-card-1"}
    wishes: Any = {"evidence": {"uncategorized_text": "winning_evidence"}}
    shop.sandbox.client().v1.disputes.update(found, wishes)
    for _ in range(2):
        note_dispute(dispute_id=found)
    assert states() == [("won", True, True)]
    assert disputed(["of-card-1"]) == frozenset()
    assert told("card-1") == ["PaymentSettled", "DisputeMoved", "DisputeMoved"]


def test_webhooks_of_a_dispute_may_come_twice_and_backwards(shop: Shop, party: int) -> None:
    found = charged(shop, party, "card-2", card="4000000000002685")
    shop.sandbox.client().v1.disputes.close(found)

    def heard() -> list[Any] | None:
        mine = shop.sandbox.events(found)
        return mine if len(mine) == 3 else None

    backwards = wait_for(heard)[::-1]
    assert shop.tell(*backwards, *backwards) == [200] * 6
    assert states() == [("lost", True, False)]
    assert told("card-2") == ["PaymentSettled", "DisputeMoved"]


def test_an_inquiry_takes_no_money(shop: Shop, party: int) -> None:
    found = charged(shop, party, "card-3", card="4000000000001976")
    note_dispute(dispute_id=found)
    assert states() == [("asked", False, False)]
