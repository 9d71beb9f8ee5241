"""Placing an order: once per cart, at the price that was seen, all or nothing."""

from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from oscar.apps.partner.models import StockRecord

from catalogue.domain.model import Kind
from catalogue.models import Number, NumberState, Release, StockHold
from catalogue.selectors import current_snapshot, forget_snapshots
from commerce.accounts.identity import AccountContext
from commerce.accounts.models import Consent, Party
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.kernel.money import Money
from commerce.ordering import subscribers
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.numbering import NumberChoice
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Cart, Order, OrderItem
from commerce.ordering.selectors import (
    order_charges,
    order_for_fulfilment,
    order_view,
    orders_of,
)
from commerce.ordering.services import carts, payment
from commerce.ordering.services.cancel import cancel_order
from commerce.ordering.services.checkout import start_checkout
from commerce.ordering.services.fulfilment import activate_items, record_item_facts
from commerce.ordering.services.place import PlacedOrder, place_order
from commerce.payments.models import PaymentAttempt, PaymentEffect, PaymentState
from subscriptions.models import Promise, PromiseLine
from tests.integration.ordering.conftest import AT, PIECES
from tests.integration.ordering.people import (
    ALL_AGREED,
    ALSO_KEPT,
    HOME,
    KEPT,
    bundle_cart,
    checkout_for,
    customer,
    visitor,
)
from tests.integration.ordering.test_carts import handset

pytestmark = pytest.mark.django_db


def _plan_line(code: str) -> str:
    return Cart.objects.get(code=code).items.get(role="plan").line_id


def _placed(
    context: AccountContext, *, kept: NumberChoice = KEPT, **changes: object
) -> PlacedOrder:
    code = bundle_cart(context, handset=handset())
    carts.choose_number(context, code=code, line_id=_plan_line(code), choice=kept)
    return place_order(context, code=code, checkout=checkout_for(context, code, **changes))


def _nothing_is_written() -> None:
    for model in (Order, OrderItem, Promise, PaymentAttempt, StockHold, Consent):
        assert model.objects.count() == 0, model
    assert not OutboxEvent.objects.filter(name="OrderPlaced").exists()
    assert not Number.objects.exclude(state=NumberState.FREE).exists()
    assert not StockRecord.objects.exclude(num_allocated=0).exists()


def _authorise(key: str) -> None:
    PaymentAttempt.objects.filter(key=key).update(
        state=PaymentState.AUTHORISED, session_id=f"cs_{key}", intent_id=f"pi_{key}"
    )
    subscribers.on_payment_authorised({"key": key, "reference": key})


def test_an_order_is_what_was_quoted(shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    seen = checkout_for(owner, code)

    placed = place_order(owner, code=code, checkout=seen)

    order = Order.objects.get(number=placed.number)
    quote = Quote.from_json(order.agreed)
    assert (placed.state, placed.gross) == (OrderState.AWAITING_PAYMENT, seen.expected_total)
    assert order.digest == seen.digest == quote.digest()
    assert [(i.role, i.quantity, i.term) for i in order.items.all()] == [
        ("handset", 1, 24),
        ("plan", 1, 24),
        ("sim", 1, 24),
    ]
    assert order.items.get(role="handset").deliver_to == HOME.as_json()
    assert order.items.get(role="sim").deliver_to == {}
    promised = PromiseLine.objects.filter(promise__order_number=order.number, period=0)
    assert sum(line.amount for line in promised) == quote.due_today.amount
    attempt = PaymentAttempt.objects.get(key=placed.payment_key)
    assert attempt.money == quote.due_today_gross
    assert StockHold.objects.get(key=order.number).quantity == 1
    assert Number.objects.get(state=NumberState.HELD).key == f"{order.number}/{_plan_line(code)}"
    assert Cart.objects.get(code=code).state == "ordered"


def test_a_second_call_answers_the_same_order(shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    checkout = checkout_for(owner, code)

    first = place_order(owner, code=code, checkout=checkout)
    again = place_order(owner, code=code, checkout=replace(checkout, expected_total=Money.zero()))

    assert again == first
    assert Order.objects.count() == PaymentAttempt.objects.count() == 1
    assert StockRecord.objects.get(num_allocated__gt=0).num_allocated == 1


def test_a_changed_price_is_refused_and_leaves_nothing(shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    seen = checkout_for(owner, code)
    wrong = replace(seen, expected_total=seen.expected_total - Money.of("0.01"))

    with pytest.raises(RuleViolated) as refused:
        place_order(owner, code=code, checkout=wrong)

    assert refused.value.code == "price_changed"
    assert refused.value.detail["total"] == str(seen.expected_total)
    assert refused.value.detail["digest"] == seen.digest
    _nothing_is_written()
    assert Cart.objects.get(code=code).state == "open"


def test_a_schedule_that_differs_is_refused_though_today_is_the_same(shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    seen = checkout_for(owner, code)
    _raise_prices(of="horizon-130", charge_kind="recurring")

    with pytest.raises(RuleViolated) as refused:
        place_order(owner, code=code, checkout=seen)

    assert refused.value.code == "price_changed"
    assert refused.value.detail["total"] == str(seen.expected_total)


def test_prices_are_held_for_thirty_minutes_from_the_checkout(shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    started = start_checkout(owner, code=code)
    seen = checkout_for(owner, code)
    _raise_prices(of="horizon-130", charge_kind="recurring")

    with business_time_fixed(AT + timedelta(minutes=31)), pytest.raises(RuleViolated) as refused:
        place_order(owner, code=code, checkout=seen)
    with business_time_fixed(AT + timedelta(minutes=29)):
        placed = place_order(owner, code=code, checkout=seen)

    assert refused.value.code == "price_changed"
    assert started.prices_until == AT + timedelta(minutes=30)
    assert Order.objects.get(number=placed.number).digest == started.quote.digest()


@pytest.mark.parametrize(
    ("consents", "code"),
    [
        (OrderConsents(contract_summary_confirmed=True), "terms_not_accepted"),
        (OrderConsents(terms=True), "contract_summary_not_confirmed"),
    ],
)
def test_nothing_binds_without_consent(shop: object, consents: OrderConsents, code: str) -> None:
    with pytest.raises(RuleViolated) as refused:
        _placed(customer(), consents=consents)
    assert refused.value.code == code
    _nothing_is_written()


def test_consents_are_logged_with_the_version_of_their_text(shop: object) -> None:
    placed = _placed(visitor())

    given = Consent.objects.filter(reference=placed.number).order_by("purpose")
    assert [(c.purpose, c.granted, c.text_version, c.channel) for c in given] == [
        ("contract_summary", True, "eu-2019-2243/1", "web"),
        ("early_execution", True, "2026-11", "web"),
        ("terms", True, "2026-11", "web"),
    ]


def test_a_port_in_waits_for_the_end_of_withdrawal_unless_asked_earlier(shop: object) -> None:
    # Concluded on Monday 23 November: the 14th day is Monday 7 December.
    patient = replace(ALL_AGREED, early_execution_requested=False)

    waits = order_for_fulfilment(_placed(visitor(), consents=patient).number)
    at_once = order_for_fulfilment(_placed(visitor("v-2"), kept=ALSO_KEPT).number)

    assert [i.not_before for i in waits.items if i.role == "plan"] == [date(2026, 12, 8)]
    assert [i.not_before for i in at_once.items if i.role == "plan"] == [None]


def test_a_stranger_becomes_a_customer_with_the_order(shop: object) -> None:
    placed = _placed(visitor())

    party = Party.objects.get(pk=placed.party_id)
    order = Order.objects.get(number=placed.number)
    assert (party.display_name, party.email) == ("Camille Martin", "camille@example.test")
    assert (order.email, order.cart is not None and order.cart.party_id) == (party.email, party.pk)


def test_a_stranger_without_a_name_is_asked_for_it(shop: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        _placed(visitor(), customer=None)
    assert refused.value.code == "customer_missing"
    assert Party.objects.count() == 0
    _nothing_is_written()


def test_the_last_piece_is_not_sold_twice(shop: object) -> None:
    StockRecord.objects.update(num_in_stock=1)
    first = _placed(visitor())

    with pytest.raises(RuleViolated) as refused:
        _placed(visitor("v-2"), kept=ALSO_KEPT)

    assert refused.value.code == "out_of_stock"
    assert [o.number for o in Order.objects.all()] == [first.number]


def test_an_authorised_payment_binds_the_order_once(shop: object) -> None:
    placed = _placed(visitor())

    _authorise(placed.payment_key)
    subscribers.on_payment_authorised({"key": placed.payment_key, "reference": placed.number})

    order = Order.objects.get(number=placed.number)
    assert (order.state, order.accepted_at, order.payment_open) == ("accepted", AT, False)
    assert PaymentEffect.objects.get().kind == "capture"
    assert OutboxEvent.objects.filter(name="OrderAccepted").count() == 1
    assert StockHold.objects.get(key=order.number).state == "committed"
    assert StockRecord.objects.filter(num_in_stock=PIECES - 1, num_allocated=0).count() == 1


def test_a_declined_payment_leaves_the_order_to_be_paid_again(shop: object) -> None:
    owner = customer()
    placed = _placed(owner)
    PaymentAttempt.objects.update(state=PaymentState.DECLINED)

    subscribers.on_payment_declined(
        {"key": placed.payment_key, "reference": placed.number, "reason": "card_declined"}
    )

    view = order_view(owner, number=placed.number)
    assert (view.summary.state, view.payment_problem) == (
        OrderState.AWAITING_PAYMENT,
        "card_declined",
    )
    again = payment.pay_again(owner, number=placed.number)
    assert again == f"{placed.number}/pay/2" == payment.pay_again(owner, number=placed.number)
    _authorise(again)
    assert Order.objects.get().state == "accepted"


def test_an_order_that_nobody_pays_ends_and_gives_everything_back(shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    placed = place_order(owner, code=code, checkout=checkout_for(owner, code))

    with business_time_fixed(AT + timedelta(hours=23)):
        subscribers.on_order_hold_due({"number": placed.number})
    assert Order.objects.get().state == "awaiting_payment"
    with business_time_fixed(AT + timedelta(hours=24)):
        subscribers.on_order_hold_due({"number": placed.number})
        subscribers.on_order_hold_due({"number": placed.number})

        order = Order.objects.get()
        assert (order.state, order.end_reason) == ("cancelled", "awaiting_payment_too_long")
        assert not StockRecord.objects.exclude(num_allocated=0).exists()
        assert not Number.objects.exclude(state=NumberState.FREE).exists()
        assert Cart.objects.get(code=code).state == "open"

        again = place_order(owner, code=code, checkout=checkout_for(owner, code))
        assert again.number != placed.number


def test_money_that_comes_after_the_end_goes_back(shop: object) -> None:
    placed = _placed(visitor())
    with business_time_fixed(AT + timedelta(hours=25)):
        subscribers.on_order_hold_due({"number": placed.number})

    _authorise(placed.payment_key)

    assert Order.objects.get().state == "cancelled"
    assert PaymentEffect.objects.get().kind == "cancel"


def test_what_a_visitor_put_together_becomes_the_customers(shop: object) -> None:
    code = bundle_cart(visitor(), handset=handset())
    owner = customer()

    subscribers.on_visitor_identified({"visitor_key": "v-1", "party_id": owner.party_id})

    assert carts.open_cart(owner) == code


def test_another_customer_sees_nothing_of_an_order(shop: object) -> None:
    placed = _placed(customer())
    other = customer("Paul Durand")

    assert orders_of(other) == ()
    with pytest.raises(Exception, match="no such order") as refused:
        order_view(other, number=placed.number)
    assert getattr(refused.value, "code", "") == "unknown_order"


def test_what_is_to_be_paid_is_read_in_two_statements(
    shop: object, django_assert_num_queries: Any
) -> None:
    number = _placed(customer()).number
    with django_assert_num_queries(2):
        charges = order_charges(number)
    assert sum(item.taken_out for item in charges.items) == 0 < len(charges.items)


def test_placing_ten_lines_takes_twenty_nine_statements(
    shop: object, django_assert_num_queries: Any
) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    group = Cart.objects.get(code=code).items.get(role="plan").group
    fits_all = [
        o.code
        for o in current_snapshot().of_kind(Kind.ACCESSORY)
        if o.characteristics.get("fits") == "all"
    ]
    for accessory in sorted(fits_all)[:4]:
        carts.choose(owner, code=code, group=group, role="accessory", offering=accessory)
    for content in sorted(o.code for o in current_snapshot().of_kind(Kind.CONTENT))[:3]:
        carts.choose(owner, code=code, group=group, role="content", offering=content)
    checkout = checkout_for(owner, code)
    assert Cart.objects.get(code=code).items.count() == 10

    with django_assert_num_queries(29):
        place_order(owner, code=code, checkout=checkout)


def test_a_thousand_promotions_take_no_query_more_than_ten(shop: object) -> None:
    counts = []
    for release, promotions in ((2, 10), (3, 1000)):
        _with_promotions(promotions, release=release)
        owner = customer(f"Owner{release} Martin")
        code = bundle_cart(owner, handset=handset())
        checkout = checkout_for(owner, code)
        with CaptureQueriesContext(connection) as queries:
            place_order(owner, code=code, checkout=checkout)
        counts.append(len(queries))

    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_two_parallel_calls_make_one_order(committed_shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    checkout = checkout_for(owner, code)
    together, numbers = Barrier(2), []

    def place() -> None:
        with business_time_fixed(AT):
            together.wait()
            numbers.append(place_order(owner, code=code, checkout=checkout).number)
        connection.close()

    threads = [Thread(target=place) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(numbers) == 2
    assert len(set(numbers)) == 1
    assert Order.objects.count() == PaymentAttempt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_learnt_of_a_line_waits_for_nobody_who_has_locked_its_order(
    committed_shop: object,
) -> None:
    """Who holds the order waits for the line next: each would wait for the other."""
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    placed = place_order(owner, code=code, checkout=checkout_for(owner, code))
    line = OrderItem.objects.filter(order__number=placed.number).earliest("pk")

    def learn() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        facts = {line.line_id: {"iccid": "8933"}}
        record_item_facts(order_number=placed.number, facts=facts)
        connection.close()

    other = Thread(target=learn)
    with transaction.atomic():
        Order.objects.select_for_update().get(number=placed.number)
        other.start()
        other.join()

    line.refresh_from_db()
    assert line.facts["iccid"] == "8933"


def _with_promotions(count: int, *, release: int) -> None:
    """A new release with that many promotions, each for some plan or other."""
    document = Release.objects.get(number=1).document
    document["promotions"] = [
        {
            "code": f"p{n}",
            "name": {"fr": f"p{n}", "en": f"p{n}"},
            "when": {"fact": "plan.code", "is": "horizon-130" if n < 5 else f"plan-{n}"},
            "benefits": [
                {
                    "target": {"fact": "line.kind", "is": "plan"},
                    "charge": "recurring",
                    "kind": "amount_off",
                    "value": "1",
                }
            ],
        }
        for n in range(count)
    ]
    digest = f"{count:064}"
    Release.objects.create(number=release, document=document, digest=digest, published_at=AT)
    forget_snapshots()


def _raise_prices(*, of: str, charge_kind: str) -> None:
    """A new release in which the charges of an offering cost a euro more."""
    document = Release.objects.get(number=1).document
    offering = next(o for o in document["offerings"] if o["code"] == of)
    for charge in offering["charges"]:
        if charge["kind"] == charge_kind:
            charge["amount"] = str(Money.of(charge["amount"]).amount + 1)
    Release.objects.create(number=2, document=document, digest="2" * 64, published_at=AT)
    forget_snapshots()


def test_a_number_is_kept_by_one_order_until_that_is_given_up(shop: object) -> None:
    first = _placed(customer())
    with pytest.raises(RuleViolated) as refused:
        _placed(customer("Dominique Petit"))
    assert refused.value.code == "port_under_way"
    assert Number.objects.get(msisdn=KEPT.msisdn.replace(" ", "")).state == NumberState.PORTING

    owner = customer("Sasha Roche")
    code = bundle_cart(owner, handset=handset())
    cancel_order(replace(owner, party_id=first.party_id), number=first.number)
    carts.choose_number(owner, code=code, line_id=_plan_line(code), choice=KEPT)
    assert place_order(owner, code=code, checkout=checkout_for(owner, code)).number != first.number


def test_two_orders_that_kept_a_number_at_the_same_time_do_not_both_stand(shop: object) -> None:
    """The cart is checked when the number is said; the order when it is placed."""
    one, two = customer(), customer("Dominique Petit")
    codes = [bundle_cart(owner, handset=handset()) for owner in (one, two)]
    for owner, code in zip((one, two), codes, strict=True):
        carts.choose_number(owner, code=code, line_id=_plan_line(code), choice=KEPT)
    place_order(one, code=codes[0], checkout=checkout_for(one, codes[0]))
    with pytest.raises(RuleViolated) as refused:
        place_order(two, code=codes[1], checkout=checkout_for(two, codes[1]))
    assert refused.value.code == "port_under_way"
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("line_has", "left"),
    [("0639980001", []), ("", []), ("0639981234", [NumberState.PORTED_IN])],
    ids=["a new number instead", "the porting was skipped", "it came, as an operator knows"],
)
def test_a_number_that_did_not_come_is_not_kept_for_ever(
    shop: object, line_has: str, left: list[str]
) -> None:
    placed = _placed(customer(), deliver_to=HOME)
    line = OrderItem.objects.get(role="plan")
    OrderItem.objects.filter(pk=line.pk).update(facts={"msisdn": line_has})
    announced = Number.objects.filter(msisdn="0639981234")
    assert announced.get().state == NumberState.PORTING
    for _ in range(2):
        with business_time_fixed(AT):
            activate_items(order_number=placed.number, group=line.group)
    assert list(announced.values_list("state", flat=True)) == left
