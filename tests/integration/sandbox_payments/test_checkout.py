"""Hosted checkout: the page as a browser without scripts uses it."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from tests.integration.sandbox_payments.harness import (
    PaymentSandbox,
    line,
    session_of,
    type_card,
)
from tests.integration.sandbox_providers.harness import wait_for


def _page(session: stripe.checkout.Session) -> str:
    assert session.url is not None
    return session.url


def _now(sandbox: PaymentSandbox, session: stripe.checkout.Session) -> stripe.checkout.Session:
    return sandbox.client().v1.checkout.sessions.retrieve(session.id)


def test_a_good_card_pays_and_returns_to_the_shop(sandbox: PaymentSandbox) -> None:
    session = session_of(
        sandbox,
        client_reference_id="cart-7",
        payment_intent_data={"metadata": {"order": "O-7"}},
    )
    assert (session.status, session.payment_status, session.amount_total) == (
        "open",
        "unpaid",
        14980,
    )
    assert session.payment_intent is None
    back = type_card(_page(session), "4242 4242 4242 4242")
    assert back.status_code == 303
    assert back.headers["location"] == f"http://shop.invalid/done?session={session.id}"
    done = _now(sandbox, session)
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    intent = sandbox.client().v1.payment_intents.retrieve(str(done.payment_intent))
    assert (intent.status, intent.amount_received) == ("succeeded", 14980)
    assert intent.metadata.to_dict() == {"order": "O-7"}
    assert sandbox.effects(intent.id) == [("authorised", 14980), ("captured", 14980)]
    found = sandbox.client().v1.checkout.sessions.list({"payment_intent": intent.id})
    assert [each.id for each in found.data] == [session.id]


def test_with_manual_capture_the_session_is_unpaid_until_the_capture(
    sandbox: PaymentSandbox,
) -> None:
    customer = sandbox.client().v1.customers.create({"email": "ada@example.com"}).id
    wishes: Any = {"capture_method": "manual", "setup_future_usage": "off_session"}
    session = session_of(
        sandbox, customer=customer, customer_email=None, payment_intent_data=wishes
    )
    assert type_card(_page(session), "4242424242424242").status_code == 303
    held = _now(sandbox, session)
    assert (held.status, held.payment_status) == ("complete", "unpaid")
    client = sandbox.client().v1
    intent = client.payment_intents.capture(str(held.payment_intent))
    assert intent.status == "succeeded"
    assert _now(sandbox, session).payment_status == "paid"
    kept = client.customers.payment_methods.list(customer).data
    assert [card.id for card in kept] == [intent.payment_method]


def test_submitting_twice_pays_once(sandbox: PaymentSandbox) -> None:
    session = session_of(sandbox)
    first = type_card(_page(session), "4242424242424242")
    second = type_card(_page(session), "4242424242424242")
    assert first.headers["location"] == second.headers["location"]
    intent = str(_now(sandbox, session).payment_intent)
    assert sandbox.effects(intent) == [("authorised", 14980), ("captured", 14980)]
    assert "already paid €149.80" in httpx.get(_page(session)).text


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("4000000000000002", "Your card was declined."),
        ("4000000000009995", "There are insufficient funds on your card."),
        ("4000000000009987", "Your card was declined."),
        ("4000000000000069", "Your card has expired."),
        ("4000000000000127", "The security code is wrong."),
        ("4000000000000119", "Your card could not be processed."),
    ],
)
def test_a_declined_card_is_explained_and_another_may_be_tried(
    sandbox: PaymentSandbox, number: str, sentence: str
) -> None:
    session = session_of(sandbox)
    refused = type_card(_page(session), number)
    assert refused.status_code == 402
    assert sentence in refused.text
    assert number not in refused.text
    intent = str(_now(sandbox, session).payment_intent)
    assert sandbox.effects(intent) == []
    assert type_card(_page(session), "5555555555554444").status_code == 303
    assert _now(sandbox, session).payment_intent == intent


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("number", "4242424242424241", "This card number is not valid."),
        ("number", "4111111111111111", "Only test cards are accepted here"),
        ("number", "", "Enter your card number."),
        ("expiry", "13 / 34", "Enter the expiry date"),
        ("expiry", "01 / 20", "This card has expired."),
        ("cvc", "12", "Enter the 3 digits"),
        ("name", " ", "Enter the name"),
    ],
)
def test_a_wrong_entry_is_explained_beside_its_field_and_nothing_is_tried(
    sandbox: PaymentSandbox, field: str, typed: str, sentence: str
) -> None:
    session = session_of(sandbox)
    entry = {"number": "4242424242424242"} | {field: typed}
    answer = type_card(_page(session), **entry)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'id="{field}-error"' in answer.text
    assert _now(sandbox, session).payment_intent is None


@pytest.mark.parametrize("number", ["4000002500003155", "4000002760003184", "4000000000003220"])
def test_a_card_with_authentication_asks_the_bank_first(
    sandbox: PaymentSandbox, number: str
) -> None:
    session = session_of(sandbox)
    bank = type_card(_page(session), number).headers["location"]
    assert _now(sandbox, session).status == "open"
    failed = httpx.post(bank, data={"answer": "fail"})
    assert failed.headers["location"] == session.url
    assert "did not confirm the payment" in httpx.get(_page(session)).text
    bank = type_card(_page(session), number).headers["location"]
    passed = httpx.post(bank, data={"answer": "complete"})
    assert passed.headers["location"] == f"http://shop.invalid/done?session={session.id}"
    assert _now(sandbox, session).payment_status == "paid"


def test_authentication_may_pass_and_the_funds_still_be_missing(sandbox: PaymentSandbox) -> None:
    session = session_of(sandbox)
    bank = type_card(_page(session), "4000008260003178").headers["location"]
    assert httpx.post(bank, data={"answer": "complete"}).headers["location"] == session.url
    assert "insufficient funds" in httpx.get(_page(session)).text
    assert _now(sandbox, session).status == "open"


def test_an_expired_session_takes_no_card(sandbox: PaymentSandbox) -> None:
    session = session_of(sandbox)
    sandbox.client().v1.checkout.sessions.expire(session.id)
    assert type_card(_page(session), "4242424242424242").status_code == 410
    assert "has expired" in httpx.get(_page(session)).text
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        sandbox.client().v1.checkout.sessions.expire(session.id)


def test_a_session_expires_by_itself_with_business_time(sandbox: PaymentSandbox) -> None:
    session = session_of(sandbox)
    due = sandbox.control("GET", "state")["next_due"]
    assert due is not None
    sandbox.advance(24 * 3600 + 1)
    wait_for(lambda: _now(sandbox, session).status == "expired")
    wait_for(lambda: sandbox.event_types(session.id) == ["checkout.session.expired"])


def test_the_page_speaks_french_and_loads_nothing_from_elsewhere(sandbox: PaymentSandbox) -> None:
    session = session_of(sandbox, locale="fr")
    page = httpx.get(_page(session))
    assert '<html lang="fr">' in page.text
    assert "149,80\u00a0€" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_no_card_number_is_stored_anywhere(sandbox: PaymentSandbox) -> None:
    number = "5105105105105100"
    assert type_card(_page(session_of(sandbox)), number).status_code == 303
    for path in Path(sandbox.folder).iterdir():
        assert number.encode() not in path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("wishes", "param"),
    [
        ({"line_items": []}, "line_items"),
        ({"success_url": ""}, "success_url"),
        ({"success_url": "shop"}, "success_url"),
        ({"mode": "subscription"}, "mode"),
        ({"line_items": [line("Nothing", 0)]}, None),
        ({"line_items": [line("Case", 1000, quantity=0)]}, "line_items[0][quantity]"),
        ({"expires_at": 1}, "expires_at"),
        ({"customer": "cus_unknown", "customer_email": None}, "customer"),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(
    sandbox: PaymentSandbox, wishes: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        session_of(sandbox, **wishes)
    assert caught.value.param == param


def test_line_items_are_listed_on_request(sandbox: PaymentSandbox) -> None:
    session = session_of(sandbox, expand=["line_items"])
    assert session.line_items is not None
    assert [(i.description, i.quantity, i.amount_total) for i in session.line_items.data] == [
        ("Handset", 1, 12900),
        ("Case", 2, 2080),
    ]
