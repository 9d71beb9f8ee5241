"""One bundle of an accepted order ends, then the other: pieces, money and states, each once."""

from decimal import Decimal

import pytest
from oscar.apps.partner.models import StockRecord

from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import business_now
from commerce.kernel.codec import to_plain
from commerce.kernel.money import Money
from commerce.ordering.models import Order
from commerce.ordering.services import unwinding
from commerce.ordering.services.fulfilment import start_fulfilment
from commerce.ordering.services.holds import promotion_key
from commerce.ordering.services.place import place_order
from commerce.ordering.services.unwinding import bundle_unwound, due_once
from commerce.payments.models import PaymentEffect
from commerce.payments.ports import Outcome, PaymentReport
from commerce.payments.services.outcome import note_report
from orchestration.domain.states import PlanState
from orchestration.models import Plan
from orchestration.subscribers import UNWOUND, on_plan_cancelled, on_plan_completed
from promotions.domain.benefits import Benefit, BenefitKind
from promotions.models import PromotionTally, PromotionUse
from subscriptions.domain.charges import AgreedCharge
from tests.integration.orchestration.test_http_billing import authorise
from tests.integration.ordering.conftest import PIECES, at, shop
from tests.integration.ordering.people import bundle_cart, checkout_for, customer, two_bundles_cart

__all__ = ["at", "shop"]
HANDSET = "ardoval-x2-128-lilas"


def in_stock() -> int:
    found: int = StockRecord.objects.get(partner_sku=HANDSET).num_in_stock
    return found


@pytest.mark.django_db
def test_one_bundle_goes_back_and_then_the_other(shop: object) -> None:
    owner = customer()
    code = two_bundles_cart(owner, handset=HANDSET)
    number = place_order(owner, code=code, checkout=checkout_for(owner, code)).number
    order = Order.objects.get(number=number)
    authorise(order.payment_key)
    note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))
    start_fulfilment(order_number=number)
    first, second = sorted(set(order.items.values_list("group", flat=True)))
    assert in_stock() == PIECES - 2

    for _ in range(2):
        bundle_unwound(order_number=number, group=first)
        order.refresh_from_db()
        assert (order.state, in_stock()) == ("in_progress", PIECES - 1)
        paid_back = list(
            PaymentEffect.objects.filter(kind="refund").values_list("amount", flat=True)
        )
        assert paid_back == [due_once(order, groups=[first]).amount]
    states = dict(order.items.values_list("group", "state"))
    assert states == {first: "cancelled", second: "planned"}

    for _ in range(2):
        bundle_unwound(order_number=number, group=second)
    order.refresh_from_db()
    assert (order.state, order.end_reason, in_stock()) == (
        "cancelled",
        "cancelled_under_way",
        PIECES,
    )
    refunds = PaymentEffect.objects.filter(kind="refund").values_list("amount", flat=True)
    assert sum(refunds, Decimal(0)) == order.gross
    told = OutboxEvent.objects.filter(name__endswith="OrderCancelled", payload__number=number)
    assert told.count() == 1


@pytest.mark.django_db
def test_a_bundle_whose_end_is_told_late_is_not_taken_for_delivered(shop: object) -> None:
    """The other bundle is in service already, and its word comes first."""
    owner = customer()
    code = two_bundles_cart(owner, handset=HANDSET)
    number = place_order(owner, code=code, checkout=checkout_for(owner, code)).number
    order = Order.objects.get(number=number)
    authorise(order.payment_key)
    note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))
    start_fulfilment(order_number=number)
    cancelled, served = sorted(set(order.items.values_list("group", flat=True)))
    now = business_now()
    for group, state in ((cancelled, PlanState.CANCELLED), (served, PlanState.COMPLETED)):
        Plan.objects.create(
            order_number=number, group=group, party_id=1, release=1, created_at=now, state=state
        )

    on_plan_completed({"order_number": number, "group": served})
    order.refresh_from_db()
    states = dict(order.items.values_list("group", "state"))
    assert (order.state, states) == ("in_progress", {cancelled: "planned", served: "active"})

    on_plan_cancelled({"order_number": number, "group": cancelled})
    order.refresh_from_db()
    states = dict(order.items.values_list("group", "state"))
    assert (order.state, states) == ("completed", {cancelled: "cancelled", served: "active"})
    refund = PaymentEffect.objects.get(kind="refund")
    assert refund.amount == due_once(order, groups=[cancelled]).amount


@pytest.mark.django_db
def test_the_end_of_a_bundle_waits_for_a_payment_on_its_way(shop: object) -> None:
    owner = customer()
    code = two_bundles_cart(owner, handset=HANDSET)
    number = place_order(owner, code=code, checkout=checkout_for(owner, code)).number
    order = Order.objects.get(number=number)
    authorise(order.payment_key)
    start_fulfilment(order_number=number)
    group, other = sorted(set(order.items.values_list("group", flat=True)))
    told = {"order_number": number, "group": group}

    for _ in range(3):
        on_plan_cancelled(told)
    assert set(order.items.values_list("state", flat=True)) == {"planned"}
    waiting = Timer.objects.get(handler=UNWOUND)
    assert (waiting.payload, waiting.clock) == (told, "machine")

    note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))
    on_plan_cancelled(waiting.payload)
    assert dict(order.items.values_list("group", "state")) == {group: "cancelled", other: "planned"}
    refund = PaymentEffect.objects.get(kind="refund")
    assert refund.amount == due_once(order, groups=[group]).amount


@pytest.mark.django_db
def test_the_shares_of_lines_are_together_what_the_card_paid(
    shop: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three lines of 8.33 without tax: 10.00 each alone, but 29.99 together."""
    owner = customer()
    order = Order.objects.get(
        number=place_order(
            owner,
            code=(code := bundle_cart(owner, handset=HANDSET)),
            checkout=checkout_for(owner, code),
        ).number
    )
    order.gross = Decimal("29.99")
    monkeypatch.setattr(unwinding, "_gross", lambda order, lines: Money.of("10.00"))
    shares = unwinding.shares_of_money(order)
    assert list(shares.values()) == [Money.of(10), Money.of(10), Money.of("9.99")]


@pytest.mark.django_db
def test_what_a_promotion_gave_to_one_bundle_alone_can_be_had_again(shop: object) -> None:
    owner = customer()
    code = two_bundles_cart(owner, handset=HANDSET)
    number = place_order(owner, code=code, checkout=checkout_for(owner, code)).number
    order = Order.objects.get(number=number)
    authorise(order.payment_key)
    note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))
    start_fulfilment(order_number=number)
    first, second = order.items.filter(role="plan").order_by("group")
    for item, codes in ((first, ("once", "both")), (second, ("both",))):
        given = tuple(Benefit(each, BenefitKind.PERCENT_OFF, Decimal(10)) for each in codes)
        charge = AgreedCharge(item.line_id, "plan", True, Money.of(20), "telecom", benefits=given)
        item.agreed = to_plain((charge,))
        item.save()
    for each in ("once", "both"):
        PromotionTally.objects.create(code=each, total=5, taken=1)
        PromotionUse.objects.create(
            promotion=each, key=promotion_key(order), state="redeemed", until=business_now()
        )

    bundle_unwound(order_number=number, group=first.group)

    assert dict(PromotionUse.objects.values_list("promotion", "state")) == {
        "once": "released", "both": "redeemed",
    }  # fmt: skip
    assert dict(PromotionTally.objects.values_list("code", "taken")) == {"once": 0, "both": 1}
