"""The life of a payment intent through the official client."""

from typing import Any

import httpx
import pytest
import stripe

from tests.integration.sandbox_payments.harness import PaymentSandbox, payment

BACK = "http://shop.invalid/back?order=7"


def _bank_page(intent: stripe.PaymentIntent) -> str:
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.url is not None
    return intent.next_action.redirect_to_url.url


def test_a_held_amount_is_captured_in_part_and_the_rest_released(sandbox: PaymentSandbox) -> None:
    client = sandbox.client().v1
    held = payment(sandbox, capture_method="manual", metadata={"order": "O-1"})
    assert (held.status, held.amount_capturable, held.amount_received) == (
        "requires_capture",
        2000,
        0,
    )
    taken = client.payment_intents.capture(held.id, {"amount_to_capture": 1500})
    assert (taken.status, taken.amount_capturable, taken.amount_received) == ("succeeded", 0, 1500)
    charge = client.charges.retrieve(str(taken.latest_charge))
    assert (charge.captured, charge.amount, charge.amount_captured) == (True, 2000, 1500)
    assert sandbox.effects(held.id) == [
        ("authorised", 2000),
        ("captured", 1500),
        ("cancelled", 500),
    ]


def test_capturing_more_than_is_held_is_refused_and_takes_nothing(sandbox: PaymentSandbox) -> None:
    held = payment(sandbox, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.client().v1.payment_intents.capture(held.id, {"amount_to_capture": 2001})
    assert (caught.value.code, caught.value.param) == ("amount_too_large", "amount_to_capture")
    assert sandbox.effects(held.id) == [("authorised", 2000)]


def test_a_captured_intent_is_not_captured_again(sandbox: PaymentSandbox) -> None:
    paid = payment(sandbox)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.client().v1.payment_intents.capture(paid.id)
    assert caught.value.http_status == 400
    assert caught.value.code == "payment_intent_unexpected_state"


def test_cancelling_releases_what_is_held(sandbox: PaymentSandbox) -> None:
    held = payment(sandbox, capture_method="manual")
    gone = sandbox.client().v1.payment_intents.cancel(
        held.id, {"cancellation_reason": "requested_by_customer"}
    )
    assert (gone.status, gone.amount_capturable) == ("canceled", 0)
    assert sandbox.effects(held.id) == [("authorised", 2000), ("cancelled", 2000)]


def test_a_hold_lapses_after_seven_days_of_business_time(sandbox: PaymentSandbox) -> None:
    held = payment(sandbox, capture_method="manual")
    sandbox.advance(7 * 24 * 3600 + 60)
    found = sandbox.client().v1.payment_intents.retrieve(held.id)
    for _ in range(50):
        if found.status == "canceled":
            break
        found = sandbox.client().v1.payment_intents.retrieve(held.id)
    assert (found.status, found.cancellation_reason) == ("canceled", "automatic")


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_each_documented_decline_says_why_and_takes_nothing(
    sandbox: PaymentSandbox, token: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        payment(sandbox, payment_method=token)
    error = caught.value.error
    assert error is not None
    assert caught.value.http_status == 402
    assert (error.code, error.decline_code) == (code, decline_code)
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_intent.last_payment_error is not None
    assert error.payment_intent.last_payment_error.decline_code == decline_code
    assert sandbox.effects(error.payment_intent.id) == []


def test_authentication_sends_the_cardholder_to_the_bank_and_back(sandbox: PaymentSandbox) -> None:
    waiting = payment(
        sandbox,
        payment_method="pm_card_threeDSecure2Required",
        return_url=BACK,
        capture_method="manual",
    )
    assert waiting.status == "requires_action"
    page = httpx.get(_bank_page(waiting))
    assert "Complete authentication" in page.text
    back = httpx.post(_bank_page(waiting), data={"answer": "complete"})
    assert back.status_code == 303
    assert back.headers["location"] == (
        f"{BACK}&payment_intent={waiting.id}"
        f"&payment_intent_client_secret={waiting.client_secret}&redirect_status=succeeded"
    )
    again = httpx.post(_bank_page(waiting), data={"answer": "fail"})
    assert again.status_code == 303
    found = sandbox.client().v1.payment_intents.retrieve(waiting.id)
    assert found.status == "requires_capture"
    assert sandbox.effects(waiting.id) == [("authorised", 2000)]


def test_failed_authentication_takes_nothing(sandbox: PaymentSandbox) -> None:
    waiting = payment(sandbox, payment_method="pm_card_authenticationRequired", return_url=BACK)
    back = httpx.post(_bank_page(waiting), data={"answer": "fail"})
    assert back.headers["location"].endswith("redirect_status=failed")
    found = sandbox.client().v1.payment_intents.retrieve(waiting.id)
    assert found.status == "requires_payment_method"
    assert found.last_payment_error is not None
    assert found.last_payment_error.code == "payment_intent_authentication_failure"
    assert sandbox.effects(waiting.id) == []


def test_a_bank_page_with_a_wrong_token_does_nothing(sandbox: PaymentSandbox) -> None:
    waiting = payment(sandbox, payment_method="pm_card_authenticationRequired", return_url=BACK)
    forged = _bank_page(waiting).rsplit("/", 1)[0] + "/guessed"
    assert httpx.post(forged, data={"answer": "complete"}).status_code == 404
    assert sandbox.effects(waiting.id) == []


def test_off_session_a_card_that_needs_authentication_is_declined(
    sandbox: PaymentSandbox,
) -> None:
    client = sandbox.client().v1
    customer = client.customers.create()
    card = client.payment_methods.attach(
        "pm_card_authenticationRequiredOnSetup", {"customer": customer.id}
    )
    with pytest.raises(stripe.CardError) as caught:
        payment(sandbox, customer=customer.id, payment_method=card.id, off_session=True)
    assert caught.value.code == "authentication_required"


def test_a_card_set_up_in_an_authenticated_payment_pays_off_session(
    sandbox: PaymentSandbox,
) -> None:
    client = sandbox.client().v1
    customer = client.customers.create()
    waiting = payment(
        sandbox,
        customer=customer.id,
        payment_method="pm_card_authenticationRequiredOnSetup",
        setup_future_usage="off_session",
        return_url=BACK,
    )
    httpx.post(_bank_page(waiting), data={"answer": "complete"})
    kept = client.customers.payment_methods.list(customer.id).data
    assert [card.id for card in kept] == [waiting.payment_method]
    later = payment(sandbox, customer=customer.id, payment_method=kept[0].id, off_session=True)
    assert later.status == "succeeded"


def test_confirming_with_redirects_open_needs_a_return_address(sandbox: PaymentSandbox) -> None:
    wishes: Any = {
        "amount": 2000,
        "currency": "eur",
        "payment_method": "pm_card_visa",
        "confirm": True,
    }
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        sandbox.client().v1.payment_intents.create(wishes)


@pytest.mark.parametrize(
    ("wishes", "param", "code"),
    [
        ({"currency": "eur"}, "amount", "parameter_missing"),
        ({"amount": 2000}, "currency", "parameter_missing"),
        ({"amount": 20, "currency": "eur"}, "amount", "amount_too_small"),
        ({"amount": 10**9, "currency": "eur"}, "amount", "amount_too_large"),
        ({"amount": 2000, "currency": "eur", "colour": "red"}, "colour", "parameter_unknown"),
        ({"amount": 2000, "currency": "eur", "customer": "cus_no"}, "customer", "resource_missing"),
        ({"amount": 2000, "currency": "eur", "off_session": True}, "off_session", None),
    ],
)
def test_a_bad_request_names_its_parameter(
    sandbox: PaymentSandbox, wishes: Any, param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.client().v1.payment_intents.create(wishes)
    assert (caught.value.param, caught.value.code) == (param, code)


def test_an_unknown_intent_is_missing(sandbox: PaymentSandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.client().v1.payment_intents.retrieve("pi_unknown")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_intents_are_found_by_their_metadata(sandbox: PaymentSandbox) -> None:
    paid = payment(sandbox, metadata={"key": "order-7:due:1"})
    payment(sandbox, metadata={"key": "order-8:due:1"})
    found = sandbox.client().v1.payment_intents.search(
        {"query": "metadata['key']:'order-7:due:1' AND status:'succeeded'"}
    )
    assert [intent.id for intent in found.data] == [paid.id]


def test_lists_are_paged_newest_first_in_both_directions(sandbox: PaymentSandbox) -> None:
    client = sandbox.client().v1
    customer = client.customers.create().id
    made = [payment(sandbox, customer=customer).id for _ in range(5)][::-1]
    listed = client.payment_intents.list({"customer": customer, "limit": 2})
    assert ([intent.id for intent in listed.data], listed.has_more) == (made[:2], True)
    assert [intent.id for intent in listed.auto_paging_iter()] == made
    before = client.payment_intents.list(
        {"customer": customer, "limit": 2, "ending_before": made[4]}
    )
    assert ([intent.id for intent in before.data], before.has_more) == (made[2:4], True)


def test_refunds_add_up_to_what_was_captured_and_no_more(sandbox: PaymentSandbox) -> None:
    client = sandbox.client().v1
    paid = payment(sandbox)
    part = client.refunds.create({"payment_intent": paid.id, "amount": 500})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        client.refunds.create({"payment_intent": paid.id, "amount": 1501})
    rest = client.refunds.create({"payment_intent": paid.id})
    assert (part.amount, rest.amount, rest.status) == (500, 1500, "succeeded")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.refunds.create({"payment_intent": paid.id})
    assert caught.value.code == "charge_already_refunded"
    charge = client.charges.retrieve(str(paid.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (2000, True)
    assert [r.id for r in client.refunds.list({"payment_intent": paid.id}).data] == [
        rest.id,
        part.id,
    ]
    assert sandbox.effects(paid.id)[2:] == [("refunded", 500), ("refunded", 1500)]


def test_what_is_only_held_is_cancelled_and_not_refunded(sandbox: PaymentSandbox) -> None:
    held = payment(sandbox, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        sandbox.client().v1.refunds.create({"payment_intent": held.id})
    assert sandbox.effects(held.id) == [("authorised", 2000)]


def test_a_customer_is_updated_listed_by_email_and_deleted(sandbox: PaymentSandbox) -> None:
    client = sandbox.client().v1
    ada = client.customers.create({"email": "ada@list.example", "metadata": {"a": "1", "b": "2"}})
    changed = client.customers.update(ada.id, {"name": "Ada", "metadata": {"a": "", "c": "3"}})
    assert changed.metadata is not None
    assert (changed.name, changed.metadata.to_dict()) == ("Ada", {"b": "2", "c": "3"})
    assert [c.id for c in client.customers.list({"email": "ada@list.example"}).data] == [ada.id]
    client.customers.delete(ada.id)
    assert client.customers.list({"email": "ada@list.example"}).data == []
    assert client.customers.retrieve(ada.id).deleted is True


def test_a_detached_card_is_of_no_more_use(sandbox: PaymentSandbox) -> None:
    client = sandbox.client().v1
    customer = client.customers.create().id
    card = client.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    client.payment_methods.detach(card)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        payment(sandbox, payment_method=card)


def test_lists_are_narrowed_by_the_business_time_of_creation(sandbox: PaymentSandbox) -> None:
    client = sandbox.client().v1
    customer = client.customers.create().id
    early = payment(sandbox, customer=customer)
    sandbox.advance(3600)
    late = payment(sandbox, customer=customer)
    middle = early.created + 1800
    before = client.payment_intents.list({"customer": customer, "created": {"lt": middle}})
    after = client.payment_intents.list({"customer": customer, "created": {"gte": middle}})
    assert [intent.id for intent in before.data] == [early.id]
    assert [intent.id for intent in after.data] == [late.id]
