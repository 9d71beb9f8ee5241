"""Money of an order that the provider refuses to move comes before an operator, who decides."""

from collections.abc import Callable

import pytest
from django.test import Client

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role, StaffKind
from commerce.accounts.models import StaffRole
from commerce.events.models import Delivery, WorkState
from commerce.events.pump import drain
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import Forbidden
from commerce.ordering import subscribers as ordering
from commerce.ordering.models import Order, OrderStep
from commerce.ordering.services import refused_money
from commerce.ordering.services.place import PlacedOrder, place_order
from commerce.payments.models import EffectState, PaymentAttempt, PaymentEffect
from commerce.payments.selectors import payment, refused_effects
from commerce.payments.services import effects
from commerce.payments.services.checkout import refresh
from orchestration.models import Plan
from subscriptions.models import Invoice
from tests.factories import UserFactory
from tests.integration.ordering.conftest import at
from tests.integration.ordering.conftest import shop as stall
from tests.integration.ordering.people import bundle_cart, checkout_for, customer
from tests.integration.payments.conftest import Shop

__all__ = ["at", "stall"]
NAME = "Olivia Operator"
Refuse = Callable[[], PlacedOrder]


@pytest.fixture
def operator() -> Client:
    user = UserFactory.create(email="olivia@faisceau.example")
    StaffRole.objects.create(user=user, kind=StaffKind.OPERATOR)
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def refuse(stall: object, shop: Shop) -> Refuse:
    """An order that is accepted and whose capture the bank refuses; work on it has not begun."""

    def order() -> PlacedOrder:
        owner = customer()
        code = bundle_cart(owner, handset="ardoval-x2-128-lilas")
        placed = place_order(owner, code=code, checkout=checkout_for(owner, code))
        key = placed.payment_key
        with business_time_fixed(machine_now()):  # the provider lives in real time
            assert shop.pay(key) == 303
        refresh(key=key)
        ordering.on_payment_authorised({"key": key, "reference": placed.number})
        shop.sandbox.plant("/capture$", "error", status=402)
        effect = PaymentEffect.objects.get()
        effects.carry_out({"effect_id": effect.pk})
        Delivery.objects.filter(subscriber="orchestration.accepted").update(state=WorkState.RUNNING)
        drain()
        return placed

    return order


def begin_work() -> None:
    Delivery.objects.filter(subscriber="orchestration.accepted").update(state=WorkState.PENDING)
    drain()


def decided(operator: Client, decision: str, *, note: str = "") -> str:
    (waiting,) = refused_effects()
    answer = operator.post(
        f"/ops/payments/{waiting.id}/", {"decision": decision, "note": note}, follow=True
    )
    drain()
    return answer.content.decode()


def history(number: str) -> list[tuple[str, str, str]]:
    steps = OrderStep.objects.filter(order__number=number).order_by("pk")
    return [(step.reason, step.actor_name, step.note) for step in steps][-2:]


def test_it_is_on_the_operators_pages_with_its_cause(refuse: Refuse, operator: Client) -> None:
    placed = refuse()
    (waiting,) = refused_effects()
    assert (waiting.kind, waiting.reference, waiting.amount, waiting.reason) == (
        "capture",
        placed.number,
        placed.gross,
        "card_declined",
    )
    page = operator.get("/ops/payments/").content.decode()
    assert (placed.number in page, "The bank refused" in page) == (True, True)
    home = operator.get("/ops/").content.decode()
    assert f"/ops/payments/#payment-{waiting.id}" in home
    order = operator.get(f"/ops/orders/{placed.number}/").content.decode()
    assert "the money could not be taken" in order


def test_trying_again_takes_the_money_once(refuse: Refuse, operator: Client, shop: Shop) -> None:
    placed = refuse()
    begin_work()
    assert "The payment is tried again." in decided(operator, "try_again")
    assert shop.effects(placed.payment_key) == [("authorised", 23500), ("captured", 23500)]
    assert payment(placed.payment_key).state == "settled"
    assert refused_effects() == ()
    who = OrderStep.objects.get(reason="payment_try_again").actor_name
    assert (who, Order.objects.get().payment_problem) == ("olivia@faisceau.example", "")


def test_what_is_refused_again_waits_again(refuse: Refuse, operator: Client, shop: Shop) -> None:
    placed = refuse()
    shop.sandbox.plant("/capture$", "error", status=402)
    decided(operator, "try_again")
    (again,) = refused_effects()
    assert PaymentEffect.objects.get().key == f"{placed.payment_key}/capture/1/again/2"
    decided(operator, "try_again")
    assert shop.effects(placed.payment_key) == [("authorised", 23500), ("captured", 23500)]
    assert again.reference == placed.number


def test_an_order_that_nobody_began_is_cancelled_and_the_money_freed(
    refuse: Refuse, operator: Client, shop: Shop
) -> None:
    placed = refuse()
    assert "Cancel the order" in operator.get("/ops/payments/").content.decode()
    said = decided(operator, "cancel_order", note="The customer agrees.")
    assert "the authorisation is given back" in said
    begin_work()
    assert [kind for kind, _ in shop.effects(placed.payment_key)] == ["authorised", "cancelled"]
    assert (Order.objects.get().state, payment(placed.payment_key).state) == (
        "cancelled",
        "cancelled",
    )
    assert (Plan.objects.count(), Invoice.objects.count(), refused_effects()) == (0, 0, ())
    assert not Delivery.objects.exclude(state=WorkState.DONE).exists()
    assert history(placed.number) == [
        ("payment_refused", "olivia@faisceau.example", ""),
        ("payment_cancel_order", "olivia@faisceau.example", "The customer agrees."),
    ]


def test_an_order_under_way_is_not_cancelled_and_keeps_waiting(
    refuse: Refuse, operator: Client
) -> None:
    refuse()
    begin_work()
    page = operator.get("/ops/payments/").content.decode()
    assert "cancel_order" not in page
    assert "has begun" in decided(operator, "cancel_order", note="Please.")
    assert (len(refused_effects()), Order.objects.get().state) == (1, "in_progress")


def test_settled_otherwise_needs_a_reason_and_is_final(refuse: Refuse, operator: Client) -> None:
    placed = refuse()
    (waiting,) = refused_effects()
    assert "Write a note that says why" in decided(operator, "settled_otherwise")
    decided(operator, "settled_otherwise", note="Paid by transfer.")
    assert [(each.kind, each.state) for each in PaymentEffect.objects.order_by("pk")] == [
        ("capture", EffectState.GIVEN_UP),
        ("cancel", EffectState.DONE),
    ]
    assert PaymentAttempt.objects.get().state == "cancelled"
    assert history(placed.number)[-1] == (
        "payment_settled_otherwise",
        "olivia@faisceau.example",
        "Paid by transfer.",
    )
    late = operator.post(f"/ops/payments/{waiting.id}/", {"decision": "try_again"}, follow=True)
    assert "no longer waits for a decision" in late.content.decode()


def test_money_that_the_provider_holds_no_more_is_named(
    refuse: Refuse, operator: Client, shop: Shop
) -> None:
    placed = refuse()
    intent = PaymentAttempt.objects.get().intent_id
    shop.sandbox.client().v1.payment_intents.cancel(intent)
    decided(operator, "try_again")
    (waiting,) = refused_effects()
    assert (waiting.reference, waiting.reason) == (
        placed.number,
        "payment_intent_unexpected_state",
    )
    assert "holds no such money" in operator.get("/ops/payments/").content.decode()


def test_nobody_but_an_operator_decides(refuse: Refuse) -> None:
    refuse()
    (waiting,) = refused_effects()
    agent = AccountContext(
        actor=Actor(ActorKind.AGENT, 1, NAME),
        party_id=None,
        role=Role.AGENT,
        channel=Channel.CALL_CENTRE,
    )
    with pytest.raises(Forbidden):
        refused_money.decide(agent, effect_id=waiting.id, remedy=refused_money.Remedy.TRY_AGAIN)
    assert len(refused_effects()) == 1
