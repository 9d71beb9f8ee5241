"""A cart changes channel, an agent prepares, the customer accepts on his own device."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from catalogue.models import Release
from catalogue.selectors import forget_snapshots
from commerce.accounts.models import Consent
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Forbidden, NotFound, RuleViolated
from commerce.notifications.models import Message
from commerce.ordering import subscribers
from commerce.ordering.domain.arrival import Change
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order
from commerce.ordering.selectors import cart_view, order_by_link, order_view
from commerce.ordering.services import carts
from commerce.ordering.services.accept import accept_order, pay_by_link
from commerce.ordering.services.cancel import cancel_order
from commerce.ordering.services.handover import (
    hand_over,
    open_by_code,
    open_by_link,
    take_over,
)
from commerce.ordering.services.place import place_order
from commerce.payments.models import PaymentAttempt, PaymentState
from tests.integration.ordering.conftest import AT
from tests.integration.ordering.people import (
    ALL_AGREED,
    HOME,
    agent,
    bundle_cart,
    checkout_for,
    customer,
    visitor,
)
from tests.integration.ordering.test_carts import handset

pytestmark = pytest.mark.django_db


def _link_of(order: Order) -> str:
    text = Message.objects.get(reference__startswith=f"{order.number}/accept").text
    return text.split("/accept/")[1].split("/")[0]


def test_an_agent_opens_the_cart_that_is_spelt_out_to_him(shop: object) -> None:
    code = bundle_cart(visitor(), handset=handset())
    seen = cart_view(visitor(), code=code).quote.digest()
    caller = customer()
    handed = hand_over(visitor(), code=code)

    arrived = open_by_code(agent(caller.party_id), code=handed.code.replace("-", " ").lower())

    assert (arrived.code, arrived.differences) == (code, ())
    theirs = cart_view(agent(caller.party_id), code=code)
    assert (theirs.party_id, theirs.channels) == (caller.party_id, ("web", "call_centre"))
    assert theirs.quote.digest() == seen


def test_a_cart_that_nobody_hands_over_stays_closed_to_agents(shop: object) -> None:
    code = bundle_cart(visitor(), handset=handset())

    for wanted in (code, "ZZZ-ZZZ", "no code"):
        with pytest.raises(NotFound) as refused:
            open_by_code(agent(), code=wanted)
        assert refused.value.code == "unknown_cart"


def test_a_code_is_open_for_two_days(shop: object) -> None:
    code = hand_over(visitor(), code=bundle_cart(visitor(), handset=handset())).code

    with business_time_fixed(AT + timedelta(hours=48)), pytest.raises(NotFound):
        open_by_code(agent(), code=code)


def test_another_customers_cart_is_not_opened_within_a_contact(shop: object) -> None:
    owner, caller = customer(), customer("Paul Durand")
    hand_over(owner, code=bundle_cart(owner, handset=handset()))

    with pytest.raises(Forbidden) as refused:
        open_by_code(agent(caller.party_id), code=carts.open_cart(owner))

    assert refused.value.code == "other_customer"


def test_whoever_has_the_link_opens_the_cart_on_another_device(shop: object) -> None:
    code = bundle_cart(visitor(), handset=handset())
    url = hand_over(visitor(), code=code).url

    arrived = open_by_link(visitor("phone"), token=url.rstrip("/").rsplit("/", 1)[1])

    assert arrived.code == code
    assert cart_view(visitor("phone"), code=code).quote.lines != ()


def test_every_difference_is_explained_on_arrival(shop: object) -> None:
    code = bundle_cart(visitor(), handset=handset())
    hand_over(visitor(), code=code)
    _plan_costs_a_euro_more()

    found = open_by_code(agent(), code=code).differences

    assert [(d.change, d.subject) for d in found] == [
        (Change.PRICE, "horizon-130.monthly"),
        (Change.COMMITMENT_TOTAL, ""),
    ]
    price, total = found
    assert price.before is not None
    assert price.after is not None
    assert total.before is not None
    assert total.after is not None
    assert (price.after - price.before).amount == 1
    assert (total.after - total.before).amount == 18  # 24 months, six of them free


def test_the_lease_is_asked_for_and_let_go(shop: object) -> None:
    code = bundle_cart(visitor(), handset=handset())
    hand_over(visitor(), code=code)
    clerk = agent()
    open_by_code(clerk, code=code)

    asked = take_over(visitor(), code=code)

    assert (asked.mine, asked.editor) == (False, "Nadia Benali")
    assert take_over(clerk, code=code).mine


def _prepared() -> tuple[Any, Order]:
    """An agent places what the caller wants; the caller gets a link."""
    caller = customer()
    clerk = agent(caller.party_id)
    code = bundle_cart(caller, handset=handset())
    hand_over(caller, code=code)
    open_by_code(clerk, code=code)
    placed = place_order(clerk, code=code, checkout=checkout_for(clerk, code, deliver_to=HOME))
    return caller, Order.objects.get(number=placed.number)


def test_an_agents_order_waits_for_the_customer_who_gets_a_link(shop: object) -> None:
    _, order = _prepared()

    assert (order.state, order.agent_name, order.channels) == (
        "awaiting_acceptance",
        "Nadia Benali",
        ["web", "call_centre"],
    )
    message = Message.objects.get()
    assert (message.channel, message.to) == ("sms", "+33639980042")
    assert order_by_link(_link_of(order)).summary.number == order.number
    assert not Consent.objects.exists()
    assert not PaymentAttempt.objects.exists()


def test_the_customer_accepts_and_pays_by_the_link_once(shop: object) -> None:
    _, order = _prepared()
    token = _link_of(order)

    first = accept_order(token=token, consents=ALL_AGREED)
    again = accept_order(token=token, consents=ALL_AGREED)

    assert first == again
    told = OutboxEvent.objects.filter(name="OrderConfirmed")
    assert list(told.values_list("payload__number", flat=True)) == [order.number]
    assert (first.state, first.payment_key) == (
        OrderState.AWAITING_PAYMENT,
        f"{order.number}/pay/1",
    )
    assert pay_by_link(token=token) == first.payment_key
    assert Consent.objects.filter(reference=order.number, channel="web").count() == 3
    PaymentAttempt.objects.update(state=PaymentState.AUTHORISED, session_id="cs", intent_id="pi")
    subscribers.on_payment_authorised({"key": first.payment_key, "reference": order.number})
    assert Order.objects.get().state == "accepted"


def test_nothing_is_accepted_without_the_summary(shop: object) -> None:
    _, order = _prepared()

    with pytest.raises(RuleViolated) as refused:
        accept_order(
            token=_link_of(order),
            consents=replace(ALL_AGREED, contract_summary_confirmed=False),
        )

    assert refused.value.code == "contract_summary_not_confirmed"
    assert Order.objects.get().state == "awaiting_acceptance"


def test_a_guessed_link_leads_nowhere(shop: object) -> None:
    _prepared()
    for token in ("", "x" * 32):
        with pytest.raises(NotFound) as refused:
            accept_order(token=token, consents=ALL_AGREED)
        assert refused.value.code == "unknown_link"


def test_a_waiting_order_is_cancelled_once_and_its_cart_opens_again(shop: object) -> None:
    caller, order = _prepared()

    cancel_order(caller, number=order.number)
    cancel_order(caller, number=order.number)

    view = order_view(caller, number=order.number)
    assert (view.summary.state, view.end_reason) == (OrderState.CANCELLED, "customer")
    assert [step.after for step in view.steps] == [
        OrderState.AWAITING_ACCEPTANCE,
        OrderState.CANCELLED,
    ]
    assert cart_view(caller, code=view.cart_code).ordered is False
    with pytest.raises(Exception, match="can't go from"):
        accept_order(token=_link_of(order), consents=ALL_AGREED)


def _plan_costs_a_euro_more() -> None:
    document = Release.objects.get(number=1).document
    offering = next(o for o in document["offerings"] if o["code"] == "horizon-130")
    for charge in offering["charges"]:
        if charge["kind"] == "recurring":
            whole, cents = charge["amount"].split(".")
            charge["amount"] = f"{int(whole) + 1}.{cents}"
    Release.objects.create(number=2, document=document, digest="2" * 64, published_at=AT)
    forget_snapshots()
