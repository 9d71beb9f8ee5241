"""A customer withdraws before everything has arrived: what has not left is not sent any more."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.db.models import Sum
from oscar.apps.partner.models import StockRecord

from catalogue.selectors import forget_snapshots
from commerce.accounts.kinds import RequestKind
from commerce.accounts.services.requests import Statement, receive_request
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed
from commerce.notifications.models import Message
from commerce.ordering.domain.numbering import NumberChoice
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.selectors import cart_view
from commerce.ordering.services import carts
from commerce.ordering.services.place import place_order
from commerce.ordering.services.withdrawing import quote_withdrawal, withdraw, withdrawable
from commerce.ordering.subscribers import on_subscription_activated
from commerce.payments.models import PaymentEffect
from commerce.payments.ports import Outcome, PaymentReport
from commerce.payments.services.outcome import note_report
from orchestration import actions
from orchestration.adapters.local_billing import LocalBilling
from orchestration.boards import late_orders, told_day
from orchestration.domain.jeopardy import Colour
from orchestration.models import Effect, Plan, Porting, ProviderCallback, Task
from orchestration.porting import calls
from orchestration.selectors import tracking
from orchestration.services.advance import advance
from orchestration.services.jeopardy import look_over
from orchestration.services.making_way import CLEAR, begin, on_clear_due
from orchestration.services.plans import create_plans
from orchestration.subscribers import on_plan_cancelled, on_plan_completed
from subscriptions.models import Invoice, Subscription
from tests.integration.orchestration.test_http_billing import authorise
from tests.integration.orchestration.test_porting import AT, NUMBER
from tests.integration.orchestration.test_temporary_number import Outside
from tests.integration.ordering.conftest import PIECES, open_shop
from tests.integration.ordering.people import KEPT, bundle_cart, checkout_for, customer
from tests.integration.ordering.test_carts import handset


class Case:
    """Camille's paid order of a phone and a line with an eSIM."""

    def __init__(self, outside: Outside, *, choice: NumberChoice | None) -> None:
        self.outside, self.at = outside, AT
        self.who = customer()
        code = bundle_cart(self.who, handset=handset())
        if choice is not None:
            lines = cart_view(self.who, code=code).quote.lines
            plan = next(line.id for line in lines if line.role == "plan")
            carts.choose_number(self.who, code=code, line_id=plan, choice=choice)
        order = place_order(self.who, code=code, checkout=checkout_for(self.who, code))
        self.number = order.number
        authorise(order.payment_key)
        note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))
        self.group = OrderItem.objects.get(role="plan").group
        self.paid = str(Order.objects.get().gross)
        self.withdrawal = ""

    def go_on(self, number: str = "") -> Plan:
        """The order's plan as far as it goes, or that of the order `number`."""
        plan = Plan.objects.get(order_number=number or self.number)
        with business_time_fixed(self.at):
            advance(plan_id=plan.pk)
        plan.refresh_from_db()
        return plan

    def hear(self, action: str, kind: str, **data: object) -> None:
        self.at += timedelta(minutes=1)
        effect = Effect.objects.get(task__action=action, task__plan__order_number=self.number)
        ProviderCallback.objects.create(
            callback_id=kind, provider=action.partition(".")[0], request_key=effect.key,
            type=kind, occurred_at=self.at, data=data, received_at=self.at,
        )  # fmt: skip
        self.go_on()

    def shipped(self) -> None:
        self.hear("logistics.ship", "shipment.picked")
        self.hear("logistics.ship", "shipment.shipped", carrier="C", tracking_number="T-1")

    def withdraw(self) -> None:
        with business_time_fixed(self.at):
            shown = quote_withdrawal(self.who, number=self.number, group=self.group)
            digest = shown.digest()
            placed = withdraw(self.who, number=self.number, group=self.group, digest=digest)
            self.withdrawal = placed.number
            begin(order_number=self.withdrawal)
        self.look()

    def look(self) -> None:
        with business_time_fixed(self.at):
            on_clear_due(Timer.objects.get(handler=CLEAR).payload)

    def called(self, *names: str) -> list[str]:
        return [name for name, _ in self.outside.asked if name in names]

    @property
    def states(self) -> dict[str, str]:
        return dict(Order.objects.values_list("number", "state"))

    @property
    def tasks(self) -> dict[str, str]:
        """Of the withdrawal."""
        found = Task.objects.filter(plan__order_number=self.withdrawal)
        return dict(found.values_list("key", "state"))

    @property
    def comes_back(self) -> list[str]:
        items = OrderItem.objects.filter(order__number=self.withdrawal).order_by("position")
        return list(items.values_list("role", flat=True))


Start = Callable[[NumberChoice | None], Case]


@pytest.fixture
def start(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    outside, billing = Outside(), LocalBilling()
    monkeypatch.setattr(actions, "provider", lambda p: billing if p == "billing" else outside)
    monkeypatch.setattr(calls, "provider", lambda port: outside)
    with business_time_fixed(AT):
        forget_snapshots()
        open_shop()

        def begun(choice: NumberChoice | None) -> Case:
            return Case(outside, choice=choice)

        yield begun
        forget_snapshots()


def paid_back() -> str:
    return str(PaymentEffect.objects.filter(kind="refund").aggregate(Sum("amount"))["amount__sum"])


def test_an_order_without_a_plan_is_simply_taken_back(start: Start) -> None:
    case = start(None)
    assert list(withdrawable(case.who, number=case.number)) == [case.group]
    case.withdraw()
    assert set(case.states.values()) == {"cancelled", "completed"}
    assert case.states[case.withdrawal] == "completed"
    assert (case.outside.asked, paid_back()) == ([], case.paid)
    codes = list(
        Message.objects.filter(code__startswith="withdrawal").values_list("code", flat=True)
    )
    assert sorted(codes) == ["withdrawal_confirmed", "withdrawal_undone"]


def test_what_has_not_left_is_taken_back_as_a_whole_and_paid_back_once(start: Start) -> None:
    case = start(KEPT)
    create_plans(order_number=case.number)
    case.go_on()
    with business_time_fixed(case.at):
        shown = quote_withdrawal(case.who, number=case.number, group=case.group)
    assert (len(shown.coming), shown.things, str(shown.refund.amount)) == (3, (), case.paid)
    case.withdraw()
    acknowledged = Message.objects.get(code="withdrawal_confirmed").text
    assert "Ce qui n'est pas encore parti est annulé." in acknowledged
    case.look()
    assert case.states[case.withdrawal] == "accepted"
    assert case.go_on().state == "cancelled"
    # Ordering has not heard of it yet: nothing that was never sent is asked back.
    case.look()
    assert (case.states[case.withdrawal], case.comes_back) == ("accepted", ["handset"])
    assert case.tasks == {"way": "awaiting"}
    assert sorted(case.called("ship", "port_in", "cancel", "cancel_order", "activate")) == [
        *("cancel", "cancel", "cancel_order", "port_in", "ship"),
    ]
    for _ in range(2):
        on_plan_cancelled({"order_number": case.number, "group": case.group})
    case.look()
    assert case.states == {case.number: "cancelled", case.withdrawal: "completed"}
    assert (case.tasks, case.go_on(case.withdrawal).state) == ({"way": "done"}, "completed")
    assert (paid_back(), Porting.objects.get().state) == (case.paid, "cancelled")
    bill, credit = Invoice.objects.order_by("pk")
    assert credit.gross == -bill.gross
    assert Message.objects.filter(code="withdrawal_confirmed").count() == 1


def test_a_parcel_on_its_way_comes_back_and_the_number_stays_where_it_is(start: Start) -> None:
    case = start(KEPT)
    create_plans(order_number=case.number)
    case.go_on()
    case.shipped()
    case.withdraw()
    assert case.tasks == {"way": "awaiting"}
    case.go_on()
    assert sorted(case.called("cancel", "cancel_order", "activate")) == ["cancel", "cancel_order"]
    assert Porting.objects.get().state == "cancelled"
    case.look()
    assert case.comes_back == ["handset"]
    lines = OrderItem.objects.filter(order__number=case.number)
    assert dict(lines.values_list("role", "state")) == {
        "plan": "cancelled", "sim": "cancelled", "handset": "planned",
    }  # fmt: skip
    assert Task.objects.get(plan__order_number=case.withdrawal, key__endswith=".back").lines == [
        OrderItem.objects.get(order__number=case.withdrawal).line_id
    ]
    case.hear("logistics.ship", "shipment.delivered", delivered_at="2026-11-25T10:00:00+00:00")
    on_plan_completed({"order_number": case.number, "group": case.group})
    assert case.states[case.number] == "completed"
    Task.objects.filter(plan__order_number=case.withdrawal, key__endswith=".sent").update(
        state="done"
    )
    case.go_on(case.withdrawal)
    bill, *notes = Invoice.objects.order_by("pk")
    assert sum(credit.gross for credit in notes) == -bill.gross
    assert paid_back() == case.paid
    assert StockRecord.objects.get(partner_sku=handset()).num_in_stock == PIECES - 1


def test_a_number_after_its_cut_off_comes_first_and_its_line_ends_then(start: Start) -> None:
    """What it waits for stands on the boards, and it is late if that takes too long."""
    case = start(KEPT)
    create_plans(order_number=case.number)
    case.go_on()
    case.hear("porting.port_in", "port.scheduled", date="2026-11-30", slot="08:00-12:00")
    case.at = datetime.fromisoformat("2026-11-29T20:30:00+01:00")
    case.withdraw()
    case.go_on()
    case.look()
    (step,) = tracking(case.withdrawal)
    assert (step.code, step.state, step.orders) == ("way_clear", "running", (case.number,))
    assert told_day(case.withdrawal) is None
    look_over(now=case.at + timedelta(hours=71))
    (late,) = [each for each in late_orders() if each.order_number == case.withdrawal]
    assert (late.colour, late.key, late.orders) == (Colour.RED, "way", (case.number,))
    assert not Message.objects.filter(reference__startswith=f"{case.withdrawal}/late").exists()
    # The phone is not sent any more; the number can't be stopped.
    assert case.called("cancel", "cancel_order", "end") == ["cancel"]
    assert case.states[case.withdrawal] == "accepted"
    case.hear("porting.port_in", "port.completed", msisdn=NUMBER)
    case.hear("network.activate", "line.activated", line_id="lin_000001")
    assert case.go_on().state == "completed"
    on_plan_completed({"order_number": case.number, "group": case.group})
    case.look()
    assert case.comes_back == ["plan"]
    case.go_on(case.withdrawal)
    assert Plan.objects.get(order_number=case.withdrawal).colour == Colour.GREEN
    contract = Subscription.objects.get()
    assert (contract.status, contract.msisdn) == ("ended", NUMBER)
    assert (case.called("end"), paid_back()) == (["end"], case.paid)


def test_a_line_in_service_ends_and_its_phone_is_not_sent_any_more(start: Start) -> None:
    """On the day on which that was stated in writing, though it was carried out later."""
    case = start(None)
    create_plans(order_number=case.number)
    case.go_on()
    case.hear("network.activate", "line.activated", line_id="lin_000001")
    told = {"order_number": case.number, "group": case.group, "party_id": case.who.party_id}
    on_subscription_activated(told)
    with business_time_fixed(case.at):
        said = Statement(RequestKind.WITHDRAW, "Camille", "camille@example.test", case.number)
        receive_request(said, context=case.who, party_id=case.who.party_id)
    stated_on = case.at.date()
    case.at += timedelta(days=2)
    with business_time_fixed(case.at):
        shown = quote_withdrawal(case.who, number=case.number, group=case.group)
    assert [name.in_("fr") for name in shown.coming] == ["Ardoval A7 128 Go Lilas"]
    case.withdraw()
    assert case.go_on().state == "completed"
    case.look()
    assert case.comes_back == ["plan"]
    case.go_on(case.withdrawal)
    assert case.called("cancel", "end", "announce_return") == ["cancel", "end"]
    contract = Subscription.objects.get()
    assert (contract.status, contract.ended_on) == ("ended", stated_on)
    assert paid_back() == case.paid
    assert StockRecord.objects.get(partner_sku=handset()).num_in_stock == PIECES
