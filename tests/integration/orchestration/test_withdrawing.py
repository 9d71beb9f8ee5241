"""A customer withdraws: the line stops, things come back and are looked at, the money goes back."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from oscar.apps.partner.models import StockRecord
from pytest_django.fixtures import Settings

from catalogue.models import Number
from commerce.accounts.identity import AccountContext
from commerce.events.models import Delivery, Timer, WorkState
from commerce.events.pump import drain
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.notifications.models import Message
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import carts
from commerce.ordering.services.place import place_order
from commerce.ordering.services.withdrawing import quote_withdrawal, withdraw, withdrawable
from commerce.payments.models import PaymentEffect
from commerce.payments.ports import Outcome, PaymentReport
from commerce.payments.services.outcome import note_report
from orchestration import actions
from orchestration.adapters import client
from orchestration.services.desk import ASK, OVERDUE
from orchestration.services.plans import ADVANCE
from subscriptions.models import Invoice, Subscription, SubscriptionChange
from tests.integration.orchestration.test_http_billing import authorise
from tests.integration.ordering.conftest import AT, PIECES, at, committed_shop
from tests.integration.ordering.people import bundle_cart, checkout_for, customer
from tests.integration.sandbox_providers.harness import API_KEY, Receiver, Sandbox, wait_for

__all__ = ["at", "committed_shop"]
PHONE = "celanthe-c6-128-glacier"
REFURBISHED = "celanthe-c6-reconditionne-128-glacier"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Sandbox]:
    """Providers that do everything at once; what they call back is asked for."""
    receiver = Receiver()
    sandbox = Sandbox(
        tmp_path_factory.mktemp("providers"), callback_url=receiver.url, pace="instant"
    )
    settings.PROVIDERS_URL, settings.PROVIDERS_API_KEY = sandbox.url, API_KEY
    client._http.cache_clear()
    actions.provider.cache_clear()
    yield sandbox
    client._http.cache_clear()
    actions.provider.cache_clear()
    sandbox.stop()
    receiver.stop()


def completed(number: str) -> None:
    def carried_on() -> bool:
        Timer.objects.filter(handler__in=[ADVANCE, ASK, OVERDUE]).update(due_at=machine_now())
        drain()
        busy = Delivery.objects.exclude(state=WorkState.DONE).exists()
        return not busy and Order.objects.get(number=number).state == "completed"

    wait_for(carried_on)


def bought(code: str, owner: AccountContext) -> str:
    """Ordered, paid, delivered and in service."""
    order = place_order(owner, code=code, checkout=checkout_for(owner, code))
    authorise(order.payment_key)
    note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))
    completed(order.number)
    return order.number


def happened(outside: Sandbox, *names: str) -> dict[str, int]:
    ledger = outside.http.get("/_control/ledger?parts=by_identity").json()["by_identity"]
    found = Counter[str]()
    for entry in ledger:
        found[entry["identity"][0]] += entry["effects"]
    return {name: found[name] for name in names}


def test_a_line_with_a_phone_is_withdrawn_from_and_settled_to_the_cent(
    committed_shop: object, outside: Sandbox
) -> None:
    owner = customer()
    number = bought(bundle_cart(owner, handset=PHONE, plan="horizon-130"), owner)
    group = OrderItem.objects.get(order__number=number, role="plan").group
    imei = Subscription.objects.get().imei
    assert imei
    paid = Order.objects.get(number=number).gross
    price = Decimal("129.00")
    with business_time_fixed(AT + timedelta(days=5)):
        shown = quote_withdrawal(owner, number=number, group=group)
        assert shown.days_are_paid
        assert (shown.refund.amount, [str(t.price.amount) for t in shown.things]) == (
            paid, [str(price)],
        )  # fmt: skip
        # Its first months are free; what days cost is tested with the subscriptions.
        assert {str(bill.after.amount) for bill in shown.bills} == {"0.00"}
        with pytest.raises(Conflict):
            withdraw(owner, number=number, group=group, digest="0" * 64)
        with pytest.raises(NotFound):
            quote_withdrawal(customer("Somebody Else"), number=number, group=group)
        placed = withdraw(owner, number=number, group=group, digest=shown.digest(), declared="worn")
        with pytest.raises(RuleViolated) as again:
            quote_withdrawal(owner, number=number, group=group)
        assert again.value.code == "withdrawn_already"
        completed(placed.number)

        contract = Subscription.objects.get()
        change = SubscriptionChange.objects.get()
        assert (contract.status, str(contract.ended_on), contract.imei) == (
            "ended", "2026-11-28", "",
        )  # fmt: skip
        assert (change.kind, change.facts["imei_before"]) == ("withdraw", imei)
        assert Number.objects.get(msisdn=contract.msisdn).state == "quarantine"
    assert happened(outside, "end", "return") == {"end": 1, "return": 1}
    # All of it goes back; a fifth of the phone's price is billed for wear.
    worn = (price / 5).quantize(Decimal("0.01"))
    credit = Invoice.objects.get(kind="credit_note", key__startswith="credit:")
    assert credit.gross == -paid
    bill = Invoice.objects.get(lines__charge="wear")
    assert (bill.kind, bill.gross, bill.order_number) == ("order", worn, number)
    assert bill.lines.get().amount == worn
    refund = PaymentEffect.objects.get(kind="refund")
    assert refund.amount == paid
    assert StockRecord.objects.get(partner_sku=REFURBISHED).num_in_stock == PIECES + 1
    codes = set(Message.objects.values_list("code", flat=True))
    assert {
        "withdrawal_confirmed", "return_label", "withdrawal_settled", "return_looked_at",
    } <= codes  # fmt: skip
    told = Message.objects.get(code="return_looked_at").text
    assert "25,80 €" in told


def test_a_thing_alone_comes_back_and_its_days_count_from_its_arrival(
    committed_shop: object, outside: Sandbox
) -> None:
    owner = customer()
    code = carts.open_cart(owner)
    carts.add_line(owner, code=code, offering="chargeur-30w", quantity=2)
    number = bought(code, owner)
    group = OrderItem.objects.get(order__number=number).group
    with business_time_fixed(AT + timedelta(days=30)):
        assert withdrawable(owner, number=number) == {}
    shown = quote_withdrawal(owner, number=number, group=group)
    assert withdrawable(owner, number=number) == {group: shown.last_day}
    assert (shown.subscription_id, shown.bills, shown.ends) == (None, (), ())
    placed = withdraw(owner, number=number, group=group, digest=shown.digest())
    completed(placed.number)
    bill, credit = Invoice.objects.order_by("pk")
    assert credit.gross == -bill.gross
    assert PaymentEffect.objects.get(kind="refund").amount == bill.gross
    assert happened(outside, "return", "end") == {"return": 1, "end": 0}


def test_a_parcel_that_is_lost_on_its_way_back_costs_nothing(
    committed_shop: object, outside: Sandbox
) -> None:
    owner = customer()
    code = carts.open_cart(owner)
    carts.add_line(owner, code=code, offering="chargeur-30w")
    number = bought(code, owner)
    group = OrderItem.objects.get(order__number=number).group
    shown = quote_withdrawal(owner, number=number, group=group)
    outside.plant(provider="warehouse", operation="^return ", kind="lost_parcel")
    placed = withdraw(owner, number=number, group=group, digest=shown.digest(), declared="damaged")
    completed(placed.number)
    assert OrderItem.objects.get(order__number=placed.number).facts["grade"] == "lost"
    bill, credit = Invoice.objects.order_by("pk")
    assert credit.gross == -bill.gross
    assert PaymentEffect.objects.get(kind="refund").amount == bill.gross
    assert "Plus rien n'est dû." in Message.objects.get(code="return_looked_at").text
