"""Who may order what is in a cart; and what is held stays held, or is given back."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction

from catalogue.models import StockHold
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.models import Contact
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Forbidden
from commerce.ordering.domain.states import ItemState, OrderState
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import acceptance, carts
from commerce.ordering.services.accept import accept_order
from commerce.ordering.services.cancel import cancel_order
from commerce.ordering.services.fulfilment import activate_items, complete_order
from commerce.ordering.services.handover import hand_over, open_by_code, open_by_link
from commerce.ordering.services.payment import note_authorised, note_settled, pay_again
from commerce.ordering.services.place import place_order
from commerce.payments.models import PaymentAttempt, PaymentEffect, PaymentState
from promotions.models import PromotionUse, UseState
from tests.integration.ordering.conftest import AT
from tests.integration.ordering.people import (
    ALL_AGREED,
    HOME,
    agent,
    bundle_cart,
    checkout_for,
    customer,
    member,
    organisation,
    visitor,
)
from tests.integration.ordering.test_carts import handset
from tests.integration.ordering.test_channels import _link_of, _prepared


def fleet_cart(buyer: AccountContext) -> str:
    code = carts.open_cart(buyer)
    carts.add_line(buyer, code=code, offering="chargeur-30w", quantity=1)
    return code


def handed(owner: AccountContext, code: str) -> str:
    return hand_over(owner, code=code).url.rstrip("/").rsplit("/", 1)[1]


@pytest.mark.django_db
def test_whoever_has_the_link_to_a_firms_cart_cannot_order_for_the_firm(shop: object) -> None:
    buyer = member(organisation(), "Paul", role=Role.BUYER, limit="5000.00")
    code = fleet_cart(buyer)
    token = handed(buyer, code)

    for stranger in (visitor("elsewhere"), agent(buyer.party_id)):
        open_by_link(stranger, token=token)
        checkout = checkout_for(stranger, code, purchase_order="PO-1")
        with pytest.raises(Forbidden) as refused:
            place_order(stranger, code=code, checkout=checkout)
        assert refused.value.code == "members_only"
    assert not Order.objects.exists()


@pytest.mark.django_db
def test_an_agent_changes_and_orders_nothing_before_the_caller_is_verified(shop: object) -> None:
    caller = customer()
    code = bundle_cart(caller, handset=handset())
    hand_over(caller, code=code)
    clerk = agent(caller.party_id, verified=False)
    open_by_code(clerk, code=code)
    checkout = checkout_for(clerk, code)

    for act in (
        lambda: carts.add_line(clerk, code=code, offering="chargeur-30w"),
        lambda: place_order(clerk, code=code, checkout=checkout),
    ):
        with pytest.raises(Forbidden) as refused:
            act()
        assert refused.value.code == "caller_not_verified"
    assert not Order.objects.exists()

    Contact.objects.update(verified=True)
    assert place_order(clerk, code=code, checkout=checkout).state is OrderState.AWAITING_ACCEPTANCE


@pytest.mark.django_db
def test_an_agent_orders_for_the_customer_of_his_contact_alone(shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    hand_over(owner, code=code)
    earlier = agent(owner.party_id)
    open_by_code(earlier, code=code)
    checkout = checkout_for(earlier, code)
    Contact.objects.update(ended_at=AT)

    for later in (agent(), agent(customer("Paul Durand").party_id)):
        with pytest.raises(Forbidden) as refused:
            place_order(later, code=code, checkout=checkout)
        assert refused.value.code == "other_customer"
        with pytest.raises(Forbidden) as refused:
            carts.add_line(later, code=code, offering="chargeur-30w")
        assert refused.value.code == "other_customer"


@pytest.mark.django_db
def test_an_agent_neither_cancels_nor_pays_before_the_caller_is_verified(shop: object) -> None:
    caller, order = _prepared()
    accept_order(token=_link_of(order), consents=ALL_AGREED)
    clerk = agent(caller.party_id, verified=False)

    for act in (cancel_order, pay_again):
        with pytest.raises(Forbidden) as refused:
            act(clerk, number=order.number)
        assert refused.value.code == "caller_not_verified"
    assert Order.objects.get().state == OrderState.AWAITING_PAYMENT


@pytest.mark.django_db
def test_a_guests_second_click_gives_the_same_order(shop: object) -> None:
    code = bundle_cart(visitor(), handset=handset())
    checkout = checkout_for(visitor(), code)

    first = place_order(visitor(), code=code, checkout=checkout)
    again = place_order(visitor(), code=code, checkout=checkout)

    assert first == again
    assert Order.objects.count() == 1


@pytest.mark.django_db
def test_a_limited_promotion_is_kept_as_long_as_the_accepted_order_waits(shop: object) -> None:
    _, order = _prepared()
    PromotionUse.objects.create(
        promotion="last-one",
        key=order.cart_code,
        state=UseState.RESERVED,
        until=order.hold_until,
    )

    with business_time_fixed(AT + timedelta(hours=47)):
        accept_order(token=_link_of(order), consents=ALL_AGREED)

    order.refresh_from_db()
    assert order.hold_until == AT + timedelta(hours=71)
    assert PromotionUse.objects.get().until == order.hold_until


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("note", "given_back"), [(note_authorised, "cancel"), (note_settled, "refund")]
)
def test_a_payment_that_comes_when_the_hold_is_over_is_given_back(
    shop: object, note: Callable[..., None], given_back: str
) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    placed = place_order(owner, code=code, checkout=checkout_for(owner, code, deliver_to=HOME))
    reached = PaymentState.AUTHORISED if given_back == "cancel" else PaymentState.SETTLED
    PaymentAttempt.objects.update(state=reached, session_id="cs_1", intent_id="pi_1")

    with business_time_fixed(AT + timedelta(hours=24)):
        note(key=placed.payment_key)
        note(key=placed.payment_key)

    order = Order.objects.get()
    assert (order.state, order.end_reason) == ("cancelled", "paid_after_the_hold")
    assert [effect.kind for effect in PaymentEffect.objects.all()] == [given_back]
    assert set(StockHold.objects.values_list("state", flat=True)) == {"released"}


@pytest.mark.django_db
def test_the_page_of_an_order_that_waited_too_long_is_closed(shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    placed = place_order(owner, code=code, checkout=checkout_for(owner, code, deliver_to=HOME))
    PaymentAttempt.objects.update(state=PaymentState.OPENED, session_id="cs_1")

    with business_time_fixed(AT + timedelta(hours=24)):
        acceptance.end_of_hold(number=placed.number, context=replace(owner))

    assert Order.objects.get().state == OrderState.CANCELLED
    effect = PaymentEffect.objects.get()
    assert (effect.payment.key, effect.kind) == (placed.payment_key, "cancel")


@pytest.mark.django_db(transaction=True)
def test_two_bundles_that_end_at_once_complete_their_order(committed_shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    placed = place_order(owner, code=code, checkout=checkout_for(owner, code, deliver_to=HOME))
    first, second, *rest = OrderItem.objects.order_by("position")
    groups = ("a", "b")
    for item, group in zip((first, second), groups, strict=True):
        OrderItem.objects.filter(pk=item.pk).update(group=group)
    OrderItem.objects.filter(pk__in=[item.pk for item in rest]).update(group="a")
    Order.objects.update(state=OrderState.IN_PROGRESS)
    both, failed = threading.Barrier(2), []

    def end(group: str) -> None:
        try:
            with business_time_fixed(AT), transaction.atomic():
                activate_items(order_number=placed.number, group=group)
                with suppress(threading.BrokenBarrierError):
                    both.wait(timeout=1)
                complete_order(order_number=placed.number)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=end, args=(group,)) for group in groups]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)

    assert failed == []
    assert Order.objects.get().state == OrderState.COMPLETED
    assert set(OrderItem.objects.values_list("state", flat=True)) == {ItemState.ACTIVE}
