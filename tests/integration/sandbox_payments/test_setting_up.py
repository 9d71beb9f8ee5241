"""Cards and accounts are kept without a payment; debits take days, and may fail or come back."""

from typing import Any

import httpx
import pytest
import stripe

from tests.integration.sandbox_payments.harness import (
    CANCEL,
    SUCCESS,
    PaymentSandbox,
    payment,
    type_card,
)
from tests.integration.sandbox_providers.harness import wait_for

DAY = 24 * 3600
GOOD = "FR1420041010050500013M02606"
POOR = "FR9720041010050000002222227"
CLOSED = "FR8420041010050500013M02607"
DISPUTED = "FR5720041010050500013M02608"


def setup_page(sandbox: PaymentSandbox, kind: str) -> stripe.checkout.Session:
    wishes: Any = {
        "mode": "setup",
        "payment_method_types": [kind],
        "customer_creation": "always",
        "customer_email": "ada@example.com",
        "setup_intent_data": {"metadata": {"key": "s-1"}},
        "locale": "en",
        "success_url": SUCCESS,
        "cancel_url": CANCEL,
    }
    return sandbox.client().v1.checkout.sessions.create(wishes)


def type_iban(page: str | None, iban: str) -> httpx.Response:
    return httpx.post(str(page), data={"iban": iban, "name": "Ada Martin"}, timeout=10)


def looked_up(sandbox: PaymentSandbox, session: stripe.checkout.Session) -> Any:
    return sandbox.client().v1.checkout.sessions.retrieve(
        session.id, {"expand": ["setup_intent.payment_method", "setup_intent.mandate"]}
    )


def mandated(sandbox: PaymentSandbox, iban: str) -> Any:
    session = setup_page(sandbox, "sepa_debit")
    assert type_iban(session.url, iban).status_code == 303
    return looked_up(sandbox, session).setup_intent


def debit(sandbox: PaymentSandbox, setup: Any) -> stripe.PaymentIntent:
    return payment(
        sandbox,
        payment_method=setup.payment_method.id,
        customer=setup.customer,
        payment_method_types=["sepa_debit"],
        off_session=True,
    )


def now(sandbox: PaymentSandbox, intent: str) -> Any:
    return sandbox.client().v1.payment_intents.retrieve(intent, {"expand": ["latest_charge"]})


def settled(sandbox: PaymentSandbox, intent: str) -> Any:
    sandbox.advance(10 * DAY)
    wait_for(lambda: now(sandbox, intent).status != "processing" or None)
    return now(sandbox, intent)


def test_a_card_is_kept_without_a_payment(sandbox: PaymentSandbox) -> None:
    session = setup_page(sandbox, "card")
    assert "Add a card" in httpx.get(str(session.url)).text
    answer = type_card(str(session.url), "4242424242424242")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        SUCCESS.replace("{CHECKOUT_SESSION_ID}", session.id),
    )
    found = looked_up(sandbox, session)
    setup = found.setup_intent
    assert (found.status, found.payment_status) == ("complete", "no_payment_required")
    assert (setup.status, setup.payment_method.card.last4) == ("succeeded", "4242")
    assert setup.payment_method.customer == found.customer == setup.customer
    assert setup.metadata["key"] == "s-1"
    wait_for(lambda: "checkout.session.completed" in sandbox.event_types(session.id) or None)


def test_a_card_whose_bank_asks_is_kept_once_its_holder_has_answered(
    sandbox: PaymentSandbox,
) -> None:
    session = setup_page(sandbox, "card")
    bank = type_card(str(session.url), "4000002500003155").headers["location"]
    assert "asks to keep your card ending in 3155" in httpx.get(bank).text
    failed = httpx.post(bank, data={"answer": "fail"})
    assert failed.headers["location"] == session.url
    assert "Your bank did not confirm" in httpx.get(str(session.url)).text
    bank = type_card(str(session.url), "4000002500003155").headers["location"]
    assert httpx.post(bank, data={"answer": "complete"}).status_code == 303
    setup = looked_up(sandbox, session).setup_intent
    assert setup.status == "succeeded"
    paid = payment(
        sandbox,
        payment_method=setup.payment_method.id,
        customer=setup.customer,
        off_session=True,
    )
    assert paid.status == "succeeded"


def test_a_declined_card_is_not_kept(sandbox: PaymentSandbox) -> None:
    session = setup_page(sandbox, "card")
    answer = type_card(str(session.url), "4000000000009995")
    assert answer.status_code == 402
    assert "Your card was not added." in answer.text
    found = looked_up(sandbox, session)
    assert (found.status, found.setup_intent.status) == ("open", "requires_payment_method")
    assert found.setup_intent.last_setup_error.decline_code == "insufficient_funds"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Enter your IBAN."),
        ("FR14 2004 1010 0505 0001 3M02 607", "This IBAN is not valid."),
        ("GB29NWBK60161331926819", "Only test accounts are accepted here"),
    ],
)
def test_a_wrong_iban_is_said_beside_the_field(
    sandbox: PaymentSandbox, typed: str, sentence: str
) -> None:
    answer = type_iban(setup_page(sandbox, "sepa_debit").url, typed)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_an_account_is_debited_under_its_mandate_after_five_working_days(
    sandbox: PaymentSandbox,
) -> None:
    setup = mandated(sandbox, GOOD)
    method = setup.payment_method.sepa_debit
    assert (method.last4, method.bank_code, method.country) == ("2606", "20041", "FR")
    assert GOOD not in str(setup.to_dict())
    mandate = setup.mandate
    assert (mandate.status, mandate.type) == ("active", "multi_use")
    assert len(mandate.payment_method_details.sepa_debit.reference) == 16
    intent = debit(sandbox, setup)
    assert (intent.status, sandbox.effects(intent.id)) == ("processing", [])
    done = settled(sandbox, intent.id)
    assert (done.status, done.latest_charge.status) == ("succeeded", "succeeded")
    assert done.latest_charge.payment_method_details.sepa_debit.mandate == mandate.id
    assert sandbox.effects(intent.id) == [("captured", 2_000)]
    assert "paid to Faisceau from the account" in httpx.get(done.latest_charge.receipt_url).text


def test_a_debit_that_the_bank_refuses_says_why_and_takes_nothing(sandbox: PaymentSandbox) -> None:
    setup = mandated(sandbox, POOR)
    done = settled(sandbox, debit(sandbox, setup).id)
    assert (done.status, done.last_payment_error.code) == (
        "requires_payment_method",
        "insufficient_funds",
    )
    assert sandbox.effects(done.id) == []
    assert sandbox.client().v1.mandates.retrieve(setup.mandate.id).status == "active"


def test_a_closed_account_ends_its_mandate(sandbox: PaymentSandbox) -> None:
    setup = mandated(sandbox, CLOSED)
    done = settled(sandbox, debit(sandbox, setup).id)
    assert done.last_payment_error.code == "account_closed"
    assert sandbox.client().v1.mandates.retrieve(setup.mandate.id).status == "inactive"
    with pytest.raises(stripe.InvalidRequestError, match="no longer active"):
        debit(sandbox, setup)


def dispute_of(sandbox: PaymentSandbox, intent: str) -> Any:
    (found,) = sandbox.client().v1.disputes.list({"payment_intent": intent}).data
    return found


def net(dispute: Any) -> int:
    return sum(each.amount for each in dispute.balance_transactions)


def test_a_disputed_debit_is_lost_at_once_and_ends_its_mandate(sandbox: PaymentSandbox) -> None:
    setup = mandated(sandbox, DISPUTED)
    done = settled(sandbox, debit(sandbox, setup).id)
    found = dispute_of(sandbox, done.id)
    assert (done.status, found.status, net(found)) == ("succeeded", "lost", -2_000)
    assert sandbox.client().v1.mandates.retrieve(setup.mandate.id).status == "inactive"


def test_a_payment_is_disputed_later_by_the_control_api_once(sandbox: PaymentSandbox) -> None:
    intent = settled(sandbox, debit(sandbox, mandated(sandbox, GOOD)).id).id
    sandbox.control("POST", "disputes", {"payment_intent": intent})
    assert dispute_of(sandbox, intent).status == "lost"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.client().v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_disputed"
    again = httpx.post(f"{sandbox.url}/_control/disputes", json={"payment_intent": intent})
    assert again.status_code == 400


@pytest.mark.parametrize(
    ("evidence", "status", "left"),
    [("winning_evidence", "won", 0), ("losing_evidence", "lost", -2_000)],
)
def test_the_evidence_decides_over_a_disputed_card_payment(
    sandbox: PaymentSandbox, evidence: str, status: str, left: int
) -> None:
    paid = payment(sandbox, payment_method="pm_card_createDispute")
    found = dispute_of(sandbox, paid.id)
    assert (found.status, found.reason, net(found)) == ("needs_response", "fraudulent", -2_000)
    wishes: Any = {"evidence": {"uncategorized_text": evidence}}
    ended = sandbox.client().v1.disputes.update(found.id, wishes)
    assert (ended.status, net(ended)) == (status, left)


def test_an_inquiry_takes_nothing_and_lapses_without_an_answer(sandbox: PaymentSandbox) -> None:
    paid = payment(sandbox, payment_method="pm_card_createDisputeInquiry")
    found = dispute_of(sandbox, paid.id)
    assert (found.status, net(found)) == ("warning_needs_response", 0)
    sandbox.advance(10 * DAY)
    wait_for(lambda: dispute_of(sandbox, paid.id).status == "warning_closed" or None)
