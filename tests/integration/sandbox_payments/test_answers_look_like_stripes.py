"""Each answered object against Stripe's published examples and the official client's types."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import stripe

from commerce.sandbox.payments.world import API_VERSION
from tests.integration.sandbox_payments.harness import (
    API_KEY,
    PaymentSandbox,
    payment,
    session_of,
    type_card,
)
from tests.integration.sandbox_payments.shapes import (
    differences_from_example,
    fixture,
    misfits,
)
from tests.integration.sandbox_payments.test_setting_up import (
    GOOD,
    debit,
    dispute_of,
    mandated,
    setup_page,
)


def _customer(sandbox: PaymentSandbox) -> Any:
    wishes: Any = {
        "email": "ada@example.com",
        "name": "Ada",
        "address": {"city": "Paris", "country": "FR"},
        "shipping": {"name": "Ada", "address": {"line1": "1 rue de la Paix"}},
        "metadata": {"party": "7"},
    }
    return sandbox.client().v1.customers.create(wishes)


def _deleted_customer(sandbox: PaymentSandbox) -> Any:
    client = sandbox.client().v1
    return client.customers.delete(client.customers.create().id)


def _held(sandbox: PaymentSandbox) -> Any:
    return payment(sandbox, capture_method="manual")


def _waiting(sandbox: PaymentSandbox) -> Any:
    return payment(
        sandbox,
        payment_method="pm_card_authenticationRequired",
        return_url="http://shop.invalid/back",
    )


def _refused(sandbox: PaymentSandbox) -> Any:
    with pytest.raises(stripe.CardError) as caught:
        payment(sandbox, payment_method="pm_card_visa_chargeDeclined")
    assert caught.value.error is not None
    return caught.value.error.payment_intent


def _charge(sandbox: PaymentSandbox) -> Any:
    return sandbox.client().v1.charges.retrieve(str(_held(sandbox).latest_charge))


def _failed_charge(sandbox: PaymentSandbox) -> Any:
    return sandbox.client().v1.charges.retrieve(str(_refused(sandbox).latest_charge))


def _method(sandbox: PaymentSandbox) -> Any:
    client = sandbox.client().v1
    customer = client.customers.create().id
    return client.payment_methods.attach("pm_card_mastercard", {"customer": customer})


def _session(sandbox: PaymentSandbox) -> Any:
    return session_of(sandbox)


def _complete_session(sandbox: PaymentSandbox) -> Any:
    session = session_of(sandbox, payment_intent_data={"setup_future_usage": "off_session"})
    assert session.url is not None
    assert type_card(session.url, "4242424242424242").status_code == 303
    return sandbox.client().v1.checkout.sessions.retrieve(session.id)


def _item(sandbox: PaymentSandbox) -> Any:
    return sandbox.client().v1.checkout.sessions.line_items.list(session_of(sandbox).id).data[0]


def _price(sandbox: PaymentSandbox) -> Any:
    return _item(sandbox).price


def _refund(sandbox: PaymentSandbox) -> Any:
    paid = payment(sandbox).id
    return sandbox.client().v1.refunds.create({"payment_intent": paid, "amount": 500})


def _event(sandbox: PaymentSandbox) -> Any:
    payment(sandbox)
    return sandbox.client().v1.events.list({"type": "payment_intent.succeeded"}).data[0]


def _setup(sandbox: PaymentSandbox) -> Any:
    return sandbox.client().v1.setup_intents.retrieve(mandated(sandbox, GOOD).id)


def _mandate(sandbox: PaymentSandbox) -> Any:
    return mandated(sandbox, GOOD).mandate


def _account(sandbox: PaymentSandbox) -> Any:
    return mandated(sandbox, GOOD).payment_method


def _debit(sandbox: PaymentSandbox) -> Any:
    return debit(sandbox, mandated(sandbox, GOOD))


def _pending(sandbox: PaymentSandbox) -> Any:
    return sandbox.client().v1.charges.retrieve(str(_debit(sandbox).latest_charge))


def _setup_page(sandbox: PaymentSandbox) -> Any:
    return setup_page(sandbox, "sepa_debit")


def _dispute(sandbox: PaymentSandbox) -> Any:
    return dispute_of(sandbox, payment(sandbox, payment_method="pm_card_createDisputeInquiry").id)


OF_DEBITS = frozenset({"an account to be debited", "its charge"})
"""Stripe's examples of these are of cards."""
CASES: list[tuple[str, str, Any, Callable[[PaymentSandbox], Any]]] = [
    ("a customer", "customer", stripe.Customer, _customer),
    ("a deleted customer", "deleted_customer", None, _deleted_customer),
    ("a held payment intent", "payment_intent", stripe.PaymentIntent, _held),
    ("an intent that waits for the bank", "payment_intent", stripe.PaymentIntent, _waiting),
    ("an intent after a decline", "payment_intent", stripe.PaymentIntent, _refused),
    ("a charge", "charge", stripe.Charge, _charge),
    ("a failed charge", "charge", stripe.Charge, _failed_charge),
    ("an attached payment method", "payment_method", stripe.PaymentMethod, _method),
    ("an open session", "checkout.session", stripe.checkout.Session, _session),
    ("a paid session", "checkout.session", stripe.checkout.Session, _complete_session),
    ("a line item", "item", stripe.LineItem, _item),
    ("its price", "price", stripe.Price, _price),
    ("a refund", "refund", stripe.Refund, _refund),
    ("an event", "event", None, _event),
    ("a setup intent", "setup_intent", stripe.SetupIntent, _setup),
    ("a mandate", "mandate", stripe.Mandate, _mandate),
    ("an account to be debited", "payment_method", stripe.PaymentMethod, _account),
    ("a debit under way", "payment_intent", stripe.PaymentIntent, _debit),
    ("its charge", "charge", stripe.Charge, _pending),
    ("a session that sets up", "checkout.session", stripe.checkout.Session, _setup_page),
    ("a dispute", "dispute", stripe.Dispute, _dispute),
]


@pytest.mark.parametrize(("case", "name", "kind", "make"), CASES, ids=[case[0] for case in CASES])
def test_has_the_keys_and_types_of_stripe(
    sandbox: PaymentSandbox,
    case: str,
    name: str,
    kind: Any,
    make: Callable[[PaymentSandbox], Any],
) -> None:
    answer = make(sandbox).to_dict()
    example = fixture(name)
    if name == "event":
        example.pop("data")
    for examples in (example, example.get("payment_method_details", {})):
        if case in OF_DEBITS:
            examples.pop("card", None)
    assert differences_from_example(answer, example, name=name) == []
    if kind is not None:
        assert isinstance(make(sandbox), kind)
        assert misfits(answer, kind, path=name) == []


def test_the_imitated_version_is_the_one_that_the_client_speaks() -> None:
    assert stripe.api_version == API_VERSION


def test_the_version_asked_for_is_echoed_with_a_request_id(sandbox: PaymentSandbox) -> None:
    answer = httpx.get(
        f"{sandbox.url}/v1/customers",
        headers={"Stripe-Version": "2024-06-20"},
        auth=(API_KEY, ""),
    )
    assert answer.status_code == 200
    assert answer.headers["stripe-version"] == "2024-06-20"
    assert answer.headers["request-id"].startswith("req_")


def test_a_wrong_key_is_refused_and_not_shown_whole(sandbox: PaymentSandbox) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        sandbox.client(key="sk_test_4eC39HqLyjWDarjtT1zdp7dc").v1.customers.list()
    assert caught.value.http_status == 401
    assert "4eC39HqLyj" not in str(caught.value)


def test_nested_objects_are_expanded_on_request(sandbox: PaymentSandbox) -> None:
    held = payment(sandbox, capture_method="manual")
    found = sandbox.client().v1.payment_intents.retrieve(
        held.id, {"expand": ["latest_charge.refunds", "payment_method"]}
    )
    assert isinstance(found.latest_charge, stripe.Charge)
    assert found.latest_charge.refunds is not None
    assert found.latest_charge.refunds.data == []
    assert isinstance(found.payment_method, stripe.PaymentMethod)
    assert found.payment_method.card is not None
    assert found.payment_method.card.last4 == "4242"


def test_what_cannot_be_expanded_is_named(sandbox: PaymentSandbox) -> None:
    paid = payment(sandbox)
    with pytest.raises(stripe.InvalidRequestError, match=r"cannot be expanded \(amount\)"):
        sandbox.client().v1.payment_intents.retrieve(paid.id, {"expand": ["amount"]})


def test_the_comparison_itself_finds_a_missing_key_a_wrong_type_and_a_foreign_value(
    sandbox: PaymentSandbox,
) -> None:
    answer = payment(sandbox).to_dict()
    spoilt = answer | {"amount": "2000", "status": "paid", "colour": "blue"}
    del spoilt["capture_method"]
    assert sorted(
        differences_from_example(spoilt, fixture("payment_intent"), name="payment_intent")
    ) == [
        "amount is str",
        "capture_method is missing",
    ]
    assert sorted(misfits(spoilt, stripe.PaymentIntent, path="pi")) == [
        "pi.amount: '2000' is no int",
        "pi.capture_method: missing",
        "pi.colour: not in the client's type",
        "pi.status: 'paid' is no documented value",
    ]
